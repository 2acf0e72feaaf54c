/**
 * Targets: bounds that measurements have to keep.
 *
 * @module
 */

/** A target, and what was measured. */
export interface Target {
  /** What is measured. */
  readonly what: string;
  /** What is asked. */
  readonly asked: string;
  /** What was measured. */
  readonly value: number;
  /** What it counts. */
  readonly unit: string;
  /** Whether that is enough. */
  readonly met: boolean;
  /** How many times as good it is as what is asked. */
  readonly reached: number;
}

/**
 * A target that has to be reached.
 *
 * @param what What is measured.
 * @param value What was measured.
 * @param limit The least that will do.
 * @param unit What it counts.
 * @returns The target.
 */
export function atLeast(
  what: string,
  value: number,
  limit: number,
  unit = "×",
): Target {
  const asked = `at least ${limit}${unit}`;
  const reached = value / limit;
  return { what, asked, value, unit, met: value >= limit, reached };
}

/**
 * A target that must not be exceeded.
 *
 * @param what What is measured.
 * @param value What was measured.
 * @param limit The most that will do.
 * @param unit What it counts.
 * @returns The target.
 */
export function atMost(
  what: string,
  value: number,
  limit: number,
  unit = "×",
): Target {
  const asked = `at most ${limit}${unit}`;
  const reached = limit / value;
  return { what, asked, value, unit, met: value <= limit, reached };
}
