/**
 * Makes the long time limits of this thread longer by far.
 *
 * A handshake of ten seconds is a broken network to a user, and to a test only
 * a machine that has much else to do. Tests of time limits turn the hands of a
 * clock of their own, hold timers, or set short limits: none waits for a long
 * one.
 *
 * @module
 */

/** From how many milliseconds on a time limit is a long one. */
const LONG = 4_000;
/** How many times as long it gets. */
const FACTOR = 50;
/** The longest time that a timer can wait, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

const { setTimeout } = globalThis;
globalThis.setTimeout = ((
  callback: (...args: unknown[]) => void,
  delay = 0,
  ...args: unknown[]
) => {
  const isLong = delay >= LONG && delay <= LONGEST;
  const longer = isLong ? Math.min(delay * FACTOR, LONGEST) : delay;
  return setTimeout(callback, longer, ...args);
}) as typeof setTimeout;
