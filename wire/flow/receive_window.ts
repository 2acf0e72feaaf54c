/**
 * The receiving end of flow control: windows, which check that the peer keeps
 * to them and give it credit for what was dealt with; and the inbox, where
 * typed messages wait.
 *
 * @module
 */

import { malformed, type WireError } from "../base/errors.ts";
import type { Channel } from "../codec/messages.ts";
import type { MessageOutput } from "./output.ts";
import { failed, leave, OwnPromise, type Report } from "../base/report.ts";
import { Queue } from "../base/collections.ts";
import { isHeavy, type Memory } from "../base/limits.ts";
import { type Keeper, Kept, KeptBytes } from "../codec/single_value.ts";

/** Accounts for what one channel holds of the peer's. */
export class ReceiveWindow {
  readonly #channel: Channel;
  readonly #size: number;
  readonly #output: MessageOutput;
  #held = 0;
  #credit = 0;
  #ended = false;

  /**
   * @param channel The channel.
   * @param size The window, in bytes.
   * @param output Where credit goes.
   */
  constructor(channel: Channel, size: number, output: MessageOutput) {
    this.#channel = channel;
    this.#size = size;
    this.#output = output;
  }

  /** How many bytes are held. */
  get held(): number {
    return this.#held;
  }

  /** How many bytes count against the window: held, or not yet told. */
  get used(): number {
    return this.#held + this.#credit;
  }

  /**
   * Something came.
   *
   * @param cost What it counts for, in bytes.
   * @throws {WireError} `malformed` when the window was full.
   */
  received(cost: number): void {
    if (this.#held + this.#credit >= this.#size) {
      throw malformed(
        `The peer sent ${this.#channel} beyond its window of ${this.#size} bytes.`,
      );
    }
    this.#held += cost;
  }

  /** Something was dealt with; the peer learns of it by and by. */
  consumed(cost: number): void {
    this.#held -= cost;
    this.#credit += cost;
    // Told in quarters, so that the peer need never wait for the telling.
    if (this.#credit * 4 < this.#size || this.#ended) return;
    const amount = this.#credit;
    this.#credit = 0;
    this.#output.send({ kind: "credit", channel: this.#channel, amount });
  }

  /** The wire ended: no more credit is given. */
  end(): void {
    this.#ended = true;
  }
}

// Typed messages that came and wait to be taken.

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
    readonly excess: number,
  ) {}
}

/** Hands messages to takers, in order, each once. */
export class Inbox {
  /** How many messages came. */
  received = 0;

  readonly #window: ReceiveWindow;
  readonly #memory: Memory | undefined;
  /** Where those are kept that take much more memory than their bytes. */
  #bytes: KeptBytes | undefined;
  /** Why the last message that waits is missing, if one is. */
  #missing: Error | undefined;
  readonly #arrived = new Queue<ReceivedMessage>();
  readonly #takers = new Queue<Taker>();
  #end: WireError | undefined;
  readonly #report: Report;

  /**
   * @param window Accounts for messages that wait.
   * @param report Told why a message is missing, where nobody awaits it.
   * @param memory Accounts for what they take beyond their bytes.
   */
  constructor(window: ReceiveWindow, report: Report, memory?: Memory) {
    this.#window = window;
    this.#report = report;
    this.#memory = memory;
  }

  /** How many messages wait. */
  get size(): number {
    return this.#arrived.size;
  }

  /**
   * A message came, or one that is over a limit.
   *
   * @param value The message.
   * @param error Why it is missing.
   * @param cost What it counts for.
   * @param excess What it takes in memory beyond that.
   * @param keeper Keeps it as its bytes; undefined where that cannot be done.
   */
  put(
    value: unknown,
    error: Error | undefined,
    cost: number,
    excess = 0,
    keeper?: Keeper,
  ): void {
    this.received++;
    const taker = this.#takers.shift();
    if (taker === undefined) {
      this.#arrived.push(this.#waiting(value, error, cost, excess, keeper));
      return;
    }
    this.#window.consumed(cost);
    if (error === undefined) taker.resolve(value);
    else this.#fail(taker, error, this.#report);
  }

  /** What waits to be taken, in as little memory as is easy. */
  #waiting(
    value: unknown,
    error: Error | undefined,
    cost: number,
    excess: number,
    keeper: Keeper | undefined,
  ): ReceivedMessage {
    if (error !== undefined) {
      // One error does for all that are missing for the same reason.
      if (this.#missing?.message !== error.message) this.#missing = error;
      return new ReceivedMessage(undefined, this.#missing, cost, 0);
    }
    if (keeper !== undefined && isHeavy(excess, cost)) {
      const kept = keeper.keep(this.#bytes ??= new KeptBytes());
      return new ReceivedMessage(kept, undefined, cost, 0);
    }
    this.#memory?.hold(excess);
    return new ReceivedMessage(value, undefined, cost, excess);
  }

  /**
   * Takes the next message, or waits for it.
   *
   * @returns A promise of it; rejected with the wire's end when none will come.
   */
  take(): Promise<unknown> {
    const arrived = this.#arrived.shift();
    if (arrived !== undefined) {
      const { value, error, cost, excess } = arrived;
      this.#window.consumed(cost);
      this.#memory?.give(excess);
      if (error !== undefined) return failed(error, this.#report, WHERE);
      return Promise.resolve(value instanceof Kept ? value.take() : value);
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
