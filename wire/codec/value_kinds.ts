/**
 * The kinds of values, in one table for everything that has to know them all:
 * the bytes with which each begins and what follows those (`docs/protocol.md`
 * describes them), the classes whose instances travel as copies, what these
 * hold, and what values weigh. `docs/architecture.md` tells how to add one.
 *
 * @module
 */

import {
  malformed,
  rawBytes,
  RemoteError,
  viewKind,
  WireError,
} from "../base/errors.ts";
import { arrayIndexOf, decodeSparse, define } from "./_objects.ts";
import type { ByteReader, ByteSink, ByteSource, ByteWriter } from "./bytes.ts";

/** The first byte of each value that is no small integer, text or list. */
export const TAG = {
  text: 0x80, // and 31 more: the length in UTF-8
  list: 0xa0, // and 15 more: the count
  object: 0xb0, // and 15 more: the index of the key set
  null: 0xc0,
  undefined: 0xc1,
  false: 0xc2,
  true: 0xc3,
  uint8: 0xc4,
  uint16: 0xc5,
  uint32: 0xc6,
  int16: 0xc7,
  int32: 0xc8,
  float32: 0xc9,
  float64: 0xca,
  positiveBigint: 0xcb,
  negativeBigint: 0xcc,
  longText: 0xcd,
  bytes: 0xce,
  view: 0xcf,
  date: 0xd0,
  longList: 0xd1,
  anyObject: 0xd2,
  dictionary: 0xd3,
  map: 0xd4,
  set: 0xd5,
  error: 0xd6,
  reference: 0xd7,
  own: 0xd8,
  stream: 0xd9,
  result: 0xda,
  time: 0xdb,
  declared: 0xdc,
  negative: 0xe0, // −32 to −1 are 0xe0 to 0xff
} as const;

/** Tags of which each stands for many bytes: those of a range. */
type RangeTag =
  | typeof TAG.text
  | typeof TAG.list
  | typeof TAG.object
  | typeof TAG.negative;

/** The byte of each tag that is no range. */
export type Tag = Exclude<(typeof TAG)[keyof typeof TAG], RangeTag>;

/**
 * The error for a byte that is no tag.
 *
 * @param byte The byte, for which no case is left: the type checker refuses a
 * `switch` that forgets a tag.
 */
export function noSuchTag(byte: never): WireError {
  const digits = Number(byte).toString(16);
  return malformed(`No value begins with the byte 0x${digits}.`);
}

/** Which parts of an error follow its name and message. */
export const ERROR_PART = { stack: 1, cause: 2, errors: 4, data: 8 } as const;

/** What goes through values without making anything of them. */
export interface Scan {
  /** Where the bytes come from. */
  readonly reader: ByteReader;
  /** So many values follow, each with its key in front or not. */
  enter(count: number, hasKeys?: boolean): void;
  /** How many keys a key set has. */
  keyCount(index: number): number;
  /** Reads a reference or a stream. */
  attachment(tag: Tag): void;
}

/** What follows a tag: so many bytes, or what a function goes through. */
export type Layout = number | ((scan: Scan) => void);

const counted: Layout = ({ reader }) => skipCounted(reader);
const items: Layout = ({ reader, enter }) => enter(reader.varint());

/** What follows each tag. */
export const LAYOUTS: Readonly<Record<Tag, Layout>> = /* @__PURE__ */ layouts();

// A call, so that a bundler leaves it out where nothing goes through values.
function layouts(): Record<Tag, Layout> {
  return {
    [TAG.null]: 0,
    [TAG.undefined]: 0,
    [TAG.false]: 0,
    [TAG.true]: 0,
    [TAG.uint8]: 1,
    [TAG.uint16]: 2,
    [TAG.uint32]: 4,
    [TAG.int16]: 2,
    [TAG.int32]: 4,
    [TAG.float32]: 4,
    [TAG.float64]: 8,
    [TAG.positiveBigint]: counted,
    [TAG.negativeBigint]: counted,
    [TAG.longText]: counted,
    [TAG.bytes]: counted,
    [TAG.view]: ({ reader }) => {
      reader.byte();
      skipCounted(reader);
    },
    [TAG.date]: 8,
    [TAG.longList]: items,
    [TAG.anyObject]: (scan) => scan.enter(scan.keyCount(scan.reader.varint())),
    [TAG.dictionary]: ({ reader, enter }) => enter(reader.varint(), true),
    [TAG.map]: ({ reader, enter }) => enter(reader.varint() * 2),
    [TAG.set]: items,
    [TAG.error]: ({ reader, enter }) => enter(skipError(reader)),
    [TAG.reference]: (scan) => scan.attachment(TAG.reference),
    [TAG.own]: ({ reader }) => {
      reader.varint();
      reader.take(4);
    },
    [TAG.stream]: (scan) => scan.attachment(TAG.stream),
    [TAG.result]: ({ reader }) => void reader.varint(),
    [TAG.time]: 6,
    [TAG.declared]: ({ reader, enter }) => {
      skipCounted(reader);
      enter(1);
    },
  };
}

/** Skips a length, and so many bytes. */
function skipCounted(reader: ByteReader): void {
  reader.take(reader.varint());
}

/** Skips the texts of an error. @returns How many values follow. */
function skipError(reader: ByteReader): number {
  skipCounted(reader);
  skipCounted(reader);
  const flags = reader.byte();
  if (flags > 15) throw malformed(`An error has no parts ${flags}.`);
  if (flags & ERROR_PART.stack) skipCounted(reader);
  const { cause, errors, data } = ERROR_PART;
  return [cause, errors, data].filter((part) => flags & part).length;
}

// The objects that travel as copies. Whatever goes through values asks this
// table: the encoder, the search for streams, the copy of what was thrown, the
// arguments that wait for results. So all of them know a new kind at once.

/** The objects that hold no values, by kind. */
export interface LeafTypes {
  /** Bytes. */
  buffer: ArrayBuffer;
  /** A view of bytes: typed arrays, and `DataView`. */
  view: ArrayBufferView;
  /** A time. */
  date: Date;
  /** An address. */
  url: URL;
}

/** The objects that hold values, by kind. */
export interface HolderTypes {
  /** An array. */
  list: readonly unknown[];
  /** A plain object. */
  record: object;
  /** A map. */
  map: ReadonlyMap<unknown, unknown>;
  /** A set. */
  set: ReadonlySet<unknown>;
  /** An error. */
  error: Error;
}

/** The kind of an object that travels as a copy. */
export type ValueKind = keyof LeafTypes | keyof HolderTypes;

/** The kinds that have a class other than `Array`. */
export type ClassKind = Exclude<ValueKind, "list" | "record">;

/**
 * The kind of an object that is neither an array nor plain.
 *
 * The tests are written out: a loop over a table takes three times as long,
 * and the encoder asks for each object.
 *
 * @param value The object; an instance of a derived class is of the same kind.
 * @returns Undefined for what does not travel as a copy.
 */
export function classKind(value: object): ClassKind | undefined {
  if (ArrayBuffer.isView(value)) return "view";
  if (value instanceof ArrayBuffer) return "buffer";
  if (value instanceof Date) return "date";
  if (value instanceof Map) return "map";
  if (value instanceof Set) return "set";
  if (value instanceof Error) return "error";
  return value instanceof URL ? "url" : undefined;
}

/**
 * The kind of any object.
 *
 * @param value The object.
 * @returns Undefined for what does not travel as a copy.
 */
export function valueKind(value: object): ValueKind | undefined {
  if (Array.isArray(value)) return "list";
  return isPlain(value) ? "record" : classKind(value);
}

/** Whether an object is of no class. */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** What is to be known of objects that hold no values. */
interface Leaf<T> {
  /** How many bytes it has. @throws For what only looks like one. */
  readonly size: (value: T) => number;
  /** The same, without what a derived class may add. */
  readonly copy: (value: T) => T;
}

/** What is to be known of objects that hold values. */
interface Holder<T> {
  /** The values, where they are not under keys. */
  readonly items?: (value: T) => Iterable<unknown>;
  /** Puts others in their place. */
  readonly refill?: (value: T, items: readonly unknown[]) => void;
  /** The keys of values that are sent though they are not enumerable. */
  readonly hidden?: readonly string[];
  /** Copies it, with copies of its values. */
  readonly copy: (value: T, copier: PartCopier, depth: number) => unknown;
}

/** Copies what objects hold. */
export interface PartCopier {
  /** Copies items. */
  list(items: Iterable<unknown>, depth: number): unknown[];
  /** Copies pairs of a key and a value. */
  entries(
    entries: Iterable<[unknown, unknown]>,
    depth: number,
  ): [unknown, unknown][];
  /** Copies values under keys. */
  members(
    value: object,
    keys: readonly string[],
    depth: number,
  ): Record<string, unknown>;
  /** Copies an error. */
  error(error: Error, depth: number): Error;
}

const timeOf = Date.prototype.getTime;
const bytesOf = (value: ArrayBuffer | ArrayBufferView) =>
  rawBytes(value).length;

const LEAVES: { readonly [K in keyof LeafTypes]: Leaf<LeafTypes[K]> } = {
  buffer: { size: bytesOf, copy: (buffer) => buffer },
  view: { size: bytesOf, copy: (view) => view },
  date: { size: () => 0, copy: (date) => new Date(timeOf.call(date)) },
  url: { size: ({ href }) => href.length, copy: ({ href }) => new URL(href) },
};

const HOLDERS: { readonly [K in keyof HolderTypes]: Holder<HolderTypes[K]> } = {
  list: {
    items: (list) => list,
    refill: (list, items) => void Object.assign(list, items),
    copy: (list, copier, depth) => copier.list(list, depth),
  },
  record: {
    copy: (record, copier, depth) =>
      copier.members(record, Object.keys(record), depth),
  },
  map: {
    *items(map) {
      for (const entry of map) yield* entry;
    },
    refill(map, items) {
      const own = map as Map<unknown, unknown>;
      own.clear();
      for (let index = 0; index < items.length; index += 2) {
        own.set(items[index], items[index + 1]);
      }
    },
    copy: (map, copier, depth) => new Map(copier.entries(map, depth)),
  },
  set: {
    items: (set) => set,
    refill(set, items) {
      const own = set as Set<unknown>;
      own.clear();
      for (const item of items) own.add(item);
    },
    copy: (set, copier, depth) => new Set(copier.list(set, depth)),
  },
  error: {
    hidden: ["cause", "errors"],
    copy: (error, copier, depth) => copier.error(error, depth),
  },
};

/**
 * What is to be known of an object that holds no values.
 *
 * @param kind The kind of an object.
 * @returns Undefined for a kind that holds some.
 */
export function leafOf(
  kind: ValueKind | undefined,
): Leaf<object> | undefined {
  return LEAVES[kind as keyof LeafTypes] as Leaf<object> | undefined;
}

/**
 * What is to be known of an object that holds values.
 *
 * @param kind The kind of an object.
 * @returns Undefined for one that holds none, or does not travel as a copy.
 */
export function holderOf(
  kind: ValueKind | undefined,
): Holder<object> | undefined {
  return HOLDERS[kind as keyof HolderTypes] as Holder<object> | undefined;
}

/** Tells what an object holds under its keys, and under some hidden ones. */
export type MembersOf = (
  value: object,
  hidden: readonly string[],
) => Iterable<unknown>;

/**
 * The values that an object holds.
 *
 * @param value An object that is no leaf.
 * @param membersOf Tells what it holds, where that is under keys.
 */
export function partsOf(
  value: object,
  membersOf: MembersOf,
): Iterable<unknown> {
  const { items, hidden = [] } = holderOf(valueKind(value)) ?? {};
  return items?.(value) ?? membersOf(value, hidden);
}

/**
 * Puts other values in the place of those that {@linkcode partsOf} tells, with
 * {@linkcode ownMembers}.
 *
 * @param value A holder that nobody else has.
 * @param parts As many, in the same order.
 */
export function refill(value: object, parts: readonly unknown[]): void {
  const { refill, hidden = [] } = holderOf(valueKind(value)) ?? {};
  if (refill !== undefined) return refill(value, parts);
  ownKeys(value, hidden).forEach((key, index) => {
    Object.defineProperty(value, key, { value: parts[index] });
  });
}

/** The values under keys of an object, without asking getters. */
export function ownMembers(
  value: object,
  hidden: readonly string[],
): Iterable<unknown> {
  return ownKeys(value, hidden)
    .map((key) => Object.getOwnPropertyDescriptor(value, key)?.value);
}

function ownKeys(value: object, hidden: readonly string[]): string[] {
  const also = hidden.filter((key) =>
    Object.hasOwn(value, key) &&
    !Object.prototype.propertyIsEnumerable.call(value, key)
  );
  return also.length > 0
    ? [...Object.keys(value), ...also]
    : Object.keys(value);
}

// Values that are made of raw bytes: big integers, and views of buffers.

/** The kinds of buffers, in the order of their codes in the protocol. */
const VIEW_NAMES = [
  "ArrayBuffer",
  "DataView",
  "Int8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "BigInt64Array",
  "BigUint64Array",
  "Float16Array",
  "Float32Array",
  "Float64Array",
] as const;

type ViewConstructor = {
  new (buffer: ArrayBuffer): ArrayBufferView;
  readonly BYTES_PER_ELEMENT?: number;
};

/** The constructor of each kind; undefined where the platform has none. */
const VIEWS: readonly (ViewConstructor | undefined)[] = VIEW_NAMES.map((name) =>
  (globalThis as unknown as Record<string, ViewConstructor | undefined>)[name]
);

/** Writes a buffer or a view other than a Uint8Array: kind, length, bytes. */
export function writeView(
  writer: ByteSink,
  value: ArrayBuffer | ArrayBufferView,
): void {
  const isView = ArrayBuffer.isView(value);
  const kind = isView ? viewKind(value) : "ArrayBuffer";
  const code = (VIEW_NAMES as readonly string[]).indexOf(kind);
  if (code < 0) {
    throw new WireError(
      "unsupportedValue",
      `A ${kind} cannot be sent. Send a Uint8Array of its bytes.`,
    );
  }
  const bytes = rawBytes(value);
  writer.byte(code);
  writer.varint(bytes.length);
  writer.valueBytes(bytes, bytes.length);
}

/** Mirrors {@linkcode writeView}. */
export function readView(reader: ByteSource): ArrayBuffer | ArrayBufferView {
  const code = reader.byte();
  const name = VIEW_NAMES[code];
  if (name === undefined) {
    throw malformed(`There is no kind of buffer with the code ${code}.`);
  }
  const constructor = VIEWS[code];
  if (constructor === undefined) {
    throw new WireError("limit", `This platform has no ${name}.`);
  }
  const length = reader.varint();
  if (length % (constructor.BYTES_PER_ELEMENT ?? 1) !== 0) {
    throw malformed(`${length} bytes do not make whole elements of ${name}.`);
  }
  const { buffer } = reader.bytes(length);
  return name === "ArrayBuffer" ? buffer : new constructor(buffer);
}

/** A larger magnitude takes less time by its digits than word by word. */
const MOST_BYTES = 128;
/** The largest word. */
const WORD = 0xffff_ffff_ffff_ffffn;
/** A magnitude in words of 64 bits, the lowest of them last. */
const words = new DataView(new ArrayBuffer(MOST_BYTES));

/** Writes the magnitude of an integer: length, then bytes, highest first. */
export function writeMagnitude(
  writer: ByteWriter,
  magnitude: bigint,
  limit: number,
): void {
  let first = MOST_BYTES - 8;
  let rest = magnitude;
  for (; rest > WORD; rest >>= 64n) {
    words.setBigUint64(first, rest);
    if (first === 0) return writeDigits(writer, magnitude, limit);
    first -= 8;
  }
  words.setBigUint64(first, rest);
  const high = words.getUint32(first);
  first += high > 0
    ? Math.clz32(high) >> 3
    : 4 + (Math.clz32(words.getUint32(first + 4)) >> 3);
  const length = MOST_BYTES - first;
  checkMagnitude(length, limit);
  writer.varint(length);
  writer.reserve(length);
  const { buffer, view, position } = writer;
  const shift = position - first;
  for (; first & 3; first++) buffer[first + shift] = words.getUint8(first);
  for (; first < MOST_BYTES; first += 4) {
    view.setInt32(first + shift, words.getInt32(first));
  }
  writer.position = position + length;
}

function checkMagnitude(length: number, limit: number): void {
  if (length <= limit) return;
  throw new WireError(
    "limit",
    `The peer takes bigints of up to ${limit} bytes, and this one has ${length}.`,
  );
}

/** Writes a large magnitude: its digits take time in proportion to it. */
function writeDigits(
  writer: ByteWriter,
  magnitude: bigint,
  limit: number,
): void {
  const digits = magnitude.toString(16);
  const length = digits.length + 1 >> 1;
  checkMagnitude(length, limit);
  writer.varint(length);
  writer.reserve(length);
  const { buffer, position } = writer;
  let digit = digits.length;
  for (let at = position + length; --at >= position;) {
    const low = digitValue(digits.charCodeAt(--digit));
    const high = digit > 0 ? digitValue(digits.charCodeAt(--digit)) : 0;
    buffer[at] = high << 4 | low;
  }
  writer.position = position + length;
}

/** The value of a hexadecimal digit, by its code: that of 0 to 9, or a to f. */
function digitValue(code: number): number {
  return code < 0x3a ? code - 0x30 : code - 0x57;
}

/** Mirrors {@linkcode writeMagnitude}. */
export function readMagnitude(reader: ByteReader, limit: number): bigint {
  const length = reader.varint();
  const start = reader.take(length);
  if (length > limit) {
    throw new WireError(
      "limit",
      `A bigint may have ${limit} bytes, and one of ${length} came.`,
    );
  }
  if (length === 0) return 0n;
  const { buffer, view } = reader;
  if (buffer[start] === 0) throw malformed("A bigint must not begin with 0.");
  if (length > MOST_BYTES) {
    return BigInt(`0x${hexOf(buffer.subarray(start, start + length))}`);
  }
  // The bytes in front of the first whole word.
  words.setFloat64(0, 0);
  let at = start;
  for (let to = 8 - (length & 7); to < 8; to++) {
    words.setUint8(to, buffer[at++]!);
  }
  let magnitude = words.getBigUint64(0);
  for (; at < start + length; at += 8) {
    const word = view.getBigUint64(at);
    magnitude = at === start ? word : magnitude << 64n | word;
  }
  return magnitude;
}

/** Bytes as hexadecimal digits, two for each. */
export function hexOf(bytes: Uint8Array): string {
  // Where the platform has it, it takes a tenth of the time.
  const { toHex } = bytes as { toHex?: () => string };
  if (toHex !== undefined) return toHex.call(bytes);
  let digits = "";
  for (const byte of bytes) digits += byte.toString(16).padStart(2, "0");
  return digits;
}

// Errors as plain data: what of an error travels, and how it is put together
// again. Nothing of the sender's code travels with it.

/** What travels of an error. Absent parts are undefined. */
export interface ErrorParts {
  name: string;
  message: string;
  /** Only where the sender chose to send it. */
  stack: string | undefined;
  hasCause: boolean;
  cause: unknown;
  /** The errors of an AggregateError. */
  errors: unknown[] | undefined;
  /** Own enumerable properties. */
  data: Record<string, unknown> | undefined;
}

/** The built-in errors, by name; a Map, since names come off the wire. */
const BUILT_IN: ReadonlyMap<string, ErrorConstructor> = new Map(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError]
    .map((constructor) => [constructor.name, constructor as ErrorConstructor]),
);

/**
 * Parts of an error that travel by themselves, not among its data. So do the
 * errors of an AggregateError; those of any other error are data.
 */
const OWN_PARTS = new Set(["name", "message", "stack", "cause"]);

/** Whether a property of an error is a part that travels by itself. */
function isOwnPart(key: string, errors: unknown[] | undefined): boolean {
  return OWN_PARTS.has(key) || key === "errors" && !!errors;
}

/** The errors of an AggregateError, of here or of a peer. */
export function errorList(error: Error): unknown[] | undefined {
  if (!(error instanceof AggregateError || error instanceof RemoteError)) {
    return undefined;
  }
  return Array.isArray(error.errors) ? error.errors : undefined;
}

/** Takes an error apart. */
export function errorParts(error: Error, withStack: boolean): ErrorParts {
  let data: Record<string, unknown> | undefined;
  const errors = errorList(error);
  const { cause } = error;
  for (const [key, value] of Object.entries(error)) {
    if (isOwnPart(key, errors)) continue;
    data ??= Object.create(null) as Record<string, unknown>;
    data[key] = value;
  }
  return {
    name: wellFormed(error.name),
    message: wellFormed(error.message),
    stack: withStack ? wellFormed(error.stack ?? "") : undefined,
    // A class may have a getter of that name; some have a method.
    hasCause: Object.hasOwn(error, "cause") ||
      cause !== undefined && typeof cause !== "function",
    cause,
    errors,
    data,
  };
}

/** An error must be able to report a bad string, so its own are repaired. */
function wellFormed(text: unknown): string {
  return String(text).toWellFormed();
}

/** Puts an error together again; its stack is its name and message. */
export function makeError(parts: ErrorParts): Error {
  const { name, message, data } = parts;
  const error = bareError(parts);
  if (error.name !== name) define(error, "name", name);
  // Set rather than defined, an error takes a quarter of the memory.
  const stack = parts.stack ?? `${name}: ${message}`;
  if (!Reflect.set(error, "stack", stack)) define(error, "stack", stack);
  let isSparse = false;
  const members = error as unknown as Record<string, unknown>;
  for (const [key, value] of Object.entries(data ?? {})) {
    isSparse ||= decodeSparse(members, key);
    if (isOwnPart(key, parts.errors)) {
      throw malformed(`The data of an error must not name its "${key}".`);
    }
    define(error, key, value, true);
  }
  return error;
}

/**
 * Of each built-in class, errors of which those that come are copies, and copies
 * that nobody has yet. None where the platform cannot copy them.
 */
const templates = new Map<ErrorConstructor, [Error[], copies: Error[]]>();
/** To copy so many at once takes a quarter of the time for each. */
const MOST_COPIES = 32;

/** A copy of an error that does for all of a built-in class. */
function copyOf(constructor: ErrorConstructor): Error | undefined {
  let known = templates.get(constructor);
  if (known === undefined) {
    templates.set(constructor, known = [[], []]);
    try {
      const template = withoutStack(constructor, "");
      template.stack = "";
      const copy = structuredClone(template);
      const isAlike = copy instanceof constructor &&
        Object.hasOwn(copy, "message");
      if (isAlike) known[0].push(copy);
    } catch {
      // It cannot.
    }
  }
  const [errors, copies] = known;
  if (copies.length === 0 && errors.length > 0) {
    copies.push(...structuredClone(errors));
    // The more came, the more are copied.
    if (errors.length < MOST_COPIES) errors.push(...structuredClone(errors));
  }
  return copies.pop();
}

/**
 * Makes an error without the stack of whoever reads it from a wire. Even where
 * an error is to have none, an engine may record one for itself when an error
 * is constructed, at a depth of ten frames. It does not when one is copied,
 * which takes a quarter of the memory, and a sixth of the time.
 */
function bareError(parts: ErrorParts): Error {
  const { message, errors } = parts;
  const known = errors === undefined && BUILT_IN.get(parts.name) || Error;
  const error = copyOf(known) ?? withoutStack(known, message);
  error.message = message;
  if (parts.hasCause) define(error, "cause", parts.cause);
  if (errors !== undefined) {
    Object.setPrototypeOf(error, AggregateError.prototype);
    define(error, "errors", errors);
  }
  return error;
}

/** Constructs an error that records as little of a stack as can be. */
function withoutStack(constructor: ErrorConstructor, message: string): Error {
  const { stackTraceLimit } = Error as { stackTraceLimit?: unknown };
  // There is no such limit everywhere, and some programs freeze it.
  const isLimited = typeof stackTraceLimit === "number" &&
    Reflect.set(Error, "stackTraceLimit", 0);
  try {
    return new constructor(message);
  } finally {
    if (isLimited) Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
}

// What decoded values take in memory, in bytes: about, and rather more than
// less. A peer chooses what it sends, and some values are a few bytes on a wire
// and hundreds in memory. The figures were measured in V8 with 64-bit pointers;
// `tests/wire/weights_test.ts` measures them again.

/** What values weigh; for each, the place that holds it weighs 8 more. */
export const WEIGHT = {
  /** A place for a value: in a list, or of a property. */
  place: 8,
  /** A list without members. */
  list: 32,
  /** What a list with members has besides its places. */
  members: 48,
  /** A number that is no small integer, where it stands by itself. */
  float: 16,
  /** A bigint, besides the bytes of its magnitude. */
  bigint: 24,
  /** A string of two characters or more, besides these. */
  text: 24,
  /** An object without keys, which has room for some. */
  object: 56,
  /** What an object with keys has besides its places. */
  keys: 24,
  /** What it has besides that where keys are array indices. */
  indices: 176,
  /** An object that came as a dictionary. */
  dictionary: 104,
  /** Each key of it, besides its text: it may be the first of that name. */
  key: 56,
  /** What one key of it that is an index of two digits makes room for. */
  denseIndex: 1_216,
  /** A date. */
  date: 96,
  /** A URL, besides its text. */
  url: 256,
  /** What is of a declared type, besides its data. */
  declared: 128,
  /** A buffer, besides its bytes. */
  buffer: 280,
  /** A view of a buffer of its own, besides its bytes. */
  view: 440,
  /** A Map that is small. */
  map: 184,
  /** Each entry of one that is not. */
  entry: 56,
  /** A Set that is small. */
  set: 152,
  /** Each member of one that is not. */
  member: 40,
  /** What each of those takes more where keys collide. */
  collision: 200,
  /** An error. */
  error: 320,
  /** Each of very many errors, whose making takes time besides. */
  oneOfManyErrors: 1_024,
  /** An object of the peer's, its reference and all that belongs to it. */
  reference: 1_024,
  /** A stream, its two ends here and all that belongs to it. */
  stream: 1_536,
  /** A key and a value of a call's metadata, besides their texts. */
  metadata: 112,
} as const;

/** So many errors of a message are not very many. */
export const FEW_ERRORS = 4_096;

/** Maps and Sets up to this size have room from the beginning. */
export const SMALL_TABLE = 4;

/** What an object of a key set weighs, besides what its values do. */
export function shapeWeight(keys: readonly string[]): number {
  const count = keys.length;
  if (count === 0) return WEIGHT.object;
  const weight = WEIGHT.keys + WEIGHT.place * count;
  return keys.some((key) => arrayIndexOf(key) >= 0)
    ? weight + WEIGHT.indices
    : weight;
}
