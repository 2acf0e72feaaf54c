/**
 * Calls that are made while the arguments of another one are looked at.
 *
 * Where a function of a peer is a trap of a proxy, and that proxy is among the
 * trap's own arguments, looking at these calls the function again, which has
 * them looked at again, and so on: the stack would be full in a moment, and what
 * is thrown then would end the process.
 *
 * @module
 */

import { WireError } from "./errors.ts";

/** So many calls may be within one another. */
const DEEPEST = 3;

let depth = 0;

/**
 * The arguments of a call are going to be looked at.
 *
 * @param name The function's name.
 * @returns Why not; undefined when they may be. Then {@linkcode left} follows.
 */
export function entered(name: string): WireError | undefined {
  if (depth < DEEPEST) {
    depth++;
    return undefined;
  }
  return new WireError(
    "unsupportedValue",
    `The call of ${name} was not made: reading the arguments of other calls made it, nested ${DEEPEST} deep. Such an argument is a proxy whose trap, or an object whose getter, is a function of a peer.`,
  );
}

/** They have been looked at. */
export function left(): void {
  depth--;
}
