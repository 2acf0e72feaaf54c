/**
 * Typed values to bytes; `value_reader.ts` mirrors it method by method, and
 * `docs/protocol.md` describes each tag.
 *
 * @module
 */

import {
  classKind,
  ERROR_PART,
  errorParts,
  TAG,
  writeMagnitude,
  writeView,
} from "./value_kinds.ts";
import { encodeByKey, MANY, MANY_MORE, objectEncoderOf } from "./_objects.ts";
import {
  byteCount,
  errorMessage,
  otherVersion,
  shown,
  viewKind,
  WireError,
} from "../base/errors.ts";
import { ByteWriter, varintSize } from "./bytes.ts";
import { DEFAULT_LIMITS, type ValueLimits } from "../base/limits.ts";
import { type Exporter, NO_EXPORTER } from "./passing.ts";
import type { SendTables, Shape } from "./tables.ts";
import {
  type AnyValueType,
  dataFor,
  declaredType,
  URL_TYPE,
  type ValueTypes,
} from "./value_types.ts";

/** A message with more text than this has no string section. */
export const MOST_SECTION = 2_048;
/** Nor does one that is likely to have fewer strings, or less text. */
const LEAST_STRINGS = 8;
const LEAST_SECTION = 128;

/** Thrown where a message cannot have a string section after all. */
export const NO_SECTION: unique symbol = Symbol("no string section");

const timeOf = Date.prototype.getTime;

/** Where a writer finds the key sets that the peer knows. */
export type SendShapes = Pick<SendTables, "expected" | "shape">;

/** For a peer that takes no key sets: each object is sent with its keys. */
export const NO_SHAPES: SendShapes = {
  expected: () => undefined,
  shape: () => undefined,
};

/** How values are sent that not all wires have. */
export interface SendingOptions {
  /** Says how things travel that are not copied; without one none do. */
  readonly exporter?: Exporter;
  /** The types of values that are declared. */
  readonly types?: ValueTypes | undefined;
  /** Whether errors are sent with their stacks. */
  readonly sendStacks?: boolean;
}

/** Writes values. */
export class ValueWriter {
  readonly #writer: ByteWriter;
  readonly #tables: SendShapes;
  #limits: ValueLimits;
  #values = 0;
  /** The string section so far; undefined if the message has none. */
  #section: string | undefined;
  /** What the message has of strings, which tells what is to be expected. */
  #strings = 0;
  #units = 0;
  /** Whether its text fits into a string section, as far as it is written. */
  #fitsSection = true;
  /** Whether the next message with strings should have a string section. */
  isTextual = false;
  /** Whether the last short string was not ASCII, as the next may be. */
  #isWide = false;
  /** Whether errors are sent with their stacks. */
  readonly #sendStacks: boolean;
  /** The types of values that are declared; undefined where none are. */
  readonly types: ValueTypes | undefined;
  /** Inside of how many values of declared types it is. */
  #inside = 0;
  /** For how many key sets code was generated. */
  #generated = 0;
  /** Says how things travel that are not copied. */
  readonly exporter: Exporter;

  /**
   * @param writer Where the bytes go.
   * @param tables The key sets that the peer knows.
   * @param limits The peer's limits.
   * @param options How values are sent that not all wires have.
   */
  constructor(
    writer: ByteWriter,
    tables: SendShapes,
    limits: ValueLimits,
    { exporter = NO_EXPORTER, types, sendStacks = false }: SendingOptions = {},
  ) {
    this.#writer = writer;
    this.#tables = tables;
    this.#limits = limits;
    this.#sendStacks = sendStacks;
    this.types = types;
    this.exporter = exporter;
  }

  /** The peer's limits, once it has told them. */
  set limits(limits: ValueLimits) {
    this.#limits = limits;
  }

  /**
   * Begins a message: its values are counted afresh.
   *
   * @param hasSection Whether the text of its strings stands in a string section,
   * in the place of being written with each.
   */
  begin(hasSection = false): void {
    this.clear();
    this.#fitsSection = true;
    if (hasSection) this.#section = "";
  }

  /** The message is written: returns its string section. */
  end(): string {
    const text = this.#section ?? "";
    if (this.#strings > 0) {
      this.isTextual = this.#fitsSection && this.#strings >= LEAST_STRINGS &&
        this.#units >= LEAST_SECTION && this.#units <= MOST_SECTION;
    }
    return text;
  }

  /** Forgets what belongs to one message alone, written to its end or not. */
  clear(): void {
    this.#values =
      this.#strings =
      this.#units =
      this.#inside =
        0;
    this.#section = undefined;
  }

  /**
   * Writes a value.
   *
   * @param value The value.
   * @param depth How many values it is inside of.
   * @throws {WireError} `unsupportedValue` or `limit`, when it cannot be sent.
   * @throws {NO_SECTION} When it can, but not with a string section.
   */
  write(value: unknown, depth = 0): void {
    // Asked one by one, which the engine does without finding a type's name.
    if (typeof value === "string") return this.writeText(value);
    if (typeof value === "number") return this.writeNumber(value);
    if (typeof value === "object" && value !== null) {
      return this.#object(value, depth);
    }
    if (this.writePlain(value)) return;
    if (typeof value === "bigint") return this.#bigint(value);
    if (typeof value === "function") return this.#export(value, depth);
    throw unsupported(value);
  }

  /**
   * Writes a value that is neither long nor holds others, for which nothing can
   * go wrong.
   *
   * @returns False for any other, with nothing written.
   */
  writePlain(value: unknown): boolean {
    if (typeof value === "number") {
      this.writeNumber(value);
      return true;
    }
    const writer = this.#writer;
    if (typeof value === "string") {
      return value.length < 32 && writer.shortAscii(TAG.text, value);
    }
    if (typeof value === "boolean") this.#boolean(value);
    else if (value === undefined) writer.byte(TAG.undefined);
    else if (value === null) writer.byte(TAG.null);
    else return false;
    return true;
  }

  /**
   * Writes values that are neither long nor hold others; there has to be room
   * for 32 bytes each.
   *
   * @returns False where one is another; then some of them may be written.
   */
  writeAllPlain(values: readonly unknown[]): boolean {
    const writer = this.#writer;
    const { buffer, view } = writer;
    let at = writer.position;
    for (let index = 0; index < values.length; index++) {
      // The two ways to write most integers are written in place.
      const value = values[index];
      if (typeof value === "number" && (value | 0) === value) {
        if (value > 0 && value < 0x80) {
          buffer[at++] = value;
          continue;
        }
        if (value >= 0x10000 || value < -0x8000) {
          buffer[at] = TAG.int32;
          view.setInt32(at + 1, value);
          at += 5;
          continue;
        }
      }
      writer.position = at;
      if (!this.writePlain(value)) return false;
      at = writer.position;
    }
    writer.position = at;
    return true;
  }

  /** What is no data: a reference, a stream, a result that is to come. */
  #export(value: object, depth: number): void {
    const writer = this.#writer;
    // What is made of data is made at once.
    if (this.#inside > 0 && value instanceof Promise) throw unsupported(value);
    // The message may have to be written again, but this can be done only once.
    if (this.#section !== undefined) throw NO_SECTION;
    this.#fitsSection = false;
    const exported = this.exporter.export(value);
    switch (exported?.as) {
      case "object":
        writer.tagged8(TAG.reference, exported.isFunction ? 1 : 0);
        writer.varint(exported.slot);
        return writer.uint32(exported.nonce);
      case "own":
        writer.byte(TAG.own);
        writer.varint(exported.slot);
        return writer.uint32(exported.nonce);
      case "stream":
        writer.byte(TAG.stream);
        return writer.varint(exported.id);
      case "result":
        writer.byte(TAG.result);
        return writer.varint(exported.id);
      case "value":
        return this.write(exported.value, depth);
      default:
        throw unsupported(value);
    }
  }

  /** Writes a number; see {@linkcode write}. */
  writeNumber(value: number): void {
    const writer = this.#writer;
    if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
      if (value >= -0x20 && value < 0x80) {
        // In place: the call takes longer than all else.
        const { position } = writer;
        if (position === writer.buffer.length) writer.reserve(1);
        writer.buffer[position] = value;
        writer.position = position + 1;
      } else if (value >= -0x8000 && value < 0x10000) {
        if (value < 0) writer.tagged16(TAG.int16, value);
        else if (value < 0x100) writer.tagged8(TAG.uint8, value);
        else writer.tagged16(TAG.uint16, value);
      } else {
        writer.tagged32(TAG.int32, value);
      }
    } else if (value >>> 0 === value && value !== 0) {
      writer.tagged32(TAG.uint32, value);
    } else if (Math.fround(value) === value) {
      writer.taggedFloat32(TAG.float32, value);
    } else {
      writer.taggedFloat64(TAG.float64, value);
    }
  }

  #boolean(value: boolean): void {
    this.#writer.byte(value ? TAG.true : TAG.false);
  }

  #bigint(value: bigint): void {
    const isNegative = value < 0n;
    this.#writer.byte(isNegative ? TAG.negativeBigint : TAG.positiveBigint);
    const magnitude = isNegative ? -value : value;
    writeMagnitude(this.#writer, magnitude, this.#limits.bigint);
  }

  /** Writes a string; see {@linkcode write}. */
  writeText(value: string): void {
    const { length } = value;
    this.#strings++;
    this.#units += length;
    if (this.#section !== undefined) return this.#addToSection(value);
    if (length > 31) return this.#longText(value);
    if (!this.#isWide && this.#writer.shortAscii(TAG.text, value)) return;
    this.#isWide = !this.#writer.shortText(TAG.text, TAG.longText, value);
    if (this.#isWide) this.#fitsSection = false;
  }

  /** Writes the header of a string, whose text follows later. */
  #addToSection(value: string): void {
    if (this.#units > MOST_SECTION) throw NO_SECTION;
    this.#section += value;
    this.#textHeader(value.length);
  }

  #longText(value: string): void {
    const writer = this.#writer;
    const count = writer.textBehind(value, textHeader);
    if (count !== value.length) this.#fitsSection = false;
    this.#textHeader(count);
    writer.position += count;
  }

  #textHeader(count: number): void {
    const writer = this.#writer;
    if (count < 32) return writer.byte(TAG.text + count);
    writer.byte(TAG.longText);
    writer.varint(count);
  }

  #object(value: object, depth: number): void {
    if (this.types !== undefined) {
      const type = declaredType(this.types, value);
      if (type !== undefined) return this.#declared(type, value, depth);
    }
    if (Array.isArray(value)) return this.#list(value, depth);
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      if (Symbol.asyncIterator in value) return this.#export(value, depth);
      return this.#plainObject(value as Record<string, unknown>, depth);
    }
    const kind = classKind(value);
    switch (kind) {
      case "view":
      case "buffer":
        return this.#bytes(value as ArrayBuffer | ArrayBufferView);
      case "date":
        return this.#date(value as Date);
      case "map":
        return this.#map(value as ReadonlyMap<unknown, unknown>, depth);
      case "set":
        return this.#set(value as ReadonlySet<unknown>, depth);
      case "error":
        return this.#error(value as Error, depth);
      case "url":
        return this.#declared(URL_TYPE, value, depth);
      case undefined:
        return this.#export(value, depth);
      default:
        // The type checker refuses this where a kind is forgotten.
        throw unsupported(kind satisfies never);
    }
  }

  /** A buffer, or a view of one. */
  #bytes(value: ArrayBuffer | ArrayBufferView): void {
    const writer = this.#writer;
    if (ArrayBuffer.isView(value) && viewKind(value) === "Uint8Array") {
      const count = byteCount(value);
      writer.byte(TAG.bytes);
      writer.varint(count);
      writer.valueBytes(value as Uint8Array, count);
    } else {
      writer.byte(TAG.view);
      writeView(writer, value);
    }
  }

  #date(value: Date): void {
    const writer = this.#writer;
    const time = timeOf.call(value);
    if (time >= 0 && time < 2 ** 48) writer.tagged48(TAG.time, time);
    else writer.taggedFloat64(TAG.date, time);
  }

  /** A value of a declared type: its name, and then its data. */
  #declared(type: AnyValueType, value: object, depth: number): void {
    if (type !== URL_TYPE) {
      // The message may have to be written again, and a program's functions
      // run only once for each.
      if (this.#section !== undefined) throw NO_SECTION;
      this.#fitsSection = false;
    }
    this.#enter(1, depth);
    const data = dataFor(type, value);
    this.#writer.byte(TAG.declared);
    this.#writer.text(type.name);
    this.#inside++;
    this.write(data, depth + 1);
    this.#inside--;
  }

  #list(value: readonly unknown[], depth: number): void {
    const count = value.length;
    this.#enter(count, depth);
    if (count < 16) {
      this.#writer.byte(TAG.list + count);
    } else {
      this.#writer.byte(TAG.longList);
      this.#writer.varint(count);
    }
    for (let index = 0; index < count; index++) {
      const item = value[index];
      if (typeof item === "number") this.writeNumber(item);
      else if (typeof item === "string") this.writeText(item);
      else if (typeof item === "boolean") this.#boolean(item);
      else if (this.types === undefined && Array.isArray(item)) {
        this.#list(item, depth + 1);
      } else this.write(item, depth + 1);
    }
  }

  #plainObject(value: Record<string, unknown>, depth: number): void {
    const expected = this.#tables.expected(value);
    if (expected !== undefined) {
      this.#enter(expected.keys.length, depth);
      return this.#shaped(value, expected, depth + 1);
    }
    const keys = Object.keys(value);
    this.#enter(keys.length, depth);
    const shape = this.#tables.shape(keys);
    if (shape !== undefined) return this.#shaped(value, shape, depth + 1);
    this.#dictionary(value, keys, depth + 1);
  }

  /** An object with its keys. */
  #dictionary(
    value: Record<string, unknown>,
    keys: readonly string[],
    depth: number,
  ): void {
    const writer = this.#writer;
    writer.byte(TAG.dictionary);
    writer.varint(keys.length);
    encodeByKey(keys, this, value, depth, writer);
  }

  /** An object of a key set that the peer knows, or will know. */
  #shaped(value: Record<string, unknown>, shape: Shape, depth: number): void {
    const writer = this.#writer;
    if (shape.index < 16) {
      writer.byte(TAG.object + shape.index);
    } else {
      writer.byte(TAG.anyObject);
      writer.varint(shape.index);
    }
    if (shape.encoder !== undefined) return shape.encoder(this, value, depth);
    if (++shape.uses >= MANY + MANY_MORE * this.#generated) {
      this.#generated++;
      shape.encoder = objectEncoderOf(shape.keys);
    }
    encodeByKey(shape.keys, this, value, depth);
  }

  #map(value: ReadonlyMap<unknown, unknown>, depth: number): void {
    let left = value.size;
    this.#enter(left * 2, depth);
    this.#writer.byte(TAG.map);
    this.#writer.varint(left);
    for (const [key, item] of value) {
      if (left-- === 0) break;
      if (key instanceof Promise) throw unsupported(key);
      this.write(key, depth + 1);
      this.write(item, depth + 1);
    }
    if (left !== 0) throw changed("Map");
  }

  #set(value: ReadonlySet<unknown>, depth: number): void {
    let left = value.size;
    this.#enter(left, depth);
    this.#writer.byte(TAG.set);
    this.#writer.varint(left);
    for (const item of value) {
      if (left-- === 0) break;
      if (item instanceof Promise) throw unsupported(item);
      this.write(item, depth + 1);
    }
    if (left !== 0) throw changed("Set");
  }

  #error(value: Error, depth: number): void {
    this.#enter(1, depth);
    const writer = this.#writer;
    const parts = errorParts(value, this.#sendStacks);
    writer.byte(TAG.error);
    writer.text(parts.name);
    writer.text(parts.message);
    writer.byte(
      (parts.stack !== undefined ? ERROR_PART.stack : 0) |
        (parts.hasCause ? ERROR_PART.cause : 0) |
        (parts.errors !== undefined ? ERROR_PART.errors : 0) |
        (parts.data !== undefined ? ERROR_PART.data : 0),
    );
    if (parts.stack !== undefined) writer.text(parts.stack);
    if (parts.hasCause) this.write(parts.cause, depth + 1);
    if (parts.errors !== undefined) this.#list(parts.errors, depth + 1);
    if (parts.data !== undefined) this.write(parts.data, depth + 1);
  }

  /** Counts what a value is about to hold. */
  #enter(count: number, depth: number): void {
    const { nesting } = this.#limits;
    if (depth >= nesting) throw tooNested(nesting);
    this.hold(count);
  }

  /** Writes a list that is no value itself, such as that of the arguments. */
  writeList(values: readonly unknown[]): void {
    if (values instanceof SharedArguments && this.#writeShared(values)) return;
    const count = values.length;
    this.hold(count);
    this.#writer.varint(count);
    for (let index = 0; index < count; index++) this.write(values[index]);
  }

  /** Copies what was written for all; false where this peer is another case. */
  #writeShared({ bytes }: SharedArguments): boolean {
    const { values, nesting, bigint } = this.#limits;
    if (
      bytes === undefined || this.types !== undefined || this.#sendStacks ||
      values < bytes.length || nesting < DEFAULT_LIMITS.nesting ||
      bigint < DEFAULT_LIMITS.bigint
    ) return false;
    this.#writer.bytes(bytes);
    return true;
  }

  /** Counts values that the message is about to hold. */
  hold(count: number): void {
    const { values } = this.#limits;
    // Of a list that is a proxy, the length may be anything.
    if (count >>> 0 !== count) throw uncounted(count);
    this.#values += count;
    if (this.#values > values) throw tooManyValues(values);
  }
}

/** Arguments with more bytes than this are written for each wire by itself. */
const MOST_SHARED = 32 * 1024;

/**
 * Arguments that many wires send. They are turned into bytes once, without the
 * tables that each wire has of its own; what cannot be, each writes itself.
 */
export class SharedArguments extends Array<unknown> {
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #isWritten = false;

  /** What is made of them is a list as any other. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** The list as bytes; undefined where wires have to write it themselves. */
  get bytes(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#isWritten) return this.#bytes;
    this.#isWritten = true;
    const writer = new ByteWriter();
    writer.bound = MOST_SHARED;
    const values = new ValueWriter(writer, NO_SHAPES, DEFAULT_LIMITS);
    try {
      values.writeList(this);
      this.#bytes = writer.written().slice();
    } catch {
      // A reference, or too much, or what cannot be sent: each wire tells.
    }
    return this.#bytes;
  }
}

/** How many bytes stand before that many bytes of text. */
function textHeader(count: number): number {
  return count < 32 ? 1 : 1 + varintSize(count);
}

/** The error for what became more or fewer while it was written. */
export function changed(what: string): WireError {
  return new WireError(
    "unsupportedValue",
    `A ${what} changed while it was being sent: a getter, or a proxy, of the value did that. Send a copy.`,
  );
}

/** The error for a value that is deeper than the peer takes. */
export function tooNested(most: number): WireError {
  return new WireError(
    "limit",
    `The peer takes values nested up to ${most} deep, and this one is deeper, or contains itself. Send it in parts, or raise the peer's limit "nesting".`,
  );
}

/** The error for a message with more values than the peer takes. */
export function tooManyValues(most: number): WireError {
  return new WireError(
    "limit",
    `The peer takes messages of up to ${most} values, and this one has more. Send it in parts, or raise the peer's limit "values".`,
  );
}

/** The error for a value whose getters or iterators throw. */
export function unreadable(error: unknown): WireError {
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
    `The peer takes messages of up to ${most} bytes (its limit "message"; or "streamWindow" for an item of a stream, or "frame" where it takes no pieces), and this one has ${length}. Send it in parts, or raise that limit.`,
  );
}

/** The error for a list whose length is none. */
export function uncounted(count: unknown): WireError {
  return new WireError(
    "unsupportedValue",
    `A list cannot be sent whose length is ${shown(count)}.`,
  );
}

/** The error for a value that has no bytes. */
function unsupported(value: unknown): WireError {
  const [what, cure] = typeof value === "function"
    ? [
      `The function ${value.name || "(anonymous)"}`,
      "Only this module's own wires send functions.",
    ]
    : typeof value === "symbol"
    ? ["A symbol", "Send its description."]
    : value instanceof Promise
    ? [
      "A Promise",
      otherVersion(value) ?? "Await it first, and send its value.",
    ]
    : [
      `An instance of ${Object(value).constructor?.name || "a class"}`,
      otherVersion(value) ??
        "Send a plain object with its data, pass it by reference with makeRemoteObject(), or declare it with valueType().",
    ];
  return new WireError(
    "unsupportedValue",
    `${what} cannot be sent. ${cure}`,
  );
}
