/**
 * A module whose functions a test has served.
 *
 * @module
 */

import {
  type CallContext,
  makeRemoteObject,
  Refusal,
  values,
} from "../../mod.ts";
import { DESCRIBED } from "../../wire/rpc/served.ts";

/** The sum. */
export function add(a: number, b: number): number {
  return a + b;
}

/** Several values. */
export const divmod = (a: number, b: number): unknown =>
  values(Math.floor(a / b), a % b);

/** What it was called with. */
export function echo(...args: unknown[]): unknown {
  return values(...args);
}

/** Nothing. */
export function nothing(): void {}

/** Shows a text at the server. */
export function show(text: string): void {
  console.log(`shown: ${text}`);
}

/** Throws. */
export function fail(): void {
  throw new RangeError("it is\u001b[31m odd");
}

/** Refuses. */
export function refuse(): void {
  throw new Refusal("permissionDenied", "You may not.");
}

/** The metadata of the call. */
export function metadata(this: CallContext): Record<string, string> {
  return { ...this.metadata };
}

/** Never answers, unless the caller gives up. */
export function wait(this: CallContext): Promise<void> {
  console.log("waiting");
  return new Promise((_, reject) =>
    this.signal.onabort = () => reject(this.signal.reason)
  );
}

/** Values of many kinds. */
export function kinds(): unknown {
  return values(
    { a: 1n, b: new Map([["k", new Set([1])]]), c: new Uint8Array(2) },
    "line\u0007",
  );
}

/** A stream of values. */
export async function* count(to: number): AsyncGenerator<number> {
  for (let n = 1; n <= to; n++) yield n;
}

/** A stream of bytes, whose last piece is no whole line. */
export function bytes(): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return ReadableStream.from(
    ["one\ntw", "o\nthree"].map((text) => encoder.encode(text)),
  );
}

/** Remote objects. */
export function objects(): unknown {
  return values(makeRemoteObject({}), () => {});
}

/** A namespace. */
export const users = {
  get: (id: number): string => `user ${id}`,
  roles: { list: (): string[] => ["admin"] },
};
/** A namespace that is a module. */
export * as more from "./_more.ts";
/** Is none: it is not all functions. */
export const config = { depth: 3, read: (): number => 3 };

/** Is no function to serve. */
export class Thing {}
/** Is none either. */
export const number = 7;

Object.defineProperty(add, DESCRIBED, {
  value: {
    name: "add",
    arity: 2,
    doc: "Adds.\nTwo lines.",
    contract: {
      args: [{ type: "number" }, { anyOf: [{ const: 1 }, { enum: ["a", 2] }] }],
      rest: { type: "array", items: { type: ["string", "null"] } },
      result: {
        type: "object",
        properties: { sum: { type: "number" }, note: {} },
        required: ["sum"],
      },
      errors: ["TooLarge", "Odd"],
    },
  },
});

export default add;
