/**
 * The inputs that are mutated further: those of the corpus, and for each
 * outcome besides the smallest that was seen.
 *
 * @module
 */

import type { Random } from "../simulation/_random.ts";
import type { Bytes } from "./_target.ts";

/** How many inputs are kept besides the corpus. */
const MOST_KEPT = 4_000;
/** How often the smaller of two inputs is taken: it is executed sooner. */
const SMALLER = 0.8;

/** Inputs to mutate. */
export class Pool {
  readonly #inputs: Bytes[];
  /** Where those begin that the corpus has not. */
  readonly #first: number;
  /** What came of each input. */
  readonly #outcomes: string[] = [];
  /** The places of inputs, by what came of them. */
  readonly #places = new Map<string, number>();
  #count = 0;

  /** @param corpus Inputs that stay; they are noted like all others. */
  constructor(corpus: readonly Bytes[]) {
    this.#inputs = corpus.length > 0 ? [...corpus] : [new Uint8Array(2)];
    this.#first = this.#inputs.length;
  }

  /** How many outcomes there were. */
  get outcomes(): number {
    return this.#count;
  }

  /** Inputs of which outcomes came that the corpus has not. */
  get fresh(): readonly Bytes[] {
    return this.#inputs.slice(this.#first);
  }

  /** Some input, small rather than large. */
  pick(random: Random): Bytes {
    const one = random.pick(this.#inputs);
    const other = random.pick(this.#inputs);
    const isFirst = one.length <= other.length;
    return isFirst === random.chance(SMALLER) ? one : other;
  }

  /** Notes what came of an input of the corpus. */
  know(outcome: string): void {
    if (this.#places.has(outcome)) return;
    this.#places.set(outcome, -1);
    this.#count++;
  }

  /**
   * Notes what came of an input, which is kept if it is of use.
   *
   * @returns Whether that is new.
   */
  note(outcome: string, input: Bytes, random: Random): boolean {
    const place = this.#places.get(outcome);
    if (place !== undefined) {
      const isSmaller = place >= 0 &&
        input.length < this.#inputs[place]!.length;
      if (isSmaller) this.#inputs[place] = input;
      return false;
    }
    this.#count++;
    const kept = this.#inputs.length - this.#first;
    // Where there are too many, chance says which one goes.
    const at = this.#first +
      (kept < MOST_KEPT ? kept : random.int(0, kept - 1));
    const gone = this.#outcomes[at];
    if (gone !== undefined) this.#places.delete(gone);
    this.#places.set(outcome, at);
    this.#outcomes[at] = outcome;
    this.#inputs[at] = input;
    return true;
  }
}
