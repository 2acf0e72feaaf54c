/**
 * Two wires joined in memory.
 *
 * @module
 */

import type { AnyFunctions } from "./remote_types.ts";
import { memoryTransports } from "./transport.ts";
import { makeWire, type Wire, type WireOptions } from "./wire.ts";

/**
 * Makes two wires that are joined in memory. They run the whole protocol, need
 * no permission, and are what tests of functions to be served want.
 *
 * `wirePair<A, B>()` types what each end serves, and with it what the other one
 * calls: `wirePair<Calculator>()` gives a first end that serves a calculator,
 * and a second end that calls it.
 *
 * @typeParam A What the first end serves.
 * @typeParam B What the second end serves.
 * @param first Options of the first end.
 * @param second Options of the second end.
 * @returns The two ends.
 *
 * @example
 * ```ts
 * import { wirePair } from "@remote/wire";
 *
 * const [near, far] = wirePair();
 * near.serve({ name: () => "near" });
 * far.serve({ name: () => "far" });
 * if (await near.remoteValue.name() !== "far") throw new Error();
 * if (await far.remoteValue.name() !== "near") throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export function wirePair<
  A extends object = AnyFunctions,
  B extends object = AnyFunctions,
>(
  first: WireOptions<A, B> = {},
  second: WireOptions<B, A> = {},
): [Wire<B, A>, Wire<A, B>] {
  const [near, far] = memoryTransports();
  const one = makeWire<B, A>(near, first);
  try {
    return [one, makeWire<A, B>(far, second)];
  } catch (error) {
    // The other end's options were wrong: nobody gets this one.
    one.abort(error);
    far.close();
    throw error;
  }
}
