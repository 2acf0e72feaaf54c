/**
 * 256 calls under way on a wire over some medium, beside the medium itself. It
 * runs in Deno and in Node.
 *
 * @module
 */

import type { Traffic } from "../_raw.ts";
import type { Requests } from "./_exchange.ts";

/** So many calls are under way. */
export const UNDER_WAY = 256;

/** What is served at the other end of the wire. */
export const FUNCTIONS = { add: (a: number, b: number): number => a + b };

/** What is used of a wire. */
export interface MediumWire {
  /** What the other end serves. */
  readonly remoteValue: { add(a: number, b: number): Promise<number> };
  /** How much has passed. */
  stats(): { readonly bytesSent: number; readonly bytesReceived: number };
  /** Closes it. */
  close(): Promise<void>;
}

/** A wire over a medium, and the medium itself, to the same other end. */
export interface Ends {
  /** The wire. */
  readonly wire: MediumWire;
  /** The medium. */
  readonly raw: Requests;
}

/** Calls a second, of each round. */
export interface Compared {
  /** On the wire. */
  readonly wire: number[];
  /** As many as the medium carried the bytes of. */
  readonly raw: number[];
  /** How many bytes a call takes. */
  readonly bytes: Traffic;
}

/** Makes calls for some time; returns how many a second there were. */
async function call(
  { remoteValue }: MediumWire,
  seconds: number,
): Promise<number> {
  const start = performance.now();
  const end = start + seconds * 1_000;
  let made = 0;
  let isOver = false;
  const caller = async () => {
    while (!isOver) {
      await remoteValue.add(made, 1);
      if (++made % UNDER_WAY === 0) isOver = performance.now() > end;
    }
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, caller));
  return made / (performance.now() - start) * 1_000;
}

/** The same without a wire. */
async function exchange(raw: Requests, seconds: number): Promise<number> {
  const start = performance.now();
  let made = 0;
  let took = 0;
  do {
    await raw.exchange();
    made += UNDER_WAY;
    took = performance.now() - start;
  } while (took < seconds * 1_000);
  return made / took * 1_000;
}

/**
 * Measures both in turns.
 *
 * @param ends What to measure.
 * @param rounds How many rounds.
 * @param seconds How long each takes, for each of both.
 * @returns What was found.
 */
export async function compare(
  { wire, raw }: Ends,
  rounds: number,
  seconds: number,
): Promise<Compared> {
  await call(wire, seconds);
  const before = wire.stats();
  const calls = await call(wire, seconds) * seconds;
  const after = wire.stats();
  const each = (bytes: number) => Math.max(1, Math.round(bytes / calls));
  const bytes: Traffic = {
    sent: each(after.bytesSent - before.bytesSent),
    received: each(after.bytesReceived - before.bytesReceived),
  };
  await raw.open({
    sent: bytes.sent * UNDER_WAY,
    received: bytes.received * UNDER_WAY,
  });
  await exchange(raw, seconds);
  const found: Compared = { wire: [], raw: [], bytes };
  for (let round = 0; round < rounds; round++) {
    found.raw.push(await exchange(raw, seconds));
    found.wire.push(await call(wire, seconds));
  }
  return found;
}
