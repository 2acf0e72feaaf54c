/**
 * The way out of a wire: three turnstiles in front of one writer.
 *
 * @module
 */

import { Backlog, type QueuedMessage, SendQueue } from "../flow/windows.ts";
import { type CallOptions, checkOptions, deadlineToTell } from "./context.ts";
import { endStreams } from "../codec/passing.ts";
import { WireError } from "../base/errors.ts";
import {
  entered,
  failed,
  leave,
  left,
  OwnPromise,
  type Report,
  unsent,
} from "../base/report.ts";
import {
  type Message,
  type PeerLimits,
  SendMessage,
  type Target,
} from "../codec/messages.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { MessageOutput, Ticket } from "../flow/output.ts";

/** A resolved promise, for what is done already. */
const DONE: Promise<void> = Promise.resolve();

/** Has streams among the arguments of one-way calls end with these. */
interface BindingStreams {
  /**
   * @param name The function's name.
   * @param options The call's.
   * @param send Sends it.
   * @returns What that returns.
   */
  sendBound<T>(name: string, options: CallOptions, send: () => T): T;
}

/** Everything that leaves, by its kind. */
export class Outbound {
  /** The writer. */
  readonly output: MessageOutput;
  /** Calls for an answer; none overtakes one-way calls made before it. */
  readonly calls: SendQueue;
  /** One-way calls, in order. */
  readonly sends: SendQueue;
  /** Typed messages, in order. */
  readonly messages: SendQueue;
  readonly #backlog: Backlog;
  /** The wire's streams; a dialect may have none. */
  streams: BindingStreams | undefined;
  /** A ticket that nobody keeps: most messages leave at once. */
  #ticket: Ticket = { position: Infinity, left: undefined };
  readonly #lifetime: Lifetime;
  readonly #report: Report;

  /**
   * @param output The writer.
   * @param lifetime Tells why nothing more can be sent.
   * @param report Told what did not leave, where nobody awaits it.
   */
  constructor(output: MessageOutput, lifetime: Lifetime, report: Report) {
    this.output = output;
    this.#lifetime = lifetime;
    this.#report = report;
    const backlog = this.#backlog = new Backlog(output);
    this.messages = new SendQueue(output, backlog, true);
    this.sends = new SendQueue(output, backlog, true);
    this.calls = new SendQueue(output, backlog, false, this.sends);
    output.before = this;
  }

  /** How many bytes are under way, as the peer counts them. */
  get bytes(): { calls: number; sends: number; messages: number } {
    const { calls, sends, messages } = this;
    return {
      calls: calls.bytes,
      sends: sends.bytes,
      messages: messages.bytes,
    };
  }

  /** How many messages wait. */
  get waiting(): number {
    return this.calls.waiting + this.sends.waiting + this.messages.waiting;
  }

  /** What they count for, in bytes. */
  get held(): number {
    return this.#backlog.held;
  }

  /** Sets how large frames and messages may be, and what they may hold. */
  limit(peer: PeerLimits, frame: number, message: number): void {
    const { nesting, values, bigint } = peer;
    this.output.encoder.limits = { frame, message, nesting, values, bigint };
  }

  /**
   * The peer said hello: it may call, and be answered, before it has accepted.
   * Answers that are large wait for that, in frames that it takes then, too.
   */
  greet(peer: PeerLimits): void {
    const frame = Math.min(peer.helloFrame, peer.frame);
    this.limit(peer, frame, peer.message);
    this.output.mayCut = true;
  }

  /** The peer accepted: everything may leave, as far as its limits allow. */
  open(peer: PeerLimits): void {
    this.limit(peer, peer.frame, peer.message);
    this.output.pieces = peer.pieces;
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
   * @param hasDeadlines Whether its deadline travels.
   * @param target What it is of; nothing where it is of what was served.
   */
  send(
    name: string,
    args: unknown[],
    options: CallOptions | undefined,
    hasDeadlines: boolean,
    target?: Target,
  ): Promise<void> {
    const tooDeep = entered(name);
    if (tooDeep !== undefined) {
      return failed(tooDeep, this.#report, unsent(name));
    }
    try {
      return this.#send(name, args, options, hasDeadlines, target);
    } finally {
      left();
    }
  }

  #send(
    name: string,
    args: unknown[],
    options: CallOptions | undefined,
    hasDeadlines: boolean,
    target: Target | undefined,
  ): Promise<void> {
    const refusal = this.#lifetime.refusal(name);
    if (refusal !== undefined) {
      endStreams(args, refusal);
      return failed(refusal, this.#report, unsent(name));
    }
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
    let deadline = 0;
    try {
      checkOptions(name, options);
      if (hasDeadlines) deadline = deadlineToTell(options?.deadline);
    } catch (error) {
      endStreams(args, error);
      return failed(error, this.#report, unsent(name));
    }
    const metadata = options?.metadata;
    const message = new SendMessage(name, args, deadline, target, metadata);
    return options === undefined || this.streams === undefined
      ? this.#pass(sends, message, unsent(name), options)
      : this.#sendBound(this.streams, message, options);
  }

  /** Calls one way with what may end streams among the arguments. */
  #sendBound(
    streams: BindingStreams,
    message: SendMessage,
    options: CallOptions,
  ): Promise<void> {
    const { name } = message;
    const send = () => this.#pass(this.sends, message, unsent(name), options);
    return streams.sendBound(name, options, send);
  }

  /**
   * Sends a typed message.
   *
   * @param value The value.
   */
  outputObject(value: unknown): Promise<void> {
    const refusal = this.#lifetime.refusal("outputObject");
    const where = "a message, which was not sent";
    if (refusal !== undefined) {
      endStreams(value, refusal);
      return failed(refusal, this.#report, where);
    }
    return this.#pass(this.messages, { kind: "message", value }, where);
  }

  /**
   * Sends a message that has no answer.
   *
   * @param turnstile Where it has to pass.
   * @param message The message.
   * @param where What failed if it cannot leave, and nobody awaits that.
   * @param options What ends its waiting.
   * @returns A promise that resolves when it has left. It rejects when the
   * message cannot be sent, when the wire ends first, and when its deadline
   * passes or its signal aborts.
   */
  #pass(
    sendQueue: SendQueue,
    message: Message,
    where: string,
    options?: CallOptions,
  ): Promise<void> {
    const ticket = this.#ticket;
    ticket.position = Infinity;
    let waiting: QueuedMessage | undefined;
    try {
      waiting = sendQueue.enqueue(message, ticket);
    } catch (error) {
      if (message.kind === "send") endStreams(message.args, error);
      if (message.kind === "message") endStreams(message.value, error);
      return failed(error, this.#backlog.reportOf(error, this.#report), where);
    }
    if (ticket.position !== Infinity) return DONE;
    this.#ticket = { position: Infinity, left: undefined };
    const left: OwnPromise<void> = new OwnPromise((resolve, reject) => {
      const fail = (error: WireError | Error) => {
        reject(error);
        leave(left, error, this.#report, where);
      };
      const stop = waiting === undefined || message.kind !== "send"
        ? nothing
        : this.#giveUpLate(sendQueue, waiting, message.name, options, fail);
      ticket.left = (failure) => {
        stop();
        if (failure === undefined) return resolve();
        const { reason } = this.#lifetime;
        fail(
          failure === reason ? this.#lost(message, ticket, reason) : failure,
        );
      };
    });
    return left;
  }

  /**
   * Gives up a one-way call that waits for too long.
   *
   * @returns What stops that.
   */
  #giveUpLate(
    sendQueue: SendQueue,
    waiting: QueuedMessage,
    name: string,
    { deadline, signal }: CallOptions = {},
    fail: (error: WireError) => void,
  ): () => void {
    if (deadline === undefined && signal === undefined) return nothing;
    const giveUp = (error: WireError) => {
      if (waiting.dropped) return;
      sendQueue.withdraw(waiting);
      stop();
      fail(error);
      sendQueue.drain();
    };
    const stopTimer = deadline === undefined
      ? undefined
      : this.output.clock.after(deadline, () =>
        giveUp(notSent(
          "deadline",
          `"${name}" was not sent within ${
            Math.ceil(deadline)
          } ms, its deadline: it waited to be sent.`,
        )));
    const onAbort = () =>
      giveUp(notSent(
        "cancelled",
        `"${name}" was cancelled by its caller's signal while it waited to be sent.`,
        signal!.reason,
      ));
    const stop = () => {
      stopTimer?.();
      signal?.removeEventListener("abort", onAbort);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    return stop;
  }

  /** Why a message did not leave with the wire's last output. */
  #lost(message: Message, ticket: Ticket, reason: WireError): WireError {
    const { code, message: why } = reason;
    const what = message.kind === "send" ? `"${message.name}"` : "a message";
    const isPart = this.output.wasHanded(ticket);
    return new WireError(
      code,
      `The wire ended before ${what} had left (${
        isPart ? "a part of it was sent" : "it was not sent"
      }): ${why}`,
      { cause: reason, sent: isPart ? "maybeExecuted" : "notSent" },
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
    this.calls.clear(reason);
    this.sends.clear(reason);
    this.messages.clear(reason);
    this.output.dropLarge(reason);
  }
}

function notSent(
  code: "deadline" | "cancelled",
  message: string,
  cause?: unknown,
): WireError {
  return new WireError(code, message, { cause, sent: "notSent" });
}

function nothing(): void {}
