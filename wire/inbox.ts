/**
 * Typed messages that came and wait to be taken.
 *
 * @module
 */

import type { WireError } from "./errors.ts";
import { Queue } from "./_queue.ts";
import type { Window } from "./_window.ts";

interface Taker {
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

/** What came: a message, or why one is missing. */
class Arrived {
  constructor(
    readonly value: unknown,
    readonly error: Error | undefined,
    readonly cost: number,
  ) {}
}

/** Hands messages to takers, in order, each once. */
export class Inbox {
  /** How many messages came. */
  received = 0;

  readonly #window: Window;
  readonly #arrived = new Queue<Arrived>();
  readonly #takers = new Queue<Taker>();
  #end: WireError | undefined;

  /** @param window Accounts for messages that wait. */
  constructor(window: Window) {
    this.#window = window;
  }

  /** How many messages wait. */
  get size(): number {
    return this.#arrived.size;
  }

  /** A message came, or one that is over a limit. */
  put(value: unknown, error: Error | undefined, cost: number): void {
    this.received++;
    const taker = this.#takers.shift();
    if (taker === undefined) {
      this.#arrived.push(new Arrived(value, error, cost));
      return;
    }
    this.#window.leave(cost);
    if (error === undefined) taker.resolve(value);
    else taker.reject(error);
  }

  /**
   * Takes the next message, or waits for it.
   *
   * @returns A promise of it; rejected with the wire's end when none will come.
   */
  take(): Promise<unknown> {
    const arrived = this.#arrived.shift();
    if (arrived !== undefined) {
      this.#window.leave(arrived.cost);
      return arrived.error === undefined
        ? Promise.resolve(arrived.value)
        : Promise.reject(arrived.error);
    }
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise((resolve, reject) =>
      this.#takers.push({ resolve, reject })
    );
  }

  /** The wire ended: what came can still be taken. */
  end(reason: WireError): void {
    this.#end = reason;
    for (let taker; (taker = this.#takers.shift()) !== undefined;) {
      taker.reject(reason);
    }
  }
}
