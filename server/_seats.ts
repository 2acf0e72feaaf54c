/**
 * Seats of a server that are kept for long, shared out among networks. Where
 * none is left, who does nothing has to give up its own.
 *
 * @module
 */

/** After a look that found nobody, the next one takes place so much later. */
const LOOK = 100;

/** How many seats there are, and who has to give one up. */
export interface SeatsOptions<T> {
  /** How many there are. */
  readonly most: number;
  /** How many of them one network may have. */
  readonly perNetwork: number;
  /** How long one has done nothing when it has to go, in milliseconds. */
  readonly yieldAfter: number;
  /**
   * A number that changes with all that one does; undefined where it waits for
   * something, so that it has to stay.
   */
  readonly activity: (one: T) => number | undefined;
  /** Ends one that did nothing for so many milliseconds. */
  readonly end: (one: T, idle: number) => void;
}

/** Of what there is too little. */
export type Shortage = "all" | "network";

interface Seat {
  readonly network: string;
  /** What its activity was, and since when at the least. */
  activity: number | undefined;
  since: number;
}

/** Who has a seat. */
export class Seats<T> {
  readonly #options: SeatsOptions<T>;
  readonly #seats = new Map<T, Seat>();
  readonly #networks = new Map<string, number>();
  /** When to look for somebody who does nothing again; by network. */
  readonly #lookAt = new Map<string | undefined, number>();

  /** @param options How many there are. */
  constructor(options: SeatsOptions<T>) {
    this.#options = options;
  }

  /** How many are taken. */
  get size(): number {
    return this.#seats.size;
  }

  /**
   * What a network lacks for one seat more; undefined if there is one.
   *
   * @param network The network.
   */
  shortage(network: string): Shortage | undefined {
    if (this.#seats.size >= this.#options.most) return "all";
    return this.#isFull(network) ? "network" : undefined;
  }

  /** Takes a seat, whether there is one or not. */
  take(one: T, network: string): void {
    this.#seats.set(one, {
      network,
      activity: this.#options.activity(one),
      since: performance.now(),
    });
    this.#networks.set(network, this.#countOf(network) + 1);
  }

  /** Counts from now on what one does. */
  refresh(one: T): void {
    const seat = this.#seats.get(one);
    if (seat === undefined) return;
    seat.activity = this.#options.activity(one);
    seat.since = performance.now();
  }

  /** Frees a seat; false for one that has none. */
  leave(one: T): boolean {
    const seat = this.#seats.get(one);
    if (seat === undefined) return false;
    this.#seats.delete(one);
    const { network } = seat;
    const left = this.#countOf(network) - 1;
    if (left === 0) this.#networks.delete(network);
    else this.#networks.set(network, left);
    return true;
  }

  /**
   * Has somebody give up a seat for one of a network: who has done nothing for
   * longest, of the network that has the most seats.
   *
   * @param network Who needs it.
   * @returns Whether there is a seat now.
   */
  makeRoom(network: string): boolean {
    if (this.shortage(network) === undefined) return true;
    const scope = this.#isFull(network) ? network : undefined;
    const now = performance.now();
    if (now < (this.#lookAt.get(scope) ?? -Infinity)) return false;
    this.#lookAt.delete(scope);
    if (!this.#endIdle(scope, this.#countOf(network), now)) {
      if (this.#lookAt.size > this.#networks.size) this.#lookAt.clear();
      this.#lookAt.set(scope, now + LOOK);
      return false;
    }
    return this.shortage(network) === undefined;
  }

  /**
   * Ends some that have done nothing for long enough, of the networks that have
   * the most seats, for the process has no room.
   *
   * @param count How many at most.
   */
  shed(count: number): void {
    const now = performance.now();
    while (count > 0 && this.#endIdle(undefined, 0, now)) count--;
  }

  /** Ends who has done nothing for longest; false if all have done something. */
  #endIdle(scope: string | undefined, fewest: number, now: number): boolean {
    const idle = this.#idleOne(scope, fewest, now);
    if (idle === undefined) return false;
    const { since } = this.#seats.get(idle)!;
    this.leave(idle);
    this.#options.end(idle, now - since);
    return true;
  }

  #isFull(network: string): boolean {
    return this.#countOf(network) >= this.#options.perNetwork;
  }

  #countOf(network: string): number {
    return this.#networks.get(network) ?? 0;
  }

  /** Who may have to go: of one network, or of those with enough seats. */
  #idleOne(
    scope: string | undefined,
    fewest: number,
    now: number,
  ): T | undefined {
    let found: { one: T; since: number; count: number } | undefined;
    for (const [one, seat] of this.#seats) {
      if (scope !== undefined && seat.network !== scope) continue;
      if (!this.#isIdle(one, seat, now)) continue;
      const { since } = seat;
      const count = this.#countOf(seat.network);
      if (count < fewest || count < (found?.count ?? 0)) continue;
      const isOlder = count > (found?.count ?? 0) || since < found!.since;
      if (isOlder) found = { one, since, count };
    }
    return found?.one;
  }

  #isIdle(one: T, seat: Seat, now: number): boolean {
    const activity = this.#options.activity(one);
    if (activity === undefined || activity !== seat.activity) {
      seat.activity = activity;
      seat.since = now;
    }
    return activity !== undefined &&
      now - seat.since >= this.#options.yieldAfter;
  }
}
