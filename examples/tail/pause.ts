/**
 * Waiting, but not for too long.
 *
 * @module
 */

/**
 * Waits.
 *
 * @param time How long, in milliseconds.
 * @param signal Ends waiting.
 * @returns A promise that resolves when the time is over, or the signal aborts.
 */
export function pause(time: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, time);
    signal.addEventListener("abort", end);
  });
}
