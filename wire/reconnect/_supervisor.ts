/**
 * What keeps a connection: attempts, waits, and the wire between them.
 *
 * @module
 */

import { afterPatience } from "../base/clock.ts";
import {
  errorMessage,
  OwnTrouble,
  WireError,
  type WireErrorCode,
} from "../base/errors.ts";
import { isA, isThenable, shown } from "../base/shown.ts";
import { guardedController } from "../base/report.ts";
import type { Wire } from "../wire.ts";
import type {
  BackoffOptions,
  Connect,
  LostInfo,
  ResolvedKeepOptions,
} from "./keep_options.ts";

/** How long a `connect` that was told to give up may take, in milliseconds. */
const GRACE = 1_000;

/** The codes that the same program would only get again. */
const FINAL: Readonly<Record<string, true>> = {
  contractMismatch: true,
  invalidArgument: true,
  permissionDenied: true,
  refused: true,
  unsupportedVersion: true,
} satisfies Partial<Record<WireErrorCode, true>>;

/** Who is told of what happens. */
export interface Supervised<Remote extends object, Local extends object> {
  /** A wire stands, and `onConnected` is done with it. */
  connected(wire: Wire<Remote, Local>): void;
  /** That wire ended; told at once. */
  disconnected(): void;
  /** No further attempt is made. */
  gaveUp(reason: WireError): void;
  /** How many calls wait. */
  waiting(): number;
}

/** Connects, again and again. */
export class Supervisor<Remote extends object, Local extends object> {
  /** What it is doing; `"closed"` once it does nothing more. */
  state: "connecting" | "connected" | "waiting" | "closed" = "connecting";
  /** The wire, while it is connected. */
  wire: Wire<Remote, Local> | undefined;
  /** How many attempts were made. */
  attempts = 0;
  /** How many of them led to a wire. */
  connections = 0;
  /** Why the last attempt failed, or the last wire ended. */
  lastFailure: WireError | undefined;

  readonly #connect: Connect<Remote, Local>;
  readonly #options: ResolvedKeepOptions<Remote, Local>;
  readonly #supervised: Supervised<Remote, Local>;
  readonly #backoff: Backoff;
  /** Connections that may not be gone yet. */
  readonly #connections = new Set<Promise<unknown>>();
  /** Calls of `connect` that are under way. */
  readonly #connecting = new Set<Promise<unknown>>();
  /** Ends the attempt, or the wait, that is under way. */
  #controller: AbortController = new AbortController();
  /** What `onConnected` failed with. */
  #unprepared: WireError | undefined;
  /** What it failed with last, and was told; undefined since it succeeded. */
  #told: string | undefined;
  #lived = 0;

  /**
   * @param connect Makes a connection.
   * @param options All options.
   * @param supervised Who is told.
   */
  constructor(
    connect: Connect<Remote, Local>,
    options: ResolvedKeepOptions<Remote, Local>,
    supervised: Supervised<Remote, Local>,
  ) {
    this.#connect = connect;
    this.#options = options;
    this.#supervised = supervised;
    this.#backoff = new Backoff(options.backoff, options.random);
  }

  /** Connects, until {@linkcode stop} or a failure that is final. */
  async run(): Promise<void> {
    // Whoever made it gets to hold it first.
    await undefined;
    while (!this.#isStopped()) {
      const controller = this.#controller = guardedController(
        this.#options.onError,
        "a listener of the signal that connect got",
      );
      const wasConnected = await this.#attempt(controller);
      if (this.#isStopped()) return;
      this.#backoff.ended(wasConnected ? this.#lived : 0);
      const reason = this.lastFailure = controller.signal.reason as WireError;
      const mayGoOn = this.#mayGoOn(reason);
      const isNext = typeof mayGoOn === "boolean" ? mayGoOn : await mayGoOn;
      if (this.#isStopped()) return;
      const next = isNext ? this.#backoff.next() : undefined;
      this.#tell(reason, { wasConnected, next });
      if (this.#isStopped()) return;
      if (next === undefined) {
        return this.#supervised.gaveUp(this.#finalReason(reason));
      }
      await this.#wait(next);
    }
  }

  /**
   * Makes no further attempt. What is under way is given up; a wire that
   * stands is left alone.
   *
   * @param reason Why.
   */
  stop(reason: WireError): void {
    if (this.#isStopped()) return;
    const isConnected = this.state === "connected";
    this.state = "closed";
    if (!isConnected) this.#controller.abort(reason);
  }

  /** Resolves when all connections are gone. */
  async finished(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = this.#options.clock.after(GRACE, resolve);
    await Promise.race([Promise.all(this.#connecting), promise]);
    stop();
    await Promise.all(this.#connections);
  }

  /** A method, so that the type checker does not think that it stays so. */
  #isStopped(): boolean {
    return this.state === "closed";
  }

  /**
   * Makes one attempt, and stays until its wire has ended. Whatever goes wrong
   * aborts the attempt's controller, with the reason.
   *
   * @returns Whether there was a wire.
   */
  async #attempt(controller: AbortController): Promise<boolean> {
    const { signal } = controller;
    const { clock, timeout } = this.#options;
    this.state = "connecting";
    this.attempts++;
    const stopTimer = afterPatience(
      clock,
      timeout,
      () => controller.abort(tooLong(timeout)),
    );
    let wire: Wire<Remote, Local>;
    try {
      wire = await unlessAborted(this.#open(signal), signal);
      wire.onDeath((reason) => controller.abort(reason));
      await unlessAborted(wire.opened, signal);
      await this.#prepare(wire, signal);
      signal.throwIfAborted();
    } catch (error) {
      controller.abort(asReason(error, "connectFailed", "Cannot connect"));
      return false;
    } finally {
      stopTimer();
    }
    await this.#hold(wire);
    return true;
  }

  /** Has a connection made. Its wire ends with the signal, however late. */
  async #open(signal: AbortSignal): Promise<Wire<Remote, Local>> {
    const connecting =
      (async () => await this.#connect(signal, this.#backoff.failures + 1))();
    const done = connecting.then((wire) => {
      if (!isWire(wire)) return;
      const onAbort = () => wire.abort(this.#toldOf(signal.reason));
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) onAbort();
      remember(this.#connections, wire.closed);
    }).catch(() => {});
    remember(this.#connecting, done);
    const wire: unknown = await connecting;
    if (isWire(wire)) return wire as Wire<Remote, Local>;
    throw new WireError(
      "invalidArgument",
      `The function that connects has to return a wire, or a promise of one, and gave ${
        shown(wire)
      }. Is there a "return" in it?`,
    );
  }

  /** Calls `onConnected`. */
  async #prepare(
    wire: Wire<Remote, Local>,
    signal: AbortSignal,
  ): Promise<void> {
    const { onConnected } = this.#options;
    if (onConnected === undefined) return;
    const info = {
      connection: this.connections + 1,
      attempt: this.#backoff.failures + 1,
      waiting: this.#supervised.waiting(),
    };
    const preparing = (async () => await onConnected(wire, info))();
    try {
      await unlessAborted(preparing, signal);
      this.#told = undefined;
    } catch (error) {
      const reason = asReason(error, "aborted", "onConnected failed");
      // Aborted, it failed for another reason, and that comes as an error, too.
      if (!signal.aborted) {
        this.#unprepared = reason;
        this.#report(error, reason.message);
      }
      throw reason;
    }
  }

  /** Tells what `onConnected` threw; the same only once in a row. */
  #report(error: unknown, message: string): void {
    if (message === this.#told) return;
    this.#told = message;
    this.#options.onError(error, "onConnected");
  }

  /** What a wire ends with: what onConnected threw is not for the peer. */
  #toldOf(reason: unknown): unknown {
    const unprepared = this.#unprepared;
    if (unprepared === undefined || reason !== unprepared) return reason;
    const { code, message, cause } = unprepared;
    return new OwnTrouble(code, message, { cause: cause ?? unprepared });
  }

  /** Passes a wire on, and stays until it has ended. */
  async #hold(wire: Wire<Remote, Local>): Promise<void> {
    const { clock } = this.#options;
    const began = clock.now();
    this.wire = wire;
    this.state = "connected";
    this.connections++;
    this.#supervised.connected(wire);
    await new Promise<void>((resolve) =>
      wire.onDeath(() => {
        this.#lived = clock.now() - began;
        this.wire = undefined;
        if (!this.#isStopped()) this.state = "waiting";
        this.#supervised.disconnected();
        resolve();
      })
    );
  }

  #mayGoOn(reason: WireError): boolean | Promise<boolean> {
    const { attempts, retry, onError } = this.#options;
    const { failures } = this.#backoff;
    if (failures >= attempts) return false;
    const mayBeBetter = !Object.hasOwn(FINAL, reason.code);
    if (retry === undefined) return mayBeBetter;
    const failed = (error: unknown) => {
      onError(error, "retry");
      return mayBeBetter;
    };
    try {
      const answer: unknown = retry(reason, failures);
      return isThenable(answer)
        ? Promise.resolve(answer).then(Boolean).catch(failed)
        : Boolean(answer);
    } catch (error) {
      return failed(error);
    }
  }

  #tell(
    reason: WireError,
    info: Pick<LostInfo, "wasConnected" | "next">,
  ): void {
    const { onLost, onError } = this.#options;
    const { failures } = this.#backoff;
    const waiting = this.#supervised.waiting();
    (async () => await onLost?.(reason, { ...info, failures, waiting }))()
      .catch((error) => onError(error, "onLost"));
  }

  #finalReason(reason: WireError): WireError {
    const { failures } = this.#backoff;
    const what = failures >= this.#options.attempts
      ? `Gave up after ${failures} ${
        failures === 1 ? "attempt" : "attempts in a row"
      }`
      : "Reconnecting was given up";
    return new WireError(reason.code, `${what}: ${reason.message}`, {
      cause: reason,
    });
  }

  /** Lets time pass, unless it is stopped. */
  async #wait(delay: number): Promise<void> {
    this.state = "waiting";
    const { signal } = this.#controller = new AbortController();
    await new Promise<void>((resolve) => {
      const stopTimer = this.#options.clock.after(delay, resolve);
      signal.addEventListener("abort", () => {
        stopTimer();
        resolve();
      });
    });
  }
}

/** The same promise, rejected with the signal's reason once that aborts. */
function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    promise.then(resolve, reject).then(() =>
      signal.removeEventListener("abort", onAbort)
    );
  });
}

/** Whether something is a wire, as far as is needed of one here. */
function isWire(value: unknown): boolean {
  try {
    const { onDeath, abort } = Object(value);
    return typeof onDeath === "function" && typeof abort === "function";
  } catch {
    // It cannot be looked at.
    return false;
  }
}

/** Keeps a promise, which never rejects, for as long as it is pending. */
function remember(set: Set<Promise<unknown>>, promise: Promise<unknown>): void {
  set.add(promise);
  promise.then(() => set.delete(promise));
}

function asReason(
  error: unknown,
  code: WireErrorCode,
  what: string,
): WireError {
  if (isA(error, WireError)) return error;
  return new WireError(code, `${what}: ${errorMessage(error)}`, {
    cause: error,
  });
}

function tooLong(timeout: number): WireError {
  return new WireError(
    "timeout",
    `An attempt to connect took longer than ${timeout} ms, onConnected included.`,
  );
}

// How long to wait between attempts to connect.

/**
 * Waits that grow with the failures in a row, each drawn evenly between none
 * and its longest: the "full jitter" of Marc Brooker's "Exponential Backoff
 * And Jitter" (AWS Architecture Blog, 2015). Of many clients that lost the
 * same server, few ask for it at the same time.
 */
export class Backoff {
  /** How many attempts in a row have failed. */
  failures = 0;

  readonly #options: Readonly<BackoffOptions>;
  readonly #random: () => number;

  /**
   * @param options The waits.
   * @param random Where the jitter comes from.
   */
  constructor(options: Readonly<BackoffOptions>, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  /**
   * Counts an attempt that is over.
   *
   * @param lived How long its connection lived; 0 where there was none.
   */
  ended(lived: number): void {
    const isHealthy = lived > 0 && lived >= this.#options.healthy;
    this.failures = isHealthy ? 0 : this.failures + 1;
  }

  /** How long to wait now, in milliseconds. */
  next(): number {
    const { least, most, factor } = this.#options;
    const longest = least * factor ** Math.max(0, this.failures - 1);
    // Never Infinity, of which 0 times is no number.
    return this.#random() * Math.min(most, longest, Number.MAX_VALUE);
  }
}
