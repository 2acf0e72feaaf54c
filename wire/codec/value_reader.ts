/**
 * Bytes to typed values; `value_writer.ts` is its mirror, and
 * `docs/protocol.md` describes each tag.
 *
 * @module
 */

import { malformed, WireError } from "../base/errors.ts";
import type { ValueLimits } from "../base/limits.ts";
import {
  arrayIndexOf,
  collisionFreeMap,
  collisionFreeSet,
  decodeByKey,
  decodeSparse,
  FEW_KEYS,
  HashCost,
  MANY,
  MANY_MORE,
  type ObjectBuilder,
  objectBuilderOf,
  objectDecoderOf,
  setOwn,
} from "./_objects.ts";
import type { ByteReader } from "./bytes.ts";
import { type Importer, NO_IMPORTER } from "./passing.ts";
import type { KeySets } from "./tables.ts";
import {
  ERROR_PART,
  FEW_ERRORS,
  LAYOUTS,
  makeError,
  noSuchTag,
  readMagnitude,
  readView,
  type Scan,
  SMALL_TABLE,
  TAG,
  type Tag,
  WEIGHT,
} from "./value_kinds.ts";
import {
  undeclared,
  URL_TYPE,
  valueFrom,
  type ValueTypes,
} from "./value_types.ts";

/** Values that are still to come at one place. */
interface Rest {
  count: number;
  /** Whether each of them has its key in front of it. */
  readonly hasKeys: boolean;
}

/**
 * Goes through values, however many and however deep they are.
 *
 * @param reader Where the bytes come from.
 * @param tables The key sets that the peer defined.
 * @param count How many values there are.
 * @param attachment Reads an attachment: called behind the tag of each reference
 * and each stream.
 * @throws {WireError} `malformed` for bytes that are no values.
 */
export function skipValues(
  reader: ByteReader,
  tables: KeySets,
  count: number,
  attachment: (tag: Tag) => void,
): void {
  const waiting: Rest[] = [];
  const enter = (count: number, hasKeys = false) => {
    checkFits(count, reader);
    if (count > 0) waiting.push({ count, hasKeys });
  };
  const keyCount = (index: number) => tables.shape(index).keys.length;
  const scan: Scan = { reader, enter, keyCount, attachment };
  enter(count);
  for (let rest; (rest = waiting.at(-1)) !== undefined;) {
    if (--rest.count === 0) waiting.pop();
    if (rest.hasKeys) reader.take(reader.varint());
    passOne(scan);
  }
}

/** Refuses more values than there can be. */
export function checkFits(count: number, { remaining }: ByteReader): void {
  if (count > remaining) {
    throw malformed(
      `${count} values cannot fit into the ${remaining} bytes that are left.`,
    );
  }
}

/** Goes through one value, up to the first of those that it holds. */
function passOne(scan: Scan): void {
  const { reader } = scan;
  const tag = reader.byte();
  if (tag < TAG.text || tag >= TAG.negative) return;
  if (tag < TAG.list) return void reader.take(tag - TAG.text);
  if (tag < TAG.object) return scan.enter(tag - TAG.list);
  if (tag < TAG.null) return scan.enter(scan.keyCount(tag - TAG.object));
  const layout = LAYOUTS[tag as Tag];
  if (layout === undefined) throw noSuchTag(tag as never);
  if (typeof layout === "number") reader.take(layout);
  else layout(scan);
}

/** What each value of a message may weigh, besides what its bytes may. */
const WEIGHT_OF_EACH = 64;

/** What the values of a message may weigh. */
export interface WeightBounds {
  /** By themselves, besides what each of them may. */
  most: number;
  /** In addition to all else that is held. */
  room: number;
  /** The same, where references or streams are among them. */
  roomAlong: number;
}

/** A weight that is compared fast, because it is a small integer. */
const UNCHECKED = 0x4000_0000;

/** More characters than a string section has: a text counts as so many. */
const TEXT = 4_096;

const NO_BOUNDS: Readonly<WeightBounds> = {
  most: Infinity,
  room: Infinity,
  roomAlong: Infinity,
};

/** Tells what the values of a message may weigh. */
export interface BoundsSource {
  /** What they may weigh at most. */
  weightBounds(): Readonly<WeightBounds>;
}

const UNBOUNDED: BoundsSource = { weightBounds: () => NO_BOUNDS };

/**
 * A list with so many places. An array that grows would take room for 16, and
 * one written of constants is copied when it is first changed.
 */
function room(count: number): unknown[] {
  if (count === 2) return [count, count];
  return count === 1 ? [count] : new Array(count);
}

/** Up to so many keys of an object, the engine is asked for each. */
const FEW_MEMBERS = 16;
/** Up to so many, it is fast at making an object by code that has the keys. */
const MOST_BY_NAME = 120;
const MOST_BY_NUMBER = 256;
/** Keys with one as long as this are not kept. */
const LONG_KEY = 64;

/** Keys that dictionaries come with. */
interface KnownKeys {
  readonly keys: readonly string[];
  /** How many had them, while they are few. */
  uses: number;
  /** Makes objects of their values, once they are many. */
  builder: ObjectBuilder | undefined;
}

/** Whether a value that begins so is neither long nor holds others. */
function isPlain(tag: number): boolean {
  return tag < TAG.list || tag >= TAG.negative ||
    tag >= TAG.null && tag <= TAG.float64;
}

/** What is made of values that not all wires have. */
export interface ReceivingOptions {
  /** Makes of references and streams what the receiver gets. */
  readonly importer?: Importer;
  /** The types of values that are declared. */
  readonly types?: ValueTypes | undefined;
}

/**
 * Reads values.
 *
 * Over 15 fields: they are counted up with each value, and a number in a field
 * of its own is the fastest place for that.
 */
export class ValueReader {
  readonly #reader: ByteReader;
  readonly #tables: KeySets;
  readonly #limits: ValueLimits;
  readonly #nesting: number;
  /** How many values the message claims to hold so far. */
  #values = 0;
  /** How many it may: by its bytes, and by the limit. */
  #mostValues = 0;
  /** Where its values begin, or a little before. */
  #start = 0;
  /** The message's string section; undefined if it has none. */
  #section: string | undefined;
  /** How much of it was taken, and how often two characters or more were. */
  #taken = 0;
  /** How many references and streams of the message were read. */
  #attachments = 0;
  /** How many errors. */
  #errors = 0;
  /** How many results of calls. */
  #results = 0;
  /** What its values weigh so far. */
  #weight = 0;
  /** What they may weigh; undefined until they weigh enough to ask. */
  #bounds: WeightBounds | undefined;
  #boundsSource = UNBOUNDED;
  /** Up to that there is nothing to check. */
  #unchecked = UNCHECKED;
  /** The types of values that are declared; undefined where none are. */
  readonly #types: ValueTypes | undefined;
  /** Inside of how many values of declared types it is. */
  #inside = 0;
  /** The keys of a dictionary that the next one may have, too. */
  #known: KnownKeys | undefined;
  /** How many the last one had whose keys could be such. */
  #lastCount = 0;
  /** Makes of references and streams what the receiver gets. */
  readonly importer: Importer;

  /**
   * @param reader Where the bytes come from.
   * @param tables The key sets that the peer defined.
   * @param limits This side's limits.
   * @param options What is made of values that not all wires have.
   */
  constructor(
    reader: ByteReader,
    tables: KeySets,
    limits: ValueLimits,
    { importer = NO_IMPORTER, types }: ReceivingOptions = {},
  ) {
    this.#reader = reader;
    this.#tables = tables;
    this.#limits = limits;
    this.#types = types;
    this.importer = importer;
    this.#nesting = limits.nesting;
  }

  /**
   * Begins a message: its values are counted afresh.
   *
   * @param section Its string section; undefined if each string has its text.
   * @param light What its values may weigh in any case.
   * @param boundsSource Tells what they may weigh at most.
   */
  begin(
    section?: string,
    light: number = UNCHECKED,
    boundsSource = UNBOUNDED,
  ): void {
    const { position, end } = this.#reader;
    this.#values = this.#taken = this.#attachments = 0;
    this.#weight = section === undefined ? 0 : section.length;
    this.#errors = this.#results = this.#inside = 0;
    this.#start = position;
    this.#mostValues = Math.min(end - position, this.#limits.values);
    this.#section = section;
    this.#unchecked = light;
    this.#boundsSource = boundsSource;
    this.#bounds = undefined;
  }

  /** What the values of the message weigh: see `value_kinds.ts`. */
  get weight(): number {
    return this.#weight + WEIGHT.text * Math.floor(this.#taken / TEXT);
  }

  /**
   * The message is read.
   *
   * @throws {WireError} `malformed` when text is left over.
   */
  end(): void {
    const left = (this.#section?.length ?? 0) - this.#taken % TEXT;
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
    this.#weight = 0;
    this.#section = undefined;
    this.#unchecked = UNCHECKED;
  }

  /** The next string, of so many bytes. */
  #text(count: number): string {
    const section = this.#section;
    if (section === undefined) {
      // The engine has one string for each single character. What texts weigh is
      // little beside their bytes: it is enough to check at what holds them.
      if (count > 1) this.#weight += WEIGHT.text + count;
      return this.#reader.utf8(count);
    }
    const taken = this.#taken;
    this.#taken = taken + (count > 1 ? TEXT + count : count);
    const start = taken & TEXT - 1;
    const end = start + count;
    if (end > section.length) {
      throw malformed(
        `A string of ${count} characters is more than is left of its message's string section.`,
      );
    }
    return section.slice(start, end);
  }

  /** The next string, of any length. */
  #longText(): string {
    const count = this.#reader.varint();
    const text = this.#text(count);
    if (text.length !== count) this.#weighWide(text.length, count);
    return text;
  }

  /** Some of a text is no ASCII: each of its characters may take two bytes. */
  #weighWide(length: number, count: number): void {
    this.weigh(Math.max(0, 2 * length - count));
  }

  /** A number that may stand by itself in memory. */
  #float(value: number): number {
    this.#weight += WEIGHT.float;
    return value;
  }

  /**
   * Reads a value.
   *
   * @param depth How many values it is inside of.
   * @returns The value.
   * @throws {WireError} `malformed` for bytes that are no value, `limit` for a
   * value that is larger than this side takes.
   *
   * Over 70 lines: one case for each tag. The engine makes one jump of it.
   */
  read(depth = 0): unknown {
    const reader = this.#reader;
    const at = reader.position;
    const tag = at < reader.end ? reader.buffer[at]! : reader.byte();
    reader.position = at + 1;
    if (tag < TAG.text) return tag;
    if (tag < TAG.list) return this.#text(tag - TAG.text);
    if (tag < TAG.object) return this.#list(tag - TAG.list, depth);
    if (tag < TAG.null) return this.#plainObject(tag - TAG.object, depth);
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
        return reader.byte();
      case TAG.uint16:
        return reader.uint16();
      case TAG.uint32:
        return this.#float(reader.uint32());
      case TAG.int16:
        return reader.int16();
      case TAG.int32:
        return reader.int32();
      case TAG.float32:
        return this.#float(reader.float32());
      case TAG.float64:
        return this.#float(reader.float64());
      case TAG.positiveBigint:
        return this.#magnitude();
      case TAG.negativeBigint:
        return -this.#magnitude();
      case TAG.longText:
        return this.#longText();
      case TAG.bytes: {
        const count = reader.varint();
        this.weigh(WEIGHT.view + count);
        return reader.valueBytes(count);
      }
      case TAG.view: {
        const before = reader.position;
        const view = readView(reader);
        this.weigh(WEIGHT.view + reader.position - before);
        return view;
      }
      case TAG.date:
        this.weigh(WEIGHT.date);
        return new Date(reader.float64());
      case TAG.time:
        this.weigh(WEIGHT.date);
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
        return this.#result();
      case TAG.declared:
        return this.#declared(depth);
      default:
        throw noSuchTag(known);
    }
  }

  /**
   * Goes through values of which one is over a limit: attachments behind it
   * are read, so that they can be released.
   *
   * @param count How many values there are at this place.
   * @throws {WireError} `malformed`.
   */
  skipValues(count: number): void {
    // A message with a string section has no other attachments.
    if (this.#section !== undefined) return;
    this.#unchecked = UNCHECKED;
    this.#bounds = { ...NO_BOUNDS };
    let known = this.#attachments;
    skipValues(this.#reader, this.#tables, count, (tag) => {
      const isKnown = known-- > 0;
      if (tag === TAG.stream) this.#stream(isKnown);
      else this.#reference(isKnown);
    });
  }

  /** Reads a message's list of values: its arguments, say. */
  readList(count: number): unknown[] {
    this.#count(count, WEIGHT.members + WEIGHT.place * count);
    return this.#items(count, 0);
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
    const list = room(count);
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
    // They are too few, and too short, for what they weigh to matter.
    this.#weight = 0;
    return list;
  }

  #magnitude(): bigint {
    const reader = this.#reader;
    const before = reader.position;
    const magnitude = readMagnitude(reader, this.#limits.bigint);
    this.weigh(WEIGHT.bigint + reader.position - before);
    return magnitude;
  }

  #list(count: number, depth: number): unknown[] {
    this.#enter(
      count,
      depth,
      count === 0 ? WEIGHT.list : WEIGHT.members + WEIGHT.place * count,
    );
    return this.#items(count, depth + 1);
  }

  #items(count: number, depth: number): unknown[] {
    const reader = this.#reader;
    const { buffer, view, end } = reader;
    // No more of them than there are bytes: see #count().
    const list = room(count);
    for (let index = 0; index < count; index++) {
      // The two ways to write most integers are read in place.
      const at = reader.position;
      const tag = at + 5 <= end ? buffer[at]! : TAG.negative;
      if (tag < TAG.text) {
        list[index] = tag;
        reader.position = at + 1;
      } else if (tag === TAG.int32) {
        list[index] = view.getInt32(at + 1);
        reader.position = at + 5;
      } else if (tag === TAG.float64 && at + 9 <= end) {
        list[index] = this.#float(view.getFloat64(at + 1));
        reader.position = at + 9;
      } else if (tag === TAG.true || tag === TAG.false) {
        list[index] = tag === TAG.true;
        reader.position = at + 1;
      } else if (tag < TAG.list && this.#section === undefined) {
        index += this.#shortTexts(list, index);
      } else {
        list[index] = this.read(depth);
      }
    }
    return list;
  }

  /**
   * Reads short strings of a list, up to what is none.
   *
   * @returns How many there are behind the first one.
   */
  #shortTexts(list: unknown[], first: number): number {
    const reader = this.#reader;
    const { buffer, end } = reader;
    let index = first;
    let weight = 0;
    for (; index < list.length; index++) {
      const at = reader.position;
      const count = at < end ? buffer[at]! - TAG.text : -1;
      if (count < 0 || count >= TAG.list - TAG.text) break;
      reader.position = at + 1;
      if (count > 1) weight += WEIGHT.text + count;
      list[index] = reader.utf8(count);
    }
    this.weigh(weight);
    return index - first - 1;
  }

  #plainObject(index: number, depth: number): Record<string, unknown> {
    const shape = this.#tables.shape(index);
    const { keys, decoder } = shape;
    this.#enter(keys.length, depth, shape.weight);
    if (decoder !== undefined) return decoder(this, depth + 1);
    const { generated } = this.#tables;
    if (++shape.uses >= MANY + MANY_MORE * generated.count) {
      generated.count++;
      shape.decoder = objectDecoderOf(keys);
    }
    return decodeByKey(keys, this, depth + 1);
  }

  #dictionary(depth: number): Record<string, unknown> {
    const count = this.#reader.varint();
    this.#enter(count, depth, WEIGHT.dictionary + WEIGHT.key * count);
    const known = this.#known;
    return known?.keys.length === count
      ? this.#likeTheLast(known, depth + 1)
      : this.#members(count, depth + 1);
  }

  /** Reads a dictionary that is likely to have these keys. */
  #likeTheLast(known: KnownKeys, depth: number): Record<string, unknown> {
    const { keys } = known;
    const list: unknown[] = [];
    for (const key of keys) {
      if (!this.#reader.takeKey(key)) {
        return this.#members(keys.length, depth, keys, list);
      }
      this.weigh(WEIGHT.text + key.length);
      list.push(this.#member(key, depth));
    }
    if (known.builder !== undefined) return known.builder(list);
    const { generated } = this.#tables;
    if (++known.uses >= MANY + MANY_MORE * generated.count) {
      generated.count++;
      known.builder = objectBuilderOf(keys);
    }
    return this.#members(keys.length, depth, keys, list);
  }

  /** The value under a key. */
  #member(key: string, depth: number): unknown {
    return key === "then" ? this.readThen(depth) : this.read(depth);
  }

  /**
   * Reads a dictionary.
   *
   * @param keys Keys that are its first ones, as far as there are values.
   * @param values The values that were read already.
   */
  #members(
    count: number,
    depth: number,
    keys: readonly string[] = [],
    values: readonly unknown[] = [],
  ): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    let isSparse = false;
    const first = values.length;
    for (let index = 0; index < first; index++) {
      const key = keys[index]!;
      isSparse ||= decodeSparse(object, key);
      setOwn(object, key, values[index]);
    }
    // To ask the engine for each key takes as long as to add it.
    const seen = first === 0 && count > FEW_MEMBERS
      ? new Uint8Array(count)
      : undefined;
    let isDense = false;
    for (let index = first; index < count; index++) {
      const key = this.#reader.key();
      const isNew = seen !== undefined && mark(seen, this.#reader.keyHash);
      this.weigh(WEIGHT.text + key.length);
      if (!isDense && isDenseIndex(key)) {
        isDense = true;
        this.weigh(WEIGHT.denseIndex);
      }
      isSparse ||= decodeSparse(object, key);
      if (!isNew && Object.hasOwn(object, key)) {
        throw malformed("An object must not hold a key twice.");
      }
      setOwn(object, key, this.#member(key, depth));
    }
    if (
      first < count && count > FEW_MEMBERS && count <= MOST_BY_NUMBER &&
      !isDense
    ) {
      this.#expect(object, count);
    }
    return object;
  }

  /** The next dictionary may have the same keys, if there were as many before. */
  #expect(object: Record<string, unknown>, count: number): void {
    const isLikely = this.#lastCount === count;
    this.#lastCount = count;
    if (!isLikely) return;
    const keys = Object.keys(object);
    // Indices come first.
    const most = arrayIndexOf(keys[count - 1]!) < 0
      ? MOST_BY_NAME
      : MOST_BY_NUMBER;
    if (count <= most && keys.every((key) => key.length < LONG_KEY)) {
      this.#known = { keys, uses: 0, builder: undefined };
    }
  }

  #map(depth: number): Map<unknown, unknown> {
    const count = this.#reader.varint();
    const entries = count > SMALL_TABLE ? WEIGHT.entry * count : 0;
    this.#enter(count * 2, depth, WEIGHT.map + entries);
    let map = new Map<unknown, unknown>();
    let cost = count > FEW_KEYS ? new HashCost(count) : undefined;
    for (let index = 0; index < count; index++) {
      const key = this.read(depth + 1);
      if (cost?.add(key) === false) {
        this.weigh(WEIGHT.collision * count);
        map = collisionFreeMap(map);
        cost = undefined;
      }
      const item = this.read(depth + 1);
      const { size } = map;
      if (map.set(key, item).size === size && !this.#mayRepeat(key)) {
        throw malformed("A Map must not hold a key twice.");
      }
    }
    return map;
  }

  #set(depth: number): Set<unknown> {
    const count = this.#reader.varint();
    const members = count > SMALL_TABLE ? WEIGHT.member * count : 0;
    this.#enter(count, depth, WEIGHT.set + members);
    let set = new Set<unknown>();
    let cost = count > FEW_KEYS ? new HashCost(count) : undefined;
    for (let index = 0; index < count; index++) {
      const item = this.read(depth + 1);
      if (cost?.add(item) === false) {
        this.weigh(WEIGHT.collision * count);
        set = collisionFreeSet(set);
        cost = undefined;
      }
      const { size } = set;
      if (set.add(item).size === size && !this.#mayRepeat(item)) {
        throw malformed("A Set must not hold a value twice.");
      }
    }
    return set;
  }

  /**
   * Whether a Map or Set may come with a key twice: references to one object,
   * and results that turn out equal, whose sender could not know.
   */
  #mayRepeat(key: unknown): boolean {
    return this.#results > 0 || typeof key === "object" && key !== null ||
      typeof key === "function";
  }

  #error(depth: number): Error {
    this.#enter(1, depth, 0);
    const reader = this.#reader;
    const name = reader.text();
    const message = reader.text();
    const flags = reader.byte();
    if (flags > 15) throw malformed(`An error has no parts ${flags}.`);
    const stack = flags & ERROR_PART.stack ? reader.text() : undefined;
    // Without a stack of its own, it gets one of its name and its message.
    const units = name.length + message.length;
    const isFew = this.#errors++ < FEW_ERRORS;
    this.weigh(
      (isFew ? WEIGHT.error : WEIGHT.oneOfManyErrors) + units +
        (stack?.length ?? units),
    );
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

  /** The result of a call, which may be still to come. */
  #result(): unknown {
    if (this.#inside > 0) {
      throw malformed("The data of a declared type must not hold a result.");
    }
    this.#results++;
    return this.importer.result(this.#reader.varint());
  }

  /** A value of a declared type. */
  #declared(depth: number): object {
    this.#enter(1, depth, 0);
    const name = this.#reader.text();
    const isUrl = name === URL_TYPE.name;
    const type = isUrl ? URL_TYPE : this.#types?.named(name);
    if (type === undefined) throw undeclared(name);
    // It is made but once, and so is not kept as its bytes.
    if (!isUrl) this.#boundAttachments();
    this.weigh(isUrl ? WEIGHT.url : WEIGHT.declared);
    this.#inside++;
    const data = this.read(depth + 1);
    this.#inside--;
    const value = valueFrom(type, data);
    if (!isUrl) this.importer.made(value);
    // Its own text may be longer than the one that came.
    else this.weigh((value as URL).href.length);
    return value;
  }

  /** Reads a reference; one that is taken already is not taken again. */
  #reference(isTaken = false): unknown {
    const reader = this.#reader;
    const flags = reader.byte();
    if (flags > 1) throw malformed(`A reference has no flags ${flags}.`);
    const slot = reader.varint();
    const nonce = reader.uint32();
    if (isTaken) return undefined;
    this.#comesAlong(WEIGHT.reference);
    return this.importer.object(slot, nonce, flags === 1);
  }

  /** Reads a stream; one that is taken already is not taken again. */
  #stream(isTaken = false): unknown {
    const id = this.#reader.varint();
    if (isTaken) return undefined;
    this.#comesAlong(WEIGHT.stream);
    return this.importer.stream(id);
  }

  /**
   * Checks what a value claims to hold before any of it is read.
   *
   * @param weight What it weighs, besides that.
   */
  #enter(count: number, depth: number, weight: number): void {
    checkFits(count, this.#reader);
    if (depth >= this.#nesting) {
      throw new WireError(
        "limit",
        `Values may nest ${this.#nesting} deep here (limit "nesting"), and one came that is deeper.`,
      );
    }
    this.#count(count, weight);
  }

  /**
   * Counts values that the message claims to hold, on all levels together: each
   * has a byte at least. Room is made for lists before their items are read.
   */
  #count(count: number, weight: number): void {
    const values = this.#values += count;
    const all = this.#weight += weight;
    if (values > this.#mostValues) this.#checkCount();
    if (all > this.#unchecked) this.#checkWeight();
  }

  /** Checks the count in full, as for a value that was not begun. */
  #checkCount(): void {
    const size = this.#reader.end - this.#start;
    const most = this.#limits.values;
    if (this.#values > size) {
      throw malformed(
        `${this.#values} values cannot fit into the ${size} bytes of a message.`,
      );
    }
    if (this.#values > most) {
      throw new WireError(
        "limit",
        `A message may hold ${most} values here (limit "values"), and one came with more.`,
      );
    }
    this.#mostValues = Math.min(size, most);
  }

  /**
   * Counts what something weighs that is about to be made.
   *
   * @throws {WireError} `limit` when that is too much.
   */
  weigh(weight: number): void {
    this.#weight += weight;
    if (this.#weight > this.#unchecked) this.#checkWeight();
  }

  #checkWeight(): void {
    const { most, room } = this.#bound();
    const allowed = most + WEIGHT_OF_EACH * this.#values;
    if (this.#weight > Math.min(room, allowed)) throw this.#tooHeavy();
  }

  /** What the values may weigh: it is asked for where they weigh something. */
  #bound(): WeightBounds {
    if (this.#bounds !== undefined) return this.#bounds;
    const bounds = this.#bounds = { ...this.#boundsSource.weightBounds() };
    this.#unchecked = Math.min(bounds.most, bounds.room, UNCHECKED);
    return bounds;
  }

  /** The message has one attachment more. */
  #comesAlong(weight: number): void {
    if (this.#attachments === 0) this.#boundAttachments();
    this.weigh(weight);
    this.#attachments++;
  }

  /** The message cannot be kept as its bytes. */
  #boundAttachments(): void {
    const bounds = this.#bound();
    bounds.room = Math.min(bounds.room, bounds.roomAlong);
    this.#unchecked = Math.min(this.#unchecked, bounds.room);
  }

  #tooHeavy(): WireError {
    return new WireError(
      "limit",
      this.#weight > this.#bound().room
        ? `What came and is not dealt with takes as much memory here as it may (the limits "memory" and, for all wires of a server, "serverMemory" and "serverTotal"), and a message came that needs more. Wait for answers, or take what came.`
        : "The values of a message may take 16 times the memory of its bytes, 64 bytes each, and 4 MiB, and a message came whose values take more. Send it in parts.",
    );
  }
}

/**
 * Marks that a hash has come, as one bit of eight for each.
 *
 * @returns False where its bit is set, by the same hash or by another.
 */
function mark(seen: Uint8Array, hash: number): boolean {
  const place = (hash >>> 3) % seen.length;
  const bit = 1 << (hash & 7);
  const before = seen[place]!;
  seen[place] = before | bit;
  return (before & bit) === 0;
}

/** A key that makes room for all indices in front of it. */
function isDenseIndex(key: string): boolean {
  return key.length === 2 && arrayIndexOf(key) > 9;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}
