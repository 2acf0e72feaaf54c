/**
 * Length-prefixed frames: a 32-bit big-endian length, then that many bytes.
 *
 * @module
 */

import { malformed, WireError } from "./errors.ts";
import { looksLikeText, shownBytes } from "./_shown_bytes.ts";

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
 * import { FrameDecoder } from "@remote/wire/wire";
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
