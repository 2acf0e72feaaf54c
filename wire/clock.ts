/**
 * Where a wire takes its time from, so that tests can turn the hands.
 *
 * @module
 */

/** A clock with timers. */
export interface Clock {
  /** Milliseconds since some fixed moment; never runs backwards. */
  now(): number;
  /**
   * Calls a function once, later.
   *
   * @param callback What to call.
   * @param delay In how many milliseconds.
   * @returns What cancels it; cancelling twice does no harm.
   */
  after(delay: number, callback: () => void): () => void;
}

/** The platform's own clock. */
export const systemClock: Clock = {
  now: (): number => performance.now(),
  after: (delay: number, callback: () => void): () => void => {
    const timer = setTimeout(callback, delay);
    return () => clearTimeout(timer);
  },
};
