/**
 * The codec that both ends share: messages to framed bytes and back.
 *
 * Bytes flow chunk → frames → messages on one side and message → frame →
 * buffer on the other, both synchronously. `docs/protocol.md` tells the bytes.
 *
 * @module
 */

import { ByteReader, type ByteWriter } from "./bytes.ts";
import { errorMessage, malformed, WireError } from "../base/errors.ts";
import { FRAME_HEADER, FrameDecoder } from "./frames.ts";
import { notAWire } from "./messages.ts";
import type { Memory, WireLimits } from "../base/limits.ts";
import { MessageReader } from "./message_reader.ts";
import { MessageWriter } from "./message_writer.ts";
import { isA } from "../base/shown.ts";
import type { Kept, KeptBytes, LastMessage } from "./single_value.ts";
import {
  KIND,
  type Message,
  MESSAGE_OVERHEAD,
  type OverLimit,
  STRINGS,
} from "./messages.ts";
import {
  type Exporter,
  type Importer,
  NotReady,
  type ReceivedAttachments,
  type SentAttachments,
} from "./passing.ts";
import { Pieces } from "./frames.ts";
import { PlainReader, type PlainReceiver } from "./message_reader.ts";
import { PlainWriter } from "./message_writer.ts";
import { ReceiveTables, SendTables, writeEntry } from "./tables.ts";
import {
  changed,
  MOST_GATHERED,
  NOT_GATHERED,
  ValueWriter,
} from "./value_writer.ts";
import { ValueReader, type WeightBounds } from "./value_reader.ts";

/** From so many bytes of an unfinished frame on, much is read at once. */
const LARGE = 8 * 1024;
/** How many times the memory of its bytes the values of a message may take. */
const MOST_TIMES = 16;
/** And how much more, besides what each value may. */
const MOST_MORE = 4 * 1024 * 1024;
/** What may come between the peer's hello and this side's acceptance. */
const EARLY: ReadonlySet<number> = new Set([
  KIND.accept,
  KIND.define,
  KIND.reset,
  KIND.return,
  KIND.returnValues,
  KIND.throw,
  KIND.fail,
  KIND.credit,
  KIND.ping,
  KIND.pong,
  KIND.release,
  KIND.forget,
  KIND.streamValue,
  KIND.streamBytes,
  KIND.streamEnd,
  KIND.streamError,
  KIND.streamCancel,
  KIND.streamCredit,
  KIND.streamFail,
]);

/** What an encoder needs to know of its peer. */
export type EncoderLimits = Pick<
  WireLimits,
  "frame" | "message" | "nesting" | "values" | "bigint"
>;

/** Messages to framed bytes, into one writer. */
export class Encoder {
  /** Where the frames go. */
  readonly writer: ByteWriter;
  /** The key sets and names that the peer knows. */
  readonly tables: SendTables = new SendTables();
  readonly #values: ValueWriter;
  readonly #messages: MessageWriter;
  /** Writes plain messages. */
  readonly plainWriter: PlainWriter;
  #limits: EncoderLimits;
  #busy = false;
  /** What travels along with the message that was encoded last. */
  attachments: SentAttachments | undefined;

  /**
   * @param writer Where the frames go.
   * @param limits The peer's limits, or a guess until it tells them.
   */
  constructor(writer: ByteWriter, limits: EncoderLimits) {
    this.writer = writer;
    this.#limits = limits;
    this.#values = new ValueWriter(writer, this.tables, limits);
    this.#messages = new MessageWriter(writer, this.tables, this.#values);
    this.plainWriter = new PlainWriter(writer, this.tables, this.#values);
    this.plainWriter.limit(limits.frame, limits.values);
  }

  /**
   * What writes plain messages in one go; undefined while that would be in the
   * middle of another, or before definitions that the peer needs.
   */
  get plain(): PlainWriter | undefined {
    return this.#busy || this.tables.hasFresh ? undefined : this.plainWriter;
  }

  /** Where the deadline of the last call that has one stands in the writer. */
  get deadlineAt(): number {
    return this.#messages.deadlineAt;
  }

  /** The peer's limits. */
  get limits(): EncoderLimits {
    return this.#limits;
  }

  set limits(limits: EncoderLimits) {
    this.#limits = limits;
    this.#values.limits = limits;
    this.plainWriter.limit(limits.frame, limits.values);
    this.tables.entryLimit = limits.frame;
  }

  /** Says how things travel that are not copied. */
  set exporter(exporter: Exporter) {
    this.#values.exporter = exporter;
  }

  /** Whether thrown errors take their stacks along. */
  set sendStacks(sendStacks: boolean) {
    this.#values.sendStacks = sendStacks;
  }

  /**
   * Writes one message as a frame, unless it is larger than that: then it has
   * to be cut into pieces, and large byte arrays in it are not copied but are
   * the writer's `externals`. Names and key sets that it is the first to
   * use are not told to the peer yet: see {@linkcode define}.
   *
   * @param message The message.
   * @param most How many bytes its body may have.
   * @returns How many bytes its body has: the last ones of the writer, and its
   * externals. What travels along with it is in `leaving`.
   * @throws {WireError} `unsupportedValue` or `limit`; then nothing is written.
   */
  encode(message: Message, most: number = this.#limits.message): number {
    this.checkIdle();
    const { writer } = this;
    const start = writer.position;
    const { frame } = this.#limits;
    writer.externalFrom = frame;
    if (writer.externals.length > 0) writer.externals = [];
    writer.bound = start + FRAME_HEADER + most;
    this.#busy = true;
    try {
      writer.reserve(FRAME_HEADER);
      writer.position = start + FRAME_HEADER;
      this.#body(message);
      let length = writer.position - start - FRAME_HEADER;
      for (const { bytes, count } of writer.externals) {
        // A getter may have taken the buffer away, or made it smaller.
        if (bytes.length !== count) throw changed("byte array");
        length += count;
      }
      if (length > most) throw tooLarge(length, most);
      writer.view.setUint32(start, length);
      this.attachments = this.#values.exporter.take();
      return length;
    } catch (error) {
      writer.position = start;
      if (writer.externals.length > 0) writer.externals = [];
      // What is undone may send something in its turn.
      this.#finish();
      this.#values.exporter.take()?.undo(isA(error, NotReady));
      throw isA(error, WireError) || isA(error, NotReady)
        ? error
        : unreadable(error);
    } finally {
      this.#finish();
    }
  }

  /** Nothing that belongs to one message is left for the next one. */
  #finish(): void {
    this.writer.bound = Infinity;
    this.#values.clear();
    this.#busy = false;
  }

  /** Writes the body of a message, in one of two ways. */
  #body(message: Message): void {
    const { writer } = this;
    const values = this.#values;
    const start = writer.position;
    if (values.isTextual) {
      try {
        values.begin(true);
        this.#messages.write(message);
        if (this.#gathered(start, values.end())) return;
      } catch (error) {
        if (error !== NOT_GATHERED) throw error;
      }
      writer.position = start;
      if (writer.externals.length > 0) writer.externals = [];
    }
    values.begin();
    this.#messages.write(message);
    values.end();
  }

  /** Writes the text of a message behind it; false where it is not ASCII. */
  #gathered(start: number, text: string): boolean {
    if (text === "") return true;
    const { writer } = this;
    if (writer.utf8(text) !== text.length) return false;
    writer.uint16(text.length);
    writer.buffer[start]! |= STRINGS;
    return true;
  }

  /** Whether a message is being written: a getter in it is just running. */
  get isBusy(): boolean {
    return this.#busy;
  }

  /**
   * Refuses to write while a message is being written.
   *
   * @throws {WireError} `invalidArgument`.
   */
  checkIdle(): void {
    if (!this.#busy) return;
    throw new WireError(
      "invalidArgument",
      "A getter of a value that is being sent used the same wire. Read the value first, then send it.",
    );
  }

  /**
   * Tells the peer what it has not been told of the tables, in front of the
   * frames that begin at `start` and need it.
   */
  define(start: number): void {
    const { writer } = this;
    const end = writer.position;
    for (const entry of this.tables.takeFresh()) {
      const frame = writer.position;
      writer.reserve(FRAME_HEADER);
      writer.position += FRAME_HEADER;
      writer.byte(KIND.define);
      writeEntry(writer, entry);
      writer.view.setUint32(frame, writer.position - frame - FRAME_HEADER);
    }
    const definitions = writer.written(end).slice();
    writer.buffer.copyWithin(start + definitions.length, start, end);
    writer.buffer.set(definitions, start);
  }

  /** Empties the tables of both ends. Nothing encoded before may follow. */
  reset(): void {
    this.tables.reset();
    const { writer } = this;
    writer.uint32(1);
    writer.byte(KIND.reset);
  }
}

/** Framed bytes to messages. */
export class Decoder implements LastMessage {
  readonly #frames: FrameDecoder;
  readonly #reader = new ByteReader();
  readonly #tables = new ReceiveTables();
  readonly #values: ValueReader;
  readonly #messages: MessageReader;
  readonly #plain: PlainReader;
  readonly #pieces: Pieces;
  readonly #most: number;
  /** Whether the peer's hello has come. A link sets it to false at first. */
  isGreeted = true;
  /** Whether this side accepts the peer. A link sets it to false at first. */
  isOpen = true;
  /** How many bytes the body of the last message had. */
  size = 0;
  /** What its values take in memory, about; 0 for one over a limit. */
  weight = 0;
  /** What the values of messages have room in. */
  memory: Memory | undefined;
  readonly #limits: WireLimits;
  readonly #bounds: WeightBounds = {
    most: Infinity,
    room: Infinity,
    roomAlong: Infinity,
  };
  /** Where in the reader's buffer the last message begins. */
  #start = 0;
  /** Takes plain calls and answers, in the place of {@linkcode next}'s caller. */
  plainReceiver: PlainReceiver | undefined;

  /**
   * @param limits This side's limits.
   * @param frameLimit The largest frame for now.
   */
  constructor(limits: WireLimits, frameLimit: number = limits.frame) {
    this.#frames = new FrameDecoder(frameLimit, KIND.piece);
    this.#values = new ValueReader(this.#reader, this.#tables, limits);
    this.#messages = new MessageReader(
      this.#reader,
      this.#tables,
      this.#values,
      limits.streamWindow,
    );
    this.#plain = new PlainReader(
      this.#reader,
      this.#tables,
      this.#values,
      limits.values,
    );
    this.#pieces = new Pieces(limits);
    this.#most = limits.message;
    this.#limits = limits;
  }

  /** Makes of references and streams what the receiver gets. */
  set importer(importer: Importer) {
    this.#values.importer = importer;
  }

  /** The largest frame that is taken. */
  set frameLimit(limit: number) {
    this.#frames.limit = limit;
  }

  /** Whether a frame or a message was begun and not finished. */
  get unfinished(): boolean {
    return this.#frames.unfinished > 0 || this.#pieces.count > 0;
  }

  /** Whether much of a large message, or of a large frame, is to come. */
  get isBulk(): boolean {
    return this.#pieces.count > 0 || this.#frames.unfinished > LARGE;
  }

  /** How many names and key sets the peer has defined. */
  get tableSize(): number {
    return this.#tables.size;
  }

  /** Takes the next chunk; all messages of the one before must be taken. */
  feed(chunk: Uint8Array): void {
    this.#frames.feed(chunk);
  }

  /**
   * Decodes the next message. Plain ones before it go to the receiver of plain
   * ones, if there is one.
   *
   * @returns The message, or undefined when the next chunk is needed.
   * @throws {WireError} `malformed`: the wire cannot go on.
   */
  next(): Message | OverLimit | undefined {
    const frames = this.#frames;
    const reader = this.#reader;
    const receiver = this.plainReceiver;
    while (frames.next()) {
      reader.turnTo(frames.buffer, frames.start, frames.end);
      if (frames.continues) {
        const whole = this.#pieces.goOn(reader);
        if (whole !== undefined) return this.#wholeMessage(whole);
        continue;
      }
      const kind = frames.buffer[frames.start]!;
      if (!this.isOpen) this.#checkEarly(kind);
      switch (kind) {
        case KIND.define:
          reader.byte();
          this.#tables.readEntry(reader);
          reader.finish();
          break;
        case KIND.reset:
          reader.byte();
          reader.finish();
          if (this.#pieces.count > 0) {
            throw malformed("Tables were reset under an unfinished message.");
          }
          this.#tables.reset();
          break;
        case KIND.piece: {
          reader.byte();
          const whole = this.#pieces.take(reader, frames.rest);
          if (whole === undefined) break;
          return this.#wholeMessage(whole);
        }
        case KIND.sends:
          if (receiver === undefined) throw noReceiver();
          this.#plain.readRun(receiver);
          if (receiver.isOver) return undefined;
          break;
        default:
          this.size = frames.end - frames.start;
          if (this.size > this.#most) {
            throw malformed(
              `A message may have ${this.#most} bytes, and one has ${this.size}.`,
            );
          }
          if (receiver === undefined || !this.#plain.read(receiver)) {
            return this.#message();
          }
          if (receiver.isOver) return undefined;
      }
    }
    reader.release();
    return undefined;
  }

  /**
   * Says that no byte will follow.
   *
   * @throws {WireError} `connectionLost` when that cuts a frame in two.
   */
  finish(): void {
    this.#frames.finish();
  }

  /** Before the peer is accepted, it may only say hello and answer. */
  #checkEarly(kind: number): void {
    if (kind === KIND.hello || kind === KIND.abort) return;
    if (!this.isGreeted) throw notAWire();
    if (EARLY.has(kind & ~STRINGS)) return;
    throw malformed(
      `A message of the kind 0x${
        kind.toString(16)
      } came before this side had accepted the peer.`,
    );
  }

  /** A message that came in pieces; nobody else uses its buffer. */
  #wholeMessage(whole: Uint8Array): Message | OverLimit {
    this.#reader.turnTo(whole, 0, whole.length, true);
    this.size = whole.length;
    return this.#message();
  }

  #message(): Message | OverLimit {
    const reader = this.#reader;
    this.#start = reader.position;
    const kind = reader.byte();
    const isGathered = (kind & STRINGS) !== 0;
    this.#values.begin(
      isGathered ? reader.textAtEnd(MOST_GATHERED) : undefined,
      this.#boundsOf(kind & ~STRINGS),
    );
    const message = this.#body(kind & ~STRINGS);
    const arrived = this.#values.importer.take();
    return arrived === undefined
      ? message
      : this.#withArrived(message, arrived);
  }

  /** What the values of a message may weigh. */
  #boundsOf(kind: number): WeightBounds {
    const { size, memory } = this;
    const bounds = this.#bounds;
    bounds.most = MOST_TIMES * size + MOST_MORE;
    bounds.room = bounds.roomAlong = Infinity;
    if (memory === undefined) return bounds;
    switch (kind) {
      case KIND.call:
      case KIND.send:
        bounds.room = memory.room(size + MESSAGE_OVERHEAD);
        break;
      case KIND.message:
      case KIND.streamValue:
      case KIND.streamBytes:
        // By itself it can be kept as its bytes.
        bounds.roomAlong = memory.room(size + MESSAGE_OVERHEAD);
        if (!this.#tables.canLend) bounds.room = bounds.roomAlong;
        break;
      case KIND.streamError:
        // No window counts it.
        bounds.room = memory.room(0) - size;
        break;
      default:
        // Whoever waits for it gets it at once.
    }
    return bounds;
  }

  /** Keeps the message that came last, in which nothing came along. */
  keep(bytes: KeptBytes): Kept {
    const { buffer, isOwned } = this.#reader;
    const body = buffer.subarray(this.#start, this.#start + this.size);
    return bytes.keep(body, isOwned, this.#tables.lend(), this.#limits);
  }

  /** Reads what a message holds. Nothing of it is left for the next one. */
  #body(kind: number): Message | OverLimit {
    const values = this.#values;
    let isRead = false;
    this.weight = 0;
    try {
      const message = this.#messages.read(kind, this.size);
      if (message.kind !== "overLimit") {
        this.#reader.finish();
        values.end();
        this.weight = values.weight;
      }
      isRead = true;
      return message;
    } finally {
      values.clear();
      // The wire ends, and with it what came along.
      if (!isRead) values.importer.take();
    }
  }

  /** A message with what came along with it, unless it fails by itself. */
  #withArrived(
    message: Message | OverLimit,
    arrived: ReceivedAttachments,
  ): Message | OverLimit {
    const failure = arrived.failure ??
      (message.kind !== "call" && arrived.hasResults
        ? new WireError(
          "resultGone",
          "The result of a call came other than as an argument of a call for an answer.",
        )
        : undefined);
    if (message.kind !== "overLimit" && failure === undefined) {
      return { ...message, arrived } as Message;
    }
    arrived.drop();
    if (message.kind === "overLimit") return message;
    const { id = 0, name = "" } = message as { id?: number; name?: string };
    const of = message.kind as OverLimit["of"];
    return { kind: "overLimit", of, id, name, error: failure! };
  }
}

/** The error for what a decoder by itself has no place for. */
function noReceiver(): WireError {
  return malformed(
    "One-way calls in a row came to a decoder without a receiver for them.",
  );
}

/** The error for a value whose getters or iterators throw. */
function unreadable(error: unknown): WireError {
  return new WireError(
    "unsupportedValue",
    `A value could not be read while it was being sent: ${errorMessage(error)}`,
    { cause: error },
  );
}

/** The error for a message that the peer does not take. */
export function tooLarge(length: number, most: number): WireError {
  return new WireError(
    "limit",
    `The peer takes messages of up to ${most} bytes (its limit "message", or "streamWindow" for an item of a stream), and this one has ${length}. Send it in parts, or raise that limit.`,
  );
}
