/**
 * How two ends take leave: `close` says that this side makes no further call,
 * `finish` answers that the other side has nothing left to do either.
 *
 * @module
 */

import type { Calls } from "./calls.ts";
import { afterPatience, type Clock } from "./clock.ts";
import { malformed, WireError } from "./errors.ts";
import type { Handlers } from "./handlers.ts";
import type { Outbound } from "./_outbound.ts";
import type { Streams } from "./streams.ts";

/** What has to be idle before a wire can end, and what ends it. */
export interface LeavingOptions {
  readonly clock: Clock;
  /** How long it may take, in milliseconds. */
  readonly patience: number;
  readonly outbound: Outbound;
  readonly calls: Calls;
  readonly handlers: Handlers;
  readonly streams: Pick<Streams, "wanted">;
  /** Ends the wire, with the reason, and says whether to tell the peer. */
  readonly end: (reason: WireError, tell: boolean) => void;
}

/** The taking of leave of one wire. */
export class Leaving {
  /** Whether this side has said that nothing follows. */
  sentFinish = false;
  /** Whether the peer has said that. */
  gotFinish = false;

  readonly #options: LeavingOptions;
  #begun = false;
  #sentClose = false;
  #gotClose = false;
  #finishing = false;
  #ended = false;
  #stopTimer: (() => void) | undefined;

  /** @param options What to wait for. */
  constructor(options: LeavingOptions) {
    this.#options = options;
    const advance = () => this.advance();
    const { calls, handlers, outbound } = options;
    calls.onIdle = handlers.onIdle = advance;
    outbound.sends.onEmpty = outbound.messages.onEmpty = advance;
  }

  /** Whether this side makes no further call. */
  get isLeaving(): boolean {
    return this.#begun || this.#finishing;
  }

  /**
   * Begins to take leave, once.
   *
   * @param opened Resolves when there is a peer to take leave of.
   */
  async begin(opened: Promise<void>): Promise<void> {
    if (this.#begun || this.#ended) return;
    this.#begun = true;
    this.#startTimer();
    await opened.catch(() => {});
    await this.#options.outbound.whenPassed();
    await this.#sendLast("close");
    this.#sentClose = true;
    this.advance();
  }

  /** The peer takes leave. */
  gotClose(): void {
    if (this.#gotClose) throw malformed("A second close came.");
    this.#gotClose = true;
    this.#startTimer();
    this.advance();
  }

  /** The peer has nothing left to do. */
  finish(): void {
    if (!this.#sentClose || this.gotFinish) {
      throw malformed("The peer finished out of turn.");
    }
    this.gotFinish = true;
    this.advance();
  }

  /** The wire ended. */
  end(): void {
    this.#ended = true;
    this.#stopTimer?.();
  }

  /** Goes on as far as it can. */
  advance(): void {
    if (this.#ended || (!this.#gotClose && !this.#sentClose)) return;
    const { calls, handlers, outbound, streams, end } = this.#options;
    handlers.leave();
    const idle = calls.pending === 0 && handlers.running === 0 &&
      outbound.waiting === 0 && streams.wanted === 0;
    if (!idle) return;
    if (this.#gotClose && !this.#finishing) this.#finish();
    if (this.gotFinish && (!this.#gotClose || this.sentFinish)) {
      end(closedReason(), false);
    }
  }

  /** Says that this side has nothing left to do. */
  async #finish(): Promise<void> {
    this.#finishing = true;
    await this.#sendLast("finish");
    this.sentFinish = true;
    this.advance();
  }

  /** Sends a message behind all others, large ones included. */
  async #sendLast(kind: "close" | "finish"): Promise<void> {
    const { output } = this.#options.outbound;
    await output.flush();
    if (!this.#ended) output.send({ kind });
  }

  #startTimer(): void {
    if (this.#stopTimer !== undefined) return;
    const { clock, patience, calls, handlers, outbound, streams, end } =
      this.#options;
    this.#stopTimer = afterPatience(
      clock,
      patience,
      () =>
        end(
          new WireError(
            "timeout",
            `Closing took longer than ${patience} ms: ${calls.pending} calls had no answer, ${handlers.running} were being served, ${outbound.waiting} messages waited, ${streams.wanted} streams were open.`,
          ),
          true,
        ),
    );
  }
}

/** The reason of death of a wire that was closed properly. */
export function closedReason(): WireError {
  return new WireError("closed", "The wire was closed.");
}
