/**
 * A clock whose hands a test turns.
 *
 * @module
 */

import type { Clock } from "../wire/base/clock.ts";

/** A clock that stands still until it is told. */
export class FakeClock implements Clock {
  #now = 0;
  #timers = new Set<{ at: number; callback: () => void }>();

  /** Milliseconds since it was made. */
  now(): number {
    return this.#now;
  }

  /** Calls back when the hands have come that far. */
  after(delay: number, callback: () => void): () => void {
    const timer = { at: this.#now + delay, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Turns the hands while nothing runs, as in a process that computes. */
  standStill(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /** Turns the hands, and lets what that sets off run its course. */
  async advance(milliseconds: number): Promise<void> {
    const until = this.#now + milliseconds;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= until)
        .sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.callback();
      await settle();
    }
    this.#now = until;
    await settle();
  }
}

/** Lets everything run that needs no time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await undefined;
}
