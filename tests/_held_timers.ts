/**
 * Timers that a test lets run out by hand, so that it neither waits for a time
 * limit nor has to be quicker than one.
 *
 * @module
 */

/** What is held of `setTimeout()`, until it is disposed of. */
export interface HeldTimers extends Disposable {
  /** How many are set just now. */
  readonly count: number;
  /** The oldest that is set; undefined if none is. */
  readonly oldest: number | undefined;
  /** Resolves when one is set. */
  readonly isSet: Promise<void>;
  /** Lets those run out that are set. */
  runOut(): void;
}

/**
 * Holds the timers of one delay in this thread; all others run as ever. The
 * delay should be one that nothing else has.
 *
 * @param delay The delay, in milliseconds.
 * @returns The timers.
 */
export function holdTimers(delay: number): HeldTimers {
  const { setTimeout, clearTimeout } = globalThis;
  const held = new Map<number, () => void>();
  let isSet = Promise.withResolvers<void>();
  let last = -1e9; // Deno's own are positive.
  globalThis.setTimeout = ((
    callback: (...args: unknown[]) => void,
    after?: number,
    ...args: unknown[]
  ) => {
    if (after !== delay) return setTimeout(callback, after, ...args);
    held.set(++last, () => callback(...args));
    isSet.resolve();
    return last;
  }) as typeof setTimeout;
  globalThis.clearTimeout = (id) => {
    if (held.delete(id as number)) {
      if (held.size === 0) isSet = Promise.withResolvers();
    } else clearTimeout(id);
  };
  return {
    get count() {
      return held.size;
    },
    get oldest() {
      return held.keys().next().value;
    },
    get isSet() {
      return isSet.promise;
    },
    runOut() {
      const callbacks = [...held.values()];
      held.clear();
      isSet = Promise.withResolvers();
      for (const callback of callbacks) callback();
    },
    [Symbol.dispose]() {
      Object.assign(globalThis, { setTimeout, clearTimeout });
    },
  };
}
