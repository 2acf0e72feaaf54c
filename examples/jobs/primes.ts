/**
 * The work: counting primes, slowly enough to be watched.
 *
 * @module
 */

import type { Job, Step } from "./protocol.ts";

/** A job is told of so many times, and others have their turn. */
const STEPS = 20;

/**
 * Counts the primes of a range, by trying all divisors.
 *
 * @param job The range.
 * @param pause How long to rest after each step, in milliseconds.
 * @returns How far it has got, and the result at last.
 */
export async function* countPrimes(
  { from, to }: Job,
  pause: number,
): AsyncGenerator<Step> {
  let result = 0;
  const size = Math.max(1, Math.ceil((to - from) / STEPS));
  for (let at = from; at < to; at += size) {
    const end = Math.min(at + size, to);
    for (let n = at; n < end; n++) if (isPrime(n)) result++;
    await new Promise((resolve) => setTimeout(resolve, pause));
    yield { part: (end - from) / (to - from) };
  }
  yield { result };
}

function isPrime(n: number): boolean {
  if (n < 2) return false;
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return true;
}

/** Counts the primes below a number, in another way, to compare. */
export function primesBelow(most: number): number {
  const isComposite = new Uint8Array(most);
  let count = 0;
  for (let n = 2; n < most; n++) {
    if (isComposite[n] === 1) continue;
    count++;
    for (let multiple = n * n; multiple < most; multiple += n) {
      isComposite[multiple] = 1;
    }
  }
  return count;
}
