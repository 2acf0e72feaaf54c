/**
 * Promises that may be left alone. One that fails, and that nobody has asked
 * for, never ends the process: what it failed with is reported.
 *
 * @module
 */

import { WireError, type WireErrorCode } from "./errors.ts";
import { isA, laterOf, settled } from "./odd_values.ts";
import type { Report } from "./report.ts";
import { shown } from "./shown.ts";

/** Whether somebody awaits a promise, or has called its `then()`. */
export const ASKED: unique symbol = Symbol("asked");

/** A promise that knows whether somebody has asked for it. */
export interface Asked extends Promise<unknown> {
  [ASKED]: boolean;
}

/**
 * Has the promises of a class know whether somebody has asked for them.
 * `await`, `then()` and all that is built on them look at a promise's
 * constructor first. What they find is that of a plain promise, which saves
 * them a detour.
 *
 * @param made The class.
 */
export function knowsWhoAsks(made: { readonly prototype: Asked }): void {
  Object.defineProperty(made.prototype, "constructor", {
    get(this: Asked): PromiseConstructor {
      this[ASKED] = true;
      return Promise;
    },
  });
}

/** A promise that may be left alone. */
export class OwnPromise<T> extends Promise<T> implements Asked {
  /** Whether somebody has asked for it. */
  [ASKED] = false;
}

knowsWhoAsks(OwnPromise);

/**
 * What has a `sent`, because the wire has ended or the caller gave up, and is
 * worth a report all the same.
 */
const NEWS: ReadonlySet<string> = new Set<WireErrorCode>([
  "deadline",
  "limit",
  "noSuchObject",
  "released",
]);

/** In so many turns whoever has a promise can have asked for it. */
const TURNS = 16;

/**
 * A promise fails, or is about to: it counts as handled from now on. Where
 * nobody asks for it, its error is reported, unless that only says that the
 * wire has ended, which `onDeath` and `closed` say too, or that the caller's
 * own signal has aborted.
 *
 * @param promise The promise.
 * @param error What it fails with.
 * @param report Told of the error; nobody where there is none.
 * @param where What failed.
 */
export function leave(
  promise: Asked,
  error: unknown,
  report: Report | undefined,
  where: string,
): void {
  const isAsked = promise[ASKED];
  quiet(promise);
  promise[ASKED] = isAsked;
  if (isAsked || report === undefined || !isNews(error)) return;
  let turn = 0;
  const next = () => {
    if (promise[ASKED]) return;
    if (++turn < TURNS) queueMicrotask(next);
    else report(error, where);
  };
  queueMicrotask(next);
}

function isNews(error: unknown): boolean {
  return !isA(error, WireError) || error.sent === undefined ||
    NEWS.has(error.code);
}

/**
 * Marks a promise as handled.
 *
 * @param promise Whatever it fails with, others say it too.
 * @returns The same promise.
 */
export function quiet<P extends Promise<unknown>>(promise: P): P {
  promise.then(undefined, nothing);
  return promise;
}

/**
 * A promise that has failed, and that may be left alone.
 *
 * @param error What it fails with.
 * @param report Told of the error where nobody asks.
 * @param where What failed.
 */
export function failed(
  error: unknown,
  report: Report | undefined,
  where: string,
): Promise<never> {
  const made = new OwnPromise<never>((_, reject) => reject(error));
  leave(made, error, report, where);
  return made;
}

/**
 * A promise that may be left alone, of what another is of.
 *
 * @param promise The other one.
 * @param report Told of an error where nobody asks.
 * @param where What fails then.
 */
export function owned<T>(
  promise: Promise<T>,
  report: Report | undefined,
  where: string,
): Promise<T> {
  const made: OwnPromise<T> = new OwnPromise((resolve) =>
    resolve(promise.catch((error) => {
      leave(made, error, report, where);
      throw error;
    }))
  );
  return made;
}

/**
 * Begins work at once.
 *
 * @param work Answers at once or later, or throws.
 * @param report Told of an error where nobody asks for the promise.
 * @param where What fails then.
 * @returns A promise of what comes of it, that may be left alone.
 */
export function begun(
  work: () => unknown,
  report: Report | undefined,
  where: string,
): Promise<unknown> {
  let later: PromiseLike<unknown> | undefined;
  let result: unknown;
  try {
    result = work();
    later = laterOf(result);
  } catch (error) {
    return failed(error, report, where);
  }
  const made: OwnPromise<unknown> = new OwnPromise((resolve, reject) => {
    if (later === undefined) return resolve(result);
    settled(later).then(resolve, (error) => {
      reject(error);
      leave(made, error, report, where);
    });
  });
  return made;
}

/** Where a call failed that nobody awaits. */
export function unawaited(name: unknown): string {
  return name === ""
    ? "a call of a function reference that nobody awaits"
    : `a call of ${shown(name)} that nobody awaits`;
}

/** Where a one-way call failed that nobody awaits. */
export function unsent(name: unknown): string {
  return name === ""
    ? "a one-way call of a function reference, which was not sent"
    : `a one-way call of ${shown(name)}, which was not sent`;
}

function nothing(): void {}

// Calls that are made while the arguments of another one are looked at.
//
// Where a function of a peer is a trap of a proxy, and that proxy is among the
// trap's own arguments, looking at these calls the function again, which has
// them looked at again, and so on: the stack would be full in a moment, and what
// is thrown then would end the process.

/** So many calls may be within one another. */
const DEEPEST = 3;

let depth = 0;

/**
 * The arguments of a call are going to be looked at.
 *
 * @param name The function's name.
 * @returns Why not; undefined when they may be. Then {@linkcode left} follows.
 */
export function entered(name: string): WireError | undefined {
  if (depth < DEEPEST) {
    depth++;
    return undefined;
  }
  return new WireError(
    "unsupportedValue",
    `The call of ${name} was not made: reading the arguments of other calls made it, nested ${DEEPEST} deep. Such an argument is a proxy whose trap, or an object whose getter, is a function of a peer.`,
  );
}

/** They have been looked at. */
export function left(): void {
  depth--;
}
