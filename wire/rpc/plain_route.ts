/**
 * Where plain calls and answers go, as they are read.
 *
 * @module
 */

import { MESSAGE_OVERHEAD } from "../codec/messages.ts";
import type { Calls } from "./calls.ts";
import type { Lifetime } from "../base/report.ts";
import { malformed, type WireError } from "../base/errors.ts";
import type { IncomingCalls } from "./incoming_calls.ts";
import type { PlainReceiver } from "../codec/message_reader.ts";
import type { ReceiveWindow } from "../flow/windows.ts";

/** The error for what comes behind the peer's `close`. */
export function calledLate(what: string): WireError {
  return malformed(
    `A ${what} came behind the peer's close, which says that there is none.`,
  );
}

/** The ways of one wire. */
export class PlainRoute implements PlainReceiver {
  readonly #calls: Calls;
  readonly #incoming: IncomingCalls;
  readonly #sends: ReceiveWindow;
  readonly #lifetime: Lifetime;
  /** How many messages came this way. */
  messages = 0;
  /** Whether the peer has said that it makes no further call. */
  isLast = false;

  /**
   * @param calls Gets answers.
   * @param handlers Gets calls.
   * @param sends Accounts for one-way calls.
   * @param death Tells whether anything is still wanted.
   */
  constructor(
    calls: Calls,
    incoming: IncomingCalls,
    sends: ReceiveWindow,
    lifetime: Lifetime,
  ) {
    this.#calls = calls;
    this.#incoming = incoming;
    this.#sends = sends;
    this.#lifetime = lifetime;
  }

  /** Whether the wire has ended. */
  get isOver(): boolean {
    return this.#lifetime.reason !== undefined;
  }

  call(id: number, name: string, args: unknown[], size: number): void {
    this.messages++;
    if (this.isLast) throw calledLate("call");
    this.#incoming.callPlain(id, name, args, size + MESSAGE_OVERHEAD);
  }

  send(name: string, args: unknown[], size: number): void {
    this.messages++;
    if (this.isLast) throw calledLate("one-way call");
    const cost = size + MESSAGE_OVERHEAD;
    this.#sends.received(cost);
    this.#incoming.sendPlain(name, args, cost);
  }

  returned(id: number, value: unknown): void {
    this.messages++;
    this.#calls.returned(id, value);
  }
}
