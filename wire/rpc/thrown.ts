/**
 * What was thrown at one end, as the other end sees it.
 *
 * @module
 */

import {
  errorMessage,
  isReadable,
  RemoteError,
  shortText,
  WireError,
} from "../base/errors.ts";
import type { WireLimits } from "../base/limits.ts";
import { endStreams, isStreamed, REFERENCE } from "../codec/passing.ts";
import {
  errorList,
  holderOf,
  leafOf,
  type PartCopier,
  valueKind,
} from "../codec/value_kinds.ts";
import { declaredType, type ValueTypes } from "../codec/value_types.ts";

/** The name of an error that stands for what a wire itself has to say. */
const REFUSAL = "Refusal";

/**
 * The local image of what a remote function threw.
 *
 * @param functionName Which function it was.
 * @param thrown What came of it.
 */
export function remoteError(
  functionName: string,
  thrown: unknown,
): RemoteError {
  if (!(thrown instanceof Error)) {
    const message = `"${functionName}" threw ${
      typeof thrown === "string" ? thrown : "a value that is no error"
    }`;
    return new RemoteError({
      name: "Error",
      message,
      functionName,
      data: thrown,
    });
  }
  const { name, message, cause } = thrown;
  const entries = Object.entries(thrown);
  const stack = thrown.stack ?? "";
  return new RemoteError({
    name,
    message,
    functionName,
    data: entries.length > 0 ? Object.fromEntries(entries) : undefined,
    cause,
    errors: thrown instanceof AggregateError ? thrown.errors : undefined,
    remoteStack: stack === `${name}: ${message}` ? undefined : stack,
  });
}

/**
 * What is left of something thrown when it cannot be sent: its name and its
 * message, whatever its getters do.
 *
 * @param thrown What was thrown.
 */
export function plainError(thrown: unknown): Error {
  const plain = new Error(shortText(errorMessage(thrown)));
  try {
    if (thrown instanceof Error) plain.name = shortText(String(thrown.name));
  } catch {
    // It stays an Error.
  }
  return plain;
}

/**
 * Sends something thrown. Where a part of it cannot be sent, it goes without
 * that part; where nothing else helps, its name and message go.
 *
 * @param thrown What was thrown.
 * @param encoder What the peer takes, and the types that are declared.
 * @param send Sends it; throws when it cannot be sent.
 * @param unreadable Called, where it is there, for what has no text either.
 */
export function sendThrown(
  thrown: unknown,
  encoder: Sending,
  send: (thrown: unknown) => void,
  unreadable?: () => void,
): void {
  try {
    return send(thrown);
  } catch {
    // A part of it cannot be sent.
  }
  if (unreadable !== undefined && !isReadable(thrown)) return unreadable();
  for (const isShort of [false, true]) {
    try {
      return send(sendable(thrown, encoder.limits, isShort, encoder.types));
    } catch {
      // What is short holds less.
    }
  }
  const plain = plainError(thrown);
  try {
    send(plain);
  } catch {
    // A peer may take but a single value.
    send(plain.message);
  }
}

/**
 * What a wire itself has to say of a stream, as it travels among what is
 * thrown: see "Streams" in `docs/protocol.md`.
 *
 * @param code The code.
 * @param message The message.
 */
export function refusal(code: string, message: string): Error {
  const error = new Error(shortText(message));
  return Object.assign(error, { name: REFUSAL, code });
}

/**
 * What a wire itself had to say; undefined for what a program threw.
 *
 * @param thrown What came.
 */
export function refusalIn(thrown: unknown): WireError | undefined {
  if (!(thrown instanceof Error) || thrown.name !== REFUSAL) return undefined;
  const { code } = thrown as { code?: unknown };
  if (typeof code !== "string") return undefined;
  return new WireError(code, thrown.message);
}

// What can be sent of something thrown, where not all of it can: a copy, with a
// note in the place of each part that is left out.

/** What something thrown is sent with. */
export interface Sending {
  /** What the peer takes. */
  readonly limits: SendLimits;
  /** The types of values that are declared. */
  readonly types?: ValueTypes | undefined;
}

/** What the peer takes. */
export type SendLimits = Pick<
  WireLimits,
  "message" | "nesting" | "values" | "bigint"
>;

/** No more values than this are copied, and no more units of text. */
const MOST_VALUES = 10_000;
const MOST_UNITS = 64 * 1024;
/** Of the name, and of the message, of what was thrown. */
const LEAST_UNITS = 300;

/**
 * Copies what can be sent of a value.
 *
 * @param value The value, whatever its getters do.
 * @param limits What the peer takes.
 * @param isData Whether what is no data, and what is of a declared type, is
 * left out, too.
 * @param types The types that are declared.
 * @returns The copy.
 */
export function sendable(
  value: unknown,
  limits: SendLimits,
  isData: boolean,
  types?: ValueTypes,
): unknown {
  return new Copier(limits, isData, types).copy(value, 0);
}

/** What stands in the place of a part that is not sent. */
function note(why: string): string {
  return `[not sent: ${why}]`;
}

class Copier implements PartCopier {
  readonly #limits: SendLimits;
  readonly #isData: boolean;
  readonly #types: ValueTypes | undefined;
  /** How many values, and how many units of text, may still be copied. */
  #values: number;
  #units: number;
  /** So many of the values are for what comes behind the present holder. */
  #rest = 0;
  /** What holds the value that is just being copied. */
  readonly #holders = new Set<object>();

  constructor(
    limits: SendLimits,
    isData: boolean,
    types: ValueTypes | undefined,
  ) {
    this.#limits = limits;
    this.#types = types;
    this.#isData = isData;
    const { values, message } = limits;
    this.#values = Math.min(MOST_VALUES, values >> 1, message >> 7);
    this.#units = Math.min(MOST_UNITS, message >> 4);
  }

  /** Copies a value that so many others hold. */
  copy(value: unknown, depth: number): unknown {
    this.#values--;
    try {
      switch (typeof value) {
        case "string":
          return this.#text(value);
        case "bigint":
          return this.#bigint(value);
        case "symbol":
          return note("a symbol");
        case "function":
          return this.#isData ? note("a function") : value;
        case "object":
          return value === null ? null : this.#object(value, depth);
        default:
          return value;
      }
    } catch {
      return note("it throws when it is read");
    }
  }

  /** A text, as much of it as there is room for. */
  #text(text: string, least = 0): string {
    // Half of the room is for what comes behind it.
    const room = Math.max(least, this.#units >> 1);
    const short = text.slice(0, room).toWellFormed();
    this.#units -= short.length;
    return text.length > short.length ? `${short}… ${note("too long")}` : short;
  }

  #bigint(value: bigint): bigint | string {
    const { bigint } = this.#limits;
    const magnitude = value < 0n ? -value : value;
    return magnitude >> BigInt(bigint * 8) > 0n
      ? note("a bigint that is too large")
      : value;
  }

  #object(value: object, depth: number): unknown {
    if (this.#holders.has(value)) return note("it contains itself");
    if (value instanceof Promise && !(REFERENCE in value)) {
      endStreams(value, undefined);
      return note("a Promise");
    }
    if (REFERENCE in value || isStreamed(value)) {
      return this.#isData ? note("no data") : value;
    }
    if (!this.#isData && this.#types !== undefined) {
      if (declaredType(this.#types, value) !== undefined) return value;
    }
    const kind = valueKind(value);
    const leaf = leafOf(kind);
    if (leaf !== undefined) {
      // It throws where its bytes are gone, or were never there.
      const size = leaf.size(value);
      if (size > this.#units >> 1) return note("too large");
      this.#units -= size;
      return leaf.copy(value);
    }
    const holder = holderOf(kind);
    if (holder === undefined) {
      return note(`an instance of ${value.constructor?.name || "a class"}`);
    }
    // Room is left for what an error holds.
    if (depth > 0 && depth >= this.#limits.nesting - 1) {
      return note("nested too deeply");
    }
    this.#holders.add(value);
    try {
      return holder.copy(value, this, depth + 1);
    } finally {
      this.#holders.delete(value);
    }
  }

  /** Copies items. */
  list(items: Iterable<unknown>, depth: number): unknown[] {
    return this.#some(
      items,
      (item) => this.copy(item, depth),
      () => note("too much"),
    );
  }

  /** Copies pairs of a key and a value. */
  entries(
    entries: Iterable<[unknown, unknown]>,
    depth: number,
  ): [unknown, unknown][] {
    return this.#some<[unknown, unknown], [unknown, unknown]>(
      entries,
      ([key, item]) => [this.copy(key, depth), this.copy(item, depth)],
      () => ["…", note("too much")],
    );
  }

  /** Copies items until they are more than half of what may be copied. */
  #some<T, U>(
    items: Iterable<T>,
    copy: (item: T) => U,
    rest: () => U,
  ): U[] {
    const copies: U[] = [];
    const outer = this.#rest;
    this.#rest += (this.#values - outer) >> 1;
    try {
      for (const item of items) {
        if (this.#values <= this.#rest) return [...copies, rest()];
        copies.push(copy(item));
      }
      return copies;
    } finally {
      this.#rest = outer;
    }
  }

  /** The properties of some names, without a prototype. */
  members(
    value: object,
    keys: readonly string[],
    depth: number,
  ): Record<string, unknown> {
    const copies = this.#some(
      keys,
      (key) =>
        [
          this.#text(key),
          this.copy(read(value, key), depth),
        ] as const,
      () => ["…", note("too much")] as const,
    );
    const made: Record<string, unknown> = Object.create(null);
    for (const [key, copied] of copies) made[key] = copied;
    return made;
  }

  /** Its own properties first, and then what is behind it. */
  error(error: Error, depth: number): Error {
    // Of what was thrown itself, these two always go.
    const least = depth === 1 ? LEAST_UNITS : 0;
    const name = this.#text(asText(read(error, "name"), "Error"), least);
    const message = this.#text(asText(read(error, "message"), ""), least);
    const stack = read(error, "stack");
    const isStack = typeof stack === "string";
    const list = errorList(error);
    const keys = Object.keys(error).filter((key) =>
      !["name", "message", "stack", "cause"].includes(key) &&
      (key !== "errors" || list === undefined)
    );
    const mayHold = depth < this.#limits.nesting;
    const data = mayHold ? this.members(error, keys, depth + 1) : {};
    const cause = read(error, "cause");
    const hasCause = cause !== undefined && typeof cause !== "function";
    const options = hasCause ? { cause: this.copy(cause, depth) } : undefined;
    const copied = list === undefined || !mayHold
      ? new Error(message, options)
      : new AggregateError(this.list(list, depth + 1), message, options);
    const own = { name, stack: isStack ? this.#text(stack) : "" };
    for (const [key, value] of Object.entries(own)) {
      Object.defineProperty(copied, key, { value, configurable: true });
    }
    return Object.defineProperties(
      copied,
      Object.getOwnPropertyDescriptors(data),
    );
  }
}

/** A property, or a note where that throws. */
function read(holder: object, key: string): unknown {
  try {
    return (holder as Record<string, unknown>)[key];
  } catch {
    return note("it throws when it is read");
  }
}

function asText(value: unknown, otherwise: string): string {
  try {
    return String(value);
  } catch {
    return otherwise;
  }
}
