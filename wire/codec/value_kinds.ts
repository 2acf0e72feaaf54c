/**
 * The bytes with which values begin; `docs/protocol.md` describes each.
 *
 * @module
 */

import { malformed, RemoteError, WireError } from "../base/errors.ts";
import { rawBytes, viewKind } from "../base/shown.ts";
import { arrayIndexOf, decodeSparse } from "./_objects.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";

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

/** Which parts of an error follow its name and message. */
export const ERROR_PART = { stack: 1, cause: 2, errors: 4, data: 8 } as const;

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
  writer: ByteWriter,
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
export function readView(reader: ByteReader): ArrayBuffer | ArrayBufferView {
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

/** Goes through what {@linkcode readView} reads. */
export function passView(reader: ByteReader): void {
  reader.byte();
  reader.take(reader.varint());
}

/** Writes the magnitude of an integer: length, then bytes, highest first. */
export function writeMagnitude(
  writer: ByteWriter,
  magnitude: bigint,
  limit: number,
): void {
  const digits = magnitude === 0n ? "" : magnitude.toString(16);
  const length = digits.length + 1 >> 1;
  if (length > limit) {
    throw new WireError(
      "limit",
      `The peer takes bigints of up to ${limit} bytes, and this one has ${length}.`,
    );
  }
  writer.varint(length);
  writer.reserve(length);
  const padded = digits.length % 2 ? "0" + digits : digits;
  for (let index = 0; index < padded.length; index += 2) {
    writer.byte(parseInt(padded.substring(index, index + 2), 16));
  }
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
  const { buffer } = reader;
  if (buffer[start] === 0) throw malformed("A bigint must not begin with 0.");
  return BigInt(`0x${hexOf(buffer.subarray(start, start + length))}`);
}

/** Bytes as hexadecimal digits, two for each. */
function hexOf(bytes: Uint8Array): string {
  // Where the platform has it, it takes a tenth of the time.
  const { toHex } = bytes as { toHex?: () => string };
  if (toHex !== undefined) return toHex.call(bytes);
  let digits = "";
  for (const byte of bytes) digits += byte.toString(16).padStart(2, "0");
  return digits;
}

/** Goes through what {@linkcode readMagnitude} reads. */
export function passMagnitude(reader: ByteReader): void {
  reader.take(reader.varint());
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
  return OWN_PARTS.has(key) || key === "errors" && errors !== undefined;
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
  const data: Record<string, unknown> = Object.create(null);
  const errors = errorList(error);
  const { cause } = error;
  let hasData = false;
  for (const [key, value] of Object.entries(error)) {
    if (isOwnPart(key, errors)) continue;
    data[key] = value;
    hasData = true;
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
    data: hasData ? data : undefined,
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
  if (data !== undefined) {
    let isSparse = false;
    const members = error as unknown as Record<string, unknown>;
    for (const [key, value] of Object.entries(data)) {
      isSparse ||= decodeSparse(members, key);
      if (isOwnPart(key, parts.errors)) {
        throw new WireError(
          "malformed",
          `The data of an error must not name its "${key}".`,
        );
      }
      define(error, key, value, true);
    }
  }
  return error;
}

/**
 * Errors of which those that come are copies, by their names. None where the
 * platform cannot copy them.
 */
const templates = new Map<string, Error | undefined>();

/** An error that does for all of a built-in class. */
function templateOf(name: string, constructor: ErrorConstructor) {
  if (templates.has(name)) return templates.get(name);
  let template: Error | undefined = withoutStack(constructor, "");
  try {
    template.stack = "";
    const copy = structuredClone(template);
    const isAlike = Object.getPrototypeOf(copy) === constructor.prototype &&
      Object.hasOwn(copy, "message");
    if (!isAlike) template = undefined;
  } catch {
    template = undefined;
  }
  templates.set(name, template);
  return template;
}

/**
 * Makes an error without the stack of whoever reads it from a wire. Even where
 * an error is to have none, an engine may record one for itself when an error
 * is constructed, at a depth of ten frames. It does not when one is copied,
 * which takes a quarter of the memory, and a sixth of the time.
 */
function bareError(parts: ErrorParts): Error {
  const { message, errors } = parts;
  const constructor = BUILT_IN.get(parts.name);
  const known = constructor === undefined || errors !== undefined
    ? Error
    : constructor;
  const template = templateOf(known.name, known);
  const error = template === undefined
    ? withoutStack(known, message)
    : structuredClone(template);
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

function define(
  error: Error,
  key: string,
  value: unknown,
  enumerable = false,
): void {
  Object.defineProperty(error, key, {
    value,
    enumerable,
    configurable: true,
    writable: true,
  });
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
