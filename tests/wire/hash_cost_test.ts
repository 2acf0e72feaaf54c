/** Keys that collide, by chance and by choice. */

import { assert, assertEquals } from "@std/assert";
import { FEW_KEYS, HashCost, hashOf } from "../../wire/codec/_objects.ts";
import { test } from "../_test.ts";

/** How many of some keys are added until they cost too much. */
function added(keys: readonly unknown[]): number {
  const cost = new HashCost(keys.length);
  for (let index = 0; index < keys.length; index++) {
    if (!cost.add(keys[index])) return index;
  }
  return keys.length;
}

function many(make: (index: number) => unknown, count = 20_000): unknown[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

test("HashCost.add() takes keys as programs have them", () => {
  const kinds: Record<string, (index: number) => unknown> = {
    "integers": (n) => n,
    "negative integers": (n) => -n,
    "even integers": (n) => n * 2,
    "thousands": (n) => n * 1_000,
    "powers of two apart": (n) => n * 65_536,
    "milliseconds": (n) => 1_700_000_000_000 + n * 1_000,
    "halves": (n) => n / 2,
    "fractions": (n) => n / 7,
    "large integers": (n) => 2 ** 53 - n,
    "multiples of 2^33": (n) => n * 2 ** 33,
    "bigints": (n) => BigInt(n),
    "negative bigints": (n) => -BigInt(n),
    "large bigints": (n) => BigInt(n) << 40n,
    "identifiers of 128 bits": (n) => (BigInt(n) << 64n) | BigInt(n * 7),
    "texts": (n) => `key ${n}`,
    "texts of digits": (n) => `${n}`,
    "texts of more digits": (n) => `${1_000_000_000 + n * 3}`,
    "texts of many digits": (n) => `${2 ** 52 + n * 65_536}`,
    "prices": (n) => `${n * 25}`,
    "dates": (n) => new Date(n),
    "lists": (n) => [n],
    "what is hashed by no number": (n) => n % 2 === 0 ? {} : null,
  };
  for (const [what, make] of Object.entries(kinds)) {
    assertEquals(added(many(make)), 20_000, what);
  }
});

/** The first keys of a kind whose hashes end in the same bits. */
function colliding(make: (index: number) => unknown, count: number): unknown[] {
  const keys: unknown[] = [];
  for (let index = 1; keys.length < count; index++) {
    const key = make(index);
    if ((hashOf(key) & 0x1ff) === 5) keys.push(key);
  }
  return keys;
}

test("HashCost.add() finds keys that were chosen to collide", () => {
  const kinds: Record<string, (index: number) => unknown> = {
    "integers": (n) => n,
    "negative integers": (n) => -n,
    "fractions": (n) => n + 0.5,
    "large numbers": (n) => n * 2 ** 33,
    "bigints": (n) => BigInt(n),
    "negative bigints": (n) => -(BigInt(n) << 33n),
    "texts of digits": (n) => `${n + 1_000_000}`,
  };
  for (const [what, make] of Object.entries(kinds)) {
    const count = added(colliding(make, 1_000));
    assert(count > FEW_KEYS && count < 1_000, `${what}: ${count}`);
  }
});

test("HashCost.add() finds what differs beyond what is hashed", () => {
  for (const bits of [64n, 65n, 1_000n]) {
    const count = added(many((n) => (BigInt(n) << bits) | 1n));
    assert(count < 1_000, `${bits}: ${count}`);
  }
  assert(added(many((n) => `${2 ** 30 + n * 2 ** 15}`)) < 1_000);
});

test("HashCost.add() goes on where only some collide", () => {
  const keys = many((n) => n % 100 === 0 ? BigInt(n) << 64n : n);
  assertEquals(added(keys), keys.length);
});

test("hashOf() knows 0 and −0 for one key, and other texts for none", () => {
  assertEquals(hashOf(-0), hashOf(0));
  assertEquals(hashOf("4294967294"), 4_294_967_294);
  for (const text of ["", "00", "01", "4294967295", "1e3", "-1", "1 ", "x"]) {
    assertEquals(hashOf(text), -1, text);
  }
});
