/**
 * Where a wire takes its time from, so that tests can turn the hands.
 *
 * @module
 */

import { WireError } from "./errors.ts";
import { shown } from "./shown.ts";

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
    let timer: ReturnType<typeof setTimeout>;
    const begin = (left: number) => {
      timer = left > LONGEST
        ? setTimeout(() => begin(left - LONGEST), LONGEST)
        : setTimeout(callback, left);
    };
    if (delay === Infinity) return () => {};
    begin(delay);
    return () => clearTimeout(timer);
  },
};

/** The longest time that a timer of the platform can wait, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/**
 * Checks a time that a program passed.
 *
 * @param time The time, in milliseconds. `Infinity` is for ever.
 * @param name What the message calls it, such as `"timeout"`.
 * @returns The time.
 * @throws {WireError} `invalidArgument` for what is no number above 0.
 */
export function checkTime(time: unknown, name: string): number {
  if (typeof time === "number" && time > 0) return time;
  throw new WireError(
    "invalidArgument",
    `${name} is a number of milliseconds above 0, or Infinity for no limit, and not ${
      shown(time)
    }.`,
  );
}

/** A time limit of so many milliseconds or more is mostly not reached. */
const LONG = 1_000;
/** The first moment of a long one, in milliseconds. */
const MOMENT = 100;

/**
 * Calls a function once, when a time limit has passed. Long ones of the
 * platform's clock may take a tenth of a second longer: they share timers, for
 * each wire has some.
 *
 * @param clock The clock. Any but the platform's own is simply asked.
 * @param delay The limit, in milliseconds.
 * @param callback What to call.
 * @returns What cancels it; cancelling twice does no harm.
 */
export function afterLimit(
  clock: Clock,
  delay: number,
  callback: () => void,
): () => void {
  if (delay === Infinity) return () => {};
  if (delay < LONG || clock !== systemClock) {
    return clock.after(delay, callback);
  }
  const tenth = Math.ceil((clock.now() + delay) / MOMENT);
  const batch = batches.get(tenth) ?? begin(tenth);
  batch.callbacks.add(callback);
  return () => {
    if (!batch.callbacks.delete(callback)) return;
    if (batch.callbacks.size === 0) end(tenth, batch);
  };
}

/** A timer that is so many milliseconds late tells that the process was busy. */
export const BUSY = 250;
/** A time limit is waited for in so many parts. */
const PARTS = 4;

/**
 * Calls a function once, when a peer, or the network, has had a time limit to
 * do something. Time in which this process was too busy to look counts for
 * little: what came meanwhile has not been read. So the limit is waited for in
 * parts, one after the other; and a timer that is late is set again, for timers
 * come before what is to be read.
 *
 * @param clock The clock.
 * @param delay The limit, in milliseconds.
 * @param callback What to call.
 * @returns What cancels it; cancelling twice does no harm.
 */
export function afterPatience(
  clock: Clock,
  delay: number,
  callback: () => void,
): () => void {
  // A part is as long as what shares its timer with others.
  const parts = delay < PARTS * LONG ? 1 : PARTS;
  const part = delay / parts;
  let left = parts;
  let stop: () => void;
  const begin = () => {
    const due = clock.now() + part;
    stop = afterLimit(clock, part, () => {
      const wasBusy = clock.now() - due > Math.min(BUSY, part);
      // A process that is always busy gives up one day, too.
      left -= wasBusy ? 0.5 : 1;
      if (left <= 0 && (!wasBusy || left <= -parts)) callback();
      else begin();
    });
  };
  begin();
  return () => stop();
}

/** The time limits that end in the same tenth of a second. */
interface Batch {
  readonly callbacks: Set<() => void>;
  stop: () => void;
}

const batches = new Map<number, Batch>();

function begin(tenth: number): Batch {
  const batch: Batch = { callbacks: new Set(), stop: () => {} };
  batches.set(tenth, batch);
  batch.stop = afterMoment(tenth * MOMENT - systemClock.now(), () => {
    end(tenth, batch);
    for (const callback of batch.callbacks) {
      batch.callbacks.delete(callback);
      try {
        callback();
      } catch (error) {
        // One wire's failure is not to stop the others' time.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  });
  return batch;
}

function end(tenth: number, batch: Batch): void {
  batch.stop();
  if (batches.get(tenth) === batch) batches.delete(tenth);
}

/**
 * Calls a function once, after more than a moment.
 *
 * The first timer of a program is dear: Deno loads the code of timers then,
 * which takes longer than to connect and to call. Most long limits end within
 * moments. So the first moment of one is left to a signal that aborts by
 * itself, which is cheap, and does not keep the process alive once nobody
 * listens to it any more.
 */
function afterMoment(delay: number, callback: () => void): () => void {
  let moment: AbortSignal | undefined = AbortSignal.timeout(MOMENT);
  let stop: (() => void) | undefined;
  const onMoment = () => {
    moment = undefined;
    stop = systemClock.after(delay - MOMENT, callback);
  };
  moment.addEventListener("abort", onMoment, { once: true });
  return () => {
    moment?.removeEventListener("abort", onMoment);
    moment = undefined;
    stop?.();
  };
}

// How often something may happen: a number of times at once, and after that so
// many times a second.

/** A bucket of tokens that fills itself. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #perSecond: number;
  #tokens: number;
  #filledAt: number;

  /**
   * @param clock Tells how much has flowed in.
   * @param most How many tokens it holds; it begins full.
   * @param perSecond How many flow in a second.
   */
  constructor(clock: Clock, most: number, perSecond: number) {
    this.#clock = clock;
    this.#most = this.#tokens = most;
    this.#perSecond = perSecond;
    this.#filledAt = clock.now();
  }

  /** Takes a token; false when there is none. */
  take(): boolean {
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Puts a token back. */
  giveBack(): void {
    this.#tokens = Math.min(this.#most, this.#tokens + 1);
  }

  /** How many milliseconds it takes until there is a token; 0 if there is. */
  wait(): number {
    this.#fill();
    return this.#tokens >= 1
      ? 0
      : Math.ceil((1 - this.#tokens) / this.#perSecond * 1000);
  }

  #fill(): void {
    const now = this.#clock.now();
    const inflow = (now - this.#filledAt) / 1000 * this.#perSecond;
    this.#tokens = Math.min(this.#most, this.#tokens + inflow);
    this.#filledAt = now;
  }
}
