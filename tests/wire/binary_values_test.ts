/** Big integers, buffers and their views. */

import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { resolveLimits } from "../../wire/base/limits.ts";
import { decodeValue, encodeValue } from "../../wire/codec/codec.ts";
import { test } from "../_test.ts";
import { codeOf, roundTrip } from "./_codec.ts";
import { exactly } from "./_exact.ts";

function keeps(value: unknown, arrives: unknown = value): void {
  assertEquals(exactly(roundTrip(value)), exactly(arrives));
  assertEquals(exactly(decodeValue(encodeValue(value))), exactly(arrives));
}

/** Every bigint around a power of two, of either sign. */
function* edges(bits: readonly number[]): Iterable<bigint> {
  for (const bit of bits) {
    for (const beside of [-1n, 0n, 1n]) {
      const value = (1n << BigInt(bit)) + beside;
      yield value;
      yield -value;
    }
  }
}

test("encodeValue() takes bigints around every size", () => {
  for (const value of edges([0, 1, 7, 8, 15, 16, 31, 32, 53, 63, 64, 65])) {
    keeps(value);
  }
  for (const value of edges([127, 128, 255, 256, 1023, 1024, 65_535])) {
    keeps(value);
  }
  keeps([0n, 0, 1n, 1, -1n, -1]);
});

test("encodeValue() takes bigints of every length, by words and by digits", () => {
  for (let length = 1; length <= 300; length++) {
    // Each byte is another, and the first is odd or even in turns.
    const digits = Array.from(
      { length },
      (_, at) => (at * 37 + length) % 255 + 1,
    )
      .map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const value = BigInt(`0x${digits}`);
    keeps(value);
    keeps(-value);
    const bytes = encodeValue(value).subarray(-length);
    const written = [...bytes].map((byte) =>
      byte.toString(16).padStart(2, "0")
    );
    assertEquals(written.join(""), digits);
  }
  // Around the number of words up to which none of the digits is asked for.
  for (const value of edges([56, 64, 120, 128, 1_016, 1_024, 1_032, 2_048])) {
    keeps(value);
  }
});

test("encodeValue() takes bigints up to the limit and not one byte more", () => {
  for (const bigint of [1, 2, 8, 8_192]) {
    const limits = { bigint };
    const largest = (1n << BigInt(bigint * 8)) - 1n;
    for (const value of [largest, -largest]) {
      assert(decodeValue(encodeValue(value, limits), limits) === value);
      const over = value < 0n ? value - 1n : value + 1n;
      const code = codeOf(() => encodeValue(over, limits));
      assert(code === "limit" || code === "unsupportedValue", code);
      const bytes = encodeValue(over, { bigint: bigint + 1 });
      assertEquals(codeOf(() => decodeValue(bytes, limits)), "limit");
    }
  }
  assertEquals(resolveLimits().bigint, 8_192);
});

/** A value's hex as `encodeValue()` writes it, which begins with a 0. */
function hexOf(value: unknown): string {
  return [...encodeValue(value)].slice(1)
    .map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

const BIGINTS: [bigint, string][] = [
  [0n, "cb 00"],
  [1n, "cb 01 01"],
  [-1n, "cc 01 01"],
  [255n, "cb 01 ff"],
  [256n, "cb 02 01 00"],
  [-(2n ** 63n), "cc 08 80 00 00 00 00 00 00 00"],
  [2n ** 64n, "cb 09 01 00 00 00 00 00 00 00 00"],
];

test("encodeValue() writes a bigint's magnitude, highest byte first", () => {
  for (const [value, hex] of BIGINTS) assertEquals(hexOf(value), hex);
});

test("decodeValue() refuses a bigint that begins with 0", () => {
  for (const tag of [0xcb, 0xcc]) {
    for (const magnitude of [[1, 0], [2, 0, 1], [3, 0, 0, 0]]) {
      const bytes = Uint8Array.from([0, tag, ...magnitude]);
      assertEquals(codeOf(() => decodeValue(bytes)), "malformed");
    }
  }
});

/** Bytes that are whole elements of every kind of array. */
const BYTES = Uint8Array.from({ length: 48 }, (_, index) => index * 37 + 128);

type ViewMaker = new (
  buffer: ArrayBuffer,
  offset?: number,
  length?: number,
) => ArrayBufferView;

const MAKERS = [
  "Uint8Array",
  "DataView",
  "Int8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "BigInt64Array",
  "BigUint64Array",
  "Float16Array",
  "Float32Array",
  "Float64Array",
].map((name): [string, ViewMaker] => [
  name,
  (globalThis as unknown as Record<string, ViewMaker>)[name]!,
]);

test("encodeValue() takes every kind of view, whole and in part", () => {
  for (const [name, ObjectDecoder] of MAKERS) {
    assert(ObjectDecoder !== undefined, `${name} is part of the platform`);
    const buffer = BYTES.slice().buffer;
    keeps(new ObjectDecoder(buffer));
    keeps(new ObjectDecoder(buffer, 16));
    keeps(new ObjectDecoder(buffer, 8, 2));
    keeps(new ObjectDecoder(buffer, 48));
    keeps(new ObjectDecoder(new ArrayBuffer(0)));
    keeps([new ObjectDecoder(buffer), { view: new ObjectDecoder(buffer, 8) }]);
  }
});

test("decodeValue() gives each view a buffer of its own size", () => {
  for (const [_, ObjectDecoder] of MAKERS) {
    const view = new ObjectDecoder(BYTES.slice().buffer, 16, 2);
    const arrived = roundTrip(view) as ArrayBufferView;
    assertEquals(arrived.byteOffset, 0);
    assertEquals(arrived.buffer.byteLength, arrived.byteLength);
    assert(arrived.buffer instanceof ArrayBuffer);
  }
});

test("encodeValue() takes buffers", () => {
  keeps(new ArrayBuffer(0));
  keeps(BYTES.slice().buffer);
  keeps(new ArrayBuffer(70_000));
  keeps(new ArrayBuffer(8, { maxByteLength: 64 }), new ArrayBuffer(8));
});

test("encodeValue() takes numbers in arrays bit by bit", () => {
  keeps(new Float32Array([NaN, -0, Infinity, 1e-45]));
  keeps(new Float64Array([NaN, -0, Infinity, 5e-324]));
  keeps(new BigInt64Array([-(2n ** 63n), 2n ** 63n - 1n]));
  keeps(new BigUint64Array([2n ** 64n - 1n]));
  const quiet = new Uint32Array([0x7fc00001, 0xffc12345]);
  const arrived = roundTrip(new Float32Array(quiet.buffer)) as Float32Array;
  assertEquals([...new Uint32Array(arrived.buffer)], [...quiet]);
});

test("encodeValue() takes a Node Buffer and other subclasses for bytes", () => {
  const buffer = Buffer.from("héllo");
  keeps(buffer, new Uint8Array(buffer));
  class Hash extends Uint8Array {}
  keeps(Hash.of(1, 2), Uint8Array.of(1, 2));
  class Samples extends Int16Array {}
  keeps(Samples.of(1, -2), Int16Array.of(1, -2));
  assert(Object.getPrototypeOf(roundTrip(buffer)) === Uint8Array.prototype);
});

test("encodeValue() copies a view of shared memory", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(7);
  keeps(shared, new Uint8Array(4).fill(7));
  keeps(new Int16Array(shared.buffer, 2), Int16Array.of(0x0707));
});

test("decodeValue() copies bytes out of what it was given", () => {
  const bytes = encodeValue([Uint8Array.of(1, 2), Int8Array.of(3)]);
  const [plain, signed] = decodeValue(bytes) as [Uint8Array, Int8Array];
  bytes.fill(0xff);
  assertEquals([...plain, ...signed], [1, 2, 3]);
});

test("encodeValue() writes a view as kind, size and little of its own", () => {
  assertEquals(hexOf(Uint8Array.of(1, 2)), "ce 02 01 02");
  assertEquals(hexOf(Uint8Array.of(1, 2).buffer), "cf 00 02 01 02");
  assertEquals(hexOf(Int8Array.of(-1)), "cf 02 01 ff");
  assertEquals(hexOf(Float64Array.of(1)), "cf 0c 08 00 00 00 00 00 00 f0 3f");
});

/** The size of an element by a view's code in the protocol. */
const SIZES = [1, 1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 4, 8];

test("decodeValue() refuses a view that is no whole number of elements", () => {
  for (const [code, size] of SIZES.entries()) {
    for (let length = 0; length < 17; length++) {
      const body = Array(length).fill(0);
      const bytes = Uint8Array.from([0, 0xcf, code, length, ...body]);
      const expected = length % size === 0 ? undefined : "malformed";
      assertEquals(codeOf(() => decodeValue(bytes)), expected, `${code}`);
    }
  }
});

test("decodeValue() refuses an unknown kind of view", () => {
  for (let code = SIZES.length; code < 256; code++) {
    const bytes = Uint8Array.from([0, 0xcf, code, 0]);
    assertEquals(codeOf(() => decodeValue(bytes)), "malformed", `${code}`);
  }
});
