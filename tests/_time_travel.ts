/**
 * Time that passes as fast as a test likes, for what takes it from the
 * platform's own clock: `performance.now()`, `setTimeout()` and
 * `AbortSignal.timeout()`.
 *
 * @module
 */

/** The hands of this thread's clock. */
export interface TimeTravel {
  /**
   * Lets time pass, runs the timers that are due, and lets others have a turn
   * of the event loop: before, too, for the time is not to be taken for work of
   * whoever asked for it.
   *
   * @param time In milliseconds. What is much more than 100 looks like a
   * process that was too busy to look at its clock.
   */
  advance(time: number): Promise<void>;
}

interface Timer {
  readonly due: number;
  /** Before that, by the real clock, it does not run. */
  readonly from: number;
  readonly run: () => void;
}

/**
 * How long a timer gives others that is set for these times, in milliseconds of
 * real time: a wire that ends has a second to say why, whose bytes pass other
 * threads and processes, and a busy machine runs these late.
 */
const REAL_TIME = 300;
const TAKES_REAL_TIME = { from: 500, to: 1_100 };
/** How often to look whether that is over, in milliseconds. */
const LOOK = 2;

/**
 * Takes the clock of this thread in hand, for as long as it lives. Time passes
 * by itself as well.
 *
 * @returns Its hands.
 */
export function takeTime(): TimeTravel {
  const { setTimeout, clearTimeout } = globalThis;
  const now = performance.now.bind(performance);
  const timers = new Map<unknown, Timer>();
  let ahead = 0;
  /** Since when it stands still; undefined while it passes. */
  let stands: number | undefined;
  performance.now = () => (stands ?? now()) + ahead;
  globalThis.setTimeout = ((
    callback: (...args: unknown[]) => void,
    delay = 0,
    ...args: unknown[]
  ) => {
    const run = () => {
      timers.delete(id);
      callback(...args);
    };
    const id: unknown = setTimeout(run, delay);
    const { from, to } = TAKES_REAL_TIME;
    const real = delay >= from && delay <= to ? REAL_TIME : 0;
    timers.set(id, { due: performance.now() + delay, from: now() + real, run });
    return id;
  }) as unknown as typeof setTimeout;
  globalThis.clearTimeout = (id) => {
    timers.delete(id);
    clearTimeout(id);
  };
  AbortSignal.timeout = (delay) => {
    const controller = new AbortController();
    const late = new DOMException("Signal timed out.", "TimeoutError");
    globalThis.setTimeout(() => controller.abort(late), delay);
    return controller.signal;
  };
  const turn = (delay = 0) =>
    new Promise((resolve) => setTimeout(resolve, delay));
  return {
    async advance(time) {
      await turn();
      ahead += time;
      const due = [...timers].filter(([, { due }]) => due <= performance.now())
        .sort(([, one], [, other]) => one.due - other.due);
      for (const [id, timer] of due) {
        stands = now();
        while (timers.get(id) === timer && now() < timer.from) await turn(LOOK);
        ahead -= now() - stands;
        stands = undefined;
        // Whoever set it may have cleared it.
        if (timers.get(id) !== timer) continue;
        clearTimeout(id as number);
        timer.run();
      }
      await turn();
    },
  };
}
