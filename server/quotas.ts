/**
 * Quotas: what one identity may use of a server, over all of its wires.
 *
 * @module
 */

import { checkOptionKeys } from "../wire/base/checks.ts";
import { type Clock, TokenBucket } from "../wire/base/clock.ts";
import { Refusal, WireError } from "../wire/base/errors.ts";
import type { PassingQuota } from "../wire/base/limits.ts";
import { shown } from "../wire/base/shown.ts";
import type { Middleware } from "../wire/rpc/middleware.ts";
import type { Wire } from "../wire/wire.ts";

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
