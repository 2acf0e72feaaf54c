/**
 * Where a wire takes its time from, so that tests can set it, and how wires
 * share the event loop: each lets others have their turn.
 *
 * @module
 */

import { Queue } from "./collections.ts";
import { shown, WireError } from "./errors.ts";

/**
 * A clock with timers.
 *
 * @example A minute passes at once, in a test
 * ```ts
 * import { type Clock, WireError, wirePair } from "@remote/wire/wire";
 *
 * let now = 0;
 * const timers = new Set<{ at: number; callback: () => void }>();
 * const clock: Clock = {
 *   now: () => now,
 *   after(delay, callback) {
 *     const timer = { at: now + delay, callback };
 *     timers.add(timer);
 *     return () => void timers.delete(timer);
 *   },
 * };
 * function advance(milliseconds: number): void {
 *   now += milliseconds;
 *   for (const timer of [...timers]) {
 *     if (timer.at <= now && timers.delete(timer)) timer.callback();
 *   }
 * }
 * const [near, far] = wirePair({ clock });
 * far.serve({ think: () => new Promise(() => {}) });
 * await near.opened;
 * const call = near.with({ deadline: 60_000 }).remoteValue.think();
 * advance(60_000);
 * const error = await call.catch((e: unknown) => e);
 * if (!(error instanceof WireError) || error.code !== "deadline") throw error;
 * near.abort();
 * await far.closed;
 * ```
 */
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
  /**
   * Calls a function once, when everything else that waits has been looked at:
   * other timers, and what came for other sockets. Without it, `after(0)` is
   * taken for that.
   *
   * @param callback What to call.
   */
  afterTurn?(callback: () => void): void;
}

const ONE_BYTE = new Uint8Array(1);

/**
 * The platform's own clock.
 *
 * @example
 * ```ts
 * import { systemClock } from "@remote/wire/wire";
 *
 * const start = systemClock.now();
 * await new Promise<void>((resolve) => systemClock.after(1, resolve));
 * if (systemClock.now() < start) throw new Error();
 * const cancel = systemClock.after(60_000, () => console.log("too late"));
 * cancel();
 * ```
 */
export const systemClock: Clock = {
  now: (): number => performance.now(),
  after: (delay: number, callback: () => void): () => void =>
    afterTime(timers, delay, callback),
  // What runs by itself soon, a message or an immediate, keeps the loop from
  // looking at sockets; a timer takes a millisecond or two. The work of another
  // thread does neither.
  afterTurn: (callback: () => void): void => {
    const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
    if (subtle === undefined) setTimeout(callback, 0);
    else subtle.digest("SHA-256", ONE_BYTE).then(callback, callback);
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

/**
 * Calls a function once, after a time of any length. A clock of a program's own
 * may be made of the platform's timers, which take what is longer than they can
 * wait for no time at all.
 *
 * @param clock The clock.
 * @param time The time, in milliseconds. `Infinity` is for ever.
 * @param callback What to call.
 * @returns What cancels it; cancelling twice does no harm.
 */
export function afterTime(
  clock: Pick<Clock, "after">,
  time: number,
  callback: () => void,
): () => void {
  if (time === Infinity) return () => {};
  if (!(time > LONGEST)) return clock.after(time, callback);
  let stop = clock.after(LONGEST, () => {
    stop = afterTime(clock, time - LONGEST, callback);
  });
  return () => stop();
}

/** What may end something before it is done. */
export interface Patience {
  /** Milliseconds from now on. */
  readonly deadline?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Calls a function when a deadline passes, or another when a signal aborts.
 *
 * @param clock Tells when the deadline passes.
 * @param patience Both, as far as there are.
 * @param onDeadline Gets the deadline, in milliseconds.
 * @param onAbort Gets the reason. A signal that has aborted calls nothing.
 * @returns What stops that; more than once does no harm.
 */
export function whenGivenUp(
  clock: Pick<Clock, "after">,
  { deadline, signal }: Patience,
  onDeadline: (deadline: number) => void,
  onAbort: (reason: unknown) => void,
): () => void {
  const stopTimer = deadline === undefined
    ? undefined
    : afterTime(clock, deadline, () => onDeadline(deadline));
  const aborted = () => onAbort(signal!.reason);
  signal?.addEventListener("abort", aborted, { once: true });
  return () => {
    stopTimer?.();
    signal?.removeEventListener("abort", aborted);
  };
}

/** The platform's timers, which wait for no longer than they can. */
const timers: Pick<Clock, "after"> = {
  after(delay, callback) {
    const timer = setTimeout(callback, delay);
    return () => clearTimeout(timer);
  },
};

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
  const due = systemClock.now() + delay;
  let moment: AbortSignal | undefined = momentSignal();
  let stop: (() => void) | undefined;
  const onMoment = () => {
    moment = undefined;
    // Deno complains of a time that is negative.
    stop = systemClock.after(Math.max(0, due - systemClock.now()), callback);
  };
  moment.addEventListener("abort", onMoment, { once: true });
  return () => {
    moment?.removeEventListener("abort", onMoment);
    moment = undefined;
    stop?.();
  };
}

/** The last signal of a moment, and since when it runs. */
let latest:
  | { readonly signal: AbortSignal; readonly since: number }
  | undefined;

/** A signal that aborts in about a moment; many wires of that time share it. */
function momentSignal(): AbortSignal {
  const since = systemClock.now();
  if (latest === undefined || since - latest.since > MOMENT / 4) {
    latest = { signal: AbortSignal.timeout(MOMENT), since };
  }
  return latest.signal;
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

  /**
   * Takes tokens whether they are there or not. Those that were not are owed:
   * there is none before they have flowed in.
   *
   * @param count How many; parts of one count.
   */
  spend(count: number): void {
    this.#fill();
    this.#tokens -= count;
  }

  /** Puts a token back. */
  refund(): void {
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

// How long a wire may work before others have a turn: none starves the rest of
// its process, whatever its peer sends.
//
// What came for others is only seen when the event loop turns; and it does not
// turn as long as each read finds more bytes waiting. So a wire that has worked
// for a while stops, within what one read brought if need be, until the loop
// has turned. Its transport is not read meanwhile.

/** A wire works for so many milliseconds at a time, beside others. */
const SHARE = 0.5;
/** Where no other has had anything to do of late. */
const ALONE = 25;
/** Others count for so long after they had something to do. */
const LATELY = 1_000;
/** One step that takes longer is made up for by a pause as long as itself. */
const LONG_STEP = 2;
/** But by none that is longer. */
const LONGEST_PAUSE = 500;

/** How many messages are dealt with without a look at the clock: at most, */
const MOST_MESSAGES = 511;
/** and at first. */
const FIRST_MESSAGES = 15;
/** In milliseconds, it is looked so often, about. */
const LOOK = SHARE / 4;

/** What follows from messages leaves so much of the time for them, at least. */
const LEAST_PART = 1 / 8;

/** What comes later than after so many turns of promises was not there. */
const TICKS = 10;
/** Whether it was is found out after half the time, and after so long a wait. */
const LONG_WAIT = SHARE / 2;
/** But after one in which the loop has turned, not for so many long ones. */
const SURE = 3;

/** The event loop that some wires share: those whose time is the same. */
class EventLoop {
  readonly #clock: Clock;
  /** Those that wait for a turn: it is one's after the other. */
  readonly #waiting = new Queue<() => void>();
  /** Who worked last. */
  #last: object | undefined;
  /** When another than that worked. */
  #othersAt = -Infinity;
  #isTurning = false;

  /** @param clock Tells when the loop has turned. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One begins to work. */
  noteWork(worker: object, now: number): void {
    if (this.#last === worker) return;
    if (this.#last !== undefined) this.#othersAt = now;
    this.#last = worker;
  }

  /** One has come to its end. */
  forget(worker: object): void {
    if (this.#last === worker) this.#last = undefined;
  }

  /** Whether more than one has had something to do of late. */
  isShared(now: number): boolean {
    return now - this.#othersAt < LATELY;
  }

  /** Resolves when it has turned, and no other is in front. */
  turned(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (!this.#isTurning) this.#turn();
    });
  }

  #turn(): void {
    this.#isTurning = true;
    const turned = () => {
      const next = this.#waiting.shift();
      this.#isTurning = false;
      if (this.#waiting.size > 0) this.#turn();
      next?.();
    };
    const clock = this.#clock;
    if (clock.afterTurn === undefined) clock.after(0, turned);
    else clock.afterTurn(turned);
  }
}

const loops = new WeakMap<Clock, EventLoop>();

function loopOf(clock: Clock): EventLoop {
  let loop = loops.get(clock);
  if (loop === undefined) {
    loop = new EventLoop(clock);
    loops.set(clock, loop);
  }
  return loop;
}

/** Waiting for what comes next, and whether the loop turns meanwhile. */
class Wait {
  /** How long the last one took, in milliseconds. */
  time = 0;
  #begunAt = 0;
  #number = 0;
  #isCounted = false;
  #hasTurned = false;
  /** For how many long waits it is taken for granted that the loop turns. */
  #sure = 0;

  /**
   * Begins to wait. After a long wait it finds out if the loop turns.
   *
   * @param now The time.
   * @param isCounted Whether to find that out in any case.
   */
  begin(now: number, isCounted: boolean): void {
    this.#begunAt = now;
    const isLong = this.time > LONG_WAIT;
    if (isCounted || isLong && this.#sure === 0) this.#count();
    else if (isLong) this.#sure--;
  }

  async #count(): Promise<void> {
    const number = this.#number;
    this.#isCounted = true;
    for (let tick = 0; tick < TICKS; tick++) {
      await undefined;
      if (this.#number !== number) return;
    }
    this.#hasTurned = true;
  }

  /** Something came; whether the loop has turned, if that is known. */
  end(now: number): boolean | undefined {
    this.time = now - this.#begunAt;
    const hasTurned = this.#isCounted ? this.#hasTurned : undefined;
    if (hasTurned !== undefined) this.#sure = hasTurned ? SURE : 0;
    this.#hasTurned = this.#isCounted = false;
    this.#number++;
    return hasTurned;
  }
}

/** The time that one wire takes for what comes. */
export class Turn {
  /** Whether it waits until others have had their turn. */
  isPaused = false;

  readonly #clock: Clock;
  readonly #loop: EventLoop;
  readonly #isLocal: boolean;
  /** When it began to work. */
  #begunAt = 0;
  /** Milliseconds of work since the loop turned, as far as is known. */
  #worked = 0;
  #lookedAt = 0;
  /** How many messages are dealt with without a look, and until the next. */
  #stride = FIRST_MESSAGES;
  #left = FIRST_MESSAGES;
  #isUp = false;
  /** What of its time is not taken by what follows from the messages. */
  #part = 1;
  /** How long the longest step took that is to be made up for. */
  #owed = 0;
  readonly #wait = new Wait();
  #hasStopped = false;
  #stopWaiting: (() => void) | undefined;

  /**
   * @param clock Measures the work.
   * @param isLocal Whether the peer is in this process: then what comes is its
   * own work, and no pause is ever made.
   */
  constructor(clock: Clock, isLocal = false) {
    this.#clock = clock;
    this.#loop = loopOf(clock);
    this.#isLocal = isLocal;
  }

  /**
   * Something came, and is about to be dealt with.
   *
   * @param now The time.
   * @returns Whether to pause first.
   */
  begin(now: number): boolean {
    if (this.#isLocal) return false;
    this.#loop.noteWork(this, now);
    const wait = this.#wait;
    const hasTurned = wait.end(now);
    if (hasTurned === true) {
      this.#worked = this.#owed = 0;
    } else if (hasTurned === false) {
      // What ran meanwhile is mostly its own: functions, and what they answer.
      this.#worked += wait.time;
    }
    this.#begunAt = this.#lookedAt = now;
    // Mostly the loop has turned.
    this.#isUp = this.#worked > 0 && this.#worked > this.#budget(now);
    return this.#isUp;
  }

  /**
   * A message of it was dealt with.
   *
   * @returns Whether to pause now.
   */
  spend(): boolean {
    return --this.#left < 0 && this.#look();
  }

  #look(): boolean {
    if (this.#isUp) return true;
    if (this.#isLocal) {
      this.#left = MOST_MESSAGES;
      return false;
    }
    const now = this.#clock.now();
    const step = this.#step(now);
    this.#stride = step > LOOK
      ? this.#stride >> 2
      : Math.min(MOST_MESSAGES, this.#stride * 2 + 1);
    this.#isUp = this.#worked + now - this.#begunAt > this.#budget(now);
    this.#left = this.#isUp ? 0 : this.#stride;
    return this.#isUp;
  }

  /** How long it took since the last look. */
  #step(now: number): number {
    const step = now - this.#lookedAt;
    this.#lookedAt = now;
    if (step > LONG_STEP) this.#owed = Math.max(this.#owed, step);
    return step;
  }

  #budget(now: number): number {
    return this.#loop.isShared(now) ? SHARE * this.#part : ALONE;
  }

  /** All of it was dealt with; more is about to be asked for. */
  end(): void {
    if (this.#isLocal) return;
    const now = this.#clock.now();
    this.#step(now);
    this.#worked += now - this.#begunAt;
    this.#wait.begin(now, this.#worked > this.#budget(now) / 2);
  }

  /** Lets others have their turn; resolves when it is this one's again. */
  async pause(): Promise<void> {
    const clock = this.#clock;
    this.isPaused = true;
    const since = clock.now();
    const worked = this.#worked + since - this.#begunAt;
    for (let tick = 0; tick < TICKS; tick++) await undefined;
    // Asynchronous functions have gone on by now, and answers were written.
    const followed = clock.now() - since;
    const part = worked / (worked + followed);
    this.#part = part > LEAST_PART ? part : LEAST_PART;
    await this.#makeUp();
    await this.#loop.turned();
    this.#worked = this.#owed = 0;
    this.#left = this.#stride;
    this.isPaused = this.#isUp = false;
    this.#begunAt = this.#lookedAt = clock.now();
  }

  /** Gives others as much time as a long step took. */
  #makeUp(): Promise<void> | undefined {
    const owed = Math.min(this.#owed, LONGEST_PAUSE);
    const clock = this.#clock;
    if (owed === 0 || this.#hasStopped || !this.#loop.isShared(clock.now())) {
      return undefined;
    }
    return new Promise((resolve) => {
      const stopTimer = clock.after(owed, resolve);
      this.#stopWaiting = () => {
        stopTimer();
        resolve();
      };
    });
  }

  /** It comes to its end: a pause is over with the next turn of the loop. */
  stop(): void {
    this.#hasStopped = true;
    this.#loop.forget(this);
    this.#stopWaiting?.();
  }
}

/** So many lines are taken without a look at the clock. */
const LINES = 64;

/**
 * The same for a stream whose lines a program takes one by one. It may wait for
 * anything in between; so nothing has to be made up for.
 */
export class Breaks {
  readonly #clock: Clock;
  readonly #loop: EventLoop;
  #since: number;
  #left = LINES;

  /** @param clock Measures the time. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#loop = loopOf(clock);
    this.#since = clock.now();
  }

  /** A line was taken; whether to {@linkcode rest} first. */
  get isDue(): boolean {
    if (--this.#left > 0) return false;
    this.#left = LINES;
    const now = this.#clock.now();
    this.#loop.noteWork(this, now);
    return now - this.#since > (this.#loop.isShared(now) ? SHARE : ALONE);
  }

  /** Lets others have their turn. */
  async rest(): Promise<void> {
    await this.#loop.turned();
    this.#since = this.#clock.now();
  }
}
