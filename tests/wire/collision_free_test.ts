/** Maps and Sets of keys that collide, behind the codec and by themselves. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  collisionFreeMap,
  collisionFreeSet,
} from "../../wire/codec/_objects.ts";
import { decodeValue, encodeValue } from "../../wire/codec/codec.ts";
import { wirePair } from "../../wire/mod.ts";
import { test } from "../_test.ts";
import { codeOf } from "./_codec.ts";
import { exactly } from "./_exact.ts";

/** Keys that share a place in the engine's hash table. */
const KEYS: Readonly<Record<string, (index: number) => unknown>> = {
  bigints: (n) => BigInt(n) << 64n,
  texts: (n) => `${2 ** 30 + n * 2 ** 15}`,
  mixed: (n) =>
    n % 3 === 0
      ? [n]
      : n % 3 === 1
      ? -(BigInt(n) << 70n)
      : `${2 ** 30 + n * 2 ** 15}`,
};

const listOf = (make: (index: number) => unknown, count = 2_000) =>
  Array.from({ length: count }, (_, index) => make(index));

/** Whether something is one of the engine's own. */
function isOwn(value: Set<unknown> | Map<unknown, unknown>): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

test("decodeValue() takes Sets and Maps of keys that collide", () => {
  for (const [what, make] of Object.entries(KEYS)) {
    const set = new Set(listOf(make));
    const map = new Map(listOf(make).map((key, at) => [key, { at }]));
    const came = decodeValue(encodeValue(set)) as Set<unknown>;
    const cameMap = decodeValue(encodeValue(map)) as Map<unknown, unknown>;
    assert(!isOwn(came) && !isOwn(cameMap), what);
    assertEquals(exactly(came), exactly(set), what);
    assertEquals(exactly(cameMap), exactly(map), what);
    // And once more.
    const again = decodeValue(encodeValue([came, cameMap]));
    assertEquals(exactly(again), exactly([set, map]), what);
  }
});

test("decodeValue() leaves other Sets and Maps to the engine", () => {
  const numbers = listOf((n) => n, 5_000);
  const set = decodeValue(encodeValue(new Set(numbers))) as Set<unknown>;
  const entries = numbers.map((n) => [n, `${n}`] as const);
  const map = decodeValue(encodeValue(new Map(entries)));
  const few = new Set(listOf(KEYS["bigints"]!, 100));
  assert(isOwn(set) && isOwn(map as Map<unknown, unknown>));
  assert(isOwn(decodeValue(encodeValue(few)) as Set<unknown>));
});

test("decodeValue() refuses keys that come twice among ones that collide", () => {
  for (const [what, twice] of [["bigint", 5n << 64n], ["zero", -0]] as const) {
    const items = [...listOf(KEYS["bigints"]!), 0.5, 0, twice];
    const list = encodeValue(items.map((item) => item));
    // The same bytes as a set: the tag of a long list, and that of a set.
    assertEquals(list[1], 0xd1);
    list[1] = 0xd5;
    assertEquals(codeOf(() => decodeValue(list)), "malformed", what);
  }
});

test("collisionFreeMap() has all that a Map has", () => {
  const map = collisionFreeMap<unknown, number>([[1, 1], ["1", 2], [1n, 3]]);
  assert(map instanceof Map && map.constructor === Map);
  assertEquals(Object.prototype.toString.call(map), "[object Map]");
  assertEquals([map.get(1), map.get("1"), map.get(1n), map.get(2)], [
    1,
    2,
    3,
    undefined,
  ]);
  assertEquals(map.set(-0, 4).set(NaN, 5).size, 5);
  assert(map.has(0) && map.has(NaN) && !map.has("0") && !map.has("n0"));
  assert(Object.is([...map.keys()][3], 0));
  assertEquals(map.set(1, 6).size, 5);
  assertEquals([...map.values()], [6, 2, 3, 4, 5]);
  assertEquals([...map][0], [1, 6]);
  assertEquals([...map.entries()].length, 5);
  const seen: unknown[] = [];
  map.forEach(function (this: unknown, value, key, holder) {
    seen.push(this, value, key, holder === map);
  }, "self");
  assertEquals(seen.slice(0, 4), ["self", 6, 1, true]);
  assert(map.delete("1") && !map.delete("1"));
  map.clear();
  assertEquals([map.size, [...map]], [0, []]);
  assertThrows(() => structuredClone(map));
});

test("collisionFreeSet() has all that a Set has", () => {
  const set = collisionFreeSet<unknown>([3, 1, "1", 1n, 3]);
  assert(set instanceof Set && set.constructor === Set);
  assertEquals([...set], [3, 1, "1", 1n]);
  assertEquals([...set.entries()][0], [3, 3]);
  assertEquals([...set.values()], [...set.keys()]);
  assert(set.add(-0).has(0) && Object.is([...set][4], 0));
  assert(set.delete(0) && !set.has(0));
  const other = new Set<unknown>([1, 9]);
  assertEquals([...set.union(other)], [3, 1, "1", 1n, 9]);
  assertEquals([...other.union(set)], [1, 9, 3, "1", 1n]);
  assertEquals([...set.intersection(other)], [1]);
  assertEquals([...set.difference(other)], [3, "1", 1n]);
  assertEquals([...set.symmetricDifference(other)], [3, "1", 1n, 9]);
  assertEquals(set.isSubsetOf(other), false);
  assertEquals(set.isSupersetOf(new Set([3, 1])), true);
  assertEquals(set.isDisjointFrom(new Set([4])), true);
  assert(Deno.inspect(set).includes("4"));
});

test("Wire fills results in where keys collide", async () => {
  const [near, far] = wirePair();
  far.serve({
    one: () => 1,
    sum: (map: Map<unknown, number>) =>
      [...map.values()].reduce((sum, n) => sum + n, 0),
  });
  const keys = listOf(KEYS["bigints"]!, 300);
  const map = new Map(keys.map((key) => [key, near.remoteValue.one()]));
  assertEquals(await near.remoteValue.sum(map), 300);
  await near.close();
});
