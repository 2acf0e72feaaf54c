/**
 * Troubles that may come by the hundred, told by the dozen.
 *
 * @module
 */

import type { WireError } from "../wire/base/errors.ts";

/** How often one kind of trouble is told of, in milliseconds. */
const PERIOD = 1_000;

/** What came of one kind since it was told last. */
interface Count {
  timer: ReturnType<typeof setTimeout>;
  count: number;
  make: (count: number) => WireError;
}

/** Counts troubles by kind, and tells of each kind once a second at most. */
export class Tally {
  readonly #counts = new Map<string, Count>();
  readonly #report: (error: WireError) => void;
  #isOver = false;

  /** @param report Told; it must not throw. */
  constructor(report: (error: WireError) => void) {
    this.#report = report;
  }

  /**
   * Something happened. The first of a kind is told at once.
   *
   * @param kind Of which kind it was.
   * @param make Makes the error of so many of them.
   */
  add(kind: string, make: (count: number) => WireError): void {
    if (this.#isOver) return;
    const known = this.#counts.get(kind);
    if (known !== undefined) {
      known.count++;
      known.make = make;
      return;
    }
    this.#counts.set(kind, { timer: this.#after(kind), count: 0, make });
    this.#report(make(1));
  }

  /** Tells what was not told yet. What comes later is of no interest. */
  end(): void {
    this.#isOver = true;
    for (const [kind, { timer, count, make }] of this.#counts) {
      clearTimeout(timer);
      this.#counts.delete(kind);
      if (count > 0) this.#report(make(count));
    }
  }

  /** Such a timer keeps no process alive. */
  #after(kind: string): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => this.#tell(kind), PERIOD);
    Deno.unrefTimer(timer);
    return timer;
  }

  #tell(kind: string): void {
    const { count, make } = this.#counts.get(kind)!;
    this.#counts.delete(kind);
    if (count === 0) return;
    this.#counts.set(kind, { timer: this.#after(kind), count: 0, make });
    this.#report(make(count));
  }
}
