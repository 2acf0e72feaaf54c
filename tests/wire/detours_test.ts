/** What the codec asks of the platform for values that are small, and long. */

import { assertEquals } from "@std/assert";
import { decodeValue, encodeValue } from "../../wire/codec/codec.ts";
import { test } from "../_test.ts";

/** Counts the calls of a method until it is disposed of. */
function counted<K extends string>(
  holder: Record<K, (...args: never[]) => unknown>,
  name: K,
): { calls: number } & Disposable {
  const original = holder[name];
  const count = {
    calls: 0,
    [Symbol.dispose]() {
      holder[name] = original;
    },
  };
  holder[name] = function (this: unknown, ...args: never[]) {
    count.calls++;
    return original.apply(this, args);
  };
  return count;
}

test("bigints of up to 128 bytes are taken by words, not by their digits", () => {
  const values = Array.from(
    { length: 128 },
    (_, at) => (1n << BigInt(8 * at + 7)) + 1n,
  );
  using digits = counted(BigInt.prototype, "toString");
  assertEquals(decodeValue(encodeValue(values)), values);
  assertEquals(digits.calls, 0);
  // A larger one is, in time that is in proportion to its length.
  encodeValue(1n << 2_048n);
  assertEquals(digits.calls, 1);
});

test("short texts of any script are no work for TextEncoder and TextDecoder", () => {
  const values = [
    "plain",
    "größer",
    "分析机编织代数的图案",
    "📦🚀",
    "Zoë (東京都) 📦",
  ]
    .flatMap((text) => [text, { text }]);
  using encoded = counted(TextEncoder.prototype, "encodeInto");
  using whole = counted(TextEncoder.prototype, "encode");
  using decoded = counted(TextDecoder.prototype, "decode");
  assertEquals(decodeValue(encodeValue(values)), values);
  assertEquals([encoded.calls, whole.calls, decoded.calls], [0, 0, 0]);
});

test("long texts are written where they are to stand, in two steps at most", () => {
  for (const kind of ["plain ", "größer ", "分析机", "📦"]) {
    for (const length of [200, 5_000, 100_000]) {
      const text = kind.repeat(length / kind.length);
      using whole = counted(TextEncoder.prototype, "encode");
      using encoded = counted(TextEncoder.prototype, "encodeInto");
      const bytes = encodeValue(text);
      assertEquals(whole.calls, 0);
      const steps = length < 10_000 || kind === "plain " ? 1 : 2;
      assertEquals(encoded.calls <= steps, true, `${encoded.calls} of ${kind}`);
      using decoded = counted(TextDecoder.prototype, "decode");
      assertEquals(decodeValue(bytes), text);
      assertEquals(decoded.calls, 1);
    }
  }
});

test("objects with many keys are asked for few of them", () => {
  const value = Object.fromEntries(
    Array.from({ length: 2_000 }, (_, at) => [`member ${at * 7_919}`, at]),
  );
  const bytes = encodeValue(value);
  using asked = counted(Object, "hasOwn");
  const decoded = decodeValue(bytes);
  const { calls } = asked;
  assertEquals(decoded, value);
  assertEquals(calls < 400, true, `asked for ${calls} of 2,000`);
});
