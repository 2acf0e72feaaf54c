/**
 * What a wire serves, told to its peer by a function that is built in.
 *
 * @module
 */

import { keyOf } from "../base/brand.ts";
import { malformed } from "../base/errors.ts";

/** The name of the function that lists functions. Nobody else may serve it. */
export const LIST_FUNCTIONS = "wire:functions";

/** What a peer tells of a function that it serves. */
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
