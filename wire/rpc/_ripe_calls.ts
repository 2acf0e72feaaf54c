/**
 * Calls that needed the results of others: from when these are there until a
 * call has begun, which takes some turns, no call that came later begins.
 *
 * @module
 */

import type { AwaitedResult } from "../codec/passing.ts";
import { Queue } from "../base/collections.ts";

/** The calls of one wire that are about to begin. */
export class RipeCalls {
  /** How many there are. */
  size = 0;

  readonly #hasRoom: (key: string) => boolean;
  /** What begins those for whose answers there was no room. */
  readonly #waiting = new Queue<{ key: string; begin: () => void }>();

  /** @param hasRoom Whether an answer will find room; see `_forecast.ts`. */
  constructor(hasRoom: (key: string) => boolean) {
    this.#hasRoom = hasRoom;
  }

  /** How many wait for room. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Follows results that a call needs.
   *
   * @returns What says that it has begun, or never will.
   */
  follow(awaited: readonly AwaitedResult[]): () => void {
    let left = awaited.length;
    let isRipe = false;
    let isOver = false;
    const arrived = () => {
      if (--left > 0 || isOver) return;
      isRipe = true;
      this.size++;
    };
    for (const { arrival } of awaited) arrival.listen(arrived);
    return () => {
      isOver = true;
      if (isRipe) this.size--;
    };
  }

  /**
   * Begins a call, when there is room for its answer.
   *
   * @param key Under what is noted how large its answers are.
   * @param begin Begins it.
   */
  inTurn(key: string, begin: () => void): Promise<void> | void {
    if (this.#waiting.size === 0 && this.#hasRoom(key)) return begin();
    return new Promise((resolve, reject) =>
      this.#waiting.push({
        key,
        begin: () => {
          try {
            resolve(begin());
          } catch (error) {
            reject(error);
          }
        },
      })
    );
  }

  /** There is room again, perhaps. */
  resume(): void {
    for (let next; (next = this.#waiting.peek()) !== undefined;) {
      if (!this.#hasRoom(next.key)) return;
      this.#waiting.shift();
      next.begin();
    }
  }

  /** The wire ended: those that wait learn of it. */
  end(): void {
    for (let next; (next = this.#waiting.shift()) !== undefined;) next.begin();
  }
}
