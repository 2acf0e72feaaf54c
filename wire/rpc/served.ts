/**
 * Which functions an object has for a peer to call.
 *
 * @module
 */

import { WireError } from "../base/errors.ts";
import { LIST_FUNCTIONS } from "./introspection.ts";
import { isPlain, type Method } from "../codec/passing.ts";
import { shown } from "../base/shown.ts";

/**
 * The functions of an object that is to be served.
 *
 * @param functions Own enumerable properties, each a function.
 * @returns Name and function of each.
 * @throws {WireError} `invalidArgument` for what cannot be served.
 */
export function servedEntries(functions: object): [string, Method][] {
  if (typeof functions !== "object" || functions === null) {
    throw new WireError(
      "invalidArgument",
      `serve() takes an object of functions, not ${
        shown(functions)
      }. Give each a name: { add: (a, b) => a + b }.`,
    );
  }
  if (Array.isArray(functions)) {
    throw new WireError(
      "invalidArgument",
      "serve() takes an object of functions, not an array, whose functions have no names. Give each one: { add: (a, b) => a + b }.",
    );
  }
  const entries = Object.entries(functions);
  if (!isPlain(functions) && !entries.some(([, each]) => isFunction(each))) {
    throw new WireError(
      "invalidArgument",
      "serve() takes an object whose own properties are functions; the methods of a class are inherited. List them: { add: (a, b) => calculator.add(a, b) }.",
    );
  }
  for (const [name, served] of entries) {
    if (!isFunction(served)) {
      throw new WireError(
        "invalidArgument",
        `serve() takes an object of functions, and its "${name}" is not a function.`,
      );
    }
    if (name === LIST_FUNCTIONS) {
      throw new WireError(
        "invalidArgument",
        `"${name}" is the wire's own function, which lists what is served. Choose another name.`,
      );
    }
  }
  return entries;
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}
