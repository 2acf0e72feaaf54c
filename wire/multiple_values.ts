/**
 * Several values from one function, as Lisp functions return them.
 *
 * @module
 */

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
 * const [near, far] = wirePair<object, Arithmetic>();
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
