/**
 * The serving side: finds the function that a call names, runs it, and sends
 * what comes of it. A call reaches only what was served, by its own name.
 *
 * @module
 */

import { NoRoom } from "../flow/byte_output.ts";
import {
  AwaitedResult,
  type Borrower,
  endStreams,
  fill,
  type Method,
  methodOf,
  type ReceivedAttachments,
} from "../codec/passing.ts";
import { type Clock, TokenBucket } from "../base/clock.ts";
import {
  abortContext,
  CallContext,
  hasAborted,
  ownSeveral,
  severalOf,
  Values,
} from "./context.ts";
import { malformed, Refusal, shortText, WireError } from "../base/errors.ts";
import {
  asWireError,
  dropUnused,
  excessOf,
  type Expecting,
  Forecast,
  gone,
  keyOf,
  noSuchFunction,
  noSuchObject,
  oneWay,
  RipeCalls,
  troubleOf,
} from "./_served_calls.ts";
import { LIST_FUNCTIONS, listFunctions, servedEntries } from "./served.ts";
import type { Report } from "../base/report.ts";
import type { Memory, WireLimits } from "../base/limits.ts";
import type { CallExtras } from "../codec/message_receiver.ts";
import { ReturnMessage, type Target } from "../codec/messages.ts";
import { type CallKind, type Middleware, serveThrough } from "./middleware.ts";
import type { MessageOutput } from "../flow/output.ts";
import type { Lifetime } from "../base/lifetime.ts";
import { LazyMap, Queue } from "../base/collections.ts";
import { isA, laterOf, settled, wordsOf } from "../base/shown.ts";
import { referentOf, resolvable } from "./remote_object.ts";
import {
  FailedResult,
  HeldFunctions,
  Results,
  type SharedObjects,
} from "./results.ts";
import { sendThrown } from "./thrown.ts";
import type { ReceiveWindow } from "../flow/windows.ts";
import type { ValueTypes } from "../codec/value_types.ts";

/** How calls are served. */
export interface ServingOptions {
  /** What they are served through; the first is the outermost. */
  readonly serveThrough?: readonly Middleware[];
  /** Whether to list what is served for a peer that asks. */
  readonly introspection?: boolean;
  /** The types of values that are declared. */
  readonly valueTypes?: ValueTypes | undefined;
}

/** What calls are served with. */
export interface IncomingOptions {
  /** What functions get as `this.wire`. */
  readonly wire: object;
  /** Where answers go. */
  readonly output: MessageOutput;
  /** For deadlines. */
  readonly clock: Clock;
  /** Tells whether answers are still wanted. */
  readonly lifetime: Lifetime;
  /** This side's limits. */
  readonly limits: WireLimits;
  /** Accounts for one-way calls. */
  readonly window: ReceiveWindow;
  /** Accounts for what calls hold beyond their bytes; a dialect may have none. */
  readonly memory?: Memory | undefined;
  /** What passes by reference, and may be called; a dialect may have none. */
  readonly objects?: ServedObjects | undefined;
  /** Told what has no other place to go. */
  readonly onError: Report;
  /** How calls are served. */
  readonly serving: ServingOptions;
  /** Called when nothing runs or waits any more. */
  readonly onIdle: () => void;
}

/** A call that came, and waits to begin. */
interface ParkedCall {
  readonly name: string;
  readonly args: unknown[];
  readonly extras: CallExtras | undefined;
  /** What it is of. */
  readonly receiver: unknown;
  /** What it counts for. */
  readonly cost: number;
}

/** What serving has to do with objects that pass by reference. */
export interface ServedObjects extends SharedObjects {
  /** Called when streams of an answer are wanted no more. */
  context: CallContext | undefined;
  /** The object of a reference; undefined when there is none any more. */
  find(slot: number, nonce: number): object | undefined;
}

/** A call that is being served. */
interface Running extends Expecting {
  readonly id: number;
  /** What the call counts for. */
  readonly cost: number;
  /** What its arguments take beyond that. */
  readonly excess: number;
  readonly context: CallContext;
  /** What came along with it. */
  readonly arrived: ReceivedAttachments | undefined;
  stopTimer: (() => void) | undefined;
  /** Whether its caller has given up. */
  isForNobody: boolean;
}

/** Runs what the peer calls. */
export class IncomingCalls {
  /** How many calls came. */
  served = 0;

  readonly #wire: object;
  readonly #output: MessageOutput;
  readonly #clock: Clock;
  readonly #lifetime: Lifetime;
  readonly #limits: WireLimits;
  readonly #window: ReceiveWindow;
  readonly #memory: Memory | undefined;
  readonly #onError: Report;
  readonly #onIdle: () => void;
  /** Undefined where there is none, which costs nothing then. */
  readonly #middleware: readonly Middleware[] | undefined;
  readonly #introspection: boolean;
  readonly #functions = new Map<string, Method>();
  #cancels: TokenBucket | undefined;
  /** Calls that came, less the cancels: there is at most one for each. */
  #cancellable = 0;
  /** Asynchronous calls with an answer, by id. */
  readonly #calls = new LazyMap<number, Running>();
  /** Asynchronous one-way calls. */
  readonly #sends = new LazyMap<Running, Running>();
  /** Calls that came while the output had no room. */
  readonly #parkedCalls = new LazyMap<number, ParkedCall>();
  /** Calls that have the results which they need, and are about to begin. */
  #ripe: RipeCalls | undefined;
  /** What answers that come later will be like; undefined until there is one. */
  #forecast: Forecast | undefined;
  /** What calls that wait for their answer count for. */
  #held = 0;
  /** One-way calls that came while too many were running. */
  readonly #parkedSends = new Queue<ParkedCall>();
  /** Results that calls of the peer may need; a dialect may have none. */
  readonly #results: Results | undefined;
  readonly #objects: ServedObjects | undefined;

  /** @param options What calls are served with. */
  constructor(options: IncomingOptions) {
    const { limits, memory, objects, serving } = options;
    const { serveThrough = [], introspection = false, valueTypes } = serving;
    this.#middleware = serveThrough.length > 0 ? serveThrough : undefined;
    this.#introspection = introspection;
    this.#wire = options.wire;
    this.#output = options.output;
    this.#clock = options.clock;
    this.#lifetime = options.lifetime;
    this.#limits = limits;
    this.#window = options.window;
    this.#memory = memory;
    this.#onError = options.onError;
    this.#onIdle = options.onIdle;
    this.#objects = objects;
    this.#results = objects === undefined ? undefined : new Results(
      limits.calls,
      limits.window + limits.message,
      objects,
      memory,
      valueTypes,
    );
  }

  /** Messages that came together are about to be dealt with. */
  beginChunk(): void {
    this.#results?.begin();
  }

  /** They are dealt with. */
  finishChunk(): void {
    this.#results?.finish();
  }

  /**
   * The result of a call of the peer, as an argument of another.
   *
   * @param id The call whose result it is.
   * @param borrower The arguments of the other one.
   * @throws {WireError} `resultGone`.
   */
  argument(id: number, borrower: Borrower): unknown {
    return this.#results?.argument(id, this.#isOwed(id), borrower);
  }

  /** What was copied of results is no longer held. */
  releaseBorrowed(borrower: Borrower): void {
    this.#results?.releaseBorrowed(borrower);
  }

  /** Whether a call may begin, rather than wait behind others. */
  #mayBegin(key: string): boolean {
    return (this.#ripe === undefined || this.#ripe.size === 0) &&
      this.#hasRoom(key);
  }

  /** Whether the output has room for its answer. */
  #hasRoom(key: string): boolean {
    return this.#output.hasRoom &&
      (this.#forecast === undefined || this.#forecast.fits(key));
  }

  /** Whether calls wait for room. */
  get #isWaiting(): boolean {
    return this.#parkedCalls.size > 0 ||
      this.#ripe !== undefined && this.#ripe.waiting > 0;
  }

  #isOwed(id: number): boolean {
    return this.#calls.has(id) || this.#parkedCalls.has(id);
  }

  /** How many bytes the calls count for that have no answer yet. */
  get held(): number {
    return this.#held;
  }

  /** How many calls run or wait to. */
  get running(): number {
    return this.#calls.size + this.#sends.size + this.#parkedCalls.size +
      this.#parkedSends.size;
  }

  /** Adds functions to what is served. */
  serve(functions: object): void {
    for (const [name, served] of servedEntries(functions)) {
      this.#functions.set(name, served);
    }
  }

  /**
   * Serves a call for an answer, or refuses one that fails by itself.
   *
   * @param cost What it counts for.
   * @param extras What it has besides; most calls have nothing.
   * @throws {WireError} `malformed` where the peer breaks its promises.
   */
  call(
    id: number,
    name: string,
    args: unknown[],
    cost: number,
    extras?: CallExtras,
  ): void {
    this.#admit(id);
    // What a call is of is looked up as it comes: it may be given back later.
    const receiver = extras === undefined
      ? undefined
      : this.#receiver(id, extras);
    if (
      this.#parkedCalls.size > 0 || !this.#mayBegin(keyOf(name, extras))
    ) {
      this.#hold(cost, excessOf(extras));
      this.#parkedCalls.set(id, { name, args, extras, receiver, cost });
    } else {
      this.#begin(id, name, args, cost, extras, receiver);
    }
  }

  /** Refuses a call that breaks the peer's promises. */
  #admit(id: number): void {
    this.#cancellable++;
    const { calls, message } = this.#limits;
    const window = this.#limits.window + message;
    if (this.#calls.size + this.#parkedCalls.size >= calls) {
      throw malformed(
        `At most ${calls} calls are served at a time, and one more came.`,
      );
    }
    if (this.#held >= window) {
      throw malformed(
        `The peer sent calls beyond its window of ${window} bytes.`,
      );
    }
    if (this.#isOwed(id)) {
      throw malformed(`The call ${id} came again before its answer.`);
    }
  }

  /** What a call is of: an object, a result to come, or why there is none. */
  #receiver(id: number, { target, arrived, failure }: CallExtras): unknown {
    if (failure !== undefined) return undefined;
    if (arrived?.hasResults) this.#results?.lend(id, arrived);
    return target === undefined ? undefined : this.#find(target);
  }

  #find(target: Target): unknown {
    try {
      if ("result" in target) {
        const { result } = target;
        return this.#results?.target(result, this.#isOwed(result));
      }
      return this.#objects?.find(target.slot, target.nonce) ?? noSuchObject();
    } catch (error) {
      if (isA(error, FailedResult)) return error;
      if (isA(error, WireError) && error.code === "malformed") throw error;
      // An object of this side, perhaps, that cannot be looked at.
      return new FailedResult(undefined, asWireError(error));
    }
  }

  /**
   * Serves a one-way call, or reports one that fails by itself.
   *
   * @param cost What it counts for.
   * @param extras What it has besides; most calls have nothing.
   */
  send(
    name: string,
    args: unknown[],
    cost: number,
    extras?: CallExtras,
  ): void {
    if (extras?.failure !== undefined) {
      this.#onError(extras.failure, oneWay(name));
      return this.#window.consumed(cost);
    }
    const target = extras?.target;
    const receiver = target === undefined ? undefined : this.#find(target);
    if (this.#sends.size >= this.#limits.calls || this.#parkedSends.size > 0) {
      this.#memory?.hold(excessOf(extras));
      this.#parkedSends.push({ name, args, extras, receiver, cost });
    } else {
      this.#send(name, args, cost, extras, receiver);
    }
  }

  /** The caller of a call no longer wants its answer. */
  cancel(id: number): void {
    const { cancels, cancelsPerSecond } = this.#limits;
    this.#cancels ??= new TokenBucket(this.#clock, cancels, cancelsPerSecond);
    if (--this.#cancellable < 0) {
      throw malformed("More cancels came than calls.");
    }
    // A network that stood still may bring those of a long time at once.
    if (!this.#cancels.take()) return;
    const running = this.#calls.get(id);
    if (running !== undefined) {
      const reason = "The caller cancelled its call.";
      return this.#giveUp(running, new WireError("cancelled", reason));
    }
    const parked = this.#parkedCalls.get(id);
    if (parked !== undefined) {
      this.#parkedCalls.delete(id);
      this.#give(parked.cost, excessOf(parked.extras));
      parked.extras?.arrived?.drop();
      this.#fail(id, "cancelled", "The call was cancelled before it began.");
    }
  }

  /**
   * The wire is being closed: functions whose callers have given up are not
   * waited for. Those of calls are answered, for a caller waits for all its
   * answers.
   */
  forsakeAbandoned(): void {
    const running = [...this.#calls.values(), ...this.#sends.values()];
    for (const each of running) if (each.isForNobody) this.#forsake(each);
  }

  /** The output has room again: calls that waited for it begin. */
  resume(): void {
    this.#ripe?.resume();
    for (const [id, parked] of this.#parkedCalls) {
      const { name, args, extras, receiver, cost } = parked;
      if (!this.#mayBegin(keyOf(name, extras)) || this.#ended) break;
      this.#parkedCalls.delete(id);
      this.#give(cost, excessOf(extras));
      this.#begin(id, name, args, cost, extras, receiver);
    }
    if (!this.#isWaiting) this.#forecast?.rest();
    this.#checkIdle();
  }

  /** The wire ended: what runs is told, what waits is dropped. */
  end(reason: WireError): void {
    const running = [...this.#calls.values(), ...this.#sends.values()];
    this.#calls.clear();
    this.#sends.clear();
    this.#parkedCalls.clear();
    this.#forecast?.rest();
    while (this.#parkedSends.shift() !== undefined);
    this.#ripe?.end();
    for (const { context, stopTimer } of running) {
      stopTimer?.();
      abortContext(context, reason);
    }
  }

  #begin(
    id: number,
    name: string,
    args: unknown[],
    cost: number,
    extras: CallExtras | undefined,
    receiver: unknown,
  ): void {
    if (extras?.failure !== undefined) {
      const { code, message } = asWireError(extras.failure);
      return this.#fail(id, code, message);
    }
    this.served++;
    const context = this.#context(name, extras);
    if (receiver !== undefined || extras?.arrived !== undefined) {
      return this.#beginWith(id, context, args, cost, extras!, receiver);
    }
    const served = this.#served(name);
    if (served === undefined) return this.#refuse(id, noSuchFunction(name));
    this.#apply(id, context, args, cost, extras, served, undefined);
  }

  /** Begins a call that is of an object, or to which objects came along. */
  #beginWith(
    id: number,
    context: CallContext,
    args: unknown[],
    cost: number,
    extras: CallExtras,
    receiver: unknown,
  ): void {
    const { arrived } = extras;
    const name = context.functionName;
    arrived?.label(`an argument of "${name}"`);
    const awaited = [...arrived?.awaited ?? []];
    if (receiver instanceof AwaitedResult) awaited.push(receiver);
    if (awaited.length > 0) {
      return this.#await(id, context, args, cost, extras, receiver, awaited);
    }
    try {
      if (receiver instanceof FailedResult) throw receiver;
      const [served, object] = this.#method(name, receiver);
      this.#apply(id, context, args, cost, extras, served, object);
    } catch (error) {
      arrived?.drop();
      this.#refuse(id, error);
    }
  }

  /** Begins a call once the results are there that it needs. */
  #await(
    id: number,
    context: CallContext,
    args: unknown[],
    cost: number,
    extras: CallExtras,
    receiver: unknown,
    awaited: readonly AwaitedResult[],
  ): void {
    const { arrived } = extras;
    const name = context.functionName;
    const running = this.#start(id, context, cost, extras);
    const ripe = this.#ripe ??= new RipeCalls((key) => this.#hasRoom(key));
    const ripening = ripe.follow(awaited);
    Promise.all(awaited.map(({ result }) => result)).then(async () => {
      if (arrived !== undefined) await fill(args, arrived.own);
      return receiver instanceof AwaitedResult
        ? await receiver.result
        : receiver === undefined
        ? undefined
        : resolvable(receiver as object);
    }).then((receiver) =>
      ripe.inTurn(keyOf(name, extras), () => {
        if (!this.#settled(running)) return;
        if (hasAborted(context)) {
          throw new WireError(
            "cancelled",
            "The call was cancelled before it began.",
          );
        }
        const [served, object] = this.#method(name, receiver);
        this.#apply(id, context, args, cost, extras, served, object);
      })
    ).catch((error) => {
      arrived?.drop();
      this.#settled(running);
      this.#refuse(id, error);
    }).then(() => {
      ripening();
      this.resume();
    });
  }

  /** Finds the function of a name, and the object whose it is. */
  #method(name: string, receiver: unknown): [Method, object | undefined] {
    if (receiver === undefined) {
      const served = this.#served(name);
      if (served === undefined) throw noSuchFunction(name);
      return [served, undefined];
    }
    if (receiver instanceof HeldFunctions) {
      const held = receiver.find(name);
      return [held, held];
    }
    const object = receiver as object;
    const caller = referentOf(object)?.caller;
    if (caller === undefined) return [methodOf(object, name), object];
    return [(...args) => caller.call(name, args, false), object];
  }

  /** Answers a call that could not begin. */
  #refuse(id: number, error: unknown): void {
    if (this.#ended) return;
    const failed = isA(error, FailedResult) ? error : undefined;
    if (failed !== undefined && failed.refusal === undefined) {
      return this.#throw(id, failed.thrown);
    }
    const { code, message } = asWireError(failed?.refusal ?? error);
    this.#fail(id, code, message);
  }

  #start(
    id: number,
    context: CallContext,
    cost: number,
    extras: CallExtras | undefined,
  ): Running {
    const { arrived, excess = 0 } = extras ?? NO_EXTRAS;
    const left = context.deadline;
    const running: Running = {
      id,
      cost,
      excess,
      context,
      arrived,
      stopTimer: undefined,
      answers: undefined,
      kept: 0,
      since: 0,
      isForNobody: false,
    };
    if (left !== undefined) {
      this.#startTimer(running, Math.max(1, Math.ceil(left)));
    }
    this.#calls.set(id, running);
    this.#hold(cost, excess);
    return running;
  }

  /** A call is held, and what is made of it. */
  #hold(cost: number, excess: number): void {
    this.#held += cost;
    if (excess > 0) this.#memory?.hold(excess);
  }

  /** It is held no more. */
  #give(cost: number, excess: number): void {
    this.#held -= cost;
    if (excess > 0) this.#memory?.give(excess);
  }

  /** Applies a function, and answers with what comes of it. */
  #apply(
    id: number,
    context: CallContext,
    args: unknown[],
    cost: number,
    extras: CallExtras | undefined,
    served: Method,
    object: object | undefined,
  ): void {
    let result: unknown;
    let later: PromiseLike<unknown> | undefined;
    const wantsValues = extras?.wantsValues === true;
    try {
      const kind = wantsValues ? "values" : "value";
      result = this.#run(served, object, context, args, extras, kind);
      later = laterOf(result);
    } catch (error) {
      dropUnused(extras, error);
      return this.#throw(id, error);
    }
    if (later === undefined) {
      this.#return(id, wantsValues, context, result);
    } else {
      this.#answerLater(id, context, later, cost, extras);
    }
  }

  /** Answers a call when its result is there. */
  #answerLater(
    id: number,
    context: CallContext,
    result: PromiseLike<unknown>,
    cost: number,
    extras: CallExtras | undefined,
  ): void {
    const wantsValues = extras?.wantsValues === true;
    const key = keyOf(context.functionName, extras);
    const running = this.#start(id, context, cost, extras);
    const forecast = this.#forecast ??= this.#makeForecast();
    forecast.begin(key, running);
    settled(result).then(
      (value) => {
        const isOwed = this.#settled(running) || this.#ended;
        if (isOwed) {
          const size = this.#return(id, wantsValues, context, value);
          this.#answered(running, size);
        } else endStreams(value, gone());
        this.#checkIdle();
      },
      (error) => {
        dropUnused(extras, error);
        if (this.#settled(running)) {
          this.#throw(id, error);
          this.#answered(running, 0);
        }
        this.#checkIdle();
      },
    );
  }

  #makeForecast(): Forecast {
    const { calls } = this.#limits;
    return new Forecast(this.#output, this.#clock, calls, () => {
      this.#forecast!.expire(this.#calls.values());
      this.resume();
    });
  }

  /** A call was answered that had kept room for that: others may begin. */
  #answered(running: Running, size: number): void {
    this.#forecast!.learn(running, size);
    if (this.#isWaiting) this.resume();
  }

  #send(
    name: string,
    args: unknown[],
    cost: number,
    extras: CallExtras | undefined,
    receiver: unknown,
  ): void {
    this.served++;
    const context = this.#context(name, extras);
    extras?.arrived?.label(`an argument of "${name}"`);
    let served: Method | undefined;
    let object: object | undefined;
    try {
      if (receiver === undefined) {
        served = this.#served(name);
        if (served === undefined) throw noSuchFunction(name);
      } else {
        if (receiver instanceof FailedResult) throw receiver.refusal;
        [served, object] = this.#method(name, receiver);
      }
    } catch (error) {
      extras?.arrived?.drop();
      this.#onError(error, oneWay(name));
      return this.#window.consumed(cost);
    }
    let later: PromiseLike<unknown> | undefined;
    try {
      later = laterOf(
        this.#run(served, object, context, args, extras, "oneWay"),
      );
    } catch (error) {
      dropUnused(extras, error);
      this.#onError(troubleOf(error) ?? error, oneWay(name));
    }
    if (later === undefined) return this.#window.consumed(cost);
    this.#leaveLater(context, later, cost, extras);
  }

  /** Gives credit for a one-way call when it is over. */
  #leaveLater(
    context: CallContext,
    result: PromiseLike<unknown>,
    cost: number,
    extras: CallExtras | undefined,
  ): void {
    const { deadline = 0, arrived, excess = 0 } = extras ?? NO_EXTRAS;
    const running: Running = {
      id: 0,
      cost,
      excess,
      context,
      arrived,
      stopTimer: undefined,
      answers: undefined,
      kept: 0,
      since: 0,
      isForNobody: false,
    };
    if (deadline > 0) this.#startTimer(running, deadline);
    this.#sends.set(running, running);
    this.#memory?.hold(running.excess);
    settled(result)
      .catch((error) => {
        dropUnused(extras, error);
        this.#onError(
          troubleOf(error) ?? error,
          oneWay(context.functionName),
        );
      })
      .then(() => this.#sent(running));
  }

  #sent(running: Running): void {
    running.stopTimer?.();
    if (!this.#sends.delete(running)) return;
    this.#window.consumed(running.cost);
    this.#memory?.give(running.excess);
    while (this.#sends.size < this.#limits.calls) {
      const next = this.#parkedSends.shift();
      if (next === undefined) break;
      const { name, args, cost, extras, receiver } = next;
      this.#memory?.give(excessOf(extras));
      this.#send(name, args, cost, extras, receiver);
    }
    this.#checkIdle();
  }

  /** The function of a name: one that was served, or the wire's own. */
  #served(name: string): Method | undefined {
    return this.#functions.get(name) ?? this.#ownFunction(name);
  }

  #ownFunction(name: string): Method | undefined {
    if (name !== LIST_FUNCTIONS || !this.#introspection) return undefined;
    return () => listFunctions(this.#functions);
  }

  /** Runs what a call is of, with what it is to have as `this`. */
  #run(
    served: Method,
    object: object | undefined,
    context: CallContext,
    args: unknown[],
    extras: CallExtras | undefined,
    kind: CallKind,
  ): unknown {
    // A function that is called by reference has no object.
    const self = object === undefined || object === served ? context : object;
    // No function is made for a call without middleware.
    return this.#middleware === undefined
      ? Reflect.apply(served, self, args)
      : this.#runThrough(
        this.#middleware,
        context,
        { kind, args, object },
        extras,
        served,
        self,
      );
  }

  async #runThrough(
    middleware: readonly Middleware[],
    context: CallContext,
    call: Parameters<typeof serveThrough>[2],
    extras: CallExtras | undefined,
    method: Method,
    self: object,
  ): Promise<unknown> {
    let hasRun = false;
    try {
      const served = serveThrough(
        middleware,
        context,
        call,
        (args) => {
          hasRun = true;
          return Reflect.apply(method, self, args);
        },
        this.#onError,
      );
      const later = laterOf(served);
      return later === undefined ? served : await settled(later);
    } finally {
      // What came along was for the function.
      if (!hasRun) extras?.arrived?.drop();
    }
  }

  #context(name: string, extras: CallExtras | undefined): CallContext {
    if (extras === undefined) {
      return new CallContext(this.#wire, name, this.#clock, 0);
    }
    const { deadline = 0, metadata } = extras;
    return new CallContext(this.#wire, name, this.#clock, deadline, metadata);
  }

  #startTimer(running: Running, deadline: number): void {
    running.stopTimer = this.#clock.after(
      Math.min(deadline, 2 ** 31 - 1),
      () => {
        const reason = "The caller's deadline has passed.";
        this.#giveUp(running, new WireError("deadline", reason));
      },
    );
  }

  /** The caller of a call no longer waits: its function and its streams end. */
  #giveUp(running: Running, reason: WireError): void {
    running.isForNobody = true;
    abortContext(running.context, reason);
    running.arrived?.abort(reason);
    const { isDraining, isPeerDraining } = this.#lifetime;
    if (isDraining || isPeerDraining) this.#forsake(running);
  }

  /** A function whose caller has given up is not waited for. */
  #forsake(running: Running): void {
    if (this.#sends.has(running)) return this.#sent(running);
    if (!this.#settled(running)) return;
    this.#fail(running.id, "cancelled", "The caller gave up.");
    this.#checkIdle();
  }

  /** Whether an asynchronous call still owes its answer; it is forgotten. */
  #settled(running: Running): boolean {
    running.stopTimer?.();
    if (running.kept > 0) this.#forecast!.release(running);
    if (this.#calls.get(running.id) !== running) return false;
    this.#give(running.cost, running.excess);
    return this.#calls.delete(running.id);
  }

  /** Sends an answer; returns how many bytes it has, or would have had. */
  #return(
    id: number,
    wantsValues: boolean,
    context: CallContext,
    result: unknown,
  ): number {
    if (this.#ended) {
      endStreams(result, gone());
      return 0;
    }
    if (!wantsValues) {
      const size = this.#output.plain?.sendPlainAnswer(id, result) ?? 0;
      if (size > 0) {
        this.#results?.settle(id, result);
        return size;
      }
    }
    const list = ownSeveral(result);
    const value = list === undefined ? result : list[0];
    if (list !== undefined && !wantsValues && list.length > 1) {
      endStreams(
        list.slice(1),
        new WireError("cancelled", "One value is wanted."),
      );
    }
    const objects = this.#objects;
    if (objects !== undefined) objects.context = context;
    let size = 0;
    try {
      size = this.#output.send(
        wantsValues
          ? { kind: "returnValues", id, values: list ?? [result] }
          : new ReturnMessage(id, value),
      );
    } catch (error) {
      // Those of another copy are looked for only here, where it costs nothing.
      const other = list === undefined ? severalOf(result) : undefined;
      if (other !== undefined) {
        return this.#return(id, wantsValues, context, new Values(other));
      }
      endStreams(result, error);
      const { code, message } = asWireError(error);
      this.#fail(
        id,
        code,
        `The value of "${context.functionName}" could not be sent back: ${message}`,
      );
      return error instanceof NoRoom ? error.size : 0;
    } finally {
      if (objects !== undefined) objects.context = undefined;
    }
    this.#results?.settle(id, value);
    return size;
  }

  #throw(id: number, thrown: unknown): void {
    if (this.#ended) return;
    if (isA(thrown, Refusal)) {
      const trouble = troubleOf(thrown);
      if (trouble !== undefined) this.#onError(trouble, "a contract's schema");
      const { code, message } = wordsOf(thrown);
      return this.#fail(id, code, message);
    }
    this.#results?.settle(id, new FailedResult(thrown));
    sendThrown(
      thrown,
      this.#output.encoder,
      (thrown) => this.#output.send({ kind: "throw", id, thrown }),
      () =>
        this.#fail(
          id,
          "unsupportedValue",
          "The function threw a value that cannot be read.",
        ),
    );
  }

  #fail(id: number, code: string, message: string): void {
    const refusal = new WireError(shortText(code), shortText(message));
    this.#results?.settle(id, new FailedResult(undefined, refusal));
    this.#output.send({
      kind: "fail",
      id,
      code: refusal.code,
      message: refusal.message,
    });
  }

  /** Whether the wire has ended. */
  get #ended(): boolean {
    return this.#lifetime.reason !== undefined;
  }

  #checkIdle(): void {
    if (this.running === 0 && !this.#ended) this.#onIdle();
  }
}

const NO_EXTRAS: CallExtras = {};
