/**
 * Large buffers that are used again: to get a new one is dearer than to fill
 * it, for it has to be cleared first, and collected later.
 *
 * @module
 */

/** So many are kept at the most. */
const MOST = 4;
/** And so many bytes. */
const MOST_BYTES = 8 * 1024 * 1024;

/** A few buffers that nobody uses just now. */
export class SpareBuffers {
  #buffers: ArrayBuffer[] | undefined;

  /**
   * Takes a buffer, a spare one where one is large enough.
   *
   * @param length How many bytes are needed.
   * @returns So many bytes, which may hold anything.
   */
  take(length: number): Uint8Array<ArrayBuffer> {
    const buffers = this.#buffers ?? [];
    let best = -1;
    for (const [index, { byteLength }] of buffers.entries()) {
      const isBetter = best < 0 || byteLength < buffers[best]!.byteLength;
      if (byteLength >= length && isBetter) best = index;
    }
    if (best < 0) return new Uint8Array(length);
    const [buffer] = buffers.splice(best, 1);
    return new Uint8Array(buffer!, 0, length);
  }

  /** Keeps a buffer that is used no more; the oldest ones make room for it. */
  give(buffer: ArrayBuffer): void {
    const buffers = this.#buffers ??= [];
    buffers.push(buffer);
    let bytes = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
    while (buffers.length > MOST || bytes > MOST_BYTES) {
      bytes -= buffers.shift()!.byteLength;
    }
  }

  /** Keeps none. */
  clear(): void {
    this.#buffers = undefined;
  }
}
