/**
 * The way out of a wire: three turnstiles in front of one writer.
 *
 * @module
 */

import { type CallOptions, checkOptions } from "./call_options.ts";
import { WireError } from "./errors.ts";
import {
  type CallFields,
  type Message,
  type PeerLimits,
  SendMessage,
  type Target,
} from "./messages.ts";
import type { MessageOutput, Ticket } from "./output.ts";
import { Turnstile, type Waiting } from "./_turnstile.ts";

/** A resolved promise, for what is done already. */
const DONE: Promise<void> = Promise.resolve();

/** Everything that leaves, by its kind. */
export class Outbound {
  /** The writer. */
  readonly output: MessageOutput;
  /** Calls for an answer; none overtakes one-way calls made before it. */
  readonly calls: Turnstile;
  /** One-way calls, in order. */
  readonly sends: Turnstile;
  /** Typed messages, in order. */
  readonly messages: Turnstile;
  /** A ticket that nobody keeps: most messages leave at once. */
  #ticket: Ticket = { position: Infinity, left: undefined };
  /** Why the wire ended. */
  #reason: WireError | undefined;

  /** @param output The writer. */
  constructor(output: MessageOutput) {
    this.output = output;
    this.messages = new Turnstile(output, true);
    this.sends = new Turnstile(output, true);
    this.calls = new Turnstile(output, false, this.sends);
    output.before = this;
  }

  /** How many messages wait. */
  get waiting(): number {
    return this.calls.waiting + this.sends.waiting + this.messages.waiting;
  }

  /** Sets how large messages may be, and what they may hold. */
  limit(peer: PeerLimits, frame: number, message: number): void {
    const { nesting, values, bigint } = peer;
    this.output.encoder.limits = { frame, message, nesting, values, bigint };
  }

  /** The peer accepted: everything may leave, as far as its limits allow. */
  open(peer: PeerLimits): void {
    this.limit(peer, peer.frame, peer.message);
    this.output.pieces = peer.pieces;
    this.output.mayCut = true;
    this.calls.most = peer.calls;
    // One large call is not to hold up small ones.
    this.calls.window = peer.window + peer.message;
    this.sends.window = peer.window;
    this.messages.window = peer.window;
    this.drain();
  }

  /** Lets out what may leave by now. */
  drain(): void {
    this.messages.drain();
    this.sends.drain();
    this.calls.drain();
  }

  /**
   * Calls one way.
   *
   * @param name The function's name.
   * @param args Its arguments.
   * @param options The caller's.
   * @param deadline What travels of its deadline, in milliseconds; 0 for none.
   * @param refusal Why nothing more can be sent.
   * @param target What it is of; nothing where it is of what was served.
   */
  send(
    name: string,
    args: unknown[],
    options: CallOptions | undefined,
    deadline: number,
    refusal: WireError | undefined,
    target?: Target,
  ): Promise<void> {
    if (refusal !== undefined) return handled(Promise.reject(refusal));
    const { sends } = this;
    if (options === undefined && target === undefined) {
      let size = sends.hasWindow ? this.output.addPlainSend(name, args) : 0;
      if (size === 0 && sends.isClear) {
        size = this.output.sendPlainSend(name, args);
      }
      if (size > 0) {
        sends.entered(size);
        return DONE;
      }
    }
    try {
      checkOptions(name, options);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#pass(
      sends,
      new SendMessage(name, args, deadline, target, options?.metadata),
      options,
    );
  }

  /**
   * Sends a typed message.
   *
   * @param value The value.
   * @param refusal Why nothing more can be sent.
   */
  outputObject(value: unknown, refusal: WireError | undefined): Promise<void> {
    if (refusal !== undefined) return handled(Promise.reject(refusal));
    return this.#pass(this.messages, { kind: "message", value });
  }

  /**
   * Sends a message that has no answer.
   *
   * @param turnstile Where it has to pass.
   * @param message The message.
   * @param options What ends its waiting.
   * @returns A promise that resolves when it has left. It rejects when the
   * message cannot be sent; and, marked as handled, when the wire ends first,
   * its deadline passes or its signal aborts.
   */
  #pass(
    turnstile: Turnstile,
    message: Message,
    options?: CallOptions,
  ): Promise<void> {
    const ticket = this.#ticket;
    ticket.position = Infinity;
    let waiting: Waiting | undefined;
    try {
      waiting = turnstile.pass(message, ticket);
    } catch (error) {
      return Promise.reject(error);
    }
    if (ticket.position !== Infinity) return DONE;
    this.#ticket = { position: Infinity, left: undefined };
    const left = leaving(
      ticket,
      (failure) =>
        failure === this.#reason ? this.#lost(message, ticket) : failure,
    );
    if (waiting === undefined || message.kind !== "send") return handled(left);
    return handled(
      this.#unlessLate(left, turnstile, waiting, message, options),
    );
  }

  /** Gives up a one-way call that waits for too long. */
  #unlessLate(
    left: Promise<void>,
    turnstile: Turnstile,
    waiting: Waiting,
    { name }: CallFields,
    { deadline, signal }: CallOptions = {},
  ): Promise<void> {
    if (deadline === undefined && signal === undefined) return left;
    return new Promise((resolve, reject) => {
      const giveUp = (error: WireError) => {
        if (waiting.dropped) return;
        turnstile.withdraw(waiting);
        stop();
        reject(error);
        turnstile.drain();
      };
      const stopTimer = deadline === undefined
        ? undefined
        : this.output.clock.after(deadline, () =>
          giveUp(notSent(
            "deadline",
            `"${name}" was not sent within ${
              Math.ceil(deadline)
            } ms, its deadline: it waited for its turn.`,
          )));
      const onAbort = () =>
        giveUp(notSent(
          "cancelled",
          `"${name}" was cancelled by its caller's signal while it waited for its turn.`,
          signal!.reason,
        ));
      const stop = () => {
        stopTimer?.();
        signal?.removeEventListener("abort", onAbort);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      left.then(resolve, reject).finally(stop);
    });
  }

  /** Why a message did not leave with the wire's last output. */
  #lost(message: Message, ticket: Ticket): WireError {
    const { code, message: why } = this.#reason!;
    const what = message.kind === "send" ? `"${message.name}"` : "a message";
    const isPart = this.output.wasHanded(ticket);
    return new WireError(
      code,
      `The wire ended before ${what} had left (${
        isPart ? "a part of it was sent" : "it was not sent"
      }): ${why}`,
      { cause: this.#reason, sent: isPart ? "maybeExecuted" : "notSent" },
    );
  }

  /** Resolves when all that waits by now has left, or never will. */
  async whenPassed(): Promise<void> {
    await Promise.all([
      this.calls.whenPassed(),
      this.sends.whenPassed(),
      this.messages.whenPassed(),
    ]);
  }

  /** The wire ended: what waits fails. */
  end(reason: WireError): void {
    this.#reason = reason;
    this.calls.clear(reason);
    this.sends.clear(reason);
    this.messages.clear(reason);
    this.output.dropLarge(reason);
  }
}

/** Resolves when the message of a ticket has left; rejects if it never will. */
function leaving(
  ticket: Ticket,
  toError: (failure: Error) => Error,
): Promise<void> {
  return new Promise((resolve, reject) =>
    ticket.left = (failure) =>
      failure === undefined ? resolve() : reject(toError(failure))
  );
}

function notSent(
  code: "deadline" | "cancelled",
  message: string,
  cause?: unknown,
): WireError {
  return new WireError(code, message, { cause, sent: "notSent" });
}

/**
 * Marks a promise as handled: its rejection says that the wire ended, which
 * `onDeath` and `closed` say too, so that nobody has to look at it.
 */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => {});
  return promise;
}
