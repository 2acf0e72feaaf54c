/**
 * Writes the bodies of messages; `_message_reader.ts` is its mirror.
 *
 * @module
 */

import type { ByteWriter } from "./bytes.ts";
import { WireError } from "./errors.ts";
import { CHANNELS, FLAG, metadataLimit, TARGET } from "./_layout.ts";
import {
  type CallFields,
  HELLO_LIMITS,
  KIND,
  MAGIC,
  type Message,
  type Metadata,
  METADATA_ENTRIES,
  METADATA_UNITS,
  type Target,
} from "./messages.ts";
import { shown } from "./_shown.ts";
import type { SendTables } from "./tables.ts";
import type { ValueWriter } from "./values.ts";

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
