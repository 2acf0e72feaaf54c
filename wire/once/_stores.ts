/**
 * Where it is remembered what came of calls: in memory, in Deno KV, and in
 * NATS.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { checkTime } from "../base/clock.ts";
import { errorMessage, shown, WireError } from "../base/errors.ts";
import { hexOf } from "../codec/value_kinds.ts";

/**
 * Where it is remembered what came of calls. What it holds are notes, which are
 * bytes, by keys, which are texts. A note stays for `keeps` milliseconds after
 * it was written last, at least: a store that is full refuses new ones.
 *
 * @example A store that counts what it is asked
 * ```ts
 * import { onceIn, type OnceStore } from "@remote/wire/once";
 *
 * const notes = new Map<string, Uint8Array>();
 * const store: OnceStore = {
 *   keeps: Infinity,
 *   name: () => Promise.resolve("of this process"),
 *   claim(key, note) {
 *     const known = notes.get(key);
 *     if (known === undefined) notes.set(key, note);
 *     return Promise.resolve(known);
 *   },
 *   put: (key, note) => Promise.resolve(void notes.set(key, note)),
 *   get: (key) => Promise.resolve(notes.get(key)),
 * };
 * const once = onceIn(store);
 * if ((await once.terms()).store !== "of this process") throw new Error();
 * ```
 */
export interface OnceStore {
  /** For how long a note stays, in milliseconds. */
  readonly keeps: number;
  /**
   * Where several processes share it: for how long the process that runs a call
   * may be silent, in milliseconds, before others take it for dead. It writes
   * its note anew five times in that time. Undefined where the store lives and
   * dies with its process.
   */
  readonly lease?: number | undefined;
  /**
   * Which store it is: the same for all that share its notes, and another one
   * once notes were lost.
   */
  name(): Promise<string>;
  /**
   * Writes a note unless there is one of that key, in one step that nobody can
   * come between.
   *
   * @returns The note that there is; undefined where this one was written.
   */
  claim(key: string, note: Uint8Array): Promise<Uint8Array | undefined>;
  /** Writes a note in the place of what there is. */
  put(key: string, note: Uint8Array): Promise<void>;
  /** The note of a key. */
  get(key: string): Promise<Uint8Array | undefined>;
}

/** How long outcomes are kept, if nothing else is said: five minutes. */
const KEEPS = 300_000;

/** What a store in memory holds at most. */
export interface OnceMemoryOptions {
  /** How many calls. Further ones are refused. @default {100000} */
  records?: number | undefined;
  /** How many bytes of outcomes. @default {67108864} */
  bytes?: number | undefined;
  /**
   * For how many milliseconds an outcome is kept.
   *
   * @default {300000}
   */
  keeps?: number | undefined;
}

/** What a record takes beside its key and its note, in bytes. */
const OVERHEAD = 200;

interface MemoryRecord {
  readonly note: Uint8Array;
  /** When it may be forgotten; Infinity while the call runs. */
  readonly until: number;
}

/** Remembers in this process. */
export class MemoryOnceStore implements OnceStore {
  readonly keeps: number;
  readonly #clock: Clock;
  readonly #records: number;
  readonly #bytes: number;
  readonly #name: string = randomName();
  /** Those of calls that run. */
  readonly #running = new Map<string, MemoryRecord>();
  /** Those of calls that are over, the oldest first. */
  readonly #settled = new Map<string, MemoryRecord>();
  #held = 0;

  /**
   * @param options What it holds at most.
   * @param clock Tells what is old.
   */
  constructor(options: OnceMemoryOptions, clock: Clock) {
    const { records = 100_000, bytes = 64 * 1024 * 1024, keeps = KEEPS } =
      options;
    this.#records = checkTime(records, 'The option "records"');
    this.#bytes = checkTime(bytes, 'The option "bytes"');
    this.keeps = checkTime(keeps, 'The option "keeps"');
    this.#clock = clock;
  }

  name(): Promise<string> {
    return Promise.resolve(this.#name);
  }

  claim(key: string, note: Uint8Array): Promise<Uint8Array | undefined> {
    this.#forget();
    const known = this.#find(key);
    if (known !== undefined) return Promise.resolve(known.note);
    const size = sizeOf(key, note);
    const isFull = this.#running.size + this.#settled.size >= this.#records ||
      this.#held + size > this.#bytes;
    if (isFull) return Promise.reject(this.#full());
    this.#held += size;
    this.#running.set(key, { note, until: Infinity });
    return Promise.resolve(undefined);
  }

  put(key: string, note: Uint8Array): Promise<void> {
    const known = this.#find(key);
    const before = known === undefined ? 0 : sizeOf(key, known.note);
    const size = sizeOf(key, note);
    const hasRoom = this.#held - before + size <= this.#bytes;
    // Without room it stays known that the call was begun.
    const kept = hasRoom ? note : known?.note;
    this.#running.delete(key);
    this.#settled.delete(key);
    if (kept !== undefined) {
      const until = this.#clock.now() + this.keeps;
      this.#settled.set(key, { note: kept, until });
    }
    if (!hasRoom) return Promise.reject(this.#full());
    this.#held += size - before;
    return Promise.resolve();
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#find(key)?.note);
  }

  #find(key: string): MemoryRecord | undefined {
    return this.#running.get(key) ?? this.#settled.get(key);
  }

  /** Forgets what is old enough. */
  #forget(): void {
    const now = this.#clock.now();
    for (const [key, { note, until }] of this.#settled) {
      if (until > now) return;
      this.#settled.delete(key);
      this.#held -= sizeOf(key, note);
    }
  }

  #full(): WireError {
    return new WireError(
      "limit",
      `It is full: it holds ${this.#records} calls (its option "records") and ${this.#bytes} bytes of them ("bytes"), for ${this.keeps} ms each ("keeps").`,
    );
  }
}

function sizeOf(key: string, note: Uint8Array): number {
  return 2 * key.length + note.length + OVERHEAD;
}

function randomName(): string {
  return hexOf(crypto.getRandomValues(new Uint8Array(16)));
}

/** What is used of Deno KV. */
export interface KvLike {
  /** Reads an entry. */
  get(key: string[]): Promise<{
    value: unknown;
    versionstamp: string | null;
  }>;
  /** Writes an entry. */
  set(
    key: string[],
    value: unknown,
    options?: { expireIn?: number },
  ): Promise<unknown>;
  /** Begins several steps of which all happen, or none. */
  atomic(): KvSteps;
}

/** Steps of which all happen, or none. */
export interface KvSteps {
  /** Nothing happens unless an entry has this version. */
  check(entry: { key: string[]; versionstamp: string | null }): KvSteps;
  /** Writes an entry. */
  set(key: string[], value: unknown, options?: { expireIn?: number }): KvSteps;
  /** Does it. */
  commit(): Promise<{ ok: boolean }>;
}

/** What a store in Deno KV is made with. */
export interface KvOnceOptions {
  /** What its keys begin with. @default {"remote-wire-once"} */
  prefix?: string | undefined;
  /**
   * For how many milliseconds an outcome is kept.
   *
   * @default {300000}
   */
  keeps?: number | undefined;
  /**
   * For how long a server may be silent, in milliseconds, before the calls that
   * it ran are taken for lost.
   *
   * @default {10000}
   */
  lease?: number | undefined;
}

/** Remembers in Deno KV. */
export class KvOnceStore implements OnceStore {
  readonly keeps: number;
  readonly lease: number;
  readonly #kv: KvLike;
  readonly #prefix: string;

  /**
   * @param kv Where.
   * @param options How.
   */
  constructor(kv: KvLike, options: KvOnceOptions) {
    const { get, set, atomic } = Object(kv);
    if (![get, set, atomic].every((each) => typeof each === "function")) {
      throw new WireError(
        "invalidArgument",
        `onceInKv() takes what openKv() gives, and not ${shown(kv)}.`,
      );
    }
    const { prefix = "remote-wire-once", keeps = KEEPS, lease = 10_000 } =
      options;
    if (typeof prefix !== "string") {
      throw new WireError(
        "invalidArgument",
        `The option "prefix" is a text, and not ${shown(prefix)}.`,
      );
    }
    this.keeps = checkTime(keeps, 'The option "keeps"');
    this.lease = checkTime(lease, 'The option "lease"');
    this.#kv = kv;
    this.#prefix = prefix;
  }

  async name(): Promise<string> {
    const key = [this.#prefix, "name"];
    for (;;) {
      const { value, versionstamp } = await this.#kv.get(key);
      if (typeof value === "string") return value;
      const name = randomName();
      const { ok } = await this.#kv.atomic().check({ key, versionstamp })
        .set(key, name).commit();
      if (ok) return name;
    }
  }

  async claim(key: string, note: Uint8Array): Promise<Uint8Array | undefined> {
    const path = await this.#path(key);
    for (;;) {
      const { value, versionstamp } = await this.#kv.get(path);
      // What is there and is no note is not replaced: the call may have run.
      if (versionstamp !== null) return noteOf(value);
      const { ok } = await this.#kv.atomic()
        .check({ key: path, versionstamp })
        .set(path, note, this.#expiry()).commit();
      if (ok) return undefined;
    }
  }

  async put(key: string, note: Uint8Array): Promise<void> {
    await this.#kv.set(await this.#path(key), note, this.#expiry());
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const { value, versionstamp } = await this.#kv.get(await this.#path(key));
    return versionstamp === null ? undefined : noteOf(value);
  }

  async #path(key: string): Promise<string[]> {
    return [this.#prefix, "calls", await digestOf(key)];
  }

  #expiry(): { expireIn?: number } {
    return this.keeps === Infinity ? {} : { expireIn: this.keeps };
  }
}

/** What an entry has; nothing, which is no note, where that is not bytes. */
function noteOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array();
}

/** A digest of a key: databases take short keys, of letters and digits. */
async function digestOf(key: string): Promise<string> {
  const bytes = new TextEncoder().encode(key);
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/**
 * What is used of a bucket of NATS's key-value store. That of `@nats-io/kv` has
 * it.
 */
export interface NatsKvLike {
  /**
   * Writes an entry unless there is one of that key. Where there is, it rejects
   * with an error whose `code` is 10071 or 10164, NATS's own.
   */
  create(key: string, data: Uint8Array): Promise<unknown>;
  /** Writes an entry. */
  put(key: string, data: Uint8Array): Promise<unknown>;
  /** Reads an entry; null where there is none. */
  get(key: string): Promise<
    { readonly operation: string; readonly value: Uint8Array } | null
  >;
  /** Tells what the bucket is like. */
  status(): Promise<NatsKvStatus>;
}

/** What a bucket of NATS tells of itself. */
export interface NatsKvStatus {
  /** Its name. */
  readonly bucket: string;
  /** For how long an entry stays, in milliseconds; 0 for ever. */
  readonly ttl: number;
  /** The stream that has its entries. */
  readonly streamInfo: {
    /** When it was made. */
    readonly created: string;
    /** Its limits, -1 for none. */
    readonly config: { readonly max_bytes: number; readonly max_msgs: number };
  };
}

/** What a store in NATS is made with. */
export interface NatsOnceOptions {
  /** What its keys begin with. @default {"remote-wire-once"} */
  prefix?: string | undefined;
  /**
   * For how long a server may be silent, in milliseconds, before the calls that
   * it ran are taken for lost. The bucket has to keep entries for longer.
   *
   * @default {10000}
   */
  lease?: number | undefined;
}

/** What keys of NATS consist of. */
const NATS_KEY = /^[-\w=/]+(\.[-\w=/]+)*$/;
/** The codes by which NATS says that there is an entry. */
const THERE_IS_ONE: readonly unknown[] = [10071, 10164];
/** How often an entry is looked for that NATS says there is. */
const NATS_LOOKS = 10;

/** Remembers in NATS. */
export class NatsOnceStore implements OnceStore {
  readonly keeps: number;
  readonly lease: number;
  readonly #kv: NatsKvLike;
  readonly #prefix: string;

  /**
   * @param kv Where.
   * @param keeps For how long that keeps entries.
   * @param options How.
   */
  constructor(kv: NatsKvLike, keeps: number, options: NatsOnceOptions) {
    const { prefix = "remote-wire-once", lease = 10_000 } = options;
    if (typeof prefix !== "string" || !NATS_KEY.test(prefix)) {
      throw new WireError(
        "invalidArgument",
        `The option "prefix" is what a key of NATS may begin with: letters, digits, -, _, = and /, in parts with a dot between. It is not ${
          shown(prefix)
        }.`,
      );
    }
    this.keeps = keeps;
    this.lease = checkTime(lease, 'The option "lease"');
    this.#kv = kv;
    this.#prefix = prefix;
  }

  /** Makes it, as the bucket is. */
  static async open(
    kv: NatsKvLike,
    options: NatsOnceOptions,
  ): Promise<NatsOnceStore> {
    const { create, put, get, status } = Object(kv);
    const isKv = [create, put, get, status]
      .every((each) => typeof each === "function");
    if (!isKv) {
      throw new WireError(
        "invalidArgument",
        `onceInNats() takes a bucket of @nats-io/kv, and not ${shown(kv)}.`,
      );
    }
    const { bucket, ttl, streamInfo } = await statusOf(kv);
    const { max_bytes, max_msgs } = streamInfo.config;
    if (max_bytes < 0 && max_msgs < 0) {
      return new NatsOnceStore(kv, ttl === 0 ? Infinity : ttl, options);
    }
    // With "discard: new" as well: where an entry is replaced, an old one goes.
    throw new WireError(
      "invalidArgument",
      `The bucket ${
        shown(bucket)
      } has "max_bytes" or "max_msgs": when it is full, NATS drops old entries, and calls that have run would run again. Make one without, and limit JetStream's storage for the account or the server instead.`,
    );
  }

  /** One that was deleted and made again is another one. */
  async name(): Promise<string> {
    const { bucket, streamInfo } = await statusOf(this.#kv);
    return `${bucket} ${streamInfo.created}`;
  }

  async claim(key: string, note: Uint8Array): Promise<Uint8Array | undefined> {
    const path = await this.#path(key);
    for (let look = 1;; look++) {
      try {
        await this.#kv.create(path, note);
        return undefined;
      } catch (error) {
        const { code } = Object(error);
        if (!THERE_IS_ONE.includes(code) || look >= NATS_LOOKS) throw error;
      }
      // Nothing is there if it has just expired, or this is an old replica.
      const known = await this.#read(path);
      if (known !== undefined) return known;
    }
  }

  async put(key: string, note: Uint8Array): Promise<void> {
    await this.#kv.put(await this.#path(key), note);
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return await this.#read(await this.#path(key));
  }

  async #read(path: string): Promise<Uint8Array | undefined> {
    const entry = await this.#kv.get(path);
    return entry?.operation === "PUT" ? entry.value : undefined;
  }

  async #path(key: string): Promise<string> {
    return `${this.#prefix}.${await digestOf(key)}`;
  }
}

async function statusOf(kv: NatsKvLike): Promise<NatsKvStatus> {
  let status: NatsKvStatus;
  try {
    status = await kv.status();
  } catch (error) {
    throw new WireError(
      "storeFailed",
      `NATS could not be asked about the bucket: ${errorMessage(error)}`,
      { cause: error },
    );
  }
  const { bucket, ttl, streamInfo } = Object(status);
  const { created, config } = Object(streamInfo);
  const isStatus = typeof bucket === "string" && typeof ttl === "number" &&
    typeof created === "string" &&
    typeof Object(config).max_bytes === "number" &&
    typeof Object(config).max_msgs === "number";
  if (isStatus) return status;
  throw new WireError(
    "storeFailed",
    `A bucket tells its name, its ttl, and of its stream when it was made and its limits; this one told ${
      shown(status)
    }.`,
  );
}
