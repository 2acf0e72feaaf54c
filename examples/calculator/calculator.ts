/**
 * What the two programs agree on: an interface is enough.
 *
 * @module
 */

import type { Values } from "../../mod.ts";

/** The functions that the server serves. */
export interface Calculator {
  /** The sum. */
  add(a: number, b: number): number;
  /** Two values: the quotient, and what is left over. */
  divmod(a: number, b: number): Values<[number, number]>;
  /** Half of an even number; throws a `RangeError` for an odd one. */
  half(n: number): number;
  /** The answer, after as many milliseconds of thought. */
  think(milliseconds: number): number;
  /** Shows a text at the server. */
  show(text: string): void;
}
