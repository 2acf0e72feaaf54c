/**
 * Which functions an object has for a peer to call.
 *
 * @module
 */

import { keyOf, otherVersion } from "../base/brand.ts";
import { WireError } from "../base/errors.ts";
import { LIST_FUNCTIONS } from "./introspection.ts";
import type { Caller } from "./remote.ts";
import { isPlain, type Method } from "../codec/passing.ts";
import type { Report } from "../base/report.ts";
import { shown } from "../base/shown.ts";

/**
 * The functions of an object that is to be served.
 *
 * @param functions Own enumerable properties, each a function, or a namespace:
 * a plain object of such properties.
 * @returns Name and function of each. In a namespace, the name is the path:
 * "users.get".
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
  if (
    !isPlain(functions) &&
    !Object.values(functions).some((each) => typeof each === "function")
  ) {
    throw new WireError(
      "invalidArgument",
      "serve() takes an object whose own properties are functions; the methods of a class are inherited. List them: { add: (a, b) => calculator.add(a, b) }.",
    );
  }
  const found = flattened(functions);
  for (const [name, served] of found) {
    if (typeof served !== "function") throw notServable(name, served);
    if (name === LIST_FUNCTIONS) {
      throw new WireError(
        "invalidArgument",
        `"${name}" is the wire's own function, which lists what is served. Choose another name.`,
      );
    }
  }
  return [...found as Map<string, Method>];
}

/**
 * What is in an object of functions, and in its namespaces.
 *
 * @param functions The object, checked or not.
 * @returns What there is, by its path.
 * @throws {WireError} `invalidArgument` where two have the same path, and for a
 * namespace that contains itself.
 */
export function flattened(functions: object): Map<string, unknown> {
  const found = new Map<string, unknown>();
  collect(functions, "", new Set(), found);
  return found;
}

/**
 * Collects what is in an object of functions.
 *
 * @param functions The object.
 * @param prefix What the paths of its properties begin with.
 * @param within The objects that it is in.
 * @param found What there is, by its path.
 */
function collect(
  functions: object,
  prefix: string,
  within: Set<object>,
  found: Map<string, unknown>,
): void {
  within.add(functions);
  for (const [key, value] of Object.entries(functions)) {
    const name = prefix + key;
    if (within.has(value)) {
      throw new WireError(
        "invalidArgument",
        `Functions are served in namespaces to any depth, but "${name}" contains itself.`,
      );
    }
    if (isNamespace(value)) {
      collect(value, `${name}.`, within, found);
    } else if (found.has(name)) {
      throw new WireError(
        "invalidArgument",
        `Two functions have the name "${name}": one in a namespace, and one whose name has a dot. Rename one.`,
      );
    } else {
      found.set(name, value);
    }
  }
  within.delete(functions);
}

/**
 * Whether something that is to be served is a namespace.
 *
 * @param value A property of an object of functions.
 * @returns True for a plain object.
 */
export function isNamespace(value: unknown): value is object {
  return typeof value === "object" && value !== null && isPlain(value);
}

function notServable(name: string, value: unknown): WireError {
  return new WireError(
    "invalidArgument",
    typeof value === "object" && value !== null
      ? `serve() takes functions, and plain objects of functions as namespaces; its "${name}" is neither. List the functions: { get: (id) => users.get(id) }.`
      : `serve() takes an object of functions, and its "${name}" is not a function.`,
  );
}

// Contracts bring their own code along, so that a wire without one loads none.

/** Where a contract keeps its rules, whichever copy of this module made it. */
export const RULES: unique symbol = Symbol.for(keyOf("rules"));

/** What a wire has a contract do. */
export interface ContractRules {
  /**
   * Puts functions behind the contract.
   *
   * @throws {WireError} `invalidArgument` unless they are all of its functions.
   */
  implemented(functions: object): object;
  /** Puts those of some functions behind the contract that it knows. */
  guarded(functions: object): object;
  /** What the peer is told of it, in a hello that has room for so much. */
  summary(helloFrame: number, credential: string): string;
  /**
   * Compares what the peer tells of its own contract.
   *
   * @throws {WireError} `contractMismatch`, or `malformed`.
   */
  checkPeer(told: string): void;
  /** Checks the answers to calls. */
  caller(caller: Caller, report: Report): Caller;
}

/**
 * The rules of a contract.
 *
 * @param contract What was given as one.
 * @returns What it does for a wire.
 * @throws {WireError} `invalidArgument` for what is no contract.
 */
export function rulesOf(contract: object): ContractRules {
  const kept = contract as { readonly [RULES]?: ContractRules } | null;
  const rules = kept?.[RULES];
  // A proxy may have an answer to everything.
  if (rules !== undefined && Object.hasOwn(contract, RULES)) return rules;
  throw new WireError(
    "invalidArgument",
    `What is served or expected is told by a contract that contract() made. ${
      otherVersion(contract) ?? "Pass what it returned."
    }`,
  );
}
