import { assert, assertEquals } from "@std/assert";
import { decodeValue, encodeValue } from "../../wire/codec/codec.ts";
import { test } from "../_test.ts";
import { codeOf } from "./_codec.ts";
import { exactly } from "./_exact.ts";

/** A value of every kind. */
const VALUE = {
  list: [null, undefined, true, false, -0, 1.5, 0.1, 70_000, 2n ** 70n, "é"],
  bytes: Uint8Array.of(1, 2, 3),
  view: Int16Array.of(-1, 1),
  date: new Date(1e12),
  map: new Map<unknown, unknown>([["a", { list: [] }], [NaN, new Set([1])]]),
  error: Object.assign(new RangeError("far", { cause: "why" }), { at: 1 }),
  ["k".repeat(300)]: { x: 1, y: [{ x: 2, y: [] }] },
};

test("encodeValue() takes a value of every kind, and decodeValue() gives it", () => {
  assertEquals(exactly(decodeValue(encodeValue(VALUE))), exactly(VALUE));
});

test("encodeValue() gives bytes that nothing else writes to", () => {
  const one = encodeValue([1]);
  const two = encodeValue([2]);
  assertEquals([[...one], [...two]], [[0, 0xa1, 1], [0, 0xa1, 2]]);
  assertEquals(one.buffer.byteLength, one.length);
});

test("encodeValue() puts key sets in front of the value", () => {
  const bytes = [...encodeValue([{ x: 1 }, { x: 2 }, {}])];
  assertEquals(bytes, [2, 2, 1, 0x78, 1, 0xa3, 0xb0, 1, 0xb0, 2, 0xb1]);
});

test("decodeValue() reads from part of a buffer", () => {
  const bytes = encodeValue(VALUE);
  const whole = new Uint8Array(bytes.length + 10).fill(0xff);
  whole.set(bytes, 5);
  const part = whole.subarray(5, -5);
  assertEquals(exactly(decodeValue(part)), exactly(VALUE));
});

test("decodeValue() refuses a value that is cut anywhere", () => {
  const bytes = encodeValue(VALUE);
  for (let length = 0; length < bytes.length; length++) {
    const cut = bytes.slice(0, length);
    assertEquals(codeOf(() => decodeValue(cut)), "malformed", `${length}`);
  }
});

test("decodeValue() refuses trailing bytes", () => {
  for (const value of [1, "a", [1], { a: 1 }, VALUE]) {
    const bytes = encodeValue(value);
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    assertEquals(codeOf(() => decodeValue(longer)), "malformed");
  }
});

test("decodeValue() gives a value that shares nothing with the bytes", () => {
  const bytes = encodeValue(VALUE);
  const value = decodeValue(bytes);
  bytes.fill(0xff);
  assertEquals(exactly(value), exactly(VALUE));
});

test("encodeValue() and decodeValue() keep the limits they are given", () => {
  const limits = { nesting: 1, values: 2, bigint: 1 };
  for (const value of [[[1]], [1, 2, 3], 256n]) {
    assert(codeOf(() => encodeValue(value, limits)) !== undefined);
    const bytes = encodeValue(value);
    assertEquals(codeOf(() => decodeValue(bytes, limits)), "limit");
  }
  assertEquals(decodeValue(encodeValue([1, 255n], limits), limits), [1, 255n]);
  const wrong = () => encodeValue(1, { nesting: 0 });
  assertEquals(codeOf(wrong), "invalidArgument");
});

test("encodeValue() has no limit of size of its own", () => {
  const text = "x".repeat(5 * 1024 * 1024);
  assert(decodeValue(encodeValue(text)) === text);
});
