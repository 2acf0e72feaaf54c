/**
 * Connections whose peers have not said who they are yet: few at a time, so
 * that others wait in the operating system's queue, and none for long.
 *
 * @module
 */

/** Between two looks at whether there is room, in milliseconds. */
const LOOK = 50;
/**
 * How many looks to take before somebody is ended: what came while the process
 * was busy has been read by then.
 */
const LOOKS = 5;

/** The connections that said nothing yet; the oldest first. */
export class Newcomers<T> {
  readonly #since = new Map<T, number>();
  readonly #most: number;
  readonly #patience: number;
  readonly #end: (one: T) => void;
  #wake: (() => void) | undefined;
  #isOver = false;

  /**
   * @param most How many there may be.
   * @param patience How old one may become while others wait, in milliseconds.
   * @param end Ends one.
   */
  constructor(most: number, patience: number, end: (one: T) => void) {
    this.#most = most;
    this.#patience = patience;
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

  /** Ends the oldest, at most so many. */
  shed(count: number): void {
    for (const one of this) {
      if (count-- <= 0) return;
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
    for (let looks = 0; !this.#isOver && this.size >= this.#most; looks++) {
      const [[oldest, since] = []] = this.#since;
      const isOld = since !== undefined &&
        performance.now() - since >= this.#patience;
      if (isOld && looks >= LOOKS) {
        this.#since.delete(oldest!);
        this.#end(oldest!);
        return;
      }
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LOOK);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
  }
}
