/**
 * Where each kind of message goes, as it is read.
 *
 * @module
 */

import type { Calls } from "../rpc/calls.ts";
import {
  type Channel,
  type Hello,
  MESSAGE_OVERHEAD,
} from "../codec/messages.ts";
import type { GracefulClose, Handshake } from "../session/handshake.ts";
import type { IncomingCalls } from "../rpc/incoming_calls.ts";
import type { ReceiveWindow } from "../flow/windows.ts";
import type { Lifetime } from "../base/lifetime.ts";
import { malformed } from "../base/errors.ts";
import { excessOf } from "../base/limits.ts";
import type { LastMessage } from "../codec/single_value.ts";
import type {
  CallExtras,
  MessageExtras,
  MessageReceiver,
} from "../codec/message_receiver.ts";
import type { Objects } from "../objects/objects.ts";
import type { Messaging } from "../rpc/messaging.ts";
import type { Pings } from "../session/keepalive.ts";
import type { Streams } from "../streams/streams.ts";
import type { Turn } from "../base/clock.ts";

/** How much of the peer's allowance of cancels is used: clocks differ. */
const CANCEL_SHARE = 0.9;

/** Where messages go. */
export interface MessageRoutes {
  readonly messaging: Messaging;
  readonly objects: Objects;
  readonly streams: Streams;
  readonly handshake: Handshake;
  readonly closing: GracefulClose;
  readonly pings: Pings;
  /** What is known of the message that is routed. */
  readonly message: LastMessage;
  /** Tells whether anything is still wanted. */
  readonly lifetime: Lifetime;
  /** Tells whether it is others' turn. */
  readonly turn: Turn;
  /** The peer has said its hello. */
  readonly onHello: () => void;
  /** The peer has nothing left to do. */
  readonly onFinished: () => void;
  /** The peer has ended the wire. */
  readonly onAborted: (code: string, message: string) => void;
}

/** The receiver of one wire's messages. */
export class MessageRouter implements MessageReceiver {
  readonly #routes: MessageRoutes;
  // What most messages need is at hand.
  readonly #calls: Calls;
  readonly #incoming: IncomingCalls;
  readonly #sendWindow: ReceiveWindow;
  readonly #lifetime: Lifetime;
  readonly #message: LastMessage;
  readonly #turn: Turn;
  /** Whether the wire was just accepted: see {@linkcode goOn}. */
  isOpening = false;

  /** @param routes Where messages go. */
  constructor(routes: MessageRoutes) {
    this.#routes = routes;
    const { calls, incoming, sendWindow } = routes.messaging;
    this.#calls = calls;
    this.#incoming = incoming;
    this.#sendWindow = sendWindow;
    this.#lifetime = routes.lifetime;
    this.#message = routes.message;
    this.#turn = routes.turn;
  }

  /**
   * Whether the wire has ended, or was just accepted, or others have their turn
   * first. It is asked once for each message, and counts them.
   */
  get isPaused(): boolean {
    return this.#turn.spend() || this.isOpening ||
      this.#lifetime.reason !== undefined;
  }

  /** Those that wait for the opening have had their turns. */
  goOn(): void {
    this.isOpening = false;
  }

  hello(hello: Hello): void {
    const { objects, streams, handshake, onHello } = this.#routes;
    const { limits } = hello;
    this.#calls.allowCancels(
      Math.floor(limits.cancels * CANCEL_SHARE),
      limits.cancelsPerSecond * CANCEL_SHARE,
    );
    objects.setPeerLimits(limits.objects);
    streams.setPeerLimits(limits);
    onHello();
    handshake.hello(hello);
  }

  accept(): void {
    this.isOpening = true;
    this.#routes.handshake.accept();
  }

  message(value: unknown, size: number, extras?: MessageExtras): void {
    this.#checkLast("message");
    const { inbox, messageWindow } = this.#routes.messaging;
    const cost = size + MESSAGE_OVERHEAD;
    messageWindow.received(cost);
    const excess = excessOf(this.#message.weight, cost);
    const keeper = extras === undefined ? this.#message : undefined;
    inbox.put(value, extras?.failure, cost, excess, keeper);
  }

  send(name: string, args: unknown[], size: number, extras?: CallExtras): void {
    if (this.#isTooLate(extras)) return;
    this.#checkLast("one-way call");
    const cost = size + MESSAGE_OVERHEAD;
    this.#sendWindow.received(cost);
    const excess = this.#excessOver(cost);
    this.#incoming.send(name, args, cost, extras, excess);
  }

  call(
    id: number,
    name: string,
    args: unknown[],
    size: number,
    extras?: CallExtras,
  ): void {
    if (this.#isTooLate(extras)) return;
    this.#checkLast("call");
    const cost = size + MESSAGE_OVERHEAD;
    this.#incoming.call(id, name, args, cost, extras, this.#excessOver(cost));
  }

  /** Whether the wire was ended by what made a value of a declared type. */
  #isTooLate(extras: CallExtras | undefined): boolean {
    return extras?.attachments !== undefined &&
      this.#lifetime.reason !== undefined;
  }

  /** What the arguments of a call take in memory beyond its cost. */
  #excessOver(cost: number): number {
    const { weight } = this.#message;
    return weight > cost ? weight - cost : 0;
  }

  return(id: number, value: unknown, extras?: MessageExtras): void {
    this.#calls.returned(id, value, extras);
  }

  returnValues(id: number, values: unknown[], extras?: MessageExtras): void {
    this.#calls.returnedValues(id, values, extras);
  }

  throw(id: number, thrown: unknown, extras?: MessageExtras): void {
    this.#calls.threw(id, thrown, extras);
  }

  fail(id: number, code: string, message: string): void {
    this.#calls.failed(id, code, message);
  }

  cancel(id: number): void {
    this.#incoming.cancel(id);
  }

  credit(channel: Channel, amount: number): void {
    const sendQueue = this.#routes.messaging.outbound[channel];
    if (amount > sendQueue.bytes) {
      throw malformed(`The peer gave credit for more ${channel} than it got.`);
    }
    sendQueue.settled(0, amount);
  }

  ping(token: number): void {
    this.#routes.pings.answer(token);
  }

  pong(token: number): void {
    this.#routes.pings.answered(token);
  }

  close(): void {
    this.#routes.closing.gotClose();
  }

  finish(): void {
    this.#routes.closing.finish();
    this.#routes.onFinished();
  }

  abort(code: string, message: string): void {
    this.#routes.onAborted(code, message);
  }

  release(slot: number, nonce: number, count: number): void {
    this.#routes.objects.released(slot, nonce, count);
  }

  forget(slot: number, nonce: number): void {
    this.#routes.objects.forgotten(slot, nonce);
  }

  streamValue(
    id: number,
    value: unknown,
    _size: number,
    extras?: MessageExtras,
  ): void {
    this.#routes.streams.item(id, value, this.#message, extras);
  }

  streamBytes(
    id: number,
    bytes: Uint8Array,
    _size: number,
    extras?: MessageExtras,
  ): void {
    this.#routes.streams.item(id, bytes, this.#message, extras);
  }

  streamEnd(id: number): void {
    this.#routes.streams.ended(id);
  }

  streamError(id: number, thrown: unknown, extras?: MessageExtras): void {
    const { weight, size } = this.#message;
    const held = extras?.failure === undefined ? weight + size : 0;
    this.#routes.streams.failed(id, thrown, held, extras);
  }

  streamFail(id: number, code: string, message: string): void {
    this.#routes.streams.refused(id, code, message);
  }

  streamCancel(id: number, reason: unknown, extras?: MessageExtras): void {
    this.#routes.streams.cancelled(id, reason, extras);
  }

  streamCredit(id: number, amount: number): void {
    this.#routes.streams.credit(id, amount);
  }

  /** Refuses what the peer has said that it would not send any more. */
  #checkLast(what: string): void {
    if (!this.#lifetime.isPeerDraining) return;
    throw malformed(
      `A ${what} came behind the peer's close, which says that there is none.`,
    );
  }
}
