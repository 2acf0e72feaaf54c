/**
 * A module that another one exports whole, as a namespace.
 *
 * @module
 */

/** A function of it. */
export function half(x: number): number {
  return x / 2;
}

/** Is no function. */
export const most = 3;

/** Is no function to serve. */
export class Other {}

export default half;
