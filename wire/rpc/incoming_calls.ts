/**
 * The serving side: takes calls as they come, begins them in order, and says
 * what becomes of them. A call reaches only what was served, by its own name.
 *
 * @module
 */

import {
  AwaitedResult,
  type Borrower,
  endStreams,
  fill,
  type Method,
} from "../codec/passing.ts";
import type { Clock } from "../base/clock.ts";
import {
  abortContext,
  abortReason,
  type CallContext,
  isLate,
  isShielded,
  tooLate,
} from "./context.ts";
import { isA, laterOf, malformed, settled, WireError } from "../base/errors.ts";
import {
  abandon,
  Admission,
  type AdmittedCalls,
  type AnsweringObjects,
  Answers,
  asWireError,
  CancelBudget,
  dropUnused,
  gone,
  keyOf,
  noSuchFunction,
  noSuchObject,
  oneWay,
  type ParkedCall,
  type Running,
  runningCall,
  ServedFunctions,
  type ServesOnce,
  startTimer,
  troubleOf,
} from "./_served_calls.ts";
import type { Report } from "../base/report.ts";
import {
  Holdings,
  type Memory,
  TAKES,
  type WireLimits,
} from "../base/limits.ts";
import type { CallExtras } from "../codec/message_receiver.ts";
import type { Target } from "../codec/messages.ts";
import type { Middleware } from "./middleware.ts";
import type { MessageOutput } from "../flow/output.ts";
import type { Lifetime } from "../base/lifetime.ts";
import { LazyMap, Queue } from "../base/collections.ts";
import { resolvable } from "./remote.ts";
import { type Chunks, FailedResult, Results } from "./results.ts";
import type { Share } from "./served.ts";
import type { ReceiveWindow } from "../flow/windows.ts";
import type { ValueTypes } from "../codec/value_types.ts";

export type { ServesOnce } from "./_served_calls.ts";

/** How calls are served. */
export interface ServingOptions {
  /** What they are served through; the first is the outermost. */
  readonly serveThrough?: readonly Middleware[];
  /** Whether to list what is served for a peer that asks. */
  readonly introspection?: boolean;
  /** Puts what measures a function in its place. */
  readonly measure?: ((name: string, served: Method) => Method) | undefined;
  /** Gives one map for the same functions, where wires share what they serve. */
  readonly share?: Share | undefined;
  /** What serves calls that run once. */
  readonly once?: ServesOnce | undefined;
  /** The types of values that are declared. */
  readonly valueTypes?: ValueTypes | undefined;
}

/** What calls are served with. */
export interface IncomingOptions extends ServingOptions {
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
  /** Accounts for what calls hold beyond their bytes; a dialect may have none. */
  readonly memory?: Memory | undefined;
  /** What is passed by reference, and may be called; a dialect may have none. */
  readonly objects?: ServedObjects | undefined;
  /** Told what has no other place to go. */
  readonly onError: Report;
  /** Called when nothing runs or waits any more. */
  onIdle(): void;
}

/** What serving has to do with objects that are passed by reference. */
export interface ServedObjects extends AnsweringObjects {
  /** The object of a reference; undefined when there is none any more. */
  find(slot: number, nonce: number): object | undefined;
}

/** How calls come. */
export interface Receiving extends Chunks {
  /** Accounts for one-way calls. */
  readonly sendWindow: ReceiveWindow;
}

/** Runs what the peer calls. */
export class IncomingCalls implements AdmittedCalls {
  readonly #options: IncomingOptions;
  readonly #lifetime: Lifetime;
  readonly #functions: ServedFunctions;
  readonly #answers: Answers;
  /** Results that calls of the peer may need; a dialect may have none. */
  readonly #results: Results | undefined;
  readonly #admission: Admission;
  readonly #cancels: CancelBudget;
  readonly #messaging: Receiving;
  /** Made when the first one comes. */
  #sends: OneWayCalls | undefined;
  /** Asynchronous calls with an answer, by id. */
  readonly #calls = new LazyMap<number, Running>();
  /** What calls hold that wait for their answer. */
  readonly #holdings: Holdings;
  /** How many calls for an answer were begun. */
  #begun = 0;

  /**
   * @param options What calls are served with.
   * @param messaging How they come.
   */
  constructor(options: IncomingOptions, messaging: Receiving) {
    this.#options = options;
    this.#lifetime = options.lifetime;
    const results = this.#results = options.objects === undefined
      ? undefined
      : new Results(options, messaging);
    // Parts keep the options as they are: copies are memory of each wire.
    this.#functions = new ServedFunctions(options);
    this.#answers = new Answers(options, results);
    this.#admission = new Admission(options, this);
    this.#cancels = new CancelBudget(options);
    this.#holdings = new Holdings(options.memory);
    this.#messaging = messaging;
  }

  /** Messages that came together were dealt with. */
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

  #isOwed(id: number): boolean {
    return this.#calls.has(id) || this.#admission.parked.has(id);
  }

  /** How many calls were begun, one-way calls included. */
  get served(): number {
    return this.#begun + (this.#sends?.begun ?? 0);
  }

  /** How many bytes the calls count for that have no answer yet. */
  get held(): number {
    return this.#holdings.bytes;
  }

  /** What calls that run or wait take in memory, beyond what is made of them. */
  get total(): number {
    const sends = this.#sends;
    const { parked } = this.#admission;
    return this.#holdings.bytes + (sends?.total ?? 0) +
      this.#calls.size * TAKES.call + parked.size * TAKES.parked;
  }

  /** How many calls run or wait to. */
  get running(): number {
    return this.#calls.size + this.#admission.parked.size +
      (this.#sends?.size ?? 0);
  }

  /** Adds functions to what is served. */
  serve(functions: object): void {
    this.#functions.add(functions);
  }

  /**
   * Serves a call for an answer, or refuses one that fails by itself.
   *
   * @param cost What it counts for.
   * @param extras What it has besides; most calls have nothing.
   * @param excess What its arguments take in memory beyond the cost.
   * @throws {WireError} `malformed` where the peer breaks its promises.
   */
  call(
    id: number,
    name: string,
    args: unknown[],
    cost: number,
    extras?: CallExtras,
    excess = 0,
  ): void {
    this.#admit(id);
    const { parked } = this.#admission;
    const isWaiting = parked.size > 0 ||
      !this.#admission.mayBegin(keyOf(name, extras));
    if (extras === undefined && !isWaiting) {
      return this.#beginPlain(id, name, args, cost, excess);
    }
    // What a call is of is looked up as it comes: it may be released later.
    const receiver = extras === undefined
      ? undefined
      : this.#receiver(id, extras);
    if (isWaiting) {
      this.#holdings.hold(cost, excess);
      const context = this.#functions.contextOfWaiting(name, extras);
      parked.set(id, { name, args, extras, receiver, context, cost, excess });
    } else {
      this.#begin(id, name, args, cost, excess, extras, receiver);
    }
  }

  /** Refuses a call that breaks the peer's promises. */
  #admit(id: number): void {
    this.#cancels.called();
    const owed = this.#calls.size + this.#admission.parked.size;
    if (owed === 0) return;
    const { calls, message, window } = this.#options.limits;
    const most = window + message;
    if (owed >= calls) {
      throw malformed(
        `At most ${calls} calls are served at a time, and one more came.`,
      );
    }
    if (this.#holdings.bytes >= most) {
      throw malformed(
        `The peer sent calls beyond its window of ${most} bytes.`,
      );
    }
    if (this.#isOwed(id)) {
      throw malformed(`The call ${id} came again before its answer.`);
    }
  }

  /** What a call is of: an object, a result to come, or why there is none. */
  #receiver(id: number, { target, attachments, failure }: CallExtras): unknown {
    if (failure !== undefined) return undefined;
    if (attachments?.hasResults) this.#results?.lend(id, attachments);
    return target === undefined ? undefined : this.#find(target);
  }

  #find(target: Target): unknown {
    try {
      if ("result" in target) {
        const { result } = target;
        return this.#results?.target(result, this.#isOwed(result));
      }
      return this.#options.objects?.find(target.slot, target.nonce) ??
        noSuchObject();
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
   * @param excess What its arguments take in memory beyond the cost.
   */
  send(
    name: string,
    args: unknown[],
    cost: number,
    extras?: CallExtras,
    excess = 0,
  ): void {
    const sends = this.#sends ??= new OneWayCalls(
      this.#options,
      this.#messaging.sendWindow,
      this.#functions,
      this,
    );
    if (extras === undefined) {
      return sends.take(name, args, cost, excess, undefined, undefined);
    }
    if (extras.failure !== undefined) {
      return sends.refuse(name, extras.failure, cost);
    }
    const { target } = extras;
    const receiver = target === undefined ? undefined : this.#find(target);
    sends.take(name, args, cost, excess, extras, receiver);
  }

  /** The caller of a call no longer wants its answer. */
  cancel(id: number): void {
    // A network that stood still may bring those of a long time at once.
    if (!this.#cancels.take()) return;
    const running = this.#calls.get(id);
    if (running !== undefined) {
      const reason = "The caller cancelled its call.";
      return this.#giveUp(running, new WireError("cancelled", reason));
    }
    const { parked } = this.#admission;
    const waiting = parked.get(id);
    if (waiting !== undefined) {
      parked.delete(id);
      this.#holdings.give(waiting.cost, waiting.excess);
      waiting.extras?.attachments?.drop();
      this.#answers.fail(
        id,
        "cancelled",
        "The call was cancelled before it began.",
      );
      this.checkIdle();
    }
  }

  /**
   * The wire is being closed: functions whose callers have given up are not
   * waited for. Those of calls are answered, for a caller waits for all its
   * answers.
   */
  forsakeAbandoned(): void {
    for (const each of [...this.#calls.values()]) {
      if (each.isForNobody) this.#forsake(each);
    }
    this.#sends?.forsakeAbandoned();
  }

  /** The output has room again: calls that waited for it begin. */
  resume(): void {
    const admission = this.#admission;
    // Mostly none waits.
    if (admission.isWaiting) {
      this.#resumeWaiting();
      this.checkIdle();
    }
    admission.rest();
  }

  #resumeWaiting(): void {
    const admission = this.#admission;
    admission.resume();
    for (const [id, parked] of admission.parked) {
      const { name, args, extras, receiver, context, cost, excess } = parked;
      if (!admission.mayBegin(keyOf(name, extras)) || this.#ended) break;
      admission.parked.delete(id);
      this.#holdings.give(cost, excess);
      this.#begin(id, name, args, cost, excess, extras, receiver, context);
    }
  }

  /** The wire ended: what runs is told, what waits is dropped. */
  end(reason: WireError): void {
    const running = [...this.#calls.values(), ...this.#sends?.end() ?? []];
    this.#calls.clear();
    this.#admission.end();
    for (const { context, stopTimer } of running) {
      stopTimer?.();
      if (!isShielded(context)) abortContext(context, reason);
    }
  }

  #begin(
    id: number,
    name: string,
    args: unknown[],
    cost: number,
    excess: number,
    extras: CallExtras | undefined,
    receiver: unknown,
    waited?: CallContext,
  ): void {
    if (extras?.failure !== undefined) {
      const { code, message } = asWireError(extras.failure);
      return this.#answers.fail(id, code, message);
    }
    if (isLate(waited)) {
      extras?.attachments?.drop();
      return this.#answers.refuse(id, tooLate());
    }
    this.#begun++;
    const context = waited ?? this.#functions.context(name, extras);
    if (receiver !== undefined || extras?.attachments !== undefined) {
      return this.#beginWith(
        id,
        context,
        args,
        cost,
        excess,
        extras!,
        receiver,
      );
    }
    const served = this.#functions.find(name);
    if (served === undefined) {
      return this.#answers.refuse(id, noSuchFunction(name));
    }
    this.#apply(id, context, args, cost, excess, extras, served, undefined);
  }

  /** Begins a call of what was served that has nothing besides: most are. */
  #beginPlain(
    id: number,
    name: string,
    args: unknown[],
    cost: number,
    excess: number,
  ): void {
    const functions = this.#functions;
    const served = functions.plain(name);
    if (served === undefined) {
      return this.#begin(id, name, args, cost, excess, undefined, undefined);
    }
    this.#begun++;
    const context = functions.context(name, undefined);
    let result: unknown;
    let later: PromiseLike<unknown> | undefined;
    try {
      result = Reflect.apply(served, context, args);
      later = laterOf(result);
    } catch (error) {
      return this.#answers.throw(id, error);
    }
    if (later === undefined) this.#answers.return(id, false, context, result);
    else this.#answerLater(id, context, later, cost, excess, undefined);
  }

  /** Begins a call that is of an object, or has attachments. */
  #beginWith(
    id: number,
    context: CallContext,
    args: unknown[],
    cost: number,
    excess: number,
    extras: CallExtras,
    receiver: unknown,
  ): void {
    const { attachments } = extras;
    const name = context.functionName;
    attachments?.label(`an argument of "${name}"`);
    const awaited = [...attachments?.awaited ?? []];
    if (receiver instanceof AwaitedResult) awaited.push(receiver);
    if (awaited.length > 0) {
      return this.#await(
        id,
        context,
        args,
        cost,
        excess,
        extras,
        receiver,
        awaited,
      );
    }
    try {
      if (receiver instanceof FailedResult) throw receiver;
      const [served, object] = this.#functions.method(name, receiver);
      this.#apply(id, context, args, cost, excess, extras, served, object);
    } catch (error) {
      attachments?.drop();
      this.#answers.refuse(id, error);
    }
  }

  /** Begins a call once the results are there that it needs. */
  #await(
    id: number,
    context: CallContext,
    args: unknown[],
    cost: number,
    excess: number,
    extras: CallExtras,
    receiver: unknown,
    awaited: readonly AwaitedResult[],
  ): void {
    const { attachments } = extras;
    const name = context.functionName;
    const running = this.#start(id, context, cost, excess, extras);
    const { ripe } = this.#admission;
    const ripening = ripe.follow(awaited);
    /** Whether it is no longer among those that run, and has no answer yet. */
    let isOwed = false;
    Promise.all(awaited.map(({ result }) => result)).then(async () => {
      if (attachments !== undefined) await fill(args, attachments.own);
      return receiver instanceof AwaitedResult
        ? await receiver.result
        : receiver === undefined
        ? undefined
        : resolvable(receiver as object);
    }).then((receiver) =>
      ripe.inTurn(keyOf(name, extras), () => {
        if (!this.#settled(running)) return;
        isOwed = true;
        if (abortReason(context) !== undefined) {
          throw new WireError(
            "cancelled",
            "The call was cancelled before it began.",
          );
        }
        const [served, object] = this.#functions.method(name, receiver);
        this.#apply(id, context, args, cost, excess, extras, served, object);
      })
    ).catch((error) => {
      attachments?.drop();
      // Whoever gave up while the wire is being closed was answered then.
      isOwed ||= this.#settled(running);
      if (isOwed) this.#answers.refuse(id, error);
    }).then(() => {
      ripening();
      this.resume();
      this.checkIdle();
    });
  }

  #start(
    id: number,
    context: CallContext,
    cost: number,
    excess: number,
    extras: CallExtras | undefined,
  ): Running {
    const running = runningCall(id, context, cost, excess, extras);
    startTimer(
      running,
      context.deadline,
      this.#options,
      (reason) => this.#giveUp(running, reason),
    );
    this.#calls.set(id, running);
    this.#holdings.hold(cost, running.excess);
    return running;
  }

  /** Applies a function, and answers with what comes of it. */
  #apply(
    id: number,
    context: CallContext,
    args: unknown[],
    cost: number,
    excess: number,
    extras: CallExtras | undefined,
    served: Method,
    object: object | undefined,
  ): void {
    let result: unknown;
    let later: PromiseLike<unknown> | undefined;
    const wantsValues = extras?.wantsValues === true;
    try {
      const kind = wantsValues ? "values" : "value";
      result = this.#functions.run(served, object, context, args, extras, kind);
      later = laterOf(result);
    } catch (error) {
      dropUnused(extras, error);
      return this.#answers.throw(id, error);
    }
    if (later === undefined) {
      this.#answers.return(id, wantsValues, context, result);
    } else {
      this.#answerLater(id, context, later, cost, excess, extras);
    }
  }

  /** Answers a call when its result is there. */
  #answerLater(
    id: number,
    context: CallContext,
    result: PromiseLike<unknown>,
    cost: number,
    excess: number,
    extras: CallExtras | undefined,
  ): void {
    const wantsValues = extras?.wantsValues === true;
    const key = keyOf(context.functionName, extras);
    const running = this.#start(id, context, cost, excess, extras);
    this.#admission.begin(key, running);
    settled(result).then(
      (value) => {
        const isOwed = this.#settled(running) || this.#ended;
        if (isOwed) {
          const size = this.#answers.return(id, wantsValues, context, value);
          this.#answered(running, size);
        } else endStreams(value, gone());
        this.checkIdle();
      },
      (error) => {
        dropUnused(extras, error);
        if (this.#settled(running)) {
          const reason = abortReason(context);
          // Whoever throws the signal's reason leaves it to the wire to answer.
          if (reason === undefined || error !== reason) {
            this.#answers.throw(id, error);
          } else this.#answers.refuse(id, reason);
          this.#answered(running, 0);
        }
        this.checkIdle();
      },
    );
  }

  /** A call was answered that had kept room for that: others may begin. */
  #answered(running: Running, size: number): void {
    this.#admission.answered(running, size);
    if (this.#admission.isWaiting) this.resume();
  }

  /** The caller of a call no longer waits: its function and its streams end. */
  #giveUp(running: Running, reason: WireError): void {
    abandon(running, reason);
    if (this.#lifetime.isClosing) this.#forsake(running);
  }

  /** A function whose caller has given up is not waited for. */
  #forsake(running: Running): void {
    if (!this.#settled(running)) return;
    this.#answers.fail(running.id, "cancelled", "The caller gave up.");
    this.checkIdle();
  }

  /** Whether an asynchronous call still owes its answer; it is forgotten. */
  #settled(running: Running): boolean {
    running.stopTimer?.();
    this.#admission.release(running);
    if (this.#calls.get(running.id) !== running) return false;
    this.#holdings.give(running.cost, running.excess);
    return this.#calls.delete(running.id);
  }

  /** Whether the wire has ended. */
  get #ended(): boolean {
    return this.#lifetime.reason !== undefined;
  }

  /** See {@linkcode AdmittedCalls.underWay}. */
  underWay(): Iterable<Running> {
    return this.#calls.values();
  }

  /** Says so where nothing runs or waits any more. */
  checkIdle(): void {
    if (this.running === 0 && !this.#ended) this.#options.onIdle();
  }
}

/** Runs what the peer calls one way: in order, and so many at a time. */
class OneWayCalls {
  /** How many were begun. */
  begun = 0;

  readonly #options: IncomingOptions;
  readonly #functions: ServedFunctions;
  readonly #window: ReceiveWindow;
  readonly #calls: Pick<IncomingCalls, "checkIdle">;
  /** Those that run. */
  readonly #running = new LazyMap<Running, Running>();
  /** Those that came while too many were running. */
  readonly #parked = new Queue<ParkedCall>();

  constructor(
    options: IncomingOptions,
    window: ReceiveWindow,
    functions: ServedFunctions,
    calls: Pick<IncomingCalls, "checkIdle">,
  ) {
    this.#options = options;
    this.#functions = functions;
    this.#window = window;
    this.#calls = calls;
  }

  /** What they take in memory, beyond what is made of them. */
  get total(): number {
    return this.#running.size * TAKES.call + this.#parked.size * TAKES.parked;
  }

  /** How many run or wait to. */
  get size(): number {
    return this.#running.size + this.#parked.size;
  }

  /** Reports one that fails by itself. */
  refuse(name: string, error: unknown, cost: number): void {
    this.#options.onError(error, oneWay(name));
    this.#window.consumed(cost);
  }

  /** Serves one, or has it wait. */
  take(
    name: string,
    args: unknown[],
    cost: number,
    excess: number,
    extras: CallExtras | undefined,
    receiver: unknown,
  ): void {
    const { limits, memory } = this.#options;
    if (this.#running.size >= limits.calls || this.#parked.size > 0) {
      memory?.hold(excess);
      const context = this.#functions.contextOfWaiting(name, extras);
      this.#parked.push({
        name,
        args,
        extras,
        receiver,
        context,
        cost,
        excess,
      });
    } else if (extras === undefined) {
      this.#beginPlain(name, args, cost, excess);
    } else {
      this.#begin(name, args, cost, excess, extras, receiver);
    }
  }

  #begin(
    name: string,
    args: unknown[],
    cost: number,
    excess: number,
    extras: CallExtras | undefined,
    receiver: unknown,
    waited?: CallContext,
  ): void {
    if (isLate(waited)) {
      extras?.attachments?.drop();
      return this.refuse(name, tooLate(), cost);
    }
    const { onError } = this.#options;
    const functions = this.#functions;
    this.begun++;
    const context = waited ?? functions.context(name, extras);
    extras?.attachments?.label(`an argument of "${name}"`);
    let served: Method | undefined;
    let object: object | undefined;
    try {
      if (receiver === undefined) {
        served = functions.find(name);
        if (served === undefined) throw noSuchFunction(name);
      } else {
        if (receiver instanceof FailedResult) throw receiver.refusal;
        [served, object] = functions.method(name, receiver);
      }
    } catch (error) {
      extras?.attachments?.drop();
      return this.refuse(name, error, cost);
    }
    let later: PromiseLike<unknown> | undefined;
    try {
      later = laterOf(
        functions.run(served, object, context, args, extras, "oneWay"),
      );
    } catch (error) {
      dropUnused(extras, error);
      onError(troubleOf(error) ?? error, oneWay(name));
    }
    if (later === undefined) return this.#window.consumed(cost);
    this.#settleLater(context, later, cost, excess, extras);
  }

  /** Begins a call of what was served that has nothing besides: most are. */
  #beginPlain(
    name: string,
    args: unknown[],
    cost: number,
    excess: number,
  ): void {
    const functions = this.#functions;
    const served = functions.plain(name);
    if (served === undefined) {
      return this.#begin(name, args, cost, excess, undefined, undefined);
    }
    this.begun++;
    const context = functions.context(name, undefined);
    let later: PromiseLike<unknown> | undefined;
    try {
      later = laterOf(Reflect.apply(served, context, args));
    } catch (error) {
      this.#options.onError(troubleOf(error) ?? error, oneWay(name));
    }
    if (later === undefined) this.#window.consumed(cost);
    else this.#settleLater(context, later, cost, excess, undefined);
  }

  /** Gives credit for a call when it is over. */
  #settleLater(
    context: CallContext,
    result: PromiseLike<unknown>,
    cost: number,
    excess: number,
    extras: CallExtras | undefined,
  ): void {
    const { memory, onError } = this.#options;
    const running = runningCall(0, context, cost, excess, extras);
    startTimer(
      running,
      context.deadline,
      this.#options,
      (reason) => this.#giveUp(running, reason),
    );
    this.#running.set(running, running);
    memory?.hold(running.excess);
    settled(result)
      .catch((error) => {
        dropUnused(extras, error);
        onError(troubleOf(error) ?? error, oneWay(context.functionName));
      })
      .then(() => this.#settled(running));
  }

  /** One is over, or not waited for: those that waited may begin. */
  #settled(running: Running): void {
    running.stopTimer?.();
    if (!this.#running.delete(running)) return;
    const { limits, memory } = this.#options;
    this.#window.consumed(running.cost);
    memory?.give(running.excess);
    while (this.#running.size < limits.calls) {
      const next = this.#parked.shift();
      if (next === undefined) break;
      const { name, args, cost, excess, extras, receiver, context } = next;
      memory?.give(excess);
      this.#begin(name, args, cost, excess, extras, receiver, context);
    }
    this.#calls.checkIdle();
  }

  #giveUp(running: Running, reason: WireError): void {
    abandon(running, reason);
    if (this.#options.lifetime.isClosing) this.#settled(running);
  }

  /** See {@linkcode IncomingCalls.forsakeAbandoned}. */
  forsakeAbandoned(): void {
    for (const each of [...this.#running.values()]) {
      if (each.isForNobody) this.#settled(each);
    }
  }

  /** The wire ended: what waits is dropped. @returns Those that run. */
  end(): Running[] {
    const running = [...this.#running.values()];
    this.#running.clear();
    while (this.#parked.shift() !== undefined);
    return running;
  }
}
