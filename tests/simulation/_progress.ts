/**
 * What is told of the progress of an operation, and has to be so.
 *
 * @module
 */

import type { CallProgress } from "../../wire/mod.ts";

/** Looks at what is told of one operation. */
export class ProgressCheck {
  readonly #isOne: boolean;
  readonly #fault: (what: string) => void;
  readonly #last = new Map<CallProgress["of"], CallProgress>();
  #isGivenUp = false;

  /**
   * @param isOne Whether the operation is one call, which is made once.
   * @param fault Told what is wrong.
   */
  constructor(isOne: boolean, fault: (what: string) => void) {
    this.#isOne = isOne;
    this.#fault = fault;
  }

  /** The option of the call. */
  readonly onProgress = (progress: CallProgress): void => {
    const { of, bytes, total } = progress;
    if (this.#isGivenUp) this.#fault(`${of} is told after the end`);
    if (bytes <= 0 || bytes > (total ?? Infinity)) {
      this.#fault(`${bytes} of ${total} bytes of ${of} are told`);
    }
    const last = this.#last.get(of);
    this.#last.set(of, progress);
    if (!this.#isOne || last === undefined) return;
    if (last.total !== total || last.bytes >= bytes) {
      this.#fault(
        `${bytes} of ${total} bytes of ${of} are told after ${last.bytes} of ${last.total}`,
      );
    }
  };

  /** The operation has ended well: what was told of was told to its end. */
  succeeded(): void {
    if (!this.#isOne) return;
    for (const { of, bytes, total } of this.#last.values()) {
      if (total !== undefined && bytes !== total) {
        this.#fault(`${bytes} of ${total} bytes of ${of} were told in the end`);
      }
    }
  }

  /** Its caller has given it up: nothing is told any more. */
  givenUp(): void {
    this.#isGivenUp = this.#isOne;
  }
}
