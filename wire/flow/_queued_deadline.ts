/**
 * The deadline of a call that is encoded already, and waits to leave.
 *
 * @module
 */

import { varintSize } from "../codec/bytes.ts";
import { WireError } from "../base/errors.ts";

/** The bytes of a message that waits. */
interface Body {
  size: number;
  bytes: Uint8Array<ArrayBuffer>;
}

/** What stands in a message about its deadline, and goes on while it waits. */
export class QueuedDeadline {
  readonly #name: string;
  readonly #milliseconds: number;
  readonly #until: number;
  readonly #at: number;

  /**
   * @param name The function's name.
   * @param milliseconds What the message says.
   * @param now The time.
   * @param at Where it says that, in the message's body.
   */
  constructor(name: string, milliseconds: number, now: number, at: number) {
    this.#name = name;
    this.#milliseconds = milliseconds;
    this.#until = now + milliseconds;
    this.#at = at;
  }

  /**
   * Has a message that leaves say what is left.
   *
   * @param body The message's. It may lose some bytes.
   * @param now The time.
   * @returns Why it does not leave any more, where its deadline has passed.
   */
  update(body: Body, now: number): WireError | undefined {
    if (now >= this.#until) return this.#passed();
    const written = this.#milliseconds;
    const left = Math.min(written, Math.ceil(this.#until - now));
    const { bytes, size } = body;
    const at = this.#at;
    const less = varintSize(written) - varintSize(left);
    if (less > 0) {
      bytes.copyWithin(at, at + less, size);
      body.size = size - less;
      body.bytes = bytes.subarray(0, body.size);
    }
    putVarint(bytes, at, left);
    return undefined;
  }

  #passed(): WireError {
    return new WireError(
      "deadline",
      `"${this.#name}" was not sent within ${this.#milliseconds} ms, its deadline: it waited to be sent.`,
      { sent: "notSent" },
    );
  }
}

/**
 * Writes a varint.
 *
 * @param bytes Where.
 * @param at At which position.
 * @param value An unsigned integer below 2^32.
 * @returns The position behind it.
 */
export function putVarint(
  bytes: Uint8Array,
  at: number,
  value: number,
): number {
  for (; value >= 0x80; value >>>= 7) bytes[at++] = value & 0x7f | 0x80;
  bytes[at++] = value;
  return at;
}
