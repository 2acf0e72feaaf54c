/** Exact round trips of every kind of value, and what cannot be sent. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { WireError } from "../../wire/base/errors.ts";
import { decodeValue, encodeValue } from "../../wire/codec/codec.ts";
import { test } from "../_test.ts";
import { roundTrip } from "./_codec.ts";
import { exactly } from "./_exact.ts";

/** Checks that a value arrives as it was, or as another that is given. */
function keeps(value: unknown, arrives: unknown = value): void {
  assertEquals(exactly(roundTrip(value)), exactly(arrives));
  assertEquals(exactly(decodeValue(encodeValue(value))), exactly(arrives));
}

/** Numbers, and how many bytes each takes. */
const NUMBERS: [number, number][] = [
  [0, 1],
  [1, 1],
  [127, 1],
  [-1, 1],
  [-32, 1],
  [128, 2],
  [255, 2],
  [-33, 3],
  [256, 3],
  [65_535, 3],
  [-128, 3],
  [-129, 3],
  [-32_768, 3],
  [65_536, 5],
  [-32_769, 5],
  [2 ** 31 - 1, 5],
  [2 ** 31, 5],
  [2 ** 32 - 1, 5],
  [2 ** 32, 5],
  [-(2 ** 31), 5],
  [-(2 ** 31) - 1, 9],
  [2 ** 32 + 1, 9],
  [2 ** 53 - 1, 9],
  [-(2 ** 53) + 1, 9],
  [2 ** 53, 5],
  [-(2 ** 53), 5],
  [2 ** 53 + 2, 9],
  [-0, 5],
  [0.5, 5],
  [-1.5, 5],
  [0.1, 9],
  [1 / 3, 9],
  [Math.PI, 9],
  [1e300, 9],
  [Number.MAX_VALUE, 9],
  [Number.MIN_VALUE, 9],
  [Number.EPSILON, 5],
  [2 ** -149, 5],
  [2 ** -150, 9],
  [Infinity, 5],
  [-Infinity, 5],
  [NaN, 9],
];

test("encodeValue() takes every number exactly, in its shortest form", () => {
  for (const [value, size] of NUMBERS) {
    keeps(value);
    assertEquals(encodeValue(value).length, 1 + size, exactly(value));
  }
  for (let value = -70_000; value < 70_000; value += 7) keeps(value);
});

test("encodeValue() takes null, undefined and booleans", () => {
  for (const value of [null, undefined, true, false]) {
    keeps(value);
    assertEquals(encodeValue(value).length, 2);
  }
});

/** Strings of each size, and how many bytes stand before their UTF-8. */
const HEADERS: [number, number][] = [
  [0, 1],
  [1, 1],
  [31, 1],
  [32, 2],
  [127, 2],
  [128, 3],
  [16_383, 3],
  [16_384, 4],
  [16_385, 4],
  [2_097_152, 5],
];

test("encodeValue() takes strings of every size and header", () => {
  for (const [length, header] of HEADERS) {
    const text = "x".repeat(length);
    assertEquals(encodeValue(text).length, 1 + header + length);
    assert(decodeValue(encodeValue(text)) === text, `${length}`);
    assert(roundTrip(text) === text, `${length}`);
  }
});

test("encodeValue() counts the bytes of a string, not its units", () => {
  const boundaries = [31, 32, 127, 128, 16_383, 16_384];
  for (const wide of ["é", "世", "𝄞"]) {
    const size = new TextEncoder().encode(wide).length;
    for (const bytes of boundaries) {
      for (
        const text of [
          wide.repeat(Math.floor(bytes / size)),
          "x".repeat(bytes - size) + wide,
          wide + "x".repeat(bytes - size),
          "x".repeat(bytes - size + 1) + wide,
        ]
      ) {
        assert(decodeValue(encodeValue(text)) === text);
        assert(roundTrip(text) === text);
      }
    }
  }
});

const TEXTS: [string, string][] = [
  ["a byte order mark", "\ufeff"],
  ["marks within", "\ufeffa\ufeff"],
  ["NUL", "\0"],
  ["controls", "\x01\x7f\x80\x9f"],
  ["astral", "𝄞𐍈😀"],
  ["joined", "👩‍👩‍👧‍👦"],
  ["not normalized", "e\u0301é"],
  ["right to left", "\u202eabc"],
  ["the last of all", "\u{10ffff}\uffff\ufffe"],
  ["the replacement", "\ufffd"],
];

test("encodeValue() takes strings of all of Unicode", () => {
  for (const [_, text] of TEXTS) {
    keeps(text);
    keeps(text.repeat(100));
    keeps({ [text]: [text] });
    keeps(new Map([[text, text]]));
  }
});

test("encodeValue() takes dates, invalid ones too", () => {
  for (const time of [0, -1, 1, 1e12, 8.64e15, -8.64e15, NaN]) {
    keeps(new Date(time));
  }
  const date = roundTrip(new Date(NaN));
  assert(date instanceof Date);
});

test("encodeValue() takes lists of every size", () => {
  for (const size of [0, 1, 15, 16, 127, 128, 20_000]) {
    keeps(Array.from({ length: size }, (_, index) => index - 9));
  }
  keeps([[], [[]], [[], [1, [2, ["three"]]]]]);
  class Stack extends Array {}
  keeps(Stack.of(1, 2), [1, 2]);
});

test("encodeValue() takes the holes of a list for undefined", () => {
  // deno-lint-ignore no-sparse-arrays -- holes are what this is about
  keeps([1, , 3, ,], [1, undefined, 3, undefined]);
  keeps(Array(20), Array(20).fill(undefined));
  const marked = Object.assign([1], { extra: 2 });
  keeps(marked, [1]);
});

test("encodeValue() takes Maps and Sets with their order", () => {
  keeps(new Map());
  keeps(new Set());
  keeps(new Map<unknown, unknown>([["b", 1], ["a", 2], [1, 3], ["1", 4]]));
  keeps(new Map<unknown, unknown>([[NaN, NaN], [null, 1], [undefined, 2]]));
  keeps(new Map([[{ a: 1 }, [1]], [{ a: 1 }, [2]]]));
  keeps(new Map([[new Map([[1n, new Set([2n])]]), new Date(0)]]));
  keeps(new Set([NaN, 0, "", null, undefined, false, 0n]));
  keeps(new Set([[], [], {}, {}, new Set([new Set()])]));
  keeps(new Set(Array.from({ length: 1_000 }, (_, index) => `${index}`)));
  keeps(new Map(Array.from({ length: 300 }, (_, index) => [index, -index])));
});

/** A short value of each form. */
const SHORT = [
  ...[1, -1, 200, 300, -300, 70_000, -70_000, 3e9, 0.5, 0.1, 7n, -(2n ** 64n)],
  ...["", "a", "é", "abc", "世世", "a".repeat(31), "a".repeat(32)],
  ...[null, true, new Date(5), Uint8Array.of(1, 2), Int16Array.of(1)],
  ...[[1], new Map([[1, "a"]]), new Set(["a"]), new Error("a")],
  ...[{ a: 1 }, Object.fromEntries(Array(65).fill(0).map((_, i) => [i, "a"]))],
];

test("encodeValue() takes short values at every place of a buffer", () => {
  for (const value of SHORT) {
    const expected = exactly(value);
    for (let before = 240; before < 270; before++) {
      const padded = ["x".repeat(before), value, "end"];
      const [_, arrived, end] = roundTrip(padded) as unknown[];
      assertEquals([exactly(arrived), end], [expected, "end"], `${before}`);
    }
  }
});

test("encodeValue() takes shared members for separate ones", () => {
  const shared = { n: 1 };
  const [one, two] = roundTrip([shared, shared]) as object[];
  assertEquals(one, two);
  assert(one !== two);
});

function refusal(value: unknown): WireError {
  const error = assertThrows(() => encodeValue(value));
  assert(error instanceof WireError, `${error}`);
  return error;
}

/** What cannot be sent, and what the message has to say. */
const UNSUPPORTED: [string, unknown, string][] = [
  ["a function", function sum() {}, "The function sum"],
  ["a nameless function", (() => () => {})(), "(anonymous)"],
  ["a class", class Point {}, "The function Point"],
  ["a symbol", Symbol("s"), "A symbol"],
  ["a Promise", Promise.resolve(1), "Await it"],
  ["an instance", new (class Point {})(), "An instance of Point"],
  ["a nameless instance", new (class {})(), "An instance of a class"],
  ["a derived object", Object.create({ a: 1 }), "An instance of Object"],
  ["a WeakMap", new WeakMap(), "An instance of WeakMap"],
  ["a WeakSet", new WeakSet(), "An instance of WeakSet"],
  ["a WeakRef", new WeakRef({}), "An instance of WeakRef"],
  ["a RegExp", /a/g, "An instance of RegExp"],
  [
    "a URL's query",
    new URLSearchParams("a=1"),
    "An instance of URLSearchParams",
  ],
  ["a boxed number", Object(1), "An instance of Number"],
  ["a boxed string", Object("a"), "An instance of String"],
  ["a boxed bigint", Object(1n), "An instance of BigInt"],
  ["a generator", (function* () {})(), "cannot be sent"],
  ["an iterator", [].values(), "cannot be sent"],
  ["a shared buffer", new SharedArrayBuffer(8), "SharedArrayBuffer"],
  ["a Blob", new Blob([]), "An instance of Blob"],
  ["a Proxy of a function", new Proxy(() => {}, {}), "cannot be sent"],
  ["a lone surrogate", "\ud800", "toWellFormed"],
  ["a lone surrogate behind much", `${"a".repeat(20_000)}\udc00`, "surrogate"],
  ["a key with a lone surrogate", { "\udc00": 1 }, "surrogate"],
];

test("encodeValue() refuses what has no bytes, wherever it stands", () => {
  for (const [what, value, says] of UNSUPPORTED) {
    for (
      const holder of [
        value,
        [1, value],
        { a: 1, b: value },
        new Map([["a", value]]),
        new Map([[value, "a"]]),
        new Set([value]),
        new Error("caused", { cause: value }),
        Object.assign(new Error("with data"), { value }),
        new AggregateError([value]),
      ]
    ) {
      const error = refusal(holder);
      assertEquals(error.code, "unsupportedValue", what);
      assert(error.message.includes(says), `${what}: ${error.message}`);
    }
  }
});

test("encodeValue() lets the error of a getter through", () => {
  const own = new Error("of a getter");
  const value = {
    get broken(): never {
      throw own;
    },
  };
  assert(assertThrows(() => encodeValue(value)) === own);
});
