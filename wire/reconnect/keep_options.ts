/**
 * What a kept connection is made with, and what it tells of itself.
 *
 * @module
 */

import type { CallOptions } from "../rpc/context.ts";
import { checkTime, type Clock, systemClock } from "../base/clock.ts";
import { WireError } from "../base/errors.ts";
import type { AnyFunctions } from "../rpc/remote_types.ts";
import {
  checkHooks,
  checkOnDeath,
  checkOptionKeys,
  checkSignal,
} from "../base/checks.ts";
import { reporter } from "../base/report.ts";
import { shown } from "../base/shown.ts";
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
export interface KeptCallOptions extends CallOptions {
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
  /** Called each time a wire is lost, or an attempt failed. */
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
  /** How many attempts in a row may fail. @default {Infinity} */
  attempts?: number | undefined;
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
  /** A number from 0 up to, not including, 1. @default {Math.random} */
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
  checkHooks(options, HOOKS);
  checkOnDeath(options);
  const { backoff = {}, idempotent = [] } = options;
  checkOptionKeys(backoff, BACKOFF_KEYS, "backoff");
  const { least = 100, most = 30_000, factor = 2, healthy = 10_000 } = backoff;
  const resolved = {
    ...options,
    backoff: { least, most, factor, healthy },
    attempts: options.attempts ?? Infinity,
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
  const { attempts, timeout, repeats, waiting } = resolved;
  checkTime(least, 'The option "backoff.least"');
  checkTime(most, 'The option "backoff.most"');
  checkRange("backoff.most", most, least, Infinity);
  checkRange("backoff.factor", factor, 1, Number.MAX_VALUE);
  checkRange("backoff.healthy", healthy, 0, Infinity);
  checkRange("attempts", attempts, 1, Infinity);
  checkTime(timeout, 'The option "timeout"');
  checkRange("repeats", repeats, 0, Infinity);
  checkRange("waiting", waiting, 0, Infinity);
  return resolved;
}

/** The names of a list. */
function namesOf(names: unknown): ReadonlySet<string> {
  try {
    if (typeof names === "object" && names !== null) {
      return new Set(names as Iterable<string>);
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
