/**
 * Values to bytes and back in little code, for a wire that declines what is
 * there for speed alone: without key sets, string sections, generated code,
 * references, streams and declared types. `docs/protocol.md` describes each
 * tag; what one side of this file writes, `value_reader.ts` reads, and the
 * reverse.
 *
 * @module
 */

import { NO_BYTES } from "../base/collections.ts";
import { malformed, rawBytes, viewKind, WireError } from "../base/errors.ts";
import type { ValueLimits } from "../base/limits.ts";
import {
  arrayIndexOf,
  decodeSparse,
  FEW_KEYS,
  HashCost,
  setOwn,
} from "./_objects.ts";
import { isStreamed, REFERENCE } from "./passing.ts";
import {
  classKind,
  ERROR_PART,
  errorParts,
  hexOf,
  isPlain,
  makeError,
  noSuchTag,
  readView,
  SMALL_TABLE,
  TAG,
  type Tag,
  WEIGHT,
  writeView,
} from "./value_kinds.ts";
import {
  changed,
  tooManyValues,
  tooNested,
  uncounted,
} from "./value_writer.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** What a writer has room for at first. */
const LEAST_BYTES = 64;
/** Up to so many bytes a text is decoded here, if it is ASCII. */
const SHORT_TEXT = 32;
/** The one declared type that every peer knows. */
const URL_NAME = "URL";

/** Where there is what a light wire does not have. */
export const WHOLE =
  " A whole wire has more: connectWebSocket() of ./websocket, or makeWire() of ./wire.";

/** The error for what a whole wire can do, and a light one cannot. */
export function notLight(why: string): WireError {
  return new WireError(
    "unsupportedValue",
    `${why}: a light wire has calls and values alone.${WHOLE}`,
  );
}

/** Writes bytes, and values, into a buffer that grows by doubling. */
export class SmallWriter {
  /** The buffer; bytes up to `position` are valid. */
  buffer: Uint8Array<ArrayBuffer> = new Uint8Array(LEAST_BYTES);
  /** A view of the same buffer. */
  view: DataView = new DataView(this.buffer.buffer);
  /** Where the next byte goes. */
  position: number;

  readonly #limits: ValueLimits;
  readonly #bound: number;
  #values = 0;

  /**
   * @param limits The peer's limits.
   * @param start Where the first byte goes.
   * @param bound The buffer does not grow beyond so many bytes.
   */
  constructor(limits: ValueLimits, start: number, bound: number) {
    this.#limits = limits;
    this.#bound = bound;
    this.position = start;
  }

  /** Takes room for that many bytes, and tells where it begins. */
  reserve(count: number): number {
    const start = this.position;
    const needed = this.position = start + count;
    if (needed > this.#bound) {
      throw new WireError(
        "limit",
        'The peer takes no message as large as this one (its limit "message", or "frame"). Send it in parts, or raise that limit.',
      );
    }
    if (needed > this.buffer.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.buffer.length));
      grown.set(this.buffer);
      this.buffer = grown;
      this.view = new DataView(grown.buffer);
    }
    return start;
  }

  /** One byte. */
  byte(value: number): void {
    const at = this.reserve(1);
    this.buffer[at] = value;
  }

  /** A 32-bit big-endian integer. */
  uint32(value: number): void {
    const at = this.reserve(4);
    this.view.setUint32(at, value);
  }

  /** An unsigned integer below 2^32, seven bits a byte, lowest first. */
  varint(value: number): void {
    for (; value >= 0x80; value >>>= 7) this.byte(value & 0x7f | 0x80);
    this.byte(value);
  }

  /** Bytes as they are. */
  bytes(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.buffer.set(bytes, at);
  }

  /** Bytes of a value. */
  valueBytes(bytes: Uint8Array): void {
    this.bytes(bytes);
  }

  /** A varint that counts bytes, then a string as that many bytes of UTF-8. */
  text(text: string): void {
    const bytes = utf8(text);
    this.varint(bytes.length);
    this.bytes(bytes);
  }

  /** A list that is no value itself, such as that of the arguments. */
  writeList(values: readonly unknown[]): void {
    const { length } = values;
    this.#hold(length);
    this.varint(length);
    this.#items(values, length, 0);
  }

  /**
   * Writes a value.
   *
   * @param value The value.
   * @param depth How many values it is inside of.
   * @throws {WireError} `unsupportedValue` or `limit`, when it cannot be sent.
   */
  write(value: unknown, depth = 0): void {
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        return this.#number(value);
      case "boolean":
        return this.byte(value ? TAG.true : TAG.false);
      case "undefined":
        return this.byte(TAG.undefined);
      case "bigint":
        return this.#bigint(value);
      case "object":
        return value === null
          ? this.byte(TAG.null)
          : this.#object(value, depth);
      default:
        throw unsupported(value);
    }
  }

  #text(text: string): void {
    const bytes = utf8(text);
    if (bytes.length < 32) {
      this.byte(TAG.text + bytes.length);
    } else {
      this.byte(TAG.longText);
      this.varint(bytes.length);
    }
    this.bytes(bytes);
  }

  #number(value: number): void {
    if (Object.is(value | 0, value)) {
      if (value >= -0x20 && value < 0x80) return this.byte(value & 0xff);
      this.byte(TAG.int32);
      return this.uint32(value);
    }
    this.byte(TAG.float64);
    this.#float64(value);
  }

  #float64(value: number): void {
    const at = this.reserve(8);
    this.view.setFloat64(at, value);
  }

  #bigint(value: bigint): void {
    const magnitude = value < 0n ? -value : value;
    const digits = magnitude === 0n ? "" : magnitude.toString(16);
    const length = digits.length + 1 >> 1;
    const most = this.#limits.bigint;
    if (length > most) {
      throw new WireError(
        "limit",
        `The peer takes bigints of up to ${most} bytes, and this one has ${length}.`,
      );
    }
    this.byte(value < 0n ? TAG.negativeBigint : TAG.positiveBigint);
    this.varint(length);
    const even = digits.padStart(2 * length, "0");
    for (let at = 0; at < even.length; at += 2) {
      this.byte(parseInt(even.slice(at, at + 2), 16));
    }
  }

  #object(value: object, depth: number): void {
    if (Array.isArray(value)) return this.#list(value, depth);
    if (isPlain(value) && !(Symbol.asyncIterator in value)) {
      return this.#dictionary(value as Record<string, unknown>, depth);
    }
    const kind = classKind(value);
    switch (kind) {
      case "view":
      case "buffer":
        return this.#bytes(value as ArrayBuffer | ArrayBufferView);
      case "date":
        this.byte(TAG.date);
        return this.#float64(Date.prototype.getTime.call(value));
      case "map": {
        const map = value as ReadonlyMap<unknown, unknown>;
        const { size } = map;
        this.#enter(TAG.map, 2 * size, depth, size);
        const flat = [...map].flat();
        if (flat.length !== 2 * size) throw changed("Map");
        return this.#items(flat, flat.length, depth + 1);
      }
      case "set": {
        const { size } = value as ReadonlySet<unknown>;
        this.#enter(TAG.set, size, depth, size);
        const items = [...value as ReadonlySet<unknown>];
        if (items.length !== size) throw changed("Set");
        return this.#items(items, size, depth + 1);
      }
      case "error":
        return this.#error(value as Error, depth);
      case "url":
        this.#enter(TAG.declared, 1, depth);
        this.text(URL_NAME);
        return this.#text((value as URL).href);
      case undefined:
        throw unsupported(value);
      default:
        // The type checker refuses this where a kind is forgotten.
        throw unsupported(kind satisfies never);
    }
  }

  #bytes(value: ArrayBuffer | ArrayBufferView): void {
    if (!ArrayBuffer.isView(value) || viewKind(value) !== "Uint8Array") {
      this.byte(TAG.view);
      return writeView(this, value);
    }
    const bytes = rawBytes(value);
    this.byte(TAG.bytes);
    this.varint(bytes.length);
    this.bytes(bytes);
  }

  #list(list: readonly unknown[], depth: number): void {
    const { length } = list;
    this.#enter(TAG.longList, length, depth, length);
    this.#items(list, length, depth + 1);
  }

  #items(items: readonly unknown[], count: number, depth: number): void {
    for (let index = 0; index < count; index++) this.write(items[index], depth);
  }

  #dictionary(value: Record<string, unknown>, depth: number): void {
    const keys = Object.keys(value);
    this.#enter(TAG.dictionary, keys.length, depth, keys.length);
    for (const key of keys) {
      this.text(key);
      this.write(value[key], depth + 1);
    }
  }

  #error(value: Error, depth: number): void {
    this.#enter(TAG.error, 1, depth);
    const { name, message, hasCause, cause, errors, data } = errorParts(
      value,
      false,
    );
    this.text(name);
    this.text(message);
    this.byte(
      (hasCause ? ERROR_PART.cause : 0) |
        (errors === undefined ? 0 : ERROR_PART.errors) |
        (data === undefined ? 0 : ERROR_PART.data),
    );
    if (hasCause) this.write(cause, depth + 1);
    if (errors !== undefined) this.#list(errors, depth + 1);
    if (data !== undefined) this.write(data, depth + 1);
  }

  /** Begins what holds values: its tag, and perhaps a count behind it. */
  #enter(tag: Tag, values: number, depth: number, count?: number): void {
    const { nesting } = this.#limits;
    if (depth >= nesting) throw tooNested(nesting);
    this.#hold(values);
    this.byte(tag);
    if (count !== undefined) this.varint(count);
  }

  /** Counts values that the message is about to hold. */
  #hold(count: number): void {
    const { values } = this.#limits;
    // Of a list that is a proxy, the length may be anything.
    if (!Number.isInteger(count) || count < 0) throw uncounted(count);
    this.#values += count;
    if (this.#values > values) throw tooManyValues(values);
  }
}

/** The bytes of a text. */
function utf8(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text);
  throw new WireError(
    "unsupportedValue",
    "A string to be sent must be well-formed Unicode, and this one has a lone surrogate. Repair it with toWellFormed(), or send its bytes.",
  );
}

/** The error for a value that has no bytes. */
function unsupported(value: unknown): WireError {
  const object = Object(value);
  const lacking = typeof value === "function"
    ? "A function"
    : REFERENCE in object
    ? "A reference, or a result that is to come,"
    : isStreamed(object)
    ? "A stream"
    : undefined;
  if (lacking !== undefined) return notLight(`${lacking} cannot be sent`);
  return new WireError(
    "unsupportedValue",
    object instanceof Promise
      ? "A promise cannot be sent; await it first."
      : typeof value === "symbol"
      ? "A symbol cannot be sent."
      : `An instance of ${
        object.constructor?.name || "a class"
      } cannot be sent; send a plain object with its data.`,
  );
}

/** What each value of a message may weigh, besides what its bytes may. */
const WEIGHT_OF_EACH = 64;

/** Reads bytes, and values, from a window of a buffer. */
export class SmallReader {
  /** The buffer. */
  buffer: Uint8Array = NO_BYTES;
  /** A view of the same bytes. */
  view: DataView = new DataView(NO_BYTES.buffer);
  /** Where the next byte comes from. */
  position = 0;
  /** Where the window ends. */
  end = 0;
  /** What the values of the message weigh so far. */
  weight = 0;
  /** Why the message fails alone: it has a reference to what is gone. */
  failure: WireError | undefined;

  readonly #limits: ValueLimits;
  /** How many values the message claims to hold so far. */
  #values = 0;
  #start = 0;
  /** What they may weigh by themselves, and in addition to all that is held. */
  #most = 0;
  #room = 0;
  /** How many results of calls were read. */
  #results = 0;
  /** Inside of how many values of declared types it is. */
  #inside = 0;

  /** @param limits This side's limits. */
  constructor(limits: ValueLimits) {
    this.#limits = limits;
  }

  /** Turns to another window of the same or another buffer. */
  turnTo(buffer: Uint8Array, start: number, end: number): void {
    if (buffer !== this.buffer) {
      this.buffer = buffer;
      this.view = new DataView(buffer.buffer, buffer.byteOffset);
    }
    this.position = start;
    this.end = end;
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.end - this.position;
  }

  /** Takes that many bytes and tells where they begin. */
  take(count: number): number {
    const start = this.position;
    if (count > this.end - start) {
      throw malformed(
        `The bytes of a message end too early: ${count} more were announced, ${
          this.end - start
        } are there.`,
      );
    }
    this.position = start + count;
    return start;
  }

  /** One byte. */
  byte(): number {
    return this.buffer[this.take(1)]!;
  }

  /** A 32-bit big-endian unsigned integer. */
  uint32(): number {
    return this.view.getUint32(this.take(4));
  }

  /** An unsigned integer below 2^32, seven bits a byte, lowest first. */
  varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 35; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && scale > 1 || value > 0xffffffff) break;
        return value;
      }
    }
    throw malformed(
      "A varint must be below 2^32 and take as few bytes as it can.",
    );
  }

  /** A copy of that many bytes. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#part(count));
  }

  /** A varint that counts bytes, then a string as that many bytes of UTF-8. */
  text(): string {
    return this.#utf8(this.varint());
  }

  #utf8(count: number): string {
    const bytes = this.#part(count);
    const short = count <= SHORT_TEXT ? asciiOf(bytes) : undefined;
    if (short !== undefined) return short;
    try {
      return decoder.decode(bytes);
    } catch {
      throw malformed("A string must be valid UTF-8, and this one is not.");
    }
  }

  #part(count: number): Uint8Array {
    const start = this.take(count);
    return this.buffer.subarray(start, start + count);
  }

  /** Refuses bytes that are left over. */
  finish(): void {
    if (this.position === this.end) return;
    throw malformed(
      `A message must end where its frame ends, and ${this.remaining} bytes trail it.`,
    );
  }

  /**
   * Begins the values of a message: they are counted afresh.
   *
   * @param most What they may weigh by themselves, besides 64 bytes for each.
   * @param room What they may weigh in any case.
   */
  begin(most: number, room: number): void {
    this.#start = this.position;
    this.#values =
      this.weight =
      this.#results =
      this.#inside =
        0;
    this.failure = undefined;
    this.#most = most;
    this.#room = room;
  }

  /** Reads a message's list of values: its count, and its members. */
  readList(): unknown[] {
    const count = this.varint();
    this.#enter(count, -1, WEIGHT.members + WEIGHT.place * count);
    return this.#items(count, 0);
  }

  /**
   * Reads a value.
   *
   * @param depth How many values it is inside of.
   * @throws {WireError} `malformed` for bytes that are no value; `limit` and
   * `unsupportedValue` for a value that fails its message alone.
   *
   * Over 70 lines: one case for each tag.
   */
  read(depth = 0): unknown {
    const { view } = this;
    const tag = this.byte();
    if (tag < TAG.text) return tag;
    if (tag < TAG.list) return this.#text(tag - TAG.text);
    if (tag < TAG.object) return this.#list(tag - TAG.list, depth);
    if (tag < TAG.null) throw noKeySet(tag - TAG.object);
    if (tag >= TAG.negative) return tag - 0x100;
    const known = tag as Tag;
    switch (known) {
      case TAG.null:
        return null;
      case TAG.undefined:
        return undefined;
      case TAG.false:
        return false;
      case TAG.true:
        return true;
      case TAG.uint8:
        return this.byte();
      case TAG.uint16:
        return view.getUint16(this.take(2));
      case TAG.uint32:
        return this.#float(this.uint32());
      case TAG.int16:
        return view.getInt16(this.take(2));
      case TAG.int32:
        return view.getInt32(this.take(4));
      case TAG.float32:
        return this.#float(view.getFloat32(this.take(4)));
      case TAG.float64:
        return this.#float(view.getFloat64(this.take(8)));
      case TAG.positiveBigint:
        return this.#magnitude();
      case TAG.negativeBigint:
        return -this.#magnitude();
      case TAG.longText:
        return this.#text(this.varint());
      case TAG.bytes: {
        const count = this.varint();
        this.weigh(WEIGHT.view + Math.min(count, this.remaining));
        return this.bytes(count);
      }
      case TAG.view: {
        const value = readView(this);
        this.weigh(WEIGHT.view + value.byteLength);
        return value;
      }
      case TAG.date:
        this.weigh(WEIGHT.date);
        return new Date(view.getFloat64(this.take(8)));
      case TAG.time: {
        this.weigh(WEIGHT.date);
        const at = this.take(6);
        return new Date(view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2));
      }
      case TAG.longList:
        return this.#list(this.varint(), depth);
      case TAG.anyObject:
        throw noKeySet(this.varint());
      case TAG.dictionary:
        return this.#dictionary(depth);
      case TAG.map:
        return this.#map(depth);
      case TAG.set:
        return this.#set(depth);
      case TAG.error:
        return this.#error(depth);
      case TAG.reference:
        throw declined("reference", "objects");
      case TAG.stream:
        throw declined("stream", "streams");
      case TAG.own:
        this.varint();
        this.uint32();
        this.failure ??= new WireError(
          "noSuchObject",
          "A light wire passes no references.",
        );
        // One of its own: it may stand for the key of a map.
        return {};
      case TAG.result:
        return this.#result();
      case TAG.declared:
        return this.#declared(depth);
      default:
        throw noSuchTag(known);
    }
  }

  /** A number that may stand by itself in memory. */
  #float(value: number): number {
    this.weight += WEIGHT.float;
    return value;
  }

  /** The next string, of so many bytes. */
  #text(count: number): string {
    const text = this.#utf8(count);
    // What is no ASCII may take two bytes for each of its units.
    const isWide = text.length !== count;
    this.weigh(WEIGHT.text + text.length * (isWide ? 2 : 1));
    return text;
  }

  #magnitude(): bigint {
    const count = this.varint();
    const bytes = this.#part(count);
    const most = this.#limits.bigint;
    if (count > most) {
      throw new WireError(
        "limit",
        `A bigint may have ${most} bytes, and one of ${count} came.`,
      );
    }
    this.weigh(WEIGHT.bigint + count);
    if (bytes[0] === 0) throw malformed("A bigint must not begin with 0.");
    return count === 0 ? 0n : BigInt(`0x${hexOf(bytes)}`);
  }

  #list(count: number, depth: number): unknown[] {
    this.#enter(count, depth, WEIGHT.members + WEIGHT.place * count);
    return this.#items(count, depth + 1);
  }

  #items(count: number, depth: number): unknown[] {
    // No more of them than there are bytes: see #enter().
    const list: unknown[] = new Array(count);
    for (let at = 0; at < count; at++) list[at] = this.read(depth);
    return list;
  }

  #dictionary(depth: number): Record<string, unknown> {
    const count = this.varint();
    this.#enter(count, depth, WEIGHT.dictionary + WEIGHT.key * count);
    const object: Record<string, unknown> = {};
    let isSparse = false;
    let isDense = false;
    for (let index = 0; index < count; index++) {
      const key = this.text();
      this.weigh(WEIGHT.text + key.length);
      // A key of two digits makes room for all indices in front of it.
      if (!isDense && key.length === 2 && arrayIndexOf(key) > 9) {
        isDense = true;
        this.weigh(WEIGHT.denseIndex);
      }
      isSparse ||= decodeSparse(object, key);
      if (Object.hasOwn(object, key)) {
        throw malformed("An object must not hold a key twice.");
      }
      setOwn(object, key, this.read(depth + 1));
    }
    return object;
  }

  #map(depth: number): Map<unknown, unknown> {
    const count = this.varint();
    const entries = count > SMALL_TABLE ? WEIGHT.entry * count : 0;
    this.#enter(count * 2, depth, WEIGHT.map + entries);
    const map = new Map<unknown, unknown>();
    const cost = new Colliding(count);
    for (let index = 0; index < count; index++) {
      const key = this.read(depth + 1);
      cost.add(key);
      const value = this.read(depth + 1);
      const { size } = map;
      if (map.set(key, value).size === size) this.#repeated("Map");
    }
    return map;
  }

  #set(depth: number): Set<unknown> {
    const count = this.varint();
    const members = count > SMALL_TABLE ? WEIGHT.member * count : 0;
    this.#enter(count, depth, WEIGHT.set + members);
    const set = new Set<unknown>();
    const cost = new Colliding(count);
    for (let index = 0; index < count; index++) {
      const item = this.read(depth + 1);
      cost.add(item);
      const { size } = set;
      if (set.add(item).size === size) this.#repeated("Set");
    }
    return set;
  }

  /** In a message with results, nobody need tell which keys were data. */
  #repeated(what: string): void {
    if (this.#results > 0) return;
    throw malformed(`A ${what} must not hold a key twice.`);
  }

  #error(depth: number): Error {
    this.#enter(1, depth, 0);
    const name = this.text();
    const message = this.text();
    const flags = this.byte();
    if (flags > 15) throw malformed(`An error has no parts ${flags}.`);
    const stack = flags & ERROR_PART.stack ? this.text() : undefined;
    // Without a stack of its own, it gets one of its name and its message.
    const units = name.length + message.length;
    this.weigh(WEIGHT.oneOfManyErrors + units + (stack?.length ?? units));
    const hasCause = (flags & ERROR_PART.cause) !== 0;
    const cause = hasCause ? this.read(depth + 1) : undefined;
    const errors = flags & ERROR_PART.errors ? this.read(depth + 1) : undefined;
    const data = flags & ERROR_PART.data ? this.read(depth + 1) : undefined;
    if (flags & ERROR_PART.errors && !Array.isArray(errors)) {
      throw malformed("The errors of an error must be a list.");
    }
    if (flags & ERROR_PART.data && !isDictionary(data)) {
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

  #result(): object {
    if (this.#inside > 0) {
      throw malformed("The data of a declared type must not hold a result.");
    }
    this.varint();
    this.#results++;
    this.failure ??= resultGone();
    return {};
  }

  #declared(depth: number): URL {
    this.#enter(1, depth, WEIGHT.url);
    if (this.text() !== URL_NAME) {
      throw notLight("A value of a declared type came");
    }
    this.#inside++;
    const data = this.read(depth + 1);
    this.#inside--;
    if (typeof data !== "string" || !URL.canParse(data)) {
      throw new WireError("unsupportedValue", "The data of a URL is no URL.");
    }
    const url = new URL(data);
    this.weigh(url.href.length);
    return url;
  }

  /**
   * Checks what a value claims to hold before any of it is read. The values of
   * all levels together have a byte each at least.
   */
  #enter(count: number, depth: number, weight: number): void {
    const { nesting, values } = this.#limits;
    const size = this.end - this.#start;
    this.#values += count;
    if (count > this.remaining || this.#values > size) {
      throw malformed(
        `${this.#values} values cannot fit into the ${size} bytes of a message.`,
      );
    }
    if (depth >= nesting) {
      throw new WireError(
        "limit",
        `Values may nest ${nesting} deep here (limit "nesting"), and one came that is deeper.`,
      );
    }
    if (this.#values > values) {
      throw new WireError(
        "limit",
        `A message may hold ${values} values here (limit "values"), and one came with more.`,
      );
    }
    this.weigh(weight);
  }

  /**
   * Counts what something weighs that is about to be made.
   *
   * @throws {WireError} `limit` when that is too much.
   */
  weigh(weight: number): void {
    const weighs = this.weight += weight;
    const most = this.#most + WEIGHT_OF_EACH * this.#values;
    if (weighs <= most && weighs <= this.#room) return;
    throw new WireError(
      "limit",
      'A message came whose values take more memory than they may: 16 times its bytes, 64 bytes each, and 4 MiB; or than what came before has left of the limit "memory". Send it in parts, or wait for answers.',
    );
  }
}

/** ASCII as a text; undefined where a byte is none. */
function asciiOf(bytes: Uint8Array): string | undefined {
  let text = "";
  // For a few bytes that is faster than to ask the platform.
  for (let at = 0; at < bytes.length; at++) {
    const unit = bytes[at]!;
    if (unit > 0x7f) return undefined;
    text += String.fromCharCode(unit);
  }
  return text;
}

/** The keys of one Map or Set, which a peer may have chosen to collide. */
class Colliding {
  readonly #cost: HashCost | undefined;

  constructor(count: number) {
    this.#cost = count > FEW_KEYS ? new HashCost(count) : undefined;
  }

  add(key: unknown): void {
    if (this.#cost?.add(key) !== false) return;
    throw new WireError(
      "limit",
      "The keys of a Map or Set collide too often. Send a list.",
    );
  }
}

/** Why a call fails that needs the result of another. */
export function resultGone(): WireError {
  return new WireError(
    "resultGone",
    "A light wire keeps no results.",
  );
}

function noKeySet(index: number): WireError {
  return malformed(`No key set was defined under index ${index}.`);
}

function declined(what: string, limit: string): WireError {
  return malformed(
    `A ${what} came, and this side takes none (its limit "${limit}" is 0).`,
  );
}

function isDictionary(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}
