/**
 * Virtual time: events happen in order, and nothing happens in between but
 * what they set off.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Clock } from "../../wire/base/clock.ts";

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  /** Whether it goes with the one before it, where both are of one moment. */
  readonly isJoined: boolean;
  isCancelled: boolean;
}

/**
 * So many events are more than any plan takes: something goes round in circles,
 * perhaps without any time passing.
 */
const MOST_EVENTS = 1_000_000;
/** After how many events somebody looks at everything. */
const LOOKS = 16;

/** A clock, and the loop that turns its hands from one event to the next. */
export class World implements Clock {
  #now = 0;
  #order = 0;
  /** A binary heap, the earliest event first. */
  readonly #events: Event[] = [];
  #live = 0;
  /** How many events have happened. */
  events = 0;
  /** How much virtual time each look at the clock takes, in milliseconds. */
  pace = 0;
  /** Called now and then, when nothing runs. */
  onLook: () => void = () => {};

  /** Virtual milliseconds. Where there is a pace, whoever asks has worked. */
  now(): number {
    return this.#now += this.pace;
  }

  /**
   * Has a function called at a moment of virtual time.
   *
   * @param isJoined Whether nothing else runs between it and one before it
   * that is joined, too, at the same moment.
   */
  after(delay: number, run: () => void, isJoined = false): () => void {
    if (delay === Infinity) return () => {};
    const event: Event = {
      at: this.#now + Math.max(0, delay),
      order: this.#order++,
      run,
      isJoined,
      isCancelled: false,
    };
    this.#push(event);
    this.#live++;
    return () => {
      if (event.isCancelled) return;
      event.isCancelled = true;
      this.#live--;
    };
  }

  /** Resolves at a moment of virtual time. */
  sleep(delay: number): Promise<void> {
    return new Promise((resolve) => this.after(delay, resolve));
  }

  /** How many events are still to come. */
  get pending(): number {
    return this.#live;
  }

  /**
   * Lets time pass until something is settled.
   *
   * @param until What is waited for.
   * @param patience How many virtual milliseconds that may take.
   * @returns Whether it was settled by then, and before things went round in
   * circles.
   */
  async run(until: Promise<unknown>, patience: number): Promise<boolean> {
    let isSettled = false;
    const settled = () => isSettled = true;
    until.then(settled, settled);
    const end = this.#now + patience;
    const most = this.events + MOST_EVENTS;
    await turn();
    while (!isSettled) {
      if (this.events > most) return false;
      const event = this.#pop();
      if (event === undefined || event.at > end) return false;
      this.#now = Math.max(this.#now, event.at);
      this.#happen(event);
      while (event.isJoined && this.#isNextJoined()) this.#happen(this.#pop()!);
      await turn();
      if (this.events % LOOKS === 0) this.onLook();
    }
    return true;
  }

  #happen(event: Event): void {
    // It is over, and can no longer be cancelled.
    event.isCancelled = true;
    this.#live--;
    this.events++;
    event.run();
  }

  #isNextJoined(): boolean {
    const next = this.#events[0];
    return next !== undefined && next.isJoined && !next.isCancelled &&
      next.at <= this.#now;
  }

  /** Lets so much time pass. */
  async pass(delay: number): Promise<void> {
    await this.run(this.sleep(delay), delay + 1);
  }

  #push(event: Event): void {
    const events = this.#events;
    let at = events.push(event) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(event, events[above]!)) break;
      events[at] = events[above]!;
      at = above;
    }
    events[at] = event;
  }

  #pop(): Event | undefined {
    for (;;) {
      const first = this.#takeFirst();
      if (first === undefined || !first.isCancelled) return first;
    }
  }

  #takeFirst(): Event | undefined {
    const events = this.#events;
    const first = events[0];
    const last = events.pop();
    if (first === undefined || last === undefined || events.length === 0) {
      return first;
    }
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= events.length) break;
      const right = below + 1;
      if (right < events.length && isBefore(events[right]!, events[below]!)) {
        below = right;
      }
      if (!isBefore(events[below]!, last)) break;
      events[at] = events[below]!;
      at = below;
    }
    events[at] = last;
    return first;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.at < other.at || one.at === other.at && one.order < other.order;
}

/** Lets all promises settle that need no time. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => resolve()));
}
