/**
 * Calls, one-way calls and typed messages, in both directions: what a wire is,
 * whatever its protocol. What is sent has three send queues in front of one
 * writer.
 *
 * @module
 */

import {
  Inbox,
  type QueuedMessage,
  ReceiveWindow,
  SendQueue,
} from "../flow/windows.ts";
import { Calls, type CallsOptions } from "./calls.ts";
import {
  IncomingCalls,
  type IncomingOptions,
  type ServingOptions,
} from "./incoming_calls.ts";
import { type CallOptions, deadlineToTell, readOptions } from "./context.ts";
import { ProgressTeller } from "./pending_call.ts";
import { endStreams } from "../codec/passing.ts";
import { type Clock, whenGivenUp } from "../base/clock.ts";
import { WireError } from "../base/errors.ts";
import {
  entered,
  exited,
  failed,
  OwnPromise,
  type Report,
  reportUnawaited,
  unsent,
} from "../base/report.ts";
import {
  type Channel,
  type Message,
  type PeerLimits,
  SendMessage,
  type Target,
} from "../codec/messages.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { MessageOutput, Ticket } from "../flow/output.ts";

/** A resolved promise, for what is done already. */
export const DONE: Promise<void> = Promise.resolve();

/** Has streams among the arguments of one-way calls end with these. */
interface BindingStreams {
  /**
   * @param name The function's name.
   * @param options The call's.
   * @param progress Tells how far it is.
   * @param send Sends it.
   * @returns What that returns.
   */
  sendBound<T>(
    name: string,
    options: CallOptions,
    progress: ProgressTeller | undefined,
    send: () => T,
  ): T;
}

/** What messages are sent by. */
export interface OutboundOptions {
  /** The writer. */
  readonly output: MessageOutput;
  /** Says why nothing more can be sent. */
  readonly lifetime: Lifetime;
  readonly clock: Clock;
  /** The wire's streams; a dialect may have none. */
  readonly streams?: BindingStreams;
  /** Told what was not sent, where nobody awaits it. */
  readonly onError: Report;
  /** Called when nothing waits any more that has no answer. */
  onIdle(): void;
}

/** Everything that is sent, by its kind. */
export class Outbound {
  /** Calls for an answer; none overtakes one-way calls made before it. */
  readonly calls: SendQueue;

  /** All queues; most wires send nothing but calls, and have no other. */
  readonly #queues: SendQueue[];
  #sends: SendQueue | undefined;
  #messages: SendQueue | undefined;
  /** The peer's window, in bytes; 0 until it has accepted. */
  #window = 0;
  readonly #options: OutboundOptions;
  readonly #output: MessageOutput;
  readonly #lifetime: Lifetime;
  readonly #report: Report;
  /** A ticket that nobody keeps: most messages are sent at once. */
  #ticket: Ticket = { position: Infinity, onSettled: undefined };

  /** @param options What messages are sent by. */
  constructor(options: OutboundOptions) {
    const { output } = options;
    this.#options = options;
    this.#output = output;
    this.#lifetime = options.lifetime;
    this.#report = options.onError;
    // Who waits for calls waits for their answers.
    this.calls = new SendQueue(output, false, undefined);
    this.#queues = [this.calls];
  }

  /** One-way calls, in order. */
  get sends(): SendQueue {
    return this.#sends ??= this.calls.before = this.#inOrder();
  }

  /** Typed messages, in order. */
  get messages(): SendQueue {
    return this.#messages ??= this.#inOrder();
  }

  #inOrder(): SendQueue {
    const queue = new SendQueue(this.#output, true, this.#options);
    queue.window = this.#window;
    this.#queues.unshift(queue);
    return queue;
  }

  /** How many bytes are under way, as the peer counts them. */
  get bytes(): Record<"calls" | Channel, number> {
    return {
      calls: this.calls.bytes,
      sends: this.#sends?.bytes ?? 0,
      messages: this.#messages?.bytes ?? 0,
    };
  }

  /** How many messages wait. */
  get waiting(): number {
    return this.#output.backlog.waiting;
  }

  /** The peer accepted: everything may be sent, as far as its windows allow. */
  open(peer: Pick<PeerLimits, "calls" | "message" | "window">): void {
    this.calls.most = peer.calls;
    this.#window = peer.window;
    for (const queue of this.#queues) queue.window = peer.window;
    // One large call is not to hold up small ones.
    this.calls.window += peer.message;
    this.drain();
  }

  /** Sends what may be sent by now. */
  drain(): void {
    // Mostly nothing waits.
    if (this.waiting === 0) return;
    for (const queue of this.#queues) queue.drain();
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
      exited();
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
      const { plain } = this.#output;
      let size = 0;
      if (plain !== undefined) {
        if (sends.hasWindow) size = plain.addPlainSend(name, args);
        if (size === 0 && sends.isClear) {
          size = plain.sendPlainSend(name, args);
        }
      }
      if (size > 0) {
        sends.entered(size);
        return DONE;
      }
    }
    let deadline = 0;
    try {
      if (options !== undefined) options = readOptions(name, options);
      if (hasDeadlines) deadline = deadlineToTell(options?.deadline);
    } catch (error) {
      endStreams(args, error);
      return failed(error, this.#report, unsent(name));
    }
    const metadata = options?.metadata;
    const message = new SendMessage(name, args, deadline, target, metadata);
    // Streams may be made when they are first asked for.
    const streams = options === undefined ? undefined : this.#options.streams;
    return options === undefined || streams === undefined
      ? this.#enqueue(sends, message, unsent(name), options)
      : this.#sendBound(streams, message, options);
  }

  /**
   * Calls one way with what may end streams among the arguments, or is told of
   * them.
   */
  #sendBound(
    streams: BindingStreams,
    message: SendMessage,
    options: CallOptions,
  ): Promise<void> {
    const { name } = message;
    const { onProgress } = options;
    const progress = onProgress === undefined
      ? undefined
      : new ProgressTeller(onProgress, this.#report);
    const send = () =>
      this.#enqueue(this.sends, message, unsent(name), options, progress);
    return streams.sendBound(name, options, progress, send);
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
    return this.#enqueue(this.messages, { kind: "message", value }, where);
  }

  /**
   * Sends a message that has no answer.
   *
   * @param sendQueue Where it waits for its turn.
   * @param message The message.
   * @param where What failed if it cannot be sent, and nobody awaits that.
   * @param options What ends its waiting.
   * @param progress Tells how far it is.
   * @returns A promise that resolves when it was sent. It rejects when the
   * message cannot be sent, when the wire ends first, and when its deadline
   * passes or its signal aborts.
   */
  #enqueue(
    sendQueue: SendQueue,
    message: Message,
    where: string,
    options?: CallOptions,
    progress?: ProgressTeller,
  ): Promise<void> {
    const ticket: Ticket = progress === undefined ? this.#ticket : {
      position: Infinity,
      onPart: (bytes, total) => progress.tell("arguments", bytes, total),
    };
    ticket.position = Infinity;
    let waiting: QueuedMessage | undefined;
    try {
      waiting = sendQueue.enqueue(message, ticket);
      this.#checkWanted(sendQueue, waiting, message, options);
    } catch (error) {
      if (message.kind === "send") endStreams(message.args, error);
      if (message.kind === "message") endStreams(message.value, error);
      const { backlog } = this.#output;
      return failed(error, backlog.reportOf(error, this.#report), where);
    }
    if (ticket.position !== Infinity) return DONE;
    if (ticket === this.#ticket) {
      this.#ticket = { position: Infinity, onSettled: undefined };
    }
    const sent: OwnPromise<void> = new OwnPromise((resolve, reject) => {
      const fail = (error: WireError | Error) => {
        reject(error);
        reportUnawaited(sent, error, this.#report, where);
      };
      const stop = waiting === undefined || message.kind !== "send"
        ? nothing
        : this.#giveUpLate(sendQueue, waiting, message.name, options, fail);
      ticket.onSettled = (failure) => {
        stop();
        if (failure === undefined) return resolve();
        progress?.end();
        const { reason } = this.#lifetime;
        fail(
          failure === reason ? this.#lost(message, ticket, reason) : failure,
        );
      };
    });
    return sent;
  }

  /**
   * Looks again once a message is written: one of its getters may have ended the
   * wire, or aborted the signal.
   *
   * @throws {WireError} Why the message is not sent.
   */
  #checkWanted(
    sendQueue: SendQueue,
    waiting: QueuedMessage | undefined,
    message: Message,
    options: CallOptions | undefined,
  ): void {
    const name = message.kind === "send" ? message.name : "outputObject";
    if (this.#lifetime.reason !== undefined) throw this.#lifetime.refusal(name);
    if (waiting === undefined || options?.signal?.aborted !== true) return;
    sendQueue.withdraw(waiting);
    // The queue has that of this message.
    this.#ticket = { position: Infinity, onSettled: undefined };
    throw cancelled(name, options.signal.reason);
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
    options: CallOptions = {},
    fail: (error: WireError) => void,
  ): () => void {
    const giveUp = (error: WireError) => {
      if (waiting.dropped) return;
      sendQueue.withdraw(waiting);
      stop();
      fail(error);
    };
    const stop = whenGivenUp(
      this.#options.clock,
      options,
      (deadline) =>
        giveUp(notSent(
          "deadline",
          `"${name}" was not sent within ${
            Math.ceil(deadline)
          } ms, its deadline: it waited to be sent.`,
        )),
      (reason) => giveUp(cancelled(name, reason)),
    );
    return stop;
  }

  /** Why a message was not sent with the wire's last output. */
  #lost(message: Message, ticket: Ticket, reason: WireError): WireError {
    const { code, message: why } = reason;
    const what = message.kind === "send" ? `"${message.name}"` : "a message";
    const isPart = this.#output.wasHanded(ticket);
    return new WireError(
      code,
      `The wire ended before ${what} was sent whole (${
        isPart ? "a part of it was sent" : "it was not sent"
      }): ${why}`,
      { cause: reason, sent: isPart ? "maybeExecuted" : "notSent" },
    );
  }

  /** Resolves when all that waits by now was sent, or never will be. */
  async whenSettled(): Promise<void> {
    if (this.waiting === 0) return;
    await Promise.all(this.#queues.map((queue) => queue.whenSettled()));
  }

  /** The wire ended: what waits fails. */
  end(reason: WireError): void {
    for (const queue of this.#queues) queue.clear(reason);
  }
}

function cancelled(name: string, reason: unknown): WireError {
  return notSent(
    "cancelled",
    `"${name}" was cancelled by its caller's signal while it waited to be sent.`,
    reason,
  );
}

function notSent(
  code: "deadline" | "cancelled",
  message: string,
  cause?: unknown,
): WireError {
  return new WireError(code, message, { cause, sent: "notSent" });
}

function nothing(): void {}

/** What messages are sent and received by. */
export interface MessagingOptions
  extends
    Pick<OutboundOptions, "output" | "lifetime" | "clock">,
    Pick<CallsOptions, "onError" | "pipelines" | "recordCallSites">,
    Pick<IncomingOptions, "wire" | "limits" | "memory" | "objects">,
    ServingOptions {
  /** The wire's streams; a dialect may have none. */
  readonly streams?: BindingStreams & NonNullable<CallsOptions["streams"]>;
  /** Called when a part of it has nothing left to do. */
  onIdle(): void;
}

/** How many calls and messages there are; see `WireStats`. */
export interface MessagingCounts {
  readonly callsMade: number;
  readonly callsServed: number;
  readonly callsPending: number;
  readonly callsWaiting: number;
  readonly callsRunning: number;
  readonly inbox: number;
  readonly flow: {
    readonly sent: Record<"calls" | Channel, number>;
    readonly received: Record<"calls" | Channel, number>;
  };
}

/**
 * Calls and messages of one wire, in both directions. What receives them is made
 * when it is first needed: a client mostly serves nothing, and most wires have
 * no typed messages.
 */
export class Messaging {
  /** What is sent. */
  readonly outbound: Outbound;
  /** Calls that are made. */
  readonly calls: Calls;

  readonly #options: MessagingOptions;
  /** Whether messages that came together are just dealt with. */
  isInChunk = false;
  /** Calls that are served; undefined where none came, and nothing is served. */
  serving: IncomingCalls | undefined;
  #inbox: Inbox | undefined;
  #sendWindow: ReceiveWindow | undefined;
  #messageWindow: ReceiveWindow | undefined;

  /** @param options What messages are sent and received by. */
  constructor(options: MessagingOptions) {
    this.#options = options;
    // All parts share the options: to copy them takes longer than all the rest.
    this.outbound = new Outbound(options);
    this.calls = new Calls(options, this.outbound.calls);
  }

  /** What serves calls; made where it is asked for. */
  get incoming(): IncomingCalls {
    return this.serving ??= new IncomingCalls(this.#options, this);
  }

  /** Typed messages that came. */
  get inbox(): Inbox {
    return this.#inbox ??= new Inbox(this.messageWindow, this.#options);
  }

  /** Accounts for one-way calls that came. */
  get sendWindow(): ReceiveWindow {
    return this.#sendWindow ??= new ReceiveWindow("sends", this.#options);
  }

  /** Accounts for typed messages that came. */
  get messageWindow(): ReceiveWindow {
    return this.#messageWindow ??= new ReceiveWindow("messages", this.#options);
  }

  /** Messages that came together were dealt with. */
  finishChunk(): void {
    this.isInChunk = false;
    this.serving?.finishChunk();
  }

  /** The output has room again: what waited for it goes on. */
  resume(): void {
    this.outbound.drain();
    this.serving?.resume();
  }

  /** What came and is not dealt with takes in memory, values aside. */
  get total(): number {
    return (this.serving?.total ?? 0) + (this.#sendWindow?.held ?? 0) +
      (this.#messageWindow?.held ?? 0);
  }

  /** Counts. */
  counts(): MessagingCounts {
    const { calls, outbound, serving } = this;
    return {
      callsMade: calls.made,
      callsServed: serving?.served ?? 0,
      callsPending: calls.pending,
      callsWaiting: outbound.calls.waiting,
      callsRunning: serving?.running ?? 0,
      inbox: this.#inbox?.size ?? 0,
      flow: {
        sent: outbound.bytes,
        received: {
          calls: serving?.held ?? 0,
          sends: this.#sendWindow?.used ?? 0,
          messages: this.#messageWindow?.used ?? 0,
        },
      },
    };
  }

  /** The wire ended: all that waits fails. */
  end(reason: WireError): void {
    this.calls.failAll(reason);
    this.outbound.end(reason);
    this.serving?.end(reason);
    this.#inbox?.end(reason);
  }
}
