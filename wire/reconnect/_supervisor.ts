/**
 * What keeps a connection: attempts, waits, and the wire between them.
 *
 * @module
 */

import {
  checkClock,
  checkHooks,
  checkOnDeath,
  checkOptionKeys,
  checkSignal,
} from "../base/checks.ts";
import {
  afterPatience,
  checkTime,
  type Clock,
  systemClock,
} from "../base/clock.ts";
import {
  errorMessage,
  isA,
  isThenable,
  OwnTrouble,
  shown,
  WireError,
  type WireErrorCode,
} from "../base/errors.ts";
import { guardedController, reporter } from "../base/report.ts";
import type { WireCallOptions } from "../rpc/context.ts";
import type { AnyFunctions } from "../rpc/remote_types.ts";
import type { Wire } from "../wire.ts";

/** How long to wait between attempts. All times are in milliseconds. */
export interface BackoffOptions {
  /** The longest wait before the second attempt. @default {100} */
  least: number;
  /** The longest wait of all. @default {30000} */
  most: number;
  /** How much longer the next wait may be than the last. @default {2} */
  factor: number;
  /**
   * How long a connection has to live until its loss is no failed attempt any
   * more. A server that accepts and dies is thus not asked in a hot loop.
   *
   * @default {10000}
   */
  healthy: number;
}

/**
 * What may be said about a single call over a kept connection.
 *
 * @example A call that may be repeated
 * ```ts
 * import { keepConnected, type Wire, wirePair } from "@remote/wire";
 *
 * let connections = 0;
 * const kept = keepConnected(() => {
 *   const [near, far] = wirePair();
 *   connections++;
 *   far.serve({
 *     read(this: { wire: Wire }) {
 *       if (connections === 1) this.wire.abort(); // the server dies
 *       return `from connection ${connections}`;
 *     },
 *   });
 *   return Promise.resolve(near);
 * }, { backoff: { least: 1 } });
 * const text = await kept.with({ idempotent: true }).remoteValue.read();
 * if (text !== "from connection 2") throw new Error();
 * await kept.close();
 * ```
 */
export interface KeptCallOptions extends WireCallOptions {
  /**
   * Whether the call may run more than once: it is repeated then when its wire
   * died and the peer may have run it, unless there is a stream among its
   * arguments. Goes before the connection's own option `idempotent`.
   */
  idempotent?: boolean | undefined;
}

/** What is told with a wire that stands. */
export interface ConnectedInfo {
  /** Which connection this is: 1 for the first. */
  readonly connection: number;
  /** How many attempts in a row it took. */
  readonly attempt: number;
  /** How many calls and messages wait for it. */
  readonly waiting: number;
}

/** What is told with a lost connection, or a failed attempt. */
export interface LostInfo {
  /**
   * True where the server closes the wire gracefully: what is under way is
   * finished there, and only what is called from now on goes to the next wire.
   */
  readonly isMoving: boolean;
  /** True for a wire that stood, false for an attempt that failed. */
  readonly wasConnected: boolean;
  /** How many attempts in a row have failed. */
  readonly failures: number;
  /** Milliseconds until the next attempt; undefined where there is none. */
  readonly next: number | undefined;
  /** How many calls and messages wait. */
  readonly waiting: number;
}

/**
 * Makes a connection.
 *
 * @param signal Aborts when nobody wants the wire any more: hand it on.
 * @param attempt Which attempt in a row this is: 1 for the first.
 * @returns The wire, opened or not.
 *
 * @example
 * ```ts
 * import { type Connect, keepConnected, wirePair } from "@remote/wire";
 *
 * const connect: Connect = (signal, attempt) => {
 *   if (attempt < 3) throw new Error("The server is still starting.");
 *   const [near, far] = wirePair({ signal });
 *   far.serve({ attempt: () => attempt });
 *   return Promise.resolve(near);
 * };
 * const kept = keepConnected(connect, { backoff: { least: 1, most: 1 } });
 * if (await kept.remoteValue.attempt() !== 3) throw new Error();
 * await kept.close();
 * ```
 */
export type Connect<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
> = (signal: AbortSignal, attempt: number) => Promise<Wire<Remote, Local>>;

/**
 * What a kept connection is made with. Everything has a default.
 *
 * @example Giving up after the third attempt
 * ```ts
 * import { type KeepConnectedOptions, keepConnected } from "@remote/wire";
 *
 * const losses: string[] = [];
 * const options: KeepConnectedOptions = {
 *   attempts: 3,
 *   backoff: { least: 1 },
 *   onLost: (reason, { failures }) => losses.push(`${failures} ${reason.code}`),
 * };
 * const kept = keepConnected(
 *   () => Promise.reject(new Error("The server is down.")),
 *   options,
 * );
 * await kept.closed;
 * if (losses.length !== 3 || kept.state !== "closed") throw new Error();
 * ```
 */
export interface KeepConnectedOptions<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
> {
  /**
   * Called with each wire before any waiting call is sent: the place to
   * authenticate, to subscribe and to serve. What it throws aborts the wire,
   * as a failed attempt, and is told to `onError`, the same once in a row; a
   * promise is waited for. Calls over the kept
   * connection itself wait until it is done: use the wire. What the peer may
   * call at once is better served by the option `functions` of the connecting
   * function.
   */
  onConnected?:
    | ((wire: Wire<Remote, Local>, info: ConnectedInfo) => unknown)
    | undefined;
  /**
   * Called each time a wire is lost, its server closes it, or an attempt
   * failed.
   */
  onLost?: ((reason: WireError, info: LostInfo) => unknown) | undefined;
  /** Called once, with the reason, when it gave up or was closed. */
  onDeath?: ((reason: WireError) => void) | null | undefined;
  /**
   * Told of what `onConnected`, `onLost`, `onDeath`, `retry` and `idempotent`
   * throw, and of what calls fail with that nobody awaits.
   *
   * @default {console.error}
   */
  onError?: ((error: unknown, where: string) => void) | undefined;
  /** Waits that differ from the default. */
  backoff?: Partial<BackoffOptions> | undefined;
  /**
   * After how many failures in a row it gives up: 1 is at the first. A wire that
   * stood for `backoff.healthy` begins a new row.
   *
   * @default {Infinity}
   */
  attempts?: number | undefined;
  /**
   * How many attempts in a row may fail before it has been connected once: 1
   * for a program that starts with its server or not at all. Those do not count
   * for `attempts` then.
   *
   * @default {`attempts`}
   */
  openAttempts?: number | undefined;
  /**
   * How long an attempt may take, `onConnected` included, in milliseconds.
   *
   * @default {30000}
   */
  timeout?: number | undefined;
  /**
   * Decides whether to go on after a failure. Without, errors that the same
   * program would only get again are final: `contractMismatch`,
   * `invalidArgument`, `permissionDenied`, `refused`, `unsupportedVersion`.
   */
  retry?:
    | ((reason: WireError, failures: number) => boolean | Promise<boolean>)
    | undefined;
  /** The functions that may run more than once. @default {none} */
  idempotent?: readonly string[] | ((name: string) => boolean) | undefined;
  /** How often one call is repeated at most. @default {3} */
  repeats?: number | undefined;
  /**
   * How many calls and messages may wait while there is no wire; more fail
   * with `limit`. Those that a dying wire hands back wait in any case.
   *
   * @default {1000}
   */
  waiting?: number | undefined;
  /** Aborts the kept connection. */
  signal?: AbortSignal | undefined;
  /** Where the time comes from. @default {the platform's clock} */
  clock?: Clock | undefined;
  /**
   * A number from 0 up to, not including, 1. Anything else ends the kept
   * connection, with `invalidArgument`.
   *
   * @default {Math.random}
   */
  random?: (() => number) | undefined;
}

/** Options that are complete, and checked. */
export type ResolvedKeepOptions<
  Remote extends object,
  Local extends object,
> =
  & Omit<KeepConnectedOptions<Remote, Local>, "backoff" | "idempotent">
  & {
    readonly backoff: Readonly<BackoffOptions>;
    readonly attempts: number;
    readonly openAttempts: number;
    readonly timeout: number;
    readonly repeats: number;
    readonly waiting: number;
    readonly clock: Clock;
    readonly random: () => number;
    readonly onError: (error: unknown, where: string) => void;
    readonly idempotent: (name: string) => boolean;
  };

/** The names of the options, for finding those that are misspelt. */
const OPTION_KEYS: Readonly<Record<keyof KeepConnectedOptions, true>> = {
  onConnected: true,
  onLost: true,
  onDeath: true,
  onError: true,
  backoff: true,
  attempts: true,
  openAttempts: true,
  timeout: true,
  retry: true,
  idempotent: true,
  repeats: true,
  waiting: true,
  signal: true,
  clock: true,
  random: true,
};
const HOOKS = [
  "onConnected",
  "onLost",
  "onError",
  "retry",
  "random",
] as const;
const BACKOFF_KEYS: Readonly<Record<keyof BackoffOptions, true>> = {
  least: true,
  most: true,
  factor: true,
  healthy: true,
};

/**
 * Completes and checks the options of a kept connection.
 *
 * @param options What differs from the default.
 * @returns All of them.
 * @throws {WireError} `invalidArgument`, naming the option.
 */
export function resolveKeepOptions<
  Remote extends object,
  Local extends object,
>(
  options: KeepConnectedOptions<Remote, Local>,
): ResolvedKeepOptions<Remote, Local> {
  checkOptionKeys(options, OPTION_KEYS, "keepConnected()");
  checkSignal(options.signal);
  checkClock(options.clock);
  checkHooks(options, HOOKS);
  checkOnDeath(options);
  const { backoff = {}, idempotent = [] } = options;
  checkOptionKeys(backoff, BACKOFF_KEYS, "backoff");
  const { least = 100, most = 30_000, factor = 2, healthy = 10_000 } = backoff;
  const resolved = {
    ...options,
    backoff: { least, most, factor, healthy },
    attempts: options.attempts ?? Infinity,
    openAttempts: options.openAttempts ?? options.attempts ?? Infinity,
    timeout: options.timeout ?? 30_000,
    repeats: options.repeats ?? 3,
    waiting: options.waiting ?? 1_000,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    onError: reporter(options.onError),
    idempotent: typeof idempotent === "function"
      ? idempotent
      : among(namesOf(idempotent)),
  };
  const { attempts, openAttempts, timeout, repeats, waiting } = resolved;
  checkTime(least, 'The option "backoff.least"');
  checkTime(most, 'The option "backoff.most"');
  checkRange("backoff.most", most, least, Infinity);
  checkRange("backoff.factor", factor, 1, Number.MAX_VALUE);
  checkRange("backoff.healthy", healthy, 0, Infinity);
  checkRange("attempts", attempts, 1, Infinity);
  checkRange("openAttempts", openAttempts, 1, Infinity);
  checkTime(timeout, 'The option "timeout"');
  checkRange("repeats", repeats, 0, Infinity);
  checkRange("waiting", waiting, 0, Infinity);
  return resolved;
}

/** The names of a list. */
function namesOf(names: unknown): ReadonlySet<string> {
  try {
    if (typeof names === "object" && names !== null) {
      const list = [...names as Iterable<unknown>];
      if (list.every(isText)) return new Set(list);
    }
  } catch {
    // It is no list.
  }
  throw new WireError(
    "invalidArgument",
    `The option "idempotent" is a list of functions' names, or a function, and not ${
      shown(names)
    }.`,
  );
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function among(names: ReadonlySet<string>): (name: string) => boolean {
  return (name) => names.has(name);
}

function checkRange(
  name: string,
  value: number,
  least: number,
  most: number,
): void {
  if (typeof value === "number" && value >= least && value <= most) return;
  throw new WireError(
    "invalidArgument",
    `The option "${name}" must be a number from ${least} to ${most}, not ${
      shown(value)
    }.`,
  );
}

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

/** A wire that takes no more calls. */
interface Held {
  /** Whether that is because its server closes it. */
  readonly isMoving: boolean;
  /** How long it took calls, in milliseconds. */
  readonly lived: number;
}

/** Who is told of what happens. */
export interface Supervised<Remote extends object, Local extends object> {
  /** A wire stands, and `onConnected` is done with it. */
  connected(wire: Wire<Remote, Local>): void;
  /** That wire ended, or its server closes it; told at once. */
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
  /** Wires that their servers close, while something is under way there. */
  readonly #leaving = new Set<Wire<Remote, Local>>();
  /** Ends the attempt, or the wait, that is under way. */
  #controller: AbortController = new AbortController();
  /** What `onConnected` failed with. */
  #unprepared: WireError | undefined;
  /** What it failed with last, and was told; undefined since it succeeded. */
  #told: string | undefined;

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
      const held = await this.#attempt(controller);
      if (this.#isStopped()) return;
      const wasConnected = held !== undefined;
      const isMoving = held?.isMoving === true;
      this.#backoff.ended(held?.lived ?? 0);
      const reason = this.lastFailure = isMoving
        ? movesOn()
        : controller.signal.reason as WireError;
      const mayGoOn = this.#mayGoOn(reason);
      const isNext = typeof mayGoOn === "boolean" ? mayGoOn : await mayGoOn;
      if (this.#isStopped()) return;
      const next = isNext ? this.#backoff.next(isMoving) : undefined;
      this.#tell(reason, { isMoving, wasConnected, next });
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

  /** The wires that stand: the one that takes calls, and those that close. */
  get wires(): Wire<Remote, Local>[] {
    const { wire } = this;
    return wire === undefined ? [...this.#leaving] : [wire, ...this.#leaving];
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
   * Makes one attempt, and stays until its wire has ended, or its server closes
   * it. Whatever goes wrong aborts the attempt's controller, with the reason.
   *
   * @returns What became of the wire; undefined where there was none.
   */
  async #attempt(controller: AbortController): Promise<Held | undefined> {
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
      return undefined;
    } finally {
      stopTimer();
    }
    return await this.#hold(wire);
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

  /** Passes a wire on, and stays until it has ended or is being closed. */
  async #hold(wire: Wire<Remote, Local>): Promise<Held> {
    const { clock } = this.#options;
    const began = clock.now();
    this.wire = wire;
    this.state = "connected";
    const { attempts, openAttempts } = this.#options;
    if (this.connections === 0 && openAttempts !== attempts) {
      this.#backoff.failures = 0;
    }
    this.connections++;
    this.#supervised.connected(wire);
    return await new Promise((resolve) => {
      const release = (isMoving: boolean) => {
        if (this.wire !== wire) return;
        this.wire = undefined;
        if (!this.#isStopped()) this.state = "waiting";
        this.#supervised.disconnected();
        resolve({ isMoving, lived: clock.now() - began });
      };
      wire.onDeath(() => {
        this.#leaving.delete(wire);
        release(false);
      });
      // Another copy of the module may have made it, and an older one.
      wire.onClosing?.(() => {
        this.#leaving.add(wire);
        // What ends the wait or the attempt from here on spares this wire.
        this.#controller = new AbortController();
        release(true);
      });
    });
  }

  /** How many attempts in a row may fail. */
  get #most(): number {
    const { attempts, openAttempts } = this.#options;
    return this.connections === 0 ? openAttempts : attempts;
  }

  #mayGoOn(reason: WireError): boolean | Promise<boolean> {
    const { retry, onError } = this.#options;
    const { failures } = this.#backoff;
    if (failures >= this.#most) return false;
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
    info: Pick<LostInfo, "isMoving" | "wasConnected" | "next">,
  ): void {
    const { onLost, onError } = this.#options;
    const { failures } = this.#backoff;
    const waiting = this.#supervised.waiting();
    (async () => await onLost?.(reason, { ...info, failures, waiting }))()
      .catch((error) => onError(error, "onLost"));
  }

  #finalReason(reason: WireError): WireError {
    const { failures } = this.#backoff;
    const what = failures >= this.#most
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

/**
 * Why an attempt failed. That another wire was closed, as its calls say, is no
 * proper close of this one.
 */
function asReason(
  error: unknown,
  code: WireErrorCode,
  what: string,
): WireError {
  if (isA(error, WireError) && error.code !== "closed") return error;
  return new WireError(code, `${what}: ${errorMessage(error)}`, {
    cause: error,
  });
}

/** Why a wire takes no more calls that still stands. */
function movesOn(): WireError {
  return new WireError(
    "closed",
    "The server closes the wire. What is under way finishes there, and what comes next goes to another wire.",
  );
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

  /**
   * How long to wait now, in milliseconds.
   *
   * @param isMoving Whether a server has closed its wire gracefully: after one
   * that was healthy there is nothing to wait for.
   */
  next(isMoving = false): number {
    if (isMoving && this.failures === 0) return 0;
    const { least, most, factor } = this.#options;
    const longest = least * factor ** Math.max(0, this.failures - 1);
    const share: unknown = this.#random();
    if (typeof share !== "number" || !(share >= 0 && share <= 1)) {
      // With it, a server that is down might be asked in a hot loop.
      throw new WireError(
        "invalidArgument",
        `The option "random" has to give a number from 0 up to 1, and gave ${
          shown(share)
        }.`,
      );
    }
    // Never Infinity, of which 0 times is no number.
    return share * Math.min(most, longest, Number.MAX_VALUE);
  }
}
