import { assert, assertEquals, assertRejects } from "@std/assert";
import net from "node:net";
import {
  connectToRemoteServer,
  createRequestServer,
  keepConnected,
  openTcpStream,
  startUpServer,
  type Wire,
  WireError,
} from "../../mod.ts";
import { test } from "../_test.ts";
import { CLIENT_TLS, SERVER_TLS } from "../_transports.ts";

/** A server of some kind, and how a client is served by it. */
interface Kind {
  start(onError: (error: unknown) => void): Started;
  use(port: number): Promise<unknown>;
}

interface Started {
  readonly port: number;
  shutdown(): Promise<void>;
}

const functions = { echo: (x: unknown) => x };

async function call(port: number, tls?: typeof CLIENT_TLS): Promise<unknown> {
  await using wire = await connectToRemoteServer("localhost", port, undefined, {
    tls,
  });
  return await wire.remoteValue.echo("in");
}

async function chat(port: number, tls?: typeof CLIENT_TLS): Promise<unknown> {
  await using stream = await openTcpStream("localhost", port, { tls });
  stream.writeLine("in");
  return await stream.readLine();
}

const KINDS: Record<string, Kind> = {
  "a request server": {
    start: (onError) => createRequestServer(0, null, { functions, onError }),
    use: call,
  },
  "a request server with TLS": {
    start: (onError) =>
      createRequestServer(0, null, { functions, onError, tls: SERVER_TLS }),
    use: (port) => call(port, CLIENT_TLS),
  },
  "a stream server": {
    start: (onError) =>
      startUpServer({ service: 0, function: echoLines, onError }),
    use: chat,
  },
  "a stream server with TLS": {
    start: (onError) =>
      startUpServer({
        service: 0,
        function: echoLines,
        onError,
        tls: SERVER_TLS,
      }),
    use: (port) => chat(port, CLIENT_TLS),
  },
};

async function echoLines(
  stream: AsyncIterable<string> & { writeLine(line: string): unknown },
): Promise<void> {
  try {
    for await (const line of stream) stream.writeLine(line);
  } catch {
    // The client is gone.
  }
}

/** Connects and resets the connection, all within one turn of the server. */
function reset(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => {
      socket.resetAndDestroy();
      socket.on("close", () => resolve());
    });
    socket.on("error", reject);
  });
}

for (const [what, { start, use }] of Object.entries(KINDS)) {
  test(`${what} serves newcomers behind connections that were reset`, async () => {
    const errors: unknown[] = [];
    const server = start((error) => errors.push(error));
    await Promise.all(Array.from({ length: 60 }, () => reset(server.port)));
    assertEquals(await use(server.port), "in");
    await server.shutdown();
    // Not one report for each, but for each kind and second.
    assert(errors.length < 20, `${errors.length}`);
  });

  test(`${what} serves newcomers behind silent connections`, async () => {
    const server = start(() => {});
    const silent: Deno.Conn[] = [];
    for (let n = 0; n < 64; n++) {
      silent.push(
        await Deno.connect({ hostname: "127.0.0.1", port: server.port }),
      );
    }
    assertEquals(await use(server.port), "in");
    for (const conn of silent) conn.close();
    await server.shutdown();
  });
}

for (const what of ["a request server", "a stream server"]) {
  test(`${what} with TLS closes connections that never shake hands`, async () => {
    const { start } = KINDS[`${what} with TLS`]!;
    const server = start(() => {});
    const silent: Deno.Conn[] = [];
    for (let n = 0; n < 20; n++) {
      silent.push(
        await Deno.connect({ hostname: "127.0.0.1", port: server.port }),
      );
    }
    // The client's ends stay open all the time.
    await server.shutdown();
    for (const conn of silent) {
      assertEquals(
        await conn.read(new Uint8Array(1)).catch(() => null),
        null,
      );
    }
    for (const conn of silent) conn.close();
  });
}
test("a TLS handshake may take as long as handshakeTimeout says", async () => {
  await using server = startUpServer({
    service: 0,
    function: echoLines,
    tls: SERVER_TLS,
    handshakeTimeout: 50,
    onError() {},
  });
  using silent = await Deno.connect({
    hostname: "127.0.0.1",
    port: server.port,
  });
  // It is closed by the other side, and by nobody else.
  assertEquals(await silent.read(new Uint8Array(1)).catch(() => null), null);
});

test("a hello may take as long as the limit says, with TLS", async () => {
  await using server = createRequestServer(0, null, {
    tls: SERVER_TLS,
    limits: { hello: 50 },
    onError() {},
  });
  using silent = await Deno.connect({
    hostname: "127.0.0.1",
    port: server.port,
  });
  assertEquals(await silent.read(new Uint8Array(1)).catch(() => null), null);
});

test("200 clients at once all get in, however few may be without a hello", async () => {
  await using server = createRequestServer(0, null, {
    functions,
    limits: { wiresBeforeHello: 3 },
  });
  const clients = await Promise.all(
    Array.from({ length: 200 }, () => call(server.port)),
  );
  assertEquals(clients.every((got) => got === "in"), true);
  assertEquals(server.turnedAway, 0);
});

test("a server over its limit of wires tells its clients and its owner", async () => {
  const errors: WireError[] = [];
  const server = createRequestServer(0, null, {
    functions,
    limits: { wires: 2 },
    onError: (error) => errors.push(error as WireError),
  });
  const connect = () => connectToRemoteServer("127.0.0.1", server.port);
  const wires = [await connect(), await connect()];
  for (let n = 0; n < 5; n++) {
    const error = await assertRejects(connect, WireError) as WireError;
    assertEquals(error.code, "busy");
    assert(error.message.includes('its limit "wires"'), error.message);
  }
  assertEquals(server.turnedAway, 5);
  for (const wire of wires) await wire.close();
  await server.shutdown();
  assertEquals(errors.map(({ code }) => code), ["busy", "busy"]);
  assert(errors[1]!.message.includes("4 connections"), errors[1]!.message);
});

/** Connections whose peers say nothing. */
async function strangers(port: number, count: number): Promise<Deno.Conn[]> {
  const conns: Deno.Conn[] = [];
  while (conns.length < count) {
    conns.push(await Deno.connect({ hostname: "127.0.0.1", port }));
  }
  return conns;
}

for (const tls of [undefined, SERVER_TLS]) {
  const what = tls === undefined ? "" : " with TLS";
  const trust = tls && CLIENT_TLS;

  test(`who says no hello takes no wire's place${what}`, async () => {
    await using server = createRequestServer(0, null, {
      functions,
      tls,
      limits: { wires: 1 },
      onError() {},
    });
    const silent = await strangers(server.port, 20);
    assertEquals(await call(server.port, trust), "in");
    assertEquals(server.turnedAway, 0);
    for (const conn of silent) conn.close();
  });

  test(`a client gets in behind hundreds that say nothing${what}`, async () => {
    await using server = createRequestServer(0, null, {
      functions,
      tls,
      limits: { hello: 1_200, wiresBeforeHello: 5 },
      onError() {},
    });
    const silent = await strangers(server.port, 400);
    assertEquals(await call(server.port, trust), "in");
    for (const conn of silent) conn.close();
  });
}

test("of clients that come at a time, no more get in than there may be", async () => {
  let most = 0;
  await using server = createRequestServer(0, async () => {
    most = Math.max(most, server.wires.size);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return true;
  }, { functions, limits: { wires: 3 }, onError() {} });
  const wires: Wire[] = [];
  const codes = await Promise.all(
    Array.from({ length: 20 }, async () => {
      try {
        wires.push(await connectToRemoteServer("127.0.0.1", server.port));
        return "in";
      } catch (error) {
        return (error as WireError).code;
      }
    }),
  );
  assertEquals(codes.filter((code) => code === "in").length, 3, codes.join());
  assertEquals(codes.filter((code) => code === "busy").length, 17);
  assertEquals([server.wires.size, server.turnedAway], [3, 17]);
  assert(most <= 3, `${most}`);
  await Promise.all(wires.map((wire) => wire.close()));
  assertEquals(await call(server.port), "in");
});

test("a busy server waits for no client that does not read", async () => {
  await using server = createRequestServer(0, null, {
    functions,
    limits: { wires: 10 },
    onError() {},
  });
  const wires = await Promise.all(
    Array.from(
      { length: 10 },
      () => connectToRemoteServer("127.0.0.1", server.port),
    ),
  );
  const deaf: Deno.Conn[] = [];
  for (let n = 0; n < 70; n++) {
    deaf.push(await Deno.connect({ hostname: "127.0.0.1", port: server.port }));
  }
  const served = [...server.wires];
  await Promise.all(wires.map((wire) => wire.close()));
  await Promise.all(served.map((wire) => wire.closed));
  assertEquals(await call(server.port), "in");
  for (const conn of deaf) conn.close();
});

test("keepConnected() waits until a busy server has room", async () => {
  await using server = createRequestServer(0, null, {
    functions,
    limits: { wires: 1 },
    onError() {},
  });
  const first: Wire = await connectToRemoteServer("127.0.0.1", server.port);
  const lost: string[] = [];
  const kept = keepConnected(
    (signal) =>
      connectToRemoteServer("127.0.0.1", server.port, undefined, { signal }),
    {
      backoff: { least: 1, most: 1 },
      onLost(reason) {
        lost.push(reason.code);
        if (lost.length === 2) first.close();
      },
    },
  );
  assertEquals(await kept.remoteValue.echo("in"), "in");
  assert(lost.every((code) => code === "busy"), lost.join());
  await kept.close();
});
