/**
 * Messages on their way out: encoded, collected until the end of the tick, and
 * cut into pieces where they are larger than a frame.
 *
 * @module
 */

import {
  type Backlog,
  ByteOutput,
  type OutputLimits,
  type OutputListener,
  putVarint,
  QueuedDeadline,
  SMALL_ANSWER,
  type Ticket,
} from "./byte_output.ts";

export type { Ticket } from "./byte_output.ts";
import { type External, varintSize } from "../codec/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { Encoder, type EncoderLimits } from "../codec/codec.ts";
import { tooLarge } from "../codec/value_writer.ts";
import { FRAME_HEADER, PIECE, type PlainWriter } from "../codec/frames.ts";
import {
  FEATURE,
  type Hello,
  KIND,
  type Message,
  type MessageKind,
  type PeerLimits,
} from "../codec/messages.ts";
import type { SentAttachments } from "../codec/passing.ts";
import { SpareBuffers } from "../base/collections.ts";
import type { Transport } from "../transport/transport.ts";
import type { SendingOptions } from "../codec/value_writer.ts";
import type { ValueTypes } from "../codec/value_types.ts";

/** How much of a large message one write has, about. */
const BYTES_PER_WRITE = 256 * 1024;
/**
 * After about so many bytes, it is another large message's turn. Where all of
 * them took turns at each write, all would arrive at once, and the receiver
 * would have nothing to do until then.
 */
const BYTES_PER_TURN = 1024 * 1024;

/**
 * What each kind of message is: one that a program makes itself, or waits for;
 * one that comes of something else, and may be sent a little later; or an
 * answer, which finds no room where too much waits, while all others wait for
 * it.
 */
const PRIORITIES: Readonly<Record<MessageKind, "own" | "later" | "answer">> = {
  hello: "own",
  accept: "own",
  message: "own",
  send: "own",
  call: "own",
  return: "answer",
  returnValues: "answer",
  throw: "answer",
  fail: "own",
  cancel: "later",
  credit: "later",
  ping: "later",
  pong: "later",
  close: "later",
  finish: "later",
  abort: "own",
  release: "later",
  forget: "later",
  streamValue: "own",
  streamBytes: "own",
  streamEnd: "later",
  streamError: "own",
  streamCancel: "later",
  streamCredit: "later",
  streamFail: "own",
};

/** What sends messages, and has others wait for large ones. */
export interface Sender {
  /** All of a large message is in the output. */
  largeSent(): void;
}

/** A message that is encoded and waits. */
export interface Body {
  /** How many bytes it has. */
  size: number;
  /** The bytes; those of its frames, where it is cut into pieces already. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Its deadline, which goes on; then it is not cut yet. */
  readonly deadline?: QueuedDeadline | undefined;
  /** The number of its pieces, then. */
  readonly number?: number | undefined;
  /** Its attachments. */
  readonly attachments?: SentAttachments | undefined;
}

/** What sends messages, whatever the protocol; most of a wire asks no more. */
export interface MessageOutput {
  /** What the peer takes, and the types of values that are declared. */
  readonly encoder: {
    readonly limits: EncoderLimits;
    readonly types?: ValueTypes | undefined;
  };
  /** Whether producers may go on. */
  readonly hasRoom: boolean;
  /** How many bytes wait, or are being taken. */
  readonly waiting: number;
  /** What waits in front of this, and how much may. */
  readonly backlog: Backlog;
  /** Sends plain messages; undefined where none is sent in another way. */
  readonly plain?: PlainOutput | undefined;
  /** Sends a message; see {@linkcode Output.send}. */
  send(
    message: Message,
    ticket?: Ticket,
    sender?: Sender,
    most?: number,
  ): number;
  /** Encodes a message that has to wait, for {@linkcode sendBody}. */
  encode(message: Message): Body;
  /** Sends what {@linkcode encode} made. */
  sendBody(body: Body, ticket: Ticket, sender?: Sender): void;
  /** Whether the bytes of a ticket were, perhaps, handed over. */
  wasHanded(ticket: Ticket): boolean;
  /**
   * Gives up a message of which a part was sent, perhaps. Undefined where all
   * messages are sent whole.
   *
   * @returns Whether the peer will never see the whole of it.
   * @throws {WireError} Where it has to be tried again in another turn.
   */
  abandon?(ticket: Ticket): boolean;
}

/**
 * What sends messages that have a few plain values and nothing else, in one go.
 * Each method returns how many bytes the message has; 0 where it is not plain,
 * and nothing is sent.
 */
export interface PlainOutput {
  /** Sends a call for an answer. */
  sendPlainCall(
    id: number,
    wantsValues: boolean,
    name: string,
    args: readonly unknown[],
    ticket: Ticket,
  ): number;
  /** Adds a one-way call to those that are being collected. */
  addPlainSend(name: string, args: readonly unknown[]): number;
  /** Sends a one-way call. */
  sendPlainSend(name: string, args: readonly unknown[]): number;
  /** Sends an answer. */
  sendPlainAnswer(id: number, value: unknown): number;
}

/** A message that travels in pieces. */
interface Large {
  readonly ticket: Ticket;
  /** Its attachments. */
  readonly attachments: SentAttachments | undefined;
  /** Learns first when all of it is in the output. */
  readonly sender: Sender | undefined;
  readonly number: number;
  /** How many bytes it has. */
  readonly size: number;
  /** Its pieces, each in a frame; all but the last of the same length. */
  readonly frames: Uint8Array<ArrayBuffer>;
  /** The first of these lengths. */
  readonly frameLength: number;
  /** Where the output stood when it was sent: what it needs stands there. */
  readonly after: number;
  /** How many bytes of the frames are in the output. */
  offset: number;
  /** Resolves when it was sent, or never will be. */
  gone: PromiseWithResolvers<void> | undefined;
}

/** Encodes messages, collects their frames, and writes. */
export class Output extends ByteOutput implements MessageOutput, PlainOutput {
  /** Turns messages into bytes. */
  readonly encoder: Encoder;
  readonly #plain: PlainWriter;
  /** Frames of whole messages, and messages in pieces, so far. */
  messages = 0;
  /** Whether messages larger than a frame are cut: not before the peer's hello. */
  #mayCut = false;
  /** How many large messages may be under way at once. */
  #pieces = 0;
  /** Large messages: the first `pieces` of them take turns. */
  #large: Large[] = [];
  #turn = 0;
  #number = 0;
  /** Buffers that large messages no longer need, for the next ones. */
  readonly #spares = new SpareBuffers();
  /** One whose last bytes are being written. */
  #retired: ArrayBuffer | undefined;
  /** Large messages and all others take turns, too. */
  #isLargesTurn = false;

  /**
   * @param transport Where the bytes go.
   * @param clock Tells when there was progress.
   * @param limits The peer's limits, or a guess, and how much may wait.
   * @param listener Told of what becomes of it.
   * @param sending How values are sent that not all wires have.
   */
  constructor(
    transport: Transport,
    clock: Clock,
    limits: EncoderLimits & OutputLimits,
    listener: OutputListener,
    sending?: SendingOptions,
  ) {
    super(transport, clock, limits, listener);
    this.encoder = new Encoder(this.writer, limits, sending);
    this.#plain = this.encoder.plainWriter;
    // Until its hello, a peer gets nothing that it may decline.
    this.encoder.adapt(true, 0);
  }

  /** It sends plain messages itself. */
  get plain(): PlainOutput {
    return this;
  }

  /**
   * The peer said hello: it may call, and be answered, before it has accepted.
   * Answers that are large wait for that, in frames that it takes then, too.
   */
  greet({ features, limits }: Pick<Hello, "features" | "limits">): void {
    this.#limit(limits, Math.min(limits.helloFrame, limits.frame));
    this.encoder.adapt((features & FEATURE.simple) !== 0, limits.tableEntries);
    this.#mayCut = true;
  }

  /** The peer accepted: everything may be sent, as far as its limits allow. */
  open(peer: PeerLimits): void {
    this.#limit(peer, peer.frame);
    this.#pieces = peer.pieces;
    if (this.#large.length > 0) this.schedule();
  }

  /** Sets how large frames and messages may be, and what they may hold. */
  #limit(peer: PeerLimits, frame: number): void {
    const { nesting, values, bigint, pieces } = peer;
    const message = pieces === 0 ? Math.min(peer.message, frame) : peer.message;
    this.encoder.limits = { frame, message, nesting, values, bigint };
  }

  /** What it takes in memory: a large message may be in a larger buffer. */
  override get total(): number {
    let total = this.writer.room + this.backlog.held + this.#spares.bytes +
      (this.#retired?.byteLength ?? 0);
    for (const { frames } of this.#large) total += frames.buffer.byteLength;
    return total;
  }

  /**
   * Whether producers may go on. One large message leaves room for others:
   * they go between its pieces.
   */
  override get hasRoom(): boolean {
    const { pause } = this.backlog;
    if (this.#large.length === 0) return this.waiting < pause;
    const { frames, offset } = this.#large[0]!;
    return this.waiting - (frames.length - offset) < pause;
  }

  /**
   * Sends a message.
   *
   * @param message The message.
   * @param ticket Learns its position, and when a large message was sent.
   * @param sender Learns when a large message was sent, before the ticket.
   * @param most How many bytes its body may have.
   * @returns The size of its body in bytes.
   * @throws {WireError} `unsupportedValue` or `limit`; then nothing is sent.
   * `NoRoom` for an answer where too much waits.
   */
  send(
    message: Message,
    ticket: Ticket = { position: Infinity },
    sender?: Sender,
    most?: number,
  ): number {
    const { encoder, writer } = this;
    if (encoder.isBusy && PRIORITIES[message.kind] === "later") {
      this.#sendLater(message);
      return 0;
    }
    encoder.checkIdle();
    this.#forgetTables();
    const start = writer.position;
    const size = encoder.encode(message, most);
    const { attachments } = encoder;
    const { frame } = encoder.limits;
    if (size > SMALL_ANSWER && PRIORITIES[message.kind] === "answer") {
      this.#findRoomFor(start, size);
    }
    if (size <= frame) {
      ticket.position = this.base + start;
      this.messages++;
      this.#define(start);
      attachments?.sent();
    } else {
      const parts = this.#parts(start);
      writer.position = start;
      if (!this.#mayCut) {
        attachments?.undo();
        throw tooLarge(size, frame);
      }
      // The parts are read before anything is written in their place.
      const number = this.#nextNumber();
      const frames = this.#cut(parts, size, number);
      this.#enqueue(frames, number, size, ticket, attachments, sender);
    }
    this.schedule();
    return size;
  }

  /** Takes an answer back that was just encoded, where it finds no room. */
  #findRoomFor(start: number, size: number): void {
    try {
      this.findRoom(start, size);
    } catch (error) {
      this.encoder.attachments?.undo();
      throw error;
    }
  }

  /**
   * Sends what a getter gave rise to, as soon as the message is written whose
   * value has the getter: it released a reference, say, or aborted a call.
   */
  #sendLater(message: Message): void {
    queueMicrotask(() => {
      try {
        this.send(message);
      } catch {
        // The reason of a cancel cannot be sent.
        if (message.kind === "streamCancel") {
          this.send({ ...message, reason: undefined });
        }
      }
    });
  }

  /**
   * Sends a call for an answer where it is plain: see `PlainWriter`.
   *
   * @param ticket Learns its position.
   * @returns The size of its body; 0 where it is not, and nothing is sent.
   */
  sendPlainCall(
    id: number,
    wantsValues: boolean,
    name: string,
    args: readonly unknown[],
    ticket: Ticket,
  ): number {
    const position = this.base + this.writer.position;
    const size = this.encoder.plain?.call(id, wantsValues, name, args) ?? 0;
    if (size > 0) ticket.position = position;
    return this.#sentPlain(size);
  }

  /**
   * Adds a one-way call to those that are being collected. What they did not
   * have to wait for, it need not wait for either.
   *
   * @returns How many bytes it has; 0 if it is not added.
   */
  addPlainSend(name: string, args: readonly unknown[]): number {
    const size = this.#plain.add(name, args);
    if (size > 0) this.messages++;
    return size;
  }

  /** Sends a one-way call where it is plain; see {@linkcode sendPlainCall}. */
  sendPlainSend(name: string, args: readonly unknown[]): number {
    return this.#sentPlain(this.encoder.plain?.send(name, args) ?? 0);
  }

  /** Sends an answer where it is plain; see {@linkcode sendPlainCall}. */
  sendPlainAnswer(id: number, value: unknown): number {
    // What finds no room is found out in the long way.
    if (this.writer.position > this.backlog.pause) return 0;
    return this.#sentPlain(this.encoder.plain?.return(id, value) ?? 0);
  }

  #sentPlain(size: number): number {
    if (size === 0) return 0;
    this.messages++;
    this.schedule();
    return size;
  }

  /**
   * Encodes a message that has to wait.
   *
   * @param message The message.
   * @returns Its body, for {@linkcode sendBody}.
   * @throws {WireError} `unsupportedValue` or `limit`.
   */
  encode(message: Message): Body {
    const { writer } = this;
    const start = writer.position;
    // What comes later is not to be added in front of what waits.
    writer.mark = -1;
    const size = this.encoder.encode(message);
    const { attachments, limits } = this.encoder;
    const parts = this.#parts(start);
    writer.position = start;
    const deadline = this.#deadlineOf(message, start + FRAME_HEADER);
    // How large a frame may be is known once the peer has accepted.
    if (size > limits.frame && this.#pieces > 0 && deadline === undefined) {
      const number = this.#nextNumber();
      return {
        size,
        bytes: this.#cut(parts, size, number),
        number,
        attachments,
      };
    }
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return { size, bytes, attachments, deadline };
  }

  /** The deadline of a message that was just encoded. */
  #deadlineOf(message: Message, start: number): QueuedDeadline | undefined {
    if (message.kind !== "call" && message.kind !== "send") return undefined;
    const { name, deadline } = message;
    if (deadline === 0) return undefined;
    const at = this.encoder.deadlineAt - start;
    return new QueuedDeadline(name, deadline, this.clock, at);
  }

  /** Sends a body that {@linkcode encode} made. See {@linkcode send}. */
  sendBody(body: Body, ticket: Ticket, sender?: Sender): void {
    const { writer } = this;
    this.encoder.checkIdle();
    this.schedule();
    if (body.size > this.encoder.limits.frame) {
      const { bytes, size, attachments, number = this.#nextNumber() } = body;
      const frames = body.number === undefined
        ? this.#cut([bytes], size, number)
        : bytes;
      return this.#enqueue(frames, number, size, ticket, attachments, sender);
    }
    this.#define(writer.position);
    ticket.position = this.base + writer.position;
    this.messages++;
    writer.uint32(body.size);
    writer.bytes(body.bytes);
    body.attachments?.sent();
  }

  /**
   * Gives up a large message whose ticket this is.
   *
   * @returns Whether the peer will never see the whole of it.
   * @throws {WireError} `invalidArgument` while another message is written.
   */
  abandon(ticket: Ticket): boolean {
    const index = this.#large.findIndex((large) => large.ticket === ticket);
    if (index < 0) return false;
    this.encoder.checkIdle();
    const [large] = this.#large.splice(index, 1);
    const { frames, offset, number, attachments, gone } = large!;
    attachments?.undo();
    gone?.resolve();
    this.elsewhere -= frames.length - offset;
    if (offset > 0) {
      const { writer } = this;
      writer.uint32(2 + varintSize(number));
      writer.byte(KIND.piece);
      writer.varint(number);
      writer.byte(PIECE.abandoned);
      this.schedule();
    }
    return true;
  }

  /**
   * Drops what was collected and not handed over: the wire ends, and who waits
   * for it was told that it was not sent. A reset of the tables may be dropped
   * with it, so nothing is defined any more either.
   */
  drop(): void {
    this.encoder.checkIdle();
    this.writer.discard();
    this.encoder.tables.takeFresh();
  }

  /** Drops the large messages that were not sent. */
  dropLarge(failure: Error): void {
    const dropped = this.#large;
    this.#large = [];
    this.elsewhere = 0;
    for (const { ticket, gone, offset, frames } of dropped) {
      // A part of it is being written, perhaps.
      if (offset > 0) this.#retired ??= frames.buffer;
      ticket.onSettled?.(failure);
      gone?.resolve();
    }
  }

  /** Resolves when the large messages that wait by now were sent. */
  async whenLargeLeft(): Promise<void> {
    await Promise.all(this.#large.map((large) => {
      large.gone ??= Promise.withResolvers<void>();
      return large.gone.promise;
    }));
  }

  /** See {@linkcode ByteOutput.flush}; large messages are waited for, too. */
  override async flush(): Promise<void> {
    if (this.#large.length > 0) await this.whenLargeLeft();
    await super.flush();
  }

  /** How many large messages were not sent. */
  get large(): number {
    return this.#large.length;
  }

  /** What to write next: all that was collected, or some of a large message. */
  protected override next(): Uint8Array<ArrayBuffer> | undefined {
    // The write before this one is over.
    if (this.#retired !== undefined) {
      this.#spares.give(this.#retired);
      this.#retired = undefined;
    }
    const among = Math.min(this.#large.length, this.#pieces);
    const index = this.#turn % among; // NaN where there is none
    const large = this.#large[index];
    const isCollected = this.writer.position > 0;
    const mayLeave = large !== undefined && this.base >= large.after;
    if (!mayLeave || (isCollected && !this.#isLargesTurn)) {
      this.#isLargesTurn = true;
      return isCollected ? super.next() : undefined;
    }
    this.#isLargesTurn = false;
    const turns = Math.floor(large.offset / BYTES_PER_TURN);
    const frames = this.#take(large, index);
    const isOver = Math.floor(large.offset / BYTES_PER_TURN) > turns;
    // One that was sent whole is no longer at this place.
    const stays = large.offset === large.frames.length || !isOver;
    this.#turn = stays ? index : index + 1;
    return frames;
  }

  /** Takes the next frames of a large message. */
  #take(large: Large, index: number): Uint8Array<ArrayBuffer> {
    const { frames, frameLength, offset, ticket } = large;
    // It counts as handed over from now on.
    if (offset === 0) ticket.position = this.base - 1;
    const count = Math.max(1, Math.round(BYTES_PER_WRITE / frameLength));
    let end = offset + count * frameLength;
    // No write for a little that is left over.
    if (end > frames.length - BYTES_PER_WRITE / 4) end = frames.length;
    large.offset = end;
    this.elsewhere -= end - offset;
    ticket.onPart?.(bytesOf(large), large.size);
    if (end === frames.length) {
      this.#large.splice(index, 1);
      this.#retired = frames.buffer;
      this.messages++;
      large.attachments?.sent();
      large.sender?.largeSent();
      ticket.onSettled?.();
      large.gone?.resolve();
    }
    return frames.subarray(offset, end);
  }

  /** Releases memory that a burst of output took. */
  override trim(): void {
    super.trim();
    if (this.waiting > 0) return;
    this.#spares.clear();
    this.#retired = undefined;
  }

  /** The parts of the message that was just encoded, as views. */
  #parts(start: number): Uint8Array[] {
    const { writer } = this;
    const { externals } = writer;
    // A program's large arrays are not to live as long as a quiet wire.
    if (externals.length > 0) writer.externals = [];
    return join(writer.written(), start + FRAME_HEADER, externals);
  }

  #define(start: number): void {
    if (this.encoder.tables.hasFresh) this.encoder.define(start);
  }

  /** Begins new tables where the old are full and nothing refers to them. */
  #forgetTables(): void {
    const { tables } = this.encoder;
    if (!tables.full || this.#large.length > 0) return;
    if (this.backlog.waiting > 0) return;
    this.encoder.reset();
    // What comes behind it may turn out to be unsendable.
    this.schedule();
  }

  #nextNumber(): number {
    const number = this.#number;
    this.#number = (number + 1) % 0x1_0000_0000;
    return number;
  }

  #cut(
    parts: readonly Uint8Array[],
    size: number,
    number: number,
  ): Uint8Array<ArrayBuffer> {
    const { frame } = this.encoder.limits;
    return cut(parts, size, number, frame, this.#spares);
  }

  #enqueue(
    frames: Uint8Array<ArrayBuffer>,
    number: number,
    size: number,
    ticket: Ticket,
    attachments: SentAttachments | undefined,
    sender: Sender | undefined,
  ): void {
    const { frame } = this.encoder.limits;
    this.writer.mark = -1;
    this.#define(this.writer.position);
    this.#large.push({
      ticket,
      attachments,
      sender,
      number,
      size,
      frames,
      frameLength: frame + FRAME_HEADER,
      after: this.base + this.writer.position,
      offset: 0,
      gone: undefined,
    });
    this.elsewhere += frames.length;
    this.listener.onGrown?.();
  }
}

/** How many bytes of a large message are in the output, without its frames. */
function bytesOf({ number, size, frameLength, offset }: Large): number {
  const pieces = Math.ceil(offset / frameLength);
  return offset - pieces * (FRAME_HEADER + 2 + varintSize(number)) -
    varintSize(size);
}

/** Bytes from a position on, with those that belong in between. */
function join(
  written: Uint8Array,
  from: number,
  externals: readonly External[],
): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let at = from;
  for (const { bytes, position } of externals) {
    parts.push(written.subarray(at, position), bytes);
    at = position;
  }
  parts.push(written.subarray(at));
  return parts;
}

/**
 * Cuts a message into pieces, each in a frame as large as may be, in a spare
 * buffer where one is large enough. This is the one time that the bytes of a
 * large message are copied.
 */
function cut(
  parts: readonly Uint8Array[],
  size: number,
  number: number,
  frame: number,
  spares: SpareBuffers,
): Uint8Array<ArrayBuffer> {
  const header = 2 + varintSize(number);
  const room = frame - header;
  // The first piece tells the size, which takes some of its room.
  const others = Math.ceil((size + varintSize(size)) / room) - 1;
  const length = size + varintSize(size) +
    (others + 1) * (FRAME_HEADER + header);
  const frames = spares.take(length);
  const view = new DataView(frames.buffer);
  let at = 0;
  /** Bytes that the frame at hand still has room for. */
  let left = 0;
  const begin = () => {
    view.setUint32(at, Math.min(frame, frames.length - at - FRAME_HEADER));
    at += FRAME_HEADER;
    frames[at++] = KIND.piece;
    at = putVarint(frames, at, number);
    frames[at++] = PIECE.part;
    left = room;
  };
  begin();
  at = putVarint(frames, at, size);
  left -= varintSize(size);
  for (const part of parts) {
    for (let from = 0; from < part.length;) {
      if (left === 0) begin();
      const to = Math.min(part.length, from + left);
      frames.set(part.subarray(from, to), at);
      at += to - from;
      left -= to - from;
      from = to;
    }
  }
  return frames;
}
