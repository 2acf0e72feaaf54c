/**
 * The promise of a call's value, on which further calls can be made before
 * the value is there.
 *
 * @module
 */

import { isInstance, setBrand } from "./_brand.ts";
import type { CallOptions } from "./call_options.ts";
import { endStreams } from "./_carries_stream.ts";
import { WireError } from "./errors.ts";
import {
  ASKED,
  type Asked,
  knowsWhoAsks,
  leave,
  owned,
  unawaited,
  unsent,
} from "./_left_alone.ts";
import type { Report } from "./_report.ts";
import { localCaller, referentOf } from "./remote_object.ts";
import { type Caller, remotes } from "./remote.ts";
import {
  type AnyFunctions,
  REFERENCE,
  type RemoteSend,
  type RemoteValue,
  type RemoteValues,
} from "./remote_types.ts";

/** What a promise knows of its call. */
export interface PendingResult {
  /** Whether the value is there. */
  readonly hasValue: boolean;
  /** The value, once it is there. */
  readonly value: unknown;
  /** Whether calls were made on it, or with it, before it was there. */
  isUsed: boolean;
  /** Whether calls may be made that need the result, and do not wait for it. */
  readonly canBeFollowed: boolean;
  /** Told what calls fail with that nobody awaits. */
  readonly report: Report | undefined;
  /**
   * Calls a function of the result, without waiting for it.
   *
   * @param again Makes the call once the result is there.
   * @returns Undefined when the result has to be waited for.
   */
  callOn(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options: CallOptions | undefined,
    again: () => Promise<unknown>,
  ): Promise<unknown> | undefined;
}

/** The promise of a call's value. */
export class CallPromise extends Promise<unknown> implements Asked {
  /** What it knows of its call. */
  [REFERENCE]: PendingResult | undefined = undefined;
  /** Whether somebody has asked for it. */
  [ASKED] = false;

  /** Calls functions of the result one way, once it is there. */
  get remote(): RemoteSend<AnyFunctions> {
    return this.#remotes().remote;
  }

  /** Calls functions of the result for one value. */
  get remoteValue(): RemoteValue<AnyFunctions> {
    return this.#remotes().remoteValue;
  }

  /** Calls functions of the result for all values. */
  get remoteValues(): RemoteValues<AnyFunctions> {
    return this.#remotes().remoteValues;
  }

  /** What a console shows, in place of all that is behind it. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "RemotePromise { await it }";
  }

  /** Knows those of other copies of this module, too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isInstance(this, value);
  }

  static {
    setBrand(this, "CallPromise");
  }

  #remotes() {
    // Who calls on the result learns there that it failed.
    this.catch(nothing);
    const pending = this[REFERENCE];
    if (pending !== undefined) pending.isUsed = true;
    return remotes<AnyFunctions>(this.caller(), undefined, true);
  }

  /** Calls functions of the result. */
  protected caller(): Caller {
    return {
      call: (name, args, wantsValues, options) => {
        const again = () =>
          this.#whenThere(
            name,
            args,
            (caller) => caller.call(name, args, wantsValues, options),
          );
        const pending = this[REFERENCE];
        return pending?.callOn(name, args, wantsValues, options, again) ??
          promised(again(), pending?.report, unawaited(name));
      },
      send: (name, args, options) =>
        owned(
          this.#whenThere(
            name,
            args,
            (caller) => caller.send(name, args, options),
          ),
          this[REFERENCE]?.report,
          unsent(name),
        ),
    };
  }

  /** Makes a call of the result. Without one, streams among its arguments end. */
  #whenThere<T>(
    name: string,
    args: unknown[],
    make: (caller: Caller) => Promise<T>,
  ): Promise<T> {
    const failed = (error: unknown) => {
      endStreams(args, error);
      throw error;
    };
    return this.then((result) => {
      let caller: Caller;
      try {
        caller = callerOf(result, name);
      } catch (error) {
        return failed(error);
      }
      return make(caller);
    }, failed);
  }
}

knowsWhoAsks(CallPromise);

/** A result that calls have to wait for. */
export class LaterResult implements PendingResult {
  hasValue = false;
  value: unknown = undefined;
  isUsed = false;
  readonly canBeFollowed = false;
  readonly report: Report | undefined;

  /** @param report Told what calls fail with that nobody awaits. */
  constructor(report: Report | undefined) {
    this.report = report;
  }

  callOn(): undefined {}

  /** Keeps the value, and passes it on. */
  readonly keep = (value: unknown): unknown => {
    this.hasValue = true;
    if (this.isUsed) excuse(value);
    return this.value = value;
  };
}

/**
 * A promise on which calls can be made, of what another is of.
 *
 * @param promise The other one.
 * @param report Told of an error where nobody asks.
 * @param where What fails then.
 */
export function promised(
  promise: Promise<unknown>,
  report: Report | undefined,
  where: string,
): CallPromise {
  const later = new LaterResult(report);
  const made: CallPromise = new CallPromise((resolve) =>
    resolve(promise.then(later.keep, (error) => {
      leave(made, error, report, where);
      throw error;
    }))
  );
  made[REFERENCE] = later;
  return made;
}

/**
 * A promise on which calls can be made, of a call that failed at once.
 *
 * @param error What it failed with.
 * @param report Told of the error where nobody asks.
 * @param where What failed.
 */
export function rejected(
  error: unknown,
  report: Report | undefined,
  where: string,
): CallPromise {
  const made = new CallPromise((_, reject) => reject(error));
  made[REFERENCE] = new LaterResult(report);
  leave(made, error, report, where);
  return made;
}

/** What calls the functions of a result that is there. */
function callerOf(result: unknown, name: string): Caller {
  const referent = referentOf(result);
  if (referent !== undefined) return referent.caller;
  // What came home: data has no functions but those that an object holds.
  const isObject = typeof result === "object" && result !== null ||
    typeof result === "function";
  if (isObject && !isCopied(result)) return localCaller(result);
  throw noRemoteObject(name);
}

/** Whether something came as a copy, and has functions of its class alone. */
function isCopied(value: object): boolean {
  return Array.isArray(value) || ArrayBuffer.isView(value) ||
    [Map, Set, Date, Error, ArrayBuffer].some((data) => value instanceof data);
}

/** The error of a call on a result that has no functions. */
export function noRemoteObject(name: string): WireError {
  return new WireError(
    "noSuchFunction",
    `${
      JSON.stringify(name)
    } was called on a result that is not a remote object. Check what the function returns.`,
  );
}

/**
 * A reference that was called on before it was there may never be asked for:
 * then nobody could give it back, and no warning is due.
 *
 * @param value The result that came.
 */
export function excuse(value: unknown): void {
  referentOf(value)?.excuse?.();
}

function nothing(): void {}
