/**
 * What the queue, its producers and its workers agree on.
 *
 * @module
 */

/** A piece of work: to count the primes of a range. */
export interface Job {
  /** Its name. Given again, it is the same job. */
  readonly id: string;
  /** The first number. */
  readonly from: number;
  /** The first number behind the range. */
  readonly to: number;
}

/** What a worker tells of a job: how much of it is done, or the result. */
export type Step =
  | { readonly part: number }
  | { readonly result: number };

/** What a worker serves to the queue. */
export interface Worker {
  /** Does a job, and tells how it goes; the last step is the result. */
  run(job: Job): AsyncIterable<Step>;
}

/** What the queue serves. */
export interface Queue {
  /**
   * Adds a job, and waits for its result. Safe to repeat: a job that is known
   * by its id is not done again.
   */
  submit(job: Job): Promise<number>;
  /** The caller is a worker from now on, and takes one job at a time. */
  work(name: string): void;
}
