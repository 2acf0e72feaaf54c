/**
 * Nobody keeps others out: not from another address, and not from its own.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  keepConnected,
  type RequestServerOptions,
  startUpServer,
  type StartUpServerOptions,
  type StreamServer,
  type Wire,
  WireError,
} from "../../mod.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { framed, hello } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { SERVER_TLS } from "../_transports.ts";
import {
  CROWD,
  Crowd,
  ELSEWHERE,
  hasTwoAddresses,
  streamFrom,
  wireFrom,
} from "./_crowd.ts";

const functions = { echo: (x: unknown) => x };
/** Longer than any test, in milliseconds: nobody gets in by patience. */
const NEVER = 2 ** 31 - 1;
/** The first bytes of a frame, and of a record of TLS. */
const BEGUN = new Uint8Array([0, 0, 0, 60]);
const BEGUN_TLS = new Uint8Array([22, 3, 1, 2, 0, 1]);
/** A peer that greets and pings. */
const GREETING = framed(
  hello(),
  { kind: "accept" },
  { kind: "ping", token: 1 },
);

interface Serving extends AsyncDisposable {
  readonly port: number;
  readonly errors: WireError[];
}

function wires(options: RequestServerOptions = {}): Serving & {
  server: ReturnType<typeof createRequestServer>;
} {
  const errors: WireError[] = [];
  const server = createRequestServer(0, null, {
    hostname: "0.0.0.0",
    functions,
    onError: (error) => errors.push(error as WireError),
    ...options,
  });
  return {
    server,
    errors,
    port: server.port,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function streams(
  options: StartUpServerOptions = {},
): Serving & { server: StreamServer } {
  const errors: WireError[] = [];
  const server = startUpServer({
    service: 0,
    address: "0.0.0.0",
    async function(stream) {
      for await (const line of stream) stream.writeLine(line);
    },
    onError: (error) => errors.push(error as WireError),
    ...options,
  });
  return {
    server,
    errors,
    port: server.port,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Comes from an address, is served, and goes. */
async function isServed(
  port: number,
  from: string,
  options: Parameters<typeof wireFrom>[2] = {},
): Promise<void> {
  const wire = await wireFrom(port, from, options);
  assertEquals(await wire.remoteValue.echo("in"), "in");
  await wire.close();
}

/** The same of a server of streams. */
async function isAnswered(
  port: number,
  from: string,
  isTls = false,
): Promise<void> {
  const { socket, end } = await streamFrom(port, from, isTls);
  const answer = new Promise((resolve) =>
    socket.once("data", (bytes) => resolve(String(bytes)))
  );
  socket.write("in\n");
  assertEquals(await answer, "in\n");
  end();
}

/** Does something again and again until it comes off, as one is told to. */
async function untilDone<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch {
      await pause();
    }
  }
}

/** Tests that need a second address. */
const testOfTwo: typeof test = hasTwoAddresses ? test : Deno.test.ignore;

for (const count of [64, 1_000]) {
  testOfTwo(
    `${count} silent sockets of an address keep nobody out`,
    async () => {
      // By patience alone, nobody would get in.
      await using serving = wires({ limits: { hello: NEVER } });
      await using crowd = new Crowd();
      await crowd.come(serving.port, count);
      for (const from of [ELSEWHERE, CROWD]) await isServed(serving.port, from);
      assertEquals(crowd.open, count);
      assertEquals(serving.server.turnedAway, 0);
    },
  );
}

testOfTwo("silent sockets keep nobody out of a server with TLS", async () => {
  await using serving = wires({ limits: { hello: NEVER }, tls: SERVER_TLS });
  await using crowd = new Crowd();
  await crowd.come(serving.port, 300);
  for (const from of [ELSEWHERE, CROWD]) {
    await isServed(serving.port, from, { isTls: true });
  }
  assertEquals(crowd.open, 300);
});

for (const isTls of [false, true]) {
  const what = isTls ? "TLS handshakes" : "hellos";
  const options = isTls ? { tls: SERVER_TLS } : {};

  testOfTwo(
    `${what} that stall by the hundred keep nobody of another address out`,
    async () => {
      await using serving = wires({ ...options, limits: { hello: NEVER } });
      await using crowd = new Crowd();
      await crowd.come(serving.port, 300, isTls ? BEGUN_TLS : BEGUN);
      await isServed(serving.port, ELSEWHERE, { isTls });
      assertEquals(crowd.open, 300);
    },
  );

  testOfTwo(
    `${what} that stall by the hundred have to go for others of their address`,
    async () => {
      await using serving = wires({ ...options, limits: { hello: 2_000 } });
      await using crowd = new Crowd();
      await crowd.come(serving.port, 200, isTls ? BEGUN_TLS : BEGUN);
      await untilDone(() => isServed(serving.port, CROWD, { isTls }));
    },
  );
}

testOfTwo(
  "1,000 that greet and ping leave room for other addresses",
  async () => {
    await using serving = wires();
    await using crowd = new Crowd();
    await crowd.come(serving.port, 1_000, GREETING);
    while (serving.server.wires.size < 1_000) await pause();
    await isServed(serving.port, ELSEWHERE);
    const error = await assertRejects(
      () => wireFrom(serving.port, CROWD),
      WireError,
    ) as WireError;
    assertEquals(error.code, "busy");
    assert(error.message.includes('"wiresPerAddress"'), error.message);
    // Who was served has closed, and the server is about to notice.
    while (serving.server.wires.size > 1_000) await pause();
    assertEquals(serving.server.wires.size, 1_000);
  },
);

testOfTwo(
  "who greets and pings goes for others of the address, and hears busy",
  async () => {
    await using serving = wires({
      limits: { wires: 300, wiresPerAddress: 100, yieldAfter: 1 },
    });
    await using crowd = new Crowd();
    await crowd.come(serving.port, 100, GREETING);
    while (serving.server.wires.size < 100) await pause();
    const ends = [...serving.server.wires].map((wire) => wire.closed);
    await isServed(serving.port, CROWD);
    const end = await Promise.race(ends);
    assertEquals(end.code, "busy");
    // Who was served has closed, and the server is about to notice.
    while (serving.server.wires.size > 99) await pause();
    assertEquals(serving.server.wires.size, 99);
    const [told] = serving.errors;
    assert(told?.message.includes('"yieldAfter"'), told?.message);
  },
);

testOfTwo(
  "a full server takes a seat from the address that has the most",
  async () => {
    await using serving = wires({ limits: { wires: 12, yieldAfter: 1 } });
    await using crowd = new Crowd();
    await crowd.come(serving.port, 10, GREETING);
    while (serving.server.wires.size < 10) await pause();
    const quiet = [
      await wireFrom(serving.port, ELSEWHERE),
      await wireFrom(serving.port, ELSEWHERE),
    ];
    await isServed(serving.port, ELSEWHERE);
    assertEquals(quiet.map((wire) => wire.ended), [undefined, undefined]);
    await Promise.all(quiet.map((wire) => wire.close()));
  },
);

testOfTwo(
  "who does something keeps its seat, and so does who waits for something",
  async () => {
    const never = Promise.withResolvers<void>();
    await using serving = wires({
      limits: { wires: 4, yieldAfter: 1 },
      functions: {
        ...functions,
        wait: () => never.promise,
        // deno-lint-ignore require-yield
        async *stream() {
          await never.promise;
        },
        keep: (callBack: unknown) => void kept.push(callBack),
      },
    });
    const kept: unknown[] = [];
    const all = await Promise.all(
      Array.from({ length: 4 }, () => wireFrom(serving.port, CROWD)),
    );
    const [waits, streams, listens, silent] = all as [Wire, Wire, Wire, Wire];
    const waiting = waits.remoteValue.wait();
    const stream = await streams.remoteValue.stream() as AsyncIterable<unknown>;
    await listens.remoteValue.keep(() => {});
    await isServed(serving.port, ELSEWHERE);
    assertEquals((await silent.closed).code, "busy");
    assertEquals(
      [waits, streams, listens].map((wire) => wire.ended),
      [undefined, undefined, undefined],
    );
    never.resolve();
    await waiting;
    for await (const _ of stream);
    await Promise.all(all.map((wire) => wire.close()));
  },
);

testOfTwo("keepConnected() comes again when its wire had to go", async () => {
  await using serving = wires({ limits: { wires: 1, yieldAfter: 1 } });
  const lost: string[] = [];
  const wasLost = Promise.withResolvers<void>();
  const kept = keepConnected(() => wireFrom(serving.port, CROWD), {
    backoff: { least: 1, most: 1 },
    onLost(reason) {
      lost.push(reason.code);
      wasLost.resolve();
    },
  });
  assertEquals(await kept.remoteValue.echo(1), 1);
  const other = await untilDone(() => wireFrom(serving.port, ELSEWHERE));
  await wasLost.promise;
  assertEquals(lost[0], "busy");
  // Both want the only seat: it goes to and fro.
  assertEquals(await kept.remoteValue.echo(2), 2);
  await Promise.all([kept.close(), other.close()]);
});

test("silent clients of CMUCL's protocol give way to others", async () => {
  const dialect = cmucl();
  const server = createRequestServer(0, null, {
    dialect,
    functions,
    limits: { wires: 2, yieldAfter: 1 },
    onError() {},
  });
  const where = { hostname: ELSEWHERE, port: server.port };
  const silent = [await Deno.connect(where), await Deno.connect(where)];
  while (server.wires.size < 2) await pause();
  const wire = await connectToRemoteServer(ELSEWHERE, server.port, undefined, {
    dialect,
  });
  assertEquals(await wire.remoteValue.echo(42), 42);
  await wire.close();
  for (const conn of silent) conn.close();
  await server.shutdown();
});

test("a crowd on a Unix socket keeps nobody out", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/wire.sock`;
  const server = createRequestServer(0, null, {
    path,
    functions,
    limits: { hello: NEVER },
    onError() {},
  });
  const silent = await Promise.all(
    Array.from(
      { length: 300 },
      () => Deno.connect({ transport: "unix", path }),
    ),
  );
  const wire = await connectToRemoteServer("", 0, undefined, { path });
  assertEquals(await wire.remoteValue.echo("in"), "in");
  await wire.close();
  for (const conn of silent) conn.close();
  await server.shutdown();
  await Deno.remove(folder, { recursive: true });
});

testOfTwo(
  "thousands that never say hello keep nobody out, and are not kept",
  async () => {
    await using serving = wires();
    const crowd: Deno.Conn[] = [];
    let open = 0;
    const { port } = serving;
    const count = Math.min(10_000, mostSockets());
    const come = async () => {
      while (crowd.length < count) {
        const conn = await Deno.connect({ hostname: ELSEWHERE, port });
        crowd.push(conn);
        open++;
        readAll(conn).then(() => open--);
      }
    };
    await Promise.all(Array.from({ length: 20 }, come));
    for (const from of [CROWD, ELSEWHERE]) await isServed(port, from);
    // Those that wait, those that have begun, and those that are told to go.
    while (open > 4_096 + 64 + 64) await pause();
    for (const conn of crowd) conn.close();
  },
);

/** Reads a connection to its end. */
async function readAll(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1_000);
  while (await conn.read(buffer).catch(() => null) !== null);
}

testOfTwo(
  "silent clients of an address leave a server of streams to others",
  async () => {
    await using serving = streams({
      maxConnections: 60,
      connectionsPerAddress: 30,
      yieldAfter: NEVER,
    });
    await using crowd = new Crowd();
    await crowd.come(serving.port, 100);
    while (serving.server.processes.length < 31) await pause();
    await isAnswered(serving.port, ELSEWHERE);
    assertEquals(crowd.open, 100);
  },
);

for (const isTls of [false, true]) {
  const what = isTls ? "a server of streams over TLS" : "a server of streams";
  const tls = isTls ? SERVER_TLS : undefined;

  testOfTwo(`${what} lets silent clients go when others wait`, async () => {
    await using serving = streams({ maxConnections: 4, yieldAfter: 1, tls });
    const silent = await Promise.all(
      Array.from(
        { length: 4 },
        () => streamFrom(serving.port, CROWD, isTls),
      ),
    );
    while (serving.server.processes.length < 5) await pause();
    for (const from of [CROWD, ELSEWHERE]) {
      await isAnswered(serving.port, from, isTls);
    }
    assertEquals(serving.errors[0]?.code, "busy");
    for (const { end } of silent) end();
  });
}

testOfTwo(
  "TLS handshakes that stall keep nobody out of a server of streams",
  async () => {
    await using serving = streams({
      tls: SERVER_TLS,
      handshakeTimeout: NEVER,
    });
    await using crowd = new Crowd();
    await crowd.come(serving.port, 300, BEGUN_TLS);
    await isAnswered(serving.port, ELSEWHERE, true);
    assertEquals(crowd.open, 300);
  },
);

test("a function that is at work keeps its connection, however silent that is", async () => {
  const work = Promise.withResolvers<void>();
  let begun = 0;
  await using serving = streams({
    maxConnections: 2,
    yieldAfter: 1,
    async function(stream) {
      const line = await stream.readLine();
      if (line === "work") {
        begun++;
        await work.promise;
      }
      await stream.writeLine(line ?? "");
    },
  });
  const workers = await Promise.all(
    Array.from({ length: 2 }, async () => {
      const conn = await Deno.connect({
        hostname: ELSEWHERE,
        port: serving.port,
      });
      await conn.write(new TextEncoder().encode("work\n"));
      return conn;
    }),
  );
  while (begun < 2) await pause();
  const waiting = isAnswered(serving.port, ELSEWHERE);
  for (let look = 0; look < 30; look++) await pause();
  work.resolve();
  await waiting;
  for (const conn of workers) {
    const answer = new Uint8Array(10);
    const size = await conn.read(answer) ?? 0;
    assertEquals(new TextDecoder().decode(answer.subarray(0, size)), "work\n");
    conn.close();
  }
});

/** How many sockets this process may open for a crowd, both ends counted. */
function mostSockets(): number {
  const { stdout } = new Deno.Command("sh", { args: ["-c", "ulimit -Hn"] })
    .outputSync();
  const text = new TextDecoder().decode(stdout).trim();
  const most = text === "unlimited" ? Infinity : Number(text);
  return Math.floor((most - 5_000) / 1.1);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}
