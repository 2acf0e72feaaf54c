/**
 * What waits at the turnstiles of a wire: bounded, for whoever sends without
 * waiting until it has left.
 *
 * @module
 */

import { WireError } from "../base/errors.ts";
import type { MessageOutput } from "./output.ts";
import type { Report } from "../base/report.ts";

/** What a message that waits counts for beyond its bytes. */
const WAITING_COST = 512;

/** Counts what waits, and refuses what is too much. */
export class Backlog {
  /** What waits, in bytes. */
  held = 0;

  readonly #output: MessageOutput;
  /** The last refusal. */
  #refusal: WireError | undefined;
  /** Whether a refusal was told since there was room. */
  #isTold = false;

  /** @param output What waits counts together with what it has. */
  constructor(output: MessageOutput) {
    this.#output = output;
  }

  /**
   * Refuses a message that is to wait where too much waits.
   *
   * @param size How many bytes it has.
   * @throws {WireError} `limit`; nothing of it was sent.
   */
  admit(size: number): void {
    const { most, pause, waiting } = this.#output;
    const { held } = this;
    if (held < pause || held + waiting + size + WAITING_COST <= most) return;
    throw this.#refusal = new WireError(
      "limit",
      `It was not sent: calls and messages of ${held} bytes (${WAITING_COST} added for each) wait already for the peer to take them (limit "sendMost": ${most}). Await what you send, make fewer calls at a time, or raise that limit.`,
      { sent: "notSent" },
    );
  }

  /** A message of so many bytes waits. */
  add(size: number): void {
    this.held += size + WAITING_COST;
  }

  /** It waits no longer. */
  remove(size: number): void {
    this.held -= size + WAITING_COST;
    if (this.held * 2 < this.#output.most) this.#isTold = false;
  }

  /**
   * Who is told of a failure that nobody awaits. Where too much waits, one
   * call after the other fails: the first is told, until there is room again.
   *
   * @param error What a call or a message failed with.
   * @param report Told of it otherwise.
   */
  reportOf(error: unknown, report: Report | undefined): Report | undefined {
    if (error !== this.#refusal) return report;
    const wasTold = this.#isTold;
    this.#isTold = true;
    return wasTold ? undefined : report;
  }
}
