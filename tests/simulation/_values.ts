/**
 * Values to send, each made of a seed, so that both ends know them.
 *
 * @module
 */

import { Random } from "./_random.ts";

/**
 * A value of about so many bytes.
 *
 * @param seed What it is made of.
 * @param size About how many bytes it takes.
 * @returns The value.
 */
export function valueOf(seed: number, size: number): unknown {
  const random = new Random(seed);
  const shapes = [
    () => random.int(-100, 100_000),
    () => text(random, size),
    () => new Uint8Array(size).fill(random.int(0, 255)),
    () =>
      Array.from({ length: Math.min(40, size >> 3) }, () => text(random, 7)),
    () => rows(random, Math.min(30, size >> 5)),
    () =>
      new Map(
        Array.from({ length: Math.min(20, size >> 4) }, (_, key) => [
          `key ${key}`,
          random.next(),
        ]),
      ),
    () => new Set([1, "two", 3n, null, undefined, true]),
    () => ({ at: new Date(random.int(0, 1e12)), big: 2n ** 40n, none: null }),
    () => nested(random, random.int(0, 6)),
    () => undefined,
    () => [[], {}, "", 0, -0, NaN],
  ];
  return random.pick(shapes)();
}

function text(random: Random, length: number): string {
  const letters = random.pick(["abc xyz", "aüb", "中文字", "a🙂b"]);
  const units = [...letters];
  return Array.from(
    { length: Math.min(length, 20_000) },
    () => random.pick(units),
  ).join("");
}

function rows(random: Random, length: number): unknown[] {
  return Array.from({ length }, (_, index) => ({
    index,
    name: text(random, 5),
    ...random.chance(0.3) ? { note: text(random, 9) } : {},
  }));
}

function nested(random: Random, depth: number): unknown {
  if (depth === 0) return text(random, 3);
  return random.chance(0.5)
    ? [nested(random, depth - 1)]
    : { inner: nested(random, depth - 1) };
}
