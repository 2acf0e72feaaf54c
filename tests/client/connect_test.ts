import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type ConnectOptions,
  connectToRemoteServer,
  createRequestServer,
  makeWire,
  type RequestServer,
  socketTransport,
  type WireError,
} from "../../mod.ts";
import { FakeClock } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { CLIENT_TLS, readText, SERVER_TLS } from "../_transports.ts";

function portOf(server: RequestServer): number {
  return "port" in server.address ? server.address.port : 0;
}

/** Why connecting failed. */
async function failure(connecting: Promise<unknown>): Promise<WireError> {
  return await assertRejects(() => connecting) as WireError;
}

/** A listener that accepts and says nothing. */
function silentListener(): { port: number; close(): void } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns: Deno.Conn[] = [];
  (async () => {
    try {
      for await (const conn of listener) conns.push(conn);
    } catch {
      // Closed.
    }
  })();
  return {
    port: listener.addr.port,
    close() {
      listener.close();
      for (const conn of conns) conn.close();
    },
  };
}

/** What a handshake comes to whose server says hello after 11 of its seconds. */
async function lateHello(options: ConnectOptions): Promise<string> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = listener.addr;
  const clock = new FakeClock();
  const connecting = connectToRemoteServer(hostname, port, {
    clock,
    ...options,
  });
  const outcome = connecting.then(() => "opened", ({ code }) => code);
  const socket = await listener.accept();
  // Its timers tell that its wire is there.
  while (clock.timers === 0) await new Promise((next) => setTimeout(next, 1));
  await clock.advance(11_000);
  const far = makeWire(
    socketTransport(socket, { transport: "tcp", hostname, port }),
    { onError() {} },
  );
  const code = await outcome;
  far.abort();
  await far.closed;
  return code;
}

test("connectToRemoteServer() allows the handshake the timeout, where that is longer", async () => {
  assertEquals(await lateHello({}), "timeout");
  assertEquals(await lateHello({ timeout: 60_000 }), "opened");
  assertEquals(await lateHello({ timeout: Infinity, limits: {} }), "opened");
  const limits = { hello: 5_000 };
  assertEquals(await lateHello({ timeout: 60_000, limits }), "timeout");
});

test("connectToRemoteServer() takes names, addresses and integers", async () => {
  await using server = createRequestServer(0);
  for (const host of ["localhost", "127.0.0.1", 0x7f000001]) {
    await using wire = await connectToRemoteServer(host, portOf(server));
    assert(await wire.ping() >= 0);
    assertEquals(wire.address.transport, "tcp");
  }
});

test("connectToRemoteServer() refuses what is no host or port", async () => {
  for (const host of ["", -1, 2 ** 32, 1.5, NaN]) {
    const error = await failure(connectToRemoteServer(host, 7000));
    assertEquals(error.code, "invalidArgument");
  }
  for (const port of [70_000, 0]) {
    const error = await failure(connectToRemoteServer("localhost", port));
    assertEquals(error.code, "invalidArgument");
  }
});

test("connectToRemoteServer() refuses at once what no wire could be made with", async () => {
  const cases: [unknown, unknown, string][] = [
    [{ timeout: 5 }, { timeout: 5 }, "options twice"],
    [undefined, { functions: { five: 5 } }, '"five" is not a function'],
    [undefined, { expects: { add: {} } }, "contract()"],
  ];
  for (const [onDeath, options, words] of cases) {
    const error = await failure(
      connectToRemoteServer(
        "localhost",
        7000,
        onDeath as undefined,
        options as undefined,
      ),
    );
    assertEquals(error.code, "invalidArgument");
    assert(error.message.includes(words), error.message);
  }
});

test("connectToRemoteServer() names the address that does not answer", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const error = await failure(connectToRemoteServer("127.0.0.1", port));
  assertEquals(error.code, "connectionRefused");
  assert(error.message.includes(`127.0.0.1:${port}`));
  const path = "/no/such/folder/wire.sock";
  const unix = await failure(
    connectToRemoteServer("", 0, undefined, { path }),
  );
  assertEquals(unix.code, "connectFailed");
  assert(unix.message.includes(path));
});

test("connectToRemoteServer() says so when a host is not known", async () => {
  const error = await failure(
    connectToRemoteServer("no-such-host.invalid", 7000),
  );
  assertEquals(error.code, "unknownHost");
  assert(error.message.includes("no-such-host.invalid"));
});

test("connectToRemoteServer() times out on every transport", async () => {
  const silent = silentListener();
  for (const tls of [undefined, CLIENT_TLS]) {
    const error = await failure(
      connectToRemoteServer("127.0.0.1", silent.port, undefined, {
        tls,
        timeout: 50,
      }),
    );
    assertEquals(error.code, "timeout");
    assert(error.message.includes(`127.0.0.1:${silent.port}`));
  }
  silent.close();
});

test("connectToRemoteServer() takes a signal on every transport", async () => {
  const silent = silentListener();
  for (const tls of [undefined, CLIENT_TLS]) {
    const controller = new AbortController();
    const connecting = connectToRemoteServer(
      "127.0.0.1",
      silent.port,
      undefined,
      { tls, signal: controller.signal },
    );
    controller.abort("changed my mind");
    const error = await failure(connecting);
    assertEquals(error.code, "cancelled");
    assertEquals(error.cause, "changed my mind");
    const early = await failure(
      connectToRemoteServer("127.0.0.1", silent.port, undefined, {
        tls,
        signal: AbortSignal.abort(),
      }),
    );
    assertEquals(early.code, "cancelled");
  }
  silent.close();
});

if (Deno.build.os !== "windows") {
  test("connectToRemoteServer() times out on a silent Unix socket", async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/silent.sock`;
    const listener = Deno.listen({ transport: "unix", path });
    const accepted = listener.accept();
    const error = await failure(
      connectToRemoteServer("", 0, undefined, { path, timeout: 50 }),
    );
    assertEquals(error.code, "timeout");
    assert(error.message.includes(path));
    const cancelled = await failure(
      connectToRemoteServer("", 0, undefined, {
        path,
        signal: AbortSignal.abort(),
      }),
    );
    assertEquals(cancelled.code, "cancelled");
    (await accepted).close();
    listener.close();
    await Deno.remove(folder, { recursive: true });
  });
}

test("a signal has no effect once the wire is made", async () => {
  await using server = createRequestServer(0);
  const controller = new AbortController();
  await using wire = await connectToRemoteServer(
    "127.0.0.1",
    portOf(server),
    undefined,
    { signal: controller.signal },
  );
  controller.abort();
  assert(await wire.ping() >= 0);
});

test("TLS tells a wrong name, an unknown authority and plaintext apart", async () => {
  await using server = createRequestServer(0, undefined, { tls: SERVER_TLS });
  await using plain = createRequestServer(0);
  const cases: [
    RequestServer,
    { hostname?: string; caCerts?: string[] },
    RegExp,
  ][] = [
    [server, { ...CLIENT_TLS, hostname: "example.com" }, /is for another name/],
    [server, {}, /no authority that is trusted/],
    [server, { caCerts: [readText("tls/server.pem")] }, /certificate/],
    [plain, CLIENT_TLS, /does not speak TLS/],
  ];
  for (const [target, tls, text] of cases) {
    const error = await failure(
      connectToRemoteServer("localhost", portOf(target), undefined, {
        tls,
        timeout: 5_000,
      }),
    );
    assertEquals(error.code, "tlsFailed", error.message);
    assert(text.test(error.message), error.message);
    assert(error.message.includes("localhost"));
  }
  await using wire = await connectToRemoteServer(
    "127.0.0.1",
    portOf(server),
    undefined,
    { tls: { ...CLIENT_TLS, hostname: "localhost" } },
  );
  assert(await wire.ping() >= 0);
  assertEquals(wire.address.transport, "tls");
});

test("a server that speaks HTTP is no wire", async () => {
  await using server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, () => new Response("hello"));
  const error = await failure(
    connectToRemoteServer("127.0.0.1", server.addr.port),
  );
  assert(["notAWire", "connectionLost"].includes(error.code), error.code);
  assert(error.message.includes(`127.0.0.1:${server.addr.port}`));
});

test("functions given to connectToRemoteServer() serve from the start", async () => {
  const answered = Promise.withResolvers<string>();
  await using server = createRequestServer(0, (wire) => {
    wire.opened.then(() => wire.remoteValue.name()).then(answered.resolve);
    return true;
  });
  await using _wire = await connectToRemoteServer(
    "127.0.0.1",
    portOf(server),
    undefined,
    { functions: { name: () => "client" } },
  );
  assertEquals(await answered.promise, "client");
});

test("serve() right after connectToRemoteServer() is in time", async () => {
  const answers: Promise<string>[] = [];
  await using server = createRequestServer(0, (wire) => {
    answers.push(wire.opened.then(() => wire.remoteValue.name()));
    return true;
  });
  for (let n = 0; n < 20; n++) {
    const wire = await connectToRemoteServer("127.0.0.1", portOf(server));
    wire.serve({ name: () => `client ${n}` });
    assertEquals(await answers[n]!, `client ${n}`);
    await wire.close();
  }
});

test("connectToRemoteServer() calls onDeath only for a wire that stood", async () => {
  let isWelcome = false;
  await using server = createRequestServer(0, () => isWelcome);
  const deaths: string[] = [];
  const onDeath = ({ code }: WireError) => deaths.push(code);
  const connecting = connectToRemoteServer("localhost", server.port, onDeath);
  assertEquals((await failure(connecting)).code, "refused");
  isWelcome = true;
  const wire = await connectToRemoteServer("localhost", server.port, {
    onDeath,
  });
  assertEquals(deaths, []);
  await wire.close();
  assertEquals(deaths, ["closed"]);
});

test("the end of a direction is said once: whose peer has ended closes at once", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connecting = connectToRemoteServer("127.0.0.1", listener.addr.port);
  const conn = await listener.accept();
  const ends: string[] = [];
  const far = makeWire(socketTransport({
    read: (buffer) => conn.read(buffer),
    write: (bytes) => conn.write(bytes),
    closeWrite() {
      ends.push("closeWrite");
      return conn.closeWrite();
    },
    close() {
      ends.push("close");
      conn.close();
    },
  }, { ...conn.remoteAddr as Deno.NetAddr, transport: "tcp" }));
  far.serve({ add: (a: number, b: number) => a + b });
  const near = await connecting;
  assertEquals(await near.call("add", [40, 2]), 42);
  await near.close();
  assertEquals((await far.closed).code, "closed");
  assertEquals(near.ended?.code, "closed");
  assertEquals(ends, ["close"]);
});
