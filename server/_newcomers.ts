/**
 * Connections whose peers have not said who they are yet. Few are dealt with at
 * a time, of each network fewer, and none for long; the others wait, and who
 * has said something goes before who has not.
 *
 * @module
 */

import type { Arrival } from "./_arrival.ts";
import { Places } from "./_places.ts";

/** Between two looks at who waits, in milliseconds. */
const LOOK = 20;
/** The same where nobody holds a place that could be made free. */
const SLOW_LOOK = 250;
/** A look that comes so much later tells that the process was busy. */
const BUSY = 250;
/**
 * How many looks to take, since the process was busy, before somebody is ended:
 * what came in the meantime has been read by then.
 */
const LOOKS = 5;
/**
 * The least that patience shrinks to, in milliseconds. Who waited in the queue
 * has sent its first bytes by the time it is accepted.
 */
const LEAST = 30;
/** Whose bytes came gets as much more time: answers have a way to go. */
const BEGUN = 5;
/** How many may wait: as many as most systems keep in the queue of a socket. */
const MOST_WAITING = 4_096;

/** How many newcomers there may be, and what becomes of them. */
export interface NewcomersOptions<T> {
  /** How many are dealt with that are silent, and how many that are not. */
  readonly most: number;
  /** How many of them may be of one network. */
  readonly perNetwork: number;
  /**
   * How old one may become while others wait, in milliseconds. It shrinks while
   * one after the other has to be ended.
   */
  readonly patience: number;
  /** How long one may wait, in milliseconds. */
  readonly longestWait: number;
  /** Whether to look at what those say that wait. */
  readonly readsAhead: boolean;
  /** Whether one more of a network may begin, as far as the server goes. */
  readonly mayBegin: (network: string) => boolean;
  /** Begins; gives what is to be told of by `left()`. It does not throw. */
  readonly begin: (arrival: Arrival) => T | undefined;
  /** Whether anything has come from one that has begun. */
  readonly hasSpoken: (one: T) => boolean;
  /** Ends one that has begun, because others wait. */
  readonly end: (one: T) => void;
  /** Turns one away that waits. */
  readonly turnAway: (arrival: Arrival) => void;
}

/** The connections that have not said yet who they are. */
export class Newcomers<T> {
  readonly #options: NewcomersOptions<T>;
  /** Those that have sent nothing, and those that have. */
  readonly #silent: Places<T>;
  readonly #spoken: Places<T>;
  /** Those that have begun. */
  readonly #arrivals = new Map<T, Arrival>();
  #looks = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  /** @param options How many there may be, and what becomes of them. */
  constructor(options: NewcomersOptions<T>) {
    this.#options = options;
    const { mayBegin } = options;
    const spoken = this.#spoken = this.#places(LEAST * BEGUN, mayBegin);
    this.#silent = this.#places(
      LEAST,
      // When they begin to speak, there is to be room for them.
      (network) => spoken.hasPlace(network) && mayBegin(network),
    );
  }

  /** How many have begun. */
  get size(): number {
    return this.#arrivals.size;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#silent.waiting + this.#spoken.waiting;
  }

  /** A connection came: it begins, or waits. */
  enter(arrival: Arrival): void {
    if (this.#isOver) return arrival.close();
    const before = this.#silent.waiting;
    this.#silent.enter(arrival);
    if (this.#silent.waiting === before) return;
    if (this.#options.readsAhead) {
      arrival.onSpoken = () => this.#spoke(arrival);
      arrival.onGone = () => this.#gone(arrival);
      arrival.readAhead();
    }
    while (this.waiting > MOST_WAITING) {
      this.#turnAway(
        this.#silent.longestWaiting() ?? this.#spoken.longestWaiting()!,
      );
    }
    this.#watch();
  }

  /** One that has begun said who it is, or is gone. */
  left(one: T): void {
    const arrival = this.#arrivals.get(one);
    if (arrival === undefined) return;
    this.#arrivals.delete(one);
    const places = [this.#silent, this.#spoken];
    for (const place of places) place.delete(one, arrival.network);
    this.advance();
  }

  /** There may be room for who waits. */
  advance(): void {
    if (this.#isOver) return;
    const mayEnd = this.#looks >= LOOKS;
    // Who has something to say goes first.
    this.#spoken.advance(mayEnd);
    this.#silent.advance(mayEnd);
  }

  /** Those that have begun. */
  [Symbol.iterator](): IterableIterator<T> {
    return [...this.#arrivals.keys()].values();
  }

  /**
   * Makes room in the process: the silent ones go first, and of the network
   * that has the most.
   *
   * @param count How many at most.
   * @param isUrgent Whether the young go, too.
   * @returns How many went.
   */
  shed(count: number, isUrgent: boolean): number {
    const { patience } = this.#options;
    const before = isUrgent ? Infinity : performance.now() - patience;
    let ended = 0;
    for (const places of [this.#silent, this.#spoken]) {
      while (ended < count) {
        const arrival = places.longestWaiting();
        if (arrival === undefined || arrival.since >= before) break;
        this.#turnAway(arrival);
        ended++;
      }
      while (ended < count && places.endOldest(isUrgent)) ended++;
    }
    this.advance();
    return ended;
  }

  /** Nobody begins any more, and who waits is closed. */
  close(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const places of [this.#silent, this.#spoken]) {
      for (const arrival of places.waitingSince(Infinity)) {
        places.remove(arrival);
        arrival.close();
      }
    }
  }

  #places(least: number, mayBegin: (network: string) => boolean): Places<T> {
    const { most, perNetwork, patience, end } = this.#options;
    return new Places<T>({
      most,
      perNetwork,
      patience,
      least,
      mayBegin,
      begin: (arrival) => this.#begin(arrival),
      end: (one) => {
        this.#arrivals.delete(one);
        end(one);
      },
    });
  }

  #begin(arrival: Arrival): T | undefined {
    const one = this.#options.begin(arrival);
    if (one === undefined) return undefined;
    this.#arrivals.set(one, arrival);
    return one;
  }

  /** Sees which of those that have begun have sent something by now. */
  #listen(): void {
    const { hasSpoken } = this.#options;
    for (const one of [...this.#silent]) {
      if (!hasSpoken(one)) continue;
      const { network } = this.#arrivals.get(one)!;
      const since = this.#silent.delete(one, network)!;
      this.#spoken.adopt(one, network, since);
    }
  }

  /** One that waits sent its first bytes. */
  #spoke(arrival: Arrival): void {
    if (this.#silent.remove(arrival)) this.#spoken.enter(arrival);
  }

  /** One that waited is gone. */
  #gone(arrival: Arrival): void {
    if (this.#silent.remove(arrival)) arrival.close();
  }

  #turnAway(arrival: Arrival): void {
    if (!this.#silent.remove(arrival)) this.#spoken.remove(arrival);
    this.#options.turnAway(arrival);
  }

  /** Looks at those who wait, now and then, as long as there are any. */
  #watch(): void {
    if (this.#timer !== undefined) return;
    this.#looks = 0;
    this.#lookAfter(LOOK);
  }

  #lookAfter(delay: number): void {
    const dueAt = performance.now() + delay;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const now = performance.now();
      this.#looks = now - dueAt > BUSY ? 0 : this.#looks + 1;
      this.#look(now);
      if (this.#isOver || this.waiting === 0) return;
      this.#lookAfter(this.size > 0 ? LOOK : SLOW_LOOK);
    }, delay);
  }

  #look(now: number): void {
    this.#listen();
    this.advance();
    if (this.#looks < LOOKS) return;
    const before = now - this.#options.longestWait;
    for (const places of [this.#silent, this.#spoken]) {
      for (const arrival of places.waitingSince(before)) {
        this.#turnAway(arrival);
      }
    }
  }
}
