/**
 * The golden vectors of the protocol, `vectors.json`: what it has as JSON made
 * into values, messages and bytes. `docs/protocol.md` tells the notation.
 *
 * @module
 */

import type { Message } from "../wire/codec/messages.ts";
import { valueType, ValueTypes } from "../wire/codec/value_types.ts";
import { Raw } from "./_raw_values.ts";

/** A value alone: its bytes, and the key sets that they refer to. */
export interface ValueVector {
  name: string;
  value: unknown;
  /** The key sets defined before it, by index. */
  keySets?: string[][];
  hex: string;
  /** `"decode"` where a receiver takes these bytes and no sender makes them. */
  only?: "decode";
}

/** Messages in a row on a fresh connection, and the frames they make. */
export interface StreamVector {
  name: string;
  messages: unknown[];
  frames: string[];
  only?: "decode";
}

/** Frames of which the last one ends a wire. */
export interface RefusedVector {
  name: string;
  frames: string[];
  code: string;
}

/** A whole session, each direction by itself. */
export interface SessionVector {
  client: string[];
  server: string[];
}

/** All of `vectors.json`. */
export interface Vectors {
  values: ValueVector[];
  streams: StreamVector[];
  refused: RefusedVector[];
  session: SessionVector;
}

/** The vectors. */
export const VECTORS: Vectors = JSON.parse(
  Deno.readTextFileSync(new URL("vectors.json", import.meta.url)),
);

/** Bytes of hex: two digits each, `ff*3` for three of them. */
export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (const word of hex.split(/\s+/)) {
    if (word === "") continue;
    const [, byte, times = "1"] = /^([0-9a-f]{2})(?:\*(\d+))?$/.exec(word) ??
      [];
    if (byte === undefined) throw new Error(`"${word}" is no byte.`);
    for (let count = Number(times); count > 0; count--) {
      bytes.push(parseInt(byte, 16));
    }
  }
  return Uint8Array.from(bytes);
}

/** Bytes as hex, two digits each. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join(" ");
}

/** A value of the declared type "point". */
export class Point {
  /** @param data What it travels as. */
  constructor(readonly data: unknown) {}
}

/** The types that are declared for the vectors. */
export const TYPES = new ValueTypes([
  valueType({
    name: "point",
    test: (value): value is Point => value instanceof Point,
    toData: ({ data }) => data,
    fromData: (data) => new Point(data),
  }),
]);

/** What stands for something that JSON has no word for. */
interface Notation {
  $: string;
  is?: unknown;
  times?: number;
  [part: string]: unknown;
}

/** The value that a notation tells. */
export function valueOf(notation: unknown): unknown {
  if (typeof notation !== "object" || notation === null) return notation;
  if (Array.isArray(notation)) return notation.map(valueOf);
  if ("$" in notation) return special(notation as Notation);
  return objectOf(Object.entries(notation));
}

/** The message that a notation tells. */
export function messageOf(notation: unknown): Message {
  return valueOf(notation) as Message;
}

function objectOf(entries: [string, unknown][]): object {
  const object = {};
  for (const [key, notation] of entries) {
    const value = valueOf(notation);
    Object.defineProperty(object, key, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return object;
}

function special(notation: Notation): unknown {
  const { $: kind, is, times } = notation;
  switch (kind) {
    case "undefined":
      return undefined;
    case "number":
      return Number(is);
    case "bigint":
      return bigintOf(is as string);
    case "text":
      return (is as string).repeat(times!);
    case "list":
      return Array.from({ length: times! }, () => valueOf(is));
    case "object":
      return objectOf(is as [string, unknown][]);
    case "date":
      return new Date(valueOf(is) as number);
    case "map":
      return new Map(valueOf(is) as [unknown, unknown][]);
    case "set":
      return new Set(valueOf(is) as unknown[]);
    case "error":
      return errorOf(notation);
    case "reference":
    case "own":
    case "stream":
    case "result":
      return rawOf(notation);
    case "bytes":
      return fromHex(is as string);
    case "url":
      return new URL(is as string);
    case "point":
      return new Point(valueOf(is));
    case "ArrayBuffer":
      return fromHex(is as string).buffer;
    case "DataView":
      return new DataView(fromHex(is as string).buffer);
    default:
      return arrayOf(kind, valueOf(is) as unknown[]);
  }
}

function rawOf(notation: Notation): Raw {
  const { slot, nonce, id, isFunction = false } = notation as unknown as {
    slot: number;
    nonce: number;
    id: number;
    isFunction?: boolean;
  };
  switch (notation.$) {
    case "reference":
      return new Raw({ as: "object", slot, nonce, isFunction });
    case "own":
      return new Raw({ as: "own", slot, nonce });
    default:
      return new Raw({ as: notation.$ as "stream" | "result", id });
  }
}

function bigintOf(text: string): bigint {
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
}

function arrayOf(kind: string, list: unknown[]): unknown {
  const constructor = (globalThis as unknown as Record<
    string,
    { from(list: unknown[]): unknown } | undefined
  >)[kind];
  if (constructor === undefined) throw new Error(`There is no ${kind}.`);
  return constructor.from(list);
}

const ERRORS: Record<string, ErrorConstructor> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
};

function errorOf(parts: Notation): Error {
  const { name, message, stack, errors, data = {} } = parts as unknown as {
    name: string;
    message: string;
    stack?: string;
    errors?: unknown[];
    data?: object;
  };
  const options = "cause" in parts
    ? { cause: valueOf(parts.cause) }
    : undefined;
  const error = errors !== undefined
    ? new AggregateError(valueOf(errors) as unknown[], message, options)
    : new (ERRORS[name] ?? Error)(message, options);
  if (error.name !== name) {
    Object.defineProperty(error, "name", { value: name, configurable: true });
  }
  // One that came without a stack has one of its name and its message.
  error.stack = stack ?? `${name}: ${message}`;
  return Object.assign(error, valueOf(data));
}
