/**
 * Bytes that came and were not taken yet, and the lines in them.
 *
 * @module
 */

const NEWLINE = 10;
const RETURN = 13;

/** Gathers chunks and gives out lines; linear however finely bytes come. */
export class LineBuffer {
  #bytes = new Uint8Array(0);
  #start = 0;
  #end = 0;
  /** Up to here there is no end of a line. */
  #searched = 0;

  /** How many bytes wait. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Adds bytes; they are copied. */
  append(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#bytes.length) {
      this.#makeRoom(chunk.length);
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * Takes a line whose end has come.
   *
   * @returns Its bytes without `\n` or `\r\n`, which stay as they are until
   * the next call; undefined when no line is whole.
   */
  takeLine(): Uint8Array | undefined {
    const at = this.#bytes.subarray(0, this.#end)
      .indexOf(NEWLINE, this.#searched);
    if (at < 0) {
      this.#searched = this.#end;
      return undefined;
    }
    const hasReturn = at > this.#start && this.#bytes[at - 1] === RETURN;
    const line = this.#bytes.subarray(this.#start, hasReturn ? at - 1 : at);
    this.#start = this.#searched = at + 1;
    return line;
  }

  /** Takes all that waits, whole lines or not. */
  takeRest(): Uint8Array<ArrayBuffer> {
    const rest = this.#bytes.slice(this.#start, this.#end);
    this.#bytes = new Uint8Array(0);
    this.#start = this.#end = this.#searched = 0;
    return rest;
  }

  #makeRoom(count: number): void {
    const waiting = this.#bytes.subarray(this.#start, this.#end);
    const needed = waiting.length + count;
    // Moving within the same bytes pays only where half of them are free.
    const fits = needed * 2 <= this.#bytes.length;
    const bytes = fits ? this.#bytes : new Uint8Array(needed * 2);
    bytes.set(waiting);
    this.#bytes = bytes;
    this.#searched -= this.#start;
    this.#start = 0;
    this.#end = waiting.length;
  }
}
