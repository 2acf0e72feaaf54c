/**
 * Changes of bytes that know what the protocols are made of: varints, lengths,
 * tags.
 *
 * @module
 */

import type { Random } from "../simulation/_random.ts";
import type { Bytes } from "./_target.ts";

/** No input becomes larger than this. */
export const LARGEST = 1_024;

/** Numbers at which something may change. */
const EDGES = [
  0,
  1,
  2,
  15,
  16,
  31,
  32,
  63,
  64,
  65,
  127,
  128,
  255,
  256,
  1_000,
  1_024,
  4_096,
  16_383,
  16_384,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 35,
  2 ** 53 - 1,
  2 ** 53,
];

/** A number as a varint, as the protocol has them. */
export function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) {
    bytes.push(value % 0x80 + 0x80);
  }
  return [...bytes, value];
}

/** A number in four bytes, the largest first. */
export function uint32(value: number): number[] {
  return [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
}

/** Puts bytes in the place of others. */
export function splice(
  bytes: Bytes,
  at: number,
  count: number,
  inserted: ArrayLike<number>,
): Bytes {
  const rest = bytes.subarray(Math.min(bytes.length, at + count));
  const spliced = new Uint8Array(at + inserted.length + rest.length);
  spliced.set(bytes.subarray(0, at));
  spliced.set(inserted, at);
  spliced.set(rest, at + inserted.length);
  return spliced;
}

/** How many bytes the varint at a place has. */
function varintLength(bytes: Bytes, at: number): number {
  let length = 1;
  while (length < 8 && bytes[at + length - 1]! >= 0x80) length++;
  return length;
}

/** One change of bytes at a place. */
function change(
  bytes: Bytes,
  at: number,
  random: Random,
  other: Bytes,
  words: readonly number[],
): Bytes {
  switch (random.int(0, 13)) {
    case 0:
      return splice(bytes, at, 1, [bytes[at]! ^ 1 << random.int(0, 7)]);
    case 1:
      return splice(bytes, at, 1, [random.int(0, 255)]);
    case 2:
    case 3:
      return splice(bytes, at, 1, [random.pick(words)]);
    case 4:
      return splice(bytes, at, 0, [random.pick(words), random.int(0, 3)]);
    case 5:
      return splice(bytes, at, random.int(1, 8), []);
    case 6: {
      const edge = varint(random.pick(EDGES));
      return splice(bytes, at, varintLength(bytes, at), edge);
    }
    case 7:
      return splice(bytes, at, 4, uint32(random.pick(EDGES)));
    case 8: {
      // The same again, a few times or many.
      const some = bytes.slice(at, at + random.int(1, 12));
      const times = random.pick([1, 2, 20, 70]);
      return splice(bytes, at, 0, repeated(some, times));
    }
    case 9:
    case 10: {
      const from = random.int(0, other.length);
      const some = other.subarray(from, from + random.int(1, 60));
      return splice(bytes, at, random.int(0, 1) * some.length, some);
    }
    case 11:
      return bytes.slice(0, at);
    case 12: {
      const one = bytes[at]! + random.int(-1, 1);
      return splice(bytes, at, 1, [one & 255]);
    }
    default:
      return splice(bytes, at, 0, repeated([random.pick(words)], 40));
  }
}

function repeated(bytes: ArrayLike<number>, times: number): number[] {
  const once = Array.from(bytes);
  return Array.from({ length: times }, () => once).flat();
}

/**
 * Changes bytes in one to four places.
 *
 * @param input The bytes, which stay as they are.
 * @param random Chance.
 * @param other Others, to take parts of.
 * @param words Bytes that mean something.
 * @param from Where what may be changed begins.
 */
export function mutateBytes(
  input: Bytes,
  random: Random,
  other: Bytes,
  words: readonly number[],
  from = 0,
): Bytes {
  let bytes = input;
  for (let times = random.pick([1, 1, 2, 4]); times > 0; times--) {
    const at = Math.min(bytes.length, from + random.int(0, bytes.length));
    const place = at >= bytes.length && bytes.length > from
      ? random.int(from, bytes.length - 1)
      : at;
    bytes = change(bytes, place, random, other, words);
  }
  return bytes.slice(0, LARGEST);
}

/**
 * Changes one of the bytes with which an input begins: what to do with the
 * others.
 */
export function mutateHead(input: Bytes, random: Random, size: number): Bytes {
  const changed = input.slice();
  if (changed.length < size) return new Uint8Array(size);
  changed[random.int(0, size - 1)] = random.pick([0, 1, random.int(0, 255)]);
  return changed;
}
