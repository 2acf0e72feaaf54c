import { assertEquals, assertThrows } from "@std/assert";
import { unitDecoderOf } from "../../wire/codec/bytes.ts";
import {
  compiled,
  decodeByKey,
  encodeByKey,
  objectBuilderOf,
  objectDecoderOf,
  objectEncoderOf,
  type ReadsValues,
} from "../../wire/codec/_objects.ts";
import { test } from "../_test.ts";

/** Gives 0, 1, 2, … */
function counter(): ReadsValues {
  let count = 0;
  return { read: () => count++, readThen: () => `then ${count++}` };
}

/** Names that would do harm if they became code, or were assigned. */
const KEYS = [
  "plain",
  "__proto__",
  "constructor",
  "toString",
  'a"b',
  "a`${globalThis.harmed = 1}`b",
  '"] : (globalThis.harmed = 1), ["x',
  "}; globalThis.harmed = 1; ({",
  "line\nbreak\r\u2028\u2029",
  "back\\slash",
  "",
  "0",
  "πρ 🦕",
  "\u0000",
];

/** What forbids generated code, as a page's policy does. */
function forbid(): never {
  throw new EvalError("Refused to evaluate a string as JavaScript.");
}

for (
  const [how, maker] of [
    ["by generated code", objectDecoderOf(KEYS)],
    ["where generated code is forbidden", objectDecoderOf(KEYS, forbid)],
    ["from a list", () => objectBuilderOf(KEYS)!([...KEYS.keys()])],
  ] as const
) {
  test(`makerOf() makes own data of any key, ${how}`, () => {
    const made = maker(counter(), 1);
    assertEquals(Object.getPrototypeOf(made), Object.prototype);
    for (const [index, key] of KEYS.entries()) {
      assertEquals(
        Object.getOwnPropertyDescriptor(made, key),
        { value: index, configurable: true, enumerable: true, writable: true },
        key,
      );
    }
    assertEquals(Object.keys(made).length, KEYS.length);
    assertEquals(Object.hasOwn(globalThis, "harmed"), false);
    assertEquals(Object.getPrototypeOf({}), Object.prototype);
  });
}

test("objectBuilderOf() has no builder where generated code is forbidden", () => {
  assertEquals(objectBuilderOf(KEYS, forbid), undefined);
});

test("makerOf() and makeByKey() make the same object", () => {
  assertEquals(
    Object.entries(objectDecoderOf(KEYS)(counter(), 1)),
    Object.entries(decodeByKey(KEYS, counter(), 1)),
  );
});

for (
  const [how, taker] of [
    ["by generated code", objectEncoderOf(KEYS)],
    ["where generated code is forbidden", objectEncoderOf(KEYS, forbid)],
  ] as const
) {
  test(`takerOf() takes the values of any keys in their order, ${how}`, () => {
    const object = decodeByKey(KEYS, counter(), 1);
    const taken: unknown[] = [];
    const values = {
      write: (value: unknown) => taken.push(value),
      writeNumber: (value: number) => taken.push(value),
      writeText: (value: string) => taken.push(value),
    };
    taker(values, object, 2);
    encodeByKey(KEYS, values, object, 2);
    const once = KEYS.map((_key, index) => index);
    assertEquals(taken, [...once, ...once]);
    assertEquals(Object.hasOwn(globalThis, "harmed"), false);
  });
}

for (
  const [how, compile] of [
    ["by generated code", Function],
    ["where generated code is forbidden", forbid],
  ] as const
) {
  test(`unitDecoderOf() makes texts of its length of small units only, ${how}`, () => {
    const bytes = Uint8Array.from({ length: 200 }, (_, at) => at & 0x7f);
    for (const count of [0, 1, 2, 16, 17, 64, 127]) {
      const make = unitDecoderOf(count, 0x7f, compile);
      for (const at of [0, 3]) {
        const text = String.fromCharCode(...bytes.subarray(at, at + count));
        assertEquals(make(bytes, at), text);
      }
      for (const place of count === 0 ? [] : [0, count >> 1, count - 1]) {
        const other = bytes.slice();
        other[place] = 0x80;
        assertEquals(make(other, 0), undefined);
      }
      const wide = Uint16Array.from({ length: 130 }, (_, at) => at * 500);
      const text = String.fromCharCode(...wide.subarray(2, 2 + count));
      assertEquals(unitDecoderOf(count, 0xffff, compile)(wide, 2), text);
    }
  });
}

test("takerOf() has numbers and strings written as such, and how deep others are", () => {
  const taken: unknown[] = [];
  const values = {
    write: (value: unknown, depth: number) => taken.push(["any", value, depth]),
    writeNumber: (value: number) => taken.push(["number", value]),
    writeText: (value: string) => taken.push(["text", value]),
  };
  const object = { a: 1, b: "x", c: null, d: [2], e: NaN };
  objectEncoderOf(Object.keys(object))(values, object, 3);
  assertEquals(taken, [
    ["number", 1],
    ["text", "x"],
    ["any", null, 3],
    ["any", [2], 3],
    ["number", NaN],
  ]);
});

test("makerOf() and makeByKey() read what stands under then by itself", () => {
  const keys = ["a", "then", "b"];
  const expected = { a: 0, then: "then 1", b: 2 };
  assertEquals(objectDecoderOf(keys)(counter(), 1), expected);
  assertEquals(objectDecoderOf(keys, forbid)(counter(), 1), expected);
  assertEquals(decodeByKey(keys, counter(), 1), expected);
});

// The last one: no code is generated in this thread any more.
test("compiled() asks no more where generated code was forbidden once", () => {
  assertEquals((compiled("n", "return n + 1") as (n: number) => number)(1), 2);
  const { Function } = globalThis;
  let count = 0;
  globalThis.Function = new Proxy(Function, {
    apply: () => {
      count++;
      return forbid();
    },
  });
  try {
    for (let n = 0; n < 3; n++) assertThrows(() => compiled(""), EvalError);
  } finally {
    globalThis.Function = Function;
  }
  assertThrows(() => compiled(""), EvalError);
  assertEquals(count, 1);
});
