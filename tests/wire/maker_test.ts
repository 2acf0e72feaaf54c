import { assertEquals } from "@std/assert";
import { makeByKey, makerOf } from "../../wire/_maker.ts";
import { test } from "../_test.ts";

/** Gives 0, 1, 2, … */
function counter(): { read(): unknown } {
  let count = 0;
  return { read: () => count++ };
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
    ["by generated code", makerOf(KEYS)],
    ["where generated code is forbidden", makerOf(KEYS, forbid)],
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

test("makerOf() and makeByKey() make the same object", () => {
  assertEquals(
    Object.entries(makerOf(KEYS)(counter(), 1)),
    Object.entries(makeByKey(KEYS, counter(), 1)),
  );
});
