/**
 * Connections that chop, delay and break what passes, as a seed has it.
 *
 * @module
 */

import { memoryTransports, type Transport } from "../../wire/mod.ts";

/** Numbers from 0 to below 1, always the same ones for a seed. */
export type Random = () => number;

/** Random numbers of a seed. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

/** A whole number below a limit. */
export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

/** Lets other microtasks run, some or many. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await undefined;
}

/** A connection with two ends, which can be broken. */
export interface Connection {
  readonly ends: [Transport, Transport];
  /** Breaks it at once. */
  cut(): void;
  /** How many bytes were written at both ends. */
  readonly bytes: number;
}

/**
 * A connection in memory whose writes take a random while and a random part of
 * what they are given.
 *
 * @param random Where chance comes from.
 * @param life After how many bytes it breaks.
 */
export function choppyConnection(random: Random, life = Infinity): Connection {
  const pair = memoryTransports();
  let bytes = 0;
  const cut = () => pair.forEach((end) => end.close());
  const ends = pair.map((end): Transport => ({
    address: end.address,
    local: true,
    read: () => end.read(),
    async write(chunk) {
      await turns(below(random, 12));
      const size = random() < 0.3
        ? chunk.length
        : 1 + below(random, Math.min(chunk.length, 3_000));
      const part = chunk.subarray(0, Math.min(size, Math.max(1, life - bytes)));
      bytes += part.length;
      const count = await end.write(part);
      if (bytes >= life) cut();
      return count;
    },
    closeWrite: () => end.closeWrite(),
    close: () => end.close(),
  })) as [Transport, Transport];
  return {
    ends,
    cut,
    get bytes() {
      return bytes;
    },
  };
}
