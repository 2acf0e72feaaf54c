/**
 * Values that may throw when they are looked at: revoked proxies, proxies with
 * traps of their own, objects with a getter `then`.
 *
 * @module
 */

import { errorMessage, Refusal, shortText, WireError } from "./errors.ts";
import { isThenable } from "./_thenable.ts";

/**
 * Whether something is an instance of a class: `instanceof` that never throws.
 *
 * @param value Anything.
 * @param made The class.
 * @returns False, too, for what cannot be looked at.
 */
export function isA<T>(
  value: unknown,
  // deno-lint-ignore no-explicit-any -- whatever the class is made with
  made: abstract new (...args: any[]) => T,
): value is T {
  try {
    return value instanceof made;
  } catch {
    return false;
  }
}

/**
 * What a function returned, where its value is still to come.
 *
 * @param result What it returned.
 * @returns The promise, or what is like one; undefined for any other value.
 * @throws {Refusal} `unsupportedValue` for what cannot be looked at.
 */
export function laterOf(result: unknown): PromiseLike<unknown> | undefined {
  try {
    if (!isThenable(result)) return undefined;
    void result.then;
    return result;
  } catch (error) {
    throw odd(error);
  }
}

/**
 * A promise of what comes of something that has a `then`, whatever that does.
 *
 * @param later What {@linkcode laterOf} found.
 * @returns The same promise, where it is a plain one.
 */
export function settled(later: PromiseLike<unknown>): Promise<unknown> {
  try {
    return later instanceof Promise && later.then === Promise.prototype.then
      ? Promise.resolve(later)
      : new Promise((resolve) => resolve(later));
  } catch (error) {
    return Promise.reject(odd(error));
  }
}

function odd(error: unknown): Refusal {
  return new Refusal(
    "unsupportedValue",
    `The value threw when it was read: ${errorMessage(error)}`,
  );
}

/** Whether something thrown can be looked at; never throws. */
export function isReadable(thrown: unknown): boolean {
  try {
    // A getter of an error's own that throws costs that property alone.
    if (!(thrown instanceof Error) && typeof thrown !== "object") return true;
    void (thrown as { constructor: unknown } | null)?.constructor;
    return true;
  } catch {
    return false;
  }
}

/**
 * Something thrown, as long as it can be looked at.
 *
 * @param thrown What was thrown.
 * @returns The same, or an `unsupportedValue` in its place.
 */
export function readable(thrown: unknown): unknown {
  return isReadable(thrown) ? thrown : new WireError(
    "unsupportedValue",
    "The function threw a value that cannot be read.",
  );
}

/**
 * The code and the message of an error, as texts that fit in a message,
 * whatever a program has put in their place. It never throws.
 *
 * @param error The error.
 */
export function wordsOf(
  error: { readonly code: unknown; readonly message: unknown },
): { code: string; message: string } {
  try {
    return { code: shortText(error.code), message: shortText(error.message) };
  } catch {
    return {
      code: "unsupportedValue",
      message: "The error cannot be read.",
    };
  }
}
