/**
 * The receiving end of a window: checks that the peer keeps to it, and gives
 * it credit for what was dealt with.
 *
 * @module
 */

import { malformed } from "../base/errors.ts";
import type { Channel } from "../codec/messages.ts";
import type { MessageOutput } from "./output.ts";

/** Accounts for what one channel holds of the peer's. */
export class ReceiveWindow {
  readonly #channel: Channel;
  readonly #size: number;
  readonly #output: MessageOutput;
  #held = 0;
  #credit = 0;
  #ended = false;

  /**
   * @param channel The channel.
   * @param size The window, in bytes.
   * @param output Where credit goes.
   */
  constructor(channel: Channel, size: number, output: MessageOutput) {
    this.#channel = channel;
    this.#size = size;
    this.#output = output;
  }

  /** How many bytes are held. */
  get held(): number {
    return this.#held;
  }

  /** How many bytes count against the window: held, or not yet told. */
  get used(): number {
    return this.#held + this.#credit;
  }

  /**
   * Something came.
   *
   * @param cost What it counts for, in bytes.
   * @throws {WireError} `malformed` when the window was full.
   */
  received(cost: number): void {
    if (this.#held + this.#credit >= this.#size) {
      throw malformed(
        `The peer sent ${this.#channel} beyond its window of ${this.#size} bytes.`,
      );
    }
    this.#held += cost;
  }

  /** Something was dealt with; the peer learns of it by and by. */
  consumed(cost: number): void {
    this.#held -= cost;
    this.#credit += cost;
    // Told in quarters, so that the peer need never wait for the telling.
    if (this.#credit * 4 < this.#size || this.#ended) return;
    const amount = this.#credit;
    this.#credit = 0;
    this.#output.send({ kind: "credit", channel: this.#channel, amount });
  }

  /** The wire ended: no more credit is given. */
  end(): void {
    this.#ended = true;
  }
}
