/**
 * Values that may throw when they are looked at: revoked proxies, proxies with
 * traps of their own, objects with a getter `then`.
 *
 * @module
 */

import { errorMessage, Refusal, shortText, WireError } from "./errors.ts";

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

// What `await` would wait for.

/**
 * Whether something has a function `then`: a promise of this realm, of another
 * one, or of a library's own making.
 *
 * @param value Anything.
 * @returns True where `await` would call its `then`.
 * @throws Whatever a getter `then`, or a proxy, throws when it is looked at.
 */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== "object" && typeof value !== "function") return false;
  if (value === null) return false;
  return value instanceof Promise ||
    typeof (value as { then?: unknown }).then === "function";
}

// The bytes of typed arrays, views and buffers: those that are there, whatever
// an object's own properties, or its class, say in the place of the language's.

const array: object = Object.getPrototypeOf(Uint8Array.prototype);
const kindOf = getterOf<string | undefined>(array, Symbol.toStringTag);
const arrayBuffer = getterOf<ArrayBuffer>(array, "buffer");
const arrayOffset = getterOf<number>(array, "byteOffset");
const arrayCount = getterOf<number>(array, "byteLength");
const viewBuffer = getterOf<ArrayBuffer>(DataView.prototype, "buffer");
const viewOffset = getterOf<number>(DataView.prototype, "byteOffset");
const viewCount = getterOf<number>(DataView.prototype, "byteLength");
const bufferCount = getterOf<number>(ArrayBuffer.prototype, "byteLength");

function getterOf<T>(
  prototype: object,
  key: string | symbol,
): { call(value: object): T } {
  return Object.getOwnPropertyDescriptor(prototype, key)!.get!;
}

/** The kind of a view: a typed array's name, or `"DataView"`. */
export function viewKind(view: ArrayBufferView): string {
  return kindOf.call(view) ?? "DataView";
}

/**
 * How many bytes a typed array has.
 *
 * @param bytes One of any kind. One whose buffer is gone has none.
 */
export function byteCount(bytes: ArrayBufferView): number {
  return arrayCount.call(bytes);
}

/**
 * All bytes of a buffer or a view.
 *
 * @param value The buffer or the view.
 * @returns A view that follows no change of the buffer's length.
 * @throws {TypeError} For what only looks like one, or whose buffer is gone.
 */
export function rawBytes(
  value: ArrayBuffer | ArrayBufferView,
): Uint8Array<ArrayBuffer> {
  if (!ArrayBuffer.isView(value)) {
    return new Uint8Array(value, 0, bufferCount.call(value));
  }
  if (kindOf.call(value) === undefined) {
    return new Uint8Array(
      viewBuffer.call(value),
      viewOffset.call(value),
      viewCount.call(value),
    );
  }
  return new Uint8Array(
    arrayBuffer.call(value),
    arrayOffset.call(value),
    arrayCount.call(value),
  );
}
