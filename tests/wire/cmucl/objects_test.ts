/** Objects to bytes and back. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ByteWriter } from "../../../wire/codec/bytes.ts";
import {
  Cons,
  form,
  keyword,
  listOf,
  nil,
  RemoteObject,
  symbol,
  t,
} from "../../../wire/cmucl/mod.ts";
import { LispReader } from "../../../wire/cmucl/reader.ts";
import { LispWriter } from "../../../wire/cmucl/writer.ts";
import { resolveLimits } from "../../../wire/base/limits.ts";
import type { WireError, WireLimits } from "../../../wire/mod.ts";
import { test } from "../../_test.ts";
import { toHex, written } from "./_lisp.ts";

function roundTrip(value: unknown, limits: Partial<WireLimits> = {}): unknown {
  const reader = new LispReader(resolveLimits(limits));
  reader.input.feed(written((lisp) => lisp.value(value)));
  const arrival = reader.next();
  assertEquals(arrival?.error, undefined);
  assert(!reader.unfinished);
  return arrival?.value;
}

/** Values, and what arrives where that is something else. */
const VALUES: readonly [name: string, value: unknown, arrives?: unknown][] = [
  ["0", 0],
  ["-1", -1],
  ["2^31 - 1", 2 ** 31 - 1],
  ["-2^31", -(2 ** 31)],
  ["2^31", 2 ** 31, 2n ** 31n],
  ["2^53 - 1", 2 ** 53 - 1, 2n ** 53n - 1n],
  ["-0", -0, 0],
  ["a small bigint", 7n, 7],
  ["-2^31 as a bigint", -(2n ** 31n), -(2 ** 31)],
  ["-2^31 - 1", -(2n ** 31n) - 1n],
  ["2^32", 2n ** 32n],
  ["-2^64", -(2n ** 64n)],
  ["2^65536 - 1", 2n ** 65536n - 1n],
  ["an empty string", ""],
  ["Latin-1", "na\xefve \xff\x00"],
  ["a long string", "x".repeat(10_000)],
  ["a symbol", symbol("CAR", "COMMON-LISP")],
  ["a keyword", keyword("TEST")],
  ["nil", nil],
  ["t", t],
  ["true", true, t],
  ["false", false, nil],
  ["null", null, nil],
  ["undefined", undefined, nil],
  ["an empty list", [], nil],
  ["a list", [1, "two", symbol("THREE"), [4, [5]], nil]],
  ["holes", [1, , 3], [1, nil, 3]],
  ["a pair", new Cons(1, 2)],
  ["a dotted list", new Cons(1, new Cons(2, 3))],
  ["a pair of lists", new Cons([1], new Cons([2], "end"))],
  ["pairs that end", new Cons(1, new Cons(2, nil)), [1, 2]],
  ["pairs that end in a list", new Cons(1, [2, 3]), [1, 2, 3]],
  ["a pair that ends in an empty list", new Cons(1, []), [1]],
  ["an alist", [new Cons(keyword("A"), 1), new Cons(keyword("B"), [2])], [
    new Cons(keyword("A"), 1),
    [keyword("B"), 2],
  ]],
  ["a remote object", new RemoteObject(0xffffffff, -1, -7)],
];

for (const [name, value, arrives = value] of VALUES) {
  test(`LispWriter and LispReader carry ${name}`, () => {
    assertEquals(roundTrip(value), arrives);
  });
}

test("LispReader gives the one nil and the one t", () => {
  assert(roundTrip(nil) === nil);
  assert(roundTrip(true) === t);
});

class Point {}

/** What cannot be sent, and a word of the reason. */
const REFUSED: readonly [
  name: string,
  value: unknown,
  code: string,
  reason: RegExp,
][] = [
  ["a fraction", 1.5, "unsupportedValue", /integers only, and 1\.5/],
  ["NaN", NaN, "unsupportedValue", /integers only/],
  ["Infinity", Infinity, "unsupportedValue", /integers only/],
  ["2^53 as a number", 2 ** 53, "unsupportedValue", /bigint/],
  ["2^65536", 2n ** 65536n, "limit", /cmuclBignum/],
  ["a character beyond", "ab\u0100", "unsupportedValue", /2 .*U\+0100/],
  ["an emoji", "\u{1f600}", "unsupportedValue", /U\+1F600/],
  ["its name", symbol("\u03bb"), "unsupportedValue", /U\+03BB/],
  ["a function", function f() {}, "unsupportedValue", /function f/],
  ["a symbol of JavaScript", Symbol("x"), "unsupportedValue", /symbol\(/],
  ["bytes", new Uint8Array(2), "unsupportedValue", /Array\.from/],
  ["a plain object", {}, "unsupportedValue", /Object/],
  ["a Map", new Map(), "unsupportedValue", /Map/],
  ["an instance", new Point(), "unsupportedValue", /Point/],
  ["a form in a list", [form("cl:car", nil)], "unsupportedValue", /argument/],
  ["a long string", "x".repeat(2 ** 20 + 1), "limit", /cmuclString/],
];

for (const [name, value, code, reason] of REFUSED) {
  test(`LispWriter refuses ${name}, and writes nothing of it`, () => {
    const lisp = new LispWriter(new ByteWriter(), resolveLimits());
    const error = assertThrows(() =>
      lisp.whole(() => lisp.value(["before", symbol("S"), value]))
    ) as WireError;
    assertEquals(error.code, code);
    assert(reason.test(error.message), error.message);
    assertEquals(lisp.bytes.position, 0);
    // What it would have saved is not taken for saved.
    lisp.value(symbol("S"));
    assertEquals(toHex(lisp.bytes.written()).slice(0, 12), "0a0000000009");
  });
}

test("LispWriter refuses what contains itself", () => {
  const list: unknown[] = [1];
  list.push(list);
  const lisp = new LispWriter(new ByteWriter(), resolveLimits());
  const error = assertThrows(() => lisp.value(list)) as WireError;
  assertEquals(error.code, "limit");
  assert(/nesting/.test(error.message));
  const ring = { car: 1, cdr: undefined as unknown };
  const pair = Object.setPrototypeOf(ring, Cons.prototype);
  ring.cdr = pair;
  const endless = assertThrows(() => lisp.value(pair)) as WireError;
  assert(/values/.test(endless.message));
});

test("LispWriter saves each symbol once, and as many as it may", () => {
  const limits = resolveLimits({ cmuclCache: 2 });
  const lisp = new LispWriter(new ByteWriter(), limits);
  const hex = (value: unknown) => {
    lisp.bytes.position = 0;
    lisp.value(value);
    return toHex(lisp.bytes.written());
  };
  const [a, b, c] = ["A", "B", "C"].map((name) => symbol(name, "P"));
  assertEquals(hex(a), "0a000000000900000001410000000150");
  assertEquals(hex(b), "0a000000010900000001420000000150");
  assertEquals(hex(c), "0900000001430000000150");
  assertEquals(hex(symbol("A", "P")), "0b00000000");
  assertEquals(hex(b), "0b00000001");
  assertEquals(hex(c), "0900000001430000000150");
});

test("LispWriter tells symbols apart whose texts run together", () => {
  const lisp = new LispWriter(new ByteWriter(), resolveLimits());
  lisp.value([symbol("C", "AB"), symbol("BC", "A"), symbol("C", "AB")]);
  const reader = new LispReader(resolveLimits());
  reader.input.feed(lisp.bytes.written());
  assertEquals(String(reader.next()?.value), "AB::C,A::BC,AB::C");
});

test("LispWriter refuses more arguments than a byte counts", () => {
  const lisp = new LispWriter(new ByteWriter(), resolveLimits());
  const args = Array.from({ length: 256 }, (_, index) => index);
  const error = assertThrows(() => lisp.call(symbol("F"), args)) as WireError;
  assertEquals(error.code, "limit");
  lisp.call(symbol("F"), args.slice(1));
  assertEquals(toHex(lisp.bytes.written(0)).slice(0, 4), "06ff");
});

test("listOf() takes lists only", () => {
  assertEquals(listOf(nil), []);
  assertEquals(listOf([1, 2]), [1, 2]);
  for (const value of [t, 1, "list", new Cons(1, 2), undefined]) {
    const error = assertThrows(() => listOf(value)) as WireError;
    assertEquals(error.code, "invalidArgument");
  }
});
