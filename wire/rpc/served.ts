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
  implemented(functions: object): Record<string, Method>;
  /** Puts those of some functions behind the contract that it knows. */
  guarded(functions: object): Record<string, Method>;
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
