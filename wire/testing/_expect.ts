/**
 * What cases expect, and how long they wait for it.
 *
 * @module
 */

import { errorMessage, shown, WireError } from "../base/errors.ts";

/** The error for a transport that does something else than it has to. */
export function fault(text: string, cause?: unknown): WireError {
  return new WireError("invalidArgument", `The transport: ${text}`, { cause });
}

/** Throws unless something is so. */
export function expect(isSo: boolean, text: string): void {
  if (!isSo) throw fault(text);
}

/** Throws unless two values look the same. */
export function expectSame(is: unknown, expected: unknown, what: string): void {
  if (shown(is) === shown(expected) && `${is}` === `${expected}`) return;
  throw fault(
    `${what} gave ${shown(is)}, and ${shown(expected)} was expected.`,
  );
}

/** Throws unless bytes are those that were sent. */
export function expectBytes(
  is: Uint8Array,
  expected: Uint8Array,
  what: string,
): void {
  expect(
    is.length === expected.length,
    `${what}: ${is.length} bytes came of ${expected.length}.`,
  );
  let at = 0;
  while (at < is.length && is[at] === expected[at]) at++;
  expect(
    at === is.length,
    `${what}: byte ${at} of ${is.length} is not as it left.`,
  );
}

/** Waits for promises, but not for ever. */
export class Patience {
  readonly #most: number;

  /** @param most How long, in milliseconds. */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * What a promise gives.
   *
   * @param what What is waited for, as "read() after close()".
   * @throws {WireError} `timeout` where it takes too long, which names it.
   */
  async for<T>(promise: Promise<T>, what: string): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () =>
        late.reject(
          new WireError(
            "timeout",
            `The transport: ${what} did not settle within ${this.#most} ms.`,
          ),
        ),
      this.#most,
    );
    try {
      return await Promise.race([promise, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What a promise rejects with; undefined where it does not. */
  async failure(promise: Promise<unknown>, what: string): Promise<unknown> {
    try {
      await this.for(promise, what);
      return undefined;
    } catch (error) {
      if (error instanceof WireError && error.code === "timeout") throw error;
      return error;
    }
  }

  /** Whether a promise stays pending while so many milliseconds pass. */
  async isPending(
    promise: Promise<unknown>,
    milliseconds: number,
  ): Promise<boolean> {
    let settled = false;
    const note = () => void (settled = true);
    promise.then(note, note);
    await pause(milliseconds);
    return !settled;
  }
}

/** Lets time pass, and the event loop turn. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Has the error of a case say which case. */
export function inCase(name: string, error: unknown): WireError {
  const code = error instanceof WireError ? error.code : "invalidArgument";
  return new WireError(code, `${name}: ${errorMessage(error)}`, {
    cause: error,
  });
}
