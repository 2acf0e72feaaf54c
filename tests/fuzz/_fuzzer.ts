/**
 * Executes inputs that chance makes of others, and keeps those of which
 * something new comes.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { Random } from "../simulation/_random.ts";
import { type Bytes, Fault, type Target } from "./_target.ts";

/** An execution that takes longer hangs. In milliseconds. */
const LONGEST = 5_000;
/** How many inputs are kept besides the corpus. */
const MOST_KEPT = 2_000;
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
  /** Inputs of which something new came. */
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
export function execute(
  target: Target,
  input: Bytes,
): string | Promise<string> {
  const began = performance.now();
  const came = target.run(input);
  if (typeof came !== "string") return settled(came, began);
  checkTime(began);
  return came;
}

async function settled(came: Promise<string>, began: number): Promise<string> {
  unhandled.length = 0;
  const outcome = await came;
  checkTime(began);
  // Rejections that nobody handles are told after the turn.
  await new Promise<void>((resolve) => setImmediate(() => resolve()));
  checkHandled();
  return outcome;
}

function checkTime(began: number): void {
  const time = performance.now() - began;
  if (time > LONGEST) throw new Fault(`it took ${Math.round(time)} ms`);
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

/** Fuzzes one target, until something fails, or for as long as is said. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { target, corpus, onInput } = options;
  const random = new Random(options.seed);
  const inputs = corpus.length > 0 ? [...corpus] : [new Uint8Array(2)];
  const seen = new Set<string>();
  const fresh: Bytes[] = [];
  const heap = new Heap();
  const end = performance.now() + options.time;
  const most = options.executions + corpus.length;
  for (let count = 0; count < most; count++) {
    // The time costs something where an execution takes a microsecond.
    if (count % 16 === 0 && performance.now() > end) {
      return { executions: count, fresh, failure: null };
    }
    const input = corpus[count] ??
      target.mutate(random.pick(inputs), random, random.pick(inputs));
    onInput?.(input);
    try {
      const came = execute(target, input);
      const outcome = typeof came === "string" ? came : await came;
      if (!seen.has(outcome) && fresh.length < MOST_KEPT) {
        seen.add(outcome);
        if (count >= corpus.length) {
          inputs.push(input);
          fresh.push(input);
        }
      }
      if (count % BATCH === BATCH - 1) heap.check();
    } catch (error) {
      return { executions: count + 1, fresh, failure: { input, error } };
    }
  }
  return { executions: most, fresh, failure: null };
}
