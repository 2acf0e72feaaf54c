/**
 * Calls and messages that outlive a wire: which of them another wire gets.
 *
 * @module
 */

import { type CallFate, isA, isThenable, WireError } from "../base/errors.ts";
import {
  failed,
  failLater,
  knowsWhoAsks,
  owned,
  OwnPromise,
  type Report,
  reportUnawaited,
  unawaited,
  unsent,
} from "../base/report.ts";
import { carriesStream, endStreams, REFERENCE } from "../codec/passing.ts";
import {
  type CallOptions,
  checkOptions,
  dueAt,
  keyOf,
  type OnceKey,
  timeLeft,
  unanswered,
  unusableOptions,
  type WireCallOptions,
} from "../rpc/context.ts";
import {
  CallPromise,
  LaterResult,
  promised,
  rejected,
} from "../rpc/pending_call.ts";
import type { Caller } from "../rpc/remote.ts";
import type { KeptCallOptions, ResolvedKeepOptions } from "./_supervisor.ts";
import { type Clock, whenGivenUp } from "../base/clock.ts";
import type { Lifetime } from "../base/lifetime.ts";

/** What is asked of a wire. */
interface Carrier {
  /** The reason of its death. */
  readonly ended: WireError | undefined;
  /** Calls for an answer. */
  call(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options?: WireCallOptions,
  ): Promise<unknown>;
  /** Calls one way. */
  send(name: string, args: unknown[], options?: CallOptions): Promise<void>;
  /** Sends a typed message. */
  outputObject(value: unknown): Promise<void>;
}

/** The options that matter to calls. */
type Options = Pick<
  ResolvedKeepOptions<object, object>,
  "clock" | "idempotent" | "onError" | "repeats" | "waiting"
>;

/** Carries calls out over one wire after another. */
export class KeptCalls {
  /** How many went to another wire because the first never sent them. */
  moved = 0;
  /** How often a call was repeated. */
  repeated = 0;

  readonly #options: Options;
  readonly #lifetime: Lifetime;
  readonly #waiting: ParkedCalls;
  /** Where calls go; undefined where they have to wait. */
  #wire: Carrier | undefined;
  #made = 0;

  /**
   * @param options All options.
   * @param lifetime Tells why a call can no longer be made.
   * @param lastFailure Why there is no wire.
   */
  constructor(
    options: Options,
    lifetime: Lifetime,
    lastFailure: () => WireError | undefined,
  ) {
    this.#options = options;
    this.#lifetime = lifetime;
    this.#waiting = new ParkedCalls(options.clock, lastFailure);
  }

  /** How many wait for a wire. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Makes a call, or sends a message.
   *
   * @param kind How it is sent.
   * @param name The function's name.
   * @param args Its arguments; the value of a message is the only one.
   * @param options The caller's.
   * @returns What becomes of it.
   */
  make(
    kind: KeptKind,
    name: string,
    args: unknown[],
    options?: KeptCallOptions,
  ): Promise<unknown> {
    try {
      return this.#make(kind, name, args, options);
    } catch (thrown) {
      const error = unusableOptions(name, thrown);
      endStreams(args, error);
      const { onError } = this.#options;
      return kind === "value"
        ? rejected(error, onError, unawaited(name))
        : failed(error, onError, place(kind, name));
    }
  }

  #make(
    kind: KeptKind,
    name: string,
    args: unknown[],
    options: KeptCallOptions | undefined,
  ): Promise<unknown> {
    const call: KeptCall = {
      order: this.#made++,
      once: onceOf(kind, name, options),
      kind,
      name,
      args,
      options,
      dueAt: dueAt(options, this.#options.clock),
      fate: "notSent",
      repeats: 0,
    };
    const wire = this.#wire;
    if (wire !== undefined) return this.#carry(call, wire, options);
    const waiting = this.#wait(call, true);
    if (kind === "value") return waiting;
    return owned(waiting, this.#options.onError, place(kind, name));
  }

  /**
   * A wire stands: what waits is sent first.
   *
   * @param wire The wire.
   */
  connected(wire: Carrier): void {
    const { clock } = this.#options;
    this.#waiting.takeAll((call) =>
      this.#carry(call, wire, optionsLeft(call, clock))
    );
    const isUsable = wire.ended === undefined &&
      this.#lifetime.refusal("connected") === undefined;
    this.#wire = isUsable ? wire : undefined;
  }

  /** No wire takes calls any more: they wait. */
  disconnected(): void {
    this.#wire = undefined;
  }

  /**
   * Fails all that waits, because nothing follows. What is under way is its
   * wire's.
   *
   * @param reason Why.
   */
  end(reason: WireError): void {
    this.#wire = undefined;
    this.#waiting.failAll(reason);
  }

  /** Gives a call to a wire. */
  #carry(
    call: KeptCall,
    wire: Carrier,
    options: CallOptions | undefined,
  ): Promise<unknown> {
    const way = carry(call, wire, options);
    const failed = async (error: unknown) =>
      await this.#failed(call, wire, error);
    if (call.kind !== "value") return this.#own(call, way, failed);
    return new KeptPromise(
      way,
      failed,
      (error) => this.#moves(wire, error),
      this.#options.onError,
      call.name,
    );
  }

  /** What its caller holds of a call that is not for one value. */
  #own(
    { kind, name }: KeptCall,
    way: Promise<unknown>,
    failed: (error: unknown) => Promise<unknown>,
  ): Promise<unknown> {
    const made: OwnPromise<unknown> = new OwnPromise((resolve) =>
      way.then(resolve, (error) =>
        resolve(
          failed(error).catch((error) => {
            reportUnawaited(
              made,
              error,
              this.#options.onError,
              place(kind, name),
            );
            throw error;
          }),
        ))
    );
    return made;
  }

  /** Whether a call on a result can be made on the result of another wire. */
  #moves(wire: Carrier, error: unknown): boolean {
    return isA(error, WireError) && error.sent === "notSent" &&
      wire.ended !== undefined && this.#lifetime.refusal("") === undefined;
  }

  /** A call failed: that is passed on, unless another wire may have it. */
  #failed(call: KeptCall, wire: Carrier, error: unknown): Promise<unknown> {
    if (!isA(error, WireError) || error.sent === undefined) {
      return Promise.reject(error);
    }
    const isWires = wire.ended !== undefined || error.code === "closed";
    if (!isWires) return Promise.reject(withFate(call, error));
    // Perhaps it is only closing; it takes no more calls.
    if (this.#wire === wire) this.#wire = undefined;
    const isOver = this.#lifetime.refusal(call.name) !== undefined;
    const isSafe = error.sent === "notSent";
    const mayLeaveAgain = (isSafe || this.#mayRepeat(call)) &&
      !carriesStream(call.args);
    if (isOver || !mayLeaveAgain) return this.#fail(call, error);
    if (isSafe) {
      this.moved++;
    } else {
      this.repeated++;
      call.repeats++;
      call.fate = "maybeExecuted";
    }
    return this.#wait(call, false);
  }

  #mayRepeat({ kind, name, once, options, repeats }: KeptCall): boolean {
    const { idempotent, onError, repeats: most } = this.#options;
    if (kind === "message" || repeats >= most) return false;
    if (once !== undefined) return true;
    try {
      const answer: unknown = options?.idempotent ?? idempotent(name);
      if (!isThenable(answer)) return answer === true;
      Promise.resolve(answer).catch((error) => onError(error, "idempotent"));
      throw new WireError(
        "invalidArgument",
        `The option "idempotent" has to answer at once whether "${name}" may run again, and it answered with a promise.`,
      );
    } catch (error) {
      onError(error, "idempotent");
      return false;
    }
  }

  /** Lets a call wait for a wire, unless there is another by now. */
  #wait(call: KeptCall, isNew: boolean): Promise<unknown> {
    const refusal = this.#lifetime.refusal(call.name);
    if (refusal !== undefined) return this.#fail(call, refusal);
    const { clock, onError, waiting: most } = this.#options;
    const wire = this.#wire;
    if (wire !== undefined) {
      return this.#carry(call, wire, optionsLeft(call, clock));
    }
    if (isNew && this.waiting >= most) {
      return this.#fail(call, tooManyWait(call.name, most));
    }
    const waiting = this.#waiting.add(call);
    return call.kind === "value"
      ? promised(waiting, onError, unawaited(call.name))
      : waiting;
  }

  /** Fails a call. */
  #fail(call: KeptCall, error: WireError): Promise<unknown> {
    // What a wire has taken, it has ended.
    if (error.sent !== "maybeExecuted") endStreams(call.args, error);
    const told = withFate(call, error);
    return call.kind === "value"
      ? rejected(told, this.#options.onError, unawaited(call.name))
      : Promise.reject(told);
  }
}

/** Where something failed that nobody awaits. */
function place(kind: KeptKind, name: string): string {
  if (kind === "message") return "a message, which was not sent";
  return kind === "send" ? unsent(name) : unawaited(name);
}

/** Lets a call out over a wire. */
function carry(
  { kind, name, args, once }: KeptCall,
  wire: Carrier,
  given: KeptCallOptions | undefined,
): Promise<unknown> {
  const options = ofWire(given, once);
  switch (kind) {
    case "value":
      return wire.call(name, args, false, options);
    case "values":
      return wire.call(name, args, true, options);
    case "send":
      return wire.send(name, args, options);
    case "message":
      return wire.outputObject(args[0]);
  }
}

/** What a wire is told: it repeats no call. */
function ofWire(
  options: KeptCallOptions | undefined,
  once: OnceKey | undefined,
): WireCallOptions | undefined {
  if (options === undefined) return options;
  if (once === undefined && !("idempotent" in options)) return options;
  const ofWire = { ...options };
  delete ofWire.idempotent;
  return once === undefined ? ofWire : { ...ofWire, once };
}

/** The key of a call that is to run once: all wires get the same. */
function onceOf(
  kind: KeptKind,
  name: string,
  options: KeptCallOptions | undefined,
): OnceKey | undefined {
  const once = options?.once;
  if (once === undefined || once === false) return undefined;
  if (kind === "send") throw unanswered(name);
  return keyOf(once);
}

function tooManyWait(name: string, most: number): WireError {
  return new WireError(
    "limit",
    `The call of "${name}" may not wait for a connection: ${most} calls do (the option "waiting").`,
    { sent: "notSent" },
  );
}

// The promise of a value that one wire or another brings.

/** The promise of a call's value, on which calls can be made at once. */
class KeptPromise extends CallPromise {
  readonly #moves: (error: unknown) => boolean;
  readonly #report: Report;

  /**
   * @param way The promise of the wire that has the call.
   * @param failed Answers what becomes of the call when that fails.
   * @param moves Whether what failed with an error was never sent, and can be
   * made anew: so are calls on a result, once that is there.
   * @param report Told what the call fails with where nobody awaits it.
   * @param name The function's name.
   */
  constructor(
    way: Promise<unknown>,
    failed: (error: unknown) => Promise<unknown>,
    moves: (error: unknown) => boolean,
    report: Report,
    name: string,
  ) {
    let settle!: (value: unknown) => void;
    super((resolve) => settle = resolve);
    this.#moves = moves;
    this.#report = report;
    const known = way instanceof CallPromise ? way[REFERENCE] : undefined;
    const later = new LaterResult(report);
    this[REFERENCE] = known ?? later;
    const onValue = known === undefined
      ? (value: unknown) => settle(later.keep(value))
      : settle;
    way.then(onValue, (error) => {
      this[REFERENCE] = later;
      settle(
        failed(error).then(later.keep, (error) => {
          reportUnawaited(this, error, report, unawaited(name));
          throw error;
        }),
      );
    });
  }

  /** Calls functions of the result. */
  protected override caller(): Caller {
    const caller = super.caller();
    const moves = this.#moves;
    const report = this.#report;
    return {
      call: (...call) => {
        const failed = (error: unknown) =>
          moves(error) ? caller.call(...call) : Promise.reject(error);
        return new KeptPromise(
          caller.call(...call),
          failed,
          moves,
          report,
          call[0],
        );
      },
      send: (...call) => caller.send(...call),
    };
  }
}

knowsWhoAsks(KeptPromise);

// Calls and messages that wait for a wire.

/** The ways in which something is sent over a wire. */
type KeptKind = "value" | "values" | "send" | "message";

/** A call, or a message, until it is settled. */
interface KeptCall {
  /** Its number: what waits is sent in that order. */
  readonly order: number;
  /** What all its attempts share, if it is to run once. */
  readonly once: OnceKey | undefined;
  readonly kind: KeptKind;
  /** The function's name. */
  readonly name: string;
  /** Its arguments; the value of a message is the only one. */
  readonly args: unknown[];
  readonly options: KeptCallOptions | undefined;
  /** When its deadline passes; Infinity where it has none. */
  readonly dueAt: number;
  /** Whether it may have run on a wire that is gone. */
  fate: CallFate;
  /** How often it was repeated. */
  repeats: number;
}

/**
 * A call's options by now.
 *
 * @param call The call.
 * @param clock Tells what is left of its deadline.
 * @returns The options.
 */
function optionsLeft(
  { options, dueAt }: KeptCall,
  clock: Clock,
): KeptCallOptions | undefined {
  return timeLeft(options, dueAt, clock);
}

/**
 * The error as its caller has to see it: a call that may have run on one wire
 * was not "not sent" because another wire never sent it.
 *
 * @param call The call.
 * @param error Why it fails.
 * @returns That error, or one with the true fate.
 */
function withFate({ fate }: KeptCall, error: WireError): WireError {
  if (fate === "notSent" || error.sent !== "notSent") return error;
  return new WireError(error.code, error.message, {
    cause: error,
    sent: "maybeExecuted",
  });
}

/** A call that waits. */
interface ParkedCall {
  readonly call: KeptCall;
  readonly resolve: (value: unknown) => void;
  /** Stops its timer and its listener. */
  stop: () => void;
}

/** What waits for a wire. */
class ParkedCalls {
  readonly #clock: Clock;
  readonly #lastFailure: () => WireError | undefined;
  /** By their numbers; those that come back are not in order. */
  readonly #waiting = new Map<number, ParkedCall>();

  /**
   * @param clock For deadlines.
   * @param lastFailure Why there is no wire.
   */
  constructor(clock: Clock, lastFailure: () => WireError | undefined) {
    this.#clock = clock;
    this.#lastFailure = lastFailure;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Lets a call wait, until its deadline passes or its signal aborts.
   *
   * @param call The call.
   * @returns What becomes of it.
   */
  add(call: KeptCall): Promise<unknown> {
    const options = optionsLeft(call, this.#clock);
    try {
      checkOptions(call.name, options);
    } catch (error) {
      endStreams(call.args, error);
      return Promise.reject(withFate(call, error as WireError));
    }
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const waiting: ParkedCall = { call, resolve, stop: nothing };
    this.#waiting.set(call.order, waiting);
    if (options?.deadline !== undefined || options?.signal !== undefined) {
      this.#guard(waiting, options);
    }
    return promise;
  }

  /**
   * Takes all that wait, in order, what is added meanwhile included.
   *
   * @param take Gets each call, and answers what becomes of it.
   */
  takeAll(take: (call: KeptCall) => Promise<unknown>): void {
    while (this.#waiting.size > 0) {
      const all = [...this.#waiting.values()];
      all.sort((a, b) => a.call.order - b.call.order);
      for (const waiting of all) {
        if (this.#remove(waiting)) waiting.resolve(take(waiting.call));
      }
    }
  }

  /**
   * Fails all that wait.
   *
   * @param reason Why.
   */
  failAll(reason: WireError): void {
    for (const waiting of [...this.#waiting.values()]) {
      const { fate } = waiting.call;
      const what = fate === "notSent" ? "sent" : "repeated";
      this.#fail(waiting, reason.code, `was not ${what}: ${reason.message}`, {
        cause: reason,
      });
    }
  }

  #guard(waiting: ParkedCall, patience: CallOptions): void {
    const { options } = waiting.call;
    waiting.stop = whenGivenUp(
      this.#clock,
      patience,
      () =>
        this.#fail(
          waiting,
          "deadline",
          `waited for a connection until its deadline of ${options?.deadline} ms.`,
          { cause: this.#lastFailure() },
        ),
      (cause) =>
        this.#fail(
          waiting,
          "cancelled",
          "was cancelled by its caller's signal while it waited for a connection.",
          { cause },
        ),
    );
  }

  #fail(
    waiting: ParkedCall,
    code: WireError["code"],
    what: string,
    { cause }: { cause: unknown },
  ): void {
    if (!this.#remove(waiting)) return;
    const { call } = waiting;
    const sent = call.fate;
    const message = `The call of "${call.name}" ${what}`;
    endStreams(call.args, new WireError(code, message, { cause }));
    const makeError = () => new WireError(code, message, { cause, sent });
    waiting.resolve(failLater(makeError, undefined));
  }

  #remove(waiting: ParkedCall): boolean {
    waiting.stop();
    return this.#waiting.delete(waiting.call.order);
  }
}

function nothing(): void {}
