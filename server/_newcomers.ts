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
/** The least that patience shrinks to, in milliseconds. */
const LEAST = 250;

/** The connections that said nothing yet; the oldest first. */
export class Newcomers<T> {
  readonly #since = new Map<T, number>();
  readonly #most: number;
  readonly #longest: number;
  readonly #end: (one: T) => void;
  /** How old one may become while others wait. */
  #patience: number;
  /** How many were ended, since all waited for had room. */
  #ended = 0;
  #looks = 0;
  #lookedAt = 0;
  #wake: (() => void) | undefined;
  #isOver = false;

  /**
   * @param most How many there may be.
   * @param patience How old one may become while others wait, in milliseconds.
   * It shrinks while one after the other has to be ended.
   * @param end Ends one.
   */
  constructor(most: number, patience: number, end: (one: T) => void) {
    this.#most = most;
    this.#longest = this.#patience = patience;
    this.#end = end;
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
    const born = performance.now() - this.#patience;
    for (const [one, since] of [...this.#since]) {
      if (count-- <= 0 || (!isUrgent && since > born)) break;
      this.#since.delete(one);
      this.#end(one);
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
    if (this.size < this.#most) {
      this.#patience = this.#longest;
      this.#ended = 0;
    }
    while (!this.#isOver && this.size >= this.#most) {
      await this.#look();
      if (this.size < this.#most) return;
      const [[oldest, since] = []] = this.#since;
      const isOld = since !== undefined &&
        performance.now() - since >= this.#patience;
      if (isOld && this.#looks >= LOOKS) return this.#replace(oldest!);
    }
  }

  #replace(oldest: T): void {
    this.#since.delete(oldest);
    this.#end(oldest);
    // Whoever fills the place with silent ones has it for ever less time.
    if (++this.#ended % this.#most > 0) return;
    const least = Math.min(LEAST, this.#longest);
    this.#patience = Math.max(this.#patience / 2, least);
  }

  async #look(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const begun = performance.now();
    if (begun - this.#lookedAt > BUSY) this.#looks = 0;
    // Where the oldest is to go anyway, a turn of the event loop is enough.
    const [since = begun] = this.#since.values();
    const isOld = begun - since >= this.#patience && this.#looks >= LOOKS;
    const timer = setTimeout(resolve, isOld ? 0 : LOOK);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
    this.#lookedAt = performance.now();
    this.#looks = this.#lookedAt - begun > BUSY ? 0 : this.#looks + 1;
  }
}
