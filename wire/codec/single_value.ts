/**
 * The codec for one value by itself, for files, queues and tests.
 *
 * @module
 */

import { ByteReader, ByteWriter } from "./bytes.ts";
import { WireError } from "../base/errors.ts";
import {
  DEFAULT_LIMITS,
  resolveLimits,
  type WireLimits,
} from "../base/limits.ts";
import { ReceiveTables, SendTables, writeEntry } from "./tables.ts";
import { ValueReader } from "./value_reader.ts";
import { ValueWriter } from "./value_writer.ts";

/**
 * Encodes one value as a wire would, its key sets in front of it.
 *
 * @param value The value.
 * @param limits The limits that differ from the default.
 * @returns Its bytes.
 * @throws {WireError} `unsupportedValue` or `limit`.
 *
 * @example
 * ```ts
 * import { decodeValue, encodeValue } from "@remote/wire/wire";
 *
 * const bytes = encodeValue({ at: new Date(0), tags: new Set(["a"]) });
 * const value = decodeValue(bytes) as { at: Date; tags: Set<string> };
 * if (value.at.getTime() !== 0 || !value.tags.has("a")) throw new Error();
 * ```
 */
export function encodeValue(
  value: unknown,
  limits: Partial<WireLimits> = {},
): Uint8Array<ArrayBuffer> {
  const tables = new SendTables();
  tables.entryLimit = Infinity;
  const writer = new ByteWriter();
  new ValueWriter(writer, tables, resolveLimits(limits)).write(value);
  const body = writer.flip();
  const entries = tables.takeFresh();
  writer.varint(entries.length);
  for (const entry of entries) writeEntry(writer, entry);
  writer.bytes(body);
  return writer.written().slice();
}

/**
 * Decodes what {@linkcode encodeValue} made.
 *
 * @param bytes The bytes.
 * @param limits The limits that differ from the default.
 * @returns The value.
 * @throws {WireError} `malformed` for bytes that are no value, `limit` for a
 * value that is too large.
 */
export function decodeValue(
  bytes: Uint8Array,
  limits: Partial<WireLimits> = {},
): unknown {
  return decode(bytes, resolveLimits(limits)).value;
}

/**
 * Decodes a value of this side's own, where there is room for it.
 *
 * @param bytes What {@linkcode encodeValue} made.
 * @param room What it may take in memory.
 * @returns The value, and what it takes; undefined where that is too much.
 */
export function decodeWeighed(
  bytes: Uint8Array,
  room: number,
): { value: unknown; weight: number } | undefined {
  try {
    return decode(bytes, DEFAULT_LIMITS, room);
  } catch (error) {
    if (error instanceof WireError && error.code === "limit") return undefined;
    throw error;
  }
}

function decode(
  bytes: Uint8Array,
  limits: Readonly<WireLimits>,
  room = Infinity,
): { value: unknown; weight: number } {
  const tables = new ReceiveTables();
  const reader = new ByteReader();
  reader.turnTo(bytes, 0, bytes.length);
  const count = reader.varint();
  for (let entry = 0; entry < count; entry++) tables.readEntry(reader);
  const values = new ValueReader(reader, tables, limits);
  values.begin(undefined, { most: Infinity, room, roomAlong: room });
  const value = values.read();
  reader.finish();
  return { value, weight: values.weight };
}
