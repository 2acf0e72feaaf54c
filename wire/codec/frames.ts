/**
 * Length-prefixed frames: a 32-bit big-endian length, then that many bytes.
 *
 * @module
 */

import { malformed, WireError } from "../base/errors.ts";
import type { WireLimits } from "../base/limits.ts";
import { looksLikeText, shownBytes } from "../base/shown.ts";
import type { ByteReader } from "./bytes.ts";

/** How many bytes stand before the body of a frame. */
export const FRAME_HEADER = 4;

/** What the carry buffer holds at first, and keeps between frames. */
const SMALL = 4096;
/** A frame is not divided before so many bytes of its body are there. */
const HEAD = 12;
const EMPTY = new Uint8Array(0);

/**
 * Cuts a stream of bytes into frames: feed it a chunk, then take frames until
 * there is none. A frame that lies in one chunk is not copied. The length is
 * checked before a byte of the body is kept, and memory is taken for bytes
 * that came, never for bytes that were announced.
 *
 * @example
 * ```ts
 * import { FrameDecoder } from "@remote/wire/codec";
 *
 * const frames = new FrameDecoder(1024);
 * frames.feed(new Uint8Array([0, 0, 0, 2, 7, 8, 0, 0]));
 * if (!frames.next()) throw new Error("a frame was there");
 * const body = frames.buffer.subarray(frames.start, frames.end);
 * if (body.join() !== "7,8") throw new Error("its body is 7, 8");
 * if (frames.next() || frames.unfinished !== 2) throw new Error();
 * ```
 */
export class FrameDecoder {
  /** The buffer that holds the present frame; valid until the next call. */
  buffer: Uint8Array = EMPTY;
  /** Where the body of the present frame begins. */
  start = 0;
  /** Where it ends. */
  end = 0;
  /**
   * How many bytes of the present frame are still to come: not 0 only for a
   * frame that is handed out in parts.
   */
  rest = 0;
  /** Whether the present part goes on with the frame of the one before. */
  continues = false;
  /** The largest body that is taken. */
  limit: number;

  readonly #divisible: number;
  #chunk: Uint8Array = this.buffer;
  #position = 0;
  /** The beginning of a frame whose end has not come. */
  #carry: Uint8Array = this.buffer;
  #carried = 0;

  /**
   * Makes a decoder that has seen nothing.
   *
   * @param limit The largest body that is taken, in bytes.
   * @param divisible A frame whose body begins with this byte is handed out in
   * parts as they come, rather than kept until it is whole. Its first part has
   * at least 12 bytes of the body.
   */
  constructor(limit: number, divisible = -1) {
    this.limit = limit;
    this.#divisible = divisible;
  }

  /** How many bytes of an unfinished frame are kept, or are to come. */
  get unfinished(): number {
    return this.#carried + this.rest;
  }

  /**
   * Takes the next chunk. All frames of the one before must have been taken.
   *
   * @param chunk The bytes; not kept after {@linkcode next} answers false.
   */
  feed(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#position = 0;
  }

  /**
   * Turns to the next frame.
   *
   * @returns Whether there is one; if not, feed the next chunk.
   * @throws {WireError} `malformed` when its length is zero or over the limit.
   */
  next(): boolean {
    const chunk = this.#chunk;
    const position = this.#position;
    const left = chunk.length - position;
    this.continues = this.rest > 0;
    if (this.continues && left > 0) {
      this.#handOut(position, Math.min(left, this.rest));
      this.rest -= this.end - this.start;
      return true;
    }
    if (this.#carried > 0) return this.#continue(left);
    if (left >= FRAME_HEADER) {
      const length = this.#length(chunk, position);
      const there = left - FRAME_HEADER;
      const isWhole = there >= length;
      if (isWhole || this.#isDivisible(chunk, position, there)) {
        this.#handOut(position + FRAME_HEADER, Math.min(there, length));
        this.rest = isWhole ? 0 : length - there;
        return true;
      }
    }
    this.#keep(left);
    this.#chunk = this.buffer = EMPTY;
    this.#position = 0;
    return false;
  }

  #isDivisible(bytes: Uint8Array, at: number, there: number): boolean {
    return there >= HEAD && bytes[at + FRAME_HEADER] === this.#divisible;
  }

  /** Hands out bytes of the chunk. */
  #handOut(start: number, count: number): void {
    this.buffer = this.#chunk;
    this.start = start;
    this.#position = this.end = start + count;
  }

  /** Goes on with a frame of which an earlier chunk held the beginning. */
  #continue(left: number): boolean {
    if (this.#carried < FRAME_HEADER) {
      this.#keep(Math.min(left, FRAME_HEADER - this.#carried));
      if (this.#carried < FRAME_HEADER) return false;
      left = this.#chunk.length - this.#position;
    }
    const whole = FRAME_HEADER + this.#length(this.#carry, 0);
    const head = Math.min(FRAME_HEADER + HEAD, whole);
    if (this.#carried < head) {
      this.#keep(Math.min(left, head - this.#carried), head);
      if (this.#carried < head) return false;
      left = this.#chunk.length - this.#position;
    }
    const there = this.#carried - FRAME_HEADER;
    if (!this.#isDivisible(this.#carry, 0, there)) {
      this.#keep(Math.min(left, whole - this.#carried), whole);
      if (this.#carried < whole) return false;
    }
    this.buffer = this.#carry;
    this.start = FRAME_HEADER;
    this.end = this.#carried;
    this.rest = whole - this.#carried;
    this.#carried = 0;
    if (this.#carry.length > SMALL) this.#carry = EMPTY;
    return true;
  }

  /** Copies bytes of the chunk behind those that are kept. */
  #keep(count: number, whole: number = SMALL): void {
    if (count === 0) return;
    const needed = this.#carried + count;
    if (needed > this.#carry.length) {
      const doubled = Math.max(needed, this.#carry.length * 2, 64);
      const grown = new Uint8Array(
        Math.max(needed, Math.min(doubled, Math.max(whole, SMALL))),
      );
      grown.set(this.#carry.subarray(0, this.#carried));
      this.#carry = grown;
    }
    const from = this.#position;
    this.#carry.set(this.#chunk.subarray(from, from + count), this.#carried);
    this.#carried = needed;
    this.#position = from + count;
  }

  #length(bytes: Uint8Array, at: number): number {
    const length = bytes[at]! * 0x1000000 + (bytes[at + 1]! << 16) +
      (bytes[at + 2]! << 8) + bytes[at + 3]!;
    if (length === 0 || length > this.limit) {
      throw malformed(
        `A frame must have 1 to ${this.limit} bytes, and one of ${length} was announced.${
          this.#noise(bytes, at)
        }`,
      );
    }
    return length;
  }

  /** What a frame's beginning reads like, where that is a text. */
  #noise(bytes: Uint8Array, at: number): string {
    const header = bytes.subarray(at, at + FRAME_HEADER);
    if (!looksLikeText(header)) return "";
    const behind = bytes === this.#chunk
      ? bytes.subarray(at + FRAME_HEADER)
      : this.#chunk.subarray(this.#position);
    const text = new Uint8Array(FRAME_HEADER + Math.min(behind.length, 200));
    text.set(header);
    text.set(behind.subarray(0, 200), FRAME_HEADER);
    return ` In the place of a frame stands ${
      shownBytes(text)
    }: something else writes to the connection, such as a console.log() of a process whose standard output is the wire.`;
  }

  /**
   * Says that no byte will follow.
   *
   * @throws {WireError} `connectionLost` when that cuts a frame in two.
   */
  finish(): void {
    if (this.unfinished > 0) {
      throw new WireError(
        "connectionLost",
        "The connection ended within a frame.",
      );
    }
  }
}

// Messages that are larger than a frame travel in pieces, so that others can
// go in between. This is their receiving end.

/** What a piece says of itself. */
export const PIECE = { part: 0, abandoned: 1 } as const;

/** How many times what came is made room for at once. */
const AHEAD = 16;
/** What came before them: a length of 4 bytes, kind, number, flag and size. */
const LEAST_HEADER = 8;

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
      const room = (LEAST_HEADER + needed) * AHEAD;
      const grown = new Uint8Array(Math.min(size, room));
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
