/**
 * Calls that are served: when each may begin, and what is said of those that
 * fail.
 *
 * @module
 */

import { errorMessage, Unfit, WireError } from "../base/errors.ts";
import type { CallExtras, MessageExtras } from "../codec/message_receiver.ts";
import { isA, shown } from "../base/shown.ts";
import { FailedResult } from "./results.ts";
import type { Clock } from "../base/clock.ts";
import type { MessageOutput } from "../flow/output.ts";
import type { AwaitedResult } from "../codec/passing.ts";
import { Queue } from "../base/collections.ts";

/** Under what is noted how large its answers are: methods share one entry. */
export function keyOf(name: string, extras: CallExtras | undefined): string {
  return extras?.target === undefined ? name : "";
}

/** What the arguments of a call take beyond what it counts for. */
export function excessOf(extras: CallExtras | undefined): number {
  return extras?.excess ?? 0;
}

/**
 * A call has failed. What came along with it was for its function, and all of
 * it for nobody where that has not run; who has failed takes no streams.
 */
export function dropUnused(
  extras: MessageExtras | undefined,
  error: unknown,
): void {
  const arrived = extras?.arrived;
  if (arrived === undefined) return;
  if (isA(error, Unfit)) return arrived.drop();
  const message = "The function that was to take the stream has failed.";
  arrived.dropUntaken(new WireError("cancelled", message));
}

/** What went wrong on this side, of which the peer learns nothing. */
export function troubleOf(error: unknown): unknown {
  return isA(error, Unfit) ? error.trouble : undefined;
}

/** Where an error came from. */
export function oneWay(name: string): string {
  return `one-way call of ${shown(name)}`;
}

/** Why a result is for nobody. */
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

// What running calls will probably answer. A call is not begun where its
// answer, and those of the calls that run, might not find room: a function
// that answers at once is measured by what it has answered, but one that
// answers later would be begun a thousand times before its first answer.

/** What of all that may wait to leave is for calls that run. */
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
    const arrived = () => {
      if (--left > 0 || isOver) return;
      isRipe = true;
      this.size++;
    };
    for (const { arrival } of awaited) arrival.listen(arrived);
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
