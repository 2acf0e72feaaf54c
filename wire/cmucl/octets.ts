/**
 * The untagged ground of CMUCL's protocol, writer and reader side by side:
 * strings of one byte a character, and integers of any size.
 *
 * @module
 */

import type { ByteReader, ByteWriter } from "../codec/bytes.ts";
import { WireError } from "../base/errors.ts";

/** How many characters one call of `fromCharCode` takes. */
const RUN = 4_096;
const WORD_DIGITS = 8;

/**
 * Writes a string: its length, then one byte a character.
 *
 * @param writer Where to.
 * @param text The string.
 * @param most The longest that may be sent, in characters.
 * @throws {WireError} `unsupportedValue` for characters above U+00FF, `limit`.
 */
export function writeString(
  writer: ByteWriter,
  text: string,
  most: number,
): void {
  const { length } = text;
  if (length > most) {
    throw new WireError(
      "limit",
      `A string may have ${most} characters here (limit "cmuclString"), and one has ${length}.`,
    );
  }
  writer.reserve(4 + length);
  writer.uint32(length);
  const { buffer, position } = writer;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0xff) throw notLatin1(text, index);
    buffer[position + index] = unit;
  }
  writer.position = position + length;
}

/** Reads that many characters, one byte each. */
export function readCharacters(reader: ByteReader, count: number): string {
  const start = reader.take(count);
  const end = start + count;
  let text = "";
  for (let from = start; from < end; from += RUN) {
    const run = reader.buffer.subarray(from, Math.min(end, from + RUN));
    text += String.fromCharCode.apply(null, run as unknown as number[]);
  }
  return text;
}

/**
 * Writes an integer of any size: a count of words, negated where the integer
 * is negative, then the words of its magnitude.
 *
 * @param writer Where to.
 * @param value The integer.
 * @param most The most words that may be sent.
 * @throws {WireError} `limit`.
 */
export function writeBignum(
  writer: ByteWriter,
  value: bigint,
  most: number,
): void {
  const magnitude = value < 0n ? -value : value;
  // A shift finds out at less cost than digits that are too many.
  if (magnitude >> BigInt(most * 32) !== 0n) {
    throw new WireError(
      "limit",
      `An integer may have ${most} words of 32 bits here (limit "cmuclBignum"), and one has more.`,
    );
  }
  const digits = magnitude === 0n ? "" : magnitude.toString(16);
  const count = Math.ceil(digits.length / WORD_DIGITS);
  const padded = digits.padStart(count * WORD_DIGITS, "0");
  writer.uint32(value < 0n ? -count : count);
  for (let at = 0; at < padded.length; at += WORD_DIGITS) {
    writer.uint32(parseInt(padded.slice(at, at + WORD_DIGITS), 16));
  }
}

/**
 * Reads the words of an integer.
 *
 * @param reader Where from.
 * @param count The count, with the integer's sign.
 * @returns The integer: a number where it has 32 bits, else a bigint.
 */
export function readWords(reader: ByteReader, count: number): number | bigint {
  const words = Math.abs(count);
  let digits = "0x0";
  for (let word = 0; word < words; word++) {
    digits += reader.uint32().toString(16).padStart(WORD_DIGITS, "0");
  }
  const magnitude = BigInt(digits);
  const value = count < 0 ? -magnitude : magnitude;
  return isInt32(value) ? Number(value) : value;
}

/** Whether an integer has 32 bits, its sign included. */
export function isInt32(value: number | bigint): boolean {
  return value >= -0x80000000 && value <= 0x7fffffff;
}

function notLatin1(text: string, index: number): WireError {
  const point = text.codePointAt(index)!;
  const code = point.toString(16).toUpperCase().padStart(4, "0");
  return new WireError(
    "unsupportedValue",
    `CMUCL's wires carry Latin-1 only, and character ${index} of a string is U+${code}. Send it encoded, as a list of bytes or in a notation that both ends know.`,
  );
}
