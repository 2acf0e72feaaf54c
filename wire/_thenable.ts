/**
 * What `await` would wait for.
 *
 * @module
 */

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
