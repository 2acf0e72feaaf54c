/**
 * How often something may happen: a number of times at once, and after that so
 * many times a second.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

/** A bucket of tokens that fills itself. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #perSecond: number;
  #tokens: number;
  #filledAt: number;

  /**
   * @param clock Tells how much has flowed in.
   * @param most How many tokens it holds; it begins full.
   * @param perSecond How many flow in a second.
   */
  constructor(clock: Clock, most: number, perSecond: number) {
    this.#clock = clock;
    this.#most = this.#tokens = most;
    this.#perSecond = perSecond;
    this.#filledAt = clock.now();
  }

  /** Takes a token; false when there is none. */
  take(): boolean {
    const now = this.#clock.now();
    const inflow = (now - this.#filledAt) / 1000 * this.#perSecond;
    this.#tokens = Math.min(this.#most, this.#tokens + inflow);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
