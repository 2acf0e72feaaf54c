/**
 * Typed values to bytes and back. Writer and reader mirror each other method
 * by method; `docs/protocol.md` describes each tag.
 *
 * @module
 */

import {
  readMagnitude,
  readView,
  writeMagnitude,
  writeView,
} from "./_binary_values.ts";
import { errorParts, makeError } from "./_error_values.ts";
import {
  makeByKey,
  makerOf,
  makeSparse,
  MANY,
  setOwn,
  takeByKey,
  takerOf,
} from "./_maker.ts";
import { otherVersion } from "./_brand.ts";
import { type ByteReader, type ByteWriter, varintSize } from "./bytes.ts";
import { malformed, WireError } from "./errors.ts";
import { collisionFreeMap, collisionFreeSet } from "./_collision_free.ts";
import { FEW_KEYS, HashCost } from "./_hash_cost.ts";
import type { WireLimits } from "./limits.ts";
import {
  type Exporter,
  type Importer,
  NO_EXPORTER,
  NO_IMPORTER,
} from "./_passing.ts";
import { byteCount, viewKind } from "./_raw_bytes.ts";
import { shown } from "./_shown.ts";
import type { ReceiveTables, SendTables, Shape } from "./tables.ts";
import { passOver } from "./_value_scanner.ts";
import { ERROR_PART, TAG } from "./_value_tags.ts";

/** The bounds that values have to keep. */
export type ValueLimits = Pick<WireLimits, "nesting" | "values" | "bigint">;

/** Whether a value that begins so is neither long nor holds others. */
function isPlain(tag: number): boolean {
  return tag < TAG.list || tag >= TAG.negative ||
    tag >= TAG.null && tag <= TAG.float64;
}

/** A message with more text than this does not gather it. */
export const MOST_GATHERED = 2_048;
/** Nor does one that is likely to have fewer strings, or less text. */
const LEAST_STRINGS = 8;
const LEAST_GATHERED = 128;

/** Thrown where a message cannot gather its text after all. */
export const NOT_GATHERED: unique symbol = Symbol("not gathered");

const timeOf = Date.prototype.getTime;

/** Writes values. */
export class ValueWriter {
  readonly #writer: ByteWriter;
  readonly #tables: SendTables;
  #limits: ValueLimits;
  #values = 0;
  /** The text of the message so far, where it is gathered. */
  #gathered: string | undefined;
  /** What the message has of strings, which tells what is to be expected. */
  #strings = 0;
  #units = 0;
  /** Whether its text could be gathered, as far as it is written. */
  #isGatherable = true;
  /** Whether the next message with strings does well to gather its text. */
  isTextual = false;
  /** Whether errors take their stacks along. */
  sendStacks = false;
  /** Says how things travel that are not copied. */
  exporter: Exporter = NO_EXPORTER;

  /**
   * @param writer Where the bytes go.
   * @param tables The key sets that the peer knows.
   * @param limits The peer's limits.
   */
  constructor(writer: ByteWriter, tables: SendTables, limits: ValueLimits) {
    this.#writer = writer;
    this.#tables = tables;
    this.#limits = limits;
  }

  /** The peer's limits, once it has told them. */
  set limits(limits: ValueLimits) {
    this.#limits = limits;
  }

  /**
   * Begins a message: its values are counted afresh.
   *
   * @param gathers Whether the text of its strings is gathered, in the place of
   * being written with each.
   */
  begin(gathers = false): void {
    this.#values = this.#strings = this.#units = 0;
    this.#isGatherable = true;
    this.#gathered = gathers ? "" : undefined;
  }

  /** The message is written: returns the text that it gathered. */
  end(): string {
    const text = this.#gathered ?? "";
    if (this.#strings > 0) {
      this.isTextual = this.#isGatherable && this.#strings >= LEAST_STRINGS &&
        this.#units >= LEAST_GATHERED && this.#units <= MOST_GATHERED;
    }
    return text;
  }

  /** Forgets what belongs to one message alone, written to its end or not. */
  clear(): void {
    this.#values = this.#strings = this.#units = 0;
    this.#gathered = undefined;
  }

  /**
   * Writes a value.
   *
   * @param value The value.
   * @param depth How many values it is inside of.
   * @throws {WireError} `unsupportedValue` or `limit`, when it cannot be sent.
   * @throws {NOT_GATHERED} When it can, but not in a message that gathers.
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
    if (typeof value === "function") return this.#pass(value, depth);
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
    if (value === true) writer.byte(TAG.true);
    else if (value === false) writer.byte(TAG.false);
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
  #pass(value: object, depth: number): void {
    const writer = this.#writer;
    // The message may have to be written again, but this can be done only once.
    if (this.#gathered !== undefined) throw NOT_GATHERED;
    this.#isGatherable = false;
    const passed = this.exporter.pass(value);
    switch (passed?.as) {
      case "object":
        writer.tagged8(TAG.reference, passed.isFunction ? 1 : 0);
        writer.varint(passed.slot);
        return writer.uint32(passed.nonce);
      case "own":
        writer.byte(TAG.own);
        writer.varint(passed.slot);
        return writer.uint32(passed.nonce);
      case "stream":
        writer.byte(TAG.stream);
        return writer.varint(passed.id);
      case "result":
        writer.byte(TAG.result);
        return writer.varint(passed.id);
      case "value":
        return this.write(passed.value, depth);
      default:
        throw unsupported(value);
    }
  }

  /** Writes a number; see {@linkcode write}. */
  writeNumber(value: number): void {
    const writer = this.#writer;
    if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
      if (value >= -0x20 && value < 0x80) {
        writer.byte(value & 0xff);
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

  #bigint(value: bigint): void {
    this.#writer.byte(value < 0n ? TAG.negativeBigint : TAG.positiveBigint);
    const magnitude = value < 0n ? -value : value;
    writeMagnitude(this.#writer, magnitude, this.#limits.bigint);
  }

  /** Writes a string; see {@linkcode write}. */
  writeText(value: string): void {
    const { length } = value;
    this.#strings++;
    this.#units += length;
    if (this.#gathered !== undefined) return this.#gather(value);
    if (length < 32 && this.#writer.shortAscii(TAG.text, value)) return;
    this.#textInPlace(value);
  }

  /** Writes the header of a string, whose text follows later. */
  #gather(value: string): void {
    if (this.#units > MOST_GATHERED) throw NOT_GATHERED;
    this.#gathered += value;
    this.#textHeader(value.length);
  }

  #textInPlace(value: string): void {
    const writer = this.#writer;
    const { length } = value;
    const start = writer.position;
    writer.reserve(6);
    const guess = textHeader(length);
    writer.position = start + guess;
    const count = writer.utf8(value);
    if (count !== length) this.#isGatherable = false;
    writer.fitHeader(start, guess, textHeader(count), count);
    writer.position = start;
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
    if (Array.isArray(value)) return this.#list(value, depth);
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      if (Symbol.asyncIterator in value) return this.#pass(value, depth);
      return this.#plainObject(value as Record<string, unknown>, depth);
    }
    const writer = this.#writer;
    if (ArrayBuffer.isView(value) && viewKind(value) === "Uint8Array") {
      const count = byteCount(value as Uint8Array);
      writer.byte(TAG.bytes);
      writer.varint(count);
      writer.valueBytes(value as Uint8Array, count);
    } else if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      writer.byte(TAG.view);
      writeView(writer, value);
    } else if (value instanceof Date) {
      const time = timeOf.call(value);
      if (time >= 0 && time < 2 ** 48) writer.tagged48(TAG.time, time);
      else writer.taggedFloat64(TAG.date, time);
    } else if (value instanceof Map) {
      this.#map(value, depth);
    } else if (value instanceof Set) {
      this.#set(value, depth);
    } else if (value instanceof Error) {
      this.#error(value, depth);
    } else {
      this.#pass(value, depth);
    }
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
      else this.write(item, depth + 1);
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
    const writer = this.#writer;
    writer.byte(TAG.dictionary);
    writer.varint(keys.length);
    for (const key of keys) {
      writer.text(key);
      this.write(value[key], depth + 1);
    }
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
    if (shape.taker !== undefined) return shape.taker(this, value, depth);
    if (++shape.uses === MANY) shape.taker = takerOf(shape.keys);
    takeByKey(shape.keys, this, value, depth);
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
    const parts = errorParts(value, this.sendStacks);
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
    if (parts.errors !== undefined) this.write(parts.errors, depth + 1);
    if (parts.data !== undefined) this.write(parts.data, depth + 1);
  }

  /** Counts what a value is about to hold. */
  #enter(count: number, depth: number): void {
    const { nesting } = this.#limits;
    if (depth >= nesting) {
      throw new WireError(
        "limit",
        `The peer takes values nested up to ${nesting} deep, and this one is deeper, or contains itself. Send it in parts, or raise the peer's limit "nesting".`,
      );
    }
    this.hold(count);
  }

  /** Counts values that the message is about to hold. */
  hold(count: number): void {
    const { values } = this.#limits;
    // Of a list that is a proxy, the length may be anything.
    if (count >>> 0 !== count) throw uncounted(count);
    this.#values += count;
    if (this.#values > values) {
      throw new WireError(
        "limit",
        `The peer takes messages of up to ${values} values, and this one has more. Send it in parts, or raise the peer's limit "values".`,
      );
    }
  }
}

/** Reads values. */
export class ValueReader {
  readonly #reader: ByteReader;
  readonly #tables: ReceiveTables;
  readonly #limits: ValueLimits;
  /** How many values the message claims to hold so far. */
  #values = 0;
  /** Where its values begin, or a little before. */
  #start = 0;
  /** The text of the message's strings, where that is gathered. */
  #gathered: string | undefined;
  #taken = 0;
  /** How many references and streams of the message were read. */
  #along = 0;
  /** Makes of references and streams what the receiver gets. */
  importer: Importer = NO_IMPORTER;

  /**
   * @param reader Where the bytes come from.
   * @param tables The key sets that the peer defined.
   * @param limits This side's limits.
   */
  constructor(reader: ByteReader, tables: ReceiveTables, limits: ValueLimits) {
    this.#reader = reader;
    this.#tables = tables;
    this.#limits = limits;
  }

  /**
   * Begins a message: its values are counted afresh.
   *
   * @param gathered The text of its strings, if that does not stand with each.
   */
  begin(gathered?: string): void {
    this.#values = this.#taken = this.#along = 0;
    this.#start = this.#reader.position;
    this.#gathered = gathered;
  }

  /**
   * The message is read.
   *
   * @throws {WireError} `malformed` when text is left over.
   */
  end(): void {
    const left = (this.#gathered?.length ?? 0) - this.#taken;
    if (left > 0) {
      throw malformed(
        `The strings of a message take all text that it gathered, and ${left} characters are left.`,
      );
    }
  }

  /**
   * Forgets what belongs to one message alone, read to its end or not. Plain
   * messages are read without {@linkcode begin}, and must find nothing.
   */
  clear(): void {
    this.#values = this.#taken = this.#along = 0;
    this.#gathered = undefined;
  }

  /** The next string, of so many bytes. */
  #text(count: number): string {
    const gathered = this.#gathered;
    if (gathered === undefined) return this.#reader.utf8(count);
    const start = this.#taken;
    this.#taken = start + count;
    if (this.#taken > gathered.length) {
      throw malformed(
        `A string of ${count} characters is more than is left of the text that its message gathered.`,
      );
    }
    return gathered.slice(start, this.#taken);
  }

  /**
   * Reads a value.
   *
   * @param depth How many values it is inside of.
   * @returns The value.
   * @throws {WireError} `malformed` for bytes that are no value, `limit` for a
   * value that is larger than this side takes.
   */
  read(depth = 0): unknown {
    const reader = this.#reader;
    const tag = reader.byte();
    if (tag < TAG.text) return tag;
    if (tag < TAG.list) return this.#text(tag - TAG.text);
    if (tag < TAG.object) return this.#list(tag - TAG.list, depth);
    if (tag < TAG.null) return this.#plainObject(tag - TAG.object, depth);
    if (tag >= TAG.negative) return tag - 0x100;
    switch (tag) {
      case TAG.null:
        return null;
      case TAG.undefined:
        return undefined;
      case TAG.false:
        return false;
      case TAG.true:
        return true;
      case TAG.uint8:
        return reader.byte();
      case TAG.uint16:
        return reader.uint16();
      case TAG.uint32:
        return reader.uint32();
      case TAG.int16:
        return reader.int16();
      case TAG.int32:
        return reader.int32();
      case TAG.float32:
        return reader.float32();
      case TAG.float64:
        return reader.float64();
      case TAG.positiveBigint:
        return readMagnitude(reader, this.#limits.bigint);
      case TAG.negativeBigint:
        return -readMagnitude(reader, this.#limits.bigint);
      case TAG.longText:
        return this.#text(reader.varint());
      case TAG.bytes:
        return reader.valueBytes(reader.varint());
      case TAG.view:
        return readView(reader);
      case TAG.date:
        return new Date(reader.float64());
      case TAG.time:
        return new Date(reader.uint48());
      case TAG.longList:
        return this.#list(reader.varint(), depth);
      case TAG.anyObject:
        return this.#plainObject(reader.varint(), depth);
      case TAG.dictionary:
        return this.#dictionary(depth);
      case TAG.map:
        return this.#map(depth);
      case TAG.set:
        return this.#set(depth);
      case TAG.error:
        return this.#error(depth);
      case TAG.reference:
        return this.#reference();
      case TAG.own: {
        const slot = reader.varint();
        return this.importer.own(slot, reader.uint32());
      }
      case TAG.stream:
        return this.#stream();
      case TAG.result:
        return this.importer.result(reader.varint());
      default:
        throw malformed(
          `No value begins with the byte 0x${tag.toString(16)}.`,
        );
    }
  }

  /**
   * Goes through values of which one is over a limit: what came along behind it
   * is taken, so that it can be given back.
   *
   * @param count How many values there are at this place.
   * @throws {WireError} `malformed`.
   */
  passOver(count: number): void {
    // Text is gathered where nothing else comes along.
    if (this.#gathered !== undefined) return;
    let known = this.#along;
    passOver(this.#reader, this.#tables, count, (tag) => {
      const isKnown = known-- > 0;
      if (tag === TAG.stream) this.#stream(isKnown);
      else this.#reference(isKnown);
    });
  }

  /** Reads a value under the key `then`, which must not be a function. */
  readThen(depth: number): unknown {
    return this.importer.asThen(this.read(depth));
  }

  /**
   * Reads values that are neither long nor hold others.
   *
   * @param count How many.
   * @returns The values; undefined where one is another.
   */
  readPlain(count: number): unknown[] | undefined {
    const reader = this.#reader;
    const { buffer, view, end } = reader;
    // An array that grows takes room for 16.
    const list: unknown[] = count === 2 ? [0, 0] : new Array(count);
    let at = reader.position;
    for (let index = 0; index < count; index++) {
      const tag = at < end ? buffer[at]! : TAG.list;
      if (tag < TAG.text) {
        list[index] = tag;
        at++;
      } else if (tag === TAG.int32 && at + 5 <= end) {
        list[index] = view.getInt32(at + 1);
        at += 5;
      } else {
        if (!isPlain(tag)) return undefined;
        reader.position = at;
        list[index] = this.read();
        at = reader.position;
      }
    }
    reader.position = at;
    return list;
  }

  #list(count: number, depth: number): unknown[] {
    this.#enter(count, depth);
    const reader = this.#reader;
    const { buffer, view, end } = reader;
    // No more of them than there are bytes: see #enter().
    const list: unknown[] = new Array(count);
    for (let index = 0; index < count; index++) {
      // The two ways to write most integers are read in place.
      const at = reader.position;
      const tag = at + 5 <= end ? buffer[at]! : TAG.null;
      if (tag < TAG.text) {
        list[index] = tag;
        reader.position = at + 1;
      } else if (tag === TAG.int32) {
        list[index] = view.getInt32(at + 1);
        reader.position = at + 5;
      } else if (tag < TAG.list && this.#gathered === undefined) {
        reader.position = at + 1;
        list[index] = reader.utf8(tag - TAG.text);
      } else {
        list[index] = this.read(depth + 1);
      }
    }
    return list;
  }

  #plainObject(index: number, depth: number): Record<string, unknown> {
    const shape = this.#tables.shape(index);
    const { keys, maker } = shape;
    this.#enter(keys.length, depth);
    if (maker !== undefined) return maker(this, depth + 1);
    if (++shape.uses === MANY) shape.maker = makerOf(keys);
    return makeByKey(keys, this, depth + 1);
  }

  #dictionary(depth: number): Record<string, unknown> {
    const count = this.#reader.varint();
    this.#enter(count, depth);
    const object: Record<string, unknown> = {};
    let isSparse = false;
    for (let index = 0; index < count; index++) {
      const key = this.#reader.text();
      isSparse ||= makeSparse(object, key);
      if (Object.hasOwn(object, key)) {
        throw malformed("An object must not hold a key twice.");
      }
      const isThen = key === "then";
      const value = isThen ? this.readThen(depth + 1) : this.read(depth + 1);
      setOwn(object, key, value);
    }
    return object;
  }

  #map(depth: number): Map<unknown, unknown> {
    const count = this.#reader.varint();
    this.#enter(count * 2, depth);
    let map = new Map<unknown, unknown>();
    let cost = count > FEW_KEYS ? new HashCost(count) : undefined;
    for (let index = 0; index < count; index++) {
      const key = this.read(depth + 1);
      if (cost?.add(key) === false) {
        map = collisionFreeMap(map);
        cost = undefined;
      }
      const item = this.read(depth + 1);
      const { size } = map;
      if (map.set(key, item).size === size && !isObject(key)) {
        throw malformed("A Map must not hold a key twice.");
      }
    }
    return map;
  }

  #set(depth: number): Set<unknown> {
    const count = this.#reader.varint();
    this.#enter(count, depth);
    let set = new Set<unknown>();
    let cost = count > FEW_KEYS ? new HashCost(count) : undefined;
    for (let index = 0; index < count; index++) {
      const item = this.read(depth + 1);
      if (cost?.add(item) === false) {
        set = collisionFreeSet(set);
        cost = undefined;
      }
      const { size } = set;
      if (set.add(item).size === size && !isObject(item)) {
        throw malformed("A Set must not hold a value twice.");
      }
    }
    return set;
  }

  #error(depth: number): Error {
    this.#enter(1, depth);
    const reader = this.#reader;
    const name = reader.text();
    const message = reader.text();
    const flags = reader.byte();
    if (flags > 15) throw malformed(`An error has no parts ${flags}.`);
    const stack = flags & ERROR_PART.stack ? reader.text() : undefined;
    const hasCause = (flags & ERROR_PART.cause) !== 0;
    const cause = hasCause ? this.read(depth + 1) : undefined;
    const errors = flags & ERROR_PART.errors ? this.read(depth + 1) : undefined;
    const data = flags & ERROR_PART.data ? this.read(depth + 1) : undefined;
    if (flags & ERROR_PART.errors && !Array.isArray(errors)) {
      throw malformed("The errors of an error must be a list.");
    }
    if (flags & ERROR_PART.data && !isPlainObject(data)) {
      throw malformed("The data of an error must be an object.");
    }
    return makeError({
      name,
      message,
      stack,
      hasCause,
      cause,
      errors: errors as unknown[] | undefined,
      data: data as Record<string, unknown> | undefined,
    });
  }

  /** Reads a reference; one that is taken already is not taken again. */
  #reference(isTaken = false): unknown {
    const reader = this.#reader;
    const flags = reader.byte();
    if (flags > 1) throw malformed(`A reference has no flags ${flags}.`);
    const slot = reader.varint();
    const nonce = reader.uint32();
    if (isTaken) return undefined;
    this.#along++;
    return this.importer.object(slot, nonce, flags === 1);
  }

  /** Reads a stream; one that is taken already is not taken again. */
  #stream(isTaken = false): unknown {
    const id = this.#reader.varint();
    if (isTaken) return undefined;
    this.#along++;
    return this.importer.stream(id);
  }

  /** Checks what a value claims to hold before any of it is read. */
  #enter(count: number, depth: number): void {
    const { nesting } = this.#limits;
    if (count > this.#reader.remaining) {
      throw malformed(
        `${count} values cannot stand in the ${this.#reader.remaining} bytes that are left.`,
      );
    }
    if (depth >= nesting) {
      throw new WireError(
        "limit",
        `Values may nest ${nesting} deep here (limit "nesting"), and one came that is deeper.`,
      );
    }
    this.hold(count);
  }

  /**
   * Counts values that the message claims to hold, on all levels together: each
   * has a byte at least. Room is made for lists before their items are read.
   */
  hold(count: number): void {
    const { values } = this.#limits;
    this.#values += count;
    const size = this.#reader.end - this.#start;
    if (this.#values > size) {
      throw malformed(
        `${this.#values} values cannot stand in the ${size} bytes of a message.`,
      );
    }
    if (this.#values > values) {
      throw new WireError(
        "limit",
        `A message may hold ${values} values here (limit "values"), and one came with more.`,
      );
    }
  }
}

/** How many bytes stand before that many bytes of text. */
function textHeader(count: number): number {
  return count < 32 ? 1 : 1 + varintSize(count);
}

/** What may come twice: references to the same object. */
function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null ||
    typeof value === "function";
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

/** The error for what became more or fewer while it was written. */
export function changed(what: string): WireError {
  return new WireError(
    "unsupportedValue",
    `A ${what} changed while it was being sent: a getter, or a proxy, of the value did that. Send a copy.`,
  );
}

/** The error for a list whose length is none. */
function uncounted(count: unknown): WireError {
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
      "Functions pass over this module's own wires alone.",
    ]
    : typeof value === "symbol"
    ? ["A symbol", "Send its description."]
    : value instanceof Promise
    ? ["A Promise", "Await it first, and send its value."]
    : [
      `An instance of ${Object(value).constructor?.name || "a class"}`,
      otherVersion(value) ??
        "Send a plain object with its data, or pass it by reference with makeRemoteObject().",
    ];
  return new WireError(
    "unsupportedValue",
    `${what} cannot be sent. ${cure}`,
  );
}
