/**
 * Slices of time: what is compared takes turns often, so that a machine whose
 * speed drifts slows all of it alike.
 *
 * @module
 */

import { summary } from "../_statistics.ts";

/**
 * Repeats an operation for some time.
 *
 * @param seconds For how long, about; once at the least.
 * @param operation The operation.
 * @returns Seconds that one took, on average.
 */
export async function slice(
  seconds: number,
  operation: () => Promise<unknown>,
): Promise<number> {
  const start = performance.now();
  let took = 0;
  let count = 0;
  do {
    await operation();
    count++;
    took = (performance.now() - start) / 1_000;
  } while (took < seconds);
  return took / count;
}

/**
 * The median of the quotients of two rows of numbers, pair by pair.
 *
 * @param above The dividends.
 * @param below The divisors.
 * @returns The median.
 */
export function ratio(
  above: readonly number[],
  below: readonly number[],
): number {
  return summary(above.map((one, at) => one / below[at]!)).median;
}
