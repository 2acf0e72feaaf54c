/**
 * What the peer of a survivor serves, and what it calls.
 *
 * @module
 */

import type { CallContext, Wire } from "../../mod.ts";

/** What a survivor serves. */
export interface SurvivorFunctions {
  /** Runs until the test says that it is enough. */
  hold(): string;
}

/** What its peer serves. */
export interface PeerFunctions {
  /** Answers with what the caller's own `hold()` does. */
  engage(unused: () => void): string;
  /** Gives each item back. */
  mirror(items: AsyncIterable<string>): AsyncIterable<string>;
}

/** What its peer serves. */
export const PEER_FUNCTIONS = {
  async engage(this: CallContext, _kept: () => void): Promise<string> {
    const wire = this.wire as unknown as Wire<SurvivorFunctions>;
    return await wire.remoteValue.hold();
  },
  async *mirror(items: AsyncIterable<string>): AsyncGenerator<string> {
    yield* items;
  },
};
