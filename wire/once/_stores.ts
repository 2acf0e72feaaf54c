/**
 * Where it is remembered what came of calls: in memory, and in Deno KV.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { checkTime } from "../base/clock.ts";
import { shown, WireError } from "../base/errors.ts";
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
      if (value instanceof Uint8Array) return value;
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
    const { value } = await this.#kv.get(await this.#path(key));
    return value instanceof Uint8Array ? value : undefined;
  }

  /** Keys of Deno KV are short: it gets a digest. */
  async #path(key: string): Promise<string[]> {
    const bytes = new TextEncoder().encode(key);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return [this.#prefix, "calls", hexOf(digest)];
  }

  #expiry(): { expireIn?: number } {
    return this.keeps === Infinity ? {} : { expireIn: this.keeps };
  }
}
