/**
 * Connections that are made again when they are lost, and the calls that
 * outlive them.
 *
 * @example
 * ```ts
 * import { keepConnected } from "@remote/wire/reconnect";
 * import { wirePair } from "@remote/wire/wire";
 *
 * const kept = keepConnected(() => {
 *   const [near, far] = wirePair();
 *   far.serve({ greet: (name: string) => `Hello ${name}.` });
 *   return Promise.resolve(near);
 * });
 * if (await kept.remoteValue.greet("self") !== "Hello self.") throw new Error();
 * await kept.close();
 * ```
 *
 * @module
 */

import {
  checkFlags,
  checkHook,
  checkWantsValues,
  mistaken,
  ownArguments,
} from "../base/checks.ts";
import { rejected } from "../rpc/pending_call.ts";
import {
  type CallOptions,
  checkCallOptions,
  checkMetadata,
  KEPT_CALL_KEYS,
} from "../rpc/context.ts";
import {
  errorMessage,
  isA,
  OwnTrouble,
  Refusal,
  shown,
  WireError,
  type WireErrorCode,
} from "../base/errors.ts";
import type { Metadata } from "../codec/messages.ts";
import { endStreams } from "../codec/passing.ts";
import { isPlain } from "../codec/value_kinds.ts";
import {
  type Connect,
  type KeepConnectedOptions,
  type KeptCallOptions,
  resolveKeepOptions,
  Supervisor,
} from "./_supervisor.ts";
import { type Caller, remotes } from "../rpc/remote.ts";
import type {
  AnyFunctions,
  Checked,
  Remotes,
  RemoteSend,
  RemoteStream,
  RemoteValue,
  RemoteValues,
} from "../rpc/remote_types.ts";
import type { Wire } from "../wire.ts";
import {
  failed,
  quiet,
  type Report,
  unawaited,
  unsent,
} from "../base/report.ts";
import { abortReason, Lifetime } from "../base/lifetime.ts";
import { KeptCalls } from "./_kept_calls.ts";

export type {
  BackoffOptions,
  Connect,
  ConnectedInfo,
  KeepConnectedOptions,
  KeptCallOptions,
  LostInfo,
} from "./_supervisor.ts";

/** Counts of a kept connection. All but the last add up. */
export interface KeptStats {
  /** Attempts to connect. */
  readonly attempts: number;
  /** Attempts that led to a wire. */
  readonly connections: number;
  /** Calls and messages that a wire never sent, and that waited for another. */
  readonly moved: number;
  /** Times that an idempotent call was repeated. */
  readonly repeated: number;
  /** Now: calls and messages that wait for a wire. */
  readonly waiting: number;
}

/**
 * Calls a peer over one wire after another. {@linkcode keepConnected} makes
 * it.
 *
 * What is called while there is no wire waits for the next one, and is sent in
 * the order in which it was called. What was given to a wire that died goes to
 * the next if no byte of it was sent; if the peer may have run it, it fails
 * (`error.sent` is `"maybeExecuted"`), unless it is marked as idempotent. Until
 * a call is settled its arguments must not be changed: they may be sent again.
 * While a server closes gracefully, its wire finishes what it was given, and
 * that may come after what went over the next wire.
 *
 * One-way calls and messages that a wire has taken are never repeated, and a
 * wire that dies loses them: use calls where that matters.
 *
 * @typeParam Remote The interface that the peer serves.
 * @typeParam Local The interface that this side serves.
 *
 * @example A call after the server was lost
 * ```ts
 * import { keepConnected } from "@remote/wire/reconnect";
 * import { type Wire, wirePair } from "@remote/wire/wire";
 *
 * const servers: Wire[] = [];
 * const kept = keepConnected(() => {
 *   const [near, far] = wirePair();
 *   far.serve({ count: () => servers.length });
 *   servers.push(far);
 *   return Promise.resolve(near);
 * }, { backoff: { least: 1 } });
 * if (await kept.remoteValue.count() !== 1) throw new Error();
 * servers[0]?.abort();
 * await kept.wire?.closed;
 * if (await kept.remoteValue.count() !== 2) throw new Error();
 * if (kept.stats().connections !== 2) throw new Error();
 * await kept.close();
 * ```
 */
export class KeptConnection<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
> implements Caller, AsyncDisposable {
  readonly #supervisor: Supervisor<Remote, Local>;
  readonly #onError: Report;
  readonly #calls: KeptCalls;
  readonly #lifetime: Lifetime;
  readonly #remotes: Remotes<Remote>;
  readonly #opened = Promise.withResolvers<void>();
  /** What has a stream go on over the next wire, for each that is read. */
  readonly #moves = new Set<() => void>();
  /** How often a wire took no more calls. */
  #losses = 0;

  /**
   * Use {@linkcode keepConnected}.
   *
   * @param connect Makes a connection.
   * @param options What differs from the default.
   */
  constructor(
    connect: Connect<Remote, Local>,
    options?: KeepConnectedOptions<Remote, Local> | null,
  ) {
    if (typeof connect !== "function") {
      throw new WireError(
        "invalidArgument",
        "keepConnected() takes a function that connects, for it connects again and again: () => connectToRemoteServer(host, port).",
      );
    }
    const resolved = resolveKeepOptions(options ?? {});
    const { onDeath, onError, signal } = resolved;
    this.#onError = onError;
    const lifetime = this.#lifetime = new Lifetime(onError);
    const supervisor = this.#supervisor = new Supervisor(connect, resolved, {
      connected: (wire) => {
        this.#calls.connected(wire);
        this.#opened.resolve();
      },
      disconnected: () => {
        this.#losses++;
        this.#calls.disconnected();
        for (const move of this.#moves) move();
      },
      gaveUp: (reason) => this.#end(reason),
      waiting: () => this.#calls.waiting,
    });
    this.#calls = new KeptCalls(
      resolved,
      lifetime,
      () => supervisor.lastFailure,
    );
    this.#remotes = remotes<Remote>(this);
    quiet(this.#opened.promise);
    if (onDeath) this.onDeath(onDeath);
    if (signal !== undefined) this.#abortOn(signal);
    supervisor.run().catch((error) => this.abort(ownTrouble(error)));
  }

  #abortOn(signal: AbortSignal): void {
    const onAbort = () => this.abort(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    this.onDeath(() => signal.removeEventListener("abort", onAbort));
  }

  /**
   * The wire that takes calls; undefined while there is none. One that its
   * server closes is none, though calls under way still finish there.
   */
  get wire(): Wire<Remote, Local> | undefined {
    return this.#supervisor.wire;
  }

  /**
   * `"connecting"` while an attempt is under way, `onConnected` included;
   * `"waiting"` between attempts; `"closed"` once no further attempt is made.
   */
  get state(): "connecting" | "connected" | "waiting" | "closed" {
    return this.#supervisor.state;
  }

  /** Resolves when it is connected for the first time; rejects if never. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /**
   * Resolves with the reason when all is over: an error whose code is `closed`
   * after `close()`, and where the last server closed its wire, else that of the
   * last failure. It never rejects.
   */
  get closed(): Promise<WireError> {
    return this.#lifetime.closed;
  }

  /** The reason of the end; undefined while it connects again. */
  get ended(): WireError | undefined {
    return this.#lifetime.reason;
  }

  /** Aborts with the reason of the end, not with the end of each wire. */
  get signal(): AbortSignal {
    return this.#lifetime.signal;
  }

  /** The peer's functions, called one way. See `Wire.remote`. */
  get remote(): RemoteSend<Remote> {
    return this.#remotes.remote;
  }

  /** The peer's functions, called for one value. See `Wire.remoteValue`. */
  get remoteValue(): RemoteValue<Remote> {
    return this.#remotes.remoteValue;
  }

  /** The peer's functions, called for all values. See `Wire.remoteValues`. */
  get remoteValues(): RemoteValues<Remote> {
    return this.#remotes.remoteValues;
  }

  /**
   * The peer's functions, called with a signal, a deadline (which runs while a
   * call waits, too) or a mark.
   *
   * @param options What holds for every call.
   * @returns The same three proxies.
   * @throws {WireError} `invalidArgument` for an option that there is not, and a
   * mark that is neither true nor false.
   */
  with(options: KeptCallOptions): Remotes<Remote> {
    checkKeptOptions(options);
    return remotes<Remote>(this, options);
  }

  /**
   * Calls a function of the peer by name. See `Wire.call`.
   *
   * @param name The function's name.
   * @param args Its arguments; none where it is left out.
   * @param wantsValues Whether to get the list of all its values.
   * @param options The call's signal, deadline and mark.
   * @returns The value, or the list of values.
   */
  call(
    name: string,
    args: unknown[] = [],
    wantsValues = false,
    options?: KeptCallOptions,
  ): Promise<unknown> {
    let own: unknown[] = [];
    try {
      own = ownArguments(name, args);
      checkWantsValues(wantsValues);
      checkKeptOptions(options);
    } catch (error) {
      endStreams(own, error);
      return rejected(error, this.#onError, unawaited(name));
    }
    return this.#calls.make(
      wantsValues ? "values" : "value",
      name,
      own,
      options,
    );
  }

  /**
   * Calls a function of the peer by name, one way. See `Wire.send`.
   *
   * @param name The function's name.
   * @param args Its arguments; none where it is left out.
   * @param options The call's signal, deadline and mark.
   * @returns A promise that resolves when the call may be sent.
   */
  send(
    name: string,
    args: unknown[] = [],
    options?: KeptCallOptions,
  ): Promise<void> {
    let own: unknown[] = [];
    try {
      own = ownArguments(name, args);
      checkKeptOptions(options);
    } catch (error) {
      endStreams(own, error);
      return failed(error, this.#onError, unsent(name));
    }
    return this.#calls.make("send", name, own, options) as Promise<void>;
  }

  /**
   * Reads a stream over one wire after another. Where a wire is lost, or its
   * server closes it, the stream is opened again behind the last item that was
   * consumed: one whose consumer has asked for the next. For that the function
   * has to return what {@linkcode resumable} makes. Any other stream ends with
   * the error of its wire, unless nothing came of it by then.
   *
   * @typeParam T The items.
   * @param open Calls the function that returns the stream; called again each
   * time it is opened, as if it were idempotent.
   * @param options The signal and the metadata of each of these calls. A
   * deadline bounds each of them, and its stream.
   * @returns The items. Leaving the loop cancels the stream.
   * @throws {WireError} While it is read: `cursorGone` where the server no
   * longer has that place; `invalidArgument` where `open` is no function, or
   * gives no stream; and whatever the stream, its call or the end of the
   * kept connection fail with.
   *
   * @example
   * ```ts
   * import { keepConnected, resumable } from "@remote/wire/reconnect";
   * import { type CallContext, type Wire, wirePair } from "@remote/wire/wire";
   *
   * interface Counter {
   *   count(to: number): AsyncIterable<number>;
   * }
   * const servers: Wire[] = [];
   * const kept = keepConnected<Counter>(() => {
   *   const [near, far] = wirePair<Counter>();
   *   far.serve({
   *     count(this: CallContext, to: number) {
   *       return resumable(this, async function* (after) {
   *         for (let n = Number(after ?? 0) + 1; n <= to; n++) {
   *           yield [n, n] as const;
   *         }
   *       });
   *     },
   *   });
   *   servers.push(far);
   *   return Promise.resolve(near);
   * }, { backoff: { least: 1 } });
   *
   * const items: number[] = [];
   * for await (const item of kept.resume((remote) => remote.count(5))) {
   *   items.push(item);
   *   if (item === 3) servers[0]?.abort();
   * }
   * if (items.join() !== "1,2,3,4,5" || servers.length !== 2) throw new Error();
   * await kept.close();
   * ```
   */
  async *resume<T>(
    open: (remote: RemoteValue<Remote>) => PromiseLike<AsyncIterable<T>>,
    options: CallOptions = {},
  ): AsyncGenerator<T, void, void> {
    checkHook(open, "What resume() opens the stream by");
    checkCallOptions(options);
    if (options.metadata !== undefined) checkMetadata(options.metadata);
    const reading: Reading = { after: undefined, isNamed: false, count: 0 };
    for (;;) {
      const losses = this.#losses;
      try {
        const isMoved = yield* this.#read(open, options, reading);
        if (!isMoved) return;
      } catch (error) {
        const isLost = this.#losses !== losses && isA(error, WireError) &&
          Object.hasOwn(ENDS, error.code) &&
          this.#lifetime.refusal("") === undefined;
        if (!isLost || !reading.isNamed && reading.count > 0) throw error;
      }
    }
  }

  /** Reads a stream over one wire; returns whether it goes on over the next. */
  async *#read<T>(
    open: (remote: RemoteValue<Remote>) => PromiseLike<AsyncIterable<T>>,
    { signal, deadline, metadata, streams, onProgress }: CallOptions,
    reading: Reading,
  ): AsyncGenerator<T, boolean, void> {
    const { remoteValue } = this.with({
      ...{ signal, deadline, streams, onProgress, idempotent: true },
      metadata: { ...metadata, ...askBehind(reading.after) },
    });
    let isMoved = false;
    let stream: AsyncIterable<T> & Partial<RemoteStream<T>> | undefined;
    const move = () => {
      isMoved = true;
      // Without places there is nothing to go on by: it ends with its wire.
      if (reading.isNamed) leave(stream);
    };
    this.#moves.add(move);
    try {
      stream = await open(remoteValue);
      if (!isStream(stream)) throw notAStream(stream);
      let isFirst = true;
      for await (const item of stream) {
        if (isFirst && isNaming(item)) {
          reading.isNamed = true;
          if (isMoved) break;
        } else if (reading.isNamed) {
          // Another server may not know how to name them.
          if (isFirst) throw nameless();
          if (!isPlaced(item)) throw misplaced(item);
          const [cursor, own] = item as readonly [Cursor, T];
          yield own;
          reading.after = cursor;
        } else {
          reading.count++;
          yield item;
        }
        isFirst = false;
      }
      return isMoved && reading.isNamed;
    } finally {
      this.#moves.delete(move);
    }
  }

  /**
   * Sends a typed message. See `Wire.outputObject`. What the peer sends is
   * taken from each wire, in `onConnected`.
   *
   * @typeParam T The value's type.
   * @param value Any value that can be sent.
   * @returns A promise that resolves when the message may be sent.
   */
  outputObject<T>(value: T & NoInfer<Checked<T>>): Promise<void> {
    return this.#calls.make("message", "outputObject", [value]) as Promise<
      void
    >;
  }

  /**
   * Ends. Calls under way finish, calls that wait for a wire fail with
   * `closed`, and no further attempt is made.
   *
   * @returns A promise that resolves when all connections are gone.
   */
  async close(): Promise<void> {
    const lifetime = this.#lifetime;
    if (!lifetime.isDraining && lifetime.reason === undefined) {
      lifetime.isDraining = true;
      const { wires } = this.#supervisor;
      const reason = closedReason();
      this.#supervisor.stop(reason);
      this.#calls.end(reason);
      await Promise.all(wires.map((wire) => wire.close()));
      this.#end(reason);
    }
    await this.closed;
  }

  /**
   * Ends at once: the wire is aborted, and all calls fail.
   *
   * @param reason Why: an error, or any value that has a text.
   */
  abort(reason?: unknown): void {
    const error = abortReason(reason, "The kept connection");
    const { wires } = this.#supervisor;
    this.#end(error);
    for (const wire of wires) wire.abort(error);
  }

  /**
   * Has a function called when it ends for good; at once if it has.
   *
   * @param listener Called once, with the reason.
   */
  onDeath(listener: (reason: WireError) => void): void {
    this.#lifetime.listen(listener);
  }

  /** Counts. */
  stats(): KeptStats {
    const { attempts, connections } = this.#supervisor;
    const { moved, repeated, waiting } = this.#calls;
    return { attempts, connections, moved, repeated, waiting };
  }

  /** Closes, as `await using` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The one place where it ends. */
  #end(reason: WireError): void {
    if (!this.#lifetime.end(reason)) return;
    this.#supervisor.stop(reason);
    this.#calls.end(reason);
    this.#opened.reject(reason);
    this.#lifetime.declare();
    const markClosed = () => this.#lifetime.markClosed();
    this.#supervisor.finished().then(markClosed, markClosed);
  }
}

/**
 * Keeps a connection: connects, and connects again with a growing, jittered
 * wait whenever the wire is lost, until it is closed or a failure is final.
 * Nothing of that is silent for who listens: `onConnected` and `onLost` are
 * called each time.
 *
 * @typeParam Remote The interface that the peer serves.
 * @typeParam Local The interface that this side serves.
 * @param connect Makes a connection: any function that promises a wire.
 * @param options What is told, repeated and waited for.
 * @returns The kept connection, at once; calls wait until it stands.
 * @throws {WireError} `invalidArgument` for an option out of its range.
 *
 * @example
 * ```ts
 * import { keepConnected, wirePair } from "@remote/wire";
 *
 * interface Calculator {
 *   add(a: number, b: number): number;
 * }
 * // With a server: () => connectToRemoteServer("localhost", 7000)
 * const connect = () => {
 *   const [near, far] = wirePair<Calculator>();
 *   far.serve({ add: (a, b) => a + b });
 *   return Promise.resolve(near);
 * };
 * const lost: string[] = [];
 * await using kept = keepConnected(connect, {
 *   onLost: (reason) => lost.push(reason.message),
 *   idempotent: ["add"],
 * });
 * if (await kept.remoteValue.add(40, 2) !== 42) throw new Error();
 *
 * kept.wire?.abort("a cable was pulled");
 * if (await kept.remoteValue.add(1, 1) !== 2) throw new Error();
 * if (lost.length !== 1) throw new Error();
 * ```
 */
export function keepConnected<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(
  connect: Connect<Remote, Local>,
  options?: KeepConnectedOptions<Remote, Local> | null,
): KeptConnection<Remote, Local> {
  return new KeptConnection(connect, options);
}

// Streams that go on over another wire: what names the places in them.

/**
 * A place in a stream, which its producer understands: a text, a finite number,
 * or a list or plain object of what JSON has, such as
 * `{ file: "a.log", offset: 17 }`. A client may send any of these for the place
 * that it goes on behind: check it.
 */
export type Cursor = string | number | object;

/** How deep lists and objects in a place may be. */
const CURSOR_DEPTH = 8;

/** Checks the names of a call's options, and its mark. */
function checkKeptOptions(options: KeptCallOptions | undefined): void {
  if (options === undefined) return;
  checkCallOptions(options, KEPT_CALL_KEYS);
  let mark: unknown;
  try {
    mark = options.idempotent;
  } catch {
    // What cannot be looked at fails its call.
  }
  checkFlags({ idempotent: mark }, ["idempotent"]);
}

/** How far a stream was read. */
interface Reading {
  /** The place of the last item that was consumed. */
  after: Cursor | undefined;
  /** Whether its producer names places. */
  isNamed: boolean;
  /** How many items came that have no place. */
  count: number;
}

/** Under what name the metadata of a call have the place to go on behind. */
const BEHIND = "remote-wire-behind";
/** What a stream begins with whose other items come with their places. */
const NAMING = "remote-wire-places";

/** Cancels a stream, which may be anything that `open` gave. */
function leave(stream: { cancel?: unknown } | undefined): void {
  (async () => {
    if (typeof stream?.cancel === "function") await stream.cancel();
  })().catch(() => {});
}

/** The codes with which a wire ends. */
const ENDS: Readonly<Record<string, true>> = {
  aborted: true,
  busy: true,
  closed: true,
  connectionLost: true,
  keepalive: true,
  peerAborted: true,
  stalled: true,
  timeout: true,
} satisfies Partial<Record<WireErrorCode, true>>;

/** Whether something can be read item by item; a text is no stream. */
function isStream(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    (Symbol.asyncIterator in value || Symbol.iterator in value);
}

function notAStream(value: unknown): WireError {
  return mistaken(
    "resume() is given what opens a stream, such as (remote) => remote.count(5), and gives a stream",
    value,
  );
}

function askBehind(after: Cursor | undefined): Metadata {
  return { [BEHIND]: JSON.stringify(after ?? null) };
}

function isNaming(item: unknown): boolean {
  return typeof item === "object" && item !== null && NAMING in item;
}

function nameless(): WireError {
  return new WireError(
    "cursorGone",
    "The stream cannot go on: this server's function does not name the places of its items. Have all of them return what resumable() makes.",
  );
}

function misplaced(item: unknown): WireError {
  return new WireError(
    "malformed",
    `An item of a stream that names its places comes as [place, item], and the server sent ${
      shown(item)
    }.`,
  );
}

/**
 * Makes a stream that can go on over another wire, also at another server: a
 * served function returns it. `KeptConnection.resume()` reads it so; whoever
 * calls the function without that gets the items by themselves.
 *
 * @typeParam T The items.
 * @param context The `this` of the served function.
 * @param source Makes the items, each with its place: all that come behind a
 * place, or all that there are for undefined. Of a place that is gone it throws
 * `new Refusal("cursorGone", "…")`, which its reader gets.
 * @returns The stream, for the function to return.
 * @throws {Refusal} `invalidArgument` for a caller's place that is none.
 * @throws {WireError} `invalidArgument` for what is no context, and no function.
 *
 * @example See `KeptConnection.resume()`
 * ```ts
 * import { resumable } from "@remote/wire/reconnect";
 * import { type CallContext, Refusal, wirePair } from "@remote/wire/wire";
 *
 * const log = new Map([[7, "seven"], [8, "eight"]]);
 * const [near, far] = wirePair();
 * far.serve({
 *   lines(this: CallContext) {
 *     return resumable(this, async function* (after) {
 *       if (after !== undefined && !log.has(Number(after))) {
 *         throw new Refusal("cursorGone", `There is no line ${after}.`);
 *       }
 *       for (const [at, line] of log) {
 *         if (at > Number(after ?? 0)) yield [at, line] as const;
 *       }
 *     });
 *   },
 * });
 * const lines: unknown[] = [];
 * const stream = await near.remoteValue.lines() as AsyncIterable<unknown>;
 * for await (const line of stream) lines.push(line);
 * if (lines.join() !== "seven,eight") throw new Error();
 * await near.close();
 * ```
 */
export function resumable<T>(
  context: { readonly metadata: Metadata },
  source: (after: Cursor | undefined) => AsyncIterable<readonly [Cursor, T]>,
): AsyncIterable<T> {
  const { metadata } = Object(context);
  if (typeof metadata !== "object" || metadata === null) {
    throw new WireError(
      "invalidArgument",
      `resumable() takes the context of the served function, which is its "this", and not ${
        shown(context)
      }. An arrow function has no context: write a method.`,
    );
  }
  checkHook(source, "What resumable() makes the items by");
  const { [BEHIND]: behind } = metadata as Metadata;
  if (behind === undefined) return unnamed(source(undefined));
  // Whoever asks for places knows that an item comes with its own.
  return named(source(placeOf(behind))) as AsyncIterable<
    unknown
  > as AsyncIterable<T>;
}

/** The place that a caller wants to go on behind. */
function placeOf(behind: string): Cursor | undefined {
  try {
    const place: unknown = JSON.parse(behind);
    if (place === null) return undefined;
    if (isCursor(place)) return place;
  } catch {
    // It is no place.
  }
  throw new Refusal(
    "invalidArgument",
    `A place in a stream is a text, a number, a list or an object, in JSON, and not ${
      shown(behind)
    }.`,
  );
}

async function* unnamed<T>(
  source: AsyncIterable<readonly [Cursor, T]>,
): AsyncGenerator<T> {
  for await (const each of source) yield checked(each)[1];
}

async function* named<T>(
  source: AsyncIterable<readonly [Cursor, T]>,
): AsyncGenerator<unknown> {
  yield { [NAMING]: 1 };
  for await (const each of source) yield checked(each);
}

/** Refuses an item without a place. */
function checked<T>(each: readonly [Cursor, T]): readonly [Cursor, T] {
  if (isPlaced(each)) return each;
  throw new WireError(
    "invalidArgument",
    `The source of resumable() gives [place, item], whose place is a text, a finite number, or a list or an object of what JSON has, and it gave ${
      shown(each)
    }.`,
  );
}

/** Whether an item comes with its place. */
function isPlaced(item: unknown): boolean {
  return Array.isArray(item) && item.length === 2 && isCursor(item[0]);
}

function isCursor(value: unknown): value is Cursor {
  return value !== null && typeof value !== "boolean" && isJson(value, 0);
}

/** Whether JSON has a value as it is. */
function isJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value);
    case "object": {
      if (value === null) return true;
      if (depth === CURSOR_DEPTH) return false;
      if (!Array.isArray(value) && !isPlain(value)) return false;
      return Object.values(value).every((each) => isJson(each, depth + 1));
    }
    default:
      return false;
  }
}

function closedReason(): WireError {
  return new WireError("closed", "The kept connection was closed.");
}

/** A hook failed where nothing else catches it. */
function ownTrouble(error: unknown): WireError {
  return isA(error, WireError) ? error : new OwnTrouble(
    "aborted",
    `The kept connection failed: ${errorMessage(error)}`,
    { cause: error },
  );
}
