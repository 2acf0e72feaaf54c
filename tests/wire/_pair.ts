/**
 * Pairs of wires whose functions are of any type.
 *
 * @module
 */

import { type Wire, type WireOptions, wirePair } from "../../wire/mod.ts";

/** What an end is made with; its functions may be of any type. */
export type PairOptions = Omit<WireOptions, "functions"> & {
  functions?: object;
};

/**
 * Makes two ends.
 *
 * @param near What the first one is made with.
 * @param far What the second one is made with.
 * @returns The two.
 */
export function anyPair(
  near: PairOptions = {},
  far: PairOptions = {},
): [Wire, Wire] {
  return wirePair(near as WireOptions, far as WireOptions);
}
