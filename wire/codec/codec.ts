/**
 * The codec that both ends share: messages to framed bytes and back.
 *
 * Bytes flow chunk → frames → messages on one side and message → frame →
 * buffer on the other, both synchronously. `docs/protocol.md` tells the bytes.
 *
 * @module
 */

import { NO_BYTES } from "../base/collections.ts";
import { checkBytes, checkOptionKeys } from "../base/checks.ts";
import { isA, malformed, WireError } from "../base/errors.ts";
import {
  DEFAULT_LIMITS,
  type Memory,
  resolveLimits,
  TAKES,
  type ValueLimits,
  type WireLimits,
} from "../base/limits.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import {
  FRAME_HEADER,
  FrameDecoder,
  MessageWriter,
  Pieces,
  PlainWriter,
} from "./frames.ts";
import { MessageReader } from "./message_reader.ts";
import type { MessageReceiver } from "./message_receiver.ts";
import { KIND, kindText, type Message, notAWire, STRINGS } from "./messages.ts";
import { NotReady, type SentAttachments } from "./passing.ts";
import {
  type LentTables,
  ReceiveTables,
  SendTables,
  writeEntry,
} from "./tables.ts";
import { type ReceivingOptions, ValueReader } from "./value_reader.ts";
import {
  resolveValueTypes,
  type ValueTypeOptions,
  type ValueTypes,
} from "./value_types.ts";
import {
  changed,
  MOST_SECTION,
  NO_SECTION,
  type SendingOptions,
  tooLarge,
  unreadable,
  ValueWriter,
} from "./value_writer.ts";

/** From so many bytes of an unfinished frame on, much is read at once. */
const LARGE = 8 * 1024;
/**
 * What may come between the peer's hello and this side's acceptance ("early"),
 * and behind the peer's finish ("late").
 */
const MAY_COME: Readonly<
  Record<keyof typeof KIND, "early" | "late" | "both" | "neither">
> = {
  hello: "early",
  accept: "early",
  define: "both",
  reset: "both",
  piece: "late",
  message: "neither",
  send: "neither",
  call: "neither",
  return: "early",
  returnValues: "early",
  throw: "early",
  fail: "early",
  cancel: "neither",
  credit: "both",
  sends: "neither",
  ping: "both",
  pong: "both",
  close: "neither",
  finish: "neither",
  abort: "both",
  release: "both",
  forget: "both",
  streamValue: "early",
  streamBytes: "early",
  streamEnd: "both",
  streamError: "both",
  streamCancel: "both",
  streamCredit: "early",
  streamFail: "both",
};

function kindsThatMayCome(when: "early" | "late"): ReadonlySet<number> {
  const kinds = Object.keys(KIND) as (keyof typeof KIND)[];
  return new Set(
    kinds.filter((kind) => [when, "both"].includes(MAY_COME[kind]))
      .map((kind) => KIND[kind]),
  );
}

const EARLY = /* @__PURE__ */ kindsThatMayCome("early");
const LATE = /* @__PURE__ */ kindsThatMayCome("late");

/** The answers that may be large. */
const ANSWERS: ReadonlySet<number> = /* @__PURE__ */ new Set([
  KIND.return,
  KIND.returnValues,
  KIND.throw,
]);
/** Its kind, and the longest id, are within so many bytes of an answer. */
const ANSWER_HEAD = 6;

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
  #isSimple = false;
  /** Whether a message is being written: a getter in it is just running. */
  isBusy = false;
  /** The attachments of the message that was encoded last. */
  attachments: SentAttachments | undefined;

  /**
   * @param writer Where the frames go.
   * @param limits The peer's limits, or a guess until it tells them.
   * @param options How values are sent that not all wires have.
   */
  constructor(
    writer: ByteWriter,
    limits: EncoderLimits,
    options?: SendingOptions,
  ) {
    this.writer = writer;
    this.#limits = limits;
    this.#values = new ValueWriter(writer, this.tables, limits, options);
    this.#messages = new MessageWriter(writer, this.tables, this.#values);
    this.plainWriter = new PlainWriter(writer, this.tables, this.#values);
    this.plainWriter.limit(limits.frame, limits.values);
  }

  /**
   * What writes plain messages in one go; undefined while that would be in the
   * middle of another, or before definitions that the peer needs.
   */
  get plain(): PlainWriter | undefined {
    return this.isBusy || this.tables.hasFresh ? undefined : this.plainWriter;
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

  /**
   * Sets what the peer takes of what is there for speed alone.
   *
   * @param isSimple Whether it takes neither string sections nor batches.
   * @param tableEntries How many names, and how many key sets.
   */
  adapt(isSimple: boolean, tableEntries: number): void {
    this.#isSimple = isSimple;
    this.plainWriter.mayBatch = !isSimple;
    this.tables.most = tableEntries;
  }

  /** The types of values that are declared. */
  get types(): ValueTypes | undefined {
    return this.#values.types;
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
   * externals. Its attachments are in `attachments`.
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
    writer.most = most;
    this.isBusy = true;
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
    this.isBusy = false;
  }

  /** Writes the body of a message, in one of two ways. */
  #body(message: Message): void {
    const { writer } = this;
    const values = this.#values;
    const start = writer.position;
    if (values.isTextual && !this.#isSimple) {
      try {
        values.begin(true);
        this.#messages.write(message);
        if (this.#writeSection(start, values.end())) return;
      } catch (error) {
        if (error !== NO_SECTION) throw error;
      }
      writer.position = start;
      if (writer.externals.length > 0) writer.externals = [];
    }
    values.begin();
    this.#messages.write(message);
    values.end();
  }

  /** Writes the string section behind a message; false if it is not ASCII. */
  #writeSection(start: number, text: string): boolean {
    if (text === "") return true;
    const { writer } = this;
    if (writer.utf8(text) !== text.length) return false;
    writer.uint16(text.length);
    writer.buffer[start]! |= STRINGS;
    return true;
  }

  /**
   * Refuses to write while a message is being written.
   *
   * @throws {WireError} `invalidArgument`.
   */
  checkIdle(): void {
    if (!this.isBusy) return;
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

/** What a decoder works with that not all of them have. */
export interface DecoderOptions extends ReceivingOptions {
  /** What the values of messages have room in. */
  readonly memory?: Memory | undefined;
  /** Whether the peer's hello is to come: see {@linkcode Decoder.greet}. */
  readonly awaitsHello?: boolean;
}

/** Framed bytes to messages, for a receiver of them. */
export class Decoder implements LastMessage {
  readonly #frames: FrameDecoder;
  readonly #reader = new ByteReader();
  readonly #tables: ReceiveTables;
  readonly #values: ValueReader;
  readonly #messages: MessageReader;
  readonly #pieces: Pieces;
  readonly #limits: WireLimits;
  /** Whether the peer's hello has come. */
  #isGreeted: boolean;
  /** What may come, where that is not everything. */
  #allowed: ReadonlySet<number> | undefined;
  /** The kind of the frame that came in part last. */
  #divided: number = KIND.piece;

  /**
   * @param limits This side's limits.
   * @param options What not all decoders have.
   */
  constructor(limits: WireLimits, options: DecoderOptions = {}) {
    const { awaitsHello = false, memory } = options;
    this.#isGreeted = !awaitsHello;
    this.#allowed = awaitsHello ? EARLY : undefined;
    const frame = awaitsHello ? limits.helloFrame : limits.frame;
    this.#frames = new FrameDecoder(frame, KIND.piece, KIND.streamBytes);
    this.#tables = new ReceiveTables(limits.tableEntries);
    this.#values = new ValueReader(this.#reader, this.#tables, limits, options);
    this.#messages = new MessageReader(
      this.#reader,
      this.#tables,
      this.#values,
      limits,
      memory,
    );
    this.#pieces = new Pieces(limits);
    this.#limits = limits;
  }

  /** The peer has said its hello. */
  greet(): void {
    this.#isGreeted = true;
  }

  /** This side accepts the peer, which may send frames of any size now. */
  open(): void {
    this.#allowed = undefined;
    this.#frames.limit = this.#limits.frame;
  }

  /** The peer has finished: little may follow. */
  finished(): void {
    this.#allowed = LATE;
  }

  /** Whether the peer has begun to say hello: it is no stranger. */
  get isHailed(): boolean {
    return this.#messages.isHailed;
  }

  /** Whether a frame or a message was begun and not finished. */
  get unfinished(): boolean {
    return this.#frames.unfinished > 0 || this.#pieces.count > 0;
  }

  /** Whether much of a large message, or of a large frame, is to come. */
  get isBulk(): boolean {
    return this.#pieces.count > 0 || this.#frames.unfinished > LARGE;
  }

  /** Releases memory that much that came took. */
  trim(): void {
    this.#frames.trim();
  }

  /** What it keeps takes in memory: what is not finished, and the tables. */
  get total(): number {
    const { size, bytes } = this.#tables;
    return this.#frames.room + this.#pieces.room + this.#messages.partial +
      size * TAKES.entry + bytes;
  }

  /** How many names and key sets the peer has defined. */
  get tableSize(): number {
    return this.#tables.size;
  }

  /** How many messages were decoded. */
  get messages(): number {
    return this.#messages.messages;
  }

  /** How many bytes the body of the last message had. */
  get size(): number {
    return this.#messages.size;
  }

  /** What its values take in memory, about; 0 for one that fails by itself. */
  get weight(): number {
    return this.#messages.weight;
  }

  /** Keeps the message that came last, which has no attachments. */
  keep(bytes: KeptBytes): Kept {
    const { buffer, isOwned } = this.#reader;
    const { start, size } = this.#messages;
    const body = buffer.subarray(start, start + size);
    return bytes.keep(body, isOwned, this.#tables.lend(), this.#limits);
  }

  /** Takes the next chunk; all messages of the one before must be taken. */
  feed(chunk: Uint8Array): void {
    this.#frames.feed(chunk);
  }

  /**
   * Decodes the messages of the chunk.
   *
   * @param receiver Gets each of them at once, until it pauses.
   * @returns Whether all of the chunk was read; otherwise the receiver has
   * paused, and another call reads on.
   * @throws {WireError} `malformed`: the wire cannot go on. And what the
   * receiver throws.
   */
  decode(receiver: MessageReceiver): boolean {
    const frames = this.#frames;
    const messages = this.#messages;
    const reader = this.#reader;
    if (messages.isInRow) {
      messages.goOn(receiver);
      if (receiver.isPaused) return false;
    }
    while (frames.next()) {
      reader.turnTo(frames.buffer, frames.start, frames.end);
      const kind = frames.continues
        ? this.#divided
        : frames.buffer[frames.start]!;
      if (this.#allowed !== undefined && !frames.continues) this.#check(kind);
      switch (kind) {
        case KIND.define:
          reader.byte();
          this.#tables.readEntry(reader);
          reader.finish();
          continue;
        case KIND.reset:
          this.#reset();
          continue;
        case KIND.piece: {
          this.#divided = KIND.piece;
          const whole = this.#piece();
          if (frames.rest === 0) this.#tellPart(receiver, whole);
          if (whole === undefined) continue;
          if (this.#allowed !== undefined) this.#check(whole[0]!);
          // Nobody else uses its buffer.
          reader.turnTo(whole, 0, whole.length, true);
          messages.read(whole.length, receiver);
          break;
        }
        case KIND.sends:
          messages.readRow(receiver);
          break;
        case KIND.streamBytes:
          if (!this.#streamBytes(receiver)) continue;
          break;
        default: {
          const size = frames.end - frames.start;
          this.#checkSize(size);
          messages.read(size, receiver);
        }
      }
      if (receiver.isPaused) return false;
    }
    reader.release();
    return true;
  }

  /**
   * Says that no byte will follow.
   *
   * @throws {WireError} `connectionLost` when that cuts a frame in two.
   */
  finish(): void {
    this.#frames.finish();
  }

  #checkSize(size: number): void {
    const { message } = this.#limits;
    if (size > message) throw tooMany(size, message);
  }

  /** Takes bytes of a stream, or a part of them; whether all are there. */
  #streamBytes(receiver: MessageReceiver): boolean {
    const frames = this.#frames;
    const messages = this.#messages;
    const { rest, continues } = frames;
    if (continues) return messages.goOnWithBytes(rest, receiver);
    const size = frames.end - frames.start + rest;
    this.#checkSize(size);
    if (rest === 0) {
      messages.read(size, receiver);
      return true;
    }
    this.#divided = KIND.streamBytes;
    messages.beginBytes(size, rest, receiver);
    return false;
  }

  #reset(): void {
    this.#reader.byte();
    this.#reader.finish();
    if (this.#pieces.count > 0) {
      throw malformed("Tables were reset under an unfinished message.");
    }
    this.#tables.reset();
  }

  /** Takes a piece of a message, or goes on with one; returns what is whole. */
  #piece(): Uint8Array | undefined {
    if (this.#frames.continues) return this.#pieces.goOn(this.#reader);
    this.#reader.byte();
    return this.#pieces.take(this.#reader, this.#frames.rest);
  }

  /** Tells how much of a large answer is there, when a piece of it came. */
  #tellPart(receiver: MessageReceiver, whole: Uint8Array | undefined): void {
    if (receiver.answerPart === undefined) return;
    const part = whole === undefined
      ? this.#pieces.last
      : { bytes: whole, length: whole.length, size: whole.length };
    if (part === undefined || part.length < ANSWER_HEAD) return;
    const { bytes, length, size } = part;
    if (!ANSWERS.has(bytes[0]! & ~STRINGS)) return;
    this.#reader.turnTo(bytes, 1, ANSWER_HEAD);
    receiver.answerPart(this.#reader.varint(), length, size);
  }

  /** Refuses what may not come before the peer is accepted, or at the end. */
  #check(kind: number): void {
    const isEarly = this.#allowed === EARLY;
    if (isEarly && !this.#isGreeted && kind !== KIND.abort) {
      if (kind !== KIND.hello) throw notAWire();
      return;
    }
    if (this.#allowed!.has(kind & ~STRINGS)) return;
    throw malformed(
      `A message of the kind ${kindText(kind)} came ${
        isEarly
          ? "before this side had accepted the peer."
          : "behind the peer's finish, its last."
      }`,
    );
  }
}

/** The error for a message that is larger than this side takes. */
function tooMany(size: number, most: number): WireError {
  return malformed(`A message may have ${most} bytes, and one has ${size}.`);
}

/**
 * Encodes one value as a wire would, its key sets in front of it.
 *
 * @param value The value.
 * @param limits The limits that differ from the default.
 * @param options The types of values that are declared.
 * @returns Its bytes.
 * @throws {WireError} `unsupportedValue` or `limit`.
 *
 * @example
 * ```ts
 * import { decodeValue, encodeValue } from "@remote/wire/wire";
 *
 * const bytes = encodeValue({ at: new Date(0), tags: new Set(["a"]) });
 * const value = decodeValue(bytes) as { at: Date; tags: Set<string> };
 * if (value.at.getTime() !== 0 || !value.tags.has("a")) throw new Error();
 * ```
 */
export function encodeValue(
  value: unknown,
  limits: Partial<WireLimits> = {},
  options: ValueTypeOptions = {},
): Uint8Array<ArrayBuffer> {
  return encode(value, resolveLimits(limits), typesOf(options));
}

/** The types that options declare. */
function typesOf(options: ValueTypeOptions): ValueTypes | undefined {
  checkOptionKeys(options, { valueTypes: true }, "a value");
  return resolveValueTypes(options.valueTypes);
}

/**
 * Encodes a value of this side's own.
 *
 * @param value The value.
 * @param limits All limits.
 * @param types The types that are declared.
 * @returns Its bytes.
 */
export function encode(
  value: unknown,
  limits: Readonly<WireLimits>,
  types: ValueTypes | undefined,
): Uint8Array<ArrayBuffer> {
  const tables = new SendTables();
  tables.entryLimit = Infinity;
  const writer = new ByteWriter();
  const values = new ValueWriter(writer, tables, limits, { types });
  values.write(value);
  const body = writer.flip();
  const entries = tables.takeFresh();
  writer.varint(entries.length);
  for (const entry of entries) writeEntry(writer, entry);
  writer.bytes(body);
  return writer.written().slice();
}

/**
 * Decodes what {@linkcode encodeValue} made.
 *
 * @param bytes The bytes.
 * @param limits The limits that differ from the default.
 * @param options The types of values that are declared.
 * @returns The value.
 * @throws {WireError} `malformed` for bytes that are no value, `limit` for a
 * value that is too large, `unsupportedValue` for one of a type that is not
 * declared, or cannot be made.
 *
 * @example
 * ```ts
 * import { decodeValue, encodeValue, WireError } from "@remote/wire";
 *
 * const bytes = encodeValue(new Map([["a", 1n]]));
 * const map = decodeValue(bytes) as Map<string, bigint>;
 * if (map.get("a") !== 1n) throw new Error();
 * try {
 *   decodeValue(bytes.subarray(1));
 *   throw new Error("That was no value.");
 * } catch (error) {
 *   if (!(error instanceof WireError) || error.code !== "malformed") throw error;
 * }
 * ```
 */
export function decodeValue(
  bytes: Uint8Array,
  limits: Partial<WireLimits> = {},
  options: ValueTypeOptions = {},
): unknown {
  checkBytes(bytes, "What decodeValue() is given");
  return decode(bytes, resolveLimits(limits), typesOf(options)).value;
}

/**
 * Decodes a value of this side's own, where there is room for it.
 *
 * @param bytes What {@linkcode encode} made.
 * @param types The types that are declared.
 * @param room What it may take in memory.
 * @returns The value, and what it takes; undefined where that is too much.
 */
export function decodeWeighed(
  bytes: Uint8Array,
  types: ValueTypes | undefined,
  room: number,
): { value: unknown; weight: number } | undefined {
  try {
    return decode(bytes, DEFAULT_LIMITS, types, room);
  } catch (error) {
    if (error instanceof WireError && error.code === "limit") return undefined;
    throw error;
  }
}

function decode(
  bytes: Uint8Array,
  limits: Readonly<WireLimits>,
  types: ValueTypes | undefined,
  room = Infinity,
): { value: unknown; weight: number } {
  const tables = new ReceiveTables();
  const reader = new ByteReader();
  reader.turnTo(bytes, 0, bytes.length);
  const count = reader.varint();
  for (let entry = 0; entry < count; entry++) tables.readEntry(reader);
  const values = new ValueReader(reader, tables, limits, { types });
  values.begin(undefined, 0, {
    weightBounds: () => ({ most: Infinity, room, roomAlong: room }),
  });
  const value = values.read();
  reader.finish();
  return { value, weight: values.weight };
}

// Typed messages and items of streams that nobody waits for, kept as the bytes
// that they came as, where these are far less than what is made of them. They
// were decoded once when they came, so that nothing can be wrong with them.

/** Bytes of short messages share buffers of this size. */
const SHARED = 4_096;
/** Messages from here on have one of their own. */
const LONG = 1024;

/** A value that is made when it is taken. */
export class Kept {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  readonly #isOwned: boolean;
  #lent: LentTables | undefined;
  readonly #limits: ValueLimits;

  /**
   * @param bytes What holds the body of its message.
   * @param start Where that begins.
   * @param end Where it ends.
   * @param isOwned Whether the bytes are its own alone.
   * @param lent The key sets that it refers to, which it releases.
   * @param limits This side's limits.
   */
  constructor(
    bytes: Uint8Array,
    start: number,
    end: number,
    isOwned: boolean,
    lent: LentTables,
    limits: ValueLimits,
  ) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#isOwned = isOwned;
    this.#lent = lent;
    this.#limits = limits;
  }

  /** Makes the value; it can be taken once. */
  take(): unknown {
    const reader = new ByteReader();
    reader.turnTo(this.#bytes, this.#start, this.#end, this.#isOwned);
    const kind = reader.byte();
    if (kind !== KIND.message && kind !== (KIND.message | STRINGS)) {
      reader.varint();
    }
    if (kind === KIND.streamBytes) return reader.bytes(reader.remaining);
    const values = new ValueReader(reader, this.#lent!, this.#limits);
    values.begin(
      kind & STRINGS ? reader.textAtEnd(MOST_SECTION) : undefined,
    );
    const value = values.read();
    this.drop();
    return value;
  }

  /** Nobody will take it. */
  drop(): void {
    this.#lent?.release();
    this.#lent = undefined;
  }
}

/**
 * Where the bytes of messages are that are taken in the order of their coming.
 */
export class KeptBytes {
  #shared = NO_BYTES;
  #used = 0;

  /**
   * Keeps the body of a message.
   *
   * @param body Its bytes.
   * @param isOwned Whether nobody else uses their buffer.
   * @param lent The key sets that it refers to.
   * @param limits This side's limits.
   * @returns What makes its value.
   */
  keep(
    body: Uint8Array,
    isOwned: boolean,
    lent: LentTables,
    limits: ValueLimits,
  ): Kept {
    const { length } = body;
    if (isOwned || length >= LONG) {
      const own = isOwned ? body : body.slice();
      return new Kept(own, 0, length, true, lent, limits);
    }
    if (this.#used + length > this.#shared.length) {
      this.#shared = new Uint8Array(SHARED);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    this.#shared.set(body, start);
    return new Kept(this.#shared, start, this.#used, false, lent, limits);
  }
}

/** Keeps the message that came last. */
export interface Keeper {
  /** Keeps it among others that are taken in order. */
  keep(bytes: KeptBytes): Kept;
}

/** The message that came last. */
export interface LastMessage extends Keeper {
  /** How many bytes its body has. */
  readonly size: number;
  /** What its values take in memory, about. */
  readonly weight: number;
}
