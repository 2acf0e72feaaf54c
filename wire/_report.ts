/**
 * Hooks that a program gives to a wire or a server, called so that nothing
 * they throw does harm.
 *
 * @module
 */

import { errorMessage, WireError } from "./errors.ts";
import { isThenable } from "./_thenable.ts";

/** Told of an error that has no other place to go, and of where it arose. */
export type Report = (error: unknown, where: string) => void;

/** Where a wire keeps its report, for the contexts of its calls. */
export const REPORT: unique symbol = Symbol("report");

/**
 * Prints an error on the console. It never throws.
 *
 * @param error The error.
 * @param where Where it arose.
 */
export function reportToConsole(error: unknown, where: string): void {
  const head = `@remote/wire: error in ${where}:`;
  try {
    // What the wire itself reports says all in its message.
    const shown = error instanceof WireError && error.cause === undefined
      ? `${error.message} (${error.code})`
      : error;
    console.error(head, shown);
  } catch {
    // An error that cannot be looked at, such as a revoked proxy.
    console.error(head, errorMessage(error));
  }
}

/**
 * Makes a report of a program's `onError`. The report never throws: what
 * `onError` throws, or rejects with, is printed beside the error itself.
 *
 * @param onError What the program gave, or nothing.
 * @returns The report; it prints where the program gave nothing.
 */
export function reporter(
  onError: ((error: unknown, where: string) => unknown) | undefined,
): Report {
  if (onError === undefined) return reportToConsole;
  return (error, where) => {
    const failed = (thrown: unknown) => {
      reportToConsole(error, where);
      reportToConsole(thrown, "onError");
    };
    callHook(() => onError(error, where), failed);
  };
}

/**
 * Calls a hook whose result nobody needs. It may be asynchronous.
 *
 * @param hook The hook, with its arguments.
 * @param failed Told once what it throws, or rejects with. It must not throw.
 */
export function callHook(
  hook: () => unknown,
  failed: (error: unknown) => void,
): void {
  try {
    const result = hook();
    if (isThenable(result)) Promise.resolve(result).catch(failed);
  } catch (error) {
    failed(error);
  }
}
