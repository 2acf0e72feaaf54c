/** Plain objects: their keys, their order, and names that prototypes know. */

import { assert, assertEquals } from "@std/assert";
import { CollectingDecoder } from "../../wire/codec/message_collector.ts";
import { decodeValue, encodeValue } from "../../wire/codec/codec.ts";
import { TABLE_ENTRIES } from "../../wire/codec/tables.ts";
import { test } from "../_test.ts";
import {
  decodeAll,
  encodeAll,
  newEncoder,
  roundTrip,
  valueOf,
  WIDE,
} from "./_codec.ts";
import { exactly } from "./_exact.ts";

function keeps(value: object, arrives: object = value): void {
  assertEquals(exactly(roundTrip(value)), exactly(arrives));
  assertEquals(exactly(decodeValue(encodeValue(value))), exactly(arrives));
}

/** An object with own properties of any name. */
function own(...entries: [string, unknown][]): object {
  const object = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return object;
}

function manyKeys(count: number, prefix = "key"): object {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`${prefix}${index}`, index]),
  );
}

test("encodeValue() takes plain objects with the order of their keys", () => {
  keeps({});
  keeps({ b: 1, a: 2 });
  keeps({ a: 2, b: 1 });
  keeps({ "": 1, " ": 2, "\0": 3, "ключ": 4, "𝄞": 5 });
  keeps([{ a: 1, b: 2 }, { b: 2, a: 1 }, { a: 1 }, {}, { a: 1, b: 2 }]);
  keeps({ undefined, null: null, nested: { undefined } });
});

test("encodeValue() takes integer-like keys, which come first", () => {
  keeps({ b: 1, 2: 2, 1: 3, a: 4, "-1": 5, "01": 6, "1.5": 7 });
  keeps({ 4294967294: 1, 4294967295: 2, 4294967296: 3, 0: 4 });
  keeps({ 1000: "sparse", 1: "dense" });
  const [first] = Object.keys(roundTrip({ z: 1, 7: 2 }) as object);
  assertEquals(first, "7");
});

test("encodeValue() takes objects without a prototype for plain ones", () => {
  const bare = Object.assign(Object.create(null), { a: 1, toString: 2 });
  keeps(bare, { a: 1, toString: 2 });
  const arrived = roundTrip(bare) as object;
  assert(Object.getPrototypeOf(arrived) === Object.prototype);
});

test("encodeValue() leaves out what is not own, enumerable and named", () => {
  const object = { shown: 1, [Symbol("hidden")]: 2 };
  Object.defineProperty(object, "hidden", { value: 3, enumerable: false });
  keeps(object, { shown: 1 });
  const computed = {
    get twice() {
      return 42;
    },
  };
  keeps(computed, { twice: 42 });
});

const SPECIAL = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "then",
  "toJSON",
  "length",
  "__defineGetter__",
  "__lookupSetter__",
];

test("decodeValue() makes own data of names that prototypes know", () => {
  for (const name of SPECIAL) {
    for (const value of [1, null, { polluted: true }, [1]]) {
      const small = own(["a", 1], [name, value]);
      const large = own(...Object.entries(manyKeys(70)), [name, value]);
      for (const object of [small, large]) {
        keeps(object);
        const arrived = roundTrip(object) as Record<string, unknown>;
        assert(Object.hasOwn(arrived, name), name);
        assert(Object.getPrototypeOf(arrived) === Object.prototype, name);
      }
    }
  }
  assertEquals("polluted" in {}, false);
  assertEquals(Object.keys(Object.prototype), []);
});

/** Keys that would do harm in the text of a program. */
const UNRULY = [
  '"',
  "'",
  "`",
  "\\",
  '\\"',
  '": values, "',
  '"]: 1, ["',
  "${polluted}",
  "*/ /*",
  "//",
  "}); polluted(); ({",
  "\n",
  "\r\n",
  "\u2028",
  "\u2029",
  "\0",
  "\ufeff",
  "</script>",
  "get a",
  "async",
  "...a",
  "values",
  "depth",
  "return",
  "1000",
  "-0",
];

test("decodeValue() makes own data of any name, however often it comes", () => {
  for (const name of [...SPECIAL, ...UNRULY]) {
    const list = Array.from(
      { length: 40 },
      (_, index) => own(["a", index], [name, { polluted: index }]),
    );
    keeps(list);
    for (const arrived of roundTrip(list) as object[]) {
      assert(Object.hasOwn(arrived, name), name);
      assert(Object.getPrototypeOf(arrived) === Object.prototype, name);
    }
  }
  keeps(Array(40).fill(own(...SPECIAL.map((key) => [key, 1] as [string, 1]))));
  keeps(Array(40).fill(own(...UNRULY.map((key) => [key, 1] as [string, 1]))));
  keeps(Array(40).fill({}));
  assertEquals("polluted" in {}, false);
});

test("decodeValue() makes separate objects of one key set", () => {
  const list = roundTrip(Array(40).fill({ a: { b: [] } })) as {
    a: { b: unknown[] };
  }[];
  list[0]!.a.b.push("only here");
  Object.assign(list[1]!, { extra: 1 });
  assertEquals(
    exactly(list.slice(2)),
    exactly(Array(38).fill({ a: { b: [] } })),
  );
});

test("decodeValue() keeps __proto__ of errors and of nested objects", () => {
  const evil = own(["__proto__", own(["polluted", true])]);
  keeps({ a: evil, b: [evil], c: new Map([[evil, evil]]) });
  const error = Object.assign(new Error("evil"), { detail: evil });
  Object.defineProperty(error, "__proto__", { value: 5, enumerable: true });
  const arrived = roundTrip(error) as Error;
  assert(arrived instanceof Error);
  assert(Object.getPrototypeOf(arrived) === Error.prototype);
  assertEquals(
    Object.getOwnPropertyDescriptor(arrived, "__proto__")?.value,
    5,
  );
  assertEquals("polluted" in {}, false);
});

test("encodeValue() takes objects with 64 keys, 65 and many more", () => {
  for (const count of [63, 64, 65, 100, 5_000]) {
    keeps(manyKeys(count));
    keeps([manyKeys(count), manyKeys(count)]);
  }
});

test("encodeValue() takes keys that are too long for the tables", () => {
  for (const length of [255, 256, 257, 1_000, 20_000]) {
    keeps({ ["k".repeat(length)]: 1, ["世".repeat(length)]: 2 });
  }
  keeps({ ["k".repeat(250)]: { ["k".repeat(300)]: { k: 1 } } });
});

test("encodeValue() sends a key set once", () => {
  const one = encodeValue([{ alpha: 1, beta: 2 }]).length;
  const many = encodeValue(Array(10).fill({ alpha: 1, beta: 2 })).length;
  assertEquals(many, one + 9 * 3, "an index and two small integers each");
});

/** Objects of more key sets than a table holds. */
function manyShapes(count: number): object[] {
  return Array.from({ length: count }, (_, index) => ({
    id: index,
    [`field${index}`]: "value",
  }));
}

test("encodeValue() takes more key sets than the table holds", () => {
  const list = manyShapes(TABLE_ENTRIES + 500);
  keeps(list);
  keeps([...list, ...list]);
});

test("Encoder goes on when its table of key sets is full", () => {
  const encoder = newEncoder();
  const decoder = new CollectingDecoder(WIDE);
  for (const value of [...manyShapes(1_500), ...manyShapes(1_500)]) {
    const bytes = encodeAll([{ kind: "message", value }], encoder);
    const arrived = valueOf(decodeAll([bytes], decoder));
    assertEquals(exactly(arrived), exactly(value));
  }
  assertEquals(decoder.tableSize, TABLE_ENTRIES);
  assert(encoder.tables.full);
});

test("Encoder goes on after its tables were reset", () => {
  const encoder = newEncoder();
  const decoder = new CollectingDecoder(WIDE);
  for (let round = 0; round < 3; round++) {
    for (const value of manyShapes(1_100)) {
      const bytes = encodeAll([{ kind: "message", value }], encoder);
      const arrived = valueOf(decodeAll([bytes], decoder));
      assertEquals(exactly(arrived), exactly(value));
    }
    const start = encoder.writer.position;
    encoder.reset();
    assertEquals(decodeAll([encoder.writer.written(start)], decoder), []);
    assertEquals([encoder.tables.size, decoder.tableSize], [0, 0]);
    assertEquals(encoder.tables.full, false);
  }
});
