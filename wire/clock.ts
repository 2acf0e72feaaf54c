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

/** For so long a time limit is only waited for by {@linkcode afterLimit}. */
const MOMENT = 100;

/**
 * Calls a function once, when a time limit has passed that is hardly ever
 * reached: most are cancelled within moments.
 *
 * The first timer of a program is dear: Deno loads the code of timers then,
 * which takes longer than to connect and to call. So the limit's first moment
 * is left to a signal that aborts by itself, which is cheap, and does not keep
 * the process alive once nobody listens to it any more.
 *
 * @param clock The clock. Any but the platform's is simply asked.
 * @param delay The limit, in milliseconds.
 * @param callback What to call.
 * @returns What cancels it; cancelling twice does no harm.
 */
export function afterLimit(
  clock: Clock,
  delay: number,
  callback: () => void,
): () => void {
  if (clock !== systemClock || delay < 2 * MOMENT) {
    return clock.after(delay, callback);
  }
  const moment = AbortSignal.timeout(MOMENT);
  const onMoment = () => stop = clock.after(delay - MOMENT, callback);
  let stop = () => moment.removeEventListener("abort", onMoment);
  moment.addEventListener("abort", onMoment, { once: true });
  return () => stop();
}
