/**
 * What is told of the rounds of a measurement.
 *
 * @module
 */

/** The middle of some numbers, and how far they lie apart. */
export interface Summary {
  /** The middle one; of an even number, the mean of the middle two. */
  readonly median: number;
  /** The smallest. */
  readonly min: number;
  /** The largest. */
  readonly max: number;
}

/**
 * Sums up some numbers.
 *
 * @param numbers At least one number.
 * @returns Their median, minimum and maximum.
 */
export function summary(numbers: readonly number[]): Summary {
  const sorted = numbers.toSorted((a, b) => a - b);
  const { length } = sorted;
  return {
    median: (sorted[(length - 1) >> 1]! + sorted[length >> 1]!) / 2,
    min: sorted[0]!,
    max: sorted[length - 1]!,
  };
}
