/**
 * Reads what comes to a light wire: frames, pieces and messages, without
 * tables, string sections, batches, references and streams, all of which its
 * hello declines. What breaks the protocol is malformed here as anywhere.
 *
 * @module
 */

import { NO_BYTES } from "../base/collections.ts";
import { isA, malformed, WireError } from "../base/errors.ts";
import type { Memory, WireLimits } from "../base/limits.ts";
import { FrameDecoder, Pieces } from "../codec/frames.ts";
import {
  mostWeight,
  readHello,
  readMetadata,
  readTarget,
} from "../codec/message_reader.ts";
import {
  type Channel,
  CHANNELS,
  FLAG,
  type Hello,
  KIND,
  kindText,
  MESSAGE_OVERHEAD,
  type Metadata,
  notAWire,
  type Target,
} from "../codec/messages.ts";
import { SmallReader } from "../codec/small_values.ts";
import { WEIGHT } from "../codec/value_kinds.ts";
import type { CallContext } from "../rpc/context.ts";

/** Values that came, or why their message fails alone. */
export type Came = unknown[] | WireError;

/** A call that came, one way or for an answer. */
export interface CameCall {
  readonly name: string;
  /** Its arguments. */
  readonly args: Came;
  /** What it counts for in its window. */
  readonly cost: number;
  /** What its arguments take in memory beyond that. */
  readonly excess: number;
  /** Whether all values are wanted. */
  readonly wantsValues: boolean;
  /** How long its caller waits, in milliseconds; 0 for ever. */
  readonly deadline: number;
  /** What it is of, if not of what is served. */
  readonly target: Target | undefined;
  readonly metadata: Metadata | undefined;
  /** What its function is told, once that is known. */
  context?: CallContext;
}

/** The kinds of answers that hold values. */
export type AnswerKind = "return" | "returnValues" | "throw";

/** Gets each message. */
export interface LightReceiver {
  /** Whether the wire has ended: nothing more is wanted. */
  readonly isOver: boolean;
  hello(hello: Hello): void;
  accept(): void;
  /** A typed message, that counts for so much. */
  message(cost: number): void;
  sendCame(call: CameCall): void;
  callCame(id: number, call: CameCall): void;
  answer(id: number, kind: AnswerKind, values: Came): void;
  fail(id: number, code: string, message: string): void;
  cancel(id: number): void;
  credit(channel: Channel, amount: number): void;
  ping(token: number): void;
  closeCame(): void;
  finish(): void;
  abort(code: string, message: string): void;
}

/** The codes of errors that fail one message alone. */
const ALONE: readonly string[] = ["limit", "unsupportedValue"];

/** What may follow a finish. */
const LATE: readonly number[] = [
  KIND.reset,
  KIND.credit,
  KIND.ping,
  KIND.pong,
  KIND.abort,
  KIND.forget,
];

/** Bytes to messages. */
export class LightReader {
  /** Whether the peer has begun to say hello: it is no stranger. */
  isHailed = false;

  readonly #limits: Readonly<WireLimits>;
  readonly #memory: Memory;
  readonly #frames: FrameDecoder;
  readonly #pieces: Pieces;
  readonly #reader: SmallReader;
  #isGreeted = false;
  #isFinished = false;
  /** How many bytes the present message has, and whether it is a call. */
  #size = 0;
  #isCall = false;

  /**
   * @param limits This side's limits.
   * @param memory What calls have room in.
   */
  constructor(limits: Readonly<WireLimits>, memory: Memory) {
    this.#limits = limits;
    this.#memory = memory;
    this.#frames = new FrameDecoder(limits.helloFrame, KIND.piece);
    this.#pieces = new Pieces(limits);
    this.#reader = new SmallReader(limits);
  }

  /** Whether a frame or a message was begun and not finished. */
  get unfinished(): boolean {
    return this.#frames.unfinished > 0 || this.#pieces.count > 0;
  }

  /** The peer has said hello, and is accepted. */
  open(): void {
    this.#isGreeted = true;
    this.#frames.limit = this.#limits.frame;
  }

  /**
   * Says that no byte will follow.
   *
   * @throws {WireError} `connectionLost` when that cuts a frame in two.
   */
  finish(): void {
    this.#frames.finish();
  }

  /**
   * Reads all messages of a chunk.
   *
   * @param chunk The bytes.
   * @param receiver Gets each message at once.
   * @throws {WireError} `malformed`, and what the receiver throws.
   */
  read(chunk: Uint8Array, receiver: LightReceiver): void {
    const frames = this.#frames;
    const reader = this.#reader;
    frames.feed(chunk);
    while (!receiver.isOver && frames.next()) {
      reader.turnTo(frames.buffer, frames.start, frames.end);
      const { continues } = frames;
      const kind = continues ? KIND.piece : frames.buffer[frames.start]!;
      if (!continues) this.#check(kind);
      if (kind !== KIND.piece) {
        this.#message(receiver);
        continue;
      }
      const whole = this.#piece();
      if (whole === undefined) continue;
      this.#check(whole[0]!);
      reader.turnTo(whole, 0, whole.length);
      if (whole[0] === KIND.reset) throw noSuchKind(KIND.reset);
      this.#message(receiver);
    }
    // All of it was read.
    reader.turnTo(NO_BYTES, 0, 0);
  }

  /** Takes a piece of a message, or goes on with one; returns what is whole. */
  #piece(): Uint8Array | undefined {
    if (this.#frames.continues) return this.#pieces.goOn(this.#reader);
    this.#reader.byte();
    return this.#pieces.take(this.#reader, this.#frames.rest);
  }

  /** Refuses what may not come in front of all, and behind all. */
  #check(kind: number): void {
    if (!this.#isGreeted) {
      if (kind !== KIND.hello && kind !== KIND.abort) throw notAWire();
    } else if (kind === KIND.hello) {
      throw malformed("A second hello came.");
    } else if (this.#isFinished && !LATE.includes(kind)) {
      throw malformed(
        `A message of the kind ${
          kindText(kind)
        } came behind the peer's finish, its last.`,
      );
    }
  }

  /** Reads one message. */
  #message(receiver: LightReceiver): void {
    const reader = this.#reader;
    const size = this.#size = reader.remaining;
    const { message } = this.#limits;
    if (size > message) {
      throw malformed(
        `A message may have ${message} bytes, and one has ${size}.`,
      );
    }
    const kind = reader.byte();
    this.#isCall = kind === KIND.call || kind === KIND.send;
    switch (kind) {
      case KIND.call: {
        const id = reader.varint();
        return receiver.callCame(id, this.#call(true));
      }
      case KIND.send:
        return receiver.sendCame(this.#call(false));
      case KIND.return:
        return this.#answer("return", receiver);
      case KIND.returnValues:
        return this.#answer("returnValues", receiver);
      case KIND.throw:
        return this.#answer("throw", receiver);
      case KIND.message:
        this.#rest(false);
        return receiver.message(size + MESSAGE_OVERHEAD);
      default:
        return this.#control(kind, receiver);
    }
  }

  #answer(kind: AnswerKind, receiver: LightReceiver): void {
    const id = this.#reader.varint();
    const values = this.#rest(kind === "returnValues");
    // Nothing but an argument of a call may be a result that is to come.
    receiver.answer(id, kind, values);
  }

  #control(kind: number, receiver: LightReceiver): void {
    const reader = this.#reader;
    switch (kind) {
      case KIND.fail: {
        const id = reader.varint();
        return receiver.fail(id, ...this.#words());
      }
      case KIND.cancel:
        return receiver.cancel(this.#last(reader.varint()));
      case KIND.credit: {
        const channel = CHANNELS[reader.byte()];
        if (channel === undefined) throw malformed("There is no such channel.");
        return receiver.credit(channel, this.#last(reader.varint()));
      }
      case KIND.ping:
        return receiver.ping(this.#last(reader.uint32()));
      case KIND.pong:
        return void this.#last(reader.uint32());
      case KIND.hello: {
        const hello = readHello(reader, () => this.isHailed = true);
        return receiver.hello(hello);
      }
      case KIND.accept:
        reader.finish();
        return receiver.accept();
      case KIND.close:
        reader.finish();
        return receiver.closeCame();
      case KIND.finish:
        reader.finish();
        this.#isFinished = true;
        return receiver.finish();
      case KIND.abort:
        return receiver.abort(...this.#words());
      case KIND.forget:
        reader.varint();
        // Nothing of the peer's is held here.
        return void this.#last(reader.uint32());
      case KIND.reset:
        reader.finish();
        if (this.#pieces.count === 0) return;
        throw malformed("Tables were reset under an unfinished message.");
      default:
        throw noSuchKind(kind);
    }
  }

  #call(mayWantValues: boolean): CameCall {
    const reader = this.#reader;
    const flags = reader.byte();
    const wantsValues = (flags & FLAG.wantsValues) !== 0;
    if (flags > 15 || wantsValues && !mayWantValues) {
      throw malformed(`A call has no flags ${flags}.`);
    }
    const target = flags & FLAG.hasTarget ? readTarget(reader) : undefined;
    if (!mayWantValues && target !== undefined && "result" in target) {
      throw malformed("A one-way call is not of a result.");
    }
    const index = reader.varint();
    if (index > 0) {
      throw malformed(`No function name was defined under index ${index - 1}.`);
    }
    const name = reader.text();
    const deadline = flags & FLAG.hasDeadline ? reader.varint() : 0;
    const metadata = flags & FLAG.hasMetadata
      ? readMetadata(reader)
      : undefined;
    const texts = metadata === undefined ? 0 : Object.keys(metadata).length;
    const args = this.#rest(true, texts * WEIGHT.metadata);
    const cost = this.#size + MESSAGE_OVERHEAD;
    const excess = Math.max(0, this.#weight - cost);
    return {
      name,
      args,
      cost,
      excess,
      wantsValues,
      deadline,
      target,
      metadata,
    };
  }

  /** What the values of the last message weigh that did not fail. */
  #weight = 0;

  /**
   * Reads values, the last of a message. One that fails alone is not read to its
   * end: nothing in it could have to be released.
   *
   * @param isList Whether there are several, behind their count.
   * @param weight What the message weighs besides.
   */
  #rest(isList: boolean, weight = 0): Came {
    const reader = this.#reader;
    const size = this.#size;
    const room = this.#isCall
      ? this.#memory.room(size + MESSAGE_OVERHEAD)
      : Infinity;
    try {
      reader.begin(mostWeight(size), room);
      reader.weigh(weight);
      const list = isList ? reader.readList() : [reader.read()];
      reader.finish();
      this.#weight = reader.weight;
      return reader.failure ?? list;
    } catch (error) {
      if (!isA(error, WireError) || !ALONE.includes(error.code)) throw error;
      this.#weight = 0;
      return error;
    }
  }

  /** A code and a text, the last of a message. */
  #words(): [code: string, message: string] {
    const code = this.#reader.text();
    return [code, this.#last(this.#reader.text())];
  }

  /** What was read is the last of a message. */
  #last<T>(part: T): T {
    this.#reader.finish();
    return part;
  }
}

function noSuchKind(kind: number): WireError {
  return malformed(
    `A frame of the kind ${
      kindText(kind)
    } came: there is none, or this side's hello declines it, or it came in pieces.`,
  );
}
