/**
 * What a wire serves: which functions an object has for a peer to call, the
 * rules of a contract that they are behind, and what the peer is told of them.
 *
 * @module
 */

import {
  keyOf,
  malformed,
  otherVersion,
  shown,
  WireError,
} from "../base/errors.ts";
import type { Caller } from "./remote.ts";
import type { Method } from "../codec/passing.ts";
import { isPlain } from "../codec/value_kinds.ts";
import type { AnyValueType } from "../codec/value_types.ts";
import type { Report } from "../base/report.ts";

/** What a wire serves: functions by their names. */
export type Served = ReadonlyMap<string, Method>;

/** Gives one map for the same functions, where wires share what they serve. */
export type Share = (served: Served) => Served;

/**
 * The functions of an object that is to be served.
 *
 * @param functions Own enumerable properties, each a function, or a namespace:
 * a plain object of such properties.
 * @returns Name and function of each. In a namespace, the name is the path:
 * "users.get".
 * @throws {WireError} `invalidArgument` for what cannot be served.
 */
export function servedEntries(functions: object): Map<string, Method> {
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
    if (name === LIST_FUNCTIONS || name === ONCE_TERMS) {
      throw new WireError(
        "invalidArgument",
        `"${name}" is the wire's own function. Choose another name.`,
      );
    }
  }
  return found as Map<string, Method>;
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

// Contracts bring their own code, so that a wire without one loads none.

/** Where a contract keeps its rules, whichever copy of this module made it. */
export const RULES: unique symbol = Symbol.for(keyOf("rules"));

/** What a wire has a contract do. */
export interface ContractRules {
  /** The types of values that it declares. */
  readonly valueTypes?: readonly AnyValueType[] | undefined;
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

// What a wire serves, told to its peer by a function that is built in.

/** The name of the function that lists functions. Nobody else may serve it. */
export const LIST_FUNCTIONS = "wire:functions";
/** The name of the function that tells what is remembered of calls. */
export const ONCE_TERMS = "wire:once";
/** Under what name the metadata of a call have its key, if it is to run once. */
export const ONCE_KEY = "remote-wire-once";

/**
 * What a peer tells of a function that it serves.
 *
 * @example
 * ```ts
 * import { type FunctionInfo, wirePair } from "@remote/wire";
 *
 * const [near, far] = wirePair();
 * far.serve({ users: { get: (id: number) => ({ id }) } });
 * const [info]: FunctionInfo[] = await near.listFunctions();
 * if (info?.name !== "users.get" || info.arity !== 1) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export interface FunctionInfo {
  /** What it is; there may be other things to call one day. */
  kind: "function";
  /** The name under which it is served. */
  name: string;
  /** How many arguments it has, without optional ones and the rest. */
  arity: number;
  /** What it is good for. */
  doc?: string;
  /** What its contract says, where it has one. */
  contract?: DescribedContract;
}

/** What tells of a function that is served. */
type Described = { readonly length: number; [DESCRIBED]?: FunctionDescription };

/**
 * Lists what is served.
 *
 * @param functions The functions by name.
 * @returns What is known of each, in the order of their names.
 */
export function listFunctions(
  functions: ReadonlyMap<string, Described>,
): FunctionInfo[] {
  const list = [...functions].map(([name, served]): FunctionInfo => {
    const described = Object.hasOwn(served, DESCRIBED)
      ? served[DESCRIBED]
      : undefined;
    const info: FunctionInfo = {
      kind: "function",
      name,
      arity: described?.arity ?? served.length,
    };
    if (described?.doc !== undefined) info.doc = described.doc;
    if (described?.contract !== undefined) info.contract = described.contract;
    return info;
  });
  return list.sort((a, b) => a.name < b.name ? -1 : 1);
}

/**
 * Checks a list that came from a peer. What is more than asked is left out.
 *
 * @param value What came.
 * @returns The list.
 * @throws {WireError} `malformed` for anything else.
 */
export function checkListing(value: unknown): FunctionInfo[] {
  if (!Array.isArray(value)) throw noListing();
  return value
    .map((item: unknown) => item as Record<string, unknown> | null)
    .filter((item) => item?.kind === "function")
    .map((item) => checkInfo(item!));
}

function checkInfo(item: Record<string, unknown>): FunctionInfo {
  const { name, arity, doc, contract } = item;
  const isFine = typeof name === "string" && isArity(arity) &&
    (doc === undefined || typeof doc === "string") &&
    (contract === undefined || isContract(contract));
  if (!isFine) throw noListing();
  const info: FunctionInfo = { kind: "function", name, arity };
  if (doc !== undefined) info.doc = doc as string;
  if (contract !== undefined) info.contract = contract as DescribedContract;
  return info;
}

/** A JavaScript function has at most 65,535 arguments. */
function isArity(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 &&
    Number(value) <= 0xffff;
}

function isContract(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { args, errors, rest, result } = value as Record<string, unknown>;
  return Array.isArray(args) && args.every(isSchema) && isSchema(result) &&
    (rest === undefined || isSchema(rest)) &&
    Array.isArray(errors) && errors.every((name) => typeof name === "string");
}

function isSchema(value: unknown): boolean {
  return typeof value === "object";
}

function noListing(): Error {
  return malformed(
    "The peer was asked what it serves, and its answer is not a list of functions.",
  );
}

// What a served function tells of itself.

/** What is known of a served function, as plain data. */
export interface FunctionDescription {
  /** Its name. */
  name: string;
  /** How many arguments it has, further ones not counted. */
  arity: number;
  /** What it is good for. */
  doc?: string;
  /** What its contract says, where it has one. */
  contract?: DescribedContract;
}

/** JSON Schemas of what a function takes and gives; null where unknown. */
export interface DescribedContract {
  /** Of each argument. */
  args: (object | null)[];
  /** Of every further argument; absent where there may be none. */
  rest?: object | null;
  /** Of the result, or of the first of several. */
  result: object | null;
  /** The names of the errors that it declares. */
  errors: string[];
}

/** The property of a served function that holds its description. */
export const DESCRIBED: unique symbol = Symbol.for(
  keyOf("described"),
);
