/**
 * Bytes that came and were not read: in place where they lie in one chunk,
 * collected where a datum spans several.
 *
 * @module
 */

import { NO_BYTES } from "../base/collections.ts";
import { ByteReader } from "../codec/bytes.ts";

/** A larger buffer is released once it is empty. */
const KEPT_BYTES = 64 * 1024;

/** The bytes that came. */
export class Input {
  /** Stands at the first byte that was not read. */
  readonly reader: ByteReader = new ByteReader();
  #own: Uint8Array = NO_BYTES;
  #isOwn = false;

  /** How many bytes can be read. */
  get remaining(): number {
    return this.reader.remaining;
  }

  /** How many bytes the buffer has for those that are kept. */
  get room(): number {
    return this.#own.length;
  }

  /** Takes the next chunk; call {@linkcode keep} before it changes. */
  feed(chunk: Uint8Array): void {
    const { reader } = this;
    if (reader.remaining > 0) return this.#append(chunk);
    this.#isOwn = false;
    if (this.#own.length > KEPT_BYTES) this.#own = NO_BYTES;
    reader.turnTo(chunk, 0, chunk.length);
  }

  /** Keeps what was not read when the chunk is about to change. */
  keep(): void {
    const { reader } = this;
    if (this.#isOwn || reader.remaining === 0) return;
    const rest = reader.buffer.subarray(reader.position, reader.end);
    reader.turnTo(NO_BYTES, 0, 0);
    this.#append(rest);
  }

  /** Puts bytes behind those that are kept; linear, however small they are. */
  #append(bytes: Uint8Array): void {
    const { reader } = this;
    if (!this.#isOwn) this.keep();
    const count = reader.remaining;
    const needed = count + bytes.length;
    let start = this.#isOwn ? reader.position : 0;
    if (start + needed > this.#own.length) {
      const target = needed * 2 > this.#own.length
        ? new Uint8Array(Math.max(needed * 2, 64))
        : this.#own;
      target.set(reader.buffer.subarray(reader.position, reader.end));
      this.#own = target;
      start = 0;
    }
    this.#own.set(bytes, start + count);
    this.#isOwn = true;
    reader.turnTo(this.#own, start, start + needed);
  }
}
