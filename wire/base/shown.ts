/**
 * Whatever a peer sent or a program passed: shown in messages, and looked at
 * without harm.
 *
 * @module
 */

import { errorMessage, Refusal, shortText, WireError } from "./errors.ts";

// Bytes that nobody expected, for messages: short, and harmless on a terminal.

/** So many bytes of a text are shown. */
const MOST_TEXT = 60;
/** And so many of what is none. */
const MOST_BYTES = 16;

/** What begins so is named; the text is for "it …". */
const KNOWN: readonly (readonly [RegExp, string])[] = [
  [/^HTTP\/\d/, "speaks HTTP: a web server"],
  [
    /^(GET|POST|PUT|HEAD|OPTIONS|PATCH|DELETE|CONNECT|PRI) \S/,
    "asks by HTTP: a browser, or another HTTP client",
  ],
  [/^SSH-/, "speaks SSH"],
];

/**
 * Shows the first of some bytes.
 *
 * @param bytes The bytes, as many as there are.
 * @returns A text in quotation marks, or bytes in hexadecimal.
 */
export function shownBytes(bytes: Uint8Array): string {
  if (!looksLikeText(bytes)) {
    const digits = Array.from(
      bytes.subarray(0, MOST_BYTES),
      (byte) => byte.toString(16).padStart(2, "0"),
    ).join(" ");
    return `the bytes ${digits}${bytes.length > MOST_BYTES ? " …" : ""}`;
  }
  const text = Array.from(bytes.subarray(0, MOST_TEXT), escaped).join("");
  return `"${text}"${bytes.length > MOST_TEXT ? " …" : ""}`;
}

/**
 * Names the protocol that bytes are of, where they begin as one that is known.
 *
 * @param bytes The first bytes that came.
 * @returns The rest of a sentence that begins with "it"; undefined if unknown.
 */
export function knownProtocol(bytes: Uint8Array): string | undefined {
  const [type = 0, major] = bytes;
  // A record of TLS: its type, then the version, 3.x.
  if (type >= 0x14 && type <= 0x17 && major === 3) {
    return "speaks TLS: use TLS at both ends";
  }
  const start = String.fromCharCode(...bytes.subarray(0, MOST_TEXT));
  return KNOWN.find(([pattern]) => pattern.test(start))?.[1];
}

/**
 * Whether bytes begin as a text does, rather than as a frame.
 *
 * @param bytes Some bytes.
 * @returns True if so.
 */
export function looksLikeText(bytes: Uint8Array): boolean {
  // The first byte of a frame's length is 0, or nearly.
  return bytes.length > 0 && bytes.subarray(0, 3).every(isOfText);
}

function isOfText(byte: number): boolean {
  return byte >= 0x20 && byte !== 0x7f || byte >= 9 && byte <= 13 ||
    byte === 0x1b;
}

function escaped(byte: number): string {
  switch (byte) {
    case 0x0a:
      return "\\n";
    case 0x0d:
      return "\\r";
    case 0x09:
      return "\\t";
    case 0x22:
      return '\\"';
    case 0x5c:
      return "\\\\";
    default:
      return byte >= 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
}

// Whatever a program passed, for messages: short, and whatever it is.

/** So many units of a text are shown. */
const MOST = 60;

/**
 * Shows a value.
 *
 * @param value Anything, even what throws when it is looked at.
 * @returns A text in quotation marks, a number, or what kind of thing it is.
 */
export function shown(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value.length > MOST
        ? `${JSON.stringify(value.slice(0, MOST))}…`
        : JSON.stringify(value);
    case "bigint":
      return BigInt.asIntN(64, value) === value
        ? `${value}n`
        : "a large bigint";
    case "symbol":
      return short(String(value));
    case "function":
      return "a function";
    case "object":
      return value === null ? "null" : kindOfObject(value);
    default:
      return String(value);
  }
}

/**
 * Says what a value is, where what a text says may be nobody's business.
 *
 * @param value Anything.
 * @returns The same as {@linkcode shown}, but that no text is shown.
 */
export function kindOf(value: unknown): string {
  return typeof value === "string" ? "a string" : shown(value);
}

/** What kind of object it is. */
function kindOfObject(value: object): string {
  try {
    if (Array.isArray(value)) return "an array";
    const kind = Object.prototype.toString.call(value).slice(8, -1);
    return `an object of the kind ${short(kind)}`;
  } catch {
    // It cannot be looked at.
  }
  return "an object";
}

function short(text: string): string {
  const shortened = text.slice(0, MOST).toWellFormed();
  return shortened.length < text.length ? `${shortened}…` : shortened;
}

// Values that may throw when they are looked at: revoked proxies, proxies with
// traps of their own, objects with a getter `then`.

/**
 * Whether something is an instance of a class: `instanceof` that never throws.
 *
 * @param value Anything.
 * @param made The class.
 * @returns False, too, for what cannot be looked at.
 */
export function isA<T>(
  value: unknown,
  // deno-lint-ignore no-explicit-any -- whatever the class is made with
  made: abstract new (...args: any[]) => T,
): value is T {
  try {
    return value instanceof made;
  } catch {
    return false;
  }
}

/**
 * What a function returned, where its value is still to come.
 *
 * @param result What it returned.
 * @returns The promise, or what is like one; undefined for any other value.
 * @throws {Refusal} `unsupportedValue` for what cannot be looked at.
 */
export function laterOf(result: unknown): PromiseLike<unknown> | undefined {
  try {
    if (!isThenable(result)) return undefined;
    void result.then;
    return result;
  } catch (error) {
    throw odd(error);
  }
}

/**
 * A promise of what comes of something that has a `then`, whatever that does.
 *
 * @param later What {@linkcode laterOf} found.
 * @returns The same promise, where it is a plain one.
 */
export function settled(later: PromiseLike<unknown>): Promise<unknown> {
  try {
    return later instanceof Promise && later.then === Promise.prototype.then
      ? Promise.resolve(later)
      : new Promise((resolve) => resolve(later));
  } catch (error) {
    return Promise.reject(odd(error));
  }
}

function odd(error: unknown): Refusal {
  return new Refusal(
    "unsupportedValue",
    `The value threw when it was read: ${errorMessage(error)}`,
  );
}

/** Whether something thrown can be looked at; never throws. */
export function isReadable(thrown: unknown): boolean {
  try {
    // A getter of an error's own that throws costs that property alone.
    if (!(thrown instanceof Error) && typeof thrown !== "object") return true;
    void (thrown as { constructor: unknown } | null)?.constructor;
    return true;
  } catch {
    return false;
  }
}

/**
 * Something thrown, as long as it can be looked at.
 *
 * @param thrown What was thrown.
 * @returns The same, or an `unsupportedValue` in its place.
 */
export function readable(thrown: unknown): unknown {
  return isReadable(thrown) ? thrown : new WireError(
    "unsupportedValue",
    "The function threw a value that cannot be read.",
  );
}

/**
 * The code and the message of an error, as texts that fit in a message,
 * whatever a program has put in their place. It never throws.
 *
 * @param error The error.
 */
export function wordsOf(
  error: { readonly code: unknown; readonly message: unknown },
): { code: string; message: string } {
  try {
    return { code: shortText(error.code), message: shortText(error.message) };
  } catch {
    return {
      code: "unsupportedValue",
      message: "The error cannot be read.",
    };
  }
}

// What `await` would wait for.

/**
 * Whether something has a function `then`: a promise of this realm, of another
 * one, or of a library's own making.
 *
 * @param value Anything.
 * @returns True where `await` would call its `then`.
 * @throws Whatever a getter `then`, or a proxy, throws when it is looked at.
 */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== "object" && typeof value !== "function") return false;
  if (value === null) return false;
  return value instanceof Promise ||
    typeof (value as { then?: unknown }).then === "function";
}

// The bytes of typed arrays, views and buffers: those that are there, whatever
// an object's own properties, or its class, say in the place of the language's.

const array: object = Object.getPrototypeOf(Uint8Array.prototype);
const nameOfView = getterOf<string | undefined>(array, Symbol.toStringTag);
const arrayBuffer = getterOf<ArrayBuffer>(array, "buffer");
const arrayOffset = getterOf<number>(array, "byteOffset");
const arrayCount = getterOf<number>(array, "byteLength");
const viewBuffer = getterOf<ArrayBuffer>(DataView.prototype, "buffer");
const viewOffset = getterOf<number>(DataView.prototype, "byteOffset");
const viewCount = getterOf<number>(DataView.prototype, "byteLength");
const bufferCount = getterOf<number>(ArrayBuffer.prototype, "byteLength");

function getterOf<T>(
  prototype: object,
  key: string | symbol,
): { call(value: object): T } {
  return Object.getOwnPropertyDescriptor(prototype, key)!.get!;
}

/** The kind of a view: a typed array's name, or `"DataView"`. */
export function viewKind(view: ArrayBufferView): string {
  return nameOfView.call(view) ?? "DataView";
}

/**
 * How many bytes a typed array has.
 *
 * @param bytes One of any kind. One whose buffer is gone has none.
 */
export function byteCount(bytes: ArrayBufferView): number {
  return arrayCount.call(bytes);
}

/**
 * All bytes of a buffer or a view.
 *
 * @param value The buffer or the view.
 * @returns A view that follows no change of the buffer's length.
 * @throws {TypeError} For what only looks like one, or whose buffer is gone.
 */
export function rawBytes(
  value: ArrayBuffer | ArrayBufferView,
): Uint8Array<ArrayBuffer> {
  if (!ArrayBuffer.isView(value)) {
    return new Uint8Array(value, 0, bufferCount.call(value));
  }
  if (nameOfView.call(value) === undefined) {
    return new Uint8Array(
      viewBuffer.call(value),
      viewOffset.call(value),
      viewCount.call(value),
    );
  }
  return new Uint8Array(
    arrayBuffer.call(value),
    arrayOffset.call(value),
    arrayCount.call(value),
  );
}
