/**
 * How often a peer may fail to show who it is.
 *
 * @module
 */

import type { Clock } from "../../wire/base/clock.ts";
import type { ListenerLimits } from "./options.ts";

/** How many addresses are remembered; the oldest is forgotten first. */
const MOST_PEERS = 10_000;

interface Account {
  /** Attempts that are left, in parts. */
  left: number;
  /** When that was so. */
  at: number;
}

/** Counts failed attempts by address. */
export class Attempts {
  readonly #clock: Clock;
  readonly #limits: Pick<ListenerLimits, "attempts" | "attemptEvery">;
  readonly #accounts = new Map<string, Account>();

  /**
   * @param clock Tells when attempts are given back.
   * @param limits How many there are.
   */
  constructor(
    clock: Clock,
    limits: Pick<ListenerLimits, "attempts" | "attemptEvery">,
  ) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /**
   * How long a peer has to wait.
   *
   * @param hostname Its address.
   * @returns Milliseconds; 0 if it may try now.
   */
  wait(hostname: string): number {
    const left = this.#left(network(hostname));
    return left >= 1 ? 0 : Math.ceil((1 - left) * this.#limits.attemptEvery);
  }

  /**
   * Takes an attempt.
   *
   * @param hostname The peer's address.
   * @returns False when there is none left.
   */
  take(hostname: string): boolean {
    const key = network(hostname);
    const left = this.#left(key);
    if (left < 1) return false;
    this.#set(key, left - 1);
    return true;
  }

  /** Gives an attempt back that did not fail. */
  releaseBorrowed(hostname: string): void {
    const key = network(hostname);
    if (this.#accounts.has(key)) this.#set(key, this.#left(key) + 1);
  }

  #set(key: string, left: number): void {
    this.#accounts.delete(key);
    this.#accounts.set(key, { left, at: this.#clock.now() });
    if (this.#accounts.size <= MOST_PEERS) return;
    const [oldest] = this.#accounts.keys();
    this.#accounts.delete(oldest!);
  }

  #left(key: string): number {
    const account = this.#accounts.get(key);
    const { attempts, attemptEvery } = this.#limits;
    if (account === undefined) return attempts;
    const returned = (this.#clock.now() - account.at) / attemptEvery;
    return Math.min(attempts, account.left + returned);
  }
}

/** One who has an IPv6 address mostly has all of its /64. */
function network(hostname: string): string {
  if (!hostname.includes(":") || hostname.includes(".")) return hostname;
  const [head = "", tail] = hostname.split("::");
  const first = head.split(":");
  const last = tail === undefined ? [] : tail.split(":");
  const zeros = Array(Math.max(0, 8 - first.length - last.length)).fill("0");
  return [...first, ...zeros, ...last].slice(0, 4).join(":");
}
