/**
 * Length-prefixed frames: a 32-bit big-endian length, then that many bytes.
 *
 * @module
 */

import { NO_BYTES } from "../base/collections.ts";
import {
  looksLikeText,
  malformed,
  shown,
  shownBytes,
  WireError,
} from "../base/errors.ts";
import type { WireLimits } from "../base/limits.ts";
import type { ByteSource, ByteWriter } from "./bytes.ts";
import {
  BATCH_BYTES,
  type CallFields,
  CHANNELS,
  FLAG,
  HELLO_LIMITS,
  KIND,
  MAGIC,
  type Message,
  type Metadata,
  METADATA_ENTRIES,
  METADATA_UNITS,
  metadataLimit,
  PLAIN_ARGUMENTS,
  TARGET,
  type Target,
} from "./messages.ts";
import type { SendTables } from "./tables.ts";
import type { ValueWriter } from "./value_writer.ts";

/** How many bytes stand before the body of a frame. */
export const FRAME_HEADER = 4;

/**
 * How long the body of a frame is, as its header says.
 *
 * @param bytes Where the frame is.
 * @param at Where it begins.
 * @returns The length in bytes; NaN where the header is not whole.
 */
export function frameLength(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 0x1000000 + (bytes[at + 1]! << 16) +
    (bytes[at + 2]! << 8) + bytes[at + 3]!;
}

/** What the carry buffer holds at first, and keeps between frames. */
const SMALL = 4096;
/** A frame is not divided before so many bytes of its body are there. */
const HEAD = 12;
/** From so many bytes on, a body is long. */
const LONG = 4096;
/** A program gets this one, and may transfer its buffer: nothing uses it. */
const NO_FRAME = new Uint8Array(0);

/**
 * Cuts a stream of bytes into frames: feed it a chunk, then take frames until
 * there is none. A frame that lies in one chunk is not copied. The length is
 * checked before a byte of the body is kept, and memory is taken for bytes
 * that came, never for bytes that were announced.
 *
 * @example
 * ```ts
 * import { FrameDecoder } from "@remote/wire/codec";
 *
 * const frames = new FrameDecoder(1024);
 * frames.feed(new Uint8Array([0, 0, 0, 2, 7, 8, 0, 0]));
 * if (!frames.next()) throw new Error("a frame was there");
 * const body = frames.buffer.subarray(frames.start, frames.end);
 * if (body.join() !== "7,8") throw new Error("its body is 7, 8");
 * if (frames.next() || frames.unfinished !== 2) throw new Error();
 * ```
 */
export class FrameDecoder {
  /** The buffer that holds the present frame; valid until the next call. */
  buffer: Uint8Array = NO_FRAME;
  /** Where the body of the present frame begins. */
  start = 0;
  /** Where it ends. */
  end = 0;
  /**
   * How many bytes of the present frame are still to come: not 0 only for a
   * frame that is handed out in parts.
   */
  rest = 0;
  /** Whether the present part goes on with the frame of the one before. */
  continues = false;
  /** The largest body that is taken. */
  limit: number;

  readonly #divisible: number;
  readonly #divisibleIfLong: number;
  #chunk: Uint8Array = NO_BYTES;
  #position = 0;
  /** The beginning of a frame whose end has not come. */
  #carry: Uint8Array = NO_BYTES;
  #carried = 0;

  /**
   * Makes a decoder that has seen nothing.
   *
   * @param limit The largest body that is taken, in bytes.
   * @param divisible A frame whose body begins with this byte is handed out in
   * parts as they come, rather than kept until it is whole. Its first part has
   * at least 12 bytes of the body.
   * @param divisibleIfLong The same, where the body has 4 KiB or more.
   */
  constructor(limit: number, divisible = -1, divisibleIfLong = -1) {
    this.limit = limit;
    this.#divisible = divisible;
    this.#divisibleIfLong = divisibleIfLong;
  }

  /** Releases the buffer for unfinished frames, where there is none. */
  trim(): void {
    if (this.#carried > 0 || this.#carry.length <= SMALL) return;
    if (this.buffer === this.#carry) this.buffer = NO_FRAME;
    this.#carry = NO_BYTES;
  }

  /** How many bytes the buffer for an unfinished frame has. */
  get room(): number {
    return this.#carry.length;
  }

  /** How many bytes of an unfinished frame are kept, or are to come. */
  get unfinished(): number {
    return this.#carried + this.rest;
  }

  /**
   * Takes the next chunk. All frames of the one before must have been taken.
   *
   * @param chunk The bytes; not kept after {@linkcode next} answers false.
   */
  feed(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#position = 0;
  }

  /**
   * Turns to the next frame.
   *
   * @returns Whether there is one; if not, feed the next chunk.
   * @throws {WireError} `malformed` when its length is zero or over the limit.
   */
  next(): boolean {
    const chunk = this.#chunk;
    const position = this.#position;
    const left = chunk.length - position;
    this.continues = this.rest > 0;
    if (this.continues && left > 0) {
      this.#handOut(position, Math.min(left, this.rest));
      this.rest -= this.end - this.start;
      return true;
    }
    if (this.#carried > 0) return this.#continue(left);
    if (left >= FRAME_HEADER) {
      const length = this.#length(chunk, position);
      const there = left - FRAME_HEADER;
      const isWhole = there >= length;
      if (isWhole || this.#isDivisible(chunk, position, there, length)) {
        this.#handOut(position + FRAME_HEADER, Math.min(there, length));
        this.rest = isWhole ? 0 : length - there;
        return true;
      }
    }
    if (left > 0) this.#keep(left);
    this.buffer = NO_FRAME;
    this.#chunk = NO_BYTES;
    this.#position = 0;
    return false;
  }

  #isDivisible(
    bytes: Uint8Array,
    at: number,
    there: number,
    length: number,
  ): boolean {
    if (there < HEAD) return false;
    const first = bytes[at + FRAME_HEADER];
    return first === this.#divisible ||
      (first === this.#divisibleIfLong && length >= LONG);
  }

  /** Hands out bytes of the chunk. */
  #handOut(start: number, count: number): void {
    this.buffer = this.#chunk;
    this.start = start;
    this.#position = this.end = start + count;
  }

  /** Goes on with a frame of which an earlier chunk held the beginning. */
  #continue(left: number): boolean {
    if (this.#carried < FRAME_HEADER) {
      this.#keep(Math.min(left, FRAME_HEADER - this.#carried));
      if (this.#carried < FRAME_HEADER) return false;
      left = this.#chunk.length - this.#position;
    }
    const whole = FRAME_HEADER + this.#length(this.#carry, 0);
    const head = Math.min(FRAME_HEADER + HEAD, whole);
    if (this.#carried < head) {
      this.#keep(Math.min(left, head - this.#carried), head);
      if (this.#carried < head) return false;
      left = this.#chunk.length - this.#position;
    }
    const there = this.#carried - FRAME_HEADER;
    if (!this.#isDivisible(this.#carry, 0, there, whole - FRAME_HEADER)) {
      this.#keep(Math.min(left, whole - this.#carried), whole);
      if (this.#carried < whole) return false;
    }
    this.buffer = this.#carry;
    this.start = FRAME_HEADER;
    this.end = this.#carried;
    this.rest = whole - this.#carried;
    this.#carried = 0;
    return true;
  }

  /** Copies bytes of the chunk behind those that are kept. */
  #keep(count: number, whole: number = SMALL): void {
    if (count === 0) return;
    const needed = this.#carried + count;
    if (needed > this.#carry.length) {
      const doubled = Math.max(needed, this.#carry.length * 2, 64);
      const grown = new Uint8Array(
        Math.max(needed, Math.min(doubled, Math.max(whole, SMALL))),
      );
      grown.set(this.#carry.subarray(0, this.#carried));
      this.#carry = grown;
    }
    const from = this.#position;
    this.#carry.set(this.#chunk.subarray(from, from + count), this.#carried);
    this.#carried = needed;
    this.#position = from + count;
  }

  #length(bytes: Uint8Array, at: number): number {
    const length = frameLength(bytes, at);
    // Of a limit that is no number, nothing is taken.
    if (!(length > 0 && length <= this.limit)) {
      throw malformed(
        `A frame must have 1 to ${this.limit} bytes, and one of ${length} was announced.${
          this.#noise(bytes, at)
        }`,
      );
    }
    return length;
  }

  /** What a frame's beginning reads like, where that is a text. */
  #noise(bytes: Uint8Array, at: number): string {
    const header = bytes.subarray(at, at + FRAME_HEADER);
    if (!looksLikeText(header)) return "";
    const behind = bytes === this.#chunk
      ? bytes.subarray(at + FRAME_HEADER)
      : this.#chunk.subarray(this.#position);
    const text = new Uint8Array(FRAME_HEADER + Math.min(behind.length, 200));
    text.set(header);
    text.set(behind.subarray(0, 200), FRAME_HEADER);
    return ` In the place of a frame stands ${
      shownBytes(text)
    }: something else writes to the connection, such as a console.log() of a process whose standard output is the wire.`;
  }

  /**
   * Says that no byte will follow.
   *
   * @throws {WireError} `connectionLost` when that cuts a frame in two.
   */
  finish(): void {
    if (this.unfinished > 0) {
      throw new WireError(
        "connectionLost",
        "The connection ended within a frame.",
      );
    }
  }
}

// Messages that are larger than a frame travel in pieces, so that others can
// go in between. This is their receiving end.

/** What a piece says of itself. */
export const PIECE = { part: 0, abandoned: 1 } as const;

/** How many times what came is made room for at once. */
const AHEAD = 16;
/** What came before them: a length of 4 bytes, kind, number, flag and size. */
const LEAST_HEADER = 8;

/** Bytes that are put together as they come. Memory is taken for those that came. */
export class Assembly {
  /** The bytes so far, and room for more. */
  bytes: Uint8Array<ArrayBuffer>;
  /** How many there are. */
  length = 0;
  /** How many there will be. */
  readonly size: number;

  /**
   * @param size How many bytes there will be.
   * @param room Where they go, if not into memory of their own.
   */
  constructor(size: number, room: Uint8Array<ArrayBuffer> = NO_BYTES) {
    this.size = size;
    this.bytes = room;
  }

  /**
   * Adds the bytes that came next.
   *
   * @param reader Stands at them; it has no others.
   * @returns Whether all are there.
   */
  append(reader: ByteSource): boolean {
    const count = reader.remaining;
    const { size, length } = this;
    const needed = length + count;
    if (needed > this.bytes.length) {
      // Never more than a few times what came, whatever was announced.
      const most = (LEAST_HEADER + needed) * AHEAD;
      // No more than a sixteenth of it has to be copied to where it is whole.
      const room = size <= most
        ? size
        : Math.min(most, Math.ceil(size / AHEAD));
      const grown = new Uint8Array(room);
      // Whoever brought room may have taken it back: nobody wants these then.
      if (this.bytes.length > 0) grown.set(this.bytes.subarray(0, length));
      this.bytes = grown;
    }
    const start = reader.take(count);
    this.bytes.set(reader.buffer.subarray(start, start + count), length);
    this.length = needed;
    return needed === size;
  }
}

/** A message that has not come whole. */
class Unfinished extends Assembly {
  /**
   * @param number The number of its pieces.
   * @param size How many bytes it will have.
   */
  constructor(readonly number: number, size: number) {
    super(size);
  }
}

/** Puts pieces together. Memory is taken for bytes that came. */
export class Pieces {
  readonly #limits: Pick<WireLimits, "message" | "pieces">;
  /** A few at most, so that looking through them costs little. */
  readonly #unfinished: Unfinished[] = [];
  /** The message whose piece came last, unless it is whole, or given up. */
  last: Unfinished | undefined;

  /** @param limits How large a message, and how many unfinished ones. */
  constructor(limits: Pick<WireLimits, "message" | "pieces">) {
    this.#limits = limits;
  }

  /** How many bytes the buffers for them have. */
  get room(): number {
    let room = 0;
    for (const { bytes } of this.#unfinished) room += bytes.length;
    return room;
  }

  /** How many messages are unfinished. */
  get count(): number {
    return this.#unfinished.length;
  }

  /**
   * Takes a piece.
   *
   * @param reader Stands behind the kind of a piece's frame.
   * @param rest How many bytes of that frame are still to come.
   * @returns The whole message, once its last piece came: a buffer that is not
   * used for anything else.
   * @throws {WireError} `malformed` when a limit is broken.
   */
  take(reader: ByteSource, rest = 0): Uint8Array | undefined {
    const number = reader.varint();
    const flag = reader.byte();
    const found = this.#find(number);
    if (flag === PIECE.abandoned && rest === 0) {
      reader.finish();
      if (found !== undefined) this.#forget(found);
      this.last = undefined;
      return undefined;
    }
    if (flag !== PIECE.part) throw malformed(`A piece has no flag ${flag}.`);
    const unfinished = this.last = found ??
      this.#begin(number, reader.varint());
    const count = reader.remaining + rest;
    if (count === 0 || unfinished.length + count > unfinished.size) {
      throw malformed(
        `A piece of ${count} bytes came for a message of ${unfinished.size}, of which ${unfinished.length} were there.`,
      );
    }
    return this.#append(unfinished, reader);
  }

  /**
   * Takes more bytes of the piece that {@linkcode take} began.
   *
   * @param reader Stands at the bytes.
   * @returns The whole message, once its last byte came.
   */
  goOn(reader: ByteSource): Uint8Array | undefined {
    return this.#append(this.last!, reader);
  }

  #find(number: number): Unfinished | undefined {
    const last = this.last;
    if (last?.number === number) return last;
    return this.#unfinished.find((one) => one.number === number);
  }

  /** A message is whole, or given up. */
  #forget(unfinished: Unfinished): void {
    const index = this.#unfinished.indexOf(unfinished);
    this.#unfinished.splice(index, 1);
    if (this.last === unfinished) this.last = undefined;
    // Even when nobody has it any more, the garbage collector may have it.
    unfinished.bytes = NO_BYTES;
  }

  #begin(number: number, size: number): Unfinished {
    const { message, pieces } = this.#limits;
    if (size === 0 || size > message) {
      throw malformed(
        `A message must have 1 to ${message} bytes, and one of ${size} was announced.`,
      );
    }
    if (this.#unfinished.length >= pieces) {
      throw malformed(
        `At most ${pieces} messages in pieces may be unfinished.`,
      );
    }
    const unfinished = new Unfinished(number, size);
    this.#unfinished.push(unfinished);
    return unfinished;
  }

  #append(
    unfinished: Unfinished,
    reader: ByteSource,
  ): Uint8Array | undefined {
    if (!unfinished.append(reader)) return undefined;
    const { bytes } = unfinished;
    this.#forget(unfinished);
    return bytes;
  }
}

/** Writes messages, without their frames. */
export class MessageWriter {
  /** Where the deadline of the last call that has one stands in the writer. */
  deadlineAt = 0;

  readonly #writer: ByteWriter;
  readonly #tables: SendTables;
  readonly #values: ValueWriter;

  /**
   * @param writer Where the bytes go.
   * @param tables The names that the peer knows.
   * @param values Writes the values.
   */
  constructor(writer: ByteWriter, tables: SendTables, values: ValueWriter) {
    this.#writer = writer;
    this.#tables = tables;
    this.#values = values;
  }

  /**
   * Writes a message.
   *
   * @throws {WireError} `unsupportedValue` or `limit`.
   */
  write(message: Message): void {
    const writer = this.#writer;
    const { kind } = message;
    if (kind === "send") {
      writer.byte(KIND.send);
      return this.#call(message, false);
    }
    writer.byte(KIND[kind]);
    switch (kind) {
      case "call":
        writer.varint(message.id);
        return this.#call(message, message.wantsValues);
      case "return":
        writer.varint(message.id);
        return this.#values.write(message.value);
      case "message":
        return this.#values.write(message.value);
      case "returnValues":
        writer.varint(message.id);
        return this.#values.writeList(message.values);
      case "throw":
        writer.varint(message.id);
        return this.#values.write(message.thrown);
      case "fail":
        writer.varint(message.id);
        writer.text(message.code);
        return writer.text(message.message);
      case "cancel":
        return writer.varint(message.id);
      case "credit":
        writer.byte(CHANNELS.indexOf(message.channel));
        return writer.varint(message.amount);
      case "ping":
      case "pong":
        return writer.uint32(message.token);
      case "abort":
        writer.text(message.code);
        return writer.text(message.message);
      case "hello":
        writer.utf8(MAGIC);
        writer.byte(message.version);
        writer.varint(message.features);
        writer.varint(HELLO_LIMITS.length);
        for (const name of HELLO_LIMITS) writer.varint(message.limits[name]);
        writer.text(message.credential);
        return writer.text(message.contract);
      case "accept":
      case "close":
      case "finish":
        return;
      case "release":
        this.#reference(message);
        return writer.varint(message.count);
      case "forget":
        return this.#reference(message);
      default:
        return this.#stream(message);
    }
  }

  /** Writes what is about a stream. */
  #stream(message: Extract<Message, { kind: `stream${string}` }>): void {
    const writer = this.#writer;
    switch (message.kind) {
      case "streamValue":
        writer.varint(message.id);
        return this.#values.write(message.value);
      case "streamBytes":
        writer.varint(message.id);
        return writer.bytes(message.bytes);
      case "streamEnd":
        return writer.varint(message.id);
      case "streamError":
        writer.varint(message.id);
        return this.#values.write(message.thrown);
      case "streamFail":
        writer.varint(message.id);
        writer.text(message.code);
        return writer.text(message.message);
      case "streamCancel":
        writer.varint(message.id);
        return this.#values.write(message.reason);
      case "streamCredit":
        writer.varint(message.id);
        return writer.varint(message.amount);
      default:
        message satisfies never;
    }
  }

  #reference(
    reference: { readonly slot: number; readonly nonce: number },
  ): void {
    this.#writer.varint(reference.slot);
    this.#writer.uint32(reference.nonce);
  }

  #call(call: CallFields, wantsValues: boolean): void {
    const writer = this.#writer;
    const { deadline, target, metadata } = call;
    writer.byte(
      (wantsValues ? FLAG.wantsValues : 0) |
        (deadline > 0 ? FLAG.hasDeadline : 0) |
        (target === undefined ? 0 : FLAG.hasTarget) |
        (metadata === undefined ? 0 : FLAG.hasMetadata),
    );
    if (target !== undefined) this.#target(target);
    const name = this.#tables.name(call.name);
    writer.varint(name + 1);
    if (name < 0) writer.text(call.name);
    if (deadline > 0) {
      this.deadlineAt = writer.position;
      writer.varint(deadline);
    }
    if (metadata !== undefined) this.#metadata(metadata);
    this.#values.writeList(call.args);
  }

  #target(target: Target): void {
    const writer = this.#writer;
    if ("result" in target) {
      writer.byte(TARGET.result);
      writer.varint(target.result);
    } else {
      writer.byte(TARGET.object);
      this.#reference(target);
    }
  }

  #metadata(metadata: Metadata): void {
    const writer = this.#writer;
    const entries = Object.entries(metadata);
    let units = 0;
    for (const [key, value] of entries) {
      // They were checked, but those of a proxy may be others each time.
      if (typeof value !== "string") throw notText(key, value);
      units += key.length + value.length;
    }
    if (entries.length > METADATA_ENTRIES || units > METADATA_UNITS) {
      throw new WireError("limit", metadataLimit(entries.length, units));
    }
    writer.varint(entries.length);
    for (const [key, value] of entries) {
      writer.text(key);
      writer.text(value);
    }
  }
}

/** The error for metadata that are no texts. */
function notText(key: string, value: unknown): WireError {
  return new WireError(
    "unsupportedValue",
    `The metadata of a call are texts, and its ${shown(key)} is ${
      shown(value)
    }.`,
  );
}

// Calls and answers that hold plain values only, which most do: each is
// written in one go, with its frame. What is not plain is left to
// `_message_writer.ts`; `_plain_reader.ts` is this one's mirror.

/** Room for the headers of a message and its frame. */
const HEADERS = 32;
/** Room for a plain value. */
const VALUE = 32;
/** Room for any plain message. */
const ROOM = HEADERS + PLAIN_ARGUMENTS * VALUE;

/** Writes plain messages, as frames. */
export class PlainWriter {
  readonly #writer: ByteWriter;
  readonly #tables: SendTables;
  readonly #values: ValueWriter;
  /** How many values the peer takes in a call. */
  #mostValues = 0;
  /** From this size on, nothing is added to a run of one-way calls. */
  #mostBytes = 0;
  /** Whether the peer takes runs of one-way calls. */
  mayBatch = true;

  // The run of one-way calls that ends where the writer's mark is.
  #runStart = 0;
  #runName = "";
  #runCount = 0;

  /**
   * @param writer Where the frames go.
   * @param tables The names that the peer knows.
   * @param values Writes the values.
   */
  constructor(writer: ByteWriter, tables: SendTables, values: ValueWriter) {
    this.#writer = writer;
    this.#tables = tables;
    this.#values = values;
  }

  /** Sets what the peer takes. */
  limit(frame: number, values: number): void {
    this.#mostValues = values;
    this.#mostBytes = Math.min(frame, BATCH_BYTES) - ROOM;
  }

  /**
   * Writes a call for an answer.
   *
   * @returns How many bytes its body has; 0 where it is not plain, and then
   * nothing is written.
   */
  call(
    id: number,
    wantsValues: boolean,
    name: string,
    args: readonly unknown[],
  ): number {
    const count = args.length;
    const index = this.#indexOf(name, count);
    if (index < 0) return 0;
    const writer = this.#writer;
    const start = this.#begin(KIND.call, count);
    writer.varint(id);
    writer.byte(wantsValues ? FLAG.wantsValues : 0);
    writer.varint(index + 1);
    writer.byte(count);
    return this.#all(args, start) ? this.#end(start) : 0;
  }

  /**
   * Adds a one-way call to the ones before, if they are of the same function,
   * and nothing was written behind them.
   *
   * @returns How many bytes it has; 0 if it is not added.
   */
  add(name: string, args: readonly unknown[]): number {
    const writer = this.#writer;
    const start = writer.position;
    if (
      writer.mark !== start || name !== this.#runName ||
      args.length !== this.#runCount
    ) return 0;
    writer.reserve(args.length * VALUE);
    if (!this.#all(args, start)) return 0;
    this.#goOn();
    return writer.position - start;
  }

  /** Writes a one-way call, the first of a row; see {@linkcode call}. */
  send(name: string, args: readonly unknown[]): number {
    const count = args.length;
    const writer = this.#writer;
    // How many calls there are shows in how many arguments there are.
    const index = count === 0 || !this.mayBatch
      ? -1
      : this.#indexOf(name, count);
    if (index < 0) return 0;
    const start = this.#begin(KIND.sends, count);
    writer.varint(index + 1);
    writer.byte(count);
    if (!this.#all(args, start)) return 0;
    this.#runStart = start;
    this.#runName = name;
    this.#runCount = count;
    return this.#goOn();
  }

  /** Writes an answer with one value; see {@linkcode call}. */
  return(id: number, value: unknown): number {
    const start = this.#begin(KIND.return, 1);
    this.#writer.varint(id);
    if (this.#values.writePlain(value)) return this.#end(start);
    this.#writer.position = start;
    return 0;
  }

  /** The place of a name in the table, if a call of it may be plain. */
  #indexOf(name: string, count: number): number {
    return count > PLAIN_ARGUMENTS || count > this.#mostValues
      ? -1
      : this.#tables.known(name);
  }

  /** Makes room for all of it, and leaves some for the frame's length. */
  #begin(kind: number, count: number): number {
    const writer = this.#writer;
    const start = writer.position;
    writer.reserve(HEADERS + count * VALUE);
    writer.buffer[start + FRAME_HEADER] = kind;
    writer.position = start + FRAME_HEADER + 1;
    return start;
  }

  /** Writes all arguments; none, and nothing since `start`, if one is not plain. */
  #all(args: readonly unknown[], start: number): boolean {
    if (this.#values.writeAllPlain(args)) return true;
    this.#writer.position = start;
    return false;
  }

  /** Says how long the frame is; returns how long its body is. */
  #end(start: number): number {
    const writer = this.#writer;
    const size = writer.position - start - FRAME_HEADER;
    writer.view.setUint32(start, size);
    return size;
  }

  /** The same for a run, which the next call may be added to. */
  #goOn(): number {
    const writer = this.#writer;
    const size = this.#end(this.#runStart);
    writer.mark = size > this.#mostBytes ? -1 : writer.position;
    return size;
  }
}
