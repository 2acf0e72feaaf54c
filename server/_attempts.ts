/**
 * How often the peers of a network may fail to show who they are.
 *
 * @module
 */

import { type Clock, TokenBucket } from "../wire/base/clock.ts";

/** How many networks are remembered; the oldest is forgotten first. */
const MOST_NETWORKS = 10_000;

/** How many attempts there are. */
export interface AttemptLimits {
  /** How many attempts a network has at once. */
  readonly attempts: number;
  /** After how long it has one more, in milliseconds. */
  readonly attemptEvery: number;
}

/** Counts failed attempts by network. */
export class Attempts {
  readonly #clock: Clock;
  readonly #limits: AttemptLimits;
  readonly #accounts = new Map<string, TokenBucket>();

  /**
   * @param clock Tells when attempts are given back.
   * @param limits How many there are.
   */
  constructor(clock: Clock, limits: AttemptLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /**
   * How long a peer has to wait.
   *
   * @param network Its network.
   * @returns Milliseconds; 0 if it may try now.
   */
  wait(network: string): number {
    return this.#accounts.get(network)?.wait() ?? 0;
  }

  /**
   * Takes an attempt.
   *
   * @param network The peer's network.
   * @returns False when there is none left.
   */
  take(network: string): boolean {
    const { attempts, attemptEvery } = this.#limits;
    const account = this.#accounts.get(network) ??
      new TokenBucket(this.#clock, attempts, 1_000 / attemptEvery);
    this.#accounts.delete(network);
    this.#accounts.set(network, account);
    if (this.#accounts.size > MOST_NETWORKS) {
      const [oldest] = this.#accounts.keys();
      this.#accounts.delete(oldest!);
    }
    return account.take();
  }

  /** Gives an attempt back that did not fail. */
  giveBack(network: string): void {
    this.#accounts.get(network)?.giveBack();
  }
}
