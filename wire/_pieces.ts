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
export const PIECE = { part: 0, abandoned: 1 } as const;

const EMPTY = new Uint8Array(0);

/** How much more than came is made room for at once. */
const AHEAD = 16;

/** A message that has not come whole. */
class Unfinished {
  bytes: Uint8Array = EMPTY;
  length = 0;

  /**
   * @param number The number of its pieces.
   * @param size How many bytes it will have.
   */
  constructor(readonly number: number, readonly size: number) {}
}

/** Puts pieces together. Memory is taken for bytes that came. */
export class Pieces {
  readonly #limits: Pick<WireLimits, "message" | "pieces">;
  /** A few at most, so that looking through them costs little. */
  readonly #unfinished: Unfinished[] = [];
  /** The message whose piece came last. */
  #last: Unfinished | undefined;

  /** @param limits How large a message, and how many unfinished ones. */
  constructor(limits: Pick<WireLimits, "message" | "pieces">) {
    this.#limits = limits;
  }

  /** How many messages are unfinished. */
  get count(): number {
    return this.#unfinished.length;
  }

  /**
   * Takes a piece.
   *
   * @param reader Stands behind the kind of a piece's frame.
   * @param rest How many bytes of that frame are still to come.
   * @returns The whole message, once its last piece came: a buffer that is not
   * used for anything else.
   * @throws {WireError} `malformed` when a limit is broken.
   */
  take(reader: ByteReader, rest = 0): Uint8Array | undefined {
    const number = reader.varint();
    const flag = reader.byte();
    const found = this.#find(number);
    if (flag === PIECE.abandoned && rest === 0) {
      reader.finish();
      if (found !== undefined) this.#forget(found);
      return undefined;
    }
    if (flag !== PIECE.part) throw malformed(`A piece has no flag ${flag}.`);
    const unfinished = this.#last = found ??
      this.#begin(number, reader.varint());
    const count = reader.remaining + rest;
    if (count === 0 || unfinished.length + count > unfinished.size) {
      throw malformed(
        `A piece of ${count} bytes came for a message of ${unfinished.size}, of which ${unfinished.length} were there.`,
      );
    }
    return this.#append(unfinished, reader);
  }

  /**
   * Takes more bytes of the piece that {@linkcode take} began.
   *
   * @param reader Stands at the bytes.
   * @returns The whole message, once its last byte came.
   */
  goOn(reader: ByteReader): Uint8Array | undefined {
    return this.#append(this.#last!, reader);
  }

  #find(number: number): Unfinished | undefined {
    const last = this.#last;
    if (last?.number === number) return last;
    return this.#unfinished.find((one) => one.number === number);
  }

  /** A message is whole, or given up. */
  #forget(unfinished: Unfinished): void {
    const index = this.#unfinished.indexOf(unfinished);
    this.#unfinished.splice(index, 1);
    if (this.#last === unfinished) this.#last = undefined;
    // Even when nobody has it any more, the garbage collector may have it.
    unfinished.bytes = EMPTY;
  }

  #begin(number: number, size: number): Unfinished {
    const { message, pieces } = this.#limits;
    if (size === 0 || size > message) {
      throw malformed(
        `A message must have 1 to ${message} bytes, and one of ${size} was announced.`,
      );
    }
    if (this.#unfinished.length >= pieces) {
      throw malformed(
        `At most ${pieces} messages in pieces may be unfinished.`,
      );
    }
    const unfinished = new Unfinished(number, size);
    this.#unfinished.push(unfinished);
    return unfinished;
  }

  #append(
    unfinished: Unfinished,
    reader: ByteReader,
  ): Uint8Array | undefined {
    const count = reader.remaining;
    const { size, length } = unfinished;
    const needed = length + count;
    if (needed > unfinished.bytes.length) {
      // Never more than a few times what came, whatever was announced.
      const grown = new Uint8Array(Math.min(size, needed * AHEAD));
      grown.set(unfinished.bytes.subarray(0, length));
      unfinished.bytes = grown;
    }
    const start = reader.take(count);
    unfinished.bytes.set(reader.buffer.subarray(start, start + count), length);
    unfinished.length = needed;
    if (needed < size) return undefined;
    const { bytes } = unfinished;
    this.#forget(unfinished);
    return bytes;
  }
}
