import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  createRequestServer,
  keepConnected,
  makeWire,
  type Transport,
  type WireAddress,
  type WireError,
} from "../../mod.ts";
import {
  acceptWebSocket,
  connectWebSocket,
  type ConnectWebSocketOptions,
  WEBSOCKET_PROTOCOL,
  type WebSocketLike,
  webSocketTransport,
} from "../../transports/websocket.ts";
import { FakeClock } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { serveWeb } from "./_web.ts";

const QUIET = { onError() {} };
const echo = (x: unknown) => x;

/** A WebSocket in memory, which notes what is sent. */
class Socket extends EventTarget implements WebSocketLike {
  binaryType = "blob";
  readyState = 1;
  readonly sent: (string | number)[] = [];
  readonly closed: (number | undefined)[] = [];
  send(message: string | Uint8Array): void {
    this.sent.push(typeof message === "string" ? message : message.length);
  }
  close(code?: number): void {
    this.closed.push(code);
  }
  gets(data: unknown): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
  closes(code: number, reason = ""): void {
    this.dispatchEvent(new CloseEvent("close", { code, reason }));
  }
}

const HERE = {
  transport: "websocket",
  hostname: "127.0.0.1",
  port: 1,
} as const;

test("connectWebSocket() allows the handshake the timeout, where that is longer", async () => {
  for (const [timeout, expected] of [[10_000, "timeout"], [60_000, "opened"]]) {
    const clock = new FakeClock();
    const asked = Promise.withResolvers<void>();
    const late = Promise.withResolvers<void>();
    await using server = createRequestServer(null);
    await using web = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        asked.resolve();
        await late.promise;
        return acceptWebSocket(server, request);
      },
    );
    const url = `ws://127.0.0.1:${web.addr.port}/`;
    const connecting = connectWebSocket(url, {
      clock,
      timeout: Number(timeout),
    });
    const outcome = connecting.then((wire) => {
      wire.abort();
      return "opened";
    }, ({ code }) => code);
    await asked.promise;
    await clock.advance(11_000);
    late.resolve();
    assertEquals(await outcome, expected);
  }
});

test("acceptWebSocket() and connectWebSocket() make a wire, both ways", async () => {
  const told: (WireAddress | string)[] = [];
  await using server = createRequestServer(null, (wire, address) => {
    told.push(address);
    wire.serve({
      double: (n: number) => n * 2,
      ask: () => wire.remoteValue.name(),
    });
    return { accept: true, onDeath: ({ code }) => void told.push(code) };
  }, { requireCredential: "secret" });
  await using web = serveWeb(server);
  const wire = await connectWebSocket(web.url, {
    credential: "secret",
    functions: { name: () => "a page" },
  });
  assertEquals(await wire.remoteValue.double(21), 42);
  assertEquals(await wire.remoteValue.ask(), "a page");
  assertEquals(wire.address, { ...HERE, port: web.port });
  await wire.close();
  await server.shutdown();
  const [address, code] = told;
  assertEquals((address as { hostname: string }).hostname, "127.0.0.1");
  assertEquals((address as { transport: string }).transport, "websocket");
  assertEquals(code, "closed");
});

/** Options, what the page is of, and how the server answers it. */
const ORIGINS: [readonly string[] | undefined, string | undefined, number][] = [
  [undefined, undefined, 101],
  [undefined, "http://HOST", 101],
  [undefined, "https://HOST", 101],
  [undefined, "http://evil.example", 403],
  [undefined, "null", 403],
  [["https://a.example"], "https://a.example", 101],
  [["https://a.example"], "http://a.example", 403],
  [["https://a.example"], "http://HOST", 403],
  [["https://a.example"], undefined, 101],
  [["*"], "http://evil.example", 101],
  [[], "http://HOST", 403],
];

for (const [origins, origin, status] of ORIGINS) {
  test(`acceptWebSocket() with origins ${origins} answers a page of ${origin} with ${status}`, async () => {
    const adopted: Transport[] = [];
    await using web = serveWeb(
      { adopt: (transport) => void adopted.push(transport) },
      { origins },
    );
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: web.port });
    const host = `127.0.0.1:${web.port}`;
    const lines = [
      "GET / HTTP/1.1",
      `Host: ${host}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      `Sec-WebSocket-Protocol: other, ${WEBSOCKET_PROTOCOL}`,
      ...(origin === undefined
        ? []
        : [`Origin: ${origin.replace("HOST", host)}`]),
    ];
    await conn.write(new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
    const buffer = new Uint8Array(4_096);
    const count = await conn.read(buffer);
    const answer = new TextDecoder().decode(buffer.subarray(0, count ?? 0));
    assertMatch(answer, new RegExp(`^HTTP/1.1 ${status} `));
    assertEquals(adopted.length, status === 101 ? 1 : 0);
    if (status === 101) assertMatch(answer, /protocol: remote-wire/i);
    const gone = adopted[0]?.read().catch(() => {});
    conn.close();
    await gone;
  });
}

test("acceptWebSocket() answers what is no WebSocket with 426", () => {
  const server = createRequestServer(null);
  const request = new Request("http://localhost/");
  assertEquals(acceptWebSocket(server, request).status, 426);
  return server.shutdown();
});

test("what leaves in one tick is one message, but of Deno's clients", async () => {
  const socket = new Socket();
  const wire = makeWire(webSocketTransport(socket, HERE), QUIET);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(socket.sent.length, 1);
  wire.abort();
  await new Promise((resolve) => setTimeout(resolve));
  socket.closes(1000);
  await wire.closed;

  const server = createRequestServer(null, { functions: { echo } });
  await using web = serveWeb(server);
  const near = await connectWebSocket(web.url);
  await near.remoteValue.echo(0);
  const before = near.stats();
  await Promise.all(
    Array.from({ length: 256 }, (_, n) => near.remoteValue.echo(n)),
  );
  const after = near.stats();
  // Their platform holds back what is larger than 1 KiB.
  const parts = Math.ceil((after.bytesSent - before.bytesSent) / 1024);
  assert(parts > 1);
  assertEquals(after.writes - before.writes, parts);
  await near.close();
  await server.shutdown();
});

test("a transport of a WebSocket sends in parts, and no more than the peer wants to hold", async () => {
  const socket = new Socket();
  const transport = webSocketTransport(socket, HERE);
  const bytes = new Uint8Array(1_000_000);
  let taken = 0;
  for (let write = 0; write < 4; write++) taken += await transport.write(bytes);
  const sent = socket.sent.slice();
  assert(sent.every((size) => Number(size) <= 256 * 1024), `${sent}`);
  const waiting = transport.write(bytes);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(socket.sent, sent);
  socket.gets(String(Number(sent[0]) + 64));
  await waiting;
  assertEquals(socket.sent.length, 5);
  assert(taken < 2 ** 20);
  transport.close();
  transport.close();
  assertEquals(socket.closed, [1000]);
  socket.closes(1000);
});

test("a WebSocket that keeps what it sends gets bytes of its own", async () => {
  const socket = new Socket();
  const kept: Uint8Array[] = [];
  socket.send = (message) => void kept.push(message as Uint8Array);
  const transport = webSocketTransport(socket, HERE);
  const bytes = Uint8Array.of(1, 2, 3);
  await transport.write(bytes);
  bytes.fill(0);
  assertEquals(kept, [Uint8Array.of(1, 2, 3)]);
  transport.close();
  socket.closes(1000);
});

test("a transport of a WebSocket tells what was read: soon of little, at once of much", async () => {
  const socket = new Socket();
  const transport = webSocketTransport(socket, HERE);
  socket.gets(new ArrayBuffer(10));
  assertEquals((await transport.read())!.length, 10);
  const next = transport.read();
  await new Promise((resolve) => setTimeout(resolve, 5));
  // A unit is kept, for what else there is to answer.
  assertEquals(socket.sent, ["73"]);
  socket.gets(new ArrayBuffer(300_000));
  await next;
  const last = transport.read();
  assertEquals(socket.sent, ["73", "300064"]);
  socket.gets(new ArrayBuffer(0));
  assertEquals(await last, null);
  transport.close();
  socket.closes(1000);
});

/** What a peer sends that it may not, and what becomes of the wire. */
const WRONG: Record<string, [unknown, string, RegExp]> = {
  "more than is to be held": [
    new ArrayBuffer(2 ** 20),
    "limit",
    /1048576 units/,
  ],
  "that more was read than was sent": [
    "1048577",
    "malformed",
    /says that it has read/,
  ],
  "a text": ["hello", "malformed", /has read NaN/],
  "a Blob": [new Blob(["text"]), "invalidArgument", /binaryType alone/],
  "a negative count": ["-5", "malformed", /has read NaN/],
};

for (const [what, [data, code, text]] of Object.entries(WRONG)) {
  test(`a wire ends where its WebSocket's peer sends ${what}`, async () => {
    const socket = new Socket();
    const wire = makeWire(webSocketTransport(socket, HERE), QUIET);
    socket.gets(data);
    socket.closes(1000);
    const reason = await wire.closed;
    assertEquals(reason.code, code);
    assertMatch(reason.message, text);
    assertEquals(socket.closed, [1000]);
  });
}

const CODES: [number, string, RegExp][] = [
  [1000, "", /closed the connection before its hello/],
  [1001, "", /went away: the page was left/],
  [1006, "", /code 1006 \(it was cut/],
  [1012, "back at ten", /code 1012 \(back at ten\)/],
  [4000, "", /closed with code 4000/],
];

for (const [code, reason, text] of CODES) {
  test(`a wire says why its WebSocket was closed: ${code} ${reason}`, async () => {
    const socket = new Socket();
    const wire = makeWire(webSocketTransport(socket, HERE), QUIET);
    socket.closes(code, reason);
    const error = await wire.closed;
    assertEquals(error.code, "connectionLost");
    assertMatch(error.message, text);
  });
}

const NOWHERE = "ws://127.0.0.1:1/";
const FAILURES: Record<
  string,
  [string, ConnectWebSocketOptions, string, RegExp]
> = {
  "where nobody listens": [
    NOWHERE,
    {},
    "connectionRefused",
    /127\.0\.0\.1:1\//,
  ],
  "a URL of another kind": ["ftp://localhost/", {}, "invalidArgument", /ftp/],
  "what is no URL": ["::", {}, "invalidArgument", /::/],
  "a secret that would be sent in the clear": [
    "ws://192.0.2.1/wire",
    { credential: "open sesame" },
    "invalidArgument",
    /in the clear.*192\.0\.2\.1:80.*wss:.*insecure: true/,
  ],
  "a secret of which that is meant": [
    NOWHERE,
    { credential: "open sesame", insecure: true },
    "connectionRefused",
    /Cannot connect/,
  ],
  "a signal that has aborted": [
    NOWHERE,
    { signal: AbortSignal.abort("no") },
    "cancelled",
    /was cancelled/,
  ],
  "a time that is none": [
    NOWHERE,
    { timeout: -1 },
    "invalidArgument",
    /timeout/,
  ],
  "a name that there is not": [
    NOWHERE,
    { timeuot: 1 } as ConnectWebSocketOptions,
    "invalidArgument",
    /"timeout"/,
  ],
};

for (const [what, [url, options, code, text]] of Object.entries(FAILURES)) {
  test(`connectWebSocket() names ${what}`, async () => {
    const error = await assertRejects(() =>
      connectWebSocket(url, options)
    ) as WireError;
    assertEquals(error.code, code);
    assertMatch(error.message, text);
  });
}

test("connectWebSocket() names a server that refuses, or gives no answer", async () => {
  await using server = createRequestServer(null, {
    ...QUIET,
    requireCredential: "secret",
  });
  await using web = serveWeb(server);
  const refused = await assertRejects(() =>
    connectWebSocket(web.url)
  ) as WireError;
  assertEquals(refused.code, "refused");
  assertMatch(refused.message, /Cannot connect to ws:/);
  await using picky = serveWeb(server, { origins: [] });
  const denied = await assertRejects(() =>
    connectWebSocket(picky.url, {
      protocols: ["nothing"],
    })
  ) as WireError;
  assert(
    ["refused", "connectFailed"].includes(String(denied.code)),
    String(denied),
  );
  const held: Transport[] = [];
  await using silent = serveWeb({
    adopt: (transport) => void held.push(transport),
  });
  const late = await assertRejects(() =>
    connectWebSocket(silent.url, { timeout: 50 })
  ) as WireError;
  assertEquals(late.code, "timeout");
  const reads = held.map((transport) => transport.read().catch(() => {}));
  for (const transport of held) transport.close();
  await Promise.all(reads);
});

test("keepConnected() comes back over WebSockets", async () => {
  const make = () => createRequestServer(null, { functions: { echo } });
  let server = make();
  let web = serveWeb(server);
  const { url, port } = web;
  const lost: string[] = [];
  const back = Promise.withResolvers<void>();
  let connected = 0;
  await using kept = keepConnected(() => connectWebSocket(url), {
    idempotent: ["echo"],
    onLost: ({ code }) => void lost.push(code),
    onConnected: () => void (++connected === 2 && back.resolve()),
  });
  assertEquals(await kept.remoteValue.echo(1), 1);
  for (const wire of server.wires) wire.abort();
  await server.shutdown();
  await web[Symbol.asyncDispose]();
  server = make();
  web = serveWeb(server, {}, port);
  assertEquals(await kept.remoteValue.echo(2), 2);
  await back.promise;
  assertEquals(lost[0], "peerAborted");
  await kept.close();
  await server.shutdown();
  await web[Symbol.asyncDispose]();
});
