/**
 * Connections whose peers have not said who they are yet. Few are dealt with at
 * a time, of each network fewer, and none for long; the others wait, and who
 * has said something goes before who has not.
 *
 * @module
 */

import { checkOptionKeys } from "../wire/base/checks.ts";
import { type Clock, TokenBucket } from "../wire/base/clock.ts";
import { Refusal, shown, WireError } from "../wire/base/errors.ts";
import type { PassingQuota } from "../wire/base/limits.ts";
import type { Middleware } from "../wire/rpc/middleware.ts";
import type { Wire } from "../wire/wire.ts";
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

/**
 * What one identity may use. Whatever is left out is not bounded. A call that
 * is beyond it fails with the code `limit`, and nothing else does.
 *
 * @example A call too many, and who hears of it
 * ```ts
 * import { connectToRemoteServer, createRequestServer } from "@remote/wire";
 *
 * const refused: unknown[] = [];
 * await using server = createRequestServer(0, {
 *   authenticate: ({ credential }) => credential,
 *   quotas: (name) => ({ callsPerSecond: name === "alice" ? 1_000 : 1 / 60 }),
 *   functions: { add: (a: number, b: number) => a + b },
 *   onAudit: ({ identity, reason }) => refused.push(identity, reason.code),
 * });
 * await using wire = await connectToRemoteServer("localhost", server.port, {
 *   credential: "bob",
 * });
 * if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * const error = await wire.remoteValue.add(1, 2).catch((e: unknown) => e);
 * if ((error as { code: string }).code !== "limit") throw error;
 * if (refused.join() !== "bob,limit") throw new Error();
 * ```
 */
export interface Quotas {
  /**
   * Whose quotas these are: all wires of the same account share them.
   *
   * @default {the identity, which has to be a text, a number or the like; the
   * address, or /64 of IPv6, where there is no `authenticate`}
   */
  account?: string | number | bigint | boolean | symbol | undefined;
  /** Calls a second, one-way calls included; so many may come at once. */
  callsPerSecond?: number | undefined;
  /** Calls that run, or wait for something, at a time. */
  callsAtOnce?: number | undefined;
  /**
   * Bytes a second, of all that comes and goes. They are counted when calls
   * begin and end. One larger than that passes where nothing is owed, and is
   * paid off in the seconds after it: calls that come before fail.
   */
  bytesPerSecond?: number | undefined;
  /**
   * Objects and functions that are held at a time by reference, those of the
   * client and those of the server. A call that brings one more fails, and so
   * does one whose result would.
   */
  references?: number | undefined;
  /** Streams that are open at a time, in both directions; as with references. */
  streams?: number | undefined;
  /**
   * Milliseconds of processor time a second that served functions take until
   * they return, or first wait for something: what they compute after that
   * cannot be told from what others do, and is not counted. A function that
   * takes longer is paid off in the seconds after it.
   */
  processorPerSecond?: number | undefined;
}

const KEYS: Readonly<Record<keyof Quotas, true>> = {
  account: true,
  callsPerSecond: true,
  callsAtOnce: true,
  bytesPerSecond: true,
  references: true,
  streams: true,
  processorPerSecond: true,
};

/** How many accounts are remembered that have no wire. */
const MOST_ACCOUNTS = 10_000;

/** What quotas are kept with. */
export interface QuotaOptions {
  /** The same for everybody, or what each has. */
  readonly quotas: Quotas | ((identity: unknown) => Quotas);
  /** Whether there is anybody who says who clients are. */
  readonly hasIdentities: boolean;
  readonly clock: Clock;
  /** Told of each call that is refused; of its name, where that is known. */
  readonly onRefused: (
    wire: Wire,
    reason: WireError,
    functionName?: string,
  ) => void;
}

/** Keeps the quotas of one server. */
export class QuotaKeeper {
  /** Refuses calls; the outermost middleware. */
  readonly admit: Middleware<Wire>;
  /** Measures functions; the innermost middleware. */
  readonly measure: Middleware<Wire>;
  readonly #options: QuotaOptions;
  /** By what counts together, those first that have been unused for longest. */
  readonly #accounts = new Map<unknown, Account>();
  readonly #wires = new Map<Wire, Account>();

  /**
   * @param options What to keep them with.
   * @throws {WireError} `invalidArgument` for what can be no quotas.
   */
  constructor(options: QuotaOptions) {
    const { quotas, onRefused, clock } = options;
    this.#options = options;
    if (typeof quotas !== "function") checkQuotas(quotas);
    this.admit = async ({ wire, name }, next) => {
      const account = this.#wires.get(wire);
      if (account === undefined) {
        throw new Refusal("limit", "The wire is gone.");
      }
      const refusal = account.begin(wire);
      if (refusal !== undefined) {
        onRefused(wire, refusal, name);
        throw refusal;
      }
      try {
        return await next();
      } finally {
        account.end(wire);
      }
    };
    this.measure = ({ wire }, next) => {
      const before = clock.now();
      const result = next();
      this.#wires.get(wire)?.worked(clock.now() - before);
      return result;
    };
  }

  /** Bounds references and streams of a wire, once that has entered. */
  passing(): Passing {
    return new Passing(this.#options.onRefused);
  }

  /**
   * A wire is about to be accepted.
   *
   * @param wire The wire, whose identity is known.
   * @param network Its address, as far as that counts.
   * @param passing What was made for it.
   * @throws {WireError} `invalidArgument` for what can be no quotas.
   */
  enter(wire: Wire, network: string, passing: Passing): void {
    const { quotas, hasIdentities, clock } = this.#options;
    const { identity } = wire;
    const own = typeof quotas === "function" ? quotas(identity) : quotas;
    checkQuotas(own);
    const key = own.account ?? (hasIdentities ? identity : network);
    if (typeof key === "object" || typeof key === "function") {
      throw new WireError(
        "invalidArgument",
        "The identity is an object, and so does not tell which wires share their quotas. Give an account with them: quotas: ({ name }) => ({ account: name, callsPerSecond: 100 }). The client was refused.",
      );
    }
    const account = this.#accounts.get(key) ?? new Account(clock);
    this.#accounts.delete(key);
    this.#accounts.set(key, account);
    account.enter(wire, own);
    this.#wires.set(wire, account);
    passing.enter(wire, account);
    if (this.#accounts.size > MOST_ACCOUNTS) this.#forgetOne();
  }

  /** A wire has ended. Its account keeps what it has used. */
  leave(wire: Wire): void {
    this.#wires.get(wire)?.leave(wire);
    this.#wires.delete(wire);
  }

  #forgetOne(): void {
    for (const [key, account] of this.#accounts) {
      if (!account.isUnused) continue;
      this.#accounts.delete(key);
      return;
    }
  }
}

/** What is used of an account. */
class Account {
  readonly #clock: Clock;
  /** How many bytes of each of its wires were counted. */
  readonly #wires = new Map<Wire, number>();
  readonly #buckets: Partial<Record<keyof Quotas, Bucket>> = {};
  #quotas: Quotas = {};
  #running = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isUnused(): boolean {
    return this.#wires.size === 0 && this.#running === 0;
  }

  /** A wire is one of its; the quotas that came last hold for all. */
  enter(wire: Wire, quotas: Quotas): void {
    this.#quotas = quotas;
    this.#wires.set(wire, 0);
  }

  leave(wire: Wire): void {
    this.#countBytes(wire);
    this.#wires.delete(wire);
  }

  /** A call came: why it is refused; undefined if it begins. */
  begin(wire: Wire): Refusal | undefined {
    const { callsAtOnce = Infinity } = this.#quotas;
    const owing = this.#owing("bytesPerSecond", "bytes") ??
      this.#owing("processorPerSecond", "milliseconds of processor time");
    // Its own bytes are among those that came, and do not stand in its way.
    this.#countBytes(wire);
    if (owing !== undefined) return owing;
    if (this.#running >= callsAtOnce) {
      return new Refusal(
        "limit",
        `At most ${callsAtOnce} calls may be under way (the quota "callsAtOnce"). Wait until one of them is answered.`,
      );
    }
    const refusal = this.#owing("callsPerSecond", "calls");
    if (refusal !== undefined) return refusal;
    this.#bucket("callsPerSecond")?.spend(1);
    this.#running++;
    return undefined;
  }

  /** A call that began is over. */
  end(wire: Wire): void {
    this.#running--;
    if (this.#wires.has(wire)) this.#countBytes(wire);
  }

  /** A function took so many milliseconds. */
  worked(time: number): void {
    this.#bucket("processorPerSecond")?.spend(time);
  }

  /** Why no more may pass by reference. */
  passing(
    what: "references" | "streams",
    more: number,
  ): WireError | undefined {
    const most = this.#quotas[what];
    if (most === undefined) return undefined;
    let count = more;
    for (const wire of this.#wires.keys()) {
      const stats = wire.stats();
      count += what === "references"
        ? stats.objectsExported + stats.objectsImported
        : stats.streamsReceiving + stats.streamsSending;
    }
    return count <= most ? undefined : new WireError(
      "limit",
      `At most ${most} ${what} may be held (the quota "${what}"). ${
        what === "references"
          ? "Dispose of those that are no longer needed"
          : "Let some of them end"
      } first.`,
    );
  }

  #countBytes(wire: Wire): void {
    const bucket = this.#bucket("bytesPerSecond");
    if (bucket === undefined) return;
    const { bytesReceived, bytesSent } = wire.stats();
    const bytes = bytesReceived + bytesSent;
    bucket.spend(bytes - this.#wires.get(wire)!);
    this.#wires.set(wire, bytes);
  }

  #owing(quota: RateQuota, what: string): Refusal | undefined {
    const wait = this.#bucket(quota)?.wait() ?? 0;
    return wait === 0 ? undefined : new Refusal(
      "limit",
      `${
        this.#quotas[quota]
      } ${what} a second are used up (the quota "${quota}"). Try again in ${wait} ms.`,
    );
  }

  #bucket(quota: RateQuota): TokenBucket | undefined {
    const rate = this.#quotas[quota];
    if (rate === undefined) return undefined;
    let bucket = this.#buckets[quota];
    if (bucket?.rate !== rate) {
      const tokens = new TokenBucket(this.#clock, Math.max(1, rate), rate);
      bucket = this.#buckets[quota] = { rate, tokens };
    }
    return bucket.tokens;
  }
}

/** What may be used in a second. */
type RateQuota = "callsPerSecond" | "bytesPerSecond" | "processorPerSecond";

interface Bucket {
  readonly rate: number;
  readonly tokens: TokenBucket;
}

/** Bounds references and streams of one wire, together with others of its account. */
export class Passing implements PassingQuota {
  readonly #onRefused: QuotaOptions["onRefused"];
  #wire: Wire | undefined;
  #account: Account | undefined;

  /** @param onRefused Told of each refusal. */
  constructor(onRefused: QuotaOptions["onRefused"]) {
    this.#onRefused = onRefused;
  }

  /** It is known whose wire it is. */
  enter(wire: Wire, account: Account): void {
    this.#wire = wire;
    this.#account = account;
  }

  /** Why no more may pass; undefined where they may. */
  refusal(
    what: "references" | "streams",
    more: number,
  ): WireError | undefined {
    const refusal = this.#account?.passing(what, more);
    if (refusal !== undefined) this.#onRefused(this.#wire!, refusal);
    return refusal;
  }
}

function checkQuotas(quotas: Quotas): void {
  checkOptionKeys(quotas, KEYS, "quotas");
  for (const [name, value] of Object.entries(quotas)) {
    if (value === undefined || name === "account") continue;
    if (typeof value === "number" && value > 0 && value < Infinity) continue;
    throw new WireError(
      "invalidArgument",
      `The quota "${name}" is a number above 0, not ${
        shown(value)
      }. Leave it out where nothing is to be bounded.`,
    );
  }
}
