/**
 * Messages that are larger than a frame travel in pieces, so that others can
 * go in between. This is their receiving end.
 *
 * @module
 */

import type { ByteReader } from "./bytes.ts";
import { malformed } from "./errors.ts";
import { LazyMap } from "./_lazy_map.ts";
import type { WireLimits } from "./limits.ts";

/** What a piece says of itself. */
export const PIECE = { part: 0, abandoned: 1 } as const;

/** How much more than came is made room for at once. */
const AHEAD = 20;

/** A message that has not come whole. */
interface Unfinished {
  /** How many bytes it will have. */
  readonly size: number;
  bytes: Uint8Array;
  length: number;
}

/** Puts pieces together. Memory is taken for bytes that came. */
export class Pieces {
  readonly #limits: Pick<WireLimits, "message" | "pieces">;
  readonly #unfinished = new LazyMap<number, Unfinished>();
  /** The number of the message whose piece came last. */
  #last = 0;

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
   * @param rest How many bytes of that frame are still to come.
   * @returns The whole message, once its last piece came: a buffer that is not
   * used for anything else.
   * @throws {WireError} `malformed` when a limit is broken.
   */
  take(reader: ByteReader, rest = 0): Uint8Array | undefined {
    const number = this.#last = reader.varint();
    const flag = reader.byte();
    if (flag === PIECE.abandoned && rest === 0) {
      reader.finish();
      this.#unfinished.delete(number);
      return undefined;
    }
    if (flag !== PIECE.part) throw malformed(`A piece has no flag ${flag}.`);
    const unfinished = this.#unfinished.get(number) ??
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
    return this.#append(this.#unfinished.get(this.#last)!, reader);
  }

  #begin(number: number, size: number): Unfinished {
    const { message, pieces } = this.#limits;
    if (size === 0 || size > message) {
      throw malformed(
        `A message must have 1 to ${message} bytes, and one of ${size} was announced.`,
      );
    }
    if (this.#unfinished.size >= pieces) {
      throw malformed(
        `At most ${pieces} messages in pieces may be unfinished.`,
      );
    }
    const unfinished = { size, bytes: new Uint8Array(0), length: 0 };
    this.#unfinished.set(number, unfinished);
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
    this.#unfinished.delete(this.#last);
    return unfinished.bytes;
  }
}
