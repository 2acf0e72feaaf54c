/**
 * Calls and answers of plain values: written in one go, and read without a
 * message; one-way calls in a row, which share a frame.
 */

import { assert, assertEquals } from "@std/assert";
import { type WireError, wirePair } from "../../wire/mod.ts";
import { FRAME_HEADER } from "../../wire/codec/frames.ts";
import { resolveLimits } from "../../wire/base/limits.ts";
import { KIND, type Message } from "../../wire/codec/messages.ts";
import { frame, RawPeer, send } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { callOf, codeOf, decodeAll, encodeAll } from "./_codec.ts";
import { newDecoder, newEncoder } from "./_codec.ts";
import { exactly, exactMessages } from "./_exact.ts";

const LIMITS = resolveLimits();

/** Plain values: at the ends of each way to write them. */
const PLAIN: readonly unknown[] = [
  ...[undefined, null, true, false, "", "a", "x".repeat(31)],
  ...[0, -0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31],
  ...[-1, -32, -33, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1, 2 ** 32 - 1],
  ...[2 ** 32, 2 ** 53, 0.5, 0.1, NaN, Infinity, -Infinity, Number.MIN_VALUE],
];
/** All others take the longer way. */
const OTHER: readonly unknown[] = [
  ...["x".repeat(32), "é", "\ud800", 1n, Symbol(), () => {}, new Date(0)],
  ...[[], {}, new Map(), new Set(), new Uint8Array(1), new Error("e")],
];

/** An encoder whose peer knows the names `f` and `g`. */
function knowing(limits = LIMITS) {
  const encoder = newEncoder(limits);
  const known = ["f", "g"].map((name) => callOf({ name }));
  const before = encodeAll(known, encoder);
  return { encoder, plain: encoder.plain!, writer: encoder.writer, before };
}

test("PlainWriter writes calls and answers as MessageWriter does", () => {
  for (const value of PLAIN) {
    for (const [id, wantsValues] of [[0, false], [200, true]] as const) {
      const { plain, writer, encoder } = knowing();
      for (const args of [[], [value], [value, 1, value]]) {
        const start = writer.position;
        const size = plain.call(id, wantsValues, "g", args);
        const bytes = writer.written(start).slice();
        const call = callOf({ id, name: "g", args, wantsValues });
        assertEquals(bytes, encodeAll([call], encoder), exactly(value));
        assertEquals(size, bytes.length - FRAME_HEADER);
      }
      const start = writer.position;
      const size = plain.return(id, value);
      const bytes = writer.written(start).slice();
      const answer: Message = { kind: "return", id, value };
      assertEquals(bytes, encodeAll([answer], encoder), exactly(value));
      assertEquals(size, bytes.length - FRAME_HEADER);
    }
  }
});

test("PlainWriter writes nothing of what is not plain", () => {
  const { plain, writer } = knowing();
  const { position } = writer;
  for (const value of OTHER) {
    for (const args of [[value], [1, value]]) {
      assertEquals(plain.call(0, false, "f", args), 0);
      assertEquals(plain.send("f", args), 0);
    }
    assertEquals(plain.return(0, value), 0);
  }
  const nine = Array(9).fill(0);
  assertEquals(plain.call(0, false, "f", nine), 0);
  assertEquals(plain.send("f", nine), 0);
  assertEquals(plain.send("f", []), 0);
  assertEquals(plain.call(0, false, "unknown", []), 0);
  assertEquals(plain.send("unknown", [1]), 0);
  assertEquals(writer.position, position);
  assert(plain.send("f", [1]) > 0);
  for (const value of OTHER) assertEquals(plain.add("f", [value]), 0);
  assert(plain.add("f", [2]) > 0);
});

test("PlainWriter keeps the peer's limit of values", () => {
  const { plain } = knowing(resolveLimits({ values: 2 }));
  assert(plain.call(0, false, "f", [1, 2]) > 0);
  assertEquals(plain.call(0, false, "f", [1, 2, 3]), 0);
  assertEquals(plain.send("f", [1, 2, 3]), 0);
});

test("PlainWriter adds one-way calls of one function to a frame", () => {
  const { plain, writer, before } = knowing();
  const start = writer.position;
  const calls = PLAIN.map((value, at) => [value, at]);
  const [first, ...others] = calls;
  let size = plain.send("f", first!);
  for (const args of others) size += plain.add("f", args);
  const bytes = writer.written(start).slice();
  assertEquals(size, bytes.length - FRAME_HEADER);
  assertEquals(bytes[FRAME_HEADER], KIND.sends);
  const [, , ...came] = decodeAll([before, bytes], newDecoder(LIMITS));
  const sent = calls.map((args) => send("f", ...args));
  assertEquals(exactMessages(came), exactMessages(sent));
});

test("PlainWriter ends a row where something else comes", () => {
  const { plain, writer, encoder } = knowing();
  assertEquals(plain.add("f", [1]), 0);
  plain.send("f", [1]);
  assertEquals(plain.add("g", [1]), 0);
  assertEquals(plain.add("f", [1, 2]), 0);
  assertEquals(plain.add("f", []), 0);
  assertEquals(plain.add("f", [2]), 1);
  encoder.encode({ kind: "ping", token: 1 });
  assertEquals(plain.add("f", [3]), 0);
  plain.send("f", [3]);
  writer.flip();
  assertEquals(plain.add("f", [4]), 0);
});

test("PlainWriter ends a row at some 4 KiB, or at the peer's frame", () => {
  for (const [frame, most] of [[64 * 1024, 4_096], [1_024, 1_024]] as const) {
    const { plain } = knowing(resolveLimits({ frame }));
    let size = plain.send("f", [1e9, "x".repeat(31)]);
    for (let added; (added = plain.add("f", [1e9, "x".repeat(31)])) > 0;) {
      size += added;
    }
    assert(size <= most && size > most / 2, `${size} bytes`);
  }
});

test("Decoder reads rows of one-way calls byte by byte", () => {
  const { plain, writer, before } = knowing();
  const start = writer.position;
  plain.send("f", [70_000, "", 0.1]);
  for (let n = 0; n < 20; n++) plain.add("f", [n - 10, `${n}`, null]);
  const bytes = [...before, ...writer.written(start)];
  const chunks = bytes.map((byte) => Uint8Array.of(byte));
  assertEquals(decodeAll(chunks, newDecoder(LIMITS)).length, 2 + 21);
});

/** Rows of one-way calls that are none, behind a definition of "f". */
const REFUSED: readonly [what: string, ...body: number[]][] = [
  ["no name", KIND.sends],
  ["no count", KIND.sends, 1],
  ["no calls", KIND.sends, 1, 1],
  ["no arguments", KIND.sends, 1, 0],
  ["nine arguments", KIND.sends, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ["a name in full", KIND.sends, 0, 1, 0x66, 1, 0],
  ["an unknown name", KIND.sends, 2, 1, 0],
  ["half of a call", KIND.sends, 1, 2, 0, 0, 0],
  ["half of a value", KIND.sends, 1, 1, 0, 0xc8, 0, 0],
  ["a list", KIND.sends, 1, 1, 0xa0],
  ["an object", KIND.sends, 1, 1, 0xb0],
  ["a bigint", KIND.sends, 1, 1, 0xcb, 1, 1],
  ["a long text", KIND.sends, 1, 1, 0xcd, 1, 0x66],
  ["a reference", KIND.sends, 1, 1, 0xd7, 0, 0, 0, 0, 0, 0],
];

test("Decoder refuses one-way calls in a row that are none", () => {
  for (const [what, ...body] of REFUSED) {
    const bytes = [frame(KIND.define, 0, 1, 0x66), frame(...body)];
    const code = codeOf(() => decodeAll(bytes, newDecoder(LIMITS)));
    assertEquals(code, "malformed", what);
  }
  const narrow = newDecoder(resolveLimits({ values: 1 }));
  const two = [frame(KIND.define, 0, 1, 0x66), frame(KIND.sends, 1, 2, 0, 0)];
  assertEquals(codeOf(() => decodeAll(two, narrow)), "malformed");
});

test("Decoder goes on in the middle of a row where its receiver paused", () => {
  const { plain, writer, before } = knowing();
  const start = writer.position;
  plain.send("f", [0]);
  for (let n = 1; n < 5; n++) plain.add("f", [n]);
  const bytes = Uint8Array.from([...before, ...writer.written(start)]);
  // It pauses behind each message.
  const decoder = newDecoder(LIMITS);
  decoder.feed(bytes);
  const came: unknown[] = [];
  for (let next; (next = decoder.next()) !== undefined;) {
    if (next.kind === "send") came.push([decoder.messages, next.args]);
  }
  assertEquals(came, [0, 1, 2, 3, 4].map((n) => [3 + n, [n]]));
});

test("Decoder refuses one-way calls in a row in pieces", () => {
  const body = [KIND.sends, 1, 1, 0];
  const bytes = [
    frame(KIND.define, 0, 1, 0x66),
    frame(KIND.piece, 0, 0, body.length, ...body),
  ];
  const code = codeOf(() => decodeAll(bytes, newDecoder(LIMITS)));
  assertEquals(code, "malformed");
});

test("one-way calls keep their order, plain or not", async () => {
  const [near, far] = wirePair();
  const came: unknown[] = [];
  far.serve({
    note: (value: unknown) => void came.push(value),
    other: (value: unknown) => void came.push(value),
  });
  const large = new Uint8Array(300_000);
  const values = [0, 1, [2], 3, "é", 5, 6, large, 8, 9, "x".repeat(40), 11];
  for (let round = 0; round < 3; round++) {
    for (const value of values) {
      near.remote.note(value);
      near.remote.other(value);
      near.remote.other(value);
    }
    near.outputObject("in between");
  }
  await near.close();
  const thrice = values.flatMap((value) => [value, value, value]);
  assertEquals(came, [...thrice, ...thrice, ...thrice]);
});

test("a plain one-way call does not overtake one that waits", async () => {
  const [near, far] = wirePair({}, { limits: { window: 200 } });
  const came: unknown[] = [];
  far.serve({ note: (value: unknown) => void came.push(value) });
  const values = Array.from({ length: 50 }, (_, n) => n % 3 === 0 ? [n] : n);
  for (const value of values) near.remote.note(value);
  await near.close();
  assertEquals(came, values);
});

test("Wire serves a row of one-way calls until one of them ends it", async () => {
  await using peer = new RawPeer();
  const served: unknown[] = [];
  peer.wire.serve({
    note(value: unknown) {
      served.push(value);
      if (value === 2) peer.wire.abort();
    },
  });
  await peer.open();
  await peer.say(frame(KIND.define, 0, 4, 0x6e, 0x6f, 0x74, 0x65));
  await peer.say(frame(KIND.sends, 1, 1, 1, 2, 3, 4));
  assertEquals(served, [1, 2]);
});

test("Wire serves the calls of a row in front of what is malformed", async () => {
  await using peer = new RawPeer();
  const served: unknown[] = [];
  peer.wire.serve({ note: (value: unknown) => void served.push(value) });
  await peer.open();
  await peer.say(frame(KIND.define, 0, 4, 0x6e, 0x6f, 0x74, 0x65));
  await peer.say(frame(KIND.sends, 1, 1, 1, 2, 0xa0));
  assertEquals(served, [1, 2]);
  assertEquals((await peer.hearAbort())?.code, "malformed");
});

test("Wire counts each call of a row in its window", async () => {
  await using peer = new RawPeer({ limits: { window: 300 } });
  peer.wire.serve({ note: () => new Promise(() => {}) });
  await peer.open();
  await peer.say(frame(KIND.define, 0, 4, 0x6e, 0x6f, 0x74, 0x65));
  // 68, and four times 65: the window is full behind the fifth.
  await peer.say(frame(KIND.sends, 1, 1, 1, 2, 3, 4, 5));
  assertEquals(peer.wire.stats().callsRunning, 5);
  await peer.say(frame(KIND.sends, 1, 1, 6));
  const reason = await peer.wire.closed as WireError;
  assertEquals(reason.code, "malformed");
});

test("Wire gives credit for rows of one-way calls as they were counted", async () => {
  const [near, far] = wirePair({}, { limits: { window: 5_000 } });
  let sum = 0;
  far.serve({
    async wait(n: number) {
      await undefined;
      sum += n;
    },
    add(n: number) {
      sum += n;
    },
  });
  for (let n = 0; n < 2_000; n++) {
    near.remote.add(n);
    if (n % 7 < 3) near.remote.wait(n);
    if (n % 50 === 0) await near.remote.add(0);
  }
  await near.close();
  let expected = 0;
  for (let n = 0; n < 2_000; n++) expected += n % 7 < 3 ? 2 * n : n;
  assertEquals(sum, expected);
});

test("stats() counts each call of a row", async () => {
  const [near, far] = wirePair();
  far.serve({ note: () => {} });
  near.remote.note(0);
  await near.ping();
  const before = [near.stats().messagesSent, far.stats().messagesReceived];
  for (let n = 0; n < 10; n++) near.remote.note(n);
  await near.forceOutput();
  await near.ping();
  const after = [near.stats().messagesSent, far.stats().messagesReceived];
  // The ping is one, too.
  assertEquals([after[0]! - before[0]!, after[1]! - before[1]!], [11, 11]);
  assertEquals(far.stats().callsServed, 11);
  await near.close();
});
