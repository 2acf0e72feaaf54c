/**
 * How long answers took, counted in buckets.
 *
 * @module
 */

/** Buckets in each tenfold of a latency, */
const FINE = 12;
/** … from so many milliseconds on, */
const LEAST = 0.01;
/** … in so many tenfolds: to 100 seconds. */
const TENFOLDS = 7;

/** A histogram of latencies, of fixed size. */
export class Latencies {
  /** How many there are. */
  count = 0;
  /** The largest, in milliseconds. */
  most = 0;
  /** How many are in each bucket. */
  readonly buckets: number[] = Array(FINE * TENFOLDS).fill(0);

  /** Counts one, in milliseconds. */
  add(latency: number): void {
    const place = Math.floor(Math.log10(latency / LEAST) * FINE);
    const last = this.buckets.length - 1;
    // The logarithm of 0 is no place.
    const index = place > 0 ? Math.min(last, place) : 0;
    this.buckets[index] = this.buckets[index]! + 1;
    this.count++;
    this.most = Math.max(this.most, latency);
  }

  /**
   * Below which latency a part of them is.
   *
   * @param part From 0 to 1.
   * @returns Milliseconds, within a tenth; 0 where there are none.
   */
  quantile(part: number): number {
    const wanted = part * this.count;
    let below = 0;
    for (const [index, count] of this.buckets.entries()) {
      if (count > 0 && below + count >= wanted) {
        const place = index + (wanted - below) / count;
        return Math.min(this.most, LEAST * 10 ** (place / FINE));
      }
      below += count;
    }
    return 0;
  }
}
