/**
 * Which functions of an object can be called from afar.
 *
 * @module
 */

import { WireError } from "./errors.ts";

/** A function that is called with whatever came. */
export type Method = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Finds a function of an object that was passed by reference: its own, or one
 * of its class, but neither a getter's nor what all objects or functions have.
 *
 * @param object The object.
 * @param name The function's name; empty for the object itself.
 * @returns The function.
 * @throws {WireError} `noSuchFunction`.
 */
export function methodOf(object: object, name: string): Method {
  if (name === "") {
    if (typeof object === "function") return object as Method;
    throw new WireError(
      "noSuchFunction",
      "The remote object is not a function. Call one of its functions by name.",
    );
  }
  for (
    let holder: object | null = object;
    holder !== null && !isCommon(holder) && name !== "constructor";
    holder = Object.getPrototypeOf(holder)
  ) {
    const property = Object.getOwnPropertyDescriptor(holder, name);
    if (property === undefined) continue;
    if (typeof property.value === "function") return property.value;
    break;
  }
  throw new WireError(
    "noSuchFunction",
    `The remote object has no function ${
      JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name)
    }. Those of its class can be called, and its own.`,
  );
}

/** Whether an object is of no class. */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isCommon(holder: object): boolean {
  return holder === Object.prototype || holder === Function.prototype;
}
