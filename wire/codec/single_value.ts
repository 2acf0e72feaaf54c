/**
 * Values by themselves, outside of messages: encoded for files, queues and
 * tests, or kept as the bytes that they came as until somebody takes them.
 *
 * @module
 */

import { ByteReader, ByteWriter } from "./bytes.ts";
import { WireError } from "../base/errors.ts";
import {
  DEFAULT_LIMITS,
  resolveLimits,
  type ValueLimits,
  type WireLimits,
} from "../base/limits.ts";
import {
  type LentTables,
  ReceiveTables,
  SendTables,
  writeEntry,
} from "./tables.ts";
import { ValueReader } from "./value_reader.ts";
import {
  resolveValueTypes,
  type ValueTypeOptions,
  type ValueTypes,
} from "./value_types.ts";
import { checkOptionKeys } from "../base/checks.ts";
import { MOST_SECTION, ValueWriter } from "./value_writer.ts";
import { KIND, STRINGS } from "./messages.ts";

/**
 * Encodes one value as a wire would, its key sets in front of it.
 *
 * @param value The value.
 * @param limits The limits that differ from the default.
 * @param options The types of values that are declared.
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
  options: ValueTypeOptions = {},
): Uint8Array<ArrayBuffer> {
  return encode(value, resolveLimits(limits), typesOf(options));
}

/** The types that options declare. */
function typesOf(options: ValueTypeOptions): ValueTypes | undefined {
  checkOptionKeys(options, { valueTypes: true }, "a value");
  return resolveValueTypes(options.valueTypes);
}

/**
 * Encodes a value of this side's own.
 *
 * @param value The value.
 * @param limits All limits.
 * @param types The types that are declared.
 * @returns Its bytes.
 */
export function encode(
  value: unknown,
  limits: Readonly<WireLimits>,
  types: ValueTypes | undefined,
): Uint8Array<ArrayBuffer> {
  const tables = new SendTables();
  tables.entryLimit = Infinity;
  const writer = new ByteWriter();
  const values = new ValueWriter(writer, tables, limits, { types });
  values.write(value);
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
 * @param options The types of values that are declared.
 * @returns The value.
 * @throws {WireError} `malformed` for bytes that are no value, `limit` for a
 * value that is too large, `unsupportedValue` for one of a type that is not
 * declared, or cannot be made.
 *
 * @example
 * ```ts
 * import { decodeValue, encodeValue, WireError } from "@remote/wire";
 *
 * const bytes = encodeValue(new Map([["a", 1n]]));
 * const map = decodeValue(bytes) as Map<string, bigint>;
 * if (map.get("a") !== 1n) throw new Error();
 * try {
 *   decodeValue(bytes.subarray(1));
 *   throw new Error("That was no value.");
 * } catch (error) {
 *   if (!(error instanceof WireError) || error.code !== "malformed") throw error;
 * }
 * ```
 */
export function decodeValue(
  bytes: Uint8Array,
  limits: Partial<WireLimits> = {},
  options: ValueTypeOptions = {},
): unknown {
  return decode(bytes, resolveLimits(limits), typesOf(options)).value;
}

/**
 * Decodes a value of this side's own, where there is room for it.
 *
 * @param bytes What {@linkcode encode} made.
 * @param types The types that are declared.
 * @param room What it may take in memory.
 * @returns The value, and what it takes; undefined where that is too much.
 */
export function decodeWeighed(
  bytes: Uint8Array,
  types: ValueTypes | undefined,
  room: number,
): { value: unknown; weight: number } | undefined {
  try {
    return decode(bytes, DEFAULT_LIMITS, types, room);
  } catch (error) {
    if (error instanceof WireError && error.code === "limit") return undefined;
    throw error;
  }
}

function decode(
  bytes: Uint8Array,
  limits: Readonly<WireLimits>,
  types: ValueTypes | undefined,
  room = Infinity,
): { value: unknown; weight: number } {
  const tables = new ReceiveTables();
  const reader = new ByteReader();
  reader.turnTo(bytes, 0, bytes.length);
  const count = reader.varint();
  for (let entry = 0; entry < count; entry++) tables.readEntry(reader);
  const values = new ValueReader(reader, tables, limits, { types });
  values.begin(
    undefined,
    0,
    () => ({ most: Infinity, room, roomAlong: room }),
  );
  const value = values.read();
  reader.finish();
  return { value, weight: values.weight };
}

// Typed messages and items of streams that nobody waits for, kept as the bytes
// that they came as, where these are far less than what is made of them. They
// were decoded once when they came, so that nothing can be wrong with them.

/** Bytes of short messages share buffers of this size. */
const SHARED = 4 * 1024;
/** Messages from here on have one of their own. */
const LONG = 1024;

const EMPTY = new Uint8Array(0);

/** A value that is made when it is taken. */
export class Kept {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  readonly #isOwned: boolean;
  #lent: LentTables | undefined;
  readonly #limits: ValueLimits;

  /**
   * @param bytes What holds the body of its message.
   * @param start Where that begins.
   * @param end Where it ends.
   * @param isOwned Whether the bytes are its own alone.
   * @param lent The key sets that it refers to, which it releases.
   * @param limits This side's limits.
   */
  constructor(
    bytes: Uint8Array,
    start: number,
    end: number,
    isOwned: boolean,
    lent: LentTables,
    limits: ValueLimits,
  ) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#isOwned = isOwned;
    this.#lent = lent;
    this.#limits = limits;
  }

  /** Makes the value; it can be taken once. */
  take(): unknown {
    const reader = new ByteReader();
    reader.turnTo(this.#bytes, this.#start, this.#end, this.#isOwned);
    const kind = reader.byte();
    if (kind !== KIND.message && kind !== (KIND.message | STRINGS)) {
      reader.varint();
    }
    if (kind === KIND.streamBytes) return reader.bytes(reader.remaining);
    const values = new ValueReader(reader, this.#lent!, this.#limits);
    values.begin(
      kind & STRINGS ? reader.textAtEnd(MOST_SECTION) : undefined,
    );
    const value = values.read();
    this.drop();
    return value;
  }

  /** Nobody will take it. */
  drop(): void {
    this.#lent?.release();
    this.#lent = undefined;
  }
}

/**
 * Where the bytes of messages are that are taken in the order of their coming.
 */
export class KeptBytes {
  #shared = EMPTY;
  #used = 0;

  /**
   * Keeps the body of a message.
   *
   * @param body Its bytes.
   * @param isOwned Whether nobody else uses their buffer.
   * @param lent The key sets that it refers to.
   * @param limits This side's limits.
   * @returns What makes its value.
   */
  keep(
    body: Uint8Array,
    isOwned: boolean,
    lent: LentTables,
    limits: ValueLimits,
  ): Kept {
    const { length } = body;
    if (isOwned || length >= LONG) {
      const own = isOwned ? body : body.slice();
      return new Kept(own, 0, length, true, lent, limits);
    }
    if (this.#used + length > this.#shared.length) {
      this.#shared = new Uint8Array(SHARED);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    this.#shared.set(body, start);
    return new Kept(this.#shared, start, this.#used, false, lent, limits);
  }
}

/** Keeps the message that came last. */
export interface Keeper {
  /** Keeps it among others that are taken in order. */
  keep(bytes: KeptBytes): Kept;
}

/** The message that came last. */
export interface LastMessage extends Keeper {
  /** How many bytes its body has. */
  readonly size: number;
  /** What its values take in memory, about. */
  readonly weight: number;
}
