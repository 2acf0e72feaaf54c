/**
 * Writes the bodies of messages; `message_reader.ts` is its mirror.
 *
 * @module
 */

import { WireError } from "../base/errors.ts";
import { shown } from "../base/shown.ts";
import type { ByteWriter } from "./bytes.ts";
import { FRAME_HEADER } from "./frames.ts";
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
        return this.#list(message.values);
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
        HELLO_LIMITS.forEach((name) => writer.varint(message.limits[name]));
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
    this.#list(call.args);
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

  #list(values: readonly unknown[]): void {
    const count = values.length;
    this.#values.hold(count);
    this.#writer.varint(count);
    for (let index = 0; index < count; index++) {
      this.#values.write(values[index]);
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
