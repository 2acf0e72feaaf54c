/**
 * Looking at what one end of a wire sends, for tools: what it says is read, and
 * nothing is made of it.
 *
 * @module
 */

import { checkBytes, checkHook } from "../base/checks.ts";
import { resolveLimits, type WireLimits } from "../base/limits.ts";
import { CollectingDecoder, type OverLimit } from "./message_collector.ts";
import type { Message } from "./messages.ts";
import { type Importer, NO_IMPORTER } from "./passing.ts";
import { type AnyValueType, ValueTypes } from "./value_types.ts";

/** What stands in a message for what is no data. */
export interface SeenReference {
  /**
   * What it is: an object or a function of the sender, an object of the
   * receiver that returns to its owner, a stream, or the result of a call.
   */
  readonly reference: "object" | "function" | "own" | "stream" | "result";
  /** The number by which the wire knows it. */
  readonly id: number;
}

/** What stands in a message for a value of a type that a program declared. */
export interface SeenTyped {
  /** The name of the type. */
  readonly valueType: string;
  /** The data that the value travels as. */
  readonly data: unknown;
}

/** What a call is made on, other than a function that is served. */
export type SeenTarget =
  /** An object that the receiver had passed by reference. */
  | { readonly slot: number; readonly nonce: number }
  /** The result of an earlier call. */
  | { readonly result: number };

/** What a call holds. */
export interface SeenCall {
  /** The function's name; in a namespace, its path. */
  readonly name: string;
  /** Its arguments. */
  readonly args: readonly unknown[];
  /** How many milliseconds the caller will wait; 0 for ever. */
  readonly deadline: number;
  /** What the function is a method of; undefined for one that is served. */
  readonly target?: SeenTarget | undefined;
  /** Texts that travel with the call. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Why something failed. */
export interface SeenFailure {
  /** The code of an error. */
  readonly code: string;
  /** The error's message. */
  readonly message: string;
}

/** What belongs to a call or to a stream. */
export interface SeenId {
  /** The call's or the stream's number. */
  readonly id: number;
}

/** What releases or forgets an object. */
export interface SeenObject {
  /** The object's number. */
  readonly slot: number;
  /** Tells the objects of one number apart. */
  readonly nonce: number;
}

/** What each kind of message holds: `docs/protocol.md` describes them. */
export interface SeenFields {
  /** What a side says of itself, first. */
  hello: {
    readonly version: number;
    readonly features: number;
    readonly limits: Readonly<Record<string, number>>;
    readonly credential: string;
    readonly contract: string;
  };
  /** A server accepts its client. */
  accept: object;
  /** A typed message. */
  message: { readonly value: unknown };
  /** A one-way call. */
  send: SeenCall;
  /** A call, for one value or for all. */
  call: SeenCall & SeenId & { readonly wantsValues: boolean };
  /** An answer with one value. */
  return: SeenId & { readonly value: unknown };
  /** An answer with all values. */
  returnValues: SeenId & { readonly values: readonly unknown[] };
  /** An answer: what the function threw. */
  throw: SeenId & { readonly thrown: unknown };
  /** An answer: why the call was not carried out. */
  fail: SeenId & SeenFailure;
  /** The caller no longer wants an answer. */
  cancel: SeenId;
  /** So many bytes more may be sent. */
  credit: { readonly channel: "messages" | "sends"; readonly amount: number };
  /** Asks for a sign of life. */
  ping: { readonly token: number };
  /** The sign of life. */
  pong: { readonly token: number };
  /** References to an object are released. */
  release: SeenObject & { readonly count: number };
  /** The owner of an object has forgotten it. */
  forget: SeenObject;
  /** An item of a stream. */
  streamValue: SeenId & { readonly value: unknown };
  /** An item that is bytes. */
  streamBytes: SeenId & { readonly bytes: Uint8Array };
  /** The producer has finished. */
  streamEnd: SeenId;
  /** The producer has failed. */
  streamError: SeenId & { readonly thrown: unknown };
  /** The producer's side has ended the stream. */
  streamFail: SeenId & SeenFailure;
  /** The consumer wants no more. */
  streamCancel: SeenId & { readonly reason: unknown };
  /** The consumer takes so many bytes more. */
  streamCredit: SeenId & { readonly amount: number };
  /** No further call will be made. */
  close: object;
  /** The peer has answered everything. */
  finish: object;
  /** The wire ends at once. */
  abort: SeenFailure;
  /** A message that fails by itself: its values are over a limit, say. */
  overLimit: {
    /** The kind of the message. */
    readonly of: string;
    /** The call's or the stream's number; 0 where there is none. */
    readonly id: number;
    /** The function's name; empty where there is none. */
    readonly name: string;
    /** Why it fails. */
    readonly error: Error;
  };
}

/** The kinds of messages. */
export type SeenKind = keyof SeenFields;

/**
 * One message, as it was seen. To compare its `kind` tells the type of its
 * `fields`.
 *
 * @typeParam K Its kind.
 */
export type SeenMessage<K extends SeenKind = SeenKind> = {
  [P in K]: {
    /** Its kind, as the protocol names it. */
    readonly kind: P;
    /**
     * What it holds. What is no data in it is a {@linkcode SeenReference}, and
     * what is of a declared type a {@linkcode SeenTyped}. These two have no
     * prototype, and all data that came has one.
     */
    readonly fields: Readonly<SeenFields[P]>;
    /** How many bytes it has, without what divides frames. */
    readonly bytes: number;
  };
}[K];

/**
 * A message, as long as every kind has its fields: the type checker refuses one
 * that is forgotten.
 */
type Complete = [Message | OverLimit] extends [
  {
    [P in SeenKind]: { readonly kind: P } & Readonly<SeenFields[P]>;
  }[SeenKind],
] ? SeenMessage
  : never;

/** Reads the messages that one end sends, in whatever protocol. */
export interface MessageDecoder {
  /** Whether a message was begun, and its end has not come. */
  readonly unfinished: boolean;
  /**
   * Reads the next bytes.
   *
   * @param chunk The bytes, divided anyhow.
   * @param see Gets each message that they complete, at once.
   * @throws {WireError} `malformed` for what breaks the protocol; nothing more
   * can be read then.
   */
  each(chunk: Uint8Array, see: (message: SeenMessage) => void): void;
}

/**
 * What is decoded of a wire that is looked at: any message that its ends may
 * have agreed on, but for huge ones, which would take as much memory.
 */
export const TAP_LIMITS: Readonly<Partial<WireLimits>> = {
  message: 64 * 1024 * 1024,
  frame: 16 * 1024 * 1024,
  nesting: 1_000,
  values: 16 * 1024 * 1024,
  bigint: 16 * 1024 * 1024,
  cmuclString: 16 * 1024 * 1024,
  cmuclBignum: 4 * 1024 * 1024,
};

/**
 * Reads the messages that one end of a wire sends, from its first byte on: for
 * tools that record a connection, or show what travels. It never answers, and
 * runs nothing of what came. Definitions of names are read and not told.
 *
 * @example What a client says first
 * ```ts
 * import { MessageTap } from "@remote/wire/codec";
 * import { makeWire, memoryTransports } from "@remote/wire/wire";
 *
 * const [client, server] = memoryTransports();
 * const wire = makeWire(client);
 * const tap = new MessageTap();
 * const [hello] = tap.read(await server.read() ?? new Uint8Array());
 * if (hello?.kind !== "hello" || hello.fields.version !== 1) throw new Error();
 * server.close();
 * await wire.closed;
 * ```
 */
export class MessageTap implements MessageDecoder {
  readonly #decoder: CollectingDecoder;

  /**
   * Makes one that has seen nothing.
   *
   * @param limits What is taken, where that differs from the default.
   * @throws {WireError} `invalidArgument` for a limit that there is not.
   */
  constructor(limits?: Partial<WireLimits>) {
    this.#decoder = new CollectingDecoder(resolveLimits(limits), {
      importer: SHOWING,
      types: new AnyTypes([]),
    });
  }

  /** Whether a message was begun, and its end has not come. */
  get unfinished(): boolean {
    return this.#decoder.unfinished;
  }

  /**
   * Reads the next bytes.
   *
   * @param chunk The bytes, divided anyhow.
   * @returns The messages that they complete.
   * @throws {WireError} `malformed` for what breaks the protocol,
   * `invalidArgument` for what is no bytes.
   */
  read(chunk: Uint8Array): SeenMessage[] {
    const seen: SeenMessage[] = [];
    this.each(chunk, (message) => void seen.push(message));
    return seen;
  }

  /**
   * Reads the next bytes, and passes messages on one by one: also those in
   * front of what breaks the protocol.
   *
   * @param chunk The bytes, divided anyhow.
   * @param see Gets each message that they complete, at once.
   * @throws {WireError} `malformed` for what breaks the protocol,
   * `invalidArgument` for what is no bytes and no function; and what `see`
   * throws.
   */
  each(chunk: Uint8Array, see: (message: SeenMessage) => void): void {
    checkBytes(chunk, "A chunk");
    checkHook(see, "What each() tells");
    const decoder = this.#decoder;
    decoder.feed(chunk);
    while (decoder.advance()) {
      const { kind, fields, size: bytes } = decoder;
      const message: Complete = { kind, fields, bytes } as SeenMessage;
      see(message);
    }
  }
}

/** Takes every type of values for one that is declared. */
class AnyTypes extends ValueTypes {
  override named(valueType: string): AnyValueType {
    return {
      name: valueType,
      test: () => false,
      toData: (value) => value,
      fromData: (data) => standIn({ valueType, data } satisfies SeenTyped),
    };
  }
}

function seen(
  reference: SeenReference["reference"],
  id: number,
): SeenReference {
  return standIn({ reference, id });
}

/** What is no data has no prototype; all data has one. */
function standIn<T extends object>(parts: T): T {
  return Object.assign(Object.create(null), parts);
}

/** Shows what would be made of references, and makes nothing. */
const SHOWING: Importer = {
  ...NO_IMPORTER,
  object: (slot, _nonce, isFunction) =>
    seen(isFunction ? "function" : "object", slot),
  own: (slot) => seen("own", slot),
  stream: (id) => seen("stream", id),
  result: (id) => seen("result", id),
};
