/**
 * Marks: numbers that have to be reached.
 *
 * @module
 */

/** A mark, and what was reached. */
export interface Mark {
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
 * A mark that has to be reached.
 *
 * @param what What is measured.
 * @param value What was measured.
 * @param limit The least that will do.
 * @param unit What it counts.
 * @returns The mark.
 */
export function atLeast(
  what: string,
  value: number,
  limit: number,
  unit = "×",
): Mark {
  const asked = `at least ${limit}${unit}`;
  return { what, asked, value, unit, met: value >= limit };
}

/**
 * A mark that must not be passed.
 *
 * @param what What is measured.
 * @param value What was measured.
 * @param limit The most that will do.
 * @param unit What it counts.
 * @returns The mark.
 */
export function atMost(
  what: string,
  value: number,
  limit: number,
  unit = "×",
): Mark {
  const asked = `at most ${limit}${unit}`;
  return { what, asked, value, unit, met: value <= limit };
}
