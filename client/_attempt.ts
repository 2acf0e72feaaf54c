/**
 * Attempts to connect: they go on until they succeed, until their time is up,
 * or until nobody wants them any more, and leave nothing behind.
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

/** How long to wait for a place in the queue of a Unix socket, at least. */
const LEAST_WAIT = 5;
const MOST_WAIT = 100;

/**
 * Connects by TCP.
 *
 * @param hostname A name or an address.
 * @param port The port.
 * @param signal Gives up, with its reason.
 * @returns The connection.
 */
export async function dialTcp(
  hostname: string,
  port: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  const cancel = new AbortController();
  // A connection that stands when the signal aborts is given to nobody by
  // Deno, which asks this last of all, and stays open for good. Without an
  // answer from here it is handed over, and can be closed.
  cancel.signal.throwIfAborted = () => {};
  const onAbort = () => cancel.abort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await abortable(
      Deno.connect({ hostname, port, signal: cancel.signal }),
      signal,
      closeQuietly,
    );
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/**
 * Connects to a Unix socket. Where more wait in its queue than fit, the
 * operating system refuses at once; then it is asked again.
 *
 * @param path The path of the socket file.
 * @param signal Gives up, with its reason.
 * @returns The connection.
 */
export async function dialUnix(
  path: string,
  signal: AbortSignal,
): Promise<Deno.UnixConn> {
  for (let longest = LEAST_WAIT;; longest = Math.min(longest * 2, MOST_WAIT)) {
    signal.throwIfAborted();
    try {
      return await abortable(
        Deno.connect({ transport: "unix", path }),
        signal,
        closeQuietly,
      );
    } catch (error) {
      const isFull = error instanceof Deno.errors.WouldBlock;
      if (!isFull || signal.aborted) throw error;
    }
    // Those who wait are not to come back all at once.
    await pause(longest / 2 + Math.random() * longest / 2, signal);
  }
}

/** Lets time pass, but not beyond a signal. */
async function pause(delay: number, signal: AbortSignal): Promise<void> {
  const passed = Promise.withResolvers<void>();
  const timer = setTimeout(passed.resolve, delay);
  try {
    await abortable(passed.promise, signal, () => {});
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Waits for a promise, but not beyond a signal.
 *
 * @param promise The promise.
 * @param signal The signal.
 * @param tooLate Gets what the promise gives when nobody waits any more.
 * @returns What the promise gives; rejects with the signal's reason.
 */
export async function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  tooLate: (value: T) => void,
): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, aborted.promise]);
  } catch (error) {
    promise.then(tooLate, () => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Closes a connection that may be closed already. */
export function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It is closed.
  }
}
