/**
 * Every bound of a wire and of a server, in one place, and the accounts of the
 * memory that wires hold.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { shown, WireError } from "./errors.ts";
import { mayBeOptions, unknownName } from "./checks.ts";

/**
 * The bounds that keep one peer from harming another. Each side states its own
 * at the start of a wire, and its peer keeps to them. Sizes are in bytes,
 * times in milliseconds.
 *
 * @example A call over a limit fails alone
 * ```ts
 * import { WireError, type WireLimits, wirePair } from "@remote/wire";
 *
 * const limits: Partial<WireLimits> = { message: 10_000, frame: 10_000 };
 * const [near, far] = wirePair({}, { limits });
 * far.serve({ length: (text: string) => text.length });
 * const error = await near.remoteValue.length("x".repeat(20_000))
 *   .catch((e: unknown) => e);
 * if (!(error instanceof WireError) || error.code !== "limit") throw error;
 * if (await near.remoteValue.length("short") !== 5) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export interface WireLimits {
  /** The largest message, whole, in bytes. @default {4194304} */
  message: number;
  /** The largest frame; larger messages travel in pieces. @default {65600} */
  frame: number;
  /** The largest frame before the peer is accepted. @default {16384} */
  helloFrame: number;
  /** How deeply values may nest, at most 1,000. @default {64} */
  nesting: number;
  /** How many values one message may hold, at all depths. @default {262144} */
  values: number;
  /** The largest bigint, in bytes of its magnitude. @default {8192} */
  bigint: number;
  /** How many calls a wire serves at a time. @default {1000} */
  calls: number;
  /**
   * How many messages in pieces may be unfinished. Where that is 0, no message
   * may be larger than a frame. @default {8}
   */
  pieces: number;
  /**
   * Bytes of calls, of one-way calls and of messages (each counted by itself,
   * 64 bytes added for each; for calls, `message` bytes more) under way towards
   * this side. @default {4194304}
   */
  window: number;
  /** How many streams may come, and may be sent, at a time. @default {100} */
  streams: number;
  /**
   * Bytes of one stream under way towards this side, once its window has
   * grown; and the largest item. @default {262144}
   */
  streamWindow: number;
  /**
   * Bytes of memory that what came and is not dealt with may take, beyond its
   * own bytes, which `window` and `streamWindow` bound. What is over it fails
   * by itself. @default {134217728}
   */
  memory: number;
  /**
   * How many objects of the peer this side holds, and how many of its own it
   * keeps for the peer. @default {10000}
   */
  objects: number;
  /**
   * How many names of functions, and how many key sets, the peer may define at
   * a time, at most 1,024. @default {1024}
   */
  tableEntries: number;
  /** How many cancels may come at once. @default {1000} */
  cancels: number;
  /** How many cancels a second may come after that. @default {33} */
  cancelsPerSecond: number;
  /** Output waiting at which producers are paused. @default {4194304} */
  sendPause: number;
  /**
   * Output waiting, and calls and messages that wait (512 bytes added
   * for each), at which further ones, and answers, fail with `limit`. One
   * message, and `sendPause` bytes, may wait in any case. @default {67108864}
   */
  sendMost: number;
  /**
   * Output waiting at which a wire whose peer takes nothing for a second
   * ends. @default {16777216}
   */
  sendEnd: number;
  /** How long output may wait without progress. @default {10000} */
  stall: number;
  /** Silence after which the peer is pinged. @default {30000} */
  keepaliveIdle: number;
  /** Silence after that ping which ends the wire. @default {20000} */
  keepaliveDeath: number;
  /** How long a peer may take to say hello and accept. @default {10000} */
  hello: number;
  /** How long an unfinished frame may make no progress. @default {30000} */
  frameProgress: number;
  /** How long a graceful close may take. @default {10000} */
  close: number;
  /**
   * How many wires a server holds; further ones hear `busy`. @default {2000}
   */
  wires: number;
  /**
   * How many of them may be of one address; of one /64 where that is IPv6.
   *
   * @default {1000, or `wires` where only that is given}
   */
  wiresPerAddress: number;
  /**
   * How many connections of a server may be about to say hello, and how many
   * may be silent, at a time; others wait. @default {128}
   */
  wiresBeforeHello: number;
  /** How many of either may be of one address. @default {64} */
  handshakesPerAddress: number;
  /**
   * How long a wire has done nothing when it has to leave a server that has no
   * other place for a newcomer. @default {30000}
   */
  yieldAfter: number;
  /** How many wrong credentials an address has at once. @default {10} */
  attempts: number;
  /** After how long it has one more of these. @default {1000} */
  attemptEvery: number;
  /**
   * The same as `memory` for all wires of a server together. Beyond it, a wire
   * has its share: this, divided by `wires`. @default {536870912}
   */
  serverMemory: number;
  /**
   * Bytes of memory that all wires of a server may hold together: what came and
   * is not dealt with, what was made of it, output that waits, streams and
   * references. From three quarters of it on, wires that hold more than the
   * average are read slowly; beyond it the one that holds most ends, with
   * `busy`. While all others hold less than a quarter, its own limits are all
   * that bounds that one. @default {167772160}
   */
  serverTotal: number;
  /** CMUCL dialect: the longest string, in characters. @default {1048576} */
  cmuclString: number;
  /** CMUCL dialect: how many objects a peer may save. @default {4096} */
  cmuclCache: number;
  /** CMUCL dialect: the largest bignum, in words of 32 bits. @default {2048} */
  cmuclBignum: number;
}

/** The bounds that values have to keep. */
export type ValueLimits = Pick<WireLimits, "nesting" | "values" | "bigint">;

/**
 * The limits that hold where nothing else is said.
 *
 * @example Half of a default
 * ```ts
 * import { DEFAULT_LIMITS, wirePair } from "@remote/wire";
 *
 * const limits = { memory: DEFAULT_LIMITS.memory / 2 };
 * const [near, far] = wirePair({ limits }, { limits });
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export const DEFAULT_LIMITS: Readonly<WireLimits> = Object.freeze({
  message: 4 * 1024 * 1024,
  // 64 KiB of bytes, and what stands in front of them.
  frame: 64 * 1024 + 64,
  helloFrame: 16 * 1024,
  nesting: 64,
  values: 262_144,
  bigint: 8 * 1024,
  calls: 1_000,
  pieces: 8,
  window: 4 * 1024 * 1024,
  streams: 100,
  streamWindow: 256 * 1024,
  memory: 128 * 1024 * 1024,
  objects: 10_000,
  tableEntries: 1_024,
  cancels: 1_000,
  cancelsPerSecond: 33,
  sendPause: 4 * 1024 * 1024,
  sendMost: 64 * 1024 * 1024,
  sendEnd: 16 * 1024 * 1024,
  stall: 10_000,
  keepaliveIdle: 30_000,
  keepaliveDeath: 20_000,
  hello: 10_000,
  frameProgress: 30_000,
  close: 10_000,
  wires: 2_000,
  wiresPerAddress: 1_000,
  wiresBeforeHello: 128,
  handshakesPerAddress: 64,
  yieldAfter: 30_000,
  attempts: 10,
  attemptEvery: 1_000,
  serverMemory: 512 * 1024 * 1024,
  serverTotal: 160 * 1024 * 1024,
  cmuclString: 1024 * 1024,
  cmuclCache: 4_096,
  cmuclBignum: 2_048,
});

/** The smallest and largest value of a limit. */
interface LimitRange {
  readonly least: number;
  readonly most: number;
}

/** Those of the limits that have narrower ones. */
const RANGES: Partial<Record<keyof WireLimits, LimitRange>> = {
  message: { least: 4096, most: 1024 * 1024 * 1024 },
  frame: { least: 1024, most: 16 * 1024 * 1024 },
  helloFrame: { least: 4096, most: 16 * 1024 * 1024 },
  nesting: { least: 1, most: 1_000 },
  pieces: { least: 0, most: 2 ** 31 - 1 },
  streams: { least: 0, most: 2 ** 31 - 1 },
  objects: { least: 0, most: 2 ** 31 - 1 },
  tableEntries: { least: 0, most: 1_024 },
  memory: { least: 1024 * 1024, most: 2 ** 31 - 1 },
  serverMemory: { least: 1024 * 1024, most: 2 ** 31 - 1 },
  serverTotal: { least: 1024 * 1024, most: 2 ** 40 },
};

/** Those of every other limit: up to what a 32-bit timer can wait. */
const RANGE: LimitRange = { least: 1, most: 2 ** 31 - 1 };

/**
 * The range of a limit.
 *
 * @param name The limit.
 * @returns Its smallest and its largest value.
 */
export function limitRange(name: keyof WireLimits): LimitRange {
  return RANGES[name] ?? RANGE;
}

function isInRange(name: keyof WireLimits, value: unknown): value is number {
  const { least, most } = limitRange(name);
  return typeof value === "number" && Number.isInteger(value) &&
    value >= least && value <= most;
}

/** The sets that are complete, checked, and cannot change. */
const resolvedSets = new WeakSet<object>([DEFAULT_LIMITS]);

/**
 * Completes and checks a partial set of limits.
 *
 * @param limits The limits that differ from the default.
 * @returns All limits.
 * @throws {WireError} `invalidArgument`, naming the limit, when one is unknown
 * or outside its range.
 */
export function resolveLimits(
  limits: Partial<WireLimits> = DEFAULT_LIMITS,
): Readonly<WireLimits> {
  // The wires of a server share one set, and need not make another.
  if (resolvedSets.has(limits)) return limits as Readonly<WireLimits>;
  if (
    typeof limits !== "object" || limits === null || Array.isArray(limits) ||
    !mayBeOptions(limits, DEFAULT_LIMITS)
  ) {
    throw new WireError(
      "invalidArgument",
      `The option "limits" is an object, such as { calls: 10 }, and not ${
        shown(limits)
      }.`,
    );
  }
  const resolved: WireLimits = { ...DEFAULT_LIMITS };
  for (const name of Object.keys(limits)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
      throw unknownName("limit", name, Object.keys(DEFAULT_LIMITS));
    }
  }
  // Those of a class may not be its own.
  for (const key of Object.keys(DEFAULT_LIMITS) as (keyof WireLimits)[]) {
    const value: unknown = limits[key];
    if (value === undefined) continue;
    if (!isInRange(key, value)) {
      const { least, most } = limitRange(key);
      throw new WireError(
        "invalidArgument",
        `The limit "${key}" must be an integer from ${least} to ${most}, not ${
          shown(value)
        }.`,
      );
    }
    resolved[key] = value;
  }
  // Who counts on so many wires may have them all of one address: of a proxy.
  if (limits.wiresPerAddress === undefined && limits.wires !== undefined) {
    resolved.wiresPerAddress = resolved.wires;
  }
  resolvedSets.add(resolved);
  return Object.freeze(resolved);
}

// Accounts for the memory that decoded values take beyond what windows count
// for them. A window bounds bytes; what is made of these may be far more.

/**
 * What weighs up to so many times what it counts for in a window is light:
 * windows bound it well enough.
 */
const LIGHT = 4;
/** The least share of the memory of all wires that one may have. */
const LEAST_SHARE = 64 * 1024;

/** Whether a value is worth keeping as its bytes until somebody takes it. */
export function isHeavy(excess: number, cost: number): boolean {
  return excess > (LIGHT - 1) * cost;
}

/** What values may weigh in any case that count for so much. */
export function lightWeight(cost: number): number {
  return LIGHT * cost;
}

/** What values take in memory beyond what they count for in a window. */
export function excessOf(weight: number, cost: number): number {
  return Math.max(0, weight - cost);
}

/** What several wires hold together. */
export interface MemoryPool {
  /** How many bytes they hold. */
  held: number;
  /** How many they may hold. */
  readonly most: number;
  /** What one of them may hold even when they hold more. */
  readonly share: number;
}

/** What bounds references and streams of several wires together. */
export interface PassingQuota {
  /**
   * Why no more may pass, in either direction; undefined where they may.
   *
   * @param what Of what there may be too many.
   * @param more How many are about to pass, and are not counted yet.
   */
  refusal(what: "references" | "streams", more: number): WireError | undefined;
}

/** What all wires of one server hold together. */
export class SharedMemory implements MemoryPool {
  /** How many bytes they hold. */
  held = 0;
  /** How many they may hold. */
  readonly most: number;
  /** What one of them may hold even when they hold more. */
  readonly share: number;
  /** Counts all that they hold, not only values. */
  readonly account: Account | undefined;

  /**
   * @param most How many bytes they may hold.
   * @param wires How many there may be.
   * @param account Counts all that they hold.
   */
  constructor(most: number, wires: number, account?: Account) {
    this.most = most;
    this.share = Math.max(LEAST_SHARE, Math.floor(most / wires));
    this.account = account;
  }
}

/** What one wire holds. */
export class Memory {
  /** How many bytes are held. */
  held = 0;

  readonly #most: number;
  readonly #shared: MemoryPool | undefined;
  readonly #onGiven: (() => void) | undefined;
  #isOver = false;
  /** All that the wire holds, among others of its server. */
  #entry: AccountEntry | undefined;

  /**
   * @param most How many bytes the wire may hold.
   * @param shared What it holds together with others.
   * @param onGiven Called when something is held no more.
   */
  constructor(most: number, shared?: MemoryPool, onGiven?: () => void) {
    this.#most = most;
    this.#shared = shared;
    this.#onGiven = onGiven;
  }

  /**
   * How much the values of a message may weigh.
   *
   * @param cost What it counts for in its window.
   */
  room(cost: number): number {
    const shared = this.#shared;
    let left = this.#most - this.held;
    if (shared !== undefined) {
      const share = shared.share - this.held;
      const all = Math.min(
        shared.most - shared.held,
        this.#entry?.room() ?? Infinity,
      );
      left = Math.min(left, Math.max(all, share));
    }
    return Math.max(cost + left, lightWeight(cost));
  }

  /**
   * Whether half of what may be held is: then nobody asks the peer for more of
   * what can wait.
   */
  get isTight(): boolean {
    const shared = this.#shared;
    const held = this.held * 2;
    return held > this.#most ||
      shared !== undefined && shared.held * 2 > shared.most &&
        held > shared.share;
  }

  /** So many bytes are held from now on. */
  hold(bytes: number): void {
    if (this.#isOver) return;
    this.held += bytes;
    if (this.#shared !== undefined) this.#shared.held += bytes;
  }

  /** So many bytes are held no more. */
  give(bytes: number): void {
    if (this.#isOver) return;
    this.held -= bytes;
    if (this.#shared !== undefined) this.#shared.held -= bytes;
    this.#onGiven?.();
  }

  /**
   * Has all that the wire holds counted, where the wires of a server are.
   *
   * @param holder What knows that.
   */
  enter(holder: Holder): void {
    const shared = this.#shared;
    if (!(shared instanceof SharedMemory)) return;
    this.#entry = shared.account?.enter(holder);
  }

  /** The wire holds more, perhaps, in whatever way. */
  tell(): void {
    this.#entry?.tell();
  }

  /**
   * Whether to wait before what comes next is read, for all wires of the server
   * hold much, and this one does.
   *
   * @returns Resolves when it may be read; undefined where that is at once.
   */
  pause(): Promise<void> | undefined {
    return this.#entry?.pause();
  }

  /** The wire has ended: all is released but what it has left to say. */
  end(): void {
    this.give(this.held);
    this.#isOver = true;
    this.#entry?.end();
  }

  /** Its connection is closed. */
  leave(): void {
    this.#entry?.leave();
  }
}

/** What several calls, or items of streams, hold until they are dealt with. */
export class Holdings {
  /** How many bytes, as windows and credit count them. */
  bytes = 0;

  readonly #memory: Memory | undefined;

  /** @param memory Accounts for what they take beyond those bytes. */
  constructor(memory: Memory | undefined) {
    this.#memory = memory;
  }

  /** Whether nobody asks the peer for more: see {@linkcode Memory.isTight}. */
  get isTight(): boolean {
    return this.#memory !== undefined && this.#memory.isTight;
  }

  /** One is held, and what is made of it. */
  hold(cost: number, excess: number): void {
    this.bytes += cost;
    if (excess > 0) this.#memory?.hold(excess);
  }

  /** It is held no more. */
  give(cost: number, excess: number): void {
    this.bytes -= cost;
    if (excess > 0) this.#memory?.give(excess);
  }
}

// The account of all that the wires of one server hold. A wire tells its total
// with each chunk that it has read, and where its output grows; that it holds
// less again is found out when it is asked, which is only done where little is
// left.

/** What things take in memory that no window counts, about, in bytes. */
export const TAKES = {
  /** A call that runs, with what its function has begun. */
  call: 1024,
  /** A call that waits. */
  parked: 128,
  /** A stream, in either direction. */
  stream: 4 * 1024,
  /** A reference, with its object. */
  reference: 1024,
  /** An entry of the tables of names and key sets, without its text. */
  entry: 2 * 1024,
} as const;

/** Beyond this share of what may be held, the heavy ones are read slowly. */
const TIGHT = 3 / 4;
/** While all others hold less than this share of it, one may hold more. */
const LITTLE = 1 / 4;
/** So often those that wait are looked at, in milliseconds. */
const LOOK = 50;
/** So long a wire waits before its next chunk is read, in milliseconds. */
const LONGEST_WAIT = 1_000;

/** A wire, as an account sees it. */
export interface Holder {
  /** How many bytes it holds now. */
  total(): number;
  /** Releases what it keeps to use it again. */
  trim(): void;
  /** Ends it, because all hold too much and it holds most. */
  end(reason: WireError): void;
}

/** All that the wires of one server hold. */
export class Account {
  /** How many bytes, by what the wires have told. */
  held = 0;
  /** How many they may hold. */
  readonly most: number;

  readonly #clock: Clock;
  readonly #onEnded: ((reason: WireError) => void) | undefined;
  readonly #entries = new Set<AccountEntry>();
  /** Those that are not read on, since when, and what goes on with them. */
  readonly #waiting = new Map<
    AccountEntry,
    { readonly since: number; readonly goOn: () => void }
  >();
  #countedAt = -Infinity;
  /** The one that may hold more, as the others hold little. */
  #alone: AccountEntry | undefined;
  #isToLook = false;
  #stopTimer: (() => void) | undefined;

  /**
   * @param most How many bytes all may hold.
   * @param clock Tells how long one has waited.
   * @param onEnded Told why a wire had to end.
   */
  constructor(
    most: number,
    clock: Clock,
    onEnded?: (reason: WireError) => void,
  ) {
    this.most = most;
    this.#clock = clock;
    this.#onEnded = onEnded;
  }

  /** How many more bytes a wire may hold. */
  roomOf(entry: AccountEntry): number {
    if (!this.#isTight) return this.most - this.held;
    this.#countAgain(this.#clock.now());
    return this.#isAlone(entry) ? Infinity : this.most - this.held;
  }

  /** A wire begins: it is in the account until it leaves. */
  enter(holder: Holder): AccountEntry {
    const entry = new AccountEntry(this, holder);
    this.#entries.add(entry);
    this.told(entry);
    return entry;
  }

  /** A wire has told what it holds. */
  told(entry: AccountEntry): void {
    if (!this.#entries.has(entry)) return;
    this.#count(entry);
    if (this.held <= this.most || this.#isToLook) return;
    if (this.#alone !== undefined && this.#isAlone(this.#alone)) return;
    this.#isToLook = true;
    // It may be in the middle of a message.
    queueMicrotask(this.#look);
  }

  /** A wire is gone. */
  remove(entry: AccountEntry): void {
    if (!this.#entries.delete(entry)) return;
    if (this.#alone === entry) this.#alone = undefined;
    this.held -= entry.counted;
    this.goOn(entry);
  }

  /**
   * Has a wire wait that holds much, where little is left.
   *
   * @returns Undefined where it may be read on at once.
   */
  pause(entry: AccountEntry): Promise<void> | undefined {
    if (!this.#isTight) return undefined;
    const since = this.#clock.now();
    this.#countAgain(since);
    if (!this.#mustWait(entry)) return undefined;
    return new Promise((goOn) => {
      this.#waiting.set(entry, { since, goOn });
      this.#startTimer();
    });
  }

  /** A wire waits no longer. */
  goOn(entry: AccountEntry): void {
    this.#waiting.get(entry)?.goOn();
    this.#waiting.delete(entry);
    if (this.#waiting.size > 0) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  get #isTight(): boolean {
    return this.held > this.most * TIGHT;
  }

  /** Whether all others hold so little that only its own limits bound it. */
  #isAlone({ counted }: AccountEntry): boolean {
    return this.held - counted < this.most * LITTLE;
  }

  /** Whether it holds more than the others do on the average. */
  #mustWait(entry: AccountEntry): boolean {
    return !entry.isOver && this.#isTight && !this.#isAlone(entry) &&
      entry.counted * this.#entries.size > this.held;
  }

  #startTimer(): void {
    this.#stopTimer ??= this.#clock.after(LOOK, () => {
      this.#stopTimer = undefined;
      const now = this.#clock.now();
      this.#countAgain(now);
      for (const [entry, { since }] of [...this.#waiting]) {
        const isLate = now - since >= LONGEST_WAIT;
        if (isLate || !this.#mustWait(entry)) this.goOn(entry);
      }
      if (this.#waiting.size > 0) this.#startTimer();
    });
  }

  /** What the wires hold may be less than what they told. */
  #countAgain(now: number): void {
    if (now - this.#countedAt < LOOK) return;
    this.#countedAt = now;
    for (const entry of this.#entries) this.#count(entry);
  }

  #count(entry: AccountEntry): void {
    const total = entry.holder.total();
    this.held += total - entry.counted;
    entry.counted = total;
  }

  /** Ends those that hold most, where that is so. */
  readonly #look = (): void => {
    this.#isToLook = false;
    for (const entry of this.#entries) this.#count(entry);
    if (this.#isFine()) return;
    for (const entry of this.#entries) {
      entry.holder.trim();
      this.#count(entry);
    }
    for (const entry of this.#heaviest()) {
      if (this.#isFine()) break;
      const reason = tooHeavy(entry.counted, this.held, this.most);
      entry.holder.end(reason);
      this.#count(entry);
      this.#onEnded?.(reason);
    }
  };

  /** Whether none has to end; notes who may hold more then. */
  #isFine(): boolean {
    this.#alone = undefined;
    if (this.held <= this.most) return true;
    for (const entry of this.#entries) {
      if (this.#isAlone(entry)) this.#alone = entry;
    }
    return this.#alone !== undefined;
  }

  /** Those that have not ended, the heaviest first. */
  #heaviest(): AccountEntry[] {
    return [...this.#entries].filter(({ isOver }) => !isOver)
      .sort((a, b) => b.counted - a.counted);
  }
}

/** One wire in an account. */
export class AccountEntry {
  /** Whose it is. */
  readonly holder: Holder;
  /** How many bytes it held when it was last counted. */
  counted = 0;
  /** Whether it has ended, and is only told why. */
  isOver = false;

  readonly #account: Account;

  /** Use {@linkcode Account.enter}. */
  constructor(account: Account, holder: Holder) {
    this.#account = account;
    this.holder = holder;
  }

  /** It holds more, or less, than before. */
  tell(): void {
    this.#account.told(this);
  }

  /** How many more bytes it may hold, as far as others are concerned. */
  room(): number {
    return this.#account.roomOf(this);
  }

  /** Resolves when it may be read on; undefined where that is at once. */
  pause(): Promise<void> | undefined {
    return this.#account.pause(this);
  }

  /** It has ended; what it has left to say is still counted. */
  end(): void {
    this.isOver = true;
    this.#account.goOn(this);
    this.tell();
  }

  /** Its connection is closed. */
  leave(): void {
    this.#account.remove(this);
  }
}

/** Why a wire ends that holds more than all others. */
function tooHeavy(total: number, held: number, most: number): WireError {
  return new WireError(
    "busy",
    `this wire holds ${total} bytes of memory here, more than any other, and all wires together ${held} of ${most} (the server's limit "serverTotal"). Take what comes, have less under way at a time, or raise that limit.`,
  );
}

/**
 * The limits of whoever connects: a time limit that is longer than the one of
 * the handshake holds for that, too, unless the program has set both.
 *
 * @param timeout How long connecting may take, in milliseconds; checked.
 * @param limits The limits that differ from the default.
 * @returns All limits.
 * @throws {WireError} `invalidArgument`, as {@linkcode resolveLimits}.
 */
export function connectingLimits(
  timeout: number,
  limits?: Partial<WireLimits>,
): Readonly<WireLimits> {
  const resolved = resolveLimits(limits);
  if (timeout <= resolved.hello || limits?.hello !== undefined) return resolved;
  const hello = Math.min(Math.ceil(timeout), RANGE.most);
  return resolveLimits({ ...resolved, hello });
}
