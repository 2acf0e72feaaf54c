/**
 * Values that are made of raw bytes: big integers, and views of buffers.
 *
 * @module
 */

import type { ByteReader, ByteWriter } from "./bytes.ts";
import { malformed, WireError } from "./errors.ts";

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

/** The getter that names a typed array's kind, whatever its subclass says. */
const kindOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)!.get!;

/** The kind of a view: a typed array's name, or `"DataView"`. */
export function viewKind(view: ArrayBufferView): string {
  return kindOf.call(view) ?? "DataView";
}

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
  const bytes = isView
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
  writer.byte(code);
  writer.varint(bytes.length);
  writer.valueBytes(bytes);
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
  let digits = "0x";
  for (let index = start; index < start + length; index++) {
    digits += buffer[index]!.toString(16).padStart(2, "0");
  }
  return BigInt(digits);
}

/** Goes through what {@linkcode readMagnitude} reads. */
export function passMagnitude(reader: ByteReader): void {
  reader.take(reader.varint());
}
