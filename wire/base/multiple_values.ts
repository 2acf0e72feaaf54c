/**
 * Several values from one function, as Lisp functions return them.
 *
 * @module
 */

import { isInstance, setBrand } from "./brand.ts";

/**
 * Several values; {@linkcode values} makes it. A caller that asks with
 * `remoteValues` gets all of them, one that asks with `remoteValue` the first.
 *
 * @typeParam T The types of the values, in order.
 */
export class Values<const T extends readonly unknown[]> {
  /** The values. */
  readonly list: T;

  /**
   * Use {@linkcode values}.
   *
   * @param list The values.
   */
  constructor(list: T) {
    this.list = list;
  }

  /** Tells the type checker these from any other object with a `list`. */
  get "~several"(): true {
    return true;
  }

  /**
   * Has `instanceof` know those that another copy of this module made, too.
   *
   * @param value Anything.
   * @returns Whether it is one.
   */
  static [Symbol.hasInstance](value: unknown): boolean {
    return isInstance(this, value);
  }

  static {
    setBrand(this, "Values");
  }
}

/** Asks whether this copy made something, and goes past `hasInstance`. */
const OwnValues = function () {} as unknown as typeof Values;
Object.defineProperty(OwnValues, "prototype", { value: Values.prototype });

/**
 * The values of what a function returned, where `values()` of this copy made
 * them. Every result is asked, so that the question has to be cheap. It never
 * throws.
 *
 * @param result What a function returned.
 * @returns The values; undefined where it returned something else.
 */
export function ownSeveral(result: unknown): unknown[] | undefined {
  try {
    return result instanceof OwnValues ? result.list as unknown[] : undefined;
  } catch {
    // Proxies may throw when they are looked at.
    return undefined;
  }
}

/**
 * The values of what a function returned, whichever copy made them.
 *
 * @param result What a function returned.
 * @returns The values; undefined where it returned something else.
 */
export function severalOf(result: unknown): unknown[] | undefined {
  return result instanceof Values ? result.list as unknown[] : undefined;
}

/**
 * Returns several values from a served function.
 *
 * @param list The values.
 * @returns What the function has to return.
 *
 * @example
 * ```ts
 * import { type Values, values, wirePair } from "@remote/wire";
 *
 * interface Arithmetic {
 *   divmod(a: number, b: number): Values<[number, number]>;
 * }
 * const [near, far] = wirePair<Arithmetic>();
 * far.serve({ divmod: (a, b) => values(Math.floor(a / b), a % b) });
 * const [quotient, rest] = await near.remoteValues.divmod(17, 5);
 * if (quotient !== 3 || rest !== 2) throw new Error();
 * if (await near.remoteValue.divmod(17, 5) !== 3) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export function values<T extends unknown[]>(...list: T): Values<T> {
  return new Values(list);
}
