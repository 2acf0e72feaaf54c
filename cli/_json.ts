/**
 * Values as JSON: each kind of value has a form of its own, so that nothing is
 * lost, and nothing looks like something else.
 *
 * @module
 */

import { remoteObjectLocal } from "../mod.ts";

/** What the key of a form looks like: `$`, and the name of a class. */
const TAG = /^\$[A-Z]/;

/**
 * A value of which `JSON.stringify()` makes its form. What JSON has words for is
 * itself. Anything else is an object with one key, `$` and the name of its
 * class, such as `{ $BigInt: "1" }`; and so is an object that looks like one of
 * these, as `$Object`. A property that is undefined is left out, and undefined
 * itself is null.
 *
 * @param value What came over a wire, or is to be printed.
 * @returns Lists, plain objects, texts, numbers, booleans and null.
 */
export function jsonForm(value: unknown): unknown {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0) ? value : {
        $Number: Object.is(value, -0) ? "-0" : String(value),
      };
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
