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
  readonly run: () => void;
}

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
  performance.now = () => now() + ahead;
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
    timers.set(id, { due: performance.now() + delay, run });
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
  const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
  return {
    async advance(time) {
      await turn();
      ahead += time;
      const due = [...timers].filter(([, { due }]) => due <= performance.now())
        .sort(([, one], [, other]) => one.due - other.due);
      for (const [id, timer] of due) {
        // One that ran before may have cleared it.
        if (timers.get(id) !== timer) continue;
        clearTimeout(id as number);
        timer.run();
      }
      await turn();
    },
  };
}
