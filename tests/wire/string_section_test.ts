/** Messages with a string section: their texts behind their values. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { makeRemoteObject, wirePair } from "../../wire/mod.ts";
import { FRAME_HEADER } from "../../wire/codec/frames.ts";
import { resolveLimits } from "../../wire/base/limits.ts";
import { KIND, type Message, STRINGS } from "../../wire/codec/messages.ts";
import { Raw } from "../_raw_values.ts";
import { test } from "../_test.ts";
import { callOf, chunksOf, concat, decodeAll, encodeAll } from "./_codec.ts";
import { newDecoder, newEncoder } from "./_codec.ts";
import { exactMessages } from "./_exact.ts";
import { framesOf } from "./_session.ts";

const LIMITS = resolveLimits();

const message = (value: unknown): Message => ({ kind: "message", value });

/** Strings enough for a string section, from the second message on. */
const TEXTUAL = {
  title: "An engine for the calculation of tables",
  lines: Array.from({ length: 10 }, (_, at) => `line ${at} of its drawings`),
  short: ["", "a", "bc"],
  rest: [1, 0.5, null, true, new Date(0), new Map([["key", "value"]])],
};

/** An encoder whose next message has a string section. */
function textual() {
  const encoder = newEncoder(LIMITS);
  const first = encodeAll([message(TEXTUAL)], encoder);
  return { encoder, first };
}

/** Whether the last frame of some bytes has a string section. */
function hasSection(bytes: Uint8Array): boolean {
  const last = framesOf(bytes).at(-1)!;
  return (last[FRAME_HEADER]! & STRINGS) !== 0;
}

test("Encoder writes a string section once a message had much text", () => {
  const { encoder, first } = textual();
  assert(!hasSection(first));
  const second = encodeAll([message(TEXTUAL)], encoder);
  assert(hasSection(second));
  const bytes = concat([first, second]);
  for (const chunks of [[bytes], chunksOf(bytes, 1), chunksOf(bytes, 7)]) {
    const came = decodeAll(chunks, newDecoder(LIMITS));
    const both = [message(TEXTUAL), message(TEXTUAL)];
    assertEquals(exactMessages(came), exactMessages(both));
  }
});

/** Messages that cannot have a string section, right behind one that had much. */
const OTHERS: readonly [what: string, value: unknown][] = [
  ["what is not ASCII", { ...TEXTUAL, title: "Une idée" }],
  ["what is not ASCII at the end", ["a", "b", "é"]],
  ["characters beyond the BMP", ["😀", "a".repeat(100)]],
  ["too much of it", ["x".repeat(2_049)]],
  ["too much of it together", Array(100).fill("y".repeat(30))],
  ["a reference", [..."abcdefgh", new Raw({ as: "own", slot: 1, nonce: 2 })]],
  ["a stream", [..."abcdefgh", new Raw({ as: "stream", id: 3 })]],
];

test("Encoder writes text in place that fits no string section", () => {
  for (const [what, value] of OTHERS) {
    const { encoder, first } = textual();
    const second = encodeAll([message(value)], encoder);
    assert(!hasSection(second), what);
    const came = decodeAll([first, second], newDecoder(LIMITS));
    const both = [message(TEXTUAL), message(value)];
    assertEquals(exactMessages(came), exactMessages(both), what);
  }
});

test("Encoder goes on where it had to write a message again", () => {
  const { encoder, first } = textual();
  const values = [...OTHERS.map(([, value]) => value), TEXTUAL, TEXTUAL];
  const rest = encodeAll(values.map(message), encoder);
  const came = decodeAll([first, rest], newDecoder(LIMITS));
  const all = [TEXTUAL, ...values].map(message);
  assertEquals(exactMessages(came), exactMessages(all));
});

test("Encoder leaves messages without strings as they are", () => {
  const { encoder } = textual();
  for (const value of [[], 1, [1, [2, 3]], new Uint8Array(3), new Map()]) {
    assert(!hasSection(encodeAll([message(value)], encoder)));
  }
  assert(!hasSection(encodeAll([{ kind: "ping", token: 1 }], encoder)));
  // None of them says that there is less text to come.
  const last = encodeAll([message("the only one")], encoder);
  assert(hasSection(last));
  assert(!hasSection(encodeAll([message("the only one")], encoder)));
});

test("Encoder writes a string section for every kind of message with values", () => {
  const kinds: Message[] = [
    message(TEXTUAL),
    callOf({ args: [TEXTUAL] }),
    { kind: "send", name: "f", args: [TEXTUAL, TEXTUAL.lines], deadline: 5 },
    { kind: "return", id: 1, value: TEXTUAL },
    { kind: "returnValues", id: 1, values: [TEXTUAL, "and another"] },
    { kind: "throw", id: 1, thrown: { ...TEXTUAL } },
    { kind: "streamValue", id: 1, value: TEXTUAL },
    { kind: "streamError", id: 1, thrown: TEXTUAL },
    { kind: "streamCancel", id: 1, reason: TEXTUAL },
  ];
  const { encoder, first } = textual();
  const rest: Uint8Array[] = [];
  for (const kind of kinds) {
    encodeAll([kind], encoder);
    rest.push(encodeAll([kind], encoder));
    assert(hasSection(rest.at(-1)!), kind.kind);
  }
  const names = encodeAll([callOf({})], newEncoder(LIMITS));
  const came = decodeAll([first, names, ...rest], newDecoder(LIMITS));
  assertEquals(exactMessages(came.slice(2)), exactMessages(kinds));
});

test("Encoder keeps an error's own text out of the string section", () => {
  const { encoder, first } = textual();
  const error = new TypeError("no such engine", { cause: TEXTUAL });
  const second = encodeAll([message([error, "z"])], encoder);
  assert(hasSection(second));
  const [, came] = decodeAll([first, second], newDecoder(LIMITS));
  const [found, z] = (came as { value: [Error, string] }).value;
  assertEquals([found.name, found.message, z], [
    "TypeError",
    error.message,
    "z",
  ]);
  assertEquals(found.cause, TEXTUAL);
});

test("Encoder refuses the same with a string section and without", () => {
  const narrow = resolveLimits({ nesting: 4, values: 50, message: 4_096 });
  const values = [
    ["\ud800", "\udc00"],
    ["a", Symbol()],
    ["a", [[[[[]]]]]],
    ["a", ...Array(60).fill(0)],
    ["a", "b".repeat(5_000)],
  ];
  for (const value of values) {
    const encoder = newEncoder(narrow);
    encodeAll([message(TEXTUAL.lines)], encoder);
    const { position } = encoder.writer;
    assertThrows(() => encoder.encode(message(value)));
    assertEquals(encoder.writer.position, position);
    const bytes = encodeAll([message(TEXTUAL.lines)], encoder);
    const [came] = decodeAll([bytes], newDecoder(LIMITS));
    assertEquals((came as { value: unknown }).value, TEXTUAL.lines);
  }
});

test("a string section may travel in pieces", async () => {
  const [near, far] = wirePair({ limits: { frame: 1_024 } }, {
    limits: { frame: 1_024 },
  });
  far.serve({ echo: (value: unknown) => value });
  for (let round = 0; round < 5; round++) {
    const value = { ...TEXTUAL, numbers: Array(2_000).fill(round) };
    assertEquals(await near.remoteValue.echo(value), value);
  }
  await near.close();
});

test("references among much text are counted once", async () => {
  const [near, far] = wirePair();
  const seen: number[] = [];
  far.serve({
    note: (_value: unknown) => {},
    async each(value: { f: (n: number) => Promise<void> }) {
      using f = value.f as typeof value.f & Disposable;
      await f(seen.length);
    },
  });
  for (let round = 0; round < 5; round++) {
    const f = (n: number) => void seen.push(n);
    await near.remoteValue.note(TEXTUAL);
    await near.remoteValue.each({ ...TEXTUAL, f });
    await near.remoteValue.note(TEXTUAL);
    await near.remoteValue.each({ ...TEXTUAL, f: makeRemoteObject(f) });
  }
  await near.ping();
  await far.ping();
  assertEquals(seen, Array.from({ length: 10 }, (_, n) => n));
  assertEquals(near.stats().objectsExported, 0);
  await near.close();
});

test("a getter is read again where a message is written again", () => {
  const { encoder } = textual();
  let reads = 0;
  const value = {
    get title() {
      reads++;
      return "é";
    },
  };
  const bytes = encodeAll([message(value)], encoder);
  assertEquals(reads, 2);
  assert(bytes.length > 0);
});

test("Encoder tries no string section behind a message with references", () => {
  const { encoder } = textual();
  let reads = 0;
  const value = {
    ...TEXTUAL,
    get own() {
      reads++;
      return new Raw({ as: "own", slot: 1, nonce: 2 });
    },
  };
  encodeAll([message(value)], encoder);
  assertEquals(reads, 2);
  encodeAll([message(value)], encoder);
  assertEquals(reads, 3);
  encodeAll([message(TEXTUAL)], encoder);
  assert(hasSection(encodeAll([message(TEXTUAL)], encoder)));
});

test("results to come among much text are asked for once", async () => {
  const [near, far] = wirePair();
  far.serve({
    one: () => 1,
    note: (_value: unknown) => {},
    show: (value: { n: number }) => value.n,
  });
  for (let round = 0; round < 5; round++) {
    await near.remoteValue.note(TEXTUAL);
    const n = near.remoteValue.one();
    assertEquals(await near.remoteValue.show({ ...TEXTUAL, n }), 1);
  }
  // Ids are used again only when nothing refers to them: see calls.ts.
  assertEquals(near.stats().callsPending, 0);
  for (let round = 0; round < 1_000; round++) await near.remoteValue.one();
  await near.close();
});

test("KIND leaves the bit of string sections free", () => {
  for (const kind of Object.values(KIND)) assertEquals(kind & STRINGS, 0);
});
