import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  connectToRemoteServer,
  keepConnected,
  openTcpStream,
  WireError,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { CLIENT_TLS, SERVER_TLS } from "../_transports.ts";

/** A server that accepts whoever comes, and counts who is still there. */
class Counting implements AsyncDisposable {
  /** Connections that came. */
  came = 0;
  /** Those of them that are open. */
  open = 0;
  readonly #listener: Deno.Listener;
  readonly #conns = new Set<Deno.Conn>();
  readonly #done: Promise<unknown>[] = [];

  constructor(listener: Deno.Listener) {
    this.#listener = listener;
    this.#done.push(this.#accept());
  }

  /** Waits until nobody is there; false where somebody stays. */
  async isLeft(): Promise<boolean> {
    for (let wait = 0; wait < 500; wait++) {
      if (this.open === 0) return true;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return false;
  }

  async #accept(): Promise<void> {
    for (;;) {
      const conn = await this.#listener.accept().catch(() => undefined);
      if (conn === undefined) return;
      this.came++;
      this.open++;
      this.#conns.add(conn);
      this.#done.push(this.#read(conn));
    }
  }

  async #read(conn: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(1024);
    try {
      while (await conn.read(buffer) !== null);
    } catch {
      // Reset, or closed at the end of the test.
    }
    this.open--;
    if (this.#conns.delete(conn)) conn.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) {
      this.#conns.delete(conn);
      conn.close();
    }
    for (const done of this.#done) await done;
  }
}

const TCP = { hostname: "127.0.0.1", port: 0 };

/** Keeps the process busy. */
function compute(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** Gives connecting up at many moments. */
async function giveUp(
  connect: (signal: AbortSignal) => Promise<{ close(): unknown }>,
): Promise<void> {
  const one = async (abort: (controller: AbortController) => unknown) => {
    const controller = new AbortController();
    const connecting = connect(controller.signal);
    const settled = connecting.then(
      (made) => made.close(),
      (error) => assertEquals((error as WireError).code, "cancelled"),
    );
    await abort(controller);
    controller.abort();
    await settled;
  };
  for (let round = 0; round < 60; round++) {
    // Connected, and nobody has been told yet.
    await one(() => compute(round % 3));
    await one(async () => {
      for (let turn = 0; turn < round; turn++) await undefined;
    });
    await Promise.all(
      Array.from(
        { length: 5 },
        (_, n) =>
          one(() => new Promise((resolve) => setTimeout(resolve, n % 3))),
      ),
    );
  }
}

test("connectToRemoteServer() that is given up leaves no socket", async () => {
  const listener = Deno.listen(TCP);
  await using server = new Counting(listener);
  const { port } = listener.addr;
  await giveUp((signal) =>
    connectToRemoteServer("127.0.0.1", port, undefined, { signal })
  );
  assert(server.came > 0);
  assert(await server.isLeft(), `${server.open} of ${server.came} are left`);
});

test("openTcpStream() that is given up leaves no socket", async () => {
  const listener = Deno.listen(TCP);
  await using server = new Counting(listener);
  const { port } = listener.addr;
  await giveUp((signal) => openTcpStream("127.0.0.1", port, { signal }));
  assert(server.came > 0);
  assert(await server.isLeft(), `${server.open} of ${server.came} are left`);
});

test("connecting by TLS that is given up leaves no socket", async () => {
  const listener = Deno.listenTls({ ...TCP, ...SERVER_TLS });
  await using server = new Counting(listener);
  const { port } = listener.addr;
  await giveUp((signal) =>
    openTcpStream("localhost", port, { signal, tls: CLIENT_TLS })
  );
  assert(server.came > 0);
  assert(await server.isLeft(), `${server.open} of ${server.came} are left`);
});

test("TLS that is given up leaves no socket, though the peer keeps silent", async () => {
  const listener = Deno.listen(TCP);
  await using server = new Counting(listener);
  const { port } = listener.addr;
  const tls = CLIENT_TLS;
  await giveUp((signal) => openTcpStream("localhost", port, { signal, tls }));
  const slow = await assertRejects(() =>
    connectToRemoteServer("localhost", port, null, { tls, timeout: 50 })
  ) as WireError;
  assertEquals(slow.code, "timeout");
  assert(server.came > 0);
  assert(await server.isLeft(), `${server.open} of ${server.came} are left`);
});

test("keepConnected() that is closed while it connects leaves no socket", async () => {
  const listener = Deno.listen(TCP);
  await using server = new Counting(listener);
  const { port } = listener.addr;
  for (let round = 0; round < 60; round++) {
    const kept = keepConnected((signal) =>
      connectToRemoteServer("127.0.0.1", port, undefined, { signal })
    );
    await undefined;
    compute(round % 3);
    await kept.close();
  }
  assert(await server.isLeft(), `${server.open} of ${server.came} are left`);
});

test("connecting to where nobody answers is given up, and nothing goes on", async () => {
  // More wait than the queue of this listener holds: nobody is told anything.
  const listener = Deno.listen({ ...TCP, tcpBacklog: 1 });
  const { port } = listener.addr;
  const filling = new AbortController();
  const fillers = Array.from(
    { length: 5 },
    () =>
      Deno.connect({ port, hostname: TCP.hostname, signal: filling.signal }),
  );
  await Promise.race(fillers);
  const slow = await assertRejects(() =>
    connectToRemoteServer(TCP.hostname, port, undefined, { timeout: 50 })
  ) as WireError;
  assertEquals(slow.code, "timeout");
  const controller = new AbortController();
  const connecting = openTcpStream(TCP.hostname, port, {
    signal: controller.signal,
    timeout: Infinity,
  });
  setTimeout(() => controller.abort("enough"), 20);
  const cancelled = await assertRejects(() => connecting) as WireError;
  assertEquals([cancelled.code, cancelled.cause], ["cancelled", "enough"]);
  listener.close();
  filling.abort();
  for (const filler of await Promise.allSettled(fillers)) {
    if (filler.status === "fulfilled") filler.value.close();
  }
});

if (Deno.build.os !== "windows") {
  test("connecting to a Unix socket that is given up leaves no socket", async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/wire.sock`;
    const listener = Deno.listen({ transport: "unix", path });
    {
      await using server = new Counting(listener);
      await giveUp((signal) =>
        connectToRemoteServer("", 0, undefined, { path, signal })
      );
      assert(server.came > 0);
      assert(await server.isLeft(), `${server.open} of ${server.came} left`);
    }
    await Deno.remove(folder, { recursive: true });
  });

  test("connecting to a Unix socket waits for a place in its queue", async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/wire.sock`;
    const listener = Deno.listen({ transport: "unix", path });
    const conns: Deno.Conn[] = [];
    let error: unknown;
    while (error === undefined && conns.length < 10_000) {
      try {
        conns.push(await Deno.connect({ transport: "unix", path }));
      } catch (thrown) {
        error = thrown;
      }
    }
    // On a system that has too few descriptors, or other rules, it is not full.
    if (error instanceof Deno.errors.WouldBlock) {
      const late = await assertRejects(() =>
        connectToRemoteServer("", 0, undefined, { path, timeout: 30 })
      ) as WireError;
      assertEquals(late.code, "timeout");
      const connecting = connectToRemoteServer("", 0, undefined, {
        path,
        limits: { hello: 100 },
      });
      const failed = assertRejects(() => connecting);
      for (let n = 0; n <= conns.length; n++) {
        (await listener.accept()).close();
      }
      // The last one was its.
      assert(await failed instanceof WireError);
    }
    listener.close();
    for (const conn of conns) conn.close();
    await Deno.remove(folder, { recursive: true });
  });
}
