/**
 * Calls that run at most once: a server remembers what came of each, and a
 * call that is repeated gets that.
 *
 * @example A call whose answer is lost
 * ```ts
 * import { onceInMemory } from "@remote/wire/once";
 * import { keepConnected } from "@remote/wire/reconnect";
 * import { type Wire, wirePair } from "@remote/wire/wire";
 *
 * let balance = 0;
 * const once = onceInMemory();
 * const kept = keepConnected(() => {
 *   const [near, far] = wirePair({}, { once });
 *   far.serve({
 *     deposit(this: { wire: Wire }, amount: number) {
 *       balance += amount;
 *       // The connection breaks before the first answer.
 *       if (kept.stats().connections === 1) this.wire.abort();
 *       return balance;
 *     },
 *   });
 *   return Promise.resolve(near);
 * }, { backoff: { least: 1 } });
 * const told = await kept.with({ once: true }).remoteValue.deposit(10);
 * if (told !== 10 || balance !== 10) throw new Error();
 * await kept.close();
 * ```
 *
 * @module
 */

import { checkTime, type Clock, systemClock } from "../base/clock.ts";
import {
  checkClock,
  checkHooks,
  checkOptionKeys,
  joined,
} from "../base/checks.ts";
import {
  errorMessage,
  isA,
  Refusal,
  shown,
  WireError,
  wordsOf,
} from "../base/errors.ts";
import { REPORT, type Report, reportToConsole } from "../base/report.ts";
import { DEFAULT_LIMITS } from "../base/limits.ts";
import { decodeValue, encodeValue } from "../codec/codec.ts";
import { endStreams } from "../codec/passing.ts";
import { hexOf } from "../codec/value_kinds.ts";
import {
  type AnyValueType,
  resolveValueTypes,
  type ValueTypes,
} from "../codec/value_types.ts";
import { severalOf, values } from "../rpc/context.ts";
import type { CallChanges, MiddlewareCall } from "../rpc/middleware.ts";
import { ONCE_KEY } from "../rpc/served.ts";
import { sendable, sendThrown } from "../rpc/thrown.ts";
import type { ServesOnce } from "../rpc/incoming_calls.ts";
import type { OnceTerms } from "./calling.ts";
import {
  type KvLike,
  type KvOnceOptions,
  KvOnceStore,
  MemoryOnceStore,
  type NatsKvLike,
  type NatsOnceOptions,
  NatsOnceStore,
  type OnceMemoryOptions,
  type OnceStore,
} from "./_stores.ts";

export type { OnceTerms } from "./calling.ts";
export type {
  KvLike,
  KvOnceOptions,
  KvSteps,
  NatsKvLike,
  NatsKvStatus,
  NatsOnceOptions,
  OnceMemoryOptions,
  OnceStore,
} from "./_stores.ts";

/** How calls that run once are served. Everything has a default. */
export interface OnceOptions {
  /**
   * Says whose key a call has: keys of different owners are different keys.
   * Where it is left out, that is the identity of the wire, if that is a text
   * or a number; a wire without one has keys that it shares with all others.
   */
  owner?: ((call: MiddlewareCall) => string) | undefined;
  /**
   * The types of values that are declared, for arguments and results.
   *
   * @default {[]}
   */
  valueTypes?: readonly AnyValueType[] | undefined;
  /**
   * How many calls may run at a time, of all wires together; further ones are
   * refused. They go on when their wires have ended.
   *
   * @default {10000}
   */
  running?: number | undefined;
  /** Where the time comes from. @default {the platform's clock} */
  clock?: Clock | undefined;
}

const OPTION_KEYS: Readonly<Record<keyof OnceOptions, true>> = {
  owner: true,
  valueTypes: true,
  running: true,
  clock: true,
};

const MEMORY_KEYS: Readonly<
  Record<keyof (OnceMemoryOptions & OnceOptions), true>
> = /* @__PURE__ */ joined(OPTION_KEYS, {
  records: true,
  bytes: true,
  keeps: true,
});
const KV_KEYS: Readonly<Record<keyof (KvOnceOptions & OnceOptions), true>> =
  /* @__PURE__ */ joined(OPTION_KEYS, {
    prefix: true,
    keeps: true,
    lease: true,
  });

const NATS_KEYS: Readonly<Record<keyof (NatsOnceOptions & OnceOptions), true>> =
  /* @__PURE__ */ joined(OPTION_KEYS, { prefix: true, lease: true });

/** What came of a call: gives its result, or throws what it threw. */
type Outcome = () => unknown;

/** A call that runs in this process, or waits for one that runs elsewhere. */
interface RunningOnce {
  /** What it was called with. */
  readonly print: string;
  /** Undefined where its caller gave up before it was known. */
  readonly outcome: Promise<Outcome | undefined>;
}

/** How a note tells of an outcome. */
type Told =
  | ["value", unknown]
  | ["values", unknown[]]
  | ["threw", unknown]
  | ["refused", string, string];

/** A note: what was called, how often it was written, and what came of it. */
type Note = [print: string, beat: number, told?: Told];

/** How often a note is written within a lease, and looked at by others. */
const BEATS = 5;
const LOOKS = 20;

/**
 * Serves calls that have a key, each once. {@linkcode onceInMemory},
 * {@linkcode onceInKv}, {@linkcode onceInNats} and {@linkcode onceIn} make it,
 * and the option `once` of servers and wires takes it. A process makes one for a
 * store, which all of its servers share.
 *
 * @example
 * ```ts
 * import { wirePair } from "@remote/wire/wire";
 * import { type Once, onceInMemory } from "@remote/wire/once";
 *
 * const once: Once = onceInMemory();
 * const [near, far] = wirePair({}, { once });
 * let count = 0;
 * far.serve({ count: () => ++count });
 * const key = { key: "the first" };
 * await near.with({ once: key }).remoteValue.count();
 * await near.with({ once: key }).remoteValue.count();
 * if (count !== 1) throw new Error();
 * await near.close();
 * ```
 */
export class Once implements ServesOnce {
  readonly #store: OnceStore;
  /** What runs in this process. */
  readonly #running = new Map<string, RunningOnce>();
  readonly #owner: OnceOptions["owner"];
  readonly #valueTypes: readonly AnyValueType[];
  readonly #types: ValueTypes | undefined;
  readonly #clock: Clock;
  readonly #most: number;

  /**
   * Use {@linkcode onceIn}.
   *
   * @param store Where outcomes are remembered.
   * @param options What differs from the default.
   */
  constructor(store: OnceStore, options: OnceOptions = {}) {
    checkStore(store);
    checkOptionKeys(options, OPTION_KEYS, "onceIn()");
    checkHooks(options, ["owner"]);
    checkClock(options.clock);
    const { owner, valueTypes = [], clock = systemClock, running = 10_000 } =
      options;
    this.#most = checkTime(running, 'The option "running"');
    this.#types = resolveValueTypes(valueTypes);
    this.#store = store;
    this.#owner = owner;
    this.#valueTypes = valueTypes;
    this.#clock = clock;
  }

  /** What callers are told of it. */
  async terms(): Promise<OnceTerms> {
    const store = await this.#ask("its name", () => this.#store.name());
    return { store, keeps: this.#store.keeps };
  }

  /**
   * Serves a call: a {@linkcode Middleware}, of which wires make the innermost.
   *
   * @param call The call.
   * @param next Runs the function.
   * @returns What the function gave when it ran.
   */
  async serve(
    call: MiddlewareCall,
    next: (changes?: CallChanges) => Promise<unknown>,
  ): Promise<unknown> {
    const { [ONCE_KEY]: given, ...metadata } = call.metadata;
    if (given === undefined) return await next();
    if (call.kind === "oneWay" || call.object !== undefined) {
      throw new Refusal(
        "invalidArgument",
        "What runs once is a function that was served, called for its answer.",
      );
    }
    const key = JSON.stringify([this.#ownerOf(call), given]);
    const print = await this.#printOf(call);
    for (;;) {
      const known = this.#running.get(key);
      const running = known ??
        this.#begin(key, print, call, () => next({ metadata }));
      checkPrint(running.print, print, call.name);
      const outcome = await running.outcome;
      if (outcome !== undefined) return outcome();
      // The one that it waited with was given up; this one asks by itself.
      if (known === undefined || call.signal?.aborted) {
        throw call.signal?.reason;
      }
    }
  }

  /** Begins a call, or to wait for one that runs elsewhere. */
  #begin(
    key: string,
    print: string,
    call: MiddlewareCall,
    run: () => Promise<unknown>,
  ): RunningOnce {
    if (this.#running.size >= this.#most) throw tooMany(this.#most);
    const running = { print, outcome: this.#settle(key, print, call, run) };
    this.#running.set(key, running);
    const over = () => void this.#running.delete(key);
    running.outcome.then(over, over);
    return running;
  }

  /** Whose key it is. */
  #ownerOf(call: MiddlewareCall): string | number {
    const { identity } = call.wire as { identity?: unknown };
    try {
      const owner: unknown = this.#owner?.(call) ?? identity ?? "";
      if (typeof owner === "string" || typeof owner === "number") return owner;
    } catch (error) {
      reportOf(call)(error, "owner");
      throw new Refusal("storeFailed", NO_OWNER);
    }
    const why = `Whose key a call has is a text, and not ${
      shown(identity)
    }: give the option "owner".`;
    reportOf(call)(new WireError("invalidArgument", why), "once");
    throw new Refusal("storeFailed", NO_OWNER);
  }

  /** What a call is, and with what arguments, in short. */
  async #printOf({ name, args }: MiddlewareCall): Promise<string> {
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = this.#encode([name, ...args]);
    } catch (error) {
      endStreams(args, error);
      throw new Refusal(
        "unsupportedValue",
        `A call that runs once takes values alone, which ${
          shown(name)
        } did not get: ${errorMessage(error)}`,
      );
    }
    const digest = await crypto.subtle.digest("SHA-256", bytes);
    return hexOf(new Uint8Array(digest));
  }

  /** Runs a function unless its key is known, and remembers what comes of it. */
  async #settle(
    key: string,
    print: string,
    call: MiddlewareCall,
    run: () => Promise<unknown>,
  ): Promise<Outcome | undefined> {
    const store = this.#store;
    const known = await this.#ask(
      "whether the call has run",
      () => store.claim(key, this.#encode([print, 0])),
      call,
    );
    if (known !== undefined) return await this.#await(key, known, print, call);
    const stop = this.#beat(key, print, call);
    const [told, outcome] = await this.#run(call, run).finally(stop);
    try {
      await store.put(key, this.#encode([print, 0, told]));
    } catch (error) {
      // Its caller gets the answer; whoever asks again hears that it is unknown.
      reportOf(call)(error, `remembering what came of ${shown(call.name)}`);
    }
    return outcome;
  }

  /** Runs a function: what is noted of it, and what this caller gets. */
  async #run(
    { name }: MiddlewareCall,
    run: () => Promise<unknown>,
  ): Promise<[Told, Outcome]> {
    let result: unknown;
    try {
      result = await run();
    } catch (error) {
      const raise = () => {
        throw error;
      };
      if (isA(error, Refusal)) {
        const { code, message } = wordsOf(error);
        return [["refused", code, message], raise];
      }
      return [["threw", this.#sendable(error)], raise];
    }
    const list = severalOf(result);
    const told: Told = list === undefined
      ? ["value", result]
      : ["values", list];
    try {
      this.#encode(told);
      return [told, () => result];
    } catch (error) {
      endStreams(result, error);
      const refused: Told = [
        "refused",
        "unsupportedValue",
        `${shown(name)} has run, and its result cannot be remembered: ${
          errorMessage(error)
        }`,
      ];
      return [refused, open(refused)];
    }
  }

  /** Of what was thrown, what can be noted. */
  #sendable(thrown: unknown): unknown {
    let kept: unknown;
    const types = this.#types;
    sendThrown(
      thrown,
      { limits: DEFAULT_LIMITS, types },
      (thrown) => {
        const data = sendable(thrown, DEFAULT_LIMITS, true, types);
        this.#encode(data);
        kept = data;
      },
    );
    return kept;
  }

  /**
   * Waits for what comes of a call that was begun before.
   *
   * @returns That; undefined once its caller has given up.
   */
  async #await(
    key: string,
    note: Uint8Array,
    print: string,
    call: MiddlewareCall,
  ): Promise<Outcome | undefined> {
    const { name, signal } = call;
    const { lease } = this.#store;
    let [known, beat, told] = this.#decode(note, call);
    let heard = this.#clock.now();
    for (;;) {
      // A note that was forgotten meanwhile may be another call's now.
      checkPrint(known, print, name);
      if (told !== undefined) return open(told);
      if (signal?.aborted) return undefined;
      if (lease === undefined || this.#clock.now() - heard >= lease) {
        throw new Refusal(
          "outcomeUnknown",
          `${
            shown(name)
          } was begun, and whether it has run to its end is not known: the server that ran it is gone, or could not note what came of it.`,
        );
      }
      await new Promise<void>((resolve) =>
        this.#clock.after(lease / LOOKS, resolve)
      );
      const next = await this.#ask(
        "what came of the call",
        () => this.#store.get(key),
        call,
      );
      if (next === undefined) continue;
      const before = beat;
      [known, beat, told] = this.#decode(next, call);
      if (beat !== before) heard = this.#clock.now();
    }
  }

  /**
   * Lets other processes know that a call still runs.
   *
   * @returns What ends that; its promise resolves when nothing is being written.
   */
  #beat(
    key: string,
    print: string,
    call: MiddlewareCall,
  ): () => Promise<void> {
    const { lease } = this.#store;
    if (lease === undefined) return () => Promise.resolve();
    let beat = 0;
    let isOver = false;
    let writing = Promise.resolve();
    const write = async () => {
      try {
        await this.#store.put(key, this.#encode([print, ++beat]));
      } catch (error) {
        reportOf(call)(error, `a sign of life of ${shown(call.name)}`);
      }
      if (!isOver) stop = this.#clock.after(lease / BEATS, begin);
    };
    const begin = () => void (writing = write());
    let stop = this.#clock.after(lease / BEATS, begin);
    return () => {
      isOver = true;
      stop();
      // What came of the call is not to be overwritten by it.
      return writing;
    };
  }

  /** Asks the store: where it fails, no function runs. */
  async #ask<T>(
    what: string,
    ask: () => Promise<T>,
    call?: MiddlewareCall,
  ): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (call !== undefined) reportOf(call)(error, `asking ${what}`);
      throw new Refusal(
        "storeFailed",
        `The call was not run: the store could not be asked ${what}. ${
          isA(error, WireError) ? error.message : ""
        }`.trim(),
        { cause: error },
      );
    }
  }

  #encode(value: Note | Told | unknown): Uint8Array<ArrayBuffer> {
    return encodeValue(value, {}, { valueTypes: this.#valueTypes });
  }

  /** Reads a note, which others may have written to the store. */
  #decode(bytes: Uint8Array, call: MiddlewareCall): Note {
    let note: unknown;
    let why = "";
    try {
      note = decodeValue(bytes, {}, { valueTypes: this.#valueTypes });
    } catch (error) {
      why = ` ${errorMessage(error)}`;
    }
    if (isNote(note)) return note;
    const text = `What the store has of a call of ${
      shown(call.name)
    } is no note of it.${why}`;
    reportOf(call)(new WireError("malformed", text), "once");
    throw new Refusal(
      "outcomeUnknown",
      `Whether ${
        shown(call.name)
      } has run is not known: what the store has of the call cannot be read.`,
    );
  }
}

function isNote(note: unknown): note is Note {
  if (!Array.isArray(note)) return false;
  const [print, beat, told] = note;
  // What is no number is never the same as before: it would always be news.
  if (typeof print !== "string" || !Number.isFinite(beat)) return false;
  if (told === undefined) return true;
  if (!Array.isArray(told)) return false;
  const [kind, first, second] = told as unknown[];
  return kind === "value" || kind === "threw" ||
    kind === "values" && Array.isArray(first) ||
    kind === "refused" && typeof first === "string" &&
      typeof second === "string";
}

const NO_OWNER = "The call was not run: whose key it has is not known.";

function tooMany(most: number): Refusal {
  return new Refusal(
    "storeFailed",
    `The call was not run: ${most} calls that run once do at the moment (the option "running").`,
  );
}

/** What a note tells, as a result. */
function open(told: Told): Outcome {
  return () => {
    switch (told[0]) {
      case "value":
        return told[1];
      case "values":
        return values(...told[1]);
      case "threw":
        throw told[1];
      case "refused":
        throw new Refusal(told[1], told[2]);
    }
  };
}

/** Refuses a key that another call had. */
function checkPrint(known: string, print: string, name: string): void {
  if (known === print) return;
  throw new Refusal(
    "keyReused",
    `The key of this call of ${
      shown(name)
    } was used for another call, or with other arguments. Each call that is to run has a key of its own.`,
  );
}

/** Where the errors of a wire go. */
function reportOf({ wire }: MiddlewareCall): Report {
  return (wire as { [REPORT]?: Report })[REPORT] ?? reportToConsole;
}

function checkStore(store: unknown): void {
  const { keeps, lease, name, claim, put, get } = Object(store);
  if (lease !== undefined && !(lease > 0 && lease <= keeps)) {
    throw new WireError(
      "invalidArgument",
      `The lease of a store is a number of milliseconds above 0, and not more than it keeps notes, ${
        shown(keeps)
      }; it is ${shown(lease)}.`,
    );
  }
  const isStore = typeof keeps === "number" && keeps > 0 &&
    [name, claim, put, get].every((each) => typeof each === "function");
  if (isStore) return;
  throw new WireError(
    "invalidArgument",
    `A store of calls that run once has keeps, name(), claim(), put() and get(), and this is ${
      shown(store)
    }.`,
  );
}

/**
 * Remembers calls in a store of your own.
 *
 * @param store Where.
 * @param options What differs from the default.
 * @returns What the option `once` of a server, or of a wire, takes.
 * @throws {WireError} `invalidArgument` for what is no store.
 *
 * @example See {@linkcode OnceStore}
 * ```ts
 * import { onceIn } from "@remote/wire/once";
 *
 * try {
 *   onceIn({} as never);
 *   throw new Error();
 * } catch (error) {
 *   if ((error as { code?: string }).code !== "invalidArgument") throw error;
 * }
 * ```
 */
export function onceIn(store: OnceStore, options?: OnceOptions): Once {
  return new Once(store, options);
}

/**
 * Remembers calls in this process's memory. What it remembers is lost with the
 * process, and callers are told so.
 *
 * @param options How much, how long, and for whom.
 * @returns What the option `once` of a server, or of a wire, takes. Servers of
 * one process that are given the same one share what they remember.
 * @throws {WireError} `invalidArgument` for an option out of its range.
 *
 * @example
 * ```ts
 * import { connectToRemoteServer, createRequestServer } from "@remote/wire";
 * import { onceInMemory } from "@remote/wire/once";
 *
 * let orders = 0;
 * await using server = createRequestServer(0, {
 *   once: onceInMemory({ keeps: 60_000 }),
 *   functions: { order: () => ++orders },
 * });
 * await using wire = await connectToRemoteServer("127.0.0.1", server.port);
 * const { remoteValue } = wire.with({ once: "order 17" });
 * if (await remoteValue.order() !== 1) throw new Error();
 * if (await remoteValue.order() !== 1 || orders !== 1) throw new Error();
 * ```
 */
export function onceInMemory(
  options: OnceMemoryOptions & OnceOptions = {},
): Once {
  checkOptionKeys(options, MEMORY_KEYS, "onceInMemory()");
  const { records, bytes, keeps, ...rest } = options;
  const store = new MemoryOnceStore(
    { records, bytes, keeps },
    options.clock ?? systemClock,
  );
  return new Once(store, rest);
}

/**
 * Remembers calls in Deno KV, which outlives the process, and which several
 * servers may share.
 *
 * @param kv What `Deno.openKv()` gives. It stays yours to close.
 * @param options How long, under which key, and for whom.
 * @returns What the option `once` of a server, or of a wire, takes.
 * @throws {WireError} `invalidArgument` for what is no KV, and an option out of
 * its range.
 *
 * @example With `deno run --unstable-kv`
 * ```ts
 * import { createRequestServer } from "@remote/wire";
 * import { type KvLike, onceInKv } from "@remote/wire/once";
 *
 * export function serve(kv: KvLike, order: (what: string) => Promise<number>) {
 *   return createRequestServer(7000, {
 *     once: onceInKv(kv, { keeps: 3_600_000 }),
 *     functions: { order },
 *   });
 * }
 * ```
 */
export function onceInKv(
  kv: KvLike,
  options: KvOnceOptions & OnceOptions = {},
): Once {
  checkOptionKeys(options, KV_KEYS, "onceInKv()");
  const { prefix, keeps, lease, ...rest } = options;
  return new Once(new KvOnceStore(kv, { prefix, keeps, lease }), rest);
}

/**
 * Remembers calls in a bucket of NATS's key-value store, which several servers
 * may share. An outcome is kept for as long as the bucket keeps its entries, its
 * `ttl`.
 *
 * @param kv What `create()` or `open()` of a `Kvm` of `@nats-io/kv` resolves to.
 * @param options Under which keys, for how long a server may be silent, and
 * whose keys they are.
 * @returns A promise of what the option `once` of a server, or of a wire, takes.
 * @throws {WireError} As a rejection: `invalidArgument` for what is no bucket,
 * for one that discards old entries or keeps them for less than `lease`, and for
 * an option out of its range; `storeFailed` where NATS does not answer.
 *
 * @example With `npm:@nats-io/kv`
 * ```ts
 * import { createRequestServer } from "@remote/wire";
 * import { type NatsKvLike, onceInNats } from "@remote/wire/once";
 *
 * export async function serve(kv: NatsKvLike, order: (what: string) => number) {
 *   return createRequestServer(7000, {
 *     once: await onceInNats(kv),
 *     functions: { order },
 *   });
 * }
 * ```
 */
export async function onceInNats(
  kv: NatsKvLike,
  options: NatsOnceOptions & OnceOptions = {},
): Promise<Once> {
  checkOptionKeys(options, NATS_KEYS, "onceInNats()");
  const { prefix, lease, ...rest } = options;
  return new Once(await NatsOnceStore.open(kv, { prefix, lease }), rest);
}
