/**
 * A connection in memory that breaks after so many bytes of one direction.
 *
 * @module
 */

import { memoryTransports, type Transport } from "../../wire/mod.ts";

/** Where a connection breaks, and what has passed. */
export class Cut {
  /** How many bytes have passed, to the server and back. */
  readonly passed: [number, number] = [0, 0];
  /** The two ends: the client's, and the server's. */
  readonly ends: readonly [Transport, Transport];

  /**
   * @param at After how many bytes it breaks; Infinity for never.
   * @param of Of which direction: 0 is to the server.
   */
  constructor(at = Infinity, of: 0 | 1 = 0) {
    const [near, far] = memoryTransports();
    const cut = () => {
      near.close();
      far.close();
    };
    // Whoever reads sees each byte that passes, in either direction.
    const watch = (end: Transport, direction: 0 | 1): Transport => ({
      ...end,
      read: async () => {
        const chunk = await end.read();
        if (chunk === null) return null;
        const before = this.passed[direction];
        this.passed[direction] += chunk.length;
        if (direction !== of || before + chunk.length < at) return chunk;
        // The last bytes arrive, and nothing behind them.
        const last = chunk.slice(0, at - before);
        cut();
        return last.length > 0 ? last : null;
      },
    });
    this.ends = [watch(near, 1), watch(far, 0)];
  }
}
