/**
 * What a side tells its peer of the contract that it serves, and how the peer
 * compares it with the contract that it expects.
 *
 * @module
 */

import { malformed, WireError } from "../base/errors.ts";
import {
  ANY,
  DEPTH,
  findIncompatibility,
  isObject,
  shallow,
  type Shape,
} from "./_shape.ts";
import type { Signature, Signatures, SignatureShapes } from "./_signature.ts";

/** The most that a side tells, and takes, in bytes and in characters. */
const TOLD = 12 * 1024;
const TAKEN = 64 * 1024;
/** What of a hello is not its contract, or its credential, at most. */
const OTHERS = 512;
/** How much of a report fits in a message to the peer. */
const REPORT = 800;
const SHOWN = 60;
/** The form of the text, which is its first item. */
const FORM = 1;

/**
 * Tells of a contract, in a text that the peer's `helloFrame` has room for if
 * it is like this side's. A contract that is too large is told with less
 * depth, and at last with fewer functions.
 *
 * @param functions The contract.
 * @param helloFrame The limit of this side.
 * @param credential What else the hello has to hold.
 * @returns The text; empty where there is nothing to tell.
 */
export function contractSummary(
  functions: Signatures,
  helloFrame: number,
  credential: string,
): string {
  if (functions.size === 0) return "";
  const encoder = new TextEncoder();
  const size = (text: string) => encoder.encode(text).length;
  const budget = Math.min(TOLD, helloFrame - size(credential) - OTHERS);
  let entries: string[] = [];
  for (let depth = DEPTH; depth >= 0; depth--) {
    entries = [...functions.values()].map((each) => entryOf(each, depth));
    const text = textOf(entries);
    if (size(text) <= budget) return text;
  }
  let left = budget - size(textOf([]));
  const fitting = entries.filter((entry) => (left -= size(entry) + 1) >= 0);
  return fitting.length === 0 ? "" : textOf(fitting);
}

function textOf(entries: readonly string[]): string {
  return `[${[FORM, ...entries].join(",")}]`;
}

function entryOf({ name, version, shapes }: Signature, depth: number): string {
  const cut = (shape: Shape) => shallow(shape, depth);
  const { required, args, rest, results, errors } = shapes;
  return JSON.stringify([
    name,
    required,
    args.map(cut),
    rest === undefined ? null : cut(rest),
    results === undefined ? null : results.map(cut),
    [...errors].map(([name, shape]) => [name, cut(shape)]),
    ...(version === undefined ? [] : [version]),
  ]);
}

/** What a peer told of a function. */
interface Told extends SignatureShapes {
  readonly version: string | undefined;
}

/**
 * Compares what the peer serves with what this side expects of it. Functions
 * that only one of them knows are skipped.
 *
 * @param text What the peer told, whatever it is.
 * @param functions What this side expects.
 * @throws {WireError} `contractMismatch`, with a report for people on both
 * sides; `malformed` for a text that breaks its own form.
 */
export function checkTold(text: string, functions: Signatures): void {
  const differences: string[] = [];
  for (const [name, told] of parse(text)) {
    const signature = functions.get(name);
    if (signature === undefined) continue;
    const difference = differenceOf(signature, told);
    if (difference === undefined) continue;
    differences.push(`${quote(name)}: ${difference}`);
  }
  if (differences.length === 0) return;
  throw new WireError("contractMismatch", report(differences));
}

/** All differences in one message, as far as there is room. */
function report(differences: readonly string[]): string {
  let text = "The caller's contract is not the server's.";
  for (const [index, each] of differences.entries()) {
    if (text.length + each.length > REPORT && index > 0) {
      return `${text} And ${differences.length - index} more.`;
    }
    text += ` ${each}.`;
  }
  return text;
}

function differenceOf(signature: Signature, told: Told): string | undefined {
  const { version } = signature;
  if (
    version !== undefined && told.version !== undefined &&
    version !== told.version
  ) {
    return `the caller knows the version ${quote(version)}, the server serves ${
      quote(told.version)
    }`;
  }
  const ours = signature.shapes;
  return countDifference(ours, told) ?? argumentDifference(ours, told) ??
    resultDifference(ours, told) ?? errorDifference(ours, told);
}

function countDifference(
  ours: SignatureShapes,
  told: SignatureShapes,
): string | undefined {
  const most = ({ args, rest }: SignatureShapes) =>
    rest === undefined ? args.length : Infinity;
  if (ours.required >= told.required && most(ours) <= most(told)) {
    return undefined;
  }
  const text = (shapes: SignatureShapes) => {
    const [least, largest] = [shapes.required, most(shapes)];
    if (largest === Infinity) return `${least} arguments or more`;
    return least === largest
      ? `${least} argument${least === 1 ? "" : "s"}`
      : `${least} to ${largest} arguments`;
  };
  return `the caller gives ${text(ours)}, the server takes ${text(told)}`;
}

function argumentDifference(
  ours: SignatureShapes,
  told: SignatureShapes,
): string | undefined {
  const count = Math.max(ours.args.length, told.args.length);
  for (let i = 0; i <= count; i++) {
    const sent = ours.args[i] ?? ours.rest ?? ANY;
    const taken = told.args[i] ?? told.rest ?? ANY;
    const found = findIncompatibility(sent, taken);
    if (found !== undefined) {
      const where = at(`argument ${i + 1}`, found.path);
      return `${where}, the caller gives ${found.sent}, the server takes ${found.taken}`;
    }
  }
  return undefined;
}

function resultDifference(
  ours: SignatureShapes,
  told: SignatureShapes,
): string | undefined {
  if (ours.results === undefined || told.results === undefined) return;
  const [expected, given] = [ours.results.length, told.results.length];
  if (expected !== given) {
    return `the caller expects ${expected} values, the server gives ${given}`;
  }
  for (const [i, taken] of ours.results.entries()) {
    const found = findIncompatibility(told.results[i]!, taken);
    if (found !== undefined) {
      const where = at(
        given === 1 ? "the result" : `result ${i + 1}`,
        found.path,
      );
      return `${where}, the caller expects ${found.taken}, the server gives ${found.sent}`;
    }
  }
  return undefined;
}

function errorDifference(
  ours: SignatureShapes,
  told: SignatureShapes,
): string | undefined {
  for (const [name, taken] of ours.errors) {
    const sent = told.errors.get(name);
    if (sent === undefined) {
      return `the caller knows the error ${
        quote(name)
      }, the server declares none of that name`;
    }
    const found = findIncompatibility(sent, taken);
    if (found !== undefined) {
      const where = at(`the error ${quote(name)}`, found.path);
      return `${where}, the caller expects ${found.taken}, the server gives ${found.sent}`;
    }
  }
  return undefined;
}

function at(what: string, path: string): string {
  return path === "" ? `as ${what}` : `as ${what} at ${path}`;
}

function quote(text: string): string {
  return JSON.stringify(
    text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text,
  );
}

/** Reads what the peer told; texts of other forms tell nothing. */
function parse(text: string): Map<string, Told> {
  const told = new Map<string, Told>();
  if (!text.startsWith(`[${FORM},`)) return told;
  if (text.length > TAKEN) throw broken(`is longer than ${TAKEN} characters`);
  let items: unknown[];
  try {
    items = JSON.parse(text);
  } catch {
    throw broken("is no JSON");
  }
  for (const item of items.slice(1)) {
    const [name, entry] = read(item);
    if (told.has(name)) throw broken(`tells of ${quote(name)} twice`);
    told.set(name, entry);
  }
  return told;
}

function read(item: unknown): [string, Told] {
  if (!Array.isArray(item)) throw broken("has an item that is no list");
  const [name, required, args, rest, results, errors, version] = item;
  const isRead = typeof name === "string" && Number.isInteger(required) &&
    Array.isArray(args) && (results === null || Array.isArray(results)) &&
    Array.isArray(errors) && errors.every(isNamed) &&
    (version === undefined || typeof version === "string");
  if (!isRead) throw broken("has an item of another form");
  return [name, {
    required,
    args: args.map(shapeIn),
    rest: rest === null ? undefined : shapeIn(rest),
    results: results?.map(shapeIn),
    errors: new Map(errors.map(([name, shape]) => [name, shapeIn(shape)])),
    version,
  }];
}

function isNamed(value: unknown): value is [string, unknown] {
  return Array.isArray(value) && typeof value[0] === "string";
}

/** What may be a shape; comparing skips what it does not know. */
function shapeIn(value: unknown): Shape {
  const may = typeof value === "string" || Array.isArray(value) ||
    isObject(value);
  return may ? value as Shape : ANY;
}

function broken(how: string): WireError {
  return malformed(`What the peer tells of its contract ${how}.`);
}
