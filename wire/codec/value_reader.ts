/**
 * Bytes to typed values; `values.ts` is its mirror, and `docs/protocol.md`
 * describes each tag.
 *
 * @module
 */

import { readMagnitude, readView } from "./value_kinds.ts";
import { makeError } from "./value_kinds.ts";
import {
  collisionFreeMap,
  collisionFreeSet,
  decodeByKey,
  decodeSparse,
  FEW_KEYS,
  HashCost,
  MANY,
  objectDecoderOf,
  setOwn,
} from "./_objects.ts";
import type { ByteReader } from "./bytes.ts";
import { malformed, WireError } from "../base/errors.ts";
import type { ValueLimits } from "../base/limits.ts";
import { type Importer, NO_IMPORTER } from "./passing.ts";
import type { ReceiveTables } from "./tables.ts";
import { passOver } from "./_value_scanner.ts";
import { ERROR_PART, TAG } from "./value_kinds.ts";

/** Whether a value that begins so is neither long nor holds others. */
function isPlain(tag: number): boolean {
  return tag < TAG.list || tag >= TAG.negative ||
    tag >= TAG.null && tag <= TAG.float64;
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
        `The strings of a message must use all of its string section, and ${left} characters are left.`,
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
        `A string of ${count} characters is more than is left of its message's string section.`,
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
    if (++shape.uses === MANY) shape.maker = objectDecoderOf(keys);
    return decodeByKey(keys, this, depth + 1);
  }

  #dictionary(depth: number): Record<string, unknown> {
    const count = this.#reader.varint();
    this.#enter(count, depth);
    const object: Record<string, unknown> = {};
    let isSparse = false;
    for (let index = 0; index < count; index++) {
      const key = this.#reader.text();
      isSparse ||= decodeSparse(object, key);
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
        `${count} values cannot fit into the ${this.#reader.remaining} bytes that are left.`,
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
        `${this.#values} values cannot fit into the ${size} bytes of a message.`,
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

/** What may come twice: references to the same object. */
function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null ||
    typeof value === "function";
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}
