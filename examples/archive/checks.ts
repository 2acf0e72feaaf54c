/**
 * Checks of what a peer sends: types are a promise of the compiler, which the
 * peer may never have seen.
 *
 * @module
 */

import { LONGEST_PATH, MOST_PARTS, PART } from "./archive.ts";

/** Checks the bytes of an object. */
export function checkBytes(bytes: unknown): asserts bytes is Uint8Array {
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError("An object is made of bytes: a Uint8Array.");
  }
  if (bytes.length > PART) {
    throw new RangeError(
      `An object has at most ${PART} bytes, not ${bytes.length}. Put larger ones in parts.`,
    );
  }
}

/** Checks a digest, which becomes the name of a file. */
export function checkDigest(digest: unknown): asserts digest is string {
  if (typeof digest !== "string" || !/^[0-9a-f]{64}$/.test(digest)) {
    throw new TypeError("A digest is a string of 64 digits, 0-9 and a-f.");
  }
}

/** Checks a path. It is a key of the index, and never opened as a file. */
export function checkPath(path: unknown): asserts path is string {
  if (typeof path !== "string" || path === "" || path.length > LONGEST_PATH) {
    throw new TypeError(
      `A path is a string of 1 to ${LONGEST_PATH} characters.`,
    );
  }
}

/** Checks the list of the parts of a file. */
export function checkParts(parts: unknown): asserts parts is string[] {
  if (!Array.isArray(parts) || parts.length > MOST_PARTS) {
    throw new TypeError(
      `The parts of a file are an array of up to ${MOST_PARTS} digests.`,
    );
  }
  for (const digest of parts) checkDigest(digest);
}

/** Checks a position in the list of files. */
export function checkPosition(position: unknown): asserts position is number {
  if (!Number.isSafeInteger(position) || position as number < 0) {
    throw new TypeError("A position is an integer from 0 on.");
  }
}

/**
 * Makes a regular expression to be tried on single lines. An invalid one is a
 * `SyntaxError`, which the peer gets.
 *
 * @param source Its source, up to 1,000 characters.
 * @param flags Any of `i`, `m`, `s`, `u` and `v`; the others give it a memory.
 * @returns The regular expression.
 */
export function checkRegExp(source: unknown, flags: unknown): RegExp {
  if (typeof source !== "string" || source.length > 1_000) {
    throw new TypeError(
      "A regular expression is a string of up to 1,000 characters.",
    );
  }
  if (typeof flags !== "string" || !/^[imsuv]*$/.test(flags)) {
    throw new TypeError("The flags are some of i, m, s, u and v, as a string.");
  }
  return new RegExp(source, flags);
}
