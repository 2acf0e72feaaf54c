/**
 * Chance that can be repeated: one seed gives one sequence of numbers.
 *
 * @module
 */

/** A pseudo-random generator (mulberry32); for tests only. */
export class Random {
  #state: number;

  /** @param seed A 32-bit integer. */
  constructor(seed: number) {
    // Neighbouring seeds are not to begin alike.
    this.#state = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) >>> 0;
  }

  /** From 0 up to, not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ mixed >>> 15, mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  }

  /** An integer from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** True so often of 1. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)]!;
  }

  /** A seed for another generator. */
  seed(): number {
    return this.int(0, 2 ** 32 - 1);
  }
}
