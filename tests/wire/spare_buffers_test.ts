import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { SpareBuffers } from "../../wire/base/collections.ts";
import { test } from "../_test.ts";

const MIB = 1024 * 1024;

test("SpareBuffers.take() makes a buffer where none is spare", () => {
  const spares = new SpareBuffers();
  assertEquals(spares.take(10), new Uint8Array(10));
});

test("SpareBuffers.take() takes the smallest that is large enough", () => {
  const spares = new SpareBuffers();
  const [small, middle, large] = [10, 20, 30].map((n) => new ArrayBuffer(n));
  for (const buffer of [large, small, middle]) spares.give(buffer!);
  const taken = spares.take(15);
  assertStrictEquals(taken.buffer, middle);
  assertEquals(taken.length, 15);
  assertStrictEquals(spares.take(15).buffer, large);
  assert(spares.take(15).buffer !== small);
  assertStrictEquals(spares.take(10).buffer, small);
});

test("SpareBuffers.give() keeps the last four, and 8 MiB", () => {
  const spares = new SpareBuffers();
  const buffers = Array.from({ length: 6 }, () => new ArrayBuffer(10));
  for (const buffer of buffers) spares.give(buffer);
  const kept = Array.from({ length: 5 }, () => spares.take(10).buffer);
  assertEquals(kept.map((buffer) => buffers.indexOf(buffer)), [2, 3, 4, 5, -1]);
  const large = [3, 3, 3].map((size) => new ArrayBuffer(size * MIB));
  for (const buffer of large) spares.give(buffer);
  const places = large.map(() => large.indexOf(spares.take(3 * MIB).buffer));
  assertEquals(places, [1, 2, -1]);
});

test("SpareBuffers.give() keeps nothing that is larger than all may be", () => {
  const spares = new SpareBuffers();
  const huge = new ArrayBuffer(9 * MIB);
  spares.give(huge);
  assert(spares.take(9 * MIB).buffer !== huge);
});

test("SpareBuffers.clear() keeps none", () => {
  const spares = new SpareBuffers();
  const buffer = new ArrayBuffer(10);
  spares.give(buffer);
  spares.clear();
  assert(spares.take(10).buffer !== buffer);
});
