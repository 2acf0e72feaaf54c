/**
 * Counts the timers of a thread that are set, so that a test can tell whether
 * one was left behind.
 *
 * @module
 */

/** How many timers are set just now. */
export interface LiveTimers {
  readonly count: number;
}

/**
 * Counts what `setTimeout()` sets from now on, for as long as the thread lives.
 *
 * @returns The count.
 */
export function countTimers(): LiveTimers {
  const { setTimeout, clearTimeout } = globalThis;
  const live = new Set<unknown>();
  globalThis.setTimeout = ((
    callback: (...args: unknown[]) => void,
    delay?: number,
    ...args: unknown[]
  ) => {
    const id = setTimeout(() => {
      live.delete(id);
      callback(...args);
    }, delay);
    live.add(id);
    return id;
  }) as unknown as typeof setTimeout;
  globalThis.clearTimeout = (id) => {
    live.delete(id);
    clearTimeout(id);
  };
  return {
    get count() {
      return live.size;
    },
  };
}
