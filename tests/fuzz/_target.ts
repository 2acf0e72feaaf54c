/**
 * What is fuzzed: something that takes bytes, whatever they are.
 *
 * @module
 */

import { WireError } from "../../wire/base/errors.ts";
import { Random } from "../simulation/_random.ts";
import { bytesAllocated } from "../wire/_counting.ts";

/** Bytes of a buffer of their own. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Something that is fuzzed. */
export interface Target {
  /** What the command line and the corpus call it. */
  readonly name: string;
  /**
   * Changes an input, as one who knows its form.
   *
   * @param input What to change; it stays as it is.
   * @param random Chance.
   * @param other Another input, to take parts of.
   */
  mutate(input: Bytes, random: Random, other: Bytes): Bytes;
  /**
   * Executes an input.
   *
   * @param isCounted Whether to count the room that is asked for: that takes
   * longer, and an outcome is the same.
   * @returns What came of it, in few words: an input with which something new
   * comes of it is mutated further.
   * @throws Whatever is found wrong.
   */
  run(input: Bytes, isCounted: boolean): string | Promise<string>;
}

/** What a target finds wrong. */
export class Fault extends Error {
  override readonly name = "Fault";
}

/** How many times its input something may be, and what it may be anyway. */
export const MOST_TIMES = 16;
const FREE = 4_096;
/** What a place in a list takes. */
const SLOT = 8;

/**
 * Checks what an input has become in memory.
 *
 * @param held How many bytes it has become.
 * @param came How many bytes it had.
 * @param what What holds them.
 */
export function checkHeld(held: number, came: number, what: string): void {
  if (held <= MOST_TIMES * came + FREE) return;
  throw new Fault(`${what} takes ${held} bytes, made of ${came}`);
}

/**
 * Does something, and counts the room that is asked for if told to: it is made
 * for what came, not for what is announced.
 *
 * @param came How many bytes came.
 */
export function inRoom<T>(
  came: number,
  isCounted: boolean,
  action: () => T,
): T {
  if (!isCounted) return action();
  let result!: T;
  const allocated = bytesAllocated(() => void (result = action()), SLOT);
  checkHeld(allocated, came, "what was asked for");
  return result;
}

/** What came of something: without numbers and names, so that it is one of few. */
export function kindOf(error: WireError): string {
  return `${error.code} ${error.message.replaceAll(/".*"|\d+|0x\w+/g, "#")}`
    .slice(0, 100);
}

/** Does something, which may fail with a `WireError` and with nothing else. */
export function outcome(action: () => string): string {
  try {
    return action();
  } catch (error) {
    if (error instanceof WireError) return kindOf(error);
    throw error;
  }
}

/**
 * Bytes in chunks.
 *
 * @param bytes The bytes.
 * @param cut How they are cut: 0 for not at all.
 */
export function* chunks(bytes: Bytes, cut: number): Iterable<Bytes> {
  if (cut === 0) return yield bytes;
  const random = new Random(cut);
  // Not more than 64 or so of them.
  const most = Math.max(random.pick([1, 3, 20, 200]), bytes.length >> 5);
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + random.int(1, most));
    yield bytes.slice(at, end);
    at = end;
  }
}

/** A number for comparing: about how many. */
export function about(count: number): number {
  return count < 4 ? count : 4 << Math.log2(count / 4);
}
