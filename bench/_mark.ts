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
  return { what, asked, value, unit, met: value >= limit };
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
  return { what, asked, value, unit, met: value <= limit };
}
