/**
 * What a program sees of its own wires: the option `tap`.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import {
  type AnyFunctions,
  makeRemoteObject,
  type RemoteObject,
  type TappedMessage,
  valueType,
  type WireError,
  wirePair,
} from "../../mod.ts";
import { cmucl, LispTap } from "../../wire/cmucl/mod.ts";
import {
  type Direction,
  MessageTap,
  messageText,
  valueText,
  WireTap,
} from "../../wire/codec/mod.ts";
import { makeWire, memoryTransports, type Transport } from "../../wire/mod.ts";
import type { Message } from "../../wire/codec/messages.ts";
import { call, framed, hello } from "../_raw_peer.ts";
import { test } from "../_test.ts";

/** The messages of some kinds, as text. */
function texts(seen: TappedMessage[], ...kinds: string[]): string[] {
  return seen.filter(({ kind }) => kinds.includes(kind))
    .map((message) =>
      `${message.direction} ${
        messageText({ ...message, latency: undefined, credit: undefined })
      }`
    );
}

class Point {
  constructor(readonly x: number) {}
}
const point = valueType({
  name: "point",
  test: (value): value is Point => value instanceof Point,
  toData: ({ x }) => x,
  fromData: (x) => new Point(x as number),
});

test("tap sees each message of both directions, and which call an answer is of", async () => {
  const near: TappedMessage[] = [];
  const far: TappedMessage[] = [];
  const wires: unknown[] = [];
  const [one, other] = wirePair({
    tap: (message, wire) => {
      near.push(message);
      wires.push(wire);
    },
    valueTypes: [point],
  }, { tap: (message) => void far.push(message), valueTypes: [point] });
  other.serve({
    add: (a: number, b: number) => a + b,
    fail: () => {
      throw new TypeError("no \x1b[2J");
    },
    counter: () => makeRemoteObject({ next: () => 1 }),
    async *count() {
      yield* [1, 2];
    },
    point: (value: Point) => value,
  });
  assertEquals(await one.call("add", [40, 2]), 42);
  await one.call("fail", []).catch(() => {});
  {
    using counter = await one.call("counter", []) as RemoteObject<object>;
    await (counter.remoteValue as AnyFunctions).next!();
  }
  for await (const _ of await one.call("count", []) as AsyncIterable<number>);
  assert(await one.call("point", [new Point(7)]) instanceof Point);
  await one.send("add", [1, 2]);
  await one.outputObject("note");
  await one.close();
  await other.closed;
  assert(wires.length > 0 && wires.every((wire) => wire === one));
  assertEquals(near.at(-1)?.kind, "finish");
  const calls = ["call", "return", "throw", "send", "message", "streamValue"];
  assertEquals(texts(near, ...calls), [
    "sent call #0 add(40, 2)",
    "received return #0 add = 42",
    "sent call #0 fail()",
    'received throw #0 fail threw TypeError: "no \\u001b[2J"',
    "sent call #0 counter()",
    "received return #0 counter = <object 0>",
    "sent call #0 next() on <object 0>",
    "received return #0 next = 1",
    "sent call #0 count()",
    "received return #0 count = <stream 0>",
    "received streamValue ~0 1",
    "received streamValue ~0 2",
    "sent call #0 point(<point 7>)",
    "received return #0 point = <point 7>",
    "sent send add(1, 2)",
    'sent message "note"',
  ]);
  const turned = far.map((message): TappedMessage => ({
    ...message,
    direction: message.direction === "sent" ? "received" : "sent",
  }));
  assertEquals(texts(turned, ...calls), texts(near, ...calls));
  const answers = near.filter(({ kind }) => kind === "return");
  assert(answers.every(({ latency }) => latency! >= 0));
  const items = near.filter(({ kind }) => kind === "streamValue");
  assertEquals(items.map(({ credit }) => credit), [20_904, 20_837]);
});

test("tap shows no secret", async () => {
  const seen: TappedMessage[] = [];
  const tap = (message: TappedMessage) => void seen.push(message);
  const [near, far] = wirePair({ credential: "open sesame", tap }, {
    requireCredential: "open sesame",
    tap,
  });
  await near.ping();
  await near.close();
  await far.closed;
  const hellos = seen.filter(({ kind }) => kind === "hello");
  assertEquals(
    hellos.map(({ fields }) => fields.credential).sort(),
    ["", "", "***", "***"],
  );
  assert(!seen.some((message) => messageText(message, 1e6).includes("sesame")));
});

test("what tap throws, or rejects with, is reported, and ends nothing", async () => {
  const reported: string[] = [];
  const [near, far] = wirePair({
    tap: ({ kind }) => {
      if (kind === "call") throw new Error("thrown");
      return kind === "return"
        ? Promise.reject(new Error("rejected"))
        : undefined;
    },
    onError: (error, where) => {
      reported.push(`${where}: ${(error as Error).message}`);
    },
  });
  far.serve({ add: (a: number, b: number) => a + b });
  assertEquals(await near.call("add", [40, 2]), 42);
  await near.close();
  assertEquals(reported, ["tap: thrown", "tap: rejected"]);
});

test("tap gets a large message once, whatever a write takes of it", async () => {
  const [here, there] = memoryTransports();
  const seen: TappedMessage[] = [];
  const near = makeWire({
    address: here.address,
    read: () => here.read(),
    write: (bytes) => here.write(bytes.subarray(0, 1_000)),
    closeWrite: () => here.closeWrite(),
    close: () => here.close(),
  }, { tap: (message) => void seen.push(message) });
  const far = makeWire(there);
  far.serve({ length: (text: string) => text.length });
  assertEquals(await near.call("length", ["x".repeat(300_000)]), 300_000);
  await near.close();
  await far.closed;
  const kinds = seen.filter(({ direction }) => direction === "sent")
    .map(({ kind }) => kind);
  assertEquals(kinds, ["hello", "accept", "call", "close"]);
});

test("tap shows the messages of CMUCL's protocol", async () => {
  const seen: TappedMessage[] = [];
  const [here, there] = memoryTransports();
  const tap = (message: TappedMessage) => void seen.push(message);
  const near = makeWire(here, { dialect: cmucl(), tap });
  const far = makeWire(there, { dialect: cmucl(), onError: () => {} });
  far.serve({
    "cl:list": (...items: unknown[]) => items,
    "cl:error": () => {
      throw new Error("unwinds");
    },
  });
  await near.call("cl:list", [1, "two"]);
  await near.call("cl:error", []).catch(() => {});
  await near.send("cl:list", []);
  await near.ping();
  await near.close();
  await far.closed;
  const shown = seen.map((message) =>
    `${message.direction} ${messageText({ ...message, latency: undefined })}`
      .replace(/#-?\d+/, "#N")
  );
  assertEquals(shown, [
    'sent call #N COMMON-LISP:LIST(1, "two")',
    'received return #N COMMON-LISP:LIST = [1, "two"]',
    "sent call #N COMMON-LISP:ERROR()",
    'received fail #N COMMON-LISP:ERROR aborted: "The call unwound, and has no value."',
    "sent send COMMON-LISP:LIST()",
    ...shown.slice(5),
  ]);
  assertMatch(shown[5]!, /^sent call #N\(/);
  assertMatch(shown[6]!, /^received return #N = /);
});

test("LispTap.each() passes on what comes before what is malformed", () => {
  const tap = new LispTap();
  const seen: string[] = [];
  const bytes = new Uint8Array([8, 0, 0, 0, 1, 0x61, 0xff]);
  let error: WireError | undefined;
  try {
    tap.each(bytes, ({ kind }) => void seen.push(kind));
  } catch (thrown) {
    error = thrown as WireError;
  }
  assertEquals([seen, error?.code], [["message"], "malformed"]);
});

test("tap of a protocol that shows nothing gets its bytes", async () => {
  const seen: TappedMessage[] = [];
  const inner = cmucl();
  const [here, there] = memoryTransports();
  const near = makeWire(here, {
    dialect: {
      name: "other",
      open: (wire, transport, options) => inner.open(wire, transport, options),
    },
    tap: (message) => void seen.push(message),
  });
  const far = makeWire(there, { dialect: cmucl() });
  await near.outputObject("hi");
  assertEquals(await far.getObject(), "hi");
  await near.close();
  await far.closed;
  assertEquals(seen.map(({ kind }) => kind), ["undecoded"]);
  assertEquals(
    seen[0]?.fields.bytes,
    new Uint8Array([8, 0, 0, 0, 2, 0x68, 0x69]),
  );
});

test("WireTap.read() tells what it cannot decode, and all that follows", () => {
  const seen: TappedMessage[] = [];
  const tap = new WireTap(
    (message) => void seen.push(message),
    () => new MessageTap(),
  );
  const ping = [0, 0, 0, 5, 0x20, 0, 0, 0, 7];
  tap.read("sent", new Uint8Array([...ping, 0, 0, 0, 1, 0xff]), 1);
  tap.read("sent", new Uint8Array(1_000), 2);
  tap.read("received", new Uint8Array([...ping, 0, 0]), 3);
  tap.end("sent", 4);
  tap.end("received", 5);
  assertEquals(
    seen.map(({ direction, kind, size }) => [direction, kind, size]),
    [
      ["sent", "ping", 5],
      ["sent", "undecoded", 14],
      ["sent", "undecoded", 1_000],
      ["received", "ping", 5],
      ["received", "undecoded", 0],
    ],
  );
  const [, first, second] = seen;
  assertMatch(
    messageText(first!),
    /^undecoded 00 00 00 05( \w\w){10}: A string section/,
  );
  assertEquals((second!.fields.bytes as Uint8Array).length, 256);
});

test("WireTap.read() shows no byte of a hello that cannot be decoded", () => {
  const credential = "open sesame";
  const make = (changes = {}) =>
    framed({ ...hello(changes), credential } as Message);
  const [good, bad] = [make(), make({ nesting: 5_000 })];
  const broken = new Uint8Array([0, 0, 0, 1, 0xff]);
  const told = (...chunks: Uint8Array[]) => {
    const seen: TappedMessage[] = [];
    const tap = new WireTap(
      (message) => void seen.push(message),
      () => new MessageTap(),
    );
    for (const chunk of chunks) tap.read("received", chunk, 0);
    tap.end("received", 0);
    return seen.map(({ kind, size, fields }) => {
      const { bytes = [] } = fields as { bytes?: Uint8Array };
      return [kind, size, bytes.length];
    });
  };
  const behind = new TextEncoder().encode(credential);
  assertEquals(told(bad, behind), [
    ["undecoded", bad.length, 0],
    ["undecoded", behind.length, 0],
  ]);
  const [first, rest] = [bad.subarray(0, 7), bad.subarray(7)];
  assertEquals(told(first, rest), [["undecoded", rest.length, 0]]);
  // One that was read stands in front of what breaks the protocol.
  const both = new Uint8Array([...good, ...broken]);
  const size = good.length - 4;
  assertEquals(told(both, behind), [
    ["hello", size, 0],
    ["undecoded", both.length, 0],
    ["undecoded", behind.length, behind.length],
  ]);
  assertEquals(told(good, broken), [["hello", size, 0], ["undecoded", 5, 5]]);
  const start = good.subarray(0, 7);
  assertEquals(told(start, new Uint8Array([1, 2])), [["undecoded", 0, 0]]);
});

test("tap shows no secret of a hello that is refused", async () => {
  const seen: TappedMessage[] = [];
  const [here, there] = memoryTransports();
  const wire = makeWire(here, {
    requireCredential: "open sesame",
    onError: () => {},
    tap: (message) => void seen.push(message),
  });
  const credential = "open sesame";
  const bad = framed({ ...hello({ nesting: 5_000 }), credential } as Message);
  await there.write(bad);
  await wire.closed;
  const [undecoded] = seen.filter(({ kind }) => kind === "undecoded");
  assertEquals(undecoded?.fields.bytes, new Uint8Array(0));
  assertEquals(undecoded?.size, bad.length);
  assertMatch(
    messageText(undecoded!, 1_000),
    /^undecoded: .*"nesting".* These \d+ bytes are not shown: they began with a hello/,
  );
});

test("tap decodes no more than the wire takes", async () => {
  const seen: TappedMessage[] = [];
  const [here, there] = memoryTransports();
  const wire = makeWire(here, {
    limits: { values: 100, helloFrame: 16_384, frame: 8_192 },
    functions: { make: (count: number) => Array(count).fill(0) },
    onError: () => {},
    tap: (message) => void seen.push(message),
  });
  const accept = [0, 0, 0, 1, 2];
  // Larger than frames are after the handshake.
  const long = { ...hello(), contract: "x".repeat(10_000) } as Message;
  await there.write(new Uint8Array([...framed(long), ...accept]));
  const calls = [call(0, "make", 1_000), call(1, "make", Array(200).fill([]))];
  await there.write(framed(...calls));
  const isDone = () => seen.filter(({ kind }) => kind === "return").length > 0;
  while (!isDone()) await there.read();
  const got = seen.filter(({ direction }) => direction === "received");
  assertEquals(got.map(({ kind }) => kind), [
    "hello",
    "accept",
    "call",
    "overLimit",
  ]);
  const { fields } = seen.find(({ kind }) => kind === "return")!;
  assertEquals((fields.value as unknown[]).length, 1_000);
  wire.abort();
  there.close();
  await wire.closed;
});

test("WireTap.read() and messageText() survive whatever comes", async () => {
  const chunks: [Direction, Uint8Array][] = [];
  const keep = (transport: Transport, direction: Direction): Transport => ({
    address: transport.address,
    local: true,
    read: () => transport.read(),
    write(bytes) {
      chunks.push([direction, bytes.slice()]);
      return transport.write(bytes);
    },
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  });
  const [here, there] = memoryTransports();
  const near = makeWire(keep(here, "sent"));
  const far = makeWire(keep(there, "received"));
  far.serve({
    async *echo(...values: unknown[]) {
      yield* values;
    },
  });
  const values = [new Map([[new Date(0), [1n, 2]]]), new Error("a"), "text"];
  const stream = await near.call("echo", values) as AsyncIterable<unknown>;
  for await (const _ of stream);
  await near.close();
  await far.closed;
  let kinds = 0;
  fc.assert(fc.property(
    fc.nat(chunks.length - 1),
    fc.nat(),
    fc.integer({ min: 0, max: 255 }),
    (which, at, byte) => {
      const told = new Set<string>();
      const tap = new WireTap((message) => {
        told.add(message.kind);
        assert(messageText(message).length < 1_000);
      }, () => new MessageTap());
      for (const [index, [direction, chunk]] of chunks.entries()) {
        const bytes = chunk.slice();
        if (index === which) bytes[at % bytes.length] = byte;
        tap.read(direction, bytes, index);
        tap.end(direction, index);
      }
      kinds = Math.max(kinds, told.size);
    },
  ));
  assert(kinds > 5);
});

test("WireTap forgets the oldest calls where there are too many", () => {
  const seen: TappedMessage[] = [];
  const decoders = [10_002, 2].map((count) => ({
    unfinished: false,
    each(_: Uint8Array, see: (message: never) => void) {
      for (let id = 0; id < count; id++) {
        const message = count > 2
          ? {
            kind: "call",
            bytes: 1,
            fields: { id, name: `f${id}`, args: [], deadline: 0 },
          }
          : { kind: "return", bytes: 1, fields: { id: id * 9_000, value: 1 } };
        see(message as never);
      }
    },
  }));
  const tap = new WireTap(
    (message) => void seen.push(message),
    () => decoders.shift()!,
  );
  tap.read("sent", new Uint8Array(1), 1);
  tap.read("received", new Uint8Array(1), 2);
  assertEquals(seen.slice(-2).map(({ name }) => name), [undefined, "f9000"]);
});

test("valueText() is one harmless line of a bounded length", () => {
  for (
    const [value, text] of [
      ["a\nb\x07\u202e\x9b", '"a\\nb\\u0007\\u{202e}\\u{9b}"'],
      [[1, -0, NaN, 2n, null, undefined, true], null],
      [new Set(["a", ["b"]]), 'Set ["a", ["b"]]'],
      [new Map([[{ a: 1 }, []]]), "Map { { a: 1 } => [] }"],
      [new Map(), "Map {}"],
      [{}, "{}"],
      [{ "\x1b": 1 }, '{ "\\u001b": 1 }'],
      [new URL("https://a.example/"), "https://a.example/"],
      [new Date(NaN), "Invalid Date"],
      [new Error("a", { cause: 1 }), 'Error: "a" caused by 1'],
      [new Float64Array([0.5]), "Float64Array(1) [0.5]"],
      [new Uint8Array([1, 255]), "Uint8Array(2) 01 ff"],
      [2n ** 1_000n, "a large bigint"],
      [{ toString: 1 }, "{ toString: 1 }"],
      [
        Object.assign([1], { 2147483648: "a", length: 4294967295 }),
        '[1, { 2147483648: "a" } of 4294967295]',
      ],
    ] as const
  ) {
    const shown = valueText(value);
    assertEquals(shown, text ?? "[1, -0, NaN, 2n, null, undefined, true]");
  }
  const large = [
    "x".repeat(10_000),
    Array(10_000).fill("\x1b"),
    Object.fromEntries(Array.from({ length: 999 }, (_, n) => [`key${n}`, n])),
    new Uint8Array(100_000),
    new Map([["\ud83d\ude00".repeat(100), 1]]),
  ];
  for (const value of large) {
    const shown = valueText(value, 50);
    assert(shown.endsWith("…") && shown.length < 350, shown);
    // deno-lint-ignore no-control-regex -- these are what is looked for
    assert(!/[\x00-\x1f]/.test(shown));
  }
});

test("a wire without tap has the transport that it was given", async () => {
  for (const tap of [undefined, () => {}]) {
    const [here, there] = memoryTransports();
    const inner = cmucl();
    let isGiven: boolean | undefined;
    const near = makeWire(here, {
      dialect: {
        name: "looking",
        open(wire, transport, options) {
          isGiven = transport === here;
          assertEquals(transport.address, here.address);
          assertEquals(transport.local, true);
          return inner.open(wire, transport, options);
        },
      },
      tap,
    });
    await near.close();
    there.close();
    assertEquals(isGiven, tap === undefined);
  }
});
