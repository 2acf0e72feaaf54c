/**
 * How long connecting goes on: until it succeeds, until its time is up, or
 * until nobody wants it any more.
 *
 * @module
 */

import { checkSignal } from "../wire/base/checks.ts";
import { afterPatience, checkTime, systemClock } from "../wire/base/clock.ts";
import { WireError } from "../wire/base/errors.ts";

/** What bounds an attempt to connect. */
export interface AttemptOptions {
  /** How long it may take, in milliseconds. */
  readonly timeout: number;
  /** Gives it up. */
  readonly signal: AbortSignal | undefined;
}

/** One attempt to connect. Dispose of it when it is over. */
export class Attempt implements Disposable {
  /** Aborts with a `WireError` when the attempt is to be given up. */
  readonly signal: AbortSignal;

  readonly #stop: () => void;

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
    const giveUp = new AbortController();
    this.signal = giveUp.signal;
    const onAbort = () =>
      giveUp.abort(
        new WireError("cancelled", `${what} ${where} was cancelled.`, {
          cause: signal!.reason,
        }),
      );
    const stopTimer = afterPatience(systemClock, timeout, () =>
      giveUp.abort(
        new WireError(
          "timeout",
          `${what} ${where} took longer than ${timeout} ms.`,
        ),
      ));
    this.#stop = () => {
      stopTimer();
      signal?.removeEventListener("abort", onAbort);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
  }

  /** The attempt is over: neither time nor signal matters any more. */
  [Symbol.dispose](): void {
    this.#stop();
  }
}

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
