/**
 * The lifetime of a wire: whether it is open, being closed, or ended, and why.
 * That is stored here alone, and all parts of a wire ask. And what comes before
 * it: the attempt to connect.
 *
 * @module
 */

import { checkHook, checkSignal } from "./checks.ts";
import { afterPatience, checkTime, systemClock } from "./clock.ts";
import { added } from "./collections.ts";
import { errorMessage, isA, type Report, WireError } from "./errors.ts";
import { callHook, guardedController } from "./report.ts";

/** Called with the reason of death. */
export type CloseListener = (reason: WireError) => void;

/** After so many chunks that nobody wants the event loop turns. */
const DISCARDED = 256;

/** Whether a wire lives, the reason of its end, and who wants to know it. */
export class Lifetime {
  /** Whether this side makes no further call: the wire is being closed. */
  isDraining = false;
  /** Whether the peer has said that it makes no further call. */
  isPeerDraining = false;
  /** Whether the connection was closed: nothing is read any more. */
  isCut = false;
  /**
   * Why it ended; undefined while it lives. Set by {@linkcode end}, and a field,
   * as all parts ask for it with each message.
   */
  reason: WireError | undefined;

  readonly #onError: Report;
  #discarded = 0;
  #markClosed: ((reason: WireError) => void) | undefined;
  /** Resolves with the reason when the connection is gone. */
  readonly closed: Promise<WireError> = new Promise((resolve) =>
    this.#markClosed = resolve
  );
  #listeners: CloseListener[] | undefined;
  /** Whether it was the first to say so. */
  #isLeft = false;
  /** Who wants to know that the peer closes. */
  #onClosing: (() => void)[] | undefined;
  #controller: AbortController | undefined;

  /** @param onError Told what listeners throw. */
  constructor(onError: Report) {
    this.#onError = onError;
  }

  /** Whether one side has said that it makes no further call. */
  get isClosing(): boolean {
    return this.isDraining || this.isPeerDraining;
  }

  /** Aborts with the reason. Made when it is first asked for. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = guardedController(
        this.#onError,
        "a listener of the signal",
      );
      if (this.reason !== undefined) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  /**
   * Why something can no longer be sent; undefined when it can.
   *
   * @param what A function's name, or a wire's method.
   */
  refusal(what: string): WireError | undefined {
    const reason = this.reason;
    if (reason === undefined && !this.isDraining) return undefined;
    const why = reason?.message ?? "the wire is being closed.";
    return new WireError(
      reason?.code ?? "closed",
      `"${what}" was not sent: ${why}`,
      { cause: reason, sent: "notSent" },
    );
  }

  /**
   * Has a function called with the reason; at once if there is one.
   *
   * @throws {WireError} `invalidArgument` for what is no function.
   */
  listen(listener: CloseListener): void {
    checkHook(listener, "What onDeath() is given");
    if (this.reason !== undefined) this.#call(listener, this.reason);
    else this.#listeners = added(this.#listeners, listener);
  }

  /**
   * Has a function called when the peer closes the wire, and this side has not;
   * at once if it does.
   *
   * @throws {WireError} `invalidArgument` for what is no function.
   */
  listenClosing(listener: () => void): void {
    checkHook(listener, "What onClosing() is given");
    if (this.reason !== undefined) return;
    if (this.#isLeft) this.#callClosing(listener);
    else this.#onClosing = added(this.#onClosing, listener);
  }

  /** The peer has said that it makes no further call. */
  peerDrains(): void {
    this.isPeerDraining = true;
    if (this.isDraining) return;
    this.#isLeft = true;
    const listeners = this.#onClosing;
    this.#onClosing = undefined;
    listeners?.forEach((listener) => this.#callClosing(listener));
  }

  /**
   * The wire ends: from now on every part of it that asks gets the reason.
   * What waits in them is to fail next; then {@linkcode declare} tells others.
   *
   * @returns Whether it lived until now: the first reason counts.
   */
  end(reason: WireError): boolean {
    if (this.reason !== undefined) return false;
    this.reason = reason;
    return true;
  }

  /** Tells everybody who listens that it has ended. */
  declare(): void {
    const reason = this.reason!;
    this.#controller?.abort(reason);
    const listeners = this.#listeners;
    this.#listeners = this.#onClosing = undefined;
    listeners?.forEach((listener) => this.#call(listener, reason));
  }

  /**
   * Something came though it has ended, and is discarded. Others have their
   * turn meanwhile, however much comes.
   *
   * @returns Whether to read on: until the connection was closed.
   */
  async discard(): Promise<boolean> {
    if (++this.#discarded % DISCARDED === 0) {
      await new Promise((resolve) => setTimeout(resolve));
    }
    return !this.isCut;
  }

  /** The connection is gone. */
  markClosed(): void {
    if (this.reason !== undefined) this.#markClosed?.(this.reason);
  }

  #callClosing(listener: () => void): void {
    callHook(listener, (error) => this.#onError(error, "onClosing"));
  }

  #call(listener: CloseListener, reason: WireError): void {
    callHook(
      () => listener(reason),
      (error) => this.#onError(error, "onDeath"),
    );
  }
}

/**
 * The reason of death of a wire that its program aborts.
 *
 * @param reason What it passed. That another wire was closed, as its signal
 * says, is no proper close of this one.
 * @param what What is aborted, for the message.
 */
export function abortReason(reason: unknown, what = "The wire"): WireError {
  if (isA(reason, WireError) && reason.code !== "closed") return reason;
  const why = reason === undefined ? "." : `: ${errorMessage(reason)}`;
  return new WireError("aborted", `${what} was aborted${why}`, {
    cause: reason,
  });
}

// Attempts to connect: they go on until they succeed, until their time is up,
// or until nobody wants them any more, and leave nothing behind.

/** What bounds an attempt to connect. */
interface AttemptOptions {
  /** How long it may take, in milliseconds. */
  readonly timeout: number;
  /** Gives it up. */
  readonly signal: AbortSignal | undefined;
}

/** One attempt to connect. Dispose of it when it is over. */
export class Attempt implements Disposable {
  /** Why it was given up; undefined as long as it goes on. */
  reason: WireError | undefined;

  readonly #listeners = new Set<(reason: WireError) => void>();
  /** The attempt is over: neither time nor signal matters any more. */
  declare readonly [Symbol.dispose]: () => void;

  /**
   * @param where Where to, for messages.
   * @param options Checked by {@linkcode checkAttempt}.
   * @param what What is attempted, for messages.
   */
  constructor(
    where: string,
    { timeout, signal }: AttemptOptions,
    what = "Connecting to",
  ) {
    const giveUp = (reason: WireError) => {
      if (this.reason) return;
      this.reason = reason;
      for (const listener of this.#listeners) listener(reason);
    };
    const onAbort = () =>
      giveUp(
        new WireError("cancelled", `${what} ${where} was cancelled.`, {
          cause: signal!.reason,
        }),
      );
    const stopTimer = afterPatience(systemClock, timeout, () =>
      giveUp(
        new WireError(
          "timeout",
          `${what} ${where} took longer than ${timeout} ms.`,
        ),
      ));
    this[Symbol.dispose] = () => {
      stopTimer();
      signal?.removeEventListener("abort", onAbort);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
  }

  /**
   * Has a function called when it is given up; at once if it was.
   *
   * @returns What takes that back.
   */
  onGivenUp(listener: (reason: WireError) => void): () => void {
    if (this.reason) listener(this.reason);
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/**
 * A signal that aborts with the reason when an attempt is given up.
 *
 * @param attempt The attempt.
 */
export function signalOf(attempt: Attempt): AbortSignal {
  const controller = new AbortController();
  attempt.onGivenUp((reason) => controller.abort(reason));
  return controller.signal;
}

/**
 * Waits for a promise, but no longer than an attempt goes on.
 *
 * @param attempt The attempt.
 * @param promise The promise.
 * @param tooLate Gets what the promise gives when nobody waits any more.
 * @returns What the promise gives; rejects with the reason.
 */
export function during<T>(
  attempt: Attempt,
  promise: Promise<T>,
  tooLate: (value: T) => void = ignore,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = attempt.onGivenUp((reason) => {
      reject(reason);
      promise.then(tooLate, ignore);
    });
    promise.then((value) => {
      stop();
      resolve(value);
    }, (error) => {
      stop();
      reject(error);
    });
  });
}

function ignore(): void {}

/**
 * Checks what is to bound an attempt.
 *
 * @param options What a program passed.
 * @throws {WireError} `invalidArgument`.
 */
export function checkAttempt(
  { timeout, signal }: { timeout: unknown; signal: unknown },
): void {
  checkTime(timeout, "timeout");
  checkSignal(signal);
}

/**
 * Waits until both ends of a new wire have accepted each other.
 *
 * @param wire The wire, which ends when the attempt is given up before that.
 * @param attempt The attempt.
 * @param where Where to, for messages.
 * @throws {WireError} Why it did not open.
 */
export async function opened(
  wire: { opened: Promise<void>; abort(reason: unknown): void },
  attempt: Attempt,
  where: string,
): Promise<void> {
  const stop = attempt.onGivenUp((reason) => wire.abort(reason));
  try {
    await wire.opened;
  } catch (error) {
    if (!(error instanceof WireError) || attempt.reason) throw error;
    throw new WireError(
      error.code,
      `Cannot connect to ${where}: ${error.message}`,
      { cause: error },
    );
  } finally {
    stop();
  }
}
