/**
 * Calls that are served: when each may begin, and what is said of those that
 * fail.
 *
 * @module
 */

import { afterTime, type Clock, TokenBucket } from "../base/clock.ts";
import { LazyMap, Queue } from "../base/collections.ts";
import {
  errorMessage,
  isA,
  laterOf,
  malformed,
  Refusal,
  settled,
  shortText,
  shown,
  Unfit,
  WireError,
  wordsOf,
} from "../base/errors.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { WireLimits } from "../base/limits.ts";
import type { Report } from "../base/report.ts";
import type { CallExtras, MessageExtras } from "../codec/message_receiver.ts";
import { ReturnMessage } from "../codec/messages.ts";
import {
  type AwaitedResult,
  endStreams,
  type Method,
  methodOf,
  type ReceivedAttachments,
} from "../codec/passing.ts";
import { NoRoom } from "../flow/byte_output.ts";
import type { MessageOutput } from "../flow/output.ts";
import {
  abortContext,
  CallContext,
  isShielded,
  ownSeveral,
  severalOf,
  shieldContext,
  Values,
} from "./context.ts";
import {
  type CallChanges,
  type CallKind,
  type Middleware,
  type MiddlewareCall,
  serveThrough,
} from "./middleware.ts";
import { referentOf } from "./remote.ts";
import {
  FailedResult,
  HeldFunctions,
  type Results,
  type SharedObjects,
} from "./results.ts";
import {
  LIST_FUNCTIONS,
  listFunctions,
  ONCE_KEY,
  ONCE_TERMS,
  type Served,
  servedEntries,
  type Share,
} from "./served.ts";
import { sendThrown } from "./thrown.ts";

/** What functions are run with. */
export interface ServedFunctionsOptions {
  /** What functions get as `this.wire`. */
  readonly wire: object;
  /** For deadlines. */
  readonly clock: Clock;
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
  /** Told what has no other place to go. */
  readonly onError: Report;
}

/**
 * What serves calls that have a key, each once: `onceInMemory()` of `./once`,
 * for example, makes it.
 */
export interface ServesOnce {
  /** What callers are told of it. */
  terms(): Promise<unknown>;
  /**
   * Serves a call that has a key, as the innermost middleware does.
   *
   * @param call The call.
   * @param next Runs the function.
   */
  serve(
    call: MiddlewareCall,
    next: (changes?: CallChanges) => Promise<unknown>,
  ): Promise<unknown>;
}

const NONE: ReadonlyMap<string, Method> = new Map();

/** The entries of both; most wires are given functions once. */
function joined(known: Served, more: Served): Served {
  return known.size === 0 ? more : new Map([...known, ...more]);
}

/** The functions of one wire. */
export class ServedFunctions {
  readonly #options: ServedFunctionsOptions;
  /** Undefined where there is none, which costs nothing then. */
  readonly #middleware: readonly Middleware[] | undefined;
  #functions: Served = NONE;
  /** Those that run in their place: they are measured. */
  #measured: Served = NONE;

  /** @param options What they are run with. */
  constructor(options: ServedFunctionsOptions) {
    const { serveThrough = [] } = options;
    this.#options = options;
    this.#middleware = serveThrough.length > 0 ? serveThrough : undefined;
  }

  /** Adds functions to what is served. */
  add(functions: object): void {
    const found = servedEntries(functions);
    const { measure, share } = this.#options;
    const entries = share?.(found) ?? found;
    this.#functions = joined(this.#functions, entries);
    if (measure === undefined) {
      this.#measured = this.#functions;
      return;
    }
    const measured = new Map<string, Method>();
    for (const [name, served] of entries) {
      measured.set(name, measure(name, served));
    }
    this.#measured = joined(this.#measured, measured);
  }

  /** The function of a name: one that was served, or the wire's own. */
  find(name: string): Method | undefined {
    return this.#measured.get(name) ?? this.#ownFunction(name);
  }

  /** The same, where nothing but the function itself is to run. */
  plain(name: string): Method | undefined {
    return this.#middleware === undefined
      ? this.#measured.get(name)
      : undefined;
  }

  #ownFunction(name: string): Method | undefined {
    const { introspection = false, once } = this.#options;
    if (name === ONCE_TERMS && once !== undefined) return () => once.terms();
    if (name !== LIST_FUNCTIONS || !introspection) return undefined;
    return () => listFunctions(this.#functions);
  }

  /** Finds the function of a name, and the object whose it is. */
  method(name: string, receiver: unknown): [Method, object | undefined] {
    if (receiver === undefined) {
      const served = this.find(name);
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

  /** Runs what a call is of, with what it is to have as `this`. */
  run(
    served: Method,
    object: object | undefined,
    context: CallContext,
    args: unknown[],
    extras: CallExtras | undefined,
    kind: CallKind,
  ): unknown {
    // A function that is called by reference has no object.
    const self = object === undefined || object === served ? context : object;
    const middleware = this.#around(context);
    // No function is made for a call without middleware.
    return middleware === undefined
      ? Reflect.apply(served, self, args)
      : this.#runThrough(
        middleware,
        context,
        { kind, args, object },
        extras,
        served,
        self,
      );
  }

  /** What a call is served through. */
  #around(context: CallContext): readonly Middleware[] | undefined {
    const { once } = this.#options;
    if (once === undefined || !isShielded(context)) return this.#middleware;
    return [
      ...this.#middleware ?? [],
      (call, next) => once.serve(call, next),
    ];
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
        this.#options.onError,
      );
      const later = laterOf(served);
      return later === undefined ? served : await settled(later);
    } finally {
      // The attachments were for the function.
      if (!hasRun) extras?.attachments?.drop();
    }
  }

  /**
   * What a function will be told of a call that waits here to begin: its
   * deadline runs from when it came.
   *
   * @returns Undefined where it has none.
   */
  contextOfWaiting(
    name: string,
    extras: CallExtras | undefined,
  ): CallContext | undefined {
    return extras?.deadline ? this.context(name, extras) : undefined;
  }

  /** What a function is told of its call. */
  context(name: string, extras: CallExtras | undefined): CallContext {
    const { wire, clock, once } = this.#options;
    if (extras === undefined) return new CallContext(wire, name, clock, 0);
    const { deadline = 0, metadata } = extras;
    const context = new CallContext(wire, name, clock, deadline, metadata);
    if (once !== undefined && metadata?.[ONCE_KEY] !== undefined) {
      shieldContext(context);
    }
    return context;
  }
}

/** What answers have to do with objects that are passed by reference. */
export interface AnsweringObjects extends SharedObjects {
  /** Called when streams of an answer are wanted no more. */
  context: CallContext | undefined;
}

/** What answers are sent with. */
export interface AnswersOptions {
  readonly output: MessageOutput;
  /** Tells whether answers are still wanted. */
  readonly lifetime: Lifetime;
  /** What is passed by reference; a dialect may have nothing. */
  readonly objects?: AnsweringObjects | undefined;
  /** Told what has no other place to go. */
  readonly onError: Report;
}

/** Answers calls. */
export class Answers {
  readonly #options: AnswersOptions;
  readonly #output: MessageOutput;
  readonly #lifetime: Lifetime;
  readonly #results: Results | undefined;

  /**
   * @param options What they are sent with.
   * @param results Keeps results that calls of the peer may need; a dialect may
   * have none.
   */
  constructor(options: AnswersOptions, results: Results | undefined) {
    this.#options = options;
    this.#output = options.output;
    this.#lifetime = options.lifetime;
    this.#results = results;
  }

  /** Sends an answer; returns how many bytes it has, or would have had. */
  return(
    id: number,
    wantsValues: boolean,
    context: CallContext,
    result: unknown,
  ): number {
    if (this.#lifetime.reason !== undefined) {
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
    const { objects } = this.#options;
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
        return this.return(id, wantsValues, context, new Values(other));
      }
      endStreams(result, error);
      const { code, message } = asWireError(error);
      this.fail(
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

  /** Answers a call with what its function threw. */
  throw(id: number, thrown: unknown): void {
    if (this.#lifetime.reason !== undefined) return;
    if (isA(thrown, Refusal)) {
      const trouble = troubleOf(thrown);
      if (trouble !== undefined) {
        this.#options.onError(trouble, "a contract's schema");
      }
      const { code, message } = wordsOf(thrown);
      return this.fail(id, code, message);
    }
    this.#results?.settle(id, new FailedResult(thrown));
    sendThrown(
      thrown,
      this.#output.encoder,
      (thrown) => this.#output.send({ kind: "throw", id, thrown }),
      () =>
        this.fail(
          id,
          "unsupportedValue",
          "The function threw a value that cannot be read.",
        ),
    );
  }

  /** Answers a call that the wire itself refuses. */
  fail(id: number, code: string, message: string): void {
    const refusal = new WireError(shortText(code), shortText(message));
    this.#results?.settle(id, new FailedResult(undefined, refusal));
    this.#output.send({
      kind: "fail",
      id,
      code: refusal.code,
      message: refusal.message,
    });
  }

  /** Answers a call that could not begin. */
  refuse(id: number, error: unknown): void {
    if (this.#lifetime.reason !== undefined) return;
    const failed = isA(error, FailedResult) ? error : undefined;
    if (failed !== undefined && failed.refusal === undefined) {
      return this.throw(id, failed.thrown);
    }
    const { code, message } = asWireError(failed?.refusal ?? error);
    this.fail(id, code, message);
  }
}

/** Under what is noted how large its answers are: methods share one entry. */
export function keyOf(name: string, extras: CallExtras | undefined): string {
  return extras?.target === undefined ? name : "";
}

/**
 * A call has failed: releases the references and streams in its arguments if
 * its function has not run, and cancels the streams that nobody has taken.
 */
export function dropUnused(
  extras: MessageExtras | undefined,
  error: unknown,
): void {
  const attachments = extras?.attachments;
  if (attachments === undefined) return;
  if (isA(error, Unfit)) return attachments.drop();
  const message = "The function that was to take the stream has failed.";
  attachments.dropUntaken(new WireError("cancelled", message));
}

/** What went wrong on this side, of which the peer learns nothing. */
export function troubleOf(error: unknown): unknown {
  return isA(error, Unfit) ? error.trouble : undefined;
}

/** Where an error came from. */
export function oneWay(name: string): string {
  return `one-way call of ${shown(name)}`;
}

/** Why a result is discarded. */
export function gone(): WireError {
  return new WireError("cancelled", "The wire ended before the answer.");
}

/** Why there is no object to call. */
export function noSuchObject(): FailedResult {
  return new FailedResult(
    undefined,
    new WireError(
      "noSuchObject",
      "The object is gone: its owner has forgotten it, or it was released. Ask for it again.",
    ),
  );
}

/** Why there is no function to call. */
export function noSuchFunction(name: string): WireError {
  const shown = name.length > 100 ? `${name.slice(0, 100)}…` : name;
  return new WireError(
    "noSuchFunction",
    `The peer serves no function ${
      JSON.stringify(shown)
    }. Check its name, and that the peer has called serve() by now.`,
  );
}

/** What the peer is told of an error of this side. */
export function asWireError(error: unknown): WireError {
  return isA(error, WireError)
    ? error
    : new WireError("unsupportedValue", errorMessage(error));
}

/** A call that came, and waits to begin. */
export interface ParkedCall {
  readonly name: string;
  readonly args: unknown[];
  readonly extras: CallExtras | undefined;
  /** What it is of. */
  readonly receiver: unknown;
  /** What its function will be told, where it has a deadline. */
  readonly context: CallContext | undefined;
  /** What it counts for. */
  readonly cost: number;
  /** What its arguments take in memory beyond that. */
  readonly excess: number;
}

/** A call whose function has not settled. */
export interface Running extends Expecting {
  /** Its number; 0 where no answer is wanted. */
  readonly id: number;
  /** What the call counts for. */
  readonly cost: number;
  /** What its arguments take beyond that. */
  readonly excess: number;
  readonly context: CallContext;
  /** Its attachments. */
  readonly attachments: ReceivedAttachments | undefined;
  stopTimer: (() => void) | undefined;
  /** Whether its caller has given up. */
  isForNobody: boolean;
}

/** A call that begins to run. */
export function runningCall(
  id: number,
  context: CallContext,
  cost: number,
  excess: number,
  extras: CallExtras | undefined,
): Running {
  return {
    id,
    cost,
    excess,
    context,
    attachments: extras?.attachments,
    stopTimer: undefined,
    answers: undefined,
    kept: 0,
    since: 0,
    isForNobody: false,
  };
}

/**
 * Gives a call up at its caller's deadline, or at once where its function has
 * ended the wire.
 *
 * @param running The call.
 * @param left How many milliseconds are left; undefined where it has none.
 */
export function startTimer(
  running: Running,
  left: number | undefined,
  { clock, lifetime }: { readonly clock: Clock; readonly lifetime: Lifetime },
  giveUp: (reason: WireError) => void,
): void {
  const { reason } = lifetime;
  if (reason !== undefined && !isShielded(running.context)) {
    abortContext(running.context, reason);
  }
  if (left === undefined || reason !== undefined) return;
  running.stopTimer = afterTime(
    clock,
    Math.max(1, Math.ceil(left)),
    () =>
      giveUp(new WireError("deadline", "The caller's deadline has passed.")),
  );
}

/** The caller of a call no longer waits: its function and its streams end. */
export function abandon(running: Running, reason: WireError): void {
  running.isForNobody = true;
  abortContext(running.context, reason);
  running.attachments?.abort(reason);
}

/** How many cancels may come. */
export interface CancelOptions {
  /** Tells how many may by now. */
  readonly clock: Clock;
  readonly limits: Pick<WireLimits, "cancels" | "cancelsPerSecond">;
}

/** How many cancels a peer may send: not more than calls, nor too many at once. */
export class CancelBudget {
  readonly #options: CancelOptions;
  #bucket: TokenBucket | undefined;
  /** Calls that came, less the cancels: there is at most one for each. */
  #left = 0;

  /** @param options How many may come. */
  constructor(options: CancelOptions) {
    this.#options = options;
  }

  /** A call came, which may be cancelled. */
  called(): void {
    this.#left++;
  }

  /**
   * A cancel came.
   *
   * @returns Whether it is heeded.
   * @throws {WireError} `malformed` where there is no call for it.
   */
  take(): boolean {
    if (--this.#left < 0) throw malformed("More cancels came than calls.");
    const { clock, limits: { cancels, cancelsPerSecond } } = this.#options;
    this.#bucket ??= new TokenBucket(clock, cancels, cancelsPerSecond);
    return this.#bucket.take();
  }
}

// What running calls will probably answer. A call is not begun where its
// answer, and those of the calls that run, might not find room: a function
// that answers at once is measured by what it has answered, but one that
// answers later would be begun a thousand times before its first answer.

/** The share of the waiting output that is for calls that run. */
const SHARE_OF_OUTPUT = 0.75;
/** So many calls of a function run whose answers nobody has seen yet. */
const UNKNOWN = 12;
/** With each answer that is smaller, so much is left of what is expected. */
const DECAY = 7 / 8;
/**
 * How long calls run is counted in ticks of so many milliseconds, and not by
 * the clock: where one computes, and the others wait for it, none passes.
 */
const TICK = 25;
/** Room is kept for a call for so many ticks at least, and at most. */
const LEAST_TICKS = 2;
const MOST_TICKS = 40;

/** A call for which room may be kept. */
export interface Expecting {
  /** What the answers of its function are like; undefined before it runs. */
  answers: UsualAnswers | undefined;
  /** How many bytes are kept for it. */
  kept: number;
  /** At which tick it began. */
  since: number;
}

/** What is known of the answers of one function that come later. */
class UsualAnswers {
  /** How many bytes to keep for a call; 0 where that is not worth it. */
  share = 0;
  /** Whether there was one. */
  isKnown = false;
  /** How many bytes the largest of late has. */
  size = 0;
  /** How many ticks the slowest of late took. */
  ticks = 0;

  /** For so many ticks room is kept. */
  get patience(): number {
    return Math.max(LEAST_TICKS, Math.min(MOST_TICKS, this.ticks * 2));
  }
}

/** Room that is kept for the answers of one wire's calls. */
export class Forecast {
  readonly #output: MessageOutput;
  readonly #clock: Clock;
  readonly #onTime: () => void;
  /** How many bytes may wait, and be kept. */
  readonly #most: number;
  /** Smaller answers fit, however many there are. */
  readonly #least: number;
  readonly #answers = new Map<string, UsualAnswers>();
  /** The function that was looked up last, most often the next one as well. */
  #lastName: string | undefined;
  #last = new UsualAnswers();
  /** For how many functions something is kept. */
  #kinds = 0;
  #kept = 0;
  #ticks = 0;
  #stopTimer: (() => void) | undefined;

  /**
   * @param output Where the answers go.
   * @param clock Ticks while calls wait for room.
   * @param calls How many calls run at a time.
   * @param onTime Called when room may be kept no longer for some calls: see
   * {@linkcode expire}.
   */
  constructor(
    output: MessageOutput,
    clock: Clock,
    calls: number,
    onTime: () => void,
  ) {
    this.#output = output;
    this.#clock = clock;
    this.#onTime = onTime;
    this.#most = output.backlog.most * SHARE_OF_OUTPUT;
    this.#least = this.#most / calls;
  }

  /** What is known of a function's answers. */
  of(name: string): UsualAnswers {
    if (name === this.#lastName) return this.#last;
    let answers = this.#answers.get(name);
    if (answers === undefined) {
      answers = new UsualAnswers();
      this.#answers.set(name, answers);
      const { message } = this.#output.encoder.limits;
      this.#expect(answers, Math.min(message, this.#most / UNKNOWN));
    }
    this.#lastName = name;
    return this.#last = answers;
  }

  /**
   * Whether the answer of one more call will find room. If not, `onTime` is
   * called, unless {@linkcode rest} is called first.
   *
   * @param name The function's name.
   */
  fits(name: string): boolean {
    if (this.#kinds === 0) return true;
    const share = this.#answers.get(name)?.share ?? 0;
    // One call at a time goes on, whatever waits.
    if (share === 0 || this.#kept === 0) return true;
    const { backlog, waiting } = this.#output;
    const held = waiting + backlog.held + this.#kept;
    if (held + share <= this.#most) return true;
    this.#stopTimer ??= this.#clock.after(TICK, () => {
      this.#stopTimer = undefined;
      this.#ticks++;
      this.#onTime();
    });
    return false;
  }

  /** A call runs whose answer comes later. */
  begin(name: string, call: Expecting): void {
    const answers = call.answers = this.of(name);
    call.kept = answers.share;
    call.since = this.#ticks;
    this.#kept += call.kept;
  }

  /** Nothing is kept for a call any longer. */
  release(call: Expecting): void {
    this.#kept -= call.kept;
    call.kept = 0;
  }

  /** A call was answered with so many bytes. */
  learn({ answers, since }: Expecting, size: number): void {
    if (answers === undefined) return;
    const least = this.#least;
    if (answers.isKnown && answers.size <= least && size <= least) return;
    answers.ticks = Math.max(this.#ticks - since, answers.ticks * DECAY);
    answers.size = Math.max(size, answers.size * DECAY);
    answers.isKnown = true;
    // What takes long is not worth waiting for: others would wait as well.
    this.#expect(answers, answers.ticks < MOST_TICKS ? answers.size : 0);
  }

  /**
   * Room is kept no longer for calls that take long: others may be what they
   * wait for.
   *
   * @param running The calls that run.
   */
  expire(running: Iterable<Expecting>): void {
    const slow = new Set<UsualAnswers>();
    for (const call of running) {
      const { answers, kept, since } = call;
      if (answers === undefined || kept === 0) continue;
      if (this.#ticks - since < answers.patience) continue;
      this.release(call);
      if (!answers.isKnown) slow.add(answers);
    }
    // Twice as many may run the next time.
    for (const answers of slow) this.#expect(answers, answers.share / 2);
  }

  /** Nothing waits any more for room that is kept. */
  rest(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #expect(answers: UsualAnswers, size: number): void {
    const share = size > this.#least ? size : 0;
    this.#kinds += Number(share > 0) - Number(answers.share > 0);
    answers.share = share;
  }
}

// Calls that needed the results of others: from when these are there until a
// call has begun, which takes some turns, no call that came later begins.

/** The calls of one wire that are about to begin. */
export class RipeCalls {
  /** How many there are. */
  size = 0;

  readonly #hasRoom: (key: string) => boolean;
  /** What begins those for whose answers there was no room. */
  readonly #waiting = new Queue<{ key: string; begin: () => void }>();

  /** @param hasRoom Whether an answer will find room; see `Forecast`. */
  constructor(hasRoom: (key: string) => boolean) {
    this.#hasRoom = hasRoom;
  }

  /** How many wait for room. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Follows results that a call needs.
   *
   * @returns What says that it has begun, or never will.
   */
  follow(awaited: readonly AwaitedResult[]): () => void {
    let left = awaited.length;
    let isRipe = false;
    let isOver = false;
    const onReady = () => {
      if (--left > 0 || isOver) return;
      isRipe = true;
      this.size++;
    };
    for (const { ready } of awaited) ready.listen(onReady);
    return () => {
      isOver = true;
      if (isRipe) this.size--;
    };
  }

  /**
   * Begins a call, when there is room for its answer.
   *
   * @param key Under what is noted how large its answers are.
   * @param begin Begins it.
   */
  inTurn(key: string, begin: () => void): Promise<void> | void {
    if (this.#waiting.size === 0 && this.#hasRoom(key)) return begin();
    return new Promise((resolve, reject) =>
      this.#waiting.push({
        key,
        begin: () => {
          try {
            resolve(begin());
          } catch (error) {
            reject(error);
          }
        },
      })
    );
  }

  /** There is room again, perhaps. */
  resume(): void {
    for (let next; (next = this.#waiting.peek()) !== undefined;) {
      if (!this.#hasRoom(next.key)) return;
      this.#waiting.shift();
      next.begin();
    }
  }

  /** The wire ended: those that wait learn of it. */
  end(): void {
    for (let next; (next = this.#waiting.shift()) !== undefined;) next.begin();
  }
}

// Both together.

/** What decides when calls begin. */
export interface AdmissionOptions {
  /** Where their answers go. */
  readonly output: MessageOutput;
  readonly clock: Clock;
  /** How many calls run at a time. */
  readonly limits: Pick<WireLimits, "calls">;
}

/** The calls about which is decided. */
export interface AdmittedCalls {
  /** Those that run. */
  underWay(): Iterable<Expecting>;
  /** There is room again: those that waited for it begin. */
  resume(): void;
}

/** Says when calls begin: in order, and where their answers will find room. */
export class Admission {
  /** Calls that came while there was no room, by id. */
  readonly parked = new LazyMap<number, ParkedCall>();

  readonly #options: AdmissionOptions;
  readonly #calls: AdmittedCalls;
  readonly #output: MessageOutput;
  /** Calls that have the results which they need, and are about to begin. */
  #ripe: RipeCalls | undefined;
  /** What answers that come later will be like; undefined until there is one. */
  #forecast: Forecast | undefined;

  /**
   * @param options What decides.
   * @param calls About what.
   */
  constructor(options: AdmissionOptions, calls: AdmittedCalls) {
    this.#options = options;
    this.#calls = calls;
    this.#output = options.output;
  }

  /** Calls that need the results of others. */
  get ripe(): RipeCalls {
    return this.#ripe ??= new RipeCalls((key) => this.#hasRoom(key));
  }

  /** Whether a call may begin, rather than wait behind others. */
  mayBegin(key: string): boolean {
    return (this.#ripe === undefined || this.#ripe.size === 0) &&
      this.#hasRoom(key);
  }

  /** Whether the output has room for its answer. */
  #hasRoom(key: string): boolean {
    return this.#output.hasRoom &&
      (this.#forecast === undefined || this.#forecast.fits(key));
  }

  /** Whether calls wait for room. */
  get isWaiting(): boolean {
    return this.parked.size > 0 ||
      this.#ripe !== undefined && this.#ripe.waiting > 0;
  }

  /** A call runs whose answer comes later. */
  begin(key: string, running: Expecting): void {
    this.#forecast ??= this.#makeForecast();
    this.#forecast.begin(key, running);
  }

  #makeForecast(): Forecast {
    const { output, clock, limits } = this.#options;
    return new Forecast(output, clock, limits.calls, () => {
      this.#forecast!.expire(this.#calls.underWay());
      this.#calls.resume();
    });
  }

  /** Nothing is kept for a call any longer. */
  release(running: Expecting): void {
    if (running.kept > 0) this.#forecast!.release(running);
  }

  /** A call was answered later, with so many bytes. */
  answered(running: Expecting, size: number): void {
    this.#forecast!.learn(running, size);
  }

  /** There is room again, perhaps, for calls that needed results. */
  resume(): void {
    this.#ripe?.resume();
  }

  /** Nothing need be looked at where no call waits. */
  rest(): void {
    if (this.#forecast !== undefined && !this.isWaiting) this.#forecast.rest();
  }

  /** The wire ended: what waits is dropped. */
  end(): void {
    this.parked.clear();
    this.#forecast?.rest();
    this.#ripe?.end();
  }
}
