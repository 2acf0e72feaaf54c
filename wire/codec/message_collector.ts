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

/** What messages of a kind hold. */
type FieldsOf<K, M extends Message = Message> = M extends Message
  ? K extends M["kind"] ? Omit<M, "kind"> : never
  : never;

/** Makes an object of what one message holds at a time. */
class Collector implements MessageReceiver {
  /** What kind of message there is; undefined where there is none. */
  kind: MessageKind | "overLimit" | undefined;
  /** What it holds. */
  fields: object = {};

  /** Whether there is one. */
  get isPaused(): boolean {
    return this.kind !== undefined;
  }

  #keep<K extends MessageKind>(
    kind: K,
    fields: FieldsOf<K>,
    extras?: MessageExtras,
  ): void {
    const error = extras?.failure;
    if (error === undefined) {
      this.kind = kind;
      this.fields = fields;
    } else {
      const { id = 0, name = "" } = fields as { id?: number; name?: string };
      this.kind = "overLimit";
      this.fields = { of: kind, id, name, error };
    }
  }

  hello(hello: Hello): void {
    const { kind, ...fields } = hello;
    this.#keep(kind, fields);
  }

  accept(): void {
    this.#keep("accept", {});
  }

  message(value: unknown, _size: number, extras?: MessageExtras): void {
    this.#keep("message", { value }, extras);
  }

  send(
    name: string,
    args: unknown[],
    _size: number,
    extras: CallExtras = {},
  ): void {
    const { deadline = 0, target, metadata } = extras;
    this.#keep(
      "send",
      { name, args, deadline, target, metadata },
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
    this.#keep(
      "call",
      { id, wantsValues, name, args, deadline, target, metadata },
      extras,
    );
  }

  return(id: number, value: unknown, extras?: MessageExtras): void {
    this.#keep("return", { id, value }, extras);
  }

  returnValues(id: number, values: unknown[], extras?: MessageExtras): void {
    this.#keep("returnValues", { id, values }, extras);
  }

  throw(id: number, thrown: unknown, extras?: MessageExtras): void {
    this.#keep("throw", { id, thrown }, extras);
  }

  fail(id: number, code: string, message: string): void {
    this.#keep("fail", { id, code, message });
  }

  cancel(id: number): void {
    this.#keep("cancel", { id });
  }

  credit(channel: Channel, amount: number): void {
    this.#keep("credit", { channel, amount });
  }

  ping(token: number): void {
    this.#keep("ping", { token });
  }

  pong(token: number): void {
    this.#keep("pong", { token });
  }

  close(): void {
    this.#keep("close", {});
  }

  finish(): void {
    this.#keep("finish", {});
  }

  abort(code: string, message: string): void {
    this.#keep("abort", { code, message });
  }

  release(slot: number, nonce: number, count: number): void {
    this.#keep("release", { slot, nonce, count });
  }

  forget(slot: number, nonce: number): void {
    this.#keep("forget", { slot, nonce });
  }

  streamValue(
    id: number,
    value: unknown,
    _size: number,
    extras?: MessageExtras,
  ): void {
    this.#keep("streamValue", { id, value }, extras);
  }

  streamBytes(
    id: number,
    bytes: Uint8Array,
    _size: number,
    extras?: MessageExtras,
  ): void {
    this.#keep("streamBytes", { id, bytes }, extras);
  }

  streamEnd(id: number): void {
    this.#keep("streamEnd", { id });
  }

  streamError(id: number, thrown: unknown, extras?: MessageExtras): void {
    this.#keep("streamError", { id, thrown }, extras);
  }

  streamCancel(id: number, reason: unknown, extras?: MessageExtras): void {
    this.#keep("streamCancel", { id, reason }, extras);
  }

  streamCredit(id: number, amount: number): void {
    this.#keep("streamCredit", { id, amount });
  }

  streamFail(id: number, code: string, message: string): void {
    this.#keep("streamFail", { id, code, message });
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
    if (!this.advance()) return undefined;
    const { kind, fields } = this;
    return { kind, ...fields } as Message | OverLimit;
  }

  /**
   * Decodes the next message, whose kind and fields are here then.
   *
   * @returns False when the next chunk is needed.
   * @throws {WireError} `malformed`: the connection cannot go on.
   */
  advance(): boolean {
    const collector = this.#collector;
    collector.kind = undefined;
    this.decode(collector);
    return collector.kind !== undefined;
  }

  /** What kind the last message is of. */
  get kind(): MessageKind | "overLimit" {
    return this.#collector.kind!;
  }

  /** What the last message holds. */
  get fields(): object {
    return this.#collector.fields;
  }
}
