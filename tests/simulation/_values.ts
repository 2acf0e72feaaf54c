/**
 * Values to send, each made of a seed, so that both ends know them.
 *
 * @module
 */

import { Random } from "./_random.ts";

/** How many objects a wordy value holds: two of them fill a table. */
const WORDS = 520;

/** What a value is made of. */
export interface Making {
  /** What makes it differ from all others. */
  readonly serial: number;
  /** About how many bytes it takes. */
  readonly size: number;
  /** Whether it has keys that no other has, so that tables fill. */
  readonly isWordy?: boolean;
}

/** The value that both ends make of the same. */
export function valueOf({ serial, size, isWordy }: Making): unknown {
  const random = new Random(serial);
  if (isWordy) {
    return Array.from(
      { length: WORDS },
      (_, index) => ({ [`${serial} ${index}`]: index, [text(random, 4)]: 1 }),
    );
  }
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
    () => new URL(`http://localhost/${random.int(0, 1e6)}`),
    () => nested(random, random.int(0, 6)),
    () => undefined,
    () => [[], {}, "", 0, -0, NaN],
  ];
  return random.pick(shapes)();
}

/** So much of a text is random; then it begins again. */
const PATTERN = 29;

function text(random: Random, length: number): string {
  const letters = random.pick(["abc xyz", "aüb", "中文字", "a🙂b"]);
  const units = [...letters];
  const most = Math.min(length, 20_000);
  const pattern = Array.from(
    { length: Math.min(most, PATTERN) },
    () => random.pick(units),
  );
  const whole = pattern.join("").repeat(Math.ceil(most / PATTERN));
  // It may be cut within a pair of surrogates.
  return whole.slice(0, most).toWellFormed();
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
