/** What a reader makes of bytes that go to its limits, and beyond. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Cons, nil, symbol } from "../../../wire/cmucl/mod.ts";
import {
  LispCall,
  LispReader,
  type ReceivedObject,
} from "../../../wire/cmucl/reader.ts";
import { resolveLimits } from "../../../wire/base/limits.ts";
import type { WireError, WireLimits } from "../../../wire/mod.ts";
import { test } from "../../_test.ts";
import { fromHex, join, written } from "./_lisp.ts";

const NIL = "09000000034e494c0000000b434f4d4d4f4e2d4c495350";

/** Reads the first object of some bytes. */
function read(
  bytes: Uint8Array,
  limits: Partial<WireLimits> = {},
): ReceivedObject | undefined {
  const reader = new LispReader(resolveLimits(limits));
  reader.input.feed(bytes);
  return reader.next();
}

/** A tower of pairs, each in the car or the cdr of the one before. */
function tower(height: number, side: "car" | "cdr"): Uint8Array<ArrayBuffer> {
  const end = fromHex(NIL);
  const look = fromHex("0b00000000");
  const saved = join(fromHex("0a00000000"), end);
  const step = side === "cdr" ? [13, 7, 0, 0, 0, 1] : [13];
  const bytes = new Uint8Array(
    height * step.length + saved.length +
      (side === "car" ? height * look.length : 0),
  );
  for (let at = 0; at < height; at++) bytes.set(step, at * step.length);
  let position = height * step.length;
  bytes.set(saved, position);
  position += saved.length;
  while (position < bytes.length) {
    bytes.set(look, position);
    position += look.length;
  }
  return bytes;
}

test("LispReader reads 400,000 pairs in a row where it may", () => {
  const bytes = tower(400_000, "cdr");
  const limits = { values: 400_000 };
  const received = read(bytes, limits);
  assertEquals(received?.error, undefined);
  assertEquals((received?.value as unknown[]).length, 400_000);
});

test("LispReader refuses 400,000 pairs in a row, and goes on", () => {
  const reader = new LispReader(resolveLimits());
  reader.input.feed(join(tower(400_000, "cdr"), fromHex("0700000007")));
  const error = reader.next()?.error;
  assertEquals(error?.code, "limit");
  assert(error?.message.includes("values"));
  assertEquals(reader.next()?.value, 7);
});

for (const size of [1_000, 4_000_000]) {
  test(`LispReader refuses 400,000 nested pairs, ${size} bytes at a time`, () => {
    const bytes = join(tower(400_000, "car"), fromHex("0700000007"));
    const reader = new LispReader(resolveLimits());
    const received: ReceivedObject[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      reader.input.feed(bytes.subarray(at, at + size));
      for (let next; (next = reader.next()) !== undefined;) received.push(next);
      reader.input.keep();
    }
    assertEquals(received.length, 2);
    assertEquals(received[0]?.error?.code, "limit");
    assert(received[0]?.error?.message.includes("nesting"));
    assertEquals(received[1]?.value, 7);
  });
}

test("LispReader builds an improper list of 200,000 pairs", () => {
  const step = fromHex("0d0700000001");
  const bytes = new Uint8Array(200_000 * step.length + 5);
  for (let at = 0; at < 200_000; at++) bytes.set(step, at * step.length);
  bytes.set(fromHex("0700000002"), 200_000 * step.length);
  let pair = read(bytes)?.value as Cons;
  let count = 1;
  while (pair.cdr instanceof Cons) {
    pair = pair.cdr;
    count++;
  }
  assertEquals([count, pair.cdr], [200_000, 2]);
});

/** Nested lists. */
function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

for (const side of ["data", "argument"]) {
  test(`LispReader takes ${side} as deep as its limit, and no deeper`, () => {
    const at = (depth: number) =>
      read(
        written((lisp) =>
          side === "data"
            ? lisp.value(nested(depth))
            : lisp.call(symbol("F"), [nested(depth)])
        ),
        { nesting: 10 },
      );
    assertEquals(at(10)?.error, undefined);
    assertEquals(at(11)?.error?.code, "limit");
  });
}

/** Bytes that end a wire, and a word of the reason. */
const BROKEN: readonly [name: string, hex: string, reason: RegExp][] = [
  ["an unknown opcode", "0f", /byte 15/],
  ["the last opcode", "ff", /byte 255/],
  ["a string of −1", "08ffffffff", /-1 characters/],
  ["a string of −2^31", "0880000000", /characters/],
  ["a name of −1", "09ffffffff", /characters/],
  ["a package of −1", "090000000141ffffffff", /characters/],
  ["a string of 2 GiB", "087fffffff", /message/],
  ["a name of 16 MiB", "0901000000", /message/],
  ["a bignum of 2^31 words", "0e80000000", /message/],
  ["a bignum of 2^31 − 1 words", "0e7fffffff", /message/],
  ["a save at −1", "0affffffff", /cmuclCache/],
  ["a save at 4,096", "0a00001000", /cmuclCache/],
  ["a save in the hundreds of millions", "0a20000000", /cmuclCache/],
  ["a look up of −1", "0bffffffff", /cmuclCache/],
  ["a look up of nothing", "0b00000000", /saved under 0/],
  ["a save within a save", "0a000000000a00000001", /two/],
];

for (const [name, hex, reason] of BROKEN) {
  test(`LispReader refuses ${name}, whole and byte by byte`, () => {
    const whole = assertThrows(() => read(fromHex(hex))) as WireError;
    assertEquals(whole.code, "malformed");
    assert(reason.test(whole.message), whole.message);
    const reader = new LispReader(resolveLimits());
    assertThrows(() => {
      for (const byte of fromHex(hex)) {
        reader.input.feed(new Uint8Array([byte]));
        assertEquals(reader.next(), undefined);
        reader.input.keep();
      }
    });
  });
}

/** Objects that are over one limit, and fit when it is raised. */
const LARGE: readonly [
  name: string,
  limits: Partial<WireLimits>,
  raised: Partial<WireLimits>,
  hex: string,
][] = [
  ["a string", { cmuclString: 3 }, { cmuclString: 4 }, "080000000464656e6f"],
  [
    "a name",
    { cmuclString: 3 },
    { cmuclString: 4 },
    "090000000464656e6f0000000150",
  ],
  [
    "a bignum",
    { cmuclBignum: 1 },
    { cmuclBignum: 2 },
    "0efffffffe0000000100000000",
  ],
  ["a list", { values: 1 }, { values: 2 }, `0d07000000010d0700000002${NIL}`],
  ["arguments", { values: 2 }, { values: 3 }, `02${NIL}${NIL}${NIL}`],
];

for (const [name, limits, raised, hex] of LARGE) {
  test(`LispReader skips ${name} beyond its limit`, () => {
    const bytes = join(fromHex(hex), fromHex("0700000007"));
    const reader = new LispReader(resolveLimits(limits));
    for (const byte of bytes.subarray(0, -5)) {
      assertEquals(reader.next(), undefined);
      reader.input.feed(new Uint8Array([byte]));
      reader.input.keep();
    }
    assertEquals(reader.next()?.error?.code, "limit");
    reader.input.feed(bytes.subarray(-5));
    assertEquals(reader.next(), { value: 7, error: undefined });
    assertEquals(read(fromHex(hex), raised)?.error, undefined);
  });
}

test("LispReader keeps what was saved within an object that it skipped", () => {
  // A list that nests too deeply, with a symbol that is saved in it.
  const saved = "0a000000020900000001410000000150";
  const list = `0d0d0d${saved}${NIL}${NIL}${NIL}`;
  const reader = new LispReader(resolveLimits({ nesting: 2 }));
  reader.input.feed(fromHex(`${list}0b00000002`));
  assertEquals(reader.next()?.error?.code, "limit");
  assertEquals(String(reader.next()?.value), "P::A");
});

test("LispReader fails look ups of what was saved and too large", () => {
  const reader = new LispReader(resolveLimits({ cmuclString: 2 }));
  reader.input.feed(fromHex("0a0000000008000000036162630b000000000700000007"));
  assertEquals(reader.next()?.error?.code, "limit");
  assertEquals(reader.next()?.error?.code, "limit");
  assertEquals(reader.next()?.value, 7);
});

test("LispReader looks saved objects up, lists too", () => {
  const hex = [
    `0a000000050d0700000001${NIL}`, // saved: (1)
    "0b00000005", // (1)
    "0d07000000020b00000005", // (2 . (1))
    `0a0000000507000000090b00000005`, // saved anew: 9, 9
  ].join("");
  const reader = new LispReader(resolveLimits());
  reader.input.feed(fromHex(hex));
  const values = [1, 2, 3, 4, 5].map(() => reader.next()?.value);
  assertEquals(values, [[1], [1], [2, 1], 9, 9]);
});

test("LispReader counts what is looked up: a few bytes make no mountain", () => {
  const reader = new LispReader(resolveLimits());
  const pairs = [`0a000000000d0700000001${NIL}`];
  for (let index = 1; index < 40; index++) {
    const to = index.toString(16).padStart(8, "0");
    const from = (index - 1).toString(16).padStart(8, "0");
    pairs.push(`0a${to}0d0b${from}0d0b${from}${NIL}`);
  }
  reader.input.feed(fromHex(pairs.join("")));
  const errors = pairs.map(() => reader.next()?.error?.code);
  assertEquals(errors[0], undefined);
  assertEquals(errors.at(-1), "limit");
});

test("LispReader counts the height of what is looked up", () => {
  const reader = new LispReader(resolveLimits({ nesting: 3 }));
  const list = `0d0d0700000001${NIL}${NIL}`; // ((1))
  const look = "0b00000000";
  reader.input.feed(
    fromHex(`0a00000000${list}0d${look}${NIL}0d0d${look}${NIL}${NIL}`),
  );
  const errors = [1, 2, 3].map(() => reader.next()?.error?.code);
  assertEquals(errors, [undefined, undefined, "limit"]);
});

test("LispReader bounds all that is saved", () => {
  const reader = new LispReader(resolveLimits({ message: 8_192 }));
  const text = `08${(4_000).toString(16).padStart(8, "0")}${
    "78".repeat(4_000)
  }`;
  const save = (index: number) => `0a0000000${index}${text}`;
  reader.input.feed(fromHex(`${save(0)}${save(1)}${save(1)}${save(2)}`));
  for (let index = 0; index < 3; index++) reader.next();
  const error = assertThrows(() => reader.next()) as WireError;
  assertEquals(error.code, "limit");
});

test("LispReader ends at an object larger than the limit", () => {
  const bytes = written((lisp) => lisp.value(Array(1_000).fill("x".repeat(9))));
  const error = assertThrows(() =>
    read(bytes, { message: 4_096 })
  ) as WireError;
  assertEquals(error.code, "malformed");
  assert(error.message.includes("message"));
});

test("LispReader does not perform calls: they are data", () => {
  const call = read(
    written((lisp) => lisp.call(symbol("F"), [1, nil])),
  )?.value as LispCall;
  assert(call instanceof LispCall);
  assertEquals([String(call.fn), ...call.args], [
    "COMMON-LISP-USER::F",
    1,
    nil,
  ]);
});

test("LispReader fails calls within data, and as functions", () => {
  const call = "00" + NIL;
  for (
    const hex of [`0d${call}${NIL}`, `0a00000000${call}`, `01${call}${NIL}`]
  ) {
    const reader = new LispReader(resolveLimits());
    reader.input.feed(fromHex(`${hex}0700000007`));
    assertEquals(reader.next()?.error?.code, "unsupportedValue");
    assertEquals(reader.next()?.value, 7);
  }
});

test("LispReader takes a megabyte byte by byte without ado", () => {
  const bytes = written((lisp) =>
    lisp.value(symbol("x".repeat(500_000), "y".repeat(500_000)))
  );
  const reader = new LispReader(resolveLimits());
  let value: unknown;
  for (let at = 0; at < bytes.length; at++) {
    reader.input.feed(bytes.subarray(at, at + 1));
    value ??= reader.next()?.value;
    reader.input.keep();
  }
  assertEquals(String(value).length, 1_000_006);
});
