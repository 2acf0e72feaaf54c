/**
 * The marks that every machine has to meet, whatever its speed.
 *
 * @module
 */

import type { Linearity } from "./_decoder_linear.ts";
import type { Measurement } from "./_measure.ts";

/** Sharing a write must make calls at least so many times as frequent. */
const SHARING = 5;
/** A byte in a large message may cost so much more than one in a small one. */
const FLATNESS = 3;

/** A mark, and what was reached. */
export interface Mark {
  /** What is asked. */
  readonly what: string;
  /** What was measured. */
  readonly value: number;
  /** Whether that is enough. */
  readonly met: boolean;
}

/**
 * Compares what was measured with the marks.
 *
 * @param measurements Calls; without both workloads that a mark compares,
 * there is no such mark.
 * @param linearities Decoding.
 * @returns The marks.
 */
export function marks(
  measurements: readonly Measurement[],
  linearities: readonly Linearity[],
): Mark[] {
  const perSecond = (workload: string) =>
    measurements.find((one) =>
      one.workload === workload && one.contestant === "wire" &&
      one.unit === "calls/s"
    )?.median;
  const found: Mark[] = [];
  const many = perSecond("many");
  const one = perSecond("one");
  if (many !== undefined && one !== undefined) {
    found.push({
      what: `256 calls under way beside one at a time: at least ${SHARING}×`,
      value: many / one,
      met: many / one >= SHARING,
    });
  }
  for (const { what, spread } of linearities) {
    found.push({
      what:
        `byte by byte, ${what}, slowest size beside fastest: at most ${FLATNESS}×`,
      value: spread,
      met: spread <= FLATNESS,
    });
  }
  return found;
}
