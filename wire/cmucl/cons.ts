/**
 * Lists and pairs. A proper list is an array here; a pair whose end is no list
 * is a {@linkcode Cons}.
 *
 * @module
 */

import { setBrand, WireError } from "../base/errors.ts";
import { nil } from "./symbols.ts";

/**
 * A dotted pair. `new Cons(1, 2)` is Lisp's `(1 . 2)`, and
 * `new Cons(1, new Cons(2, 3))` its `(1 2 . 3)`. Where the end is `nil` or an
 * array, the peer gets a proper list; from a peer that is always an array.
 *
 * @example
 * ```ts
 * import { makeWire, memoryTransports } from "@remote/wire";
 * import { cmucl, Cons } from "@remote/wire/cmucl";
 *
 * const [here, there] = memoryTransports();
 * const near = makeWire(here, { dialect: cmucl() });
 * const far = makeWire(there, { dialect: cmucl() });
 * far.serve({ "cl:rest": (pair: Cons) => pair.cdr });
 * if (await near.remoteValue["cl:rest"](new Cons(1, 2)) !== 2) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export class Cons {
  /** What Lisp's `car` gives. */
  readonly car: unknown;
  /** What Lisp's `cdr` gives. */
  readonly cdr: unknown;

  /**
   * Makes a pair.
   *
   * @param car The first half.
   * @param cdr The second half.
   */
  constructor(car: unknown, cdr: unknown) {
    this.car = car;
    this.cdr = cdr;
  }

  static readonly #brand = /* @__PURE__ */ setBrand(this, "Cons");
}

/**
 * What a peer sent, as a list: the empty list arrives as `nil`.
 *
 * @param value An array, or `nil`.
 * @returns The array, or an empty one.
 * @throws {WireError} `invalidArgument` for what is no list.
 *
 * @example
 * ```ts
 * import { listOf, nil } from "@remote/wire/cmucl";
 *
 * if (listOf(nil).length !== 0 || listOf([1]).length !== 1) throw new Error();
 * ```
 */
export function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (nil.equals(value)) return [];
  throw new WireError(
    "invalidArgument",
    "A proper list was expected: an array, or nil.",
  );
}

/** The value for a list of those items that ends in that. */
export function makeList(items: unknown[], end: unknown): unknown {
  if (end === nil) return items;
  if (Array.isArray(end)) return items.concat(end);
  let list = end;
  for (let index = items.length - 1; index >= 0; index--) {
    list = new Cons(items[index], list);
  }
  return list;
}
