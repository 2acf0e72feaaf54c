/** The limits of values, at the sender and at the receiver. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { WireError } from "../../wire/base/errors.ts";
import { resolveLimits, type WireLimits } from "../../wire/base/limits.ts";
import type { Message } from "../../wire/codec/messages.ts";
import {
  CollectingDecoder,
  type OverLimit,
} from "../../wire/codec/message_collector.ts";
import { decodeValue, encodeValue } from "../../wire/codec/codec.ts";
import { test } from "../_test.ts";
import { codeOf, decodeAll, encodeAll, newEncoder } from "./_codec.ts";
import { exactly } from "./_exact.ts";

/** Ways to put a value into another. */
const HOLDERS: [string, (inner: unknown) => unknown][] = [
  ["a list", (inner) => [inner]],
  ["a long list", (inner) => [...Array(20).fill(0), inner]],
  ["an object", (inner) => ({ a: inner })],
  ["a dictionary", (inner) => ({ ["k".repeat(300)]: inner })],
  ["a Map's value", (inner) => new Map([["a", inner]])],
  ["a Map's key", (inner) => new Map([[inner, "a"]])],
  ["a Set", (inner) => new Set([inner])],
  ["a cause", (inner) => new Error("m", { cause: inner })],
];

function nested(
  hold: (inner: unknown) => unknown,
  depth: number,
  innermost: unknown,
): unknown {
  let value = innermost;
  for (let level = 0; level < depth; level++) value = hold(value);
  return value;
}

test("encodeValue() takes what nests to the limit, and no deeper", () => {
  const wide = { nesting: 1_000 };
  for (const [what, hold] of HOLDERS) {
    for (const nesting of [1, 2, 64]) {
      const limits = { nesting };
      const deepest = nested(hold, nesting, 1);
      const bytes = encodeValue(deepest, limits);
      assertEquals(exactly(decodeValue(bytes, limits)), exactly(deepest), what);

      const deeper = nested(hold, nesting + 1, 1);
      const error = assertThrows(() => encodeValue(deeper, limits));
      assert(error instanceof WireError);
      assertEquals(error.code, "limit", what);
      assert(error.message.includes("nesting"), error.message);
      const tooDeep = encodeValue(deeper, wide);
      assertEquals(codeOf(() => decodeValue(tooDeep, limits)), "limit", what);
    }
  }
});

test("encodeValue() counts an error's data and errors as a level", () => {
  const limits = { nesting: 2 };
  for (
    const error of [
      Object.assign(new Error("m"), { a: 1 }),
      new AggregateError([1]),
    ]
  ) {
    encodeValue(error, limits);
    assertEquals(codeOf(() => encodeValue([error], limits)), "limit");
  }
});

test("encodeValue() survives the deepest nesting that may be set", () => {
  const limits = { nesting: 1_000 };
  for (const [what, hold] of HOLDERS) {
    const value = nested(hold, 1_000, 1);
    const bytes = encodeValue(value, limits);
    assertEquals(exactly(decodeValue(bytes, limits)), exactly(value), what);
  }
});

test("encodeValue() finds what contains itself", () => {
  const list: unknown[] = [];
  list.push(list);
  const object: Record<string, unknown> = {};
  object.self = { object };
  const map = new Map();
  map.set("self", map);
  const key = new Map();
  key.set(key, 1);
  const set = new Set();
  set.add([set]);
  for (const loop of [list, object, map, key, set]) {
    const error = assertThrows(() => encodeValue(loop));
    assert(error instanceof WireError);
    assertEquals(error.code, "limit");
    assert(error.message.includes("contains itself"), error.message);
  }
});

/** Values, and how many they hold. */
const COUNTS: [unknown, number][] = [
  [[1, 2, 3], 3],
  [[[1], [2]], 4],
  [{ a: 1, b: [2] }, 3],
  [Object.fromEntries(Array(70).fill(0).map((_, i) => [`k${i}`, i])), 70],
  [new Map([[1, 2], [3, 4]]), 4],
  [new Set([1, [2]]), 3],
  [new Error("m"), 1],
  [Object.assign(new Error("m"), { a: 1 }), 2],
];

test("encodeValue() takes as many values as the limit says, no more", () => {
  for (const [value, values] of COUNTS) {
    const bytes = encodeValue(value, { values });
    assertEquals(exactly(decodeValue(bytes, { values })), exactly(value));
    if (values === 1) continue;
    const limits = { values: values - 1 };
    const error = assertThrows(() => encodeValue(value, limits));
    assert(error instanceof WireError);
    assertEquals(error.code, "limit");
    assert(error.message.includes("values"), error.message);
    assertEquals(codeOf(() => decodeValue(bytes, limits)), "limit");
  }
});

test("Encoder counts the values of each message by itself", () => {
  const limits = resolveLimits({ values: 3 });
  const encoder = newEncoder(limits);
  const message: Message = { kind: "message", value: [1, 2, 3] };
  const bytes = encodeAll([message, message, message], encoder);
  assertEquals(decodeAll([bytes], new CollectingDecoder(limits)).length, 3);
});

/** Messages that hold a value, which is over a limit or not. */
const HOLDING: ((value: unknown) => Message)[] = [
  (value) => ({ kind: "message", value }),
  (value) => ({ kind: "send", name: "f", args: [value], deadline: 0 }),
  (value) => ({
    kind: "call",
    id: 7,
    name: "f",
    args: [1, value],
    deadline: 5,
    wantsValues: true,
  }),
  (value) => ({ kind: "return", id: 7, value }),
  (value) => ({ kind: "returnValues", id: 7, values: [1, value] }),
  (value) => ({ kind: "throw", id: 7, thrown: value }),
];

/** Values over a limit, and a message's worth of the limit. */
const OVER: [string, unknown, Partial<WireLimits>][] = [
  ["nesting", nested((inner) => [inner], 5, 1), { nesting: 4 }],
  ["values", Array(100).fill(0), { values: 99 }],
  ["bigint", 1n << 64n, { bigint: 8 }],
];

test("Decoder fails a message over a limit, and goes on behind it", () => {
  for (const [limit, value, changes] of OVER) {
    const limits = resolveLimits(changes);
    for (const holding of HOLDING) {
      const over = holding(value);
      const fine: Message = { kind: "message", value: { after: "it" } };
      const bytes = encodeAll([fine, over, fine]);
      const messages = decodeAll([bytes], new CollectingDecoder(limits));
      assertEquals(messages.length, 3);
      assertEquals(exactly(messages[0]), exactly(fine));
      assertEquals(exactly(messages[2]), exactly(fine));
      const failed = messages[1] as OverLimit;
      assertEquals(failed.kind, "overLimit", `${limit} in ${over.kind}`);
      assertEquals(failed.of, over.kind);
      assertEquals(failed.id, "id" in over ? over.id : 0);
      assertEquals(failed.name, "name" in over ? over.name : "");
      assertEquals((failed.error as WireError).code, "limit");
      assert(failed.error.message.includes(limit), failed.error.message);
    }
  }
});

test("Encoder writes nothing of a message that it refuses", () => {
  for (const [limit, value, changes] of OVER) {
    const encoder = newEncoder(resolveLimits(changes));
    encodeAll([{ kind: "message", value: "before" }], encoder);
    const { position } = encoder.writer;
    for (const holding of HOLDING) {
      const code = codeOf(() => encoder.encode(holding({ shape: value })));
      assert(code === "limit" || code === "unsupportedValue", limit);
      assertEquals(encoder.writer.position, position);
      const bad = codeOf(() => encoder.encode(holding([() => {}])));
      assertEquals(bad, "unsupportedValue");
      assertEquals(encoder.writer.position, position);
    }
    const all = [...encodeAll([{ kind: "message", value: 1 }], encoder)];
    assertEquals(all.slice(-6), [0, 0, 0, 2, 0x10, 1]);
  }
});

test("Encoder takes a message of the largest size, and no byte more", () => {
  const limits = resolveLimits({ message: 4_096 });
  for (const size of [4_000, 4_095, 4_096, 4_097, 10_000]) {
    // A kind, a tag and two bytes of length stand before the bytes.
    const value = new Uint8Array(size - 4);
    const encoder = newEncoder(limits);
    const code = codeOf(() => encoder.encode({ kind: "message", value }));
    assertEquals(code, size > 4_096 ? "limit" : undefined, `${size}`);
    assertEquals(encoder.writer.position, size > 4_096 ? 0 : 4 + size);
  }
});
