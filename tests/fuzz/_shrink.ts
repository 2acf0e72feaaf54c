/**
 * Makes an input smaller, as long as it fails.
 *
 * @module
 */

import { splice } from "./_mutate.ts";
import type { Bytes } from "./_target.ts";

/** Inputs that are smaller, or simpler, than this one. */
function* simpler(input: Bytes): Iterable<Bytes> {
  for (let part = input.length >> 1; part > 0; part >>= 1) {
    for (let at = input.length - part; at >= 0; at -= part) {
      yield splice(input, at, part, []);
    }
  }
  for (let at = 0; at < input.length; at++) {
    const byte = input[at]!;
    // The length of a frame goes with what is in it.
    for (let count = 1; count <= 8 && byte >= count; count++) {
      for (let to = at + 1; to <= at + 5; to++) {
        const shorter = splice(input, at, 1, [byte - count]);
        yield splice(shorter, to, count, []);
      }
    }
    if (byte > 0) yield splice(input, at, 1, [0]);
    if (byte > 1) yield splice(input, at, 1, [byte >> 1]);
  }
}

/** Whether one input is simpler than another. */
function isSimpler(one: Bytes, other: Bytes): boolean {
  if (one.length !== other.length) return one.length < other.length;
  const sum = (bytes: Bytes) => bytes.reduce((sum, byte) => sum + byte, 0);
  return sum(one) < sum(other);
}

/**
 * Makes a failing input smaller.
 *
 * @param input An input that fails.
 * @param fails Tells whether an input fails.
 * @param most How many inputs to try.
 * @returns The smallest input that was found to fail.
 */
export async function shrink(
  input: Bytes,
  fails: (input: Bytes) => Promise<boolean>,
  most = 5_000,
): Promise<Bytes> {
  let tried = 0;
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false;
    for (const next of simpler(input)) {
      if (!isSimpler(next, input)) continue;
      if (tried++ >= most) return input;
      if (!await fails(next)) continue;
      input = next;
      isSmaller = true;
      break;
    }
  }
  return input;
}
