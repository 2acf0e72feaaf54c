/**
 * Connections whose peers have not said who they are yet. Few are dealt with at
 * a time, of each network fewer, and none for long; the others wait, and who
 * has said something goes before who has not.
 *
 * @module
 */

import type { Arrival } from "./_admission.ts";

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

// Places for what is under way for a short time, shared out among networks:
// one that fills all that it may have keeps nobody else waiting.

/** How many places there are, and what becomes of who has one. */
interface PlacesOptions<T> {
  /** How many there are. */
  readonly most: number;
  /** How many of them one network may have. */
  readonly perNetwork: number;
  /**
   * How long a place may be kept while others wait, in milliseconds. It
   * shrinks while one after the other of a network has to go.
   */
  readonly patience: number;
  /** The least that it shrinks to. */
  readonly least: number;
  /** Whether one more of a network may begin, as far as the server goes. */
  readonly mayBegin: (network: string) => boolean;
  /** Begins; gives what takes a place now, if anything does. */
  readonly begin: (arrival: Arrival) => T | undefined;
  /** Ends one whose place another needs. */
  readonly end: (one: T) => void;
}

/** Those of one network. */
interface Network<T> {
  readonly name: string;
  /** Who has a place, and since when; the oldest first. */
  readonly begun: Map<T, number>;
  /** Who waits for one; the first first. */
  readonly waiting: Set<Arrival>;
  /** How long a place may be kept while others wait. */
  patience: number;
  /** How many had to go since patience was what it is, and when the last. */
  ended: number;
  endedAt: number;
}

/** Places, who has them, and who waits for one. */
class Places<T> {
  readonly #options: PlacesOptions<T>;
  readonly #networks = new Map<string, Network<T>>();
  /** How many places are taken; what a network has too many takes none. */
  #taken = 0;
  #waiting = 0;

  /** @param options How many there are. */
  constructor(options: PlacesOptions<T>) {
    this.#options = options;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Whether there is a place, for a network. */
  hasPlace(name: string): boolean {
    const { most, perNetwork } = this.#options;
    const begun = this.#networks.get(name)?.begun.size ?? 0;
    return begun < perNetwork && this.#taken < most;
  }

  /** Somebody came: begins at once where there is room, and nobody waits. */
  enter(arrival: Arrival): void {
    const network = this.#network(arrival.network);
    const mayBegin = network.waiting.size === 0 &&
      this.hasPlace(network.name) && this.#options.mayBegin(network.name);
    if (mayBegin) return this.#begin(network, arrival);
    network.waiting.add(arrival);
    this.#waiting++;
  }

  /** Somebody waits no more; false if it did not. */
  remove(arrival: Arrival): boolean {
    const network = this.#networks.get(arrival.network);
    if (network?.waiting.delete(arrival) !== true) return false;
    this.#waiting--;
    this.#forget(network);
    return true;
  }

  /** Gives a place to who has begun already, whether there is room or not. */
  adopt(one: T, name: string, since: number): void {
    const { begun } = this.#network(name);
    begun.set(one, since);
    if (begun.size <= this.#options.perNetwork) this.#taken++;
  }

  /** One needs its place no more; gives since when it had it. */
  delete(one: T, name: string): number | undefined {
    const network = this.#networks.get(name);
    const since = network?.begun.get(one);
    if (network === undefined || since === undefined) return undefined;
    network.begun.delete(one);
    if (network.begun.size < this.#options.perNetwork) this.#taken--;
    this.#forget(network);
    return since;
  }

  /**
   * Begins with those who wait and for whom there is room: one of each network
   * in turn, those first that have the fewest places.
   *
   * @param mayEnd Whether who has kept a place for too long may have to go.
   */
  advance(mayEnd: boolean): void {
    for (let goesOn = this.#waiting > 0; goesOn;) {
      goesOn = false;
      const networks = [...this.#networks.values()]
        .filter(({ waiting }) => waiting.size > 0)
        .sort((one, other) => one.begun.size - other.begun.size);
      for (const network of networks) {
        const [first] = network.waiting;
        if (first === undefined || !this.#makeRoom(network, mayEnd)) continue;
        this.remove(first);
        this.#begin(network, first);
        goesOn = true;
      }
    }
  }

  /** Who has waited since before a moment. */
  *waitingSince(before: number): Iterable<Arrival> {
    for (const { waiting } of [...this.#networks.values()]) {
      for (const arrival of waiting) {
        if (arrival.since >= before) break;
        yield arrival;
      }
    }
  }

  /** Who has waited longest, of the network of which the most wait. */
  longestWaiting(): Arrival | undefined {
    const [arrival] = this.#largest(({ waiting }) => waiting.size)?.waiting ??
      [];
    return arrival;
  }

  /**
   * Ends the oldest of the network that has the most places.
   *
   * @param isUrgent Whether the young go, too.
   * @returns Whether there was one.
   */
  endOldest(isUrgent: boolean): boolean {
    const network = this.#largest(({ begun }) => begun.size);
    return network !== undefined && this.#endOldest(network, isUrgent);
  }

  /** Who has a place. */
  *[Symbol.iterator](): Iterator<T> {
    for (const { begun } of [...this.#networks.values()]) yield* begun.keys();
  }

  #network(name: string): Network<T> {
    let network = this.#networks.get(name);
    if (network === undefined) {
      const { patience } = this.#options;
      network = {
        name,
        begun: new Map(),
        waiting: new Set(),
        patience,
        ended: 0,
        endedAt: -Infinity,
      };
      this.#networks.set(name, network);
    }
    return network;
  }

  #forget({ name, begun, waiting }: Network<T>): void {
    if (begun.size + waiting.size === 0) this.#networks.delete(name);
  }

  #begin(network: Network<T>, arrival: Arrival): void {
    const one = this.#options.begin(arrival);
    if (one === undefined) return this.#forget(network);
    this.adopt(one, network.name, performance.now());
  }

  /** Whether there is room, perhaps because somebody else had to go. */
  #makeRoom(network: Network<T>, mayEnd: boolean): boolean {
    const { most, perNetwork, mayBegin } = this.#options;
    if (!mayBegin(network.name)) return false;
    if (network.begun.size >= perNetwork) {
      return mayEnd && this.#endOldest(network, false);
    }
    if (this.#taken < most) return true;
    const largest = this.#largest(({ begun }) => begun.size);
    return mayEnd && largest !== undefined && this.#endOldest(largest, false);
  }

  #endOldest(network: Network<T>, isUrgent: boolean): boolean {
    const { most, perNetwork, patience, least, end } = this.#options;
    const now = performance.now();
    // Only when nobody has had to go for a while are the times better.
    if (now - network.endedAt > patience) {
      network.patience = patience;
      network.ended = 0;
    }
    const [oldest] = network.begun;
    if (oldest === undefined) return false;
    const [one, since] = oldest;
    if (!isUrgent && since + network.patience > now) return false;
    this.delete(one, network.name);
    network.endedAt = now;
    end(one);
    // Whoever fills its places with silent ones has them for ever less time.
    if (++network.ended % Math.min(most, perNetwork) === 0) {
      network.patience = Math.max(
        network.patience / 2,
        Math.min(least, patience),
      );
    }
    return true;
  }

  #largest(size: (network: Network<T>) => number): Network<T> | undefined {
    let largest: Network<T> | undefined;
    let most = 0;
    for (const network of this.#networks.values()) {
      if (size(network) <= most) continue;
      largest = network;
      most = size(network);
    }
    return largest;
  }
}
