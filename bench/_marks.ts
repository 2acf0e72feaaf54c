/**
 * The targets of what is measured beside the raw loop and other libraries. The
 * studies bring their own.
 *
 * @module
 */

import { atLeast, atMost, type Target } from "./_mark.ts";
import type { Measurement } from "./_measure.ts";
import { RAWS } from "./_runner.ts";

const WIRE = "wire";
/** The versions written by hand: the better one counts. */
const BY_HAND = ["msgpackr by hand", "msgpackr collected"];
/** Many calls under way must be so many times those of these libraries. */
const TIMES_LIBRARIES = 10;
const TIMES_BY_HAND = 4;
/** Sharing a write must make calls at least so many times as frequent. */
const SHARING = 5;

/** At least so much of what raw does, for each workload. */
const OF_RAW: readonly [workload: string, what: string, share: number][] = [
  ["many", "256 calls under way, of raw", 0.33],
  ["one-way", "one-way calls, of raw", 0.5],
  ["record", "1 KB record, of raw", 0.2],
  ["chunk-calls", "calls with 1 MiB, of raw", 0.5],
  ["chunk-messages", "messages of 1 MiB, of raw", 0.8],
  ["bytes-buffer", "a byte stream read into a buffer, of raw", 0.8],
  ["wires", "1,000 wires, of raw", 0.7],
];

/**
 * Compares what was measured with the targets. Without all that a target compares,
 * there is no such target.
 *
 * @param measurements What was measured.
 * @returns The targets.
 */
export function targets(measurements: readonly Measurement[]): Target[] {
  const of = (workload: string) =>
    measurements.filter((one) => one.workload === workload);
  const mine = (workload: string, higherIsBetter = true) =>
    of(workload).find((one) =>
      one.contestant === WIRE && one.higherIsBetter === higherIsBetter
    );
  const found: Target[] = [];
  const time = mine("one", false);
  if (time !== undefined) {
    found.push(atMost("one call at a time, p50, of raw", time.toRaw, 1.15));
  }
  for (const [workload, what, share] of OF_RAW) {
    const one = mine(workload);
    if (one !== undefined) found.push(atLeast(what, one.toRaw, share));
  }
  const many = mine("many");
  const others = of("many").filter(({ contestant }) =>
    ![...RAWS, WIRE, ...BY_HAND].includes(contestant)
  );
  for (const other of others) {
    const what = `256 calls under way, beside ${other.contestant}`;
    found.push(atLeast(what, many!.median / other.median, TIMES_LIBRARIES));
  }
  const byHand = of("record").filter((one) => BY_HAND.includes(one.contestant));
  if (byHand.length > 0) {
    const best = Math.max(...byHand.map(({ median }) => median));
    const what = "1 KB record, beside the better msgpackr by hand";
    found.push(atLeast(what, mine("record")!.median / best, TIMES_BY_HAND));
  }
  const one = mine("one");
  if (many !== undefined && one !== undefined) {
    const what = "256 calls under way, beside one at a time";
    found.push(atLeast(what, many.median / one.median, SHARING));
  }
  return found;
}
