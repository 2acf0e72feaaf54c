/**
 * Values as JSON: each kind of value has a form of its own, so that nothing is
 * lost, and nothing looks like something else.
 *
 * @module
 */

import { remoteObjectLocal } from "../mod.ts";

/** What JSON can, and TypeScript's library does not know yet. */
interface ExactJson {
  /** What stands in JSON as it is. */
  rawJSON(text: string): unknown;
  /** Parses; the last argument of `revive` has the text of a primitive value. */
  parse(
    text: string,
    revive: (
      key: string,
      value: unknown,
      context: { readonly source?: string },
    ) => unknown,
  ): unknown;
}

const EXACT_JSON = JSON as unknown as ExactJson;

/** What the key of a form looks like: `$`, and the name of a class. */
const TAG = /^\$[A-Z]/;

/**
 * A value of which `JSON.stringify()` makes its form. What JSON has words for is
 * itself. Anything else is an object with one key, `$` and the name of its
 * class, such as `{ $BigInt: "1" }`; and so is an object that looks like one of
 * these, as `$Object`. A property that is undefined is left out, and undefined
 * itself is null. A whole number of so many digits that it may be no longer
 * exact is written with an exponent, by which it differs from a bigint's.
 *
 * @param value What came over a wire, or is to be printed.
 * @returns Lists, plain objects, texts, numbers, booleans and null.
 */
export function jsonForm(value: unknown): unknown {
  switch (typeof value) {
    case "number":
      return formOfNumber(value);
    case "bigint":
      return { $BigInt: String(value) };
    case "undefined":
      return null;
    case "object":
      return value === null ? null : formOfObject(value);
    case "function":
    case "symbol":
      return { $RemoteObject: null };
    default:
      return value;
  }
}

function formOfNumber(value: number): unknown {
  if (!Number.isFinite(value) || Object.is(value, -0)) {
    return { $Number: Object.is(value, -0) ? "-0" : String(value) };
  }
  return !Number.isInteger(value) || Number.isSafeInteger(value)
    ? value
    : EXACT_JSON.rawJSON(value.toExponential());
}

function formOfObject(value: object): unknown {
  if (!remoteObjectLocal(value)) return { $RemoteObject: null };
  if (Symbol.asyncIterator in value) return { $RemoteStream: null };
  if (Array.isArray(value)) return value.map(jsonForm);
  if (value instanceof Map) {
    return { $Map: [...value].map((entry) => entry.map(jsonForm)) };
  }
  if (value instanceof Set) return { $Set: [...value].map(jsonForm) };
  if (value instanceof Date) {
    return { $Date: isNaN(value.getTime()) ? null : value.toISOString() };
  }
  if (value instanceof URL) return { $URL: value.href };
  if (value instanceof Error) return { $Error: formOfError(value) };
  return formOfBytes(value) ?? formOfRecord(value);
}

/** Bytes are in base64; lists of larger numbers are lists of numbers. */
function formOfBytes(value: object): unknown {
  if (value instanceof ArrayBuffer) {
    return { $ArrayBuffer: new Uint8Array(value).toBase64() };
  }
  if (!ArrayBuffer.isView(value)) return undefined;
  if (value instanceof DataView || value instanceof Uint8Array) {
    const { buffer, byteOffset, byteLength } = value;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength).toBase64();
    return value instanceof DataView
      ? { $DataView: bytes }
      : { $Uint8Array: bytes };
  }
  const numbers = [...value as unknown as Iterable<number | bigint>];
  return { [`$${value.constructor.name}`]: numbers.map(jsonForm) };
}

/** Its name, its message, its cause, and what else it has of its own. */
function formOfError(error: Error): unknown {
  const { name, message } = error;
  const cause = error.cause === undefined ? {} : { cause: error.cause };
  const errors = error instanceof AggregateError
    ? { errors: error.errors }
    : {};
  const own: object = error;
  return properties({ name, message, ...cause, ...errors, ...own });
}

function formOfRecord(record: object): unknown {
  const form = properties(record);
  const [key = "", ...more] = Object.keys(form);
  return more.length === 0 && TAG.test(key) ? { $Object: form } : form;
}

function properties(record: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, jsonForm(value)]),
  );
}

/** What looks like a form, and is none. */
export class FormError extends Error {}

/** A number that may be beyond 2⁵³, or beyond all, somewhere in a text. */
const LARGE_NUMBER = /\d{16}|\de\+?\d{3}/i;
/** What is a form of this module, maybe. */
const FORM_IN_TEXT = /"(?:\$|\\u0024)[A-Z]/;

/**
 * Parses JSON, and makes of each form what it stands for: the inverse of
 * {@linkcode jsonForm}. A whole number that is not safe, without a fraction or
 * an exponent, is a bigint, so that no digit is lost. An object with a key that
 * no form has is itself.
 *
 * @param text The JSON.
 * @returns The value.
 * @throws {SyntaxError} For what is no JSON, and a number that would be infinite.
 * @throws {FormError} For a form that stands for nothing.
 */
export function fromJson(text: string): unknown {
  const parsed = LARGE_NUMBER.test(text)
    ? EXACT_JSON.parse(text, exactly)
    : JSON.parse(text);
  return FORM_IN_TEXT.test(text) ? valueOfForm(parsed) : parsed;
}

function exactly(
  _: string,
  value: unknown,
  { source }: { readonly source?: string },
): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  if (source !== undefined && /^-?\d+$/.test(source)) return BigInt(source);
  if (Number.isFinite(value)) return value;
  throw new SyntaxError(`${source} is beyond the largest number`);
}

function valueOfForm(form: unknown): unknown {
  if (typeof form !== "object" || form === null) return form;
  if (Array.isArray(form)) return form.map(valueOfForm);
  const [key = "", ...more] = Object.keys(form);
  const read = more.length === 0 ? READERS.get(key) : undefined;
  if (read === undefined) return recordOf(form);
  const content = (form as Record<string, unknown>)[key];
  const value = read(content);
  if (value !== undefined) return value;
  throw new FormError(
    `{${
      JSON.stringify(key)
    }: …} stands for a value of that class, and this one for none`,
  );
}

/** A class of typed arrays. */
interface NumbersClass {
  readonly name: string;
  from(values: Iterable<unknown>): object;
}

/** What makes a value of what a form holds; undefined where it is none. */
const READERS: ReadonlyMap<string, (content: unknown) => unknown> = new Map<
  string,
  (content: unknown) => unknown
>([
  ["$Object", (content) => isRecord(content) ? recordOf(content) : undefined],
  ["$BigInt", (content) => {
    const isInteger = typeof content === "string" && /^-?\d+$/.test(content);
    return isInteger ? BigInt(content) : undefined;
  }],
  ["$Number", (content) => {
    const words: unknown[] = ["NaN", "Infinity", "-Infinity", "-0"];
    return words.includes(content) ? Number(content) : undefined;
  }],
  ["$Date", (content) => {
    if (content === null) return new Date(NaN);
    const date = new Date(typeof content === "string" ? content : NaN);
    return isNaN(date.getTime()) ? undefined : date;
  }],
  ["$URL", (content) => {
    const isUrl = typeof content === "string" && URL.canParse(content);
    return isUrl ? new URL(content) : undefined;
  }],
  ["$Set", (content) => {
    return Array.isArray(content)
      ? new Set(content.map(valueOfForm))
      : undefined;
  }],
  ["$Map", (content) => {
    const isMap = Array.isArray(content) &&
      content.every((entry) => Array.isArray(entry) && entry.length === 2);
    return isMap
      ? new Map(content.map((entry) => entry.map(valueOfForm)))
      : undefined;
  }],
  ["$Error", (content) => {
    const parts = isRecord(content) ? recordOf(content) : {};
    const { name, message } = parts;
    return typeof name === "string" && typeof message === "string"
      ? errorLike({ ...parts, name, message })
      : undefined;
  }],
  ["$Uint8Array", bytesOf],
  ["$ArrayBuffer", (content) => bytesOf(content)?.buffer],
  ["$DataView", (content) => {
    const buffer = bytesOf(content)?.buffer;
    return buffer === undefined ? undefined : new DataView(buffer);
  }],
  ...([
    ...[Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array],
    ...[Uint32Array, Float16Array, Float32Array, Float64Array],
    ...[BigInt64Array, BigUint64Array],
  ] as NumbersClass[]).map((List) =>
    [`$${List.name}`, (content: unknown) => {
      if (!Array.isArray(content)) return undefined;
      const values = content.map(valueOfForm);
      const isBig = List.name.startsWith("Big");
      return values.every((value) =>
          isBig ? typeof value === "bigint" : typeof value === "number"
        )
        ? List.from(values)
        : undefined;
    }] as const
  ),
  // Who has printed these has the only ones.
  ["$RemoteObject", () => undefined],
  ["$RemoteStream", () => undefined],
]);

function isRecord(content: unknown): content is object {
  return typeof content === "object" && content !== null &&
    !Array.isArray(content);
}

function recordOf(form: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(form).map(([key, value]) => [key, valueOfForm(value)]),
  );
}

function bytesOf(content: unknown): Uint8Array<ArrayBuffer> | undefined {
  try {
    return typeof content === "string"
      ? Uint8Array.fromBase64(content)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The classes of errors that a name stands for; another is an Error's. */
const ERRORS: ReadonlyMap<unknown, ErrorConstructor> = new Map(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]
    .map((Class) => [Class.name, Class]),
);

/**
 * Makes an error.
 *
 * @param parts Its name, its message, its cause and the errors of an
 * `AggregateError`, where it has these; anything else becomes a property.
 */
export function errorLike(
  parts:
    & { readonly name: string; readonly message: string }
    & Readonly<
      Record<string, unknown>
    >,
): Error {
  const { name, message, cause, errors, ...own } = parts;
  const options = "cause" in parts ? { cause } : {};
  const isAggregate = name === "AggregateError" && Array.isArray(errors);
  const error = isAggregate
    ? new AggregateError(errors as unknown[], message, options)
    : new (ERRORS.get(name) ?? Error)(message, options);
  const more = isAggregate || !("errors" in parts) ? own : { ...own, errors };
  const rest = { configurable: true, writable: true };
  if (error.name !== name) {
    Object.defineProperty(error, "name", { value: name, ...rest });
  }
  for (const [key, value] of Object.entries(more)) {
    Object.defineProperty(error, key, { value, enumerable: true, ...rest });
  }
  return error;
}
