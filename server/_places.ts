/**
 * Places for what is under way for a short time, shared out among networks:
 * one that fills all that it may have keeps nobody else waiting.
 *
 * @module
 */

import type { Arrival } from "./_arrival.ts";

/** How many places there are, and what becomes of who has one. */
export interface PlacesOptions<T> {
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
export class Places<T> {
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
