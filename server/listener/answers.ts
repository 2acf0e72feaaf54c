/**
 * What a session's process writes: its output, and between that its answers,
 * each in a line that begins with a record separator.
 *
 * Evaluated code can write the same. It fools nobody but its own session.
 *
 * @module
 */

import type { Answer } from "./inside/evaluator.ts";

const SEPARATOR = 0x1e;
const NEWLINE = 10;
/** The longest answer, with the newline. */
const LONGEST = 5;

/** Output, or an answer. */
export type Piece = Uint8Array<ArrayBuffer> | Answer;

/** Tells answers from output. */
export class AnswerSplitter {
  /** The beginning of what may become an answer. */
  #held = new Uint8Array(0);

  /**
   * Takes a chunk.
   *
   * @param chunk Some bytes.
   * @returns What is in it, in order; what may be half an answer waits.
   */
  take(chunk: Uint8Array): Piece[] {
    let bytes = new Uint8Array(this.#held.length + chunk.length);
    bytes.set(this.#held);
    bytes.set(chunk, this.#held.length);
    this.#held = new Uint8Array(0);
    const pieces: Piece[] = [];
    let from = 0;
    for (;;) {
      const start = bytes.indexOf(SEPARATOR, from);
      if (start < 0) break;
      const window = bytes.subarray(start + 1, start + 1 + LONGEST);
      const length = window.indexOf(NEWLINE);
      if (length < 0 && window.length < LONGEST) {
        this.#held = bytes.slice(start);
        bytes = bytes.subarray(0, start);
        break;
      }
      const answer = length < 0 ? undefined : word(window.subarray(0, length));
      from = start + 1;
      if (answer === undefined) continue;
      if (start > 0) pieces.push(bytes.slice(0, start));
      pieces.push(answer);
      bytes = bytes.subarray(start + 1 + length + 1);
      from = 0;
    }
    if (bytes.length > 0) pieces.push(bytes.slice());
    return pieces;
  }

  /** Takes what waits, when nothing more comes. */
  finish(): Uint8Array<ArrayBuffer> {
    const held = this.#held;
    this.#held = new Uint8Array(0);
    return held;
  }
}

function word(bytes: Uint8Array): Answer | undefined {
  const text = new TextDecoder().decode(bytes);
  return text === "done" || text === "more" || text === "pong"
    ? text
    : undefined;
}
