/**
 * How long to wait between attempts to connect.
 *
 * @module
 */

import type { BackoffOptions } from "./keep_options.ts";

/**
 * Waits that grow with the failures in a row, each drawn evenly between none
 * and its longest: the "full jitter" of Marc Brooker's "Exponential Backoff
 * And Jitter" (AWS Architecture Blog, 2015). Of many clients that lost the
 * same server, few ask for it at the same time.
 */
export class Backoff {
  /** How many attempts in a row have failed. */
  failures = 0;

  readonly #options: Readonly<BackoffOptions>;
  readonly #random: () => number;

  /**
   * @param options The waits.
   * @param random Where the jitter comes from.
   */
  constructor(options: Readonly<BackoffOptions>, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  /**
   * Counts an attempt that is over.
   *
   * @param lived How long its connection lived; 0 where there was none.
   */
  ended(lived: number): void {
    const isHealthy = lived > 0 && lived >= this.#options.healthy;
    this.failures = isHealthy ? 0 : this.failures + 1;
  }

  /** How long to wait now, in milliseconds. */
  next(): number {
    const { least, most, factor } = this.#options;
    const longest = least * factor ** Math.max(0, this.failures - 1);
    // Never Infinity, of which 0 times is no number.
    return this.#random() * Math.min(most, longest, Number.MAX_VALUE);
  }
}
