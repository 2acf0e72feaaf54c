/**
 * Messages as objects, one after the other, for tools and tests. A wire makes
 * no objects of what it reads.
 *
 * @module
 */

import { Decoder } from "./codec.ts";
import type { Channel, Hello, Message, MessageKind } from "./messages.ts";
import type {
  CallExtras,
  MessageExtras,
  MessageReceiver,
} from "./message_receiver.ts";

/** A message that fails by itself: its values are over a limit, say. */
export interface OverLimit {
  /** This kind is none of the protocol's. */
  readonly kind: "overLimit";
  /** Which kind of message it is. */
  readonly of: MessageKind;
  /** The call's or the stream's id; 0 where there is none. */
  readonly id: number;
  /** The function's name; empty where there is none. */
  readonly name: string;
  /** Why it fails. */
  readonly error: Error;
}

/** Makes an object of one message at a time. */
class Collector implements MessageReceiver {
  #last: Message | OverLimit | undefined;

  /** Whether there is one. */
  get isPaused(): boolean {
    return this.#last !== undefined;
  }

  /** The message; there is none any more. */
  take(): Message | OverLimit | undefined {
    const last = this.#last;
    this.#last = undefined;
    return last;
  }

  #keep(message: Message, extras?: MessageExtras): void {
    const error = extras?.failure;
    if (error === undefined) {
      this.#last = message;
    } else {
      const { kind: of, id = 0, name = "" } = message as {
        kind: MessageKind;
        id?: number;
        name?: string;
      };
      this.#last = { kind: "overLimit", of, id, name, error };
    }
  }

  hello(hello: Hello): void {
    this.#keep(hello);
  }

  accept(): void {
    this.#keep({ kind: "accept" });
  }

  message(value: unknown, _size: number, extras?: MessageExtras): void {
    this.#keep({ kind: "message", value }, extras);
  }

  send(
    name: string,
    args: unknown[],
    _size: number,
    extras: CallExtras = {},
  ): void {
    const { deadline = 0, target, metadata } = extras;
    this.#keep(
      { kind: "send", name, args, deadline, target, metadata },
      extras,
    );
  }

  call(
    id: number,
    name: string,
    args: unknown[],
    _size: number,
    extras: CallExtras = {},
  ): void {
    const { wantsValues = false, deadline = 0, target, metadata } = extras;
    const kind = "call";
    this.#keep(
      { kind, id, wantsValues, name, args, deadline, target, metadata },
      extras,
    );
  }

  return(id: number, value: unknown, extras?: MessageExtras): void {
    this.#keep({ kind: "return", id, value }, extras);
  }

  returnValues(id: number, values: unknown[], extras?: MessageExtras): void {
    this.#keep({ kind: "returnValues", id, values }, extras);
  }

  throw(id: number, thrown: unknown, extras?: MessageExtras): void {
    this.#keep({ kind: "throw", id, thrown }, extras);
  }

  fail(id: number, code: string, message: string): void {
    this.#keep({ kind: "fail", id, code, message });
  }

  cancel(id: number): void {
    this.#keep({ kind: "cancel", id });
  }

  credit(channel: Channel, amount: number): void {
    this.#keep({ kind: "credit", channel, amount });
  }

  ping(token: number): void {
    this.#keep({ kind: "ping", token });
  }

  pong(token: number): void {
    this.#keep({ kind: "pong", token });
  }

  close(): void {
    this.#keep({ kind: "close" });
  }

  finish(): void {
    this.#keep({ kind: "finish" });
  }

  abort(code: string, message: string): void {
    this.#keep({ kind: "abort", code, message });
  }

  release(slot: number, nonce: number, count: number): void {
    this.#keep({ kind: "release", slot, nonce, count });
  }

  forget(slot: number, nonce: number): void {
    this.#keep({ kind: "forget", slot, nonce });
  }

  streamValue(
    id: number,
    value: unknown,
    _size: number,
    extras?: MessageExtras,
  ): void {
    this.#keep({ kind: "streamValue", id, value }, extras);
  }

  streamBytes(
    id: number,
    bytes: Uint8Array,
    _size: number,
    extras?: MessageExtras,
  ): void {
    this.#keep({ kind: "streamBytes", id, bytes }, extras);
  }

  streamEnd(id: number): void {
    this.#keep({ kind: "streamEnd", id });
  }

  streamError(id: number, thrown: unknown, extras?: MessageExtras): void {
    this.#keep({ kind: "streamError", id, thrown }, extras);
  }

  streamCancel(id: number, reason: unknown, extras?: MessageExtras): void {
    this.#keep({ kind: "streamCancel", id, reason }, extras);
  }

  streamCredit(id: number, amount: number): void {
    this.#keep({ kind: "streamCredit", id, amount });
  }

  streamFail(id: number, code: string, message: string): void {
    this.#keep({ kind: "streamFail", id, code, message });
  }
}

/** A decoder that gives messages as objects. */
export class CollectingDecoder extends Decoder {
  readonly #collector = new Collector();

  /**
   * Decodes the next message.
   *
   * @returns The message, or undefined when the next chunk is needed.
   * @throws {WireError} `malformed`: the connection cannot go on.
   */
  next(): Message | OverLimit | undefined {
    this.decode(this.#collector);
    return this.#collector.take();
  }
}
