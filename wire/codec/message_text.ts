/**
 * Messages and values as one line of text, of a bounded length, that cannot
 * move a cursor.
 *
 * @module
 */

import { mistaken } from "../base/checks.ts";
import { escapeControls, printPlain, printReport } from "../base/report.ts";
import type { TappedMessage } from "./wire_tap.ts";

/** So many units of text show a message where nothing else is said. */
const MOST = 200;
/** A name that needs no quotes. */
const PLAIN_NAME = /^[\w$.:*+/<>=!?-]+$/;
/** So many units of a name are shown. */
const LONGEST_NAME = 100;

/**
 * A message as one line: what it is, of which call, with which values, how long
 * an answer took. Whatever is in it, the line has no control characters, nor
 * what turns the direction of writing.
 *
 * @param message The message.
 * @param most How many UTF-16 units its values may have, about; what is left
 * out shows as `…`.
 * @returns The line, without its direction and its size.
 * @throws {WireError} `invalidArgument` for what is no message.
 *
 * @example
 * ```ts
 * import { messageText, type TappedMessage } from "@remote/wire/codec";
 *
 * const call: TappedMessage = {
 *   direction: "sent",
 *   time: 0,
 *   kind: "call",
 *   size: 11,
 *   name: "add",
 *   id: 7,
 *   fields: { name: "add", id: 7, args: [40, 2], deadline: 0 },
 * };
 * if (messageText(call) !== "call #7 add(40, 2)") throw new Error();
 * ```
 */
export function messageText(message: TappedMessage, most = MOST): string {
  if (!isMessage(message)) {
    throw mistaken("messageText() takes what a WireTap told", message);
  }
  const { kind, id, name, latency, credit } = message;
  const text = new Text(most);
  const isStream = kind.startsWith("stream");
  text.add(kind);
  if (id !== undefined) text.add(` ${isStream ? "~" : "#"}${id}`);
  if (name !== undefined && name !== "") text.add(` ${nameText(name)}`);
  addFields(text, message);
  if (latency !== undefined) text.end += ` (${latency.toFixed(1)} ms)`;
  if (credit !== undefined) text.end += ` (credit ${credit})`;
  return text.whole;
}

function isMessage(value: unknown): boolean {
  const { kind, fields } = Object(value);
  return typeof kind === "string" && typeof fields === "object" &&
    fields !== null;
}

/**
 * A value as one line of text; see {@linkcode messageText}.
 *
 * @param value What came: data, and what stands for what is no data.
 * @param most How many UTF-16 units it may have, about.
 * @returns The line: texts in quotes, `Map { "a" => 1n }`, `Uint8Array(2) 01 ff`.
 *
 * @example
 * ```ts
 * import { valueText } from "@remote/wire/codec";
 *
 * const value = { at: [1, 2n], bell: "\u0007" };
 * const text = '{ at: [1, 2n], bell: "\\u0007" }';
 * if (valueText(value) !== text) throw new Error();
 * if (valueText("x".repeat(1_000), 10).length > 20) throw new Error();
 * ```
 */
export function valueText(value: unknown, most = MOST): string {
  const text = new Text(most);
  text.value(value);
  return text.whole;
}

/** What the words of REMOTE_WIRE_DEBUG print: kinds, or everything. */
const DEBUG_WORDS: Readonly<Record<string, readonly string[] | "all">> = {
  calls: [
    "call",
    "send",
    "return",
    "returnValues",
    "throw",
    "fail",
    "cancel",
    "overLimit",
    "undecoded",
  ],
  frames: "all",
};

/**
 * Makes what prints messages as REMOTE_WIRE_DEBUG says: each on a line of the
 * error output. Where that is slow, lines are left out and counted.
 *
 * @param wanted The words, with commas between them.
 * @param where With whom the wire is, for the lines.
 * @returns What prints a message, if one is wanted. It never throws.
 */
export function debugPrinter(
  wanted: string,
  where: string,
): (message: TappedMessage) => void {
  const kinds = new Set<string>();
  let isAll = false;
  for (const word of wanted.split(",").map((part) => part.trim())) {
    const found = Object.hasOwn(DEBUG_WORDS, word)
      ? DEBUG_WORDS[word]!
      : undefined;
    if (found === undefined) {
      printReport(
        `@remote/wire: REMOTE_WIRE_DEBUG is ${
          Object.keys(DEBUG_WORDS).join(", ")
        } or both, with a comma between them, and not ${valueText(word)}.`,
      );
    } else if (found === "all") isAll = true;
    else for (const kind of found) kinds.add(kind);
  }
  let left = 0;
  return (message) => {
    const { direction, size, kind } = message;
    if (!isAll && !kinds.has(kind)) return;
    const arrow = direction === "sent" ? "→" : "←";
    const lines = left === 0 ? "" : `… ${left} messages are not shown\n`;
    const text = messageText(message);
    const isPrinted = printPlain(
      `${lines}${arrow} ${escapeControls(where)} ${text} [${size} B]`,
    );
    left = isPrinted ? 0 : left + 1;
  };
}

/** A line that grows as long as there is room. */
class Text {
  /** What stands behind all values. */
  end = "";
  #text = "";
  #left: number;

  constructor(most: number) {
    this.#left = most;
  }

  get whole(): string {
    return this.#text + (this.isFull ? "…" : "") + this.end;
  }

  /** Whether something had no room. */
  get isFull(): boolean {
    return this.#left < 0;
  }

  /** Adds a text that is harmless; it is cut where there is no room. */
  add(text: string): void {
    if (this.isFull) return;
    this.#text += text.length > this.#left ? text.slice(0, this.#left) : text;
    this.#left -= text.length;
  }

  /** Adds a text in quotes. */
  quoted(text: string): void {
    const most = Math.max(0, this.#left);
    if (text.length <= most) return this.add(escapeControls(quote(text)));
    this.add(escapeControls(quote(text.slice(0, most))).slice(0, -1));
    this.#left = -1;
  }

  /** Adds a list of values. */
  values(values: Iterable<unknown>): void {
    let isFirst = true;
    for (const value of values) {
      if (this.isFull) return;
      if (!isFirst) this.add(", ");
      isFirst = false;
      this.value(value);
    }
  }

  /** Adds what a dictionary holds; a text that follows its keys. */
  members(members: Iterable<readonly [string, unknown]>): void {
    let isFirst = true;
    for (const [key, value] of members) {
      if (this.isFull) return;
      this.add(isFirst ? "{ " : ", ");
      isFirst = false;
      if (PLAIN_NAME.test(key) && key.length <= LONGEST_NAME) this.add(key);
      else this.quoted(key);
      this.add(": ");
      this.value(value);
    }
    this.add(isFirst ? "{}" : " }");
  }

  /** Adds a value. */
  value(value: unknown): void {
    switch (typeof value) {
      case "string":
        return this.quoted(value);
      case "bigint": {
        // Making the decimal digits of a large one takes long.
        if (value <= LARGE && value >= -LARGE) return this.add(`${value}n`);
        return this.add(
          Number.isFinite(this.#left)
            ? "a large bigint"
            : `${value < 0n ? "-" : ""}0x${
              (value < 0n ? -value : value).toString(16)
            }n`,
        );
      }
      case "number":
        return this.add(Object.is(value, -0) ? "-0" : String(value));
      case "object":
        return value === null ? this.add("null") : this.#object(value);
      default:
        return this.add(escapeControls(String(value)));
    }
  }

  #object(value: object): void {
    if (Array.isArray(value)) return this.#array(value);
    if (value instanceof Error) return this.#error(value);
    if (value instanceof Map) {
      this.add("Map {");
      let isFirst = true;
      for (const [key, item] of value) {
        if (this.isFull) return;
        this.add(isFirst ? " " : ", ");
        isFirst = false;
        this.value(key);
        this.add(" => ");
        this.value(item);
      }
      return this.add(isFirst ? "}" : " }");
    }
    if (value instanceof Set) {
      this.add("Set [");
      this.values(value);
      return this.add("]");
    }
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      return this.#bytes(value);
    }
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      if (prototype === null && this.#standIn(value)) return;
      return this.members(Object.entries(value));
    }
    this.#instance(value);
  }

  /** An array; behind its first hole members stand with their places. */
  #array(array: readonly unknown[]): void {
    this.add("[");
    for (let index = 0; index < array.length && !this.isFull; index++) {
      if (index > 0) this.add(", ");
      if (!(index in array)) {
        const rest = Object.entries(array)
          .filter(([key]) => Number(key) > index);
        this.members(rest);
        this.add(` of ${array.length}`);
        break;
      }
      this.value(array[index]);
    }
    this.add("]");
  }

  /** What stands for what is no data; false for what is data. */
  #standIn(value: object): boolean {
    const { reference, id, valueType, data } = value as Record<string, unknown>;
    if (typeof reference === "string" && typeof id === "number") {
      this.add(`<${escapeControls(reference)} ${id}>`);
      return true;
    }
    if (typeof valueType !== "string" || !("data" in value)) return false;
    this.add(`<${nameText(valueType)} `);
    this.value(data);
    this.add(">");
    return true;
  }

  #error(error: Error): void {
    this.add(nameText(error.name));
    this.add(": ");
    this.quoted(error.message);
    if (error instanceof AggregateError) {
      this.add(" of [");
      this.values(error.errors);
      this.add("]");
    }
    const members = Object.entries(error);
    if (members.length > 0) {
      this.add(" ");
      this.members(members);
    }
    if (error.cause === undefined) return;
    this.add(" caused by ");
    this.value(error.cause);
  }

  #bytes(value: ArrayBufferView | ArrayBuffer): void {
    const kind = value.constructor.name;
    const isView = ArrayBuffer.isView(value);
    const isNumbers = isView && !(value instanceof Uint8Array) &&
      Symbol.iterator in value;
    if (isNumbers) {
      const numbers = value as unknown as ArrayLike<number | bigint>;
      this.add(`${kind}(${numbers.length}) [`);
      this.values(numbers as unknown as Iterable<unknown>);
      return this.add("]");
    }
    const bytes = isView
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value);
    this.add(`${kind}(${bytes.length})`);
    for (const byte of bytes) {
      if (this.isFull) return;
      this.add(` ${byte.toString(16).padStart(2, "0")}`);
    }
  }

  /** An instance of a class, such as a date, a URL, or a symbol of Lisp. */
  #instance(value: object): void {
    try {
      if (value instanceof Date) {
        const isValid = Number.isFinite(value.getTime());
        return this.add(isValid ? value.toISOString() : "Invalid Date");
      }
      if (value.toString !== Object.prototype.toString) {
        return this.add(escapeControls(cut(String(value), this.#left + 1)));
      }
      this.add(`${nameText(value.constructor.name)} `);
      this.members(Object.entries(value));
    } catch {
      this.add("an object");
    }
  }
}

/** From here on bigints are not shown in digits. */
const LARGE = 1n << 512n;

/** Adds what a message holds besides its name and its number. */
function addFields(text: Text, { kind, fields, size }: TappedMessage): void {
  const { args, values, value, thrown, reason, bytes, metadata } = fields;
  switch (kind) {
    case "call":
    case "send":
      text.add("(");
      text.values(args as unknown[]);
      text.add(")");
      if (fields.target !== undefined) text.add(` on ${targetText(fields)}`);
      if (Number(fields.deadline) > 0) {
        text.add(` within ${fields.deadline} ms`);
      }
      if (metadata === undefined) return;
      text.add(" with ");
      return text.value(metadata);
    case "return":
      return after(text, " = ", value);
    case "returnValues":
      text.add(" = ");
      return text.values(values as unknown[]);
    case "throw":
    case "streamError":
      return after(text, " threw ", thrown);
    case "message":
    case "streamValue":
      return after(text, " ", value);
    case "streamBytes":
      return after(text, " ", bytes);
    case "streamCancel":
      return reason === undefined ? undefined : after(text, " ", reason);
    case "fail":
    case "streamFail":
    case "abort":
      text.add(` ${nameText(String(fields.code))}: `);
      return text.quoted(String(fields.message));
    case "overLimit":
      text.add(` (${nameText(String(fields.of))}): `);
      return text.quoted((fields.error as Error).message);
    case "undecoded": {
      const first = (bytes as Uint8Array).subarray(0, MOST_HEX);
      const rest = size > first.length ? " …" : "";
      if (first.length > 0) text.add(` ${hexText(first)}${rest}`);
      text.add(`: ${escapeControls(String(fields.why))}`);
      return;
    }
    case "streamEnd":
    case "cancel":
    case "accept":
    case "close":
    case "finish":
      return;
    default: {
      const members = Object.entries(fields).filter(([key]) => key !== "id");
      text.add(" ");
      return text.members(members);
    }
  }
}

/** So many bytes are shown of what cannot be decoded. */
const MOST_HEX = 16;

/** Bytes as pairs of digits. */
function hexText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join(" ");
}

function after(text: Text, words: string, value: unknown): void {
  text.add(words);
  text.value(value);
}

/** What a call is made on. */
function targetText(fields: TappedMessage["fields"]): string {
  const target = fields.target as { slot?: number; result?: number };
  return target.slot === undefined
    ? `<result ${target.result}>`
    : `<object ${target.slot}>`;
}

/** A name: as it is, or in quotes. */
function nameText(name: string): string {
  const short = cut(name, LONGEST_NAME);
  return PLAIN_NAME.test(name) ? short : escapeControls(quote(short));
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, Math.max(0, most))}…` : text;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
