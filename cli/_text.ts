/**
 * What came from a peer, as text that a terminal can be given.
 *
 * @module
 */

import {
  type FunctionInfo,
  RemoteError,
  remoteObjectLocal,
  WireError,
} from "../mod.ts";
import { valueText } from "../wire/codec/mod.ts";
import { inFlags } from "./_flags.ts";
import { errorLike, jsonForm } from "./_json.ts";

/**
 * What moves a cursor, rings, or turns the direction of writing: C0 but for
 * tabs and ends of lines, DEL, C1, and what Unicode has for directions.
 */
const UNSAFE =
  // deno-lint-ignore no-control-regex -- these are what is looked for
  /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]|\r(?!\n)/g;

/**
 * Makes a text harmless to a terminal.
 *
 * @param text The text.
 * @returns The text with its control characters written out; lines stay.
 */
export function harmless(text: string): string {
  return text.replaceAll(
    UNSAFE,
    (unit) => `\\u{${unit.charCodeAt(0).toString(16)}}`,
  );
}

/** Makes bytes that come in pieces harmless to a terminal: as text in UTF-8. */
export class HarmlessBytes {
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  /** A carriage return that may belong to the end of a line. */
  #held = "";

  /**
   * Takes a piece.
   *
   * @param bytes The piece; nothing at the end.
   * @returns What can be shown of it by now.
   */
  take(bytes?: Uint8Array): Uint8Array {
    const isLast = bytes === undefined;
    const text = this.#held +
      this.#decoder.decode(bytes ?? new Uint8Array(), { stream: !isLast });
    this.#held = !isLast && text.endsWith("\r") ? "\r" : "";
    const whole = text.slice(0, text.length - this.#held.length);
    return this.#encoder.encode(harmless(whole));
  }
}

/**
 * A value as text.
 *
 * @param value The value.
 * @param isTerminal Whether a terminal is to show it.
 * @returns A string as it is, anything else as Deno shows it.
 */
export function shown(value: unknown, isTerminal: boolean): string {
  if (typeof value === "string") return isTerminal ? harmless(value) : value;
  if (!remoteObjectLocal(value)) return "[remote object]";
  return harmless(Deno.inspect(value, {
    depth: Infinity,
    iterableLimit: Infinity,
    strAbbreviateSize: Infinity,
    trailingComma: false,
  }));
}

/**
 * A value as JSON, in its {@linkcode jsonForm}.
 *
 * @param value The value.
 * @returns One line; what a terminal is not to get stands in it as JSON writes
 * it out, so that whoever reads it gets the same value.
 */
export function asJson(value: unknown): string {
  return JSON.stringify(jsonForm(value)).replaceAll(
    UNSAFE,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * What went wrong, as a line or two.
 *
 * @param error What was thrown.
 * @returns The code or the name, and the message; of what a function threw its
 * cause and properties, too, in short. Lines of the message are indented, so
 * that none looks like one of the command line's own.
 */
export function described(error: unknown): string {
  const code = error instanceof WireError ? `${error.code}: ` : "";
  return code + indented([wordsOf(error), ...detailsOf(error)].join("\n"));
}

/** The message alone. */
export function explained(error: unknown): string {
  return indented(wordsOf(error));
}

function indented(text: string): string {
  return harmless(text).replaceAll("\n", "\n  ");
}

/** What a function threw has so many units of text at the most, in short. */
const SHORT = 500;

/** What an error that a function threw has beside its message. */
function detailsOf(error: unknown): string[] {
  if (!(error instanceof RemoteError) || isNoError(error)) return [];
  const { cause, errors, data } = error;
  return [
    ...(cause === undefined ? [] : [`caused by ${valueText(cause, SHORT)}`]),
    ...(errors === undefined ? [] : [`of ${valueText(errors, SHORT)}`]),
    ...(data === undefined ? [] : [`with ${valueText(data, SHORT)}`]),
  ];
}

/** Whether a function threw what is no error: its value is the data then. */
function isNoError({ name, message, functionName, data }: RemoteError) {
  const what = typeof data === "string" ? data : "a value that is no error";
  return name === "Error" && message === `"${functionName}" threw ${what}`;
}

/**
 * What a function threw.
 *
 * @param error What came of it.
 * @returns The value; of an error one of the same name, with the same cause and
 * properties.
 */
export function thrownBy(error: RemoteError): unknown {
  const { name, message, cause, errors, data } = error;
  if (isNoError(error)) return data;
  return errorLike({
    ...data as Record<string, unknown> | undefined,
    ...(cause === undefined ? {} : { cause }),
    ...(errors === undefined ? {} : { errors }),
    name,
    message,
  });
}

/** Makes a text harmless, and one line. */
export function harmlessLine(text: string): string {
  return harmless(oneLine(text));
}

function wordsOf(error: unknown): string {
  if (error instanceof WireError) return inFlags(error.message);
  if (error instanceof RemoteError) {
    const { functionName, name, message, data } = error;
    if (!isNoError(error)) return `${functionName} threw ${name}: ${message}`;
    return `${functionName} threw ${
      typeof data === "string" ? data : valueText(data, SHORT)
    }`;
  }
  return error instanceof Error ? error.message : String(error);
}

/**
 * A function, as it is called.
 *
 * @param info What the peer tells of it.
 * @returns For instance `add(number, number): number`.
 */
export function signature(
  { name, arity, contract, doc }: FunctionInfo,
): string {
  const args = contract === undefined
    ? Array.from({ length: arity }, () => "_")
    : contract.args.map((schema) => typeOf(schema));
  if (contract?.rest !== undefined) args.push(`...${listOf(contract.rest)}`);
  const result = contract === undefined ? "" : `: ${typeOf(contract.result)}`;
  const lines = [oneLine(`${name}(${args.join(", ")})${result}`)];
  if (contract !== undefined && contract.errors.length > 0) {
    lines.push(oneLine(`  throws ${contract.errors.join(", ")}`));
  }
  if (doc !== undefined) {
    lines.push(...doc.split("\n").map((line) => `  ${line}`));
  }
  return harmless(lines.join("\n"));
}

/** A text without what would make it look like two lines. */
function oneLine(text: string): string {
  return text.replaceAll("\n", "\\n");
}

/** The type of a list whose members are so. */
function listOf(schema: unknown): string {
  const { type, enum: options, anyOf } = (schema ?? {}) as Record<
    string,
    unknown
  >;
  const isUnion = [type, options, anyOf].some((part) => Array.isArray(part));
  return isUnion ? `(${typeOf(schema)})[]` : `${typeOf(schema)}[]`;
}

/** A JSON Schema in few words; what it says beyond a type is left out. */
function typeOf(schema: unknown): string {
  if (typeof schema !== "object" || schema === null) return "unknown";
  const { type, enum: options, anyOf, items, properties, required } =
    schema as Record<string, unknown>;
  if ("const" in schema) return asJson(schema.const);
  if (Array.isArray(options)) return options.map(asJson).join(" | ");
  if (Array.isArray(anyOf)) return anyOf.map(typeOf).join(" | ");
  if (type === "array" && items !== undefined) return listOf(items);
  if (typeof properties === "object" && properties !== null) {
    const needed = new Set(Array.isArray(required) ? required : []);
    const parts = Object.entries(properties).map(([key, part]) =>
      `${key}${needed.has(key) ? "" : "?"}: ${typeOf(part)}`
    );
    return `{ ${parts.join("; ")} }`;
  }
  if (Array.isArray(type)) return type.map(String).join(" | ");
  return typeof type === "string" ? type : "unknown";
}

/** A number of bytes, in the unit that suits it. */
export function bytesText(bytes: number): string {
  for (
    const [unit, name] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [
      1024,
      "KiB",
    ]] as const
  ) {
    if (bytes >= unit) return `${(bytes / unit).toFixed(1)} ${name}`;
  }
  return `${Math.round(bytes)} B`;
}
