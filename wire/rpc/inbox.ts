/**
 * Typed messages that came and wait to be taken.
 *
 * @module
 */

import type { WireError } from "../base/errors.ts";
import { failed, leave, OwnPromise } from "../base/left_alone.ts";
import { Queue } from "../base/collections.ts";
import type { Report } from "../base/report.ts";
import type { ReceiveWindow } from "../flow/receive_window.ts";

interface Taker {
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  promise: OwnPromise<unknown> | undefined;
}

/** What came: a message, or why one is missing. */
class ReceivedMessage {
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

  readonly #window: ReceiveWindow;
  readonly #arrived = new Queue<ReceivedMessage>();
  readonly #takers = new Queue<Taker>();
  #end: WireError | undefined;
  readonly #report: Report;

  /**
   * @param window Accounts for messages that wait.
   * @param report Told why a message is missing, where nobody awaits it.
   */
  constructor(window: ReceiveWindow, report: Report) {
    this.#window = window;
    this.#report = report;
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
      this.#arrived.push(new ReceivedMessage(value, error, cost));
      return;
    }
    this.#window.consumed(cost);
    if (error === undefined) taker.resolve(value);
    else this.#fail(taker, error, this.#report);
  }

  /**
   * Takes the next message, or waits for it.
   *
   * @returns A promise of it; rejected with the wire's end when none will come.
   */
  take(): Promise<unknown> {
    const arrived = this.#arrived.shift();
    if (arrived !== undefined) {
      this.#window.consumed(arrived.cost);
      return arrived.error === undefined
        ? Promise.resolve(arrived.value)
        : failed(arrived.error, this.#report, WHERE);
    }
    if (this.#end !== undefined) return failed(this.#end, undefined, WHERE);
    let taker!: Taker;
    const promise = new OwnPromise<unknown>((resolve, reject) =>
      taker = { resolve, reject, promise: undefined }
    );
    taker.promise = promise;
    this.#takers.push(taker);
    return promise;
  }

  /** The wire ended: what came can still be taken. */
  end(reason: WireError): void {
    this.#end = reason;
    for (let taker; (taker = this.#takers.shift()) !== undefined;) {
      // The end of the wire is no news.
      this.#fail(taker, reason, undefined);
    }
  }

  #fail(
    { promise, reject }: Taker,
    error: unknown,
    report: Report | undefined,
  ): void {
    reject(error);
    leave(promise!, error, report, WHERE);
  }
}

/** What failed when a message is missing. */
const WHERE = "a message that was to be taken, and that nobody awaits";
