/**
 * Connections whose peers have not said who they are yet: few at a time, so
 * that others wait in the operating system's queue, and none for long.
 *
 * @module
 */

/** Between two looks at whether there is room, in milliseconds. */
const LOOK = 20;
/** A look that comes so much later tells that the process was busy. */
const BUSY = 250;
/**
 * How many looks to take, since the process was busy, before somebody is ended:
 * what came in the meantime has been read by then.
 */
const LOOKS = 5;
/**
 * The least that patience shrinks to, in milliseconds. Who waited in the queue
 * has sent its first bytes by the time it is accepted.
 */
const LEAST = 30;
/** Whose bytes came gets as much more time: answers have a way to go. */
const BEGUN = 5;

/** How many newcomers there may be, and what becomes of them. */
export interface NewcomersOptions<T> {
  /** How many there may be. */
  readonly most: number;
  /**
   * How old one may become while others wait, in milliseconds. It shrinks while
   * one after the other has to be ended.
   */
  readonly patience: number;
  /** Whether anything came from one. */
  readonly hasBegun: (one: T) => boolean;
  /** Ends one. */
  readonly end: (one: T) => void;
}

/** The connections that said nothing yet; the oldest first. */
export class Newcomers<T> {
  readonly #options: NewcomersOptions<T>;
  readonly #since = new Map<T, number>();
  /** How old one may become while others wait. */
  #patience: number;
  /** How many were ended for others, since patience was what it is. */
  #ended = 0;
  #endedAt = -Infinity;
  #looks = 0;
  #lookedAt = 0;
  #wake: (() => void) | undefined;
  #isOver = false;

  /** @param options How many there may be, and what becomes of them. */
  constructor(options: NewcomersOptions<T>) {
    this.#options = options;
    this.#patience = options.patience;
  }

  /** How many there are. */
  get size(): number {
    return this.#since.size;
  }

  /** There is one more. */
  add(one: T): void {
    this.#since.set(one, performance.now());
  }

  /** It said who it is, or is gone. */
  delete(one: T): void {
    if (this.#since.delete(one)) this.#wake?.();
  }

  /** All of them. */
  [Symbol.iterator](): IterableIterator<T> {
    return [...this.#since.keys()].values();
  }

  /**
   * Ends the oldest.
   *
   * @param count How many at most.
   * @param isUrgent Whether the young ones go, too.
   */
  shed(count: number, isUrgent: boolean): void {
    const now = performance.now();
    for (const [one, since] of [...this.#since]) {
      if (count <= 0) break;
      if (!isUrgent && since + this.#patience > now) continue;
      this.#since.delete(one);
      this.#options.end(one);
      count--;
    }
    this.#wake?.();
  }

  /** Nobody is waited for any more. */
  close(): void {
    this.#isOver = true;
    this.#wake?.();
  }

  /**
   * Waits until there may be one more, for somebody who is there already. Where
   * nobody makes room, the oldest is ended once it is old enough.
   */
  async room(): Promise<void> {
    const { most, patience } = this.#options;
    // Only when nobody has had to go for a while are the times better.
    if (this.size < most && performance.now() - this.#endedAt > patience) {
      this.#patience = patience;
      this.#ended = 0;
    }
    while (!this.#isOver && this.size >= most) {
      await this.#look();
      if (this.size < most) return;
      const oldest = this.#next();
      const isOld = oldest !== undefined && oldest.at <= performance.now();
      if (isOld && this.#looks >= LOOKS) return this.#replace(oldest.one);
    }
  }

  /** Who has to go first, and when. */
  #next(): { one: T; at: number } | undefined {
    let next: { one: T; at: number } | undefined;
    const { patience, hasBegun } = this.#options;
    const longer = Math.min(this.#patience * BEGUN, patience);
    for (const [one, since] of this.#since) {
      const at = since + (hasBegun(one) ? longer : this.#patience);
      if (next === undefined || at < next.at) next = { one, at };
    }
    return next;
  }

  #replace(oldest: T): void {
    const { most, patience, end } = this.#options;
    this.#since.delete(oldest);
    this.#endedAt = performance.now();
    end(oldest);
    // Whoever fills the place with silent ones has it for ever less time.
    if (++this.#ended % most > 0) return;
    this.#patience = Math.max(this.#patience / 2, Math.min(LEAST, patience));
  }

  async #look(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const begun = performance.now();
    if (begun - this.#lookedAt > BUSY) this.#looks = 0;
    // Where somebody is to go anyway, a turn of the event loop is enough.
    const next = this.#looks >= LOOKS ? this.#next() : undefined;
    const isOld = next !== undefined && next.at <= begun;
    const timer = setTimeout(resolve, isOld ? 0 : LOOK);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
    this.#lookedAt = performance.now();
    this.#looks = this.#lookedAt - begun > BUSY ? 0 : this.#looks + 1;
  }
}
