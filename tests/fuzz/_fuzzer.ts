/**
 * Executes inputs that chance makes of others, and keeps those of which
 * something new comes.
 *
 * @module
 */

import process from "node:process";
import { setImmediate } from "node:timers";
import { Random } from "../simulation/_random.ts";
import { Pool } from "./_pool.ts";
import { type Bytes, Fault, type Target } from "./_target.ts";

/**
 * An execution that takes longer hangs, in milliseconds of processor time:
 * beside much else a short one may take as long by the clock on the wall.
 */
const LONGEST = 5_000;
/**
 * After how many executions that take a while rejections are looked for: these
 * are told when the turn is over, and a turn takes longer than most of them.
 */
const TOGETHER = 32;
/** For one in how many executions the room is counted that is asked for. */
const COUNTED = 16;
/** How often the heap is looked at, and by how much it may grow. */
const BATCH = 20_000;
const MOST_GROWTH = 64 * 1024 * 1024;

/** Promises that were rejected and that nobody handled, so far. */
const unhandled: unknown[] = [];
globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  unhandled.push(event.reason);
});

/** What to fuzz, and for how long. */
export interface FuzzOptions {
  readonly target: Target;
  /** Where mutations begin. */
  readonly corpus: readonly Bytes[];
  readonly seed: number;
  /** The most executions. */
  readonly executions: number;
  /** The most time, in milliseconds. */
  readonly time: number;
  /** Told of each input before it is executed. */
  readonly onInput?: (input: Bytes) => void;
}

/** What came of it. */
export interface FuzzResult {
  readonly executions: number;
  /** How many outcomes there were. */
  readonly outcomes: number;
  /** Inputs of which those came that the corpus has not. */
  readonly fresh: readonly Bytes[];
  /** An input that fails, and why. */
  readonly failure: { readonly input: Bytes; readonly error: unknown } | null;
}

/**
 * Executes one input.
 *
 * @returns What came of it.
 * @throws Whatever is wrong with it.
 */
export async function execute(target: Target, input: Bytes): Promise<string> {
  unhandled.length = 0;
  worked = processorTime();
  const outcome = await timed(target, input, true);
  await turn();
  checkHandled();
  return outcome;
}

/** Executes one input, which must not take long. */
function timed(
  target: Target,
  input: Bytes,
  isCounted: boolean,
): string | Promise<string> {
  const began = performance.now();
  const came = target.run(input, isCounted);
  if (typeof came !== "string") return inTime(came, began);
  checkTime(began);
  return came;
}

async function inTime(came: Promise<string>, began: number): Promise<string> {
  const outcome = await came;
  checkTime(began);
  return outcome;
}

function checkTime(began: number): void {
  if (performance.now() - began <= LONGEST) return;
  const time = processorTime() - worked;
  if (time > LONGEST) throw new Fault(`it took ${Math.round(time)} ms`);
}

/** How long this process has worked, in milliseconds. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** The same a few executions ago: to ask costs as much as one of them. */
let worked = 0;

/** Rejections that nobody handles are told after the turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => resolve()));
}

function checkHandled(): void {
  if (unhandled.length === 0) return;
  throw new Fault(`a rejection was not handled: ${Deno.inspect(unhandled[0])}`);
}

/** Whether an input fails. */
export async function fails(target: Target, input: Bytes): Promise<boolean> {
  try {
    await execute(target, input);
    return false;
  } catch {
    return true;
  }
}

/** Looks at the heap after each batch of executions. */
class Heap {
  #least = Infinity;
  #grown = 0;

  /** @throws {Fault} Where it has grown, and does not shrink again. */
  check(): void {
    (globalThis as { gc?: () => void }).gc?.();
    const { heapUsed, external } = Deno.memoryUsage();
    const used = heapUsed + external;
    this.#least = Math.min(this.#least, used);
    const isGrown = used > this.#least + MOST_GROWTH;
    this.#grown = isGrown ? this.#grown + 1 : 0;
    if (this.#grown < 5) return;
    throw new Fault(`${used} bytes are in use, ${this.#least} were once`);
  }
}

/** What fails, and why. */
type Failure = NonNullable<FuzzResult["failure"]>;

/** Executes inputs, and tells which of them fails. */
class Executor {
  readonly #target: Target;
  readonly #heap = new Heap();
  /** What was executed since rejections were looked for. */
  #recent: Bytes[] = [];
  #count = 0;

  constructor(target: Target) {
    this.#target = target;
    unhandled.length = 0;
  }

  /** What came of an input; a promise of it where that takes a while. */
  run(input: Bytes, isCounted: boolean): string | Promise<string> {
    if (++this.#count % BATCH === 0) this.#heap.check();
    const came = timed(this.#target, input, isCounted);
    return typeof came === "string" ? came : this.#waited(came, input);
  }

  async #waited(came: Promise<string>, input: Bytes): Promise<string> {
    const outcome = await came;
    if (this.#recent.push(input) >= TOGETHER) await this.finish();
    return outcome;
  }

  /**
   * Looks for rejections that nobody handled.
   *
   * @throws {Rejected} Tells of which input one is.
   */
  async finish(): Promise<void> {
    if (this.#recent.length === 0) return;
    const inputs = this.#recent;
    this.#recent = [];
    await turn();
    if (unhandled.length === 0) return;
    let error: unknown = new Fault(`${Deno.inspect(unhandled[0])}, once`);
    for (const input of inputs) {
      try {
        await execute(this.#target, input);
      } catch (again) {
        error = again;
        throw new Rejected(input, error);
      }
    }
    throw new Rejected(inputs.at(-1)!, error);
  }
}

/** An input of which a rejection came that nobody handled. */
class Rejected extends Error {
  constructor(readonly input: Bytes, error: unknown) {
    super("a rejection was not handled", { cause: error });
  }
}

/** Fuzzes one target, until something fails, or for as long as is said. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { target, corpus } = options;
  const random = new Random(options.seed);
  const pool = new Pool(corpus);
  const executor = new Executor(target);
  const end = performance.now() + options.time;
  const most = options.executions + corpus.length;
  let count = 0;
  let input = corpus[0] ?? new Uint8Array(2);
  let failure: Failure | null = null;
  try {
    for (; count < most; count++) {
      // The time costs something where an execution takes a microsecond.
      if (count % 16 === 0) {
        if (performance.now() > end) break;
        worked = processorTime();
      }
      input = corpus[count] ??
        target.mutate(pool.pick(random), random, pool.pick(random));
      options.onInput?.(input);
      const isCounted = count < corpus.length || count % COUNTED === 0;
      const came = executor.run(input, isCounted);
      const outcome = typeof came === "string" ? came : await came;
      if (count < corpus.length) pool.know(outcome);
      else if (pool.note(outcome, input, random) && !isCounted) {
        await executor.run(input, true);
      }
    }
    await executor.finish();
  } catch (error) {
    failure = error instanceof Rejected
      ? { input: error.input, error: error.cause }
      : { input, error };
    count++;
  }
  const { outcomes, fresh } = pool;
  return { executions: Math.min(count, most), outcomes, fresh, failure };
}
