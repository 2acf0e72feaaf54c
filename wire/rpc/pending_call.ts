/**
 * A call that was made, and has no answer yet.
 *
 * @module
 */

import { setBrand, WireError } from "../base/errors.ts";
import {
  ASKED,
  type Asked,
  callHook,
  knowsWhoAsks,
  owned,
  type Report,
  reportUnawaited,
  unawaited,
  unsent,
} from "../base/report.ts";
import type { Target } from "../codec/messages.ts";
import {
  type BoundStream,
  carriesStream,
  endStreams,
  REFERENCE,
  type StreamsOfCall,
} from "../codec/passing.ts";
import { valueKind } from "../codec/value_kinds.ts";
import type { Ticket } from "../flow/output.ts";
import type { QueuedMessage } from "../flow/windows.ts";
import type { CallOptions, CallProgress } from "./context.ts";
import { type Caller, localCaller, referentOf, remotes } from "./remote.ts";
import type {
  AnyFunctions,
  RemoteSend,
  RemoteValue,
  RemoteValues,
} from "./remote_types.ts";

/** What makes calls that need the result of another. */
export interface CallMaker {
  /** Told what calls fail with that nobody awaits. */
  readonly report: Report | undefined;
  /** Whether a call may be made that needs the result of another. */
  canFollow(base: PendingCall): boolean;
  /** Makes a call. */
  call(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options?: CallOptions,
    target?: Target,
    following?: Following,
  ): CallPromise;
}

/**
 * A call whose answer has not come.
 *
 * Over 15 fields: each call makes one, and one object takes less time and memory
 * than several. What few calls need is in `streams`, `follows` and `waiting`.
 */
export class PendingCall implements Ticket, PendingResult {
  /** The calls that it is one of. */
  readonly calls: CallMaker;
  /** Its number; another call's once it is over. */
  readonly id: number;
  /** Its number among all calls of the wire: ids are used again. */
  order = 0;
  /** The function's name. */
  readonly name: string;
  /** Whether all values are wanted, or the first. */
  readonly wantsValues: boolean;
  /** Where it was made, if that is recorded. */
  readonly site: Error | undefined;
  /** The offset of its first byte in the output. */
  position = Infinity;
  /** Called when it was sent whole, or never will be; defined until then. */
  onSettled: ((failure?: Error) => void) | undefined = undefined;
  /** Settles its promise. */
  resolve: (value: unknown) => void = nothing;
  /** What its caller holds. */
  promise: CallPromise | undefined = undefined;
  /** What it counts for in the peer's window, where it did not have to wait. */
  cost = 0;
  /** What waits for its turn; undefined where it did not have to. */
  waiting: QueuedMessage | undefined = undefined;
  /** True when its caller was told already: the answer will be discarded. */
  settled = false;
  /** Its value, once it is there. */
  value: unknown = undefined;
  /** Whether its value is there. */
  hasValue = false;
  /** Whether calls were made on it, or with it, before it was there. */
  isUsed = false;
  /** Stops its timer and its listener. */
  cleanup: (() => void) | undefined = undefined;
  /** Its streams, where something may end them, or is told of them. */
  streams: CallStreams | undefined = undefined;
  /** Tells how far it is, where somebody wants to know. */
  progress: ProgressTeller | undefined = undefined;
  /** Calls whose results it needs, and how to make it without those. */
  follows: Following | undefined = undefined;
  /** How many calls that need its result have no answer. */
  followers = 0;
  /** Whether its id is free as soon as there are none. */
  isOver = false;

  /**
   * @param calls The calls that it is one of.
   * @param id Its number.
   * @param name The function's name.
   * @param wantsValues Whether all values are wanted.
   * @param site Where it was made.
   */
  constructor(
    calls: CallMaker,
    id: number,
    name: string,
    wantsValues: boolean,
    site: Error | undefined,
  ) {
    this.calls = calls;
    this.id = id;
    this.name = name;
    this.wantsValues = wantsValues;
    this.site = site;
  }

  /** One more stream ends with it. */
  add(stream: BoundStream): void {
    (this.streams ??= new CallStreams(false, this.progress)).add(stream);
  }

  /** So many bytes of its message, of all, were handed over. */
  onPart(bytes: number, total: number): void {
    this.progress?.tell("arguments", bytes, total);
  }

  /** Whether calls may be made that need its result, and do not wait. */
  get canBeFollowed(): boolean {
    return this.calls.canFollow(this);
  }

  /** Told what calls fail with that nobody awaits. */
  get report(): Report | undefined {
    return this.calls.report;
  }

  /** Calls a function of its result. */
  callOn(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options: CallOptions | undefined,
    again: () => Promise<unknown>,
  ): CallPromise | undefined {
    const { calls, id } = this;
    // Made anew, it would send its streams a second time.
    if (!calls.canFollow(this) || carriesStream(args)) return undefined;
    const following = { bases: [this], again };
    const target = { result: id };
    return calls.call(name, args, wantsValues, options, target, following);
  }
}

/** What a call needs of others. */
export interface Following {
  /** The calls whose results it needs. */
  readonly bases: PendingCall[];
  /** Makes it anew where the peer no longer has a result. */
  readonly again: () => Promise<unknown>;
}

function nothing(): void {}

// The promise of a call's value, on which further calls can be made before
// the value is there.

/** What a promise knows of its call. */
export interface PendingResult {
  /** Whether the value is there. */
  readonly hasValue: boolean;
  /** The value, once it is there. */
  readonly value: unknown;
  /** Whether calls were made on it, or with it, before it was there. */
  isUsed: boolean;
  /** Whether calls may be made that need the result, and do not wait for it. */
  readonly canBeFollowed: boolean;
  /** Told what calls fail with that nobody awaits. */
  readonly report: Report | undefined;
  /**
   * Calls a function of the result, without waiting for it.
   *
   * @param again Makes the call once the result is there.
   * @returns Undefined when the result has to be waited for.
   */
  callOn(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options: CallOptions | undefined,
    again: () => Promise<unknown>,
  ): Promise<unknown> | undefined;
}

/** The promise of a call's value. */
export class CallPromise extends Promise<unknown> implements Asked {
  /** What it knows of its call. */
  [REFERENCE]: PendingResult | undefined = undefined;
  /** Whether somebody has asked for it. */
  [ASKED] = false;

  /** Calls functions of the result one way, once it is there. */
  get remote(): RemoteSend<AnyFunctions> {
    return this.#remotes().remote;
  }

  /** Calls functions of the result for one value. */
  get remoteValue(): RemoteValue<AnyFunctions> {
    return this.#remotes().remoteValue;
  }

  /** Calls functions of the result for all values. */
  get remoteValues(): RemoteValues<AnyFunctions> {
    return this.#remotes().remoteValues;
  }

  /** What a console shows, in place of all that is behind it. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "RemotePromise { await it }";
  }

  static readonly #brand = /* @__PURE__ */ setBrand(this, "CallPromise");

  #remotes() {
    // Who calls on the result learns there that it failed.
    this.catch(nothing);
    const pending = this[REFERENCE];
    if (pending !== undefined) pending.isUsed = true;
    return remotes<AnyFunctions>(this.caller(), undefined, true);
  }

  /** Calls functions of the result. */
  protected caller(): Caller {
    return {
      call: (name, args, wantsValues, options) => {
        const again = () =>
          this.#whenThere(
            name,
            args,
            (caller) => caller.call(name, args, wantsValues, options),
          );
        const pending = this[REFERENCE];
        return pending?.callOn(name, args, wantsValues, options, again) ??
          promised(again(), pending?.report, unawaited(name));
      },
      send: (name, args, options) =>
        owned(
          this.#whenThere(
            name,
            args,
            (caller) => caller.send(name, args, options),
          ),
          this[REFERENCE]?.report,
          unsent(name),
        ),
    };
  }

  /**
   * Makes a call of the result. Without one, streams among its arguments end.
   */
  #whenThere<T>(
    name: string,
    args: unknown[],
    make: (caller: Caller) => Promise<T>,
  ): Promise<T> {
    const failed = (error: unknown) => {
      endStreams(args, error);
      throw error;
    };
    return this.then((result) => {
      let caller: Caller;
      try {
        caller = callerOf(result, name);
      } catch (error) {
        return failed(error);
      }
      return make(caller);
    }, failed);
  }
}

knowsWhoAsks(CallPromise);

/** A result that calls have to wait for. */
export class LaterResult implements PendingResult {
  hasValue = false;
  value: unknown = undefined;
  isUsed = false;
  readonly canBeFollowed = false;
  readonly report: Report | undefined;

  /** @param report Told what calls fail with that nobody awaits. */
  constructor(report: Report | undefined) {
    this.report = report;
  }

  callOn(): undefined {}

  /** Keeps the value, and returns it. */
  readonly keep = (value: unknown): unknown => {
    this.hasValue = true;
    if (this.isUsed) suppressLeakWarning(value);
    return this.value = value;
  };
}

/**
 * A promise on which calls can be made, of what another is of.
 *
 * @param promise The other one.
 * @param report Told of an error where nobody asks.
 * @param where What fails then.
 */
export function promised(
  promise: Promise<unknown>,
  report: Report | undefined,
  where: string,
): CallPromise {
  const later = new LaterResult(report);
  const made: CallPromise = new CallPromise((resolve) =>
    resolve(promise.then(later.keep, (error) => {
      reportUnawaited(made, error, report, where);
      throw error;
    }))
  );
  made[REFERENCE] = later;
  return made;
}

/**
 * A promise on which calls can be made, of a call that failed at once.
 *
 * @param error What it failed with.
 * @param report Told of the error where nobody asks.
 * @param where What failed.
 */
export function rejected(
  error: unknown,
  report: Report | undefined,
  where: string,
): CallPromise {
  const made = new CallPromise((_, reject) => reject(error));
  made[REFERENCE] = new LaterResult(report);
  reportUnawaited(made, error, report, where);
  return made;
}

/** What calls the functions of a result that is there. */
function callerOf(result: unknown, name: string): Caller {
  const referent = referentOf(result);
  if (referent !== undefined) return referent.caller;
  // An object of this side: data has no functions but those that it holds.
  const isObject = typeof result === "object" && result !== null ||
    typeof result === "function";
  if (isObject && !isCopied(result)) return localCaller(result);
  throw noRemoteObject(name);
}

/** Whether something came as a copy, and has functions of its class alone. */
function isCopied(value: object): boolean {
  const kind = valueKind(value);
  return kind !== undefined && kind !== "record";
}

/** The error of a call on a result that has no functions. */
export function noRemoteObject(name: string): WireError {
  return new WireError(
    "noSuchFunction",
    `${
      JSON.stringify(name)
    } was called on a result that is not a remote object. Check what the function returns.`,
  );
}

/**
 * A reference that was called on before it was there may never be asked for:
 * then nobody could release it, and no warning is due.
 *
 * @param value The result that came.
 */
export function suppressLeakWarning(value: unknown): void {
  referentOf(value)?.suppressLeakWarning?.();
}

// How far a large call is.

/** Tells how far one call is, as its caller wants to know. */
export class ProgressTeller {
  readonly #onProgress: NonNullable<CallOptions["onProgress"]>;
  readonly #report: Report;
  /** What came in the present turn: the last of each part. */
  #due: Map<CallProgress["of"], CallProgress> | undefined;
  #isOver = false;

  /**
   * @param onProgress What the caller gave.
   * @param report Told what that throws.
   */
  constructor(
    onProgress: NonNullable<CallOptions["onProgress"]>,
    report: Report,
  ) {
    this.#onProgress = onProgress;
    this.#report = report;
  }

  /**
   * Tells how far a part of the call is. It does so at the end of the turn:
   * what the caller does then cannot disturb what is just written, or read.
   */
  tell(of: CallProgress["of"], bytes: number, total?: number): void {
    if (this.#due === undefined) {
      this.#due = new Map();
      queueMicrotask(() => this.#tellAll());
    }
    this.#due.set(of, { of, bytes, total });
  }

  /** The call has failed, or was given up: nothing is told any more. */
  end(): void {
    this.#isOver = true;
  }

  #tellAll(): void {
    const due = this.#due!;
    this.#due = undefined;
    for (const progress of due.values()) {
      if (this.#isOver) return;
      const failed = (error: unknown) => this.#report(error, "onProgress");
      callHook(() => this.#onProgress(progress), failed);
    }
  }
}

// The streams that one call carries, in its arguments and in its answer: its
// signal and its deadline end them.

/** The streams of one call that are open. */
export class CallStreams implements StreamsOfCall {
  readonly #open = new Set<BoundStream>();
  readonly #isFree: boolean;
  readonly #progress: ProgressTeller | undefined;
  /** How many bytes of their items were sent, and came. */
  readonly #bytes = { streamsSent: 0, streamsReceived: 0 };
  /** Why they were ended. */
  #reason: WireError | undefined;
  /** Stops what may end them. */
  #cleanup: (() => void) | undefined;

  /**
   * @param isFree Whether they are ended no more once the call is settled.
   * @param progress Tells how far they are.
   */
  constructor(isFree = false, progress?: ProgressTeller) {
    this.#isFree = isFree;
    this.#progress = progress;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** One more goes with the call; it ends at once where the others have. */
  add(stream: BoundStream): void {
    if (this.#reason !== undefined) return stream.abort(this.#reason);
    stream.call = this;
    this.#open.add(stream);
  }

  /** One has ended by itself. */
  remove(stream: BoundStream): void {
    stream.call = undefined;
    this.#open.delete(stream);
    if (this.#open.size === 0) this.#stop();
  }

  /** An item of one was sent, or came. */
  moved(of: "streamsSent" | "streamsReceived", bytes: number): void {
    if (bytes > 0) this.#progress?.tell(of, this.#bytes[of] += bytes);
  }

  /** The call's signal aborted, or its deadline has passed. */
  end(reason: WireError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#progress?.end();
    for (const stream of this.#open) {
      stream.call = undefined;
      stream.abort(reason);
    }
    this.#open.clear();
    this.#stop();
  }

  /**
   * The call is settled.
   *
   * @param cleanup Stops what may end the streams: called when all have ended.
   */
  settled(cleanup: () => void): void {
    this.#cleanup = cleanup;
    if (this.#isFree) {
      for (const stream of this.#open) stream.call = undefined;
      this.#open.clear();
    }
    if (this.#open.size === 0) this.#stop();
  }

  #stop(): void {
    const cleanup = this.#cleanup;
    this.#cleanup = undefined;
    cleanup?.();
  }
}

/** Why streams end at the signal of a call that needs no answer any more. */
export function streamsCancelled(name: string, cause: unknown): WireError {
  return new WireError(
    "cancelled",
    `The streams of "${name}" were ended by its caller's signal.`,
    { cause },
  );
}

/** Why streams end at the deadline of such a call. */
export function streamsTooLong(name: string, deadline: number): WireError {
  return new WireError(
    "deadline",
    `The streams of "${name}" did not end within ${deadline} ms, the deadline of the call. Give it more time, or let them go on with the call's option { streams: "free" }.`,
  );
}
