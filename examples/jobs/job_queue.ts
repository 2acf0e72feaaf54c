/**
 * The queue itself: jobs that wait, workers, and what becomes of both.
 *
 * @module
 */

import { Refusal, WireError } from "../../mod.ts";
import { errorText } from "../_text.ts";
import type { Job, Step } from "./protocol.ts";

/** A job that was begun so often fails: it may be what kills its workers. */
const MOST_BEGUN = 5;
/** So many jobs may wait; further ones are refused. */
const MOST_WAITING = 10_000;
/** So many results are remembered, for who asks again. */
const MOST_RESULTS = 100_000;

/** A worker, as the queue needs it; a wire to one is more than that. */
export interface WorkerEnd {
  /** Does a job. */
  run(job: Job): Promise<AsyncIterable<Step>>;
  /** Aborts when the worker is gone. */
  readonly signal: AbortSignal;
}

/** A job and what is known of it. */
interface Entry {
  readonly job: Job;
  readonly result: PromiseWithResolvers<number>;
  begun: number;
}

/** What a worker is doing. */
export interface WorkerView {
  readonly name: string;
  /** Its job, and how much of that is done, from 0 to 1. */
  job: string | undefined;
  part: number;
  /** How many it has done. */
  done: number;
}

/** Hands jobs to workers: each to one at a time, until there is a result. */
export class JobQueue {
  /** The workers that are there. */
  readonly workers = new Set<WorkerView>();
  /** How many jobs have a result, and the sum of the results. */
  done = 0;
  sum = 0;
  /** How many were taken from a worker that went, and given to another. */
  again = 0;
  readonly #onEvent: (text: string) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #finished: string[] = [];
  #waiting: Entry[] = [];
  /** Workers that wait for a job. */
  #idle: (() => void)[] = [];

  /** @param onEvent Told, in words, of what happens. */
  constructor(onEvent: (text: string) => void) {
    this.#onEvent = onEvent;
  }

  /** How many jobs wait for a worker. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Adds a job, unless it is known.
   *
   * @param job The job.
   * @returns A promise of its result.
   * @throws {Refusal} If too many wait, or the id belongs to another job.
   */
  submit(job: Job): Promise<number> {
    const known = this.#entries.get(job.id);
    if (known !== undefined) {
      const { from, to } = known.job;
      if (from === job.from && to === job.to) return known.result.promise;
      throw new Refusal("invalidArgument", `${job.id} is another job.`);
    }
    if (this.#waiting.length >= MOST_WAITING) {
      throw new Refusal("busy", `${MOST_WAITING} jobs wait already.`);
    }
    const result = Promise.withResolvers<number>();
    const entry: Entry = { job, result, begun: 0 };
    this.#entries.set(job.id, entry);
    this.#waiting.push(entry);
    this.#idle.shift()?.();
    return result.promise;
  }

  /**
   * Has a worker do jobs for as long as it is there.
   *
   * @param name What to call it.
   * @param worker The worker.
   */
  async employ(name: string, worker: WorkerEnd): Promise<void> {
    const view: WorkerView = { name, job: undefined, part: 0, done: 0 };
    this.workers.add(view);
    this.#onEvent(`${name} came`);
    try {
      let entry: Entry | undefined;
      while ((entry = await this.#next(worker.signal)) !== undefined) {
        const { id } = entry.job;
        Object.assign(view, { job: id, part: 0 });
        const isBusy = await this.#doOne(entry, view, worker);
        view.job = undefined;
        if (!isBusy) break;
      }
    } finally {
      this.workers.delete(view);
      this.#onEvent(`${name} went`);
    }
  }

  /** The next job; undefined when the worker is gone. */
  async #next(signal: AbortSignal): Promise<Entry | undefined> {
    while (!signal.aborted) {
      const entry = this.#waiting.shift();
      if (entry !== undefined) return entry;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#idle.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
      this.#idle = this.#idle.filter((each) => each !== resolve);
    }
    // It may have been called for a job that is there for another now.
    if (this.#waiting.length > 0) this.#idle.shift()?.();
    return undefined;
  }

  /** Has a job done; false where the worker takes no more. */
  async #doOne(
    entry: Entry,
    view: WorkerView,
    worker: WorkerEnd,
  ): Promise<boolean> {
    entry.begun++;
    try {
      for await (const step of await worker.run(entry.job)) {
        if ("result" in step) {
          this.#finish(entry, step.result);
          view.done++;
          return true;
        }
        view.part = step.part;
      }
      throw new Error("the worker told no result");
    } catch (error) {
      // A worker that is going does not begin: that is no fault of the job.
      const isGoing = error instanceof WireError && error.sent === "notSent";
      if (isGoing) entry.begun--;
      else this.again++;
      this.#takeBack(entry, view.name, error);
      return !isGoing;
    }
  }

  /** A result counts once: its stream was the only one. */
  #finish({ job, result }: Entry, value: number): void {
    this.done++;
    this.sum += value;
    result.resolve(value);
    this.#forgetOldest(job.id);
  }

  #takeBack(entry: Entry, name: string, error: unknown): void {
    const { id } = entry.job;
    if (entry.begun >= MOST_BEGUN) {
      this.#onEvent(`${id} failed ${MOST_BEGUN} times`);
      entry.result.promise.catch(() => {});
      entry.result.reject(error);
      return this.#forgetOldest(id);
    }
    this.#onEvent(`${id} goes to another than ${name}:`);
    this.#onEvent(`  ${errorText(error)}`);
    this.#waiting.unshift(entry);
    this.#idle.shift()?.();
  }

  #forgetOldest(id: string): void {
    this.#finished.push(id);
    if (this.#finished.length <= MOST_RESULTS) return;
    this.#entries.delete(this.#finished.shift()!);
  }
}
