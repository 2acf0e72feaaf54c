/**
 * The shapes of values that codecs are compared on: text of all kinds, numbers,
 * objects that are alike and objects that differ, and what only some codecs
 * know. Each makes values that are alike and not the same.
 *
 * @module
 */

import { userRecord } from "./_samples.ts";

/** A shape. */
export interface Shape {
  /** What it is. */
  readonly name: string;
  /** Makes a value: another for each seed. */
  make(seed: number): unknown;
  /**
   * Whether no value comes twice: its keys are new to both ends each time. The
   * values of other shapes take turns.
   */
  readonly isFresh?: true;
}

/** Numbers that look random, and are the same in each run. */
function randomOf(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1 >>> 0;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let bits = Math.imul(state ^ state >>> 15, 1 | state);
    bits = bits + Math.imul(bits ^ bits >>> 7, 61 | bits) ^ bits;
    return ((bits ^ bits >>> 14) >>> 0) / 0x1_0000_0000;
  };
}

const ASCII = "the engine weaves algebraic patterns as the loom weaves leaves ";
const LATIN = "Über naïve Bären, größere Flüsse und señores à la crème brûlée ";
const CHINESE = "分析机编织代数的图案就像提花织机编织花朵和叶子一样我们这样说";
const EMOJI = "😀🚀🎉🌍🧵🔧📦🦀💡🍀🎻🏔️🛰️🧭🪐🐙";
const MIXED =
  "Order 4711 for Zoë Müller (東京都) shipped 📦 today, all is well ";

/** A flat text of so many UTF-16 units, about, that differs by its seed. */
function text(of: string, length: number, seed: number): string {
  const units = [...of];
  const first = seed % units.length;
  const turn = [...units.slice(first), ...units.slice(0, first)].join("");
  const parts = turn.repeat(Math.ceil(length / turn.length));
  return parts.slice(0, length).toWellFormed();
}

const list = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

const texts = (of: string, length: number) => (seed: number) =>
  text(of, length, seed);

/** A small record with four strings of that kind. */
const person = (of: string) => (seed: number) => ({
  id: 1_000 + seed,
  name: text(of, 12, seed),
  city: text(of, 8, seed + 3),
  title: text(of, 20, seed + 5),
  note: text(of, 40, seed + 7),
  active: seed % 2 === 0,
});

/** A nested record with floats, and one letter that is not ASCII. */
function order(seed: number) {
  return {
    id: 70_000 + seed,
    customer: { name: "Zoë Müller", email: "zoe@example.com", level: 3 },
    lines: list(8, (at) => ({
      sku: `SKU-${seed}-${at}`,
      title: text(ASCII, 24, at),
      price: 9.99 + at * 1.37,
      weight: 0.25 * at + 0.1,
      quantity: at + 1,
    })),
    total: 431.27 + seed / 8,
    tags: ["new", "express", "gift"],
  };
}

/** A row of a table. */
const row = (seed: number) => ({
  id: seed,
  name: `row ${seed}`,
  price: seed * 1.25 + 0.01,
  count: seed % 100,
  active: seed % 3 === 0,
});

/** An object with two keys, and about half of so many others. */
const optional = (count: number) => (seed: number) => {
  const random = randomOf(seed);
  const others = list(count, (at) => `field_${at}`)
    .filter(() => random() < 0.5).map((key) => [key, seed]);
  return { id: seed, name: "optional", ...Object.fromEntries(others) };
};

/** One of so many kinds of objects, each with keys of its own. */
function kindOf(kind: number, seed: number) {
  return Object.fromEntries(
    list(6, (at) => [`k${kind}_${at}`, at % 2 ? seed : `value ${at}`]),
  );
}

/** An object with so many keys that nobody has seen. */
const fresh = (count: number) => (seed: number) => {
  const random = randomOf(seed);
  return Object.fromEntries(
    list(count, (at) => [
      `user_${(random() * 2 ** 32 >>> 0).toString(36)}_${at}`,
      at,
    ]),
  );
};

function nested(depth: number, seed: number): unknown {
  return depth === 0
    ? { leaf: seed }
    : { name: "node", depth, child: nested(depth - 1, seed) };
}

function tree(depth: number, seed: number): unknown[] {
  return depth === 0 ? [seed, seed + 1] : list(3, () => tree(depth - 1, seed));
}

/** A bigint whose magnitude has so many bytes. */
function bigint(bytes: number, random: () => number): bigint {
  let digits = (16 + random() * 239 | 0).toString(16);
  while (digits.length < bytes * 2) {
    digits += (random() * 256 | 0).toString(16).padStart(2, "0");
  }
  return random() < 0.5 ? BigInt(`0x${digits}`) : -BigInt(`0x${digits}`);
}

const bigints = (least: number, most: number) => (seed: number) => {
  const random = randomOf(seed);
  return list(
    200,
    () => bigint(least + (random() * (most - least + 1) | 0), random),
  );
};

const numbers = (count: number, make: (random: () => number) => number) =>
(
  seed: number,
) => {
  const random = randomOf(seed);
  return list(count, () => make(random));
};

const bytes = (count: number) => (seed: number) =>
  new Uint8Array(count).fill(seed);

function failure(seed: number): Error {
  const cause = new RangeError(`only ${seed} are left`);
  return new Error("The order cannot be shipped", { cause });
}

/** Points as maps have them. */
const geometry = (seed: number) => ({
  type: "Feature",
  properties: { name: "Lac Léman", id: seed },
  geometry: {
    type: "LineString",
    coordinates: list(200, (at) => [6.1 + at / 997, 46.2 + at * seed / 9_973]),
  },
});

/** The shapes. */
export const SHAPES: readonly Shape[] = [
  { name: "10 B of ASCII", make: texts(ASCII, 10) },
  { name: "50 B of ASCII", make: texts(ASCII, 50) },
  { name: "200 B of ASCII", make: texts(ASCII, 200) },
  { name: "2 KB of ASCII", make: texts(ASCII, 2_000) },
  { name: "100 KB of ASCII", make: texts(ASCII, 100_000) },
  { name: "10 MB of ASCII", make: texts(ASCII, 10_000_000) },
  { name: "20 letters of Latin-1", make: texts(LATIN, 20) },
  { name: "200 letters of Latin-1", make: texts(LATIN, 200) },
  { name: "100,000 letters of Latin-1", make: texts(LATIN, 100_000) },
  { name: "8 characters of Chinese", make: texts(CHINESE, 8) },
  { name: "100 characters of Chinese", make: texts(CHINESE, 100) },
  { name: "2,000 characters of Chinese", make: texts(CHINESE, 2_000) },
  { name: "100 KB of Chinese", make: texts(CHINESE, 33_333) },
  { name: "3 MB of Chinese", make: texts(CHINESE, 1_000_000) },
  { name: "5 emoji", make: texts(EMOJI, 10) },
  { name: "100 KB of emoji", make: texts(EMOJI, 50_000) },
  { name: "60 characters, mixed", make: texts(MIXED, 60) },
  { name: "100,000 characters, mixed", make: texts(MIXED, 100_000) },
  {
    name: "10,000 short strings",
    make: (seed) => list(10_000, (at) => `string ${at + seed}`),
  },
  {
    name: "1,000 names, Latin-1",
    make: (seed) => list(1_000, (at) => text(LATIN, 14, at + seed)),
  },
  {
    name: "1,000 names, Chinese",
    make: (seed) => list(1_000, (at) => text(CHINESE, 4, at + seed)),
  },
  { name: "10 B record", make: (seed) => ({ ok: true, id: seed }) },
  { name: "small record, ASCII", make: person(ASCII) },
  { name: "small record, Latin-1", make: person(LATIN) },
  { name: "small record, Chinese", make: person(CHINESE) },
  { name: "small record, emoji", make: person(EMOJI) },
  { name: "1 KB record with a date", make: (seed) => userRecord(seed + 1) },
  { name: "1 KB record with floats and ü", make: order },
  {
    name: "1,000 rows",
    make: (seed) => list(1_000, (at) => row(at * 7 + seed)),
  },
  {
    name: "50,000 rows, 3 MB",
    make: (seed) => list(50_000, (at) => row(at + seed)),
  },
  {
    name: "100 objects with 4 optional keys",
    make: (seed) => list(100, (at) => optional(4)(at + seed * 100)),
  },
  {
    name: "100 objects with 12 optional keys",
    make: (seed) => list(100, (at) => optional(12)(at + seed * 100)),
  },
  {
    name: "300 objects, each of a kind of its own",
    make: (seed) => list(300, (at) => kindOf(at, seed)),
  },
  { name: "an object with 12 fresh keys", make: fresh(12), isFresh: true },
  { name: "dictionary of 100 fresh keys", make: fresh(100), isFresh: true },
  { name: "dictionary of 500 fresh keys", make: fresh(500), isFresh: true },
  {
    name: "dictionary of 100 known keys",
    make: (seed) =>
      Object.fromEntries(list(100, (at) => [`host-${at}.lan`, at * seed])),
  },
  {
    name: "dictionary by number, 200 keys",
    make: (seed) =>
      Object.fromEntries(list(200, (at) => [`${at * 37 + 1_000}`, at * seed])),
  },
  { name: "objects, 20 deep", make: (seed) => nested(20, seed) },
  { name: "lists, 6 deep, 729 leaves", make: (seed) => tree(6, seed) },
  {
    name: "sparse record, 40 keys",
    make: (seed) =>
      Object.fromEntries(
        list(40, (at) => [`column_${at}`, at % 9 === 4 ? seed : null]),
      ),
  },
  { name: "1,000 booleans", make: (seed) => list(1_000, (at) => at > seed) },
  { name: "1,000 small integers", make: numbers(1_000, (r) => r() * 100 | 0) },
  { name: "1,000 int32", make: numbers(1_000, (r) => r() * 2 ** 32 | 0) },
  {
    name: "1,000 int53",
    make: numbers(1_000, (r) => Math.floor(r() * 2 ** 53)),
  },
  { name: "1,000 floats", make: numbers(1_000, (r) => r() * 1_000 - 500) },
  {
    name: "1,000 prices",
    make: numbers(1_000, (r) => Math.round(r() * 10_000) / 100),
  },
  { name: "a line of 200 points", make: geometry },
  { name: "200 bigints of 1 byte", make: bigints(1, 1) },
  { name: "200 bigints of 8 bytes", make: bigints(8, 8) },
  { name: "200 bigints of 20 bytes", make: bigints(20, 20) },
  { name: "200 bigints of 1 to 100 bytes", make: bigints(1, 100) },
  {
    name: "100 dates",
    make: (seed) => list(100, (at) => new Date(1.79e12 + at * 1e7 + seed)),
  },
  {
    name: "Map of 100 strings",
    make: (seed) =>
      new Map(list(100, (at) => [`key-${at}`, `value ${seed} of ${at}`])),
  },
  {
    name: "Map of 1,000 integers",
    make: (seed) => new Map(list(1_000, (at) => [at * 7 + seed, at / 2])),
  },
  {
    name: "Set of 100 strings",
    make: (seed) => new Set(list(100, (at) => `member ${at + seed}`)),
  },
  {
    name: "Set of 1,000 integers",
    make: (seed) => new Set(list(1_000, (at) => at * 977 + seed)),
  },
  { name: "an error with a cause", make: failure },
  { name: "50 errors", make: (seed) => list(50, (at) => failure(at + seed)) },
  { name: "100 B of bytes", make: bytes(100) },
  { name: "64 KB of bytes", make: bytes(65_536) },
  { name: "10 MB of bytes", make: bytes(10_000_000) },
  {
    name: "50 byte arrays of 32 B",
    make: (seed) => list(50, (at) => bytes(32)(at + seed)),
  },
  {
    name: "Float64Array of 1,000",
    make: (seed) => Float64Array.from({ length: 1_000 }, (_, at) => at / seed),
  },
  {
    name: "4 small typed arrays",
    make: (seed) => [
      Int32Array.of(seed, 2, 3),
      Float32Array.of(1.5, seed),
      Uint16Array.of(1, 2, seed),
      BigInt64Array.of(1n, BigInt(seed)),
    ],
  },
];
