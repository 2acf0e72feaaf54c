/**
 * Where messages go as they are read: one method for each kind.
 *
 * @module
 */

import type { WireError } from "../base/errors.ts";
import type {
  Channel,
  Hello,
  MessageKind,
  Metadata,
  Target,
} from "./messages.ts";
import type { ReceivedAttachments } from "./passing.ts";

/** What few messages have besides what they hold. */
export interface MessageExtras {
  /** The attachments: references and streams. */
  readonly attachments?: ReceivedAttachments | undefined;
  /**
   * Why the message fails by itself, and the wire goes on: its bytes are well
   * formed, and its values are over a limit of this side, say. Then there are
   * no values, and no attachments.
   */
  readonly failure?: WireError | undefined;
}

/** What few calls have besides a name and arguments. */
export interface CallExtras extends MessageExtras {
  /** Whether all values are wanted, or only the first. */
  readonly wantsValues?: boolean | undefined;
  /** How many milliseconds the caller will wait; 0 for ever. */
  readonly deadline?: number | undefined;
  /** What the function is a method of; undefined for what was served. */
  readonly target?: Target | undefined;
  /** What the caller says besides. */
  readonly metadata?: Metadata | undefined;
}

/**
 * Takes messages. What most messages do not have is undefined: no object is
 * made for a call of a function that was served with plain values, say.
 */
export interface MessageReceiver
  extends Record<MessageKind, (...parts: never[]) => void> {
  /** Whether no further message is wanted for now; asked after each one. */
  readonly isPaused: boolean;
  /** What the peer says of itself. */
  hello(hello: Hello): void;
  /** The peer accepts this side. */
  accept(): void;
  /** A typed message, of so many bytes. */
  message(value: unknown, size: number, extras?: MessageExtras): void;
  /** A one-way call, of so many bytes. */
  send(name: string, args: unknown[], size: number, extras?: CallExtras): void;
  /** A call for an answer, of so many bytes. */
  call(
    id: number,
    name: string,
    args: unknown[],
    size: number,
    extras?: CallExtras,
  ): void;
  /** An answer with one value. */
  return(id: number, value: unknown, extras?: MessageExtras): void;
  /** An answer with all values. */
  returnValues(id: number, values: unknown[], extras?: MessageExtras): void;
  /** An answer: what the function threw. */
  throw(id: number, thrown: unknown, extras?: MessageExtras): void;
  /** An answer: why the call could not, or would not, be carried out. */
  fail(id: number, code: string, message: string): void;
  /**
   * A piece of an answer came: so many bytes of it are there, of so many. With
   * the last one, this is told just before the answer.
   */
  answerPart?(id: number, bytes: number, size: number): void;
  /** The answer of a call is no longer wanted. */
  cancel(id: number): void;
  /** So many bytes more may be sent. */
  credit(channel: Channel, amount: number): void;
  /** Asks for a sign of life. */
  ping(token: number): void;
  /** The sign of life. */
  pong(token: number): void;
  /** The peer makes no further call. */
  close(): void;
  /** The peer is done. */
  finish(): void;
  /** The peer ends the wire. */
  abort(code: string, message: string): void;
  /** The peer releases a reference, which it got so often. */
  release(slot: number, nonce: number, count: number): void;
  /** The peer has forgotten an object that it had passed. */
  forget(slot: number, nonce: number): void;
  /** An item of a stream, of so many bytes. */
  streamValue(
    id: number,
    value: unknown,
    size: number,
    extras?: MessageExtras,
  ): void;
  /**
   * Where the bytes of an item go, if somebody waits for them with room of their
   * own; it is asked before {@linkcode streamBytes} is told, when the first of
   * them have come.
   */
  streamRoom?(id: number, count: number): Uint8Array<ArrayBuffer> | undefined;
  /** The same for bytes. */
  streamBytes(
    id: number,
    bytes: Uint8Array,
    size: number,
    extras?: MessageExtras,
  ): void;
  /** The producer has finished. */
  streamEnd(id: number): void;
  /** The producer has failed. */
  streamError(id: number, thrown: unknown, extras?: MessageExtras): void;
  /** The consumer wants no more. */
  streamCancel(id: number, reason: unknown, extras?: MessageExtras): void;
  /** The consumer takes so many bytes more. */
  streamCredit(id: number, amount: number): void;
  /** The producer's side has ended the stream. */
  streamFail(id: number, code: string, message: string): void;
}
