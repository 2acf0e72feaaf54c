/** Objects with many keys are objects like others, whatever their keys are. */

import { assertEquals } from "@std/assert";
import { test } from "../_test.ts";
import { ByteWriter } from "../../wire/codec/bytes.ts";
import { decodeValue } from "../../wire/codec/codec.ts";
import { TAG } from "../../wire/codec/value_kinds.ts";
import { codeOf } from "./_codec.ts";
import { anyPair } from "./_pair.ts";

/** Keys that objects know without having them. */
const KNOWN = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "__defineGetter__",
];

/** An object with so many keys besides one, which comes at a place. */
function made(count: number, at: number, key: string, value: unknown): object {
  const entries: [string, unknown][] = Array.from(
    { length: count },
    (_, n) => [`key ${n}`, n],
  );
  entries.splice(at, 0, [key, value]);
  return Object.fromEntries(entries);
}

/** Gives objects the setter that Deno alone leaves out. */
function withProtoSetter(): Disposable {
  const before = Object.getOwnPropertyDescriptor(Object.prototype, "__proto__");
  Object.defineProperty(Object.prototype, "__proto__", {
    get() {
      return Object.getPrototypeOf(this);
    },
    set(prototype) {
      Object.setPrototypeOf(this, prototype);
    },
    configurable: true,
  });
  return {
    [Symbol.dispose]() {
      delete (Object.prototype as { __proto__?: unknown })["__proto__"];
      if (before !== undefined) {
        Object.defineProperty(Object.prototype, "__proto__", before);
      }
    },
  };
}

test("keys that prototypes know are keys, in objects of every size", async () => {
  using _ = withProtoSetter();
  const [near, far] = anyPair({}, {
    functions: { echo: (x: unknown) => x },
  });
  for (const key of KNOWN) {
    for (const count of [0, 3, 63, 64, 65, 200]) {
      for (const value of [{ polluted: true }, null, 1]) {
        const object = made(count, count >> 1, key, value);
        // Often enough for code to be made for it.
        for (let time = 0; time < 3; time++) {
          const echo = await near.remoteValue.echo(object) as object;
          assertEquals(
            Object.getPrototypeOf(echo) === Object.prototype,
            true,
            `${key} among ${count}`,
          );
          assertEquals(Object.keys(echo), Object.keys(object));
          const { value: came } = Object.getOwnPropertyDescriptor(echo, key)!;
          assertEquals(came, value);
          assertEquals("polluted" in echo, false);
        }
      }
    }
  }
  assertEquals("polluted" in {}, false);
  near.abort();
  await far.closed;
});

test("decodeValue() refuses a key that comes twice, among few keys and among many", () => {
  for (const count of [2, 20, 129, 500]) {
    const writer = new ByteWriter();
    const write = (twice: number) => {
      writer.clear();
      // No key sets.
      writer.varint(0);
      writer.byte(TAG.dictionary);
      writer.varint(count);
      for (let at = 0; at < count; at++) {
        writer.text(`key ${at === count - 1 ? twice : at}`);
        writer.byte(at & 0x7f);
      }
      return writer.written();
    };
    assertEquals(Object.keys(decodeValue(write(-1)) as object).length, count);
    for (const twice of [0, count - 1 >> 1, count - 2]) {
      assertEquals(codeOf(() => decodeValue(write(twice))), "malformed");
    }
  }
});

/** A list of dictionaries, by their members, in the bytes of a value. */
function listOf(
  dictionaries: readonly (readonly [string, number])[][],
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  // No key sets.
  writer.varint(0);
  writer.byte(TAG.longList);
  writer.varint(dictionaries.length);
  for (const members of dictionaries) {
    writer.byte(TAG.dictionary);
    writer.varint(members.length);
    for (const [key, value] of members) {
      writer.text(key);
      writer.byte(value);
    }
  }
  return writer.written();
}

/** So many members, with values from one on. */
const membersFrom = (count: number, value: number): [string, number][] =>
  Array.from({ length: count }, (_, at) => [`key ${at}`, value + at & 0x7f]);

/** Changes members that are like those of all dictionaries before. */
const CHANGES: Record<string, (members: [string, number][]) => void> = {
  "the first key is another": (members) => members[0] = ["other", 1],
  "the last key is another": (members) => members.splice(-1, 1, ["other", 1]),
  "a key is longer": (members) => members[5]![0] += "!",
  "a key is shorter": (members) => members[12]![0] = "key",
  "a key is not ASCII": (members) => members[7]![0] = "kéy 7",
  "two keys change places": (members) => members.push(members.shift()!),
  "one key more": (members) => members.push(["more", 1]),
  "one key less": (members) => members.pop(),
  "a key that objects know": (members) => members[9]![0] = "__proto__",
  "a key of an index": (members) => members[9]![0] = "1000",
};

test("decodeValue() makes the same of dictionaries whatever keys came before", () => {
  const compare = (dictionaries: [string, number][][], what: string) => {
    const made = decodeValue(listOf(dictionaries)) as object[];
    dictionaries.forEach((members, index) => {
      const object = Object.create(null);
      for (const [key, value] of members) object[key] = value;
      const entries = Object.entries(made[index]!);
      if (`${entries}` !== `${Object.entries(object)}`) {
        assertEquals(entries, Object.entries(object), `${what}, ${index}`);
      }
      assertEquals(
        Object.getPrototypeOf(made[index]) === Object.prototype,
        true,
      );
    });
  };
  for (const count of [16, 17, 64, 120, 121]) {
    for (const [what, change] of Object.entries(CHANGES)) {
      const dictionaries = Array.from(
        { length: 30 },
        (_, index) => membersFrom(count, index),
      );
      // Once by the keys of the last one, and once by code that has them.
      for (const index of [0, 1, 4, 5, 6, 20]) change(dictionaries[index]!);
      compare(dictionaries, `${what}, of ${count}`);
    }
  }
  const long = membersFrom(20, 1);
  long[3]![0] = "long ".repeat(60);
  compare(Array.from({ length: 20 }, () => long), "a long key");
  const own = membersFrom(20, 1);
  own[3]![0] = "__proto__";
  compare(Array.from({ length: 20 }, () => own), "a key that objects know");
  const mixed = Array.from({ length: 20 }, (_, at) => membersFrom(20, at));
  for (const [index, members] of mixed.entries()) {
    members[0]![0] = "1000";
    // The last index of all, in front of another that is new.
    members[1]![0] = "4294967294";
    if (index % 5 === 4) members[2]![0] = "1 more";
  }
  compare(mixed, "indices and names");
  for (const count of [20, 200, 256, 257]) {
    const byNumber = (value: number): [string, number][] =>
      membersFrom(count, value).map(([, value], at) => [`${at * 37}`, value]);
    const sorted = Array.from({ length: 20 }, (_, at) => byNumber(at));
    compare(sorted, `${count} by number`);
    for (const index of [3, 4, 15]) sorted[index]!.reverse();
    compare(sorted, `${count} by number, of which some are not sorted`);
  }
});

test("decodeValue() refuses a key that comes twice behind those of the last dictionary", () => {
  for (const before of [1, 2, 3, 20]) {
    for (const twice of [0, 7, 18]) {
      const dictionaries = Array.from(
        { length: before + 1 },
        (_, index) => membersFrom(20, index),
      );
      const members = dictionaries[before]!;
      members[19] = [members[twice]![0], 1];
      const code = codeOf(() => decodeValue(listOf(dictionaries)));
      assertEquals(code, "malformed", `${before}, ${twice}`);
    }
  }
});

test("decodeValue() reads what is in dictionaries of the same keys, and ends where they end", () => {
  const keys = Array.from({ length: 17 }, (_, at) => `k${at}`);
  const nested = (depth: number): object =>
    Object.fromEntries(
      keys.map((
        key,
        at,
      ) => [key, at === 8 && depth > 0 ? nested(depth - 1) : at]),
    );
  const writer = new ByteWriter();
  const write = (object: object) => {
    writer.byte(TAG.dictionary);
    writer.varint(keys.length);
    for (const [key, value] of Object.entries(object)) {
      writer.text(key);
      if (typeof value === "number") writer.byte(value);
      else write(value);
    }
  };
  const values = Array.from({ length: 20 }, (_, at) => nested(at % 5));
  writer.varint(0);
  writer.byte(TAG.longList);
  writer.varint(values.length);
  for (const value of values) write(value);
  const bytes = writer.written();
  assertEquals(decodeValue(bytes), values);
  for (let end = 3; end < bytes.length; end++) {
    const code = codeOf(() => decodeValue(bytes.subarray(0, end)));
    if (code !== "malformed") assertEquals(code, "malformed", `${end}`);
  }
});
