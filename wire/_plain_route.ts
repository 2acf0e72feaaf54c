/**
 * Where plain calls and answers go, as they are read.
 *
 * @module
 */

import type { Calls } from "./calls.ts";
import type { Death } from "./_death.ts";
import { malformed, type WireError } from "./errors.ts";
import type { Handlers } from "./handlers.ts";
import type { PlainReceiver } from "./_plain_reader.ts";
import { MESSAGE_COST } from "./_turnstile.ts";
import type { Window } from "./_window.ts";

/** The error for what comes behind the peer's `close`. */
export function calledLate(what: string): WireError {
  return malformed(
    `A ${what} came behind the peer's close, which says that there is none.`,
  );
}

/** The ways of one wire. */
export class PlainRoute implements PlainReceiver {
  readonly #calls: Calls;
  readonly #handlers: Handlers;
  readonly #sends: Window;
  readonly #death: Death;
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
  constructor(calls: Calls, handlers: Handlers, sends: Window, death: Death) {
    this.#calls = calls;
    this.#handlers = handlers;
    this.#sends = sends;
    this.#death = death;
  }

  /** Whether the wire has ended. */
  get isOver(): boolean {
    return this.#death.reason !== undefined;
  }

  call(id: number, name: string, args: unknown[], size: number): void {
    this.messages++;
    if (this.isLast) throw calledLate("call");
    this.#handlers.callPlain(id, name, args, size + MESSAGE_COST);
  }

  send(name: string, args: unknown[], size: number): void {
    this.messages++;
    if (this.isLast) throw calledLate("one-way call");
    const cost = size + MESSAGE_COST;
    this.#sends.enter(cost);
    this.#handlers.sendPlain(name, args, cost);
  }

  returned(id: number, value: unknown): void {
    this.messages++;
    this.#calls.returned(id, value);
  }
}
