/**
 * Random values of all kinds that are data, for tests.
 *
 * @module
 */

/** Numbers from 0 to below 1. */
export type Random = () => number;

/** A whole number below a bound. */
export const below = (random: Random, bound: number) =>
  Math.floor(random() * bound);

/** One of a list. */
export function pick<T>(random: Random, list: readonly T[]): T {
  return list[below(random, list.length)]!;
}

export const KEYS = [
  "a",
  "b",
  "id",
  "name",
  "__proto__",
  "then",
  "0",
  "12",
  "",
  "é",
];

/** A text of some length, of all kinds of characters. */
export function randomText(random: Random): string {
  const length = pick(random, [0, 1, 3, 8, 31, 32, 70, 130]);
  const units = ["a", "Z", "\0", "é", "世", "𝄞", "\ufeff"];
  return Array.from({ length }, () => pick(random, units)).join("");
}

function randomNumber(random: Random): number {
  const wide = (random() - 0.5) * 2 ** below(random, 70);
  return pick(random, [Math.trunc(wide), wide, Math.fround(wide), NaN, -0]);
}

function randomBigint(random: Random): bigint {
  let value = BigInt(below(random, 1000));
  for (let word = below(random, 6); word > 0; word--) {
    value = value << 32n | BigInt(below(random, 2 ** 32));
  }
  return random() < 0.5 ? value : -value;
}

/** So many bytes. */
export function randomBytes(
  random: Random,
  length: number,
): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, () => below(random, 256));
}

function randomObject(random: Random, depth: number): object {
  const object = {};
  const count = pick(random, [0, 1, 2, 3, 8, 70]);
  for (let index = 0; index < count; index++) {
    const key = index < 8 ? pick(random, KEYS) : `k${index}`;
    const value = randomValue(random, depth + 1);
    Object.defineProperty(object, key, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return object;
}

function randomError(random: Random, depth: number): Error {
  const cause = { cause: randomValue(random, depth + 1) };
  const Kind = pick(random, [Error, TypeError, RangeError]);
  const error = new Kind(
    randomText(random),
    random() < 0.5 ? cause : undefined,
  );
  return random() < 0.5
    ? error
    : Object.assign(error, { code: randomValue(random, depth + 2) });
}

/** A value of any kind; the deeper it begins, the smaller it is. */
export function randomValue(random: Random, depth = 2): unknown {
  const count = depth > 5 ? 0 : pick(random, [0, 1, 2, 5, 20]);
  const list = () =>
    Array.from({ length: count }, () => randomValue(random, depth + 1));
  switch (below(random, depth > 5 ? 10 : 16)) {
    case 0:
      return pick(random, [null, undefined, true, false]);
    case 1:
    case 2:
      return randomNumber(random);
    case 3:
      return randomBigint(random);
    case 4:
    case 5:
      return randomText(random);
    case 6:
      return randomBytes(random, below(random, 40));
    case 7:
      return new Date(randomNumber(random));
    case 8: {
      const { buffer } = randomBytes(random, 8 * below(random, 4));
      const Kind = pick(random, [Int8Array, Float64Array, Uint16Array]);
      return new Kind(buffer);
    }
    case 9:
      return new URL(`x:${encodeURIComponent(randomText(random))}`);
    case 10:
      return new Map(list().map((value, index) => [[index, value], value]));
    case 11:
      return new Set(list());
    case 12:
      return randomError(random, depth);
    case 13:
      return list();
    default:
      return randomObject(random, depth);
  }
}
