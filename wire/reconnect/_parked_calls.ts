/**
 * Calls and messages that wait for a wire.
 *
 * @module
 */

import { type CallOptions, checkOptions, timeLeft } from "../rpc/context.ts";
import { failLater } from "../rpc/calls.ts";
import { endStreams } from "../codec/passing.ts";
import type { Clock } from "../base/clock.ts";
import { type CallFate, WireError } from "../base/errors.ts";
import type { KeptCallOptions } from "./keep_options.ts";

/** The ways in which something leaves over a wire. */
export type KeptKind = "value" | "values" | "send" | "message";

/** A call, or a message, until it is settled. */
export interface KeptCall {
  /** Its number: what waits leaves in that order. */
  readonly order: number;
  readonly kind: KeptKind;
  /** The function's name. */
  readonly name: string;
  /** Its arguments; the value of a message is the only one. */
  readonly args: unknown[];
  readonly options: KeptCallOptions | undefined;
  /** When its deadline passes; Infinity where it has none. */
  readonly dueAt: number;
  /** Whether it may have run on a wire that is gone. */
  fate: CallFate;
  /** How often it was repeated. */
  repeats: number;
}

/**
 * A call's options by now.
 *
 * @param call The call.
 * @param clock Tells what is left of its deadline.
 * @returns The options.
 */
export function optionsLeft(
  { options, dueAt }: KeptCall,
  clock: Clock,
): KeptCallOptions | undefined {
  return timeLeft(options, dueAt, clock);
}

/**
 * The error as its caller has to see it: a call that may have run on one wire
 * was not "not sent" because another wire never sent it.
 *
 * @param call The call.
 * @param error Why it fails.
 * @returns That error, or one with the true fate.
 */
export function withFate({ fate }: KeptCall, error: WireError): WireError {
  if (fate === "notSent" || error.sent !== "notSent") return error;
  return new WireError(error.code, error.message, {
    cause: error,
    sent: "maybeExecuted",
  });
}

/** A call that waits. */
interface ParkedCall {
  readonly call: KeptCall;
  readonly resolve: (value: unknown) => void;
  /** Stops its timer and its listener. */
  stop: () => void;
}

/** What waits for a wire. */
export class ParkedCalls {
  readonly #clock: Clock;
  readonly #lastFailure: () => WireError | undefined;
  /** By their numbers; those that come back are not in order. */
  readonly #waiting = new Map<number, ParkedCall>();

  /**
   * @param clock For deadlines.
   * @param lastFailure Why there is no wire.
   */
  constructor(clock: Clock, lastFailure: () => WireError | undefined) {
    this.#clock = clock;
    this.#lastFailure = lastFailure;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Lets a call wait, until its deadline passes or its signal aborts.
   *
   * @param call The call.
   * @returns What becomes of it.
   */
  add(call: KeptCall): Promise<unknown> {
    const options = optionsLeft(call, this.#clock);
    try {
      checkOptions(call.name, options);
    } catch (error) {
      endStreams(call.args, error);
      return Promise.reject(withFate(call, error as WireError));
    }
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const waiting: ParkedCall = { call, resolve, stop: nothing };
    this.#waiting.set(call.order, waiting);
    if (options?.deadline !== undefined || options?.signal !== undefined) {
      this.#guard(waiting, options);
    }
    return promise;
  }

  /**
   * Takes all that wait, in order, what is added meanwhile included.
   *
   * @param take Gets each call, and answers what becomes of it.
   */
  takeAll(take: (call: KeptCall) => Promise<unknown>): void {
    while (this.#waiting.size > 0) {
      const all = [...this.#waiting.values()];
      all.sort((a, b) => a.call.order - b.call.order);
      for (const waiting of all) {
        if (this.#remove(waiting)) waiting.resolve(take(waiting.call));
      }
    }
  }

  /**
   * Fails all that wait.
   *
   * @param reason Why.
   */
  failAll(reason: WireError): void {
    for (const waiting of [...this.#waiting.values()]) {
      const { fate } = waiting.call;
      const what = fate === "notSent" ? "sent" : "repeated";
      this.#fail(waiting, reason.code, `was not ${what}: ${reason.message}`, {
        cause: reason,
      });
    }
  }

  #guard(waiting: ParkedCall, { deadline, signal }: CallOptions): void {
    const { options } = waiting.call;
    const stopTimer = deadline === undefined
      ? undefined
      : this.#clock.after(deadline, () =>
        this.#fail(
          waiting,
          "deadline",
          `waited for a connection until its deadline of ${options?.deadline} ms.`,
          { cause: this.#lastFailure() },
        ));
    const onAbort = () =>
      this.#fail(
        waiting,
        "cancelled",
        "was cancelled by its caller's signal while it waited for a connection.",
        { cause: signal!.reason },
      );
    signal?.addEventListener("abort", onAbort, { once: true });
    waiting.stop = () => {
      stopTimer?.();
      signal?.removeEventListener("abort", onAbort);
    };
  }

  #fail(
    waiting: ParkedCall,
    code: WireError["code"],
    what: string,
    { cause }: { cause: unknown },
  ): void {
    if (!this.#remove(waiting)) return;
    const { call } = waiting;
    const sent = call.fate;
    const message = `The call of "${call.name}" ${what}`;
    endStreams(call.args, new WireError(code, message, { cause }));
    const makeError = () => new WireError(code, message, { cause, sent });
    waiting.resolve(failLater(makeError, undefined));
  }

  #remove(waiting: ParkedCall): boolean {
    waiting.stop();
    return this.#waiting.delete(waiting.call.order);
  }
}

function nothing(): void {}
