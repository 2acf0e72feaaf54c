/**
 * The calling side: numbers calls, remembers who waits for which answer, and
 * settles each call exactly once.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import {
  type CallFate,
  errorMessage,
  malformed,
  RemoteError,
  toErrorCode,
  WireError,
} from "./errors.ts";
import type { MessageOutput, Ticket } from "./output.ts";
import type { Metadata, OverLimit } from "./messages.ts";
import { TokenBucket } from "./_token_bucket.ts";
import { MESSAGE_COST, type Turnstile, type Waiting } from "./_turnstile.ts";

/** What may be said about a single call. */
export interface CallOptions {
  /** Cancels the call: here at once, and at the peer. */
  signal?: AbortSignal | undefined;
  /**
   * How long to wait for the answer, in milliseconds. The peer is told, and
   * its function's signal aborts then too.
   *
   * @default {undefined} for ever
   */
  deadline?: number | undefined;
  /**
   * Texts by name that travel with the call: a trace, a request's number, a
   * tenant. At most 64 of them with 8,192 characters together.
   */
  metadata?: Metadata | undefined;
}

/** A call whose answer has not come. */
interface Pending extends Ticket {
  readonly id: number;
  readonly name: string;
  readonly wantsValues: boolean;
  resolve: (value: unknown) => void;
  /** What it counts for in the peer's window; 0 until it has left. */
  cost: number;
  waiting: Waiting | undefined;
  /** True when its caller was told already, and the answer is for nobody. */
  settled: boolean;
  /** Stops its timer and its listener. */
  cleanup: (() => void) | undefined;
  /** Where it was made, if that is recorded. */
  site: Error | undefined;
}

/** The calls of one wire, in the direction towards the peer. */
export class Calls {
  /** How many calls were made. */
  made = 0;
  /** Called when no call is pending any more. */
  onIdle: () => void = () => {};

  readonly #output: MessageOutput;
  readonly #turnstile: Turnstile;
  readonly #clock: Clock;
  readonly #recordSites: boolean;
  #slots: (Pending | undefined)[] = [];
  #free: number[] = [];
  #pending = 0;
  #cancels: TokenBucket | undefined;

  /**
   * @param output Where cancels go.
   * @param turnstile Where calls wait their turn.
   * @param clock For deadlines.
   * @param recordSites Whether to record where each call is made.
   */
  constructor(
    output: MessageOutput,
    turnstile: Turnstile,
    clock: Clock,
    recordSites: boolean,
  ) {
    this.#output = output;
    this.#turnstile = turnstile;
    this.#clock = clock;
    this.#recordSites = recordSites;
  }

  /** How many calls have no answer yet. */
  get pending(): number {
    return this.#pending;
  }

  /** Sets how many cancels the peer takes. */
  allowCancels(atOnce: number, perSecond: number): void {
    this.#cancels = new TokenBucket(this.#clock, atOnce, perSecond);
  }

  /**
   * Calls a function of the peer.
   *
   * @param name Its name.
   * @param args Its arguments.
   * @param wantsValues Whether all its values are wanted, or the first.
   * @param options The call's signal and deadline.
   * @returns A promise of the value, or of the list of values.
   */
  call(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options?: CallOptions,
  ): Promise<unknown> {
    const deadline = options?.deadline;
    const signal = options?.signal;
    try {
      checkOptions(name, options);
    } catch (error) {
      return Promise.reject(error);
    }
    this.made++;
    const id = this.#free.pop() ?? this.#slots.push(undefined) - 1;
    const pending: Pending = {
      id,
      name,
      wantsValues,
      resolve: nothing,
      cost: 0,
      waiting: undefined,
      settled: false,
      cleanup: undefined,
      site: this.#recordSites ? new Error() : undefined,
      position: Infinity,
      left: undefined,
    };
    const promise = new Promise((resolve) => pending.resolve = resolve);
    try {
      this.#send(pending, args, options);
    } catch (error) {
      this.#free.push(id);
      return Promise.reject(error);
    }
    this.#slots[id] = pending;
    this.#pending++;
    if (deadline !== undefined || signal !== undefined) {
      this.#guard(pending, deadline, signal);
    }
    return promise;
  }

  #send(
    pending: Pending,
    args: unknown[],
    options: CallOptions | undefined,
  ): void {
    const before = this.#turnstile.bytes;
    pending.waiting = this.#turnstile.pass(
      {
        kind: "call",
        id: pending.id,
        wantsValues: pending.wantsValues,
        name: pending.name,
        args,
        deadline: Math.ceil(options?.deadline ?? 0),
        target: undefined,
        metadata: options?.metadata,
      },
      pending,
    );
    const { waiting } = pending;
    pending.cost = waiting === undefined
      ? this.#turnstile.bytes - before
      : waiting.body.size + MESSAGE_COST;
    if (pending.position !== Infinity) return;
    pending.left = (failure) => {
      // It cannot leave after all; the turnstile counts it no more.
      if (failure === undefined || pending.settled) return;
      this.#fail(pending, () => failure);
      this.#release(pending, false);
    };
  }

  /** Sets up what may end a call before its answer. */
  #guard(
    pending: Pending,
    deadline: number | undefined,
    signal: AbortSignal | undefined,
  ): void {
    const stopTimer = deadline === undefined
      ? undefined
      : this.#clock.after(deadline, () =>
        this.#giveUp(
          pending,
          "deadline",
          `The call of "${pending.name}" was not answered within ${deadline} ms, its deadline.`,
        ));
    const onAbort = () =>
      this.#giveUp(
        pending,
        "cancelled",
        `The call of "${pending.name}" was cancelled by its caller's signal.`,
        signal!.reason,
      );
    signal?.addEventListener("abort", onAbort, { once: true });
    pending.cleanup = () => {
      stopTimer?.();
      signal?.removeEventListener("abort", onAbort);
    };
  }

  /** The caller no longer waits; the peer is told, if it knows of the call. */
  #giveUp(
    pending: Pending,
    code: "deadline" | "cancelled",
    message: string,
    cause?: unknown,
  ): void {
    const { waiting } = pending;
    const sent = this.#fate(pending);
    this.#fail(pending, () => new WireError(code, message, { cause, sent }));
    if (waiting !== undefined && !waiting.dropped) {
      this.#turnstile.withdraw(waiting);
      this.#release(pending, false);
    } else if (this.#output.abandon(pending)) {
      this.#release(pending, true);
    } else if (this.#cancels?.take()) {
      this.#output.send({ kind: "cancel", id: pending.id });
    }
  }

  /** An answer with one value came. */
  returned(id: number, value: unknown): void {
    this.#succeed(this.#answered(id, false), value);
  }

  /** An answer with all values came. */
  returnedValues(id: number, values: unknown[]): void {
    this.#succeed(this.#answered(id, true), values);
  }

  /** What the remote function threw came. */
  threw(id: number, thrown: unknown): void {
    const pending = this.#answered(id);
    this.#fail(pending, () => remoteError(pending.name, thrown));
  }

  /** The peer could not, or would not, carry out a call. */
  failed(id: number, code: string, message: string): void {
    const pending = this.#answered(id);
    this.#fail(pending, () => new WireError(toErrorCode(code), message));
  }

  /** An answer came that is an error of the protocol's own. */
  refused(id: number, makeError: (name: string) => Error): void {
    const pending = this.#answered(id);
    this.#fail(pending, () => makeError(pending.name));
  }

  /** An answer came that is over a limit of this side. */
  overLimit(message: OverLimit): void {
    const pending = this.#answered(message.id);
    this.#fail(pending, () =>
      new WireError(
        "limit",
        `The answer of "${pending.name}" is over a limit. ${
          errorMessage(message.error)
        }`,
        { cause: message.error },
      ));
  }

  /** The wire ended: every call fails with its reason. */
  failAll(reason: WireError): void {
    for (const pending of this.#slots) {
      if (pending === undefined) continue;
      const sent = this.#fate(pending);
      this.#fail(pending, () =>
        new WireError(
          reason.code,
          `The wire ended before "${pending.name}" was answered (${
            sent === "notSent" ? "it was not sent" : "it may have been executed"
          }): ${reason.message}`,
          { cause: reason, sent },
        ));
    }
    this.#slots = [];
    this.#free = [];
    this.#pending = 0;
  }

  #fate(pending: Pending): CallFate {
    return this.#output.wasHanded(pending) ? "maybeExecuted" : "notSent";
  }

  #answered(id: number, hasValues?: boolean): Pending {
    const pending = this.#slots[id];
    if (pending === undefined || pending.position === Infinity) {
      throw malformed(`An answer came to the call ${id}, and there is none.`);
    }
    if (hasValues !== undefined && hasValues !== pending.wantsValues) {
      throw malformed(
        `The answer to the call ${id} has ${
          hasValues ? "a list of values" : "one value"
        }, and the other was asked for.`,
      );
    }
    this.#release(pending, true);
    return pending;
  }

  /** Frees the id of a call that the peer will not mention again. */
  #release(pending: Pending, left: boolean): void {
    this.#slots[pending.id] = undefined;
    this.#free.push(pending.id);
    this.#pending--;
    if (left) this.#turnstile.leave(1, pending.cost);
    if (this.#pending === 0) this.onIdle();
  }

  #succeed(pending: Pending, value: unknown): void {
    if (pending.settled) return;
    pending.settled = true;
    pending.cleanup?.();
    pending.resolve(value);
  }

  #fail(pending: Pending, error: () => Error): void {
    if (pending.settled) return;
    pending.settled = true;
    pending.cleanup?.();
    pending.resolve(failLater(error, pending.site));
  }
}

/**
 * Rejects two turns later. By then whoever awaits the call is attached to it,
 * so that the engine finds the awaiting functions for the error's stack: the
 * call site costs nothing where no call fails.
 */
async function failLater(
  makeError: () => Error,
  site: Error | undefined,
): Promise<never> {
  await undefined;
  await undefined;
  const error = makeError();
  if (site !== undefined) {
    const frames = site.stack?.split("\n").slice(1).join("\n") ?? "";
    error.stack = `${error.name}: ${error.message}\n${frames}`;
  }
  throw error;
}

/** The local image of what a remote function threw. */
function remoteError(functionName: string, thrown: unknown): RemoteError {
  if (!(thrown instanceof Error)) {
    const message = `"${functionName}" threw ${
      typeof thrown === "string" ? thrown : "a value that is no error"
    }`;
    return new RemoteError({
      name: "Error",
      message,
      functionName,
      data: thrown,
    });
  }
  const { name, message, cause } = thrown;
  const entries = Object.entries(thrown);
  const stack = thrown.stack ?? "";
  return new RemoteError({
    name,
    message,
    functionName,
    data: entries.length > 0 ? Object.fromEntries(entries) : undefined,
    cause,
    remoteStack: stack === `${name}: ${message}` ? undefined : stack,
  });
}

/**
 * Refuses a call that is too late already.
 *
 * @param name The function's name.
 * @param options The call's signal and deadline.
 * @throws {WireError} `deadline`, `cancelled` or `invalidArgument`.
 */
export function checkOptions(
  name: string,
  options: CallOptions | undefined,
): void {
  if (options === undefined) return;
  const { deadline, signal, metadata } = options;
  if (metadata !== undefined) checkMetadata(metadata);
  if (deadline !== undefined && !(deadline > 0 && deadline < 2 ** 31)) {
    if (deadline <= 0) {
      throw new WireError(
        "deadline",
        `The deadline of "${name}" had passed before it was called.`,
        { sent: "notSent" },
      );
    }
    throw new WireError(
      "invalidArgument",
      `A deadline is a number of milliseconds below 2^31, not ${deadline}.`,
    );
  }
  if (signal?.aborted) {
    throw new WireError(
      "cancelled",
      `The call of "${name}" was cancelled by its caller's signal before it was made.`,
      { cause: signal.reason, sent: "notSent" },
    );
  }
}

function checkMetadata(metadata: Metadata): void {
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value === "string") continue;
    throw new WireError(
      "invalidArgument",
      `The metadata of a call are texts, and its "${key}" is a ${typeof value}. Use String(value), or pass it as an argument.`,
    );
  }
}

function nothing(): void {}
