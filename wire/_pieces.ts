/**
 * Messages that are larger than a frame travel in pieces, so that others can
 * go in between. This is their receiving end.
 *
 * @module
 */

import type { ByteReader } from "./bytes.ts";
import { malformed } from "./errors.ts";
import type { WireLimits } from "./limits.ts";

/** What a piece says of itself. */
export const PIECE = { more: 0, last: 1, abandoned: 2 } as const;

/** A message that has not come whole. */
interface Unfinished {
  bytes: Uint8Array;
  length: number;
}

/** Puts pieces together. Memory is taken for bytes that came. */
export class Pieces {
  readonly #limits: Pick<WireLimits, "message" | "pieces">;
  readonly #unfinished = new Map<number, Unfinished>();

  /** @param limits How large a message, and how many unfinished ones. */
  constructor(limits: Pick<WireLimits, "message" | "pieces">) {
    this.#limits = limits;
  }

  /** How many messages are unfinished. */
  get count(): number {
    return this.#unfinished.size;
  }

  /**
   * Takes a piece.
   *
   * @param reader Stands behind the kind of a piece's frame.
   * @returns The whole message, once its last piece came.
   * @throws {WireError} `malformed` when a limit is broken.
   */
  take(reader: ByteReader): Uint8Array | undefined {
    const number = reader.varint();
    const flag = reader.byte();
    let unfinished = this.#unfinished.get(number);
    if (flag === PIECE.abandoned) {
      reader.finish();
      this.#unfinished.delete(number);
      return undefined;
    }
    if (flag > PIECE.abandoned) throw malformed(`A piece has no flag ${flag}.`);
    if (unfinished === undefined) {
      if (this.#unfinished.size >= this.#limits.pieces) {
        throw malformed(
          `At most ${this.#limits.pieces} messages in pieces may be unfinished.`,
        );
      }
      unfinished = { bytes: new Uint8Array(0), length: 0 };
      this.#unfinished.set(number, unfinished);
    }
    this.#append(unfinished, reader);
    if (flag === PIECE.more) return undefined;
    this.#unfinished.delete(number);
    if (unfinished.length === 0) throw malformed("A message came empty.");
    return unfinished.bytes.subarray(0, unfinished.length);
  }

  #append(unfinished: Unfinished, reader: ByteReader): void {
    const count = reader.remaining;
    const needed = unfinished.length + count;
    const most = this.#limits.message;
    if (needed > most) {
      throw malformed(`A message may have ${most} bytes, and one has more.`);
    }
    if (needed > unfinished.bytes.length) {
      const doubled = Math.min(most, unfinished.bytes.length * 2);
      const grown = new Uint8Array(Math.max(needed, doubled));
      grown.set(unfinished.bytes.subarray(0, unfinished.length));
      unfinished.bytes = grown;
    }
    const start = reader.take(count);
    unfinished.bytes.set(
      reader.buffer.subarray(start, start + count),
      unfinished.length,
    );
    unfinished.length = needed;
  }
}
