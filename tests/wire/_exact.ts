/**
 * Values as text that tells everything a round trip has to keep: −0, NaN, the
 * order of keys, the kind of an array, the parts of an error.
 *
 * @module
 */

import { Raw } from "../_raw_values.ts";
import { Point } from "../_vectors.ts";

/** A value as text; different values give different texts. */
export function exactly(value: unknown): string {
  switch (typeof value) {
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
      return `${value}n`;
    case "string":
      return JSON.stringify(value);
    case "object":
      return value === null ? "null" : objectText(value);
    default:
      return String(value);
  }
}

/** Parts of a message that may as well be absent. */
const OPTIONAL = new Set(["target", "metadata"]);

/** Messages as text, whatever the order of their parts. */
export function exactMessages(messages: readonly object[]): string[] {
  return messages.map((message) => {
    const parts = Object.entries(message)
      .filter(([key, part]) => part !== undefined || !OPTIONAL.has(key))
      .map(([key, part]) => [key, key === "metadata" ? { ...part } : part])
      .sort(([a], [b]) => a < b ? -1 : 1);
    return exactly(Object.fromEntries(parts));
  });
}

function objectText(value: object): string {
  if (Array.isArray(value)) return listText(value);
  if (value instanceof ArrayBuffer) return bytesText("ArrayBuffer", value, 0);
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    return bytesText(tagOf(value), buffer, byteOffset, byteLength);
  }
  if (value instanceof Date) return `Date(${exactly(value.getTime())})`;
  if (value instanceof Map) {
    return `Map${[...value].map(([k, v]) => `${exactly(k)}=>${exactly(v)}`)};`;
  }
  if (value instanceof Set) return `Set(${[...value].map(exactly)})`;
  if (value instanceof Error) return errorText(value);
  if (value instanceof URL) return `URL(${value.href})`;
  if (value instanceof Point) return `Point(${exactly(value.data)})`;
  if (value instanceof Raw) return `Raw${exactly(value.passed)}`;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype) {
    throw new TypeError("A decoded object must have the plain prototype.");
  }
  return `{${ownText(value)}}`;
}

function ownText(value: object): string {
  return Object.entries(Object.getOwnPropertyDescriptors(value))
    .filter(([_, it]) => it.enumerable)
    .map(([key, it]) => `${JSON.stringify(key)}:${exactly(it.value)}`)
    .join();
}

function listText(list: readonly unknown[]): string {
  const items: string[] = [];
  for (let index = 0; index < list.length; index++) {
    items.push(index in list ? exactly(list[index]) : "<hole>");
  }
  return `[${items.join()}]`;
}

function errorText(error: Error): string {
  const cause = Object.hasOwn(error, "cause")
    ? ` cause ${exactly(error.cause)}`
    : "";
  const errors = error instanceof AggregateError
    ? ` errors ${exactly(error.errors)}`
    : "";
  const { constructor } = Object.getPrototypeOf(error);
  return `${constructor.name} ${JSON.stringify(error.name)} ${
    JSON.stringify(error.message)
  }${cause}${errors} {${ownText(error)}}`;
}

function tagOf(view: ArrayBufferView): string {
  return Object.prototype.toString.call(view).slice(8, -1);
}

function bytesText(
  kind: string,
  buffer: ArrayBufferLike,
  offset: number,
  length?: number,
): string {
  return `${kind}<${new Uint8Array(buffer, offset, length).join(" ")}>`;
}
