/** Messages to framed bytes and back, and what a decoder refuses. */

import { assert, assertEquals } from "@std/assert";
import { limitRange, resolveLimits } from "../../wire/base/limits.ts";
import {
  type Hello,
  HELLO_LIMITS,
  KIND,
  MAGIC,
  type Message,
  type PeerLimits,
  VERSION,
} from "../../wire/codec/messages.ts";
import { CollectingDecoder } from "../../wire/codec/message_collector.ts";
import { Raw } from "../_raw_values.ts";
import { test } from "../_test.ts";
import {
  callOf,
  codeOf,
  decodeAll,
  encodeAll,
  frameOf,
  newDecoder,
  newEncoder,
} from "./_codec.ts";
import { bytesAllocated } from "./_counting.ts";
import { exactMessages } from "./_exact.ts";

const LIMITS = resolveLimits();

function helloOf(changes: Partial<Hello> = {}): Hello {
  return {
    kind: "hello",
    version: 1,
    features: 0,
    limits: Object.fromEntries(
      HELLO_LIMITS.map((name) => [name, LIMITS[name]]),
    ) as PeerLimits,
    credential: "",
    contract: "",
    ...changes,
  };
}

/** An object without a prototype, as metadata arrive. */
function nullObject(entries: [string, unknown][]): object {
  return Object.setPrototypeOf(Object.fromEntries(entries), null);
}

const MOST = 0xffffffff;
const LONG = "ü".repeat(500);

/** Messages of each kind, with parts small and large. */
const MESSAGES: Message[] = [
  helloOf(),
  helloOf({ version: 255, features: MOST, credential: LONG, contract: "c" }),
  { kind: "accept" },
  { kind: "message", value: { a: [1, { a: [] }] } },
  { kind: "message", value: undefined },
  { kind: "send", name: "f", args: [], deadline: 0 },
  { kind: "send", name: LONG, args: [{ a: [] }, null], deadline: MOST },
  callOf(),
  callOf({ id: MOST, name: "", args: [[1], { a: [2] }], deadline: 1 }),
  callOf({ id: 1, name: "__proto__", wantsValues: true, deadline: 2 ** 31 }),
  callOf({ id: 127, name: "f", args: Array(300).fill(undefined) }),
  callOf({ target: { slot: MOST, nonce: MOST }, name: "" }),
  callOf({ target: { result: 200 }, deadline: 9, wantsValues: true }),
  callOf({ metadata: nullObject([["trace", LONG], ["__proto__", ""]]) }),
  {
    kind: "send",
    name: "f",
    args: [],
    deadline: 1,
    target: { slot: 0, nonce: 7 },
  },
  { kind: "return", id: 0, value: undefined },
  { kind: "return", id: MOST, value: new Map([[1, new Set(["a"])]]) },
  { kind: "returnValues", id: 1, values: [] },
  { kind: "returnValues", id: 128, values: [1, { a: [3] }, undefined] },
  { kind: "throw", id: 2, thrown: new RangeError("far") },
  { kind: "throw", id: 2, thrown: undefined },
  { kind: "fail", id: 3, code: "limit", message: LONG },
  { kind: "fail", id: 3, code: "", message: "" },
  { kind: "cancel", id: MOST },
  { kind: "credit", channel: "messages", amount: 0 },
  { kind: "credit", channel: "sends", amount: MOST },
  { kind: "ping", token: 0 },
  { kind: "ping", token: MOST },
  { kind: "pong", token: 0x80000000 },
  { kind: "close" },
  { kind: "finish" },
  { kind: "abort", code: "closed", message: "" },
  { kind: "abort", code: "of a later version", message: LONG },
  { kind: "release", slot: MOST, nonce: MOST, count: MOST },
  { kind: "release", slot: 0, nonce: 0, count: 1 },
  { kind: "forget", slot: 128, nonce: 0x80000000 },
  { kind: "streamValue", id: 0, value: undefined },
  { kind: "streamValue", id: MOST, value: [{ a: [4] }, LONG] },
  { kind: "streamBytes", id: 0, bytes: new Uint8Array() },
  { kind: "streamBytes", id: MOST, bytes: new Uint8Array(300).fill(7) },
  { kind: "streamEnd", id: 129 },
  { kind: "streamError", id: 1, thrown: new TypeError("far") },
  { kind: "streamCancel", id: 1, reason: undefined },
  { kind: "streamCancel", id: MOST, reason: new Error("enough") },
  { kind: "streamCredit", id: 1, amount: MOST },
  { kind: "streamFail", id: 1, code: "limit", message: "an item is too large" },
  {
    kind: "message",
    value: [
      new Raw({ as: "object", slot: MOST, nonce: 1, isFunction: false }),
      new Map([[new Raw({ as: "own", slot: 0, nonce: MOST }), 1]]),
      { a: new Raw({ as: "stream", id: MOST }) },
    ],
  },
  callOf({
    args: [
      new Raw({ as: "object", slot: 0, nonce: 0, isFunction: true }),
      [new Raw({ as: "result", id: 300 })],
    ],
  }),
];

test("KIND and the beginning of a hello are those of the protocol", () => {
  assertEquals({ ...KIND }, {
    hello: 0x01,
    accept: 0x02,
    define: 0x03,
    reset: 0x04,
    piece: 0x05,
    message: 0x10,
    send: 0x11,
    call: 0x12,
    return: 0x13,
    returnValues: 0x14,
    throw: 0x15,
    fail: 0x16,
    cancel: 0x17,
    credit: 0x18,
    sends: 0x19,
    ping: 0x20,
    pong: 0x21,
    close: 0x30,
    finish: 0x31,
    abort: 0x32,
    release: 0x40,
    forget: 0x41,
    streamValue: 0x50,
    streamBytes: 0x51,
    streamEnd: 0x52,
    streamError: 0x53,
    streamCancel: 0x54,
    streamCredit: 0x55,
    streamFail: 0x56,
  });
  assertEquals([VERSION, MAGIC], [1, "WIRE"]);
  assertEquals(
    HELLO_LIMITS.join(),
    [
      "helloFrame,frame,message,nesting,values,bigint,calls,window,pieces",
      "cancels,cancelsPerSecond,streams,streamWindow,objects,tableEntries",
    ].join(),
  );
});

test("Decoder gives the messages that Encoder was given", () => {
  for (const message of MESSAGES) {
    const came = decodeAll([encodeAll([message])]);
    assertEquals(exactMessages(came), exactMessages([message]));
  }
  const together = decodeAll([encodeAll([...MESSAGES, ...MESSAGES])]);
  assertEquals(
    exactMessages(together),
    exactMessages([...MESSAGES, ...MESSAGES]),
  );
});

test("encode() tells the size of a body, and Decoder tells the same", () => {
  const encoder = newEncoder();
  const decoder = newDecoder(LIMITS);
  for (const message of MESSAGES) {
    const start = encoder.writer.position;
    const size = encoder.encode(message);
    const frame = encoder.writer.written(start).slice();
    assertEquals(frame.length, 4 + size);
    encoder.writer.position = start;
    if (encoder.tables.hasFresh) encoder.define(start);
    const definitions = encoder.writer.written(start).slice();
    assertEquals(decodeAll([definitions, frame], decoder).length, 1);
    assertEquals(decoder.size, size, message.kind);
  }
});

test("define() tells of names and key sets in front, and once", () => {
  const encoder = newEncoder();
  const before = encodeAll([{ kind: "ping", token: 1 }], encoder);
  const message = callOf({ name: "put", args: [{ k: 1 }] });
  const first = encodeAll([message], encoder);
  const second = encodeAll([message], encoder);
  const call = [0, 0, 0, 7, 0x12, 0, 0, 1, 1, 0xb0, 1];
  assertEquals([...first], [
    ...[0, 0, 0, 6, 3, 0, 3, 0x70, 0x75, 0x74],
    ...[0, 0, 0, 4, 3, 2, 1, 0x6b],
    ...call,
  ]);
  assertEquals([...second], call);
  const came = decodeAll([before, first, second]);
  assertEquals(exactMessages(came.slice(1)), exactMessages([message, message]));
});

test("Decoder takes definitions that come with no message", () => {
  const decoder = new CollectingDecoder(LIMITS);
  const define = frameOf([KIND.define, 0, 1, 0x66]);
  assertEquals(decodeAll([define], decoder), []);
  assertEquals(decoder.tableSize, 1);
  const send = frameOf([KIND.send, 0, 1, 0]);
  const [message] = decodeAll([send], decoder);
  assertEquals((message as { name: string }).name, "f");
});

test("Decoder refuses every kind that there is not", () => {
  const known = new Set<number>(Object.values(KIND));
  for (let kind = 0; kind < 256; kind++) {
    if (known.has(kind)) continue;
    for (const rest of [[], [0], [0, 0, 0, 0]]) {
      const bytes = frameOf([kind, ...rest]);
      assertEquals(codeOf(() => decodeAll([bytes])), "malformed", `${kind}`);
    }
  }
});

test("Decoder refuses every tag that there is not", () => {
  for (const tag of [0xdb, 0xdd, 0xde, 0xdf]) {
    for (const body of [[tag], [tag, 0, 0, 0, 0], [0xa1, tag]]) {
      const bytes = frameOf([KIND.message, ...body]);
      assertEquals(codeOf(() => decodeAll([bytes])), "malformed", `${tag}`);
    }
  }
});

test("Decoder refuses a message that is cut, or longer than its frame", () => {
  for (const message of MESSAGES) {
    const encoder = newEncoder();
    encoder.encode(message);
    const body = encoder.writer.written(4).slice();
    const start = encoder.writer.position;
    if (encoder.tables.hasFresh) encoder.define(start);
    const definitions = encoder.writer.written(start).slice();
    const decode = (body: Uint8Array) =>
      codeOf(() => decodeAll([definitions, frameOf(body)]));
    assertEquals(decode(body), undefined);
    // Bytes of a stream end where their frame ends.
    const least = message.kind === "streamBytes"
      ? body.length - message.bytes.length
      : body.length;
    for (let length = 1; length < body.length; length++) {
      const expected = length < least ? "malformed" : undefined;
      const code = decode(body.subarray(0, length));
      assertEquals(code, expected, `${message.kind}, ${length}`);
    }
    if (["hello", "streamBytes"].includes(message.kind)) continue;
    assertEquals(decode(Uint8Array.of(...body, 0)), "malformed");
  }
});

/** Counts that are much larger than what follows them. */
const FALSE_COUNTS: [string, number[]][] = [
  ["a list", [KIND.message, 0xd1]],
  ["a dictionary", [KIND.message, 0xd3]],
  ["a Map", [KIND.message, 0xd4]],
  ["a Set", [KIND.message, 0xd5]],
  ["bytes", [KIND.message, 0xce]],
  ["a string", [KIND.message, 0xcd]],
  ["a buffer", [KIND.message, 0xcf, 0x00]],
  ["a view", [KIND.message, 0xcf, 0x0c]],
  ["a bigint", [KIND.message, 0xcb]],
  ["a key set's index", [KIND.message, 0xd2]],
  ["an error's name", [KIND.message, 0xd6]],
  ["arguments", [KIND.call, 0, 0, 0, 1, 0x66]],
  ["a name", [KIND.send, 0, 0]],
  ["a name's index", [KIND.send, 0]],
  ["several values", [KIND.returnValues, 0]],
  ["a code", [KIND.fail, 0]],
  ["keys", [KIND.define]],
  ["a defined name", [KIND.define, 0]],
  ["metadata", [KIND.call, 0, 8, 0, 1, 0x66]],
  ["a metadata's key", [KIND.call, 0, 8, 0, 1, 0x66, 1]],
  ["an item's text", [KIND.streamValue, 0, 0xcd]],
  ["the list of a reason", [KIND.streamCancel, 0, 0xd1]],
  ["limits", [KIND.hello, 0x57, 0x49, 0x52, 0x45, 1, 0]],
];

/** Varints of 2^32 − 1 and 2^32 − 8, 2^31, 2^24 and 1,000. */
const COUNTS = [
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xf8, 0xff, 0xff, 0xff, 0x0f],
  [0x80, 0x80, 0x80, 0x80, 0x08],
  [0x80, 0x80, 0x80, 0x08],
  [0xe8, 0x07],
];

test("Decoder refuses false counts, and takes no memory for them", () => {
  for (const [what, head] of FALSE_COUNTS) {
    for (const count of COUNTS) {
      const bytes = frameOf([...head, ...count, ...Array(40).fill(0)]);
      let code: string | undefined;
      const allocated = bytesAllocated(() =>
        code = codeOf(() => decodeAll([bytes]))
      );
      assertEquals(code, "malformed", what);
      assert(allocated < 20_000, `${what} took ${allocated} bytes`);
    }
  }
});

test("Decoder refuses counts that are false together, and takes no memory for them", () => {
  for (
    const [what, tag, each] of [
      ["lists", [0xd1], 1],
      ["Maps", [0xd4], 2],
      ["dictionaries", [0xd3], 1],
    ] as const
  ) {
    // Each count fits by itself into what is left of 900 bytes.
    const nested = Array.from({ length: 60 }, () => {
      const before = what === "dictionaries" ? [1, 0x61] : [];
      return [...tag, 0x80 | 400 / each & 0x7f, 400 / each >> 7, ...before];
    }).flat();
    const body = [KIND.message, ...nested, ...Array(900).fill(0)];
    const decoder = newDecoder(resolveLimits());
    let code: string | undefined;
    const allocated = bytesAllocated(
      () => code = codeOf(() => decodeAll([frameOf(body)], decoder)),
      8,
    );
    assertEquals(code, "malformed", what);
    assert(
      allocated <= 16 * body.length,
      `${what} took ${allocated} bytes for ${body.length}`,
    );
  }
});

test("Decoder refuses credit for a channel that there is not", () => {
  for (let channel = 2; channel < 256; channel++) {
    const bytes = frameOf([KIND.credit, channel, 1]);
    assertEquals(codeOf(() => decodeAll([bytes])), "malformed");
  }
});

/** The body of a hello, with one of its bytes changed. */
function helloBytes(at: number, byte: number): Uint8Array {
  const frame = encodeAll([helloOf()]);
  frame[4 + at] = byte;
  return frame;
}

test("Decoder refuses a hello with another magic as no wire", () => {
  for (let at = 1; at <= 4; at++) {
    for (const byte of [0, 0x20, 0xff]) {
      const code = codeOf(() => decodeAll([helloBytes(at, byte)]));
      assertEquals(code, "notAWire");
    }
  }
});

test("Decoder takes a hello of any version and features", () => {
  for (const version of [0, 1, 2, 255]) {
    const hello = helloOf({ version, features: 2 ** version % 2 ** 32 });
    const came = decodeAll([encodeAll([hello])]);
    assertEquals(exactMessages(came), exactMessages([hello]));
  }
});

test("Decoder takes limits in their ranges only", () => {
  for (const name of HELLO_LIMITS) {
    const { least, most } = limitRange(name);
    for (
      const [value, fine] of [
        [least, true],
        [most, true],
        [least - 1, false],
        [most + 1, false],
        [MOST, false],
      ] as const
    ) {
      if (value < 0) continue;
      const limits = { ...helloOf().limits, [name]: value };
      const bytes = encodeAll([helloOf({ limits })]);
      const code = codeOf(() => decodeAll([bytes]));
      assertEquals(code, fine ? undefined : "malformed", `${name} ${value}`);
    }
  }
});

test("Decoder keeps the limits of a frame and of a message", () => {
  const limits = resolveLimits({ frame: 8_192, message: 4_096 });
  const sized = (size: number) =>
    frameOf([KIND.message, 0xce, size - 4 & 0x7f | 0x80, size - 4 >> 7].concat(
      Array(size - 4).fill(0),
    ));
  for (const [size, fine] of [[4_096, true], [4_097, false], [8_193, false]]) {
    const decoder = new CollectingDecoder(limits);
    const code = codeOf(() => decodeAll([sized(size as number)], decoder));
    assertEquals(code, fine ? undefined : "malformed", `${size}`);
  }
  const strange = { ...limits, helloFrame: 4_000 };
  const newcomer = () => {
    const decoder = new CollectingDecoder(strange, { awaitsHello: true });
    decoder.greet();
    return decoder;
  };
  const early = newcomer();
  assertEquals(codeOf(() => decodeAll([sized(4_001)], early)), "malformed");
  const later = newcomer();
  later.open();
  assertEquals(decodeAll([sized(4_001)], later).length, 1);
});

test("Decoder goes on from chunk to chunk that is overwritten", () => {
  const bytes = encodeAll(MESSAGES);
  const decoder = newDecoder(LIMITS);
  const came: object[] = [];
  const buffer = new Uint8Array(100);
  for (let start = 0; start < bytes.length; start += 100) {
    const part = bytes.subarray(start, start + 100);
    buffer.set(part);
    came.push(...decodeAll([buffer.subarray(0, part.length)], decoder));
  }
  assertEquals(exactMessages(came), exactMessages(MESSAGES));
  decoder.finish();
  assertEquals(decoder.unfinished, false);
});
