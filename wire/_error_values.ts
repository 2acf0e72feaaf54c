/**
 * Errors as plain data: what of an error travels, and how it is put together
 * again. Nothing of the sender's code travels with it.
 *
 * @module
 */

import { RemoteError, WireError } from "./errors.ts";
import { makeSparse } from "./_maker.ts";

/** What travels of an error. Absent parts are undefined. */
export interface ErrorParts {
  name: string;
  message: string;
  /** Only where the sender chose to send it. */
  stack: string | undefined;
  hasCause: boolean;
  cause: unknown;
  /** The errors of an AggregateError. */
  errors: unknown[] | undefined;
  /** Own enumerable properties. */
  data: Record<string, unknown> | undefined;
}

/** The built-in errors, by name; a Map, since names come off the wire. */
const BUILT_IN: ReadonlyMap<string, ErrorConstructor> = new Map(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError]
    .map((constructor) => [constructor.name, constructor as ErrorConstructor]),
);

/**
 * Parts of an error that travel by themselves, not among its data. So do the
 * errors of an AggregateError; those of any other error are data.
 */
const OWN_PARTS = new Set(["name", "message", "stack", "cause"]);

/** Whether a property of an error is a part that travels by itself. */
function isOwnPart(key: string, errors: unknown[] | undefined): boolean {
  return OWN_PARTS.has(key) || key === "errors" && errors !== undefined;
}

/** The errors of an AggregateError, of here or of a peer. */
export function errorList(error: Error): unknown[] | undefined {
  if (!(error instanceof AggregateError || error instanceof RemoteError)) {
    return undefined;
  }
  return Array.isArray(error.errors) ? error.errors : undefined;
}

/** Takes an error apart. */
export function errorParts(error: Error, withStack: boolean): ErrorParts {
  const data: Record<string, unknown> = Object.create(null);
  const errors = errorList(error);
  const { cause } = error;
  let hasData = false;
  for (const [key, value] of Object.entries(error)) {
    if (isOwnPart(key, errors)) continue;
    data[key] = value;
    hasData = true;
  }
  return {
    name: wellFormed(error.name),
    message: wellFormed(error.message),
    stack: withStack ? wellFormed(error.stack ?? "") : undefined,
    // A class may have a getter of that name; some have a method.
    hasCause: Object.hasOwn(error, "cause") ||
      cause !== undefined && typeof cause !== "function",
    cause,
    errors,
    data: hasData ? data : undefined,
  };
}

/** An error must be able to report a bad string, so its own are repaired. */
function wellFormed(text: unknown): string {
  return String(text).toWellFormed();
}

/** Puts an error together again; its stack is its name and message. */
export function makeError(parts: ErrorParts): Error {
  const { name, message, data } = parts;
  const error = withoutStack(parts);
  if (error.name !== name) define(error, "name", name);
  // Set rather than defined, an error takes a quarter of the memory.
  const stack = parts.stack ?? `${name}: ${message}`;
  if (!Reflect.set(error, "stack", stack)) define(error, "stack", stack);
  if (data !== undefined) {
    let isSparse = false;
    const members = error as unknown as Record<string, unknown>;
    for (const [key, value] of Object.entries(data)) {
      isSparse ||= makeSparse(members, key);
      if (isOwnPart(key, parts.errors)) {
        throw new WireError(
          "malformed",
          `The data of an error must not name its "${key}".`,
        );
      }
      define(error, key, value, true);
    }
  }
  return error;
}

/**
 * Makes an error whose stack is not recorded: that of whoever reads it from a
 * wire is worth nothing, and costs more than all the rest.
 */
function withoutStack(parts: ErrorParts): Error {
  const { stackTraceLimit } = Error as { stackTraceLimit?: unknown };
  // There is no such limit everywhere, and some programs freeze it.
  const isLimited = typeof stackTraceLimit === "number" &&
    Reflect.set(Error, "stackTraceLimit", 0);
  try {
    const { name, message, errors } = parts;
    const options = parts.hasCause ? { cause: parts.cause } : undefined;
    return errors !== undefined
      ? new AggregateError(errors, message, options)
      : new (BUILT_IN.get(name) ?? Error)(message, options);
  } finally {
    if (isLimited) Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
}

function define(
  error: Error,
  key: string,
  value: unknown,
  enumerable = false,
): void {
  Object.defineProperty(error, key, {
    value,
    enumerable,
    configurable: true,
    writable: true,
  });
}
