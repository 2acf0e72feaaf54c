/**
 * The command `tap`: a proxy that shows what passes.
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { endpoint, endpointText } from "../../cli/_addresses.ts";
import { UsageError } from "../../cli/_command_line.ts";
import { leadsBack } from "../../cli/_loop.ts";
import { ByteProxy, type ProxyOptions } from "../../cli/_proxy.ts";
import {
  BadRecording,
  type Entry,
  readRecording,
  Recorder,
  withoutSecret,
} from "../../cli/_recording.ts";
import { detecting } from "../../cli/_tap_command.ts";
import { type Filter, TapView } from "../../cli/_tap_view.ts";
import { connectToRemoteServer, createRequestServer } from "../../mod.ts";
import { DEFAULT_LIMITS } from "../../wire/base/limits.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { ByteWriter } from "../../wire/codec/bytes.ts";
import { Encoder } from "../../wire/codec/codec.ts";
import type { Message } from "../../wire/codec/messages.ts";
import { type TappedMessage, WireTap } from "../../wire/codec/mod.ts";
import { memoryTransports } from "../../wire/mod.ts";
import {
  acceptWebSocket,
  connectWebSocket,
} from "../../transports/websocket.ts";
import { makeWire, type WireError } from "../../mod.ts";
import { framed, hello } from "../_raw_peer.ts";
import { patientRun, start, withFolder } from "../examples/_run.ts";
import { test } from "../_test.ts";

const CLI = `${import.meta.dirname}/../../cli.ts`;
const TLS = `${import.meta.dirname}/../tls`;
const HOST = "127.0.0.1";

/** Runs the command line to its end. */
async function cli(
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await patientRun(["-A", CLI, ...args], {
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** What a proxy tells of, as words. */
interface Told {
  readonly words: string[];
  readonly bytes: Record<"client" | "server", number[]>;
}

/** A proxy in front of something, and what it has told of. */
function proxied(
  target: string,
  listen = ":0",
  more: Partial<ProxyOptions> = {},
): { proxy: ByteProxy; port: number } & Told {
  const words: string[] = [];
  const bytes: Told["bytes"] = { client: [], server: [] };
  const proxy = new ByteProxy({
    listen: endpoint(listen, "LISTEN", true),
    target: endpoint(target, "TARGET"),
    own: undefined,
    tls: undefined,
    timeout: 10_000,
    witness: {
      opened: (wire) => void words.push(`${wire} opened`),
      passed: (_, from, chunk) => void bytes[from].push(...chunk),
      ended: (wire, from) => void words.push(`${wire} ${from} ended`),
      closed: (wire, why) => void words.push(`${wire} closed ${why ?? "well"}`),
    },
    ...more,
  });
  const port = Number(/:(\d+)\/?$/.exec(proxy.address)?.[1]);
  return { proxy, port, words, bytes };
}

const FUNCTIONS = { add: (a: number, b: number) => a + b };

/** Waits until something is so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("endpoint() reads addresses of every kind", () => {
  for (
    const [word, text] of [
      ["localhost:7000", "localhost:7000"],
      [":7000", "localhost:7000"],
      ["[::1]:7000", "[::1]:7000"],
      ["unix:/tmp/a:b", "unix:/tmp/a:b"],
      ["ws://a.example/x", "ws://a.example/x"],
    ] as const
  ) assertEquals(endpointText(endpoint(word, "TARGET")), text);
  assertEquals(endpointText(endpoint(":0", "LISTEN", true)), "127.0.0.1:0");
  for (
    const word of ["", "x", ":0", "a:70000", "unix:", "http://a/", "ws://"]
  ) {
    assertThrows(() => endpoint(word, "TARGET"), UsageError);
  }
});

test("a proxy passes on every byte, both ways, and the ends of both", async () => {
  await using server = createRequestServer(0, { functions: FUNCTIONS });
  const { proxy, port, words, bytes } = proxied(`${HOST}:${server.port}`);
  const wire = await connectToRemoteServer(HOST, port, {
    functions: { half: (n: number) => n / 2 },
  });
  assertEquals(await wire.call("add", [40, 2]), 42);
  const [there] = server.wires;
  assertEquals(await there!.call("half", [84]), 42);
  await wire.close();
  await until(() => words.length === 4);
  assertEquals(words[0], "1 opened");
  assertEquals(words.slice(1, 3).sort(), ["1 client ended", "1 server ended"]);
  assertEquals(words[3], "1 closed well");
  const { bytesSent, bytesReceived } = wire.stats();
  assertEquals(
    [bytes.client.length, bytes.server.length],
    [bytesSent, bytesReceived],
  );
  await proxy.close();
});

test("a proxy lets a side that does not read slow the other", async () => {
  const listener = Deno.listen({ hostname: HOST, port: 0 });
  const { proxy, port, bytes } = proxied(`${HOST}:${listener.addr.port}`);
  const [client, server] = await Promise.all([
    Deno.connect({ hostname: HOST, port }),
    listener.accept(),
  ]);
  const chunk = new Uint8Array(1024 * 1024);
  let sent = 0;
  const sending = (async () => {
    try {
      while (sent < 512 * 1024 * 1024) sent += await client.write(chunk);
    } catch {
      // It was closed in the end.
    }
  })();
  // As long as more goes in, wait; what fits into buffers is not very much.
  for (let before = -1; before !== sent;) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  assert(sent < 256 * 1024 * 1024, `${sent} bytes were taken`);
  assert(sent - bytes.client.length < 64 * 1024 * 1024);
  bytes.client.length = 0;
  client.close();
  server.close();
  await sending;
  listener.close();
  await proxy.close();
});

test("a proxy whose target does not answer says so, and closes", async () => {
  const listener = Deno.listen({ hostname: HOST, port: 0 });
  const target = `${HOST}:${listener.addr.port}`;
  listener.close();
  const { proxy, port, words } = proxied(target);
  const client = await Deno.connect({ hostname: HOST, port });
  assertEquals(await client.read(new Uint8Array(1)), null);
  client.close();
  await until(() => words.length === 2);
  assertMatch(words[1]!, /^1 closed Cannot connect to .*nobody listens there/);
  await proxy.close();
});

test("a proxy ends TLS on its side, and speaks it to its target", async () => {
  const read = (name: string) => Deno.readTextFileSync(`${TLS}/${name}`);
  const own = { cert: read("server.pem"), key: read("server.key") };
  await using server = createRequestServer(0, {
    functions: FUNCTIONS,
    tls: own,
  });
  const tls = { caCerts: [read("ca.pem")] };
  const { proxy, port } = proxied(`localhost:${server.port}`, ":0", {
    own,
    tls,
  });
  const wire = await connectToRemoteServer("localhost", port, { tls });
  assertEquals(await wire.call("add", [40, 2]), 42);
  await wire.close();
  await proxy.close();
});

test("a proxy listens on a Unix socket, which goes with it", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/tap.sock`;
    await using server = createRequestServer(0, { functions: FUNCTIONS });
    const { proxy } = proxied(`${HOST}:${server.port}`, `unix:${path}`);
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
    const error = assertThrows(() => proxied(":1", `unix:${path}`));
    assertEquals((error as WireError).code, "addressInUse");
    const wire = await connectToRemoteServer("", 0, { path });
    assertEquals(await wire.call("add", [40, 2]), 42);
    await wire.close();
    await proxy.close();
    assertThrows(() => Deno.statSync(path), Deno.errors.NotFound);
  });
});

test("a proxy passes WebSockets on", async () => {
  await using server = createRequestServer(null, { functions: FUNCTIONS });
  const web = Deno.serve(
    { hostname: HOST, port: 0, onListen() {} },
    (request) => acceptWebSocket(server, request),
  );
  const { proxy, words } = proxied(
    `ws://${HOST}:${web.addr.port}/`,
    `ws://${HOST}:0/`,
    // No timer waits that long by itself.
    { timeout: 2 ** 40 },
  );
  const wire = await connectWebSocket(proxy.address);
  assertEquals(await wire.call("add", [40, 2]), 42);
  await wire.close();
  await until(() => words.some((word) => word.startsWith("1 closed")));
  const plain = await fetch(proxy.address.replace("ws:", "http:"));
  assertEquals(plain.status, 426);
  await plain.body?.cancel();
  await proxy.close();
  await web.shutdown();
});

/** What a view makes of messages. */
function lines(
  messages: [number, Partial<TappedMessage>][],
  filter: Filter = {},
  look: { isJson?: boolean; columns?: number; hasColors?: boolean } = {},
): string[] {
  const found: string[] = [];
  const { isJson = false, hasColors = false, columns } = look;
  const view = new TapView(
    { filter, isJson, hasColors, columns: () => columns },
    {
      isFull: false,
      isStuffed: false,
      skip() {},
      add: (line) => void found.push(line),
    },
  );
  for (const [wire, message] of messages) {
    view.message(wire, {
      direction: "sent",
      time: 0,
      kind: "call",
      size: 12,
      name: "add",
      id: 0,
      fields: { args: [1], deadline: 0 },
      ...message,
    });
  }
  return found;
}

test("TapView shows what is wanted", () => {
  const all: [number, Partial<TappedMessage>][] = [
    [1, {}],
    [2, { name: "users.get" }],
    [2, { name: "users.get", kind: "return", direction: "received" }],
    [3, { kind: "ping", name: undefined }],
  ];
  const count = (filter: Filter) => lines(all, filter).length;
  assertEquals(count({}), 4);
  assertEquals(count({ names: ["add"] }), 1);
  assertEquals(count({ names: ["users.*", "add"] }), 3);
  assertEquals(count({ names: ["usersXget"] }), 0);
  assertEquals(count({ kinds: ["ping", "return"] }), 2);
  assertEquals(count({ direction: "to-client" }), 1);
  assertEquals(count({ wires: [2, 3] }), 3);
  assertEquals(count({ wires: [2], kinds: ["call"] }), 1);
});

test("TapView makes harmless lines that are no wider than the terminal", () => {
  const evil = "\x1b[2J\x9b\u202e\r\n\x07";
  const messages: [number, Partial<TappedMessage>][] = [
    [1, { name: evil, fields: { args: [evil, { [evil]: 1 }], deadline: 0 } }],
    [2, { fields: { args: ["\u6f22\ud83d\ude00".repeat(50)], deadline: 0 } }],
    [3, { kind: "throw", fields: { thrown: new Error(evil.repeat(50)) } }],
    [4, { kind: "return", latency: 12.34, fields: { value: "x".repeat(200) } }],
  ];
  for (const columns of [40, 80, 120]) {
    for (const line of lines(messages, {}, { columns })) {
      // deno-lint-ignore no-control-regex -- these are what is looked for
      assertNotMatch(line, /[\x00-\x1f\x7f-\x9f\u202e]/);
      const wide = line.match(/[\u6f22]|\ud83d\ude00/gu)?.length ?? 0;
      assert([...line].length + wide <= columns, line);
    }
  }
  const [last] = lines(messages.slice(3), {}, { columns: 80 });
  assertMatch(last!, /x…" \(12\.3 ms\)$|x… \(12\.3 ms\)$/);
  const [json] = lines(messages, {}, { isJson: true });
  // deno-lint-ignore no-control-regex -- these are what is looked for
  assertNotMatch(json!, /[\x00-\x1f\x7f-\x9f\u202e]/);
  assertEquals(JSON.parse(json!).fields.args[0], evil);
  const [painted] = lines([[1, {}]], {}, { hasColors: true });
  assert(painted!.includes("\x1b[36m→\x1b[0m"));
});

test("LiveLines leaves out what comes too fast, and tells how much", async () => {
  const path = `${import.meta.dirname}/_flood.ts`;
  const { stdout } = await patientRun(["-A", path], { stdin: "null" }).output();
  const found = new TextDecoder().decode(stdout).trimEnd().split("\n");
  let [shown, left] = [0, 0];
  for (const line of found) {
    const count = /^left (\d+)$/.exec(line)?.[1];
    if (count === undefined) shown++;
    else left += Number(count);
  }
  assertEquals(shown + left, 100_000);
  // Long before the output could be full.
  assert(found.findIndex((line) => line.startsWith("left")) < 10_000);
  assert(left > 10_000 && shown >= 1_000, `${left} were left out`);
});

test("LiveLines tells what was left out though nothing follows", async () => {
  const path = `${import.meta.dirname}/_flood.ts`;
  const { stdout } = await patientRun(["-A", path, "quiet"], { stdin: "null" })
    .output();
  const found = new TextDecoder().decode(stdout).trimEnd().split("\n");
  assertMatch(found.at(-1)!, /^left \d+$/);
});

test("TapView shows the end of a wire though messages are left out", () => {
  const found: string[] = [];
  let skipped = 0;
  const view = new TapView(
    { filter: {}, isJson: false, hasColors: false, columns: () => undefined },
    {
      isFull: true,
      isStuffed: false,
      skip: () => void skipped++,
      add: (line) => void found.push(line),
    },
  );
  const fields = { args: [1], deadline: 0 };
  view.message(1, {
    ...{ direction: "sent", time: 0, kind: "call", size: 12, id: 0, fields },
    name: "add",
  });
  view.event(1, "closed", "closed: 1 message", 0);
  assertEquals([found.length, skipped], [1, 1]);
  assert(found[0]!.endsWith("closed: 1 message"), found[0]);
});

/** The first bytes that an end sends which shows a secret. */
async function helloOf(credential = ""): Promise<Uint8Array> {
  const [here, there] = memoryTransports();
  const wire = makeWire(here, {
    ...(credential === "" ? {} : { credential }),
    onError: () => {},
  });
  const hello = (await there.read())!.slice();
  there.close();
  await wire.closed;
  return hello;
}

test("withoutSecret() puts stars in the place of a secret, however it comes", async () => {
  for (
    const secret of ["open sesame", "\x01", "d", "\u6f22\ud83d\ude00", "*"]
  ) {
    const hello = await helloOf(secret);
    const rest = new TextEncoder().encode(secret);
    const safe = withoutSecret(new Uint8Array([...hello, ...rest]))!;
    const words: string[] = [];
    const tap = new WireTap(
      ({ kind, fields }) => void words.push(kind, String(fields.credential)),
      detecting(),
    );
    tap.read("sent", safe.subarray(0, hello.length), 0);
    assertEquals(words, ["hello", "***"]);
    assertEquals(
      safe.subarray(hello.length),
      rest,
      "behind it nothing changes",
    );
    assertEquals(safe.length, hello.length + rest.length);
    const changed = safe.subarray(0, hello.length)
      .filter((byte, index) => byte !== hello[index]);
    assertEquals(
      [...changed],
      changed.length > 0 ? Array(rest.length).fill(42) : [],
    );
    for (let length = 0; length < hello.length; length++) {
      assertEquals(withoutSecret(hello.subarray(0, length)), undefined);
    }
  }
  // A contract may have the same words behind it.
  const writer = new ByteWriter();
  new Encoder(writer, DEFAULT_LIMITS).encode({
    kind: "hello",
    version: 1,
    features: 0,
    limits: DEFAULT_LIMITS,
    credential: "add",
    contract: '[1,"add"]',
  });
  const safe = new TextDecoder().decode(
    withoutSecret(writer.written().slice()),
  );
  assertMatch(safe, /\*{3}.\[1,"add"\]$/s);
  const other = new TextEncoder().encode("GET / HTTP/1.1");
  assertEquals(withoutSecret(other), other);
});

/** A hello whose contract has so many letters. */
function longHello(letters: number, credential = "a"): Uint8Array {
  return framed({
    ...hello(),
    credential,
    contract: "a".repeat(letters),
  } as Message);
}

/** What a recording of the bytes of a client has, without its first lines. */
async function recordedOf(...chunks: Uint8Array[]): Promise<Entry[]> {
  let found: Entry[] = [];
  await withFolder(async (folder) => {
    const path = `${folder}/a.jsonl`;
    const recorder = new Recorder(path, "localhost:7000", 1_000);
    recorder.open(1, "127.0.0.1:5", 1_000);
    for (const chunk of chunks) recorder.bytes(1, "client", chunk, 1_001);
    recorder.end(1, "client", 1_002);
    recorder.over(1, undefined, 1_003);
    await recorder.close();
    found = await Array.fromAsync((await readRecording(path)).entries);
  });
  return found.slice(1, -2);
}

test("a recording holds nothing of a hello that is cut, malformed or too long", async () => {
  const whole = await helloOf("open sesame");
  const next = new TextEncoder().encode("sesame");
  const malformed = framed(
    { ...hello({ nesting: 5_000 }), credential: "sesame" } as Message,
  );
  const long = longHello(1024 * 1024, "sesame");
  for (
    const chunks of [
      [whole.subarray(0, -1)],
      [whole.subarray(0, 5), whole.subarray(5, 40)],
      [malformed],
      [malformed.subarray(0, 60), malformed.subarray(60), next],
      [new Uint8Array([...malformed, ...next])],
      [long, next],
      [long.subarray(0, 10), long.subarray(10), next],
      [whole.with(4 + 5, 9).with(4 + 7, 100)],
    ]
  ) {
    const count = chunks.reduce((sum, { length }) => sum + length, 0);
    assertEquals(await recordedOf(...chunks), [
      { time: 2, wire: 1, event: "leftOut", from: "client", count },
    ]);
  }
  // So few bytes may be anything.
  const begun = whole.slice(0, 8);
  assertEquals(await recordedOf(begun), [
    { time: 2, wire: 1, from: "client", bytes: begun },
  ]);
});

test("bytes that were not recorded are told as such", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a.jsonl`;
    const recorder = new Recorder(path, "localhost:7000", 1_000);
    recorder.open(1, "127.0.0.1:5", 1_000);
    const cut = (await helloOf("open sesame")).subarray(0, -1);
    recorder.bytes(1, "client", cut, 1_001);
    recorder.over(1, undefined, 1_003);
    await recorder.close();
    const { stdout, code } = await cli("tap", "--read", path);
    assertEquals(code, 0);
    assertMatch(
      stdout,
      new RegExp(
        `→ +${cut.length} B {2}undecoded: ${cut.length} bytes were not recorded: they began with a hello`,
      ),
    );
    const again = await cli("replay", path, "localhost:1");
    assertEquals(again.code, 0);
    assertMatch(
      again.stdout,
      /^wire 1, what the client sent was not repeated: \d+ bytes were not/,
    );
  });
});

test("the secret of a hello is found at once, and a hello in parts is copied a few times", () => {
  const long = longHello(60_000);
  const { fill, set } = Uint8Array.prototype;
  let fills = 0;
  let copied = 0;
  Uint8Array.prototype.fill = function (...args) {
    fills++;
    return fill.apply(this, args);
  };
  Uint8Array.prototype.set = function (source, at) {
    copied += source.length;
    set.call(this, source, at);
  };
  const recorder = new Recorder("/dev/null", "nowhere", 0);
  try {
    withoutSecret(long);
    recorder.open(1, "127.0.0.1:5", 0);
    for (let at = 0; at < long.length; at += 50) {
      recorder.bytes(1, "client", long.subarray(at, at + 50), 0);
    }
  } finally {
    Object.assign(Uint8Array.prototype, { fill, set });
  }
  recorder.over(1, undefined, 0);
  assert(fills <= 10, `filled ${fills} times`);
  assert(copied <= 10 * long.length, `copied ${copied} bytes`);
  return recorder.close();
});

test("a recording is read as it was written, and holds no secret", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a.jsonl`;
    const recorder = new Recorder(path, "localhost:7000", 1_000);
    const hello = await helloOf("open sesame");
    recorder.open(1, "127.0.0.1:5", 1_000.5);
    recorder.bytes(1, "client", hello.subarray(0, 20), 1_001);
    recorder.bytes(1, "client", hello.subarray(20), 1_002);
    recorder.bytes(1, "server", new Uint8Array([0, 0]), 1_003);
    recorder.end(1, "server", 1_004);
    recorder.over(1, "why", 1_005);
    await recorder.close();
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
    const { heading, entries } = await readRecording(path);
    assertEquals(heading, {
      format: "remote-wire-recording",
      version: 1,
      began: "1970-01-01T00:00:01.000Z",
      target: "localhost:7000",
    });
    assertEquals(await Array.fromAsync(entries), [
      { time: 0.5, wire: 1, event: "open", peer: "127.0.0.1:5" },
      { time: 2, wire: 1, from: "client", bytes: withoutSecret(hello)! },
      { time: 4, wire: 1, from: "server", bytes: new Uint8Array(2) },
      { time: 4, wire: 1, event: "end", from: "server" },
      { time: 5, wire: 1, event: "close", why: "why" },
    ]);
    const text = await Deno.readTextFile(path);
    const lines = text.split("\n");
    for (
      const [broken, why] of [
        ["", /its first line|no object of JSON/],
        ["{}", /its first line is not/],
        [lines[0]!.replace('"version":1', '"version":2'), /version 2/],
        [`${lines[0]}\n[`, /Line 2 .* is no object of JSON/],
        [`${lines[0]}\n{"time":1}`, /Line 2 .* is no entry/],
        [
          `${lines[0]}\n{"time":1,"wire":1,"from":"client","bytes":"%"}`,
          /Line 2 .* is no entry/,
        ],
        ...[`"garbage"`, "7", "null"].map((began) =>
          [
            `{"format":"remote-wire-recording","version":1,"began":${began},"target":"x"}`,
            /first line of .* has no "began" that is a date/,
          ] as const
        ),
        ...[
          `"time":1e400,"wire":1,"event":"open","peer":"p"`,
          `"time":1e300,"wire":1,"event":"open","peer":"p"`,
          `"time":1,"wire":-1e308,"event":"open","peer":"p"`,
          `"time":1,"wire":0,"event":"open","peer":"p"`,
          `"time":1,"wire":1,"event":"close","why":{"a":1}`,
          `"time":1,"wire":1,"event":"close","why":null`,
          `"time":1,"wire":1,"event":"leftOut","from":"client","count":-1`,
        ].map((members) =>
          [
            `${lines[0]}\n{${members}}`,
            /Line 2 .* is no entry of a recording, which has time/,
          ] as const
        ),
        [
          `${lines[0]}\n${lines[1]}\n${lines[1]}`,
          /Line 3 .* opens the wire 1, which is open already/,
        ],
        [
          `${lines[0]}\n${lines[2]}`,
          /Line 2 .* is of the wire 1, which no line has opened/,
        ],
        [
          `${text}${lines[2]}`,
          /Line 7 .* is of the wire 1, which .* one has closed/,
        ],
      ] as const
    ) {
      await Deno.writeTextFile(path, broken);
      const error = await assertRejects(
        async () => await Array.fromAsync((await readRecording(path)).entries),
        BadRecording,
      );
      assertMatch(error.message, why);
    }
  });
});

test("detecting() tells both protocols apart, and says what it cannot read", async () => {
  const seen: TappedMessage[] = [];
  const make = () =>
    new WireTap((message) => void seen.push(message), detecting());
  const hello = await helloOf();
  const native = make();
  for (const byte of hello) native.read("sent", new Uint8Array([byte]), 0);
  native.read("received", hello, 0);
  assertEquals(seen.splice(0).map(({ kind }) => kind), ["hello", "hello"]);
  const lisp = make();
  const [here, there] = memoryTransports();
  const wire = makeWire(here, { dialect: cmucl() });
  await wire.outputObject("hi");
  lisp.read("sent", (await there.read())!, 0);
  assertEquals(seen.splice(0).map(({ kind }) => kind), ["message"]);
  await wire.close();
  there.close();
  const other = make();
  other.read("sent", new TextEncoder().encode("GET / HTTP/1.1"), 0);
  assertMatch(
    String(seen[0]!.fields.why),
    /^Neither this module's protocol nor CMUCL's\. No object begins with/,
  );
});

test("cli.ts tap shows the messages of its wires, and records them", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a.jsonl`;
    await using server = createRequestServer(0, {
      functions: FUNCTIONS,
      requireCredential: "open sesame",
    });
    const target = `${HOST}:${server.port}`;
    const port = freePort();
    await using tap = start(
      ...["-A", CLI, "tap", "--record", path, `:${port}`, target],
    );
    const wire = await connected(port, "open sesame");
    assertEquals(await wire.call("add", [40, 2]), 42);
    await wire.call("nothing", ["\x1b[2J"]).catch(() => {});
    await wire.close();
    await tap.prints(/closed:/);
    const { code, stdout, stderr } = await tap.end("SIGTERM");
    assertEquals(code, 0);
    assertMatch(
      stderr,
      /^tapping 127\.0\.0\.1:\d+ → 127\.0\.0\.1:\d+, recording to/,
    );
    assertMatch(stdout, / 1 → +\d+ B {2}call #0 add\(40, 2\)\n/);
    assertMatch(stdout, / 1 ← +\d+ B {2}return #0 add = 42 \([\d.]+ ms\)\n/);
    assertMatch(stdout, /call #0 nothing\("\\u001b\[2J"\)\n/);
    assertMatch(stdout, /fail #0 nothing noSuchFunction: /);
    assertNotMatch(stdout + await Deno.readTextFile(path), /sesame/);
    // deno-lint-ignore no-control-regex -- that is looked for
    assertNotMatch(stdout, /\x1b/);

    const read = await cli("tap", "--read", path);
    assertEquals(read, { code: 0, stdout, stderr: "" });
    const json = await cli(
      ...["tap", "--read", path, "--json", "--name=add", "--kind=return"],
    );
    const [{ time: _, latency, ...rest }, ...more] = json.stdout.trimEnd()
      .split("\n").map((line) => JSON.parse(line));
    assert(latency >= 0);
    assertEquals([rest, more], [{
      wire: 1,
      direction: "to-client",
      kind: "return",
      size: 3,
      name: "add",
      id: 0,
      fields: { id: 0, value: 42 },
    }, []]);
  });
});

test("cli.ts tap replaces a recording with --force alone", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a.jsonl`;
    await Deno.writeTextFile(path, "old");
    const { code, stdout, stderr } = await cli(
      ...["tap", "--record", path, ":0", ":1"],
    );
    assertEquals([code, stdout], [1, ""]);
    assertMatch(
      stderr,
      /^--record .*a\.jsonl: that file is there already, .*--f/,
    );
    assertEquals(await Deno.readTextFile(path), "old");
    const empty = `${folder}/b.jsonl`;
    await Deno.writeTextFile(empty, "");
    for (const forced of [["--force", "--record", path], ["--record", empty]]) {
      const port = freePort();
      await using tap = start("-A", CLI, "tap", ...forced, `:${port}`, ":1");
      await listens(port);
      // By then it listens to signals, too.
      await tap.prints(/opened by/);
      assertEquals((await tap.end("SIGTERM")).code, 0);
    }
    for (const file of [path, empty]) {
      assertMatch(await Deno.readTextFile(file), /"remote-wire-recording"/);
    }
  });
});

/** A port that nobody listens on. */
function freePort(): number {
  using listener = Deno.listen({ hostname: HOST, port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

/** Resolves when somebody listens on a port. */
async function listens(port: number): Promise<void> {
  for (;;) {
    try {
      return (await Deno.connect({ hostname: HOST, port })).close();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Connects as soon as somebody listens. */
async function connected(port: number, credential: string) {
  for (;;) {
    try {
      return await connectToRemoteServer(HOST, port, { credential });
    } catch (error) {
      if ((error as WireError).code !== "connectionRefused") throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

test("cli.ts tap refuses what makes no sense", async () => {
  for (
    const [args, text] of [
      [[], /^LISTEN is missing\. See --help\.\n$/],
      [[":1"], /^TARGET is missing/],
      [[":0", "x"], /^Where to connect to is HOST:PORT/],
      [[":0", ":1", "--kind", "calls"], /there is no kind calls/],
      [[":0", ":1", "--direction", "up"], /to-server or to-client, not up/],
      [[":0", ":1", "--wire", "0"], /numbers from 1/],
      [[":0", ":1", "--deadline", "5"], /^tap has no option --deadline/],
      [["--read", "x", ":1"], /a word too many/],
      [[":0", "unix:/x", "--tls"], /a target that is HOST:PORT/],
      [["wss://localhost:0/", ":1"], /takes --cert and --key/],
      [["--force", ":0", ":1"], /^--force goes with --record/],
      [[":7202", ":7202"], /^LISTEN :7202 and TARGET :7202 are the same place/],
    ] as const
  ) {
    const { code, stdout, stderr } = await cli("tap", ...args);
    assertEquals([code, stdout], [2, ""], stderr);
    assertMatch(stderr, text);
  }
  const missing = await cli("tap", "--read", "/nonexistent/file");
  assertEquals(missing.code, 1);
  assertMatch(missing.stderr, /cannot be read/);
  const directory = await cli("tap", "--read", import.meta.dirname!);
  assertEquals([directory.code, directory.stdout], [1, ""]);
  assertMatch(directory.stderr, /^\/.* cannot be read: .*directory.*\n$/);
  const help = await cli("tap", "--help");
  assertEquals(help.code, 0);
  assertMatch(help.stdout, /^usage: .* tap \[OPTION…\] LISTEN TARGET/);
});

test("leadsBack() tells a proxy that would connect to itself", async () => {
  const own = Deno.networkInterfaces().find((one) =>
    one.family === "IPv4" && one.address !== HOST
  );
  await withFolder(async (folder) => {
    await Deno.symlink(folder, `${folder}/link`);
    for (
      const [listen, target, isSame] of [
        [":7202", ":7202", true],
        [":7202", ":7203", false],
        [":0", ":7202", false],
        [":7202", "localhost:7202", true],
        [":7202", "0.0.0.0:7202", true],
        [":7202", "127.0.0.2:7202", false],
        [":7202", "[::ffff:127.0.0.1]:7202", true],
        ["0.0.0.0:7202", "127.0.0.2:7202", true],
        ["0.0.0.0:7202", "[::1]:7202", false],
        ["[::]:7202", "127.0.0.1:7202", true],
        ["[::]:7202", "[::1]:7202", true],
        ["[::]:7202", `${own?.address ?? HOST}:7202`, true],
        [":7202", `${own?.address ?? "192.0.2.1"}:7202`, false],
        ["0.0.0.0:7202", "192.0.2.1:7202", false],
        ["127.1:7202", "[0:0::1]:7202", false],
        ["127.1:7202", ":7202", true],
        ["no.such.name.invalid:7202", "127.0.0.1:7202", false],
        ["ws://127.0.0.1/", ":80", true],
        ["wss://[::1]:7202/", "ws://[::1]:7202/other", true],
        ["unix:/nowhere/a", "unix:/nowhere/a", true],
        [`unix:${folder}/x`, `unix:${folder}/link/x`, true],
        [`unix:${folder}/x`, `unix:${folder}/link/../x`, false],
        [`unix:${folder}/x`, `unix:${folder}/./x`, true],
        [`unix:${folder}/x`, `unix:${folder}/y`, false],
        ["unix:/a", ":7202", false],
      ] as const
    ) {
      assertEquals(
        await leadsBack(
          endpoint(listen, "LISTEN", true),
          endpoint(target, "TARGET"),
        ),
        isSame,
        `${listen} ${target}`,
      );
    }
  });
});

test("cli.ts tap leaves an older recording alone where it cannot listen", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a.jsonl`;
    await Deno.writeTextFile(path, "old");
    using taken = Deno.listen({ hostname: HOST, port: 0 });
    const { port } = taken.addr as Deno.NetAddr;
    const listen = `:${port}`;
    const { code, stderr } = await cli("tap", "--record", path, listen, ":1");
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^addressInUse: Cannot listen on 127\.0\.0\.1:\d+: it is/,
    );
    assertEquals(await Deno.readTextFile(path), "old");
    const nowhere = `${folder}/no/b.jsonl`;
    const other = await cli("tap", "--record", nowhere, ":0", ":1");
    assertEquals(other.code, 2);
    assertMatch(other.stderr, /^--record .* cannot be written/);
  });
});

test("Recorder tells of a file that cannot be written, once", async () => {
  const failures: unknown[] = [];
  const recorder = new Recorder(
    "/dev/full",
    "nowhere",
    0,
    (error) => void failures.push(error),
  );
  await recorder.close();
  const broken = new Recorder("/dev/full", "nowhere", 0, (error) => {
    failures.push(error);
  });
  broken.bytes(1, "client", new Uint8Array(2 * 1024 * 1024), 1);
  await broken.bytes(1, "client", new Uint8Array(1), 1);
  broken.over(1, undefined, 2);
  await broken.close();
  assertEquals(failures.length, 2);
});

test("Recorder has its sender wait, whatever texts were written before", async () => {
  const recorder = new Recorder("/dev/null", "nowhere", 0);
  recorder.open(1, "\u6f22".repeat(1024 * 1024), 1);
  // Which is written before the next is counted.
  const chunk = new Uint8Array(1024 * 1024).fill(1);
  await recorder.bytes(1, "client", chunk, 2);
  assert(recorder.bytes(1, "client", chunk, 3) instanceof Promise);
  recorder.over(1, undefined, 4);
  await recorder.close();
});
