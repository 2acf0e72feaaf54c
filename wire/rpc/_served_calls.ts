/**
 * Calls that are served: when each may begin, and what is said of those that
 * fail.
 *
 * @module
 */

import { errorMessage, malformed, Unfit, WireError } from "../base/errors.ts";
import type { CallExtras, MessageExtras } from "../codec/message_receiver.ts";
import { isA, shown } from "../base/shown.ts";
import { FailedResult } from "./results.ts";
import { type Clock, TokenBucket } from "../base/clock.ts";
import type { Memory, WireLimits } from "../base/limits.ts";
import { abortContext, type CallContext } from "./context.ts";
import type { MessageOutput } from "../flow/output.ts";
import type { AwaitedResult, ReceivedAttachments } from "../codec/passing.ts";
import { LazyMap, Queue } from "../base/collections.ts";

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
 * Gives a call up at its caller's deadline.
 *
 * @param left How many milliseconds are left; undefined where it has none.
 */
export function startTimer(
  running: Running,
  left: number | undefined,
  clock: Clock,
  giveUp: (reason: WireError) => void,
): void {
  if (left === undefined) return;
  running.stopTimer = clock.after(
    Math.min(Math.max(1, Math.ceil(left)), 2 ** 31 - 1),
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

/** How many cancels a peer may send: not more than calls, nor too many at once. */
export class CancelBudget {
  readonly #clock: Clock;
  readonly #limits: Pick<WireLimits, "cancels" | "cancelsPerSecond">;
  #bucket: TokenBucket | undefined;
  /** Calls that came, less the cancels: there is at most one for each. */
  #left = 0;

  /**
   * @param clock Tells how many may come by now.
   * @param limits How many may come.
   */
  constructor(
    clock: Clock,
    limits: Pick<WireLimits, "cancels" | "cancelsPerSecond">,
  ) {
    this.#clock = clock;
    this.#limits = limits;
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
    const { cancels, cancelsPerSecond } = this.#limits;
    this.#bucket ??= new TokenBucket(this.#clock, cancels, cancelsPerSecond);
    return this.#bucket.take();
  }
}

/** What calls hold until they are answered. */
export class Holdings {
  /** How many bytes of the peer's window. */
  bytes = 0;

  readonly #memory: Memory | undefined;

  /** @param memory Accounts for what they take beyond those bytes. */
  constructor(memory: Memory | undefined) {
    this.#memory = memory;
  }

  /** A call is held, and what is made of it. */
  hold(cost: number, excess: number): void {
    this.bytes += cost;
    if (excess > 0) this.#memory?.hold(excess);
  }

  /** It is held no more. */
  give(cost: number, excess: number): void {
    this.bytes -= cost;
    if (excess > 0) this.#memory?.give(excess);
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
  answers: Answers | undefined;
  /** How many bytes are kept for it. */
  kept: number;
  /** At which tick it began. */
  since: number;
}

/** What is known of the answers of one function that come later. */
class Answers {
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
  readonly #answers = new Map<string, Answers>();
  /** The function that was looked up last, most often the next one as well. */
  #lastName: string | undefined;
  #last = new Answers();
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
  of(name: string): Answers {
    if (name === this.#lastName) return this.#last;
    let answers = this.#answers.get(name);
    if (answers === undefined) {
      answers = new Answers();
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
    const slow = new Set<Answers>();
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

  #expect(answers: Answers, size: number): void {
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
  readonly calls: number;
  /** Those that run. */
  readonly running: () => Iterable<Expecting>;
  /** Called when room is kept no longer for some of them. */
  readonly onTime: () => void;
}

/** Says when calls begin: in order, and where their answers will find room. */
export class Admission {
  /** Calls that came while there was no room, by id. */
  readonly parked = new LazyMap<number, ParkedCall>();

  readonly #options: AdmissionOptions;
  readonly #output: MessageOutput;
  /** Calls that have the results which they need, and are about to begin. */
  #ripe: RipeCalls | undefined;
  /** What answers that come later will be like; undefined until there is one. */
  #forecast: Forecast | undefined;

  /** @param options What decides. */
  constructor(options: AdmissionOptions) {
    this.#options = options;
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
    const { output, clock, calls, running, onTime } = this.#options;
    return new Forecast(output, clock, calls, () => {
      this.#forecast!.expire(running());
      onTime();
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
    if (!this.isWaiting) this.#forecast?.rest();
  }

  /** The wire ended: what waits is dropped. */
  end(): void {
    this.parked.clear();
    this.#forecast?.rest();
    this.#ripe?.end();
  }
}
