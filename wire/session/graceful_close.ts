/**
 * How two ends take leave: `close` says that this side makes no further call,
 * `finish` answers that the other side has nothing left to do either.
 *
 * @module
 */

import { afterPatience, type Clock } from "../base/clock.ts";
import { malformed, WireError } from "../base/errors.ts";
import { callHook } from "../base/report.ts";
import type { ByteOutput } from "../flow/byte_output.ts";
import type { Calls } from "../rpc/calls.ts";
import type { IncomingCalls } from "../rpc/incoming_calls.ts";
import type { Outbound } from "../rpc/outbound.ts";
import type { Streams } from "../streams/streams.ts";
import type { Transport } from "../transport/transport.ts";

/** What has to be idle before a wire can end, and what ends it. */
export interface GracefulCloseOptions {
  readonly clock: Clock;
  /** How long it may take, in milliseconds. */
  readonly patience: number;
  readonly outbound: Outbound;
  readonly calls: Calls;
  readonly incoming: IncomingCalls;
  readonly streams: Pick<Streams, "wanted">;
  /** Ends the wire, with the reason, and says whether to tell the peer. */
  readonly end: (reason: WireError, tell: boolean) => void;
}

/** The taking of leave of one wire. */
export class GracefulClose {
  /** Whether this side has said that nothing follows. */
  sentFinish = false;
  /** Whether the peer has said that. */
  gotFinish = false;

  readonly #options: GracefulCloseOptions;
  #begun = false;
  #sentClose = false;
  #gotClose = false;
  #finishing = false;
  #ended = false;
  #stopTimer: (() => void) | undefined;

  /** @param options What to wait for. */
  constructor(options: GracefulCloseOptions) {
    this.#options = options;
    const advance = () => this.advance();
    const { calls, incoming, outbound } = options;
    calls.onIdle = incoming.onIdle = advance;
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
    const { calls, incoming, outbound, streams, end } = this.#options;
    incoming.leave();
    const idle = calls.pending === 0 && incoming.running === 0 &&
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
    const { clock, patience, calls, incoming, outbound, streams, end } =
      this.#options;
    this.#stopTimer = afterPatience(
      clock,
      patience,
      () =>
        end(
          new WireError(
            "timeout",
            `Closing took longer than ${patience} ms: ${calls.pending} calls had no answer, ${incoming.running} were being served, ${outbound.waiting} messages waited, ${streams.wanted} streams were open.`,
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

// The last moments of a connection: what is under way may leave, for a short
// time, and the peer may hear it before the connection is closed.

/** Longest time to take leave of a peer, in milliseconds. */
const FAREWELL = 1_000;

/** What has to come to an end. */
export interface DrainOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly output: Pick<ByteOutput, "flush" | "stop">;
  /** Resolves when the reader has come to the end of the stream. */
  readonly readerDone: Promise<void>;
  /** Whether what waits may still leave. */
  readonly polite: boolean;
  /** Told what the transport's `close()` throws, or rejects with. */
  readonly onFault: (error: unknown) => void;
}

/**
 * Ends a connection.
 *
 * @param options What has to come to an end.
 * @returns A promise that resolves when it has.
 */
export async function drainAndClose(options: DrainOptions): Promise<void> {
  const { transport, clock, output, readerDone, polite, onFault } = options;
  let isClosed = false;
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    callHook(() => transport.close(), onFault);
  };
  if (polite) await beforeLate(clock, finish(options), close);
  output.stop();
  close();
  // A transport whose reads never settle is not to keep the wire from ending.
  await beforeLate(clock, readerDone, () => {});
}

/** Waits, but not for long. */
async function beforeLate(
  clock: Clock,
  done: Promise<void>,
  isLate: () => void,
): Promise<void> {
  const late = Promise.withResolvers<void>();
  const stopTimer = afterPatience(clock, FAREWELL, () => {
    isLate();
    late.resolve();
  });
  await Promise.race([late.promise, done]);
  stopTimer();
}

async function finish(options: DrainOptions): Promise<void> {
  const { transport, output, readerDone } = options;
  try {
    await output.flush();
    await transport.closeWrite();
    await readerDone;
  } catch {
    // The connection is gone already.
  }
}
