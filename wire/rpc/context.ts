/**
 * Calls as programs deal with them: what a served function knows of the call
 * that it is serving, what may be said about a call, and several values.
 *
 * @module
 */

import {
  errorMessage,
  isA,
  kindOf,
  setBrand,
  shown,
  WireError,
} from "../base/errors.ts";
import {
  checkOptionKeys,
  checkSignal,
  joined,
  mayBeOptions,
} from "../base/checks.ts";
import type { Clock } from "../base/clock.ts";
import {
  guardedController,
  REPORT,
  type Report,
  reportToConsole,
} from "../base/report.ts";
import type { Metadata } from "../codec/messages.ts";

const NO_METADATA: Metadata = Object.freeze(Object.create(null));

/** The identity of the peers of a wire. */
export type IdentityOf<W> = W extends { readonly identity: infer Identity }
  ? Identity
  : unknown;

/** Aborts the signal of a context; for the wire alone. */
export let abortContext: (context: CallContext, reason: WireError) => void;

/** Has a context outlive its wire: its call may be repeated over another. */
export let shieldContext: (context: CallContext) => void;
/** Whether a context outlives its wire. */
export let isShielded: (context: CallContext) => boolean;

/** Gives a context other metadata; for middleware alone. */
export let replaceMetadata: (context: CallContext, metadata: Metadata) => void;
/** Why a context was aborted, if it was; for the wire alone. */
export let abortReason: (context: CallContext) => WireError | undefined;

/**
 * The `this` of a served function. It has what `wire.with()` takes, so that
 * `this.wire.with(this)` passes the caller's deadline, cancel and metadata on.
 *
 * @typeParam W The wire's type.
 *
 * @example A function that stops when its caller does
 * ```ts
 * import { type CallContext, wirePair } from "@remote/wire";
 *
 * const [near, far] = wirePair();
 * far.serve({
 *   async wait(this: CallContext) {
 *     await new Promise((resolve) => this.signal.onabort = resolve);
 *     return this.signal.reason.code;
 *   },
 * });
 * const error = await near.with({ deadline: 20 }).remoteValue.wait()
 *   .catch((e: unknown) => e) as { code: string };
 * if (error.code !== "deadline") throw error;
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export class CallContext<W = unknown> {
  /** The wire that the call came over. */
  readonly wire: W;
  /** The name under which the function was called. */
  readonly functionName: string;
  /** What most calls never need. */
  #more: More | undefined;

  /**
   * Made by the wire.
   *
   * @param wire The wire.
   * @param functionName The function's name.
   * @param clock Tells the time left.
   * @param deadline The caller's deadline in milliseconds from now; 0 for none.
   * @param metadata What the caller said besides.
   */
  constructor(
    wire: W,
    functionName: string,
    clock: Clock,
    deadline: number,
    metadata?: Metadata,
  ) {
    this.wire = wire;
    this.functionName = functionName;
    this.#more = deadline > 0 || metadata !== undefined
      ? new More(clock, deadline, metadata)
      : undefined;
  }

  /**
   * Who makes the call: the identity of its wire, which the option
   * `authenticate` answered. Undefined without that option.
   */
  get identity(): IdentityOf<W> {
    return (this.wire as { identity: IdentityOf<W> }).identity;
  }

  /** What the caller said besides: texts by name. Empty where it said none. */
  get metadata(): Metadata {
    return this.#more?.metadata ?? NO_METADATA;
  }

  /**
   * Aborts when the caller cancels, when its deadline passes and when the
   * wire ends; the reason is a `WireError`.
   */
  get signal(): AbortSignal {
    const more = this.#more ??= new More();
    if (more.controller === undefined) {
      const { [REPORT]: report } = this.wire as { [REPORT]?: Report };
      more.controller = guardedController(
        report ?? reportToConsole,
        `a listener of the signal of "${this.functionName}"`,
      );
      if (more.reason !== undefined) more.controller.abort(more.reason);
    }
    return more.controller.signal;
  }

  /** Milliseconds until the caller's deadline; undefined where it has none. */
  get deadline(): number | undefined {
    return this.#more?.left();
  }

  static {
    setBrand(this, "CallContext");
    abortReason = (context: CallContext): WireError | undefined =>
      context.#more?.reason;
    abortContext = (context: CallContext, reason: WireError): void => {
      const more = context.#more ??= new More();
      if (more.reason !== undefined) return;
      more.reason = reason;
      more.controller?.abort(reason);
    };
    shieldContext = (context: CallContext): void => {
      (context.#more ??= new More()).isShielded = true;
    };
    isShielded = (context: CallContext): boolean =>
      context.#more?.isShielded === true;
    replaceMetadata = (context: CallContext, metadata: Metadata): void => {
      (context.#more ??= new More()).metadata = metadata;
    };
  }
}

/** What a context knows beyond the names of its wire and its function. */
class More {
  metadata: Metadata | undefined;
  reason: WireError | undefined = undefined;
  controller: AbortController | undefined = undefined;
  isShielded = false;
  readonly #clock: Clock | undefined;
  readonly #deadlineAt: number;

  constructor(clock?: Clock, deadline = 0, metadata?: Metadata) {
    this.metadata = metadata;
    const hasDeadline = clock !== undefined && deadline > 0;
    this.#clock = hasDeadline ? clock : undefined;
    this.#deadlineAt = hasDeadline ? clock.now() + deadline : 0;
  }

  /** Milliseconds until the deadline; undefined where there is none. */
  left(): number | undefined {
    return this.#clock === undefined
      ? undefined
      : this.#deadlineAt - this.#clock.now();
  }
}

/** Whether the deadline of a call has passed while it waited to begin. */
export function isLate(context: CallContext | undefined): boolean {
  return (context?.deadline ?? 1) <= 0;
}

/** Why a call ends here, or never begins, when its deadline passes. */
export function tooLate(): WireError {
  return new WireError("deadline", "The deadline of the call has passed.");
}

// What may be said about a single call.

/**
 * What may be said about a single call.
 *
 * @example Metadata, and a deadline
 * ```ts
 * import { type CallContext, WireError, wirePair } from "@remote/wire";
 *
 * const [near, far] = wirePair();
 * far.serve({
 *   whoAsks(this: CallContext) {
 *     return this.metadata.user;
 *   },
 *   think: () => new Promise(() => {}),
 * });
 * const asAlice = near.with({ metadata: { user: "alice" } });
 * if (await asAlice.remoteValue.whoAsks() !== "alice") throw new Error();
 * const error = await near.with({ deadline: 10 }).remoteValue.think()
 *   .catch((e: unknown) => e);
 * if (!(error instanceof WireError) || error.code !== "deadline") throw error;
 * near.abort();
 * await far.closed;
 * ```
 */
export interface CallOptions {
  /**
   * Cancels the call: here at once, and at the peer. It ends the call's
   * streams, too, those of the answer included.
   */
  signal?: AbortSignal | undefined;
  /**
   * How long to wait for the answer, in milliseconds from when the call is
   * made, time in queues of this side included. The peer is told what is left
   * when the call is sent, and its function's signal aborts then too. Streams
   * of the call, those of the answer included, that have not ended by then are
   * ended. `Infinity` is for ever. One of 0 or less has passed: the call is not
   * made.
   *
   * @default {undefined} for ever
   */
  deadline?: number | undefined;
  /**
   * Texts by name that travel with the call: a trace, a request's number, a
   * tenant. At most 64 of them with 8,192 UTF-16 units together.
   *
   * A served function that calls on with `this.wire.with(this)` passes its
   * caller's metadata on too. Where they are not for that peer's eyes, pick
   * what is: `with({ signal, deadline })`.
   */
  metadata?: Metadata | undefined;
  /**
   * Whether the signal and the deadline end streams of a call that is
   * answered: `"bound"`, they do until each stream has come to its end;
   * `"free"`, they are done with the call, and its streams go on. Until there
   * is an answer they end those in its arguments in any case.
   *
   * @default {"bound"}
   */
  streams?: "bound" | "free" | undefined;
  /**
   * Told how far a large call is: see {@linkcode CallProgress}. What it throws,
   * or rejects with, goes to `onError` of the wire.
   */
  onProgress?: ((progress: CallProgress) => unknown) | undefined;
}

/**
 * How far a large call is. Arguments and results that are larger than a frame
 * (about 64 KiB) travel in pieces, and each piece is told: of arguments when it is
 * handed to the connection, of a result when it came. Smaller ones travel
 * whole, and nothing is told of them. Of streams in arguments and results their
 * items are told, all streams of one direction together; nobody knows the total
 * of these.
 *
 * Several pieces that come at once are told once. The last piece of a result is
 * told before the call's promise resolves, and nothing is told once the call
 * has failed, or was given up. A call that is made again, as over another
 * connection, begins again at its first piece.
 *
 * @example
 * ```ts
 * import { type CallProgress, wirePair } from "@remote/wire";
 *
 * const [near, far] = wirePair();
 * far.serve({ reversed: (bytes: Uint8Array) => bytes.toReversed() });
 *
 * const shares: Record<string, number> = {};
 * function onProgress({ of, bytes, total }: CallProgress) {
 *   if (total !== undefined) shares[of] = bytes / total;
 * }
 * await near.with({ onProgress }).remoteValue.reversed(new Uint8Array(500_000));
 * if (shares.arguments !== 1 || shares.result !== 1) throw new Error();
 * await near.close();
 * ```
 */
export interface CallProgress {
  /** What is told of: one of the four parts that a call can have. */
  readonly of: "arguments" | "result" | "streamsSent" | "streamsReceived";
  /**
   * How many bytes of it were sent, or came. They are bytes of the message, in
   * which values are encoded; of streams of bytes, they are these bytes.
   */
  readonly bytes: number;
  /** How many there will be; undefined for streams. */
  readonly total: number | undefined;
}

/**
 * What several attempts of one call share, so that the peer knows them for one.
 * The wires that they go over note in it where it may have run: an attempt
 * elsewhere is refused then.
 */
export interface OnceKey {
  /** A text of 1 to 1,000 UTF-16 units that no other call has. */
  readonly key: string;
  /** Filled in: which store knows of the first attempt that may have run. */
  store?: string;
  /** Filled in: when that was made, by the clock of its wire. */
  since?: number;
}

/** What may be said about a single call over a wire. */
export interface WireCallOptions extends CallOptions {
  /**
   * Whether the peer is to run the call at most once for its key, and to answer
   * a call that has the same key by what came of the first. True is a key of
   * its own for each call; a text, or what several attempts share, is a key of
   * yours. The peer needs the option `once`, and remembers for as long as that
   * says. Arguments and result are values, without references and streams; and
   * such calls have no order among them.
   *
   * @default {false}
   */
  once?: boolean | string | OnceKey | undefined;
}

const CALL_KEYS: Readonly<Record<keyof CallOptions, true>> = {
  signal: true,
  deadline: true,
  metadata: true,
  streams: true,
  onProgress: true,
};

/**
 * Refuses options that are misspelt. What is of a class, as the context of a
 * served call, has more than options, and is taken as it is.
 *
 * @param options What a program passed.
 * @param known The options that there are.
 * @param more Where there are more: a sentence for the message.
 * @throws {WireError} `invalidArgument`.
 */
export function checkCallOptions(
  options: CallOptions | undefined,
  known: Readonly<Record<string, true>> = CALL_KEYS,
  more?: string,
): void {
  if (options === undefined) return;
  try {
    let isKnown = false;
    for (const key in typeof options === "object" ? options : {}) {
      if (known[key] === true) {
        isKnown = true;
        continue;
      }
      const prototype = Object.getPrototypeOf(options);
      const isPlain = prototype === Object.prototype || prototype === null;
      if (
        !isPlain && !Array.isArray(options) && mayBeOptions(options, known)
      ) return;
      // What is of a class, and has none of them, is no options.
      isKnown = false;
      break;
    }
    if (!isKnown) checkOptionKeys(options, known, "a call", more);
  } catch (error) {
    if (isA(error, WireError)) throw error;
    // What cannot be looked at fails its call.
  }
}

/** Those of a call over a wire. */
export const WIRE_CALL_KEYS: Readonly<Record<string, true>> =
  /* @__PURE__ */ joined(CALL_KEYS, { once: true });

/** Those of a call over a kept connection. */
export const KEPT_CALL_KEYS: Readonly<Record<string, true>> =
  /* @__PURE__ */ joined(WIRE_CALL_KEYS, { idempotent: true });

/** The longest deadline that is told; a longer one is none to the peer. */
const LONGEST_TOLD = 2 ** 32 - 1;

/**
 * What a peer is told of a deadline.
 *
 * @param deadline How long its caller waits, in milliseconds.
 * @returns Whole milliseconds; 0 for none.
 */
export function deadlineToTell(deadline: number | undefined): number {
  if (deadline === undefined || deadline > LONGEST_TOLD) return 0;
  return Math.ceil(deadline);
}

/**
 * The moment when a deadline passes.
 *
 * @param options The call's.
 * @param clock Tells the time.
 * @returns That moment; Infinity where there is no deadline.
 */
export function dueAt(options: CallOptions | undefined, clock: Clock): number {
  const deadline: unknown = options?.deadline;
  if (deadline === undefined) return Infinity;
  return typeof deadline === "number" ? clock.now() + deadline : NaN;
}

/**
 * A call's options by now: its deadline goes on while it waits.
 *
 * @param options The caller's.
 * @param due When the deadline passes.
 * @param clock Tells what is left of it.
 * @returns The options.
 */
export function timeLeft<Options extends CallOptions>(
  options: Options | undefined,
  due: number,
  clock: Clock,
): Options | undefined {
  if (options === undefined || due === Infinity) return options;
  return {
    ...options,
    // Of a class, they may not be its own.
    signal: options.signal,
    metadata: options.metadata,
    streams: options.streams,
    onProgress: options.onProgress,
    deadline: due - clock.now(),
  };
}

/**
 * Refuses a call that is too late already.
 *
 * @param name The function's name.
 * @param options The call's signal and deadline.
 * @throws {WireError} `deadline`, `cancelled`, `invalidArgument`, or
 * `unsupportedValue` for what throws when it is looked at.
 */
export function checkOptions(
  name: string,
  options: CallOptions | undefined,
): void {
  if (options === undefined) return;
  try {
    check(name, options);
  } catch (error) {
    throw unusableOptions(name, error);
  }
}

/**
 * A call's options, each read once: what is checked is what is used.
 *
 * @param name The function's name.
 * @param options What a program passed.
 * @throws {WireError} What {@linkcode checkOptions} throws.
 */
export function readOptions(name: string, options: CallOptions): CallOptions {
  try {
    const { deadline, signal, metadata, streams, onProgress } = options;
    const read = { deadline, signal, metadata, streams, onProgress };
    check(name, read);
    return read;
  } catch (error) {
    throw unusableOptions(name, error);
  }
}

/**
 * The error of a call whose options cannot be used.
 *
 * @param name The function's name.
 * @param error What looking at them threw.
 */
export function unusableOptions(name: string, error: unknown): WireError {
  return isA(error, WireError) ? error : new WireError(
    "unsupportedValue",
    `The options of the call of "${name}" cannot be used: ${
      errorMessage(error)
    }`,
    { cause: error },
  );
}

function check(name: string, options: CallOptions): void {
  const { deadline, signal, metadata, streams, onProgress } = options;
  if (metadata !== undefined) checkMetadata(metadata);
  if (streams !== undefined && streams !== "bound" && streams !== "free") {
    throw new WireError(
      "invalidArgument",
      `The option "streams" of a call is "bound" or "free", not ${
        shown(streams)
      }.`,
    );
  }
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw new WireError(
      "invalidArgument",
      `The option "onProgress" of a call is a function, not ${
        shown(onProgress)
      }.`,
    );
  }
  if (deadline !== undefined) checkDeadline(name, deadline);
  if (signal === undefined) return;
  checkSignal(signal);
  if (signal.aborted) {
    throw new WireError(
      "cancelled",
      `The call of "${name}" was cancelled by its caller's signal before it was made.`,
      { cause: signal.reason, sent: "notSent" },
    );
  }
}

function checkDeadline(name: string, deadline: unknown): void {
  if (typeof deadline === "number") {
    if (deadline > 0) return;
    if (deadline <= 0) {
      throw new WireError(
        "deadline",
        `The deadline of "${name}" had passed before it was called.`,
        { sent: "notSent" },
      );
    }
  }
  throw new WireError(
    "invalidArgument",
    `A deadline is a number of milliseconds, or Infinity for no limit, and not ${
      shown(deadline)
    }.`,
  );
}

export function checkMetadata(metadata: Metadata): void {
  if (
    typeof metadata !== "object" || metadata === null || Array.isArray(metadata)
  ) {
    throw new WireError(
      "invalidArgument",
      'The metadata of a call are an object of texts, such as { tenant: "blue" }.',
    );
  }
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value === "string") continue;
    throw new WireError(
      "invalidArgument",
      `The metadata of a call are texts, and its "${key}" is ${
        kindOf(value)
      }. Use String(value), or pass it as an argument.`,
    );
  }
}

// Calls that are to run once: what each is known by.

/** The longest key, in UTF-16 units: it travels among the metadata. */
const LONGEST = 1_000;

/**
 * The key of a call that is to run once.
 *
 * @param once What its caller passed.
 * @returns The key; a new one for true.
 * @throws {WireError} `invalidArgument` for what is no key.
 */
export function keyOf(once: unknown): OnceKey {
  if (once === true) return newKey();
  if (isKey(once)) return { key: once };
  try {
    const { key } = Object(once);
    if (isKey(key)) return once as OnceKey;
  } catch {
    // It cannot be looked at.
  }
  throw new WireError(
    "invalidArgument",
    `The option "once" of a call is true, or a key: a text of 1 to ${LONGEST} units. It is not ${
      shown(once)
    }.`,
  );
}

function isKey(key: unknown): key is string {
  return typeof key === "string" && key !== "" && key.length <= LONGEST &&
    key.isWellFormed();
}

/** Makes a key that no other call has, and that nobody can guess. */
function newKey(): OnceKey {
  const words = crypto.getRandomValues(new Uint32Array(4));
  const digits = Array.from(
    words,
    (word) => word.toString(16).padStart(8, "0"),
  );
  return { key: digits.join("") };
}

/**
 * The error of a one-way call that is to run once.
 *
 * @param name The function's name.
 */
export function unanswered(name: string): WireError {
  return new WireError(
    "invalidArgument",
    `${
      shown(name)
    } is to run once, and is called one way: nobody would know whether to repeat it. Call it for its answer.`,
    { sent: "notSent" },
  );
}

// Several values from one function, as Lisp functions return them.

/**
 * Several values; {@linkcode values} makes it. A caller that asks with
 * `remoteValues` gets all of them, one that asks with `remoteValue` the first.
 *
 * @typeParam T The types of the values, in order.
 *
 * @example
 * ```ts
 * import { type Values, values, wirePair } from "@remote/wire";
 *
 * interface Maths {
 *   divide(a: number, b: number): Values<[quotient: number, rest: number]>;
 * }
 * const [near, far] = wirePair<Maths>();
 * far.serve({
 *   divide: (a: number, b: number) => values(Math.floor(a / b), a % b),
 * });
 * const [quotient, rest] = await near.remoteValues.divide(17, 5);
 * if (quotient !== 3 || rest !== 2) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export class Values<const T extends readonly unknown[]> {
  /** The values. */
  readonly list: T;

  /**
   * Use {@linkcode values}.
   *
   * @param list The values.
   */
  constructor(list: T) {
    this.list = list;
  }

  /** Tells the type checker these from any other object with a `list`. */
  get "~several"(): true {
    return true;
  }

  static readonly #brand = /* @__PURE__ */ setBrand(this, "Values");
}

/** Asks whether this copy made something, and goes past `hasInstance`. */
const OwnValues = function () {} as unknown as typeof Values;
Object.defineProperty(OwnValues, "prototype", { value: Values.prototype });

/**
 * The values of what a function returned, where `values()` of this copy made
 * them. Every result is asked, so that the question has to be cheap. It never
 * throws.
 *
 * @param result What a function returned.
 * @returns The values; undefined where it returned something else.
 */
export function ownSeveral(result: unknown): unknown[] | undefined {
  try {
    return result instanceof OwnValues ? result.list as unknown[] : undefined;
  } catch {
    // Proxies may throw when they are looked at.
    return undefined;
  }
}

/**
 * The values of what a function returned, whichever copy made them.
 *
 * @param result What a function returned.
 * @returns The values; undefined where it returned something else.
 */
export function severalOf(result: unknown): unknown[] | undefined {
  return result instanceof Values ? result.list as unknown[] : undefined;
}

/**
 * Returns several values from a served function.
 *
 * @param list The values.
 * @returns What the function has to return.
 *
 * @example
 * ```ts
 * import { type Values, values, wirePair } from "@remote/wire";
 *
 * interface Arithmetic {
 *   divmod(a: number, b: number): Values<[number, number]>;
 * }
 * const [near, far] = wirePair<Arithmetic>();
 * far.serve({ divmod: (a, b) => values(Math.floor(a / b), a % b) });
 * const [quotient, rest] = await near.remoteValues.divmod(17, 5);
 * if (quotient !== 3 || rest !== 2) throw new Error();
 * if (await near.remoteValue.divmod(17, 5) !== 3) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export function values<T extends unknown[]>(...list: T): Values<T> {
  return new Values(list);
}
