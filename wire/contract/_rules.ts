/**
 * What a contract does for the wires that are given it: it checks arguments
 * before functions run, and answers when they come.
 *
 * @module
 */

import {
  errorMessage,
  malformed,
  RemoteError,
  setBrand,
  Unfit,
  WireError,
} from "../base/errors.ts";
import { mistaken } from "../base/checks.ts";
import { type Report, unawaited } from "../base/report.ts";
import { endStreams, REFERENCE } from "../codec/passing.ts";
import type { AnyValueType } from "../codec/value_types.ts";
import { CallContext, type CallOptions } from "../rpc/context.ts";
import { type CallPromise, promised } from "../rpc/pending_call.ts";
import type { Caller } from "../rpc/remote.ts";
import {
  type ContractRules,
  DESCRIBED,
  flattened,
  isNamespace,
  rulesOf,
} from "../rpc/served.ts";
import {
  ANY,
  type Checked,
  checkValues,
  DEPTH,
  findIncompatibility,
  isNames,
  isObject,
  issuesText,
  shallow,
  type Shape,
  type Signature,
  type Signatures,
  type SignatureShapes,
} from "./_signature.ts";

/** The rules of one contract. */
export class Rules implements ContractRules {
  /** Its functions by name. */
  readonly signatures: Signatures;
  readonly valueTypes: readonly AnyValueType[] | undefined;
  readonly #contract: object;

  /**
   * @param contract The contract, which its errors name as theirs.
   * @param signatures Its functions by name.
   * @param valueTypes The types of values that it declares.
   */
  constructor(
    contract: object,
    signatures: Signatures,
    valueTypes: readonly AnyValueType[] | undefined,
  ) {
    this.#contract = contract;
    this.signatures = signatures;
    this.valueTypes = valueTypes;
  }

  implemented(functions: object): object {
    return implemented(functions, this.signatures);
  }

  guarded(functions: object): object {
    return guarded(functions, this.signatures);
  }

  summary(helloFrame: number, credential: string): string {
    return contractSummary(this.signatures, helloFrame, credential);
  }

  checkPeer(told: string): void {
    checkTold(told, this.signatures);
  }

  caller(caller: Caller, report: Report): Caller {
    return new CheckedCaller(caller, this.#contract, this.signatures, report);
  }
}

/**
 * The functions of a contract.
 *
 * @param contract What was given as one.
 * @returns Its functions.
 * @throws {WireError} `invalidArgument` for what is no contract.
 */
export function signaturesOf(contract: object): Signatures {
  return (rulesOf(contract) as Rules).signatures;
}

// Served functions behind their contract: what does not fit never reaches
// them.

type Served = (this: unknown, ...args: unknown[]) => unknown;

/** Functions and namespaces of them, those of a contract behind it. */
interface Guarded {
  [name: string]: Served | Guarded;
}

/**
 * Puts functions behind the contract.
 *
 * @param functions What implements it: own enumerable properties.
 * @param signatures The contract.
 * @returns The guarded functions. One that is guarded already stays as it is.
 * @throws {WireError} `invalidArgument` when there is one too few or too many.
 */
function implemented(
  functions: object,
  signatures: Signatures,
): Guarded {
  if (!isNames(functions)) {
    throw mistaken("implement() takes an object of functions", functions);
  }
  const names = flattened(functions);
  for (const name of signatures.keys()) {
    if (names.has(name)) continue;
    throw new WireError(
      "invalidArgument",
      `The contract has the function "${name}", and the implementation lacks it. It takes an object whose own properties are functions; the methods of a class are inherited.`,
    );
  }
  const stranger = [...names.keys()].find((name) => !signatures.has(name));
  if (stranger !== undefined) {
    throw new WireError(
      "invalidArgument",
      `The implementation has the function "${stranger}", which is not in the contract. Serve it by itself, or add it there.`,
    );
  }
  return guarded(functions, signatures);
}

/**
 * Puts those of some functions behind a contract that it knows.
 *
 * @param functions Functions to serve, and namespaces of them.
 * @param signatures The contract.
 * @param prefix What their names begin with.
 * @returns All of them, guarded or as they are.
 * @throws {WireError} `invalidArgument` for what is no function.
 */
function guarded(
  functions: object,
  signatures: Signatures,
  prefix = "",
): Guarded {
  const result: Guarded = Object.create(null);
  for (const [key, served] of Object.entries(functions)) {
    const name = prefix + key;
    const signature = signatures.get(name);
    result[key] = isNamespace(served)
      ? guarded(served, signatures, `${name}.`)
      : signature === undefined
      ? served
      : guard(signature, served);
  }
  return result;
}

function guard(signature: Signature, served: unknown): Served {
  if (typeof served !== "function") {
    throw new WireError(
      "invalidArgument",
      `The contract's "${signature.name}" is implemented by something that is not a function.`,
    );
  }
  const { [DESCRIBED]: described } = served as { [DESCRIBED]?: object };
  if (described === signature.description) return served as Served;
  const wrapper = function (this: unknown, ...args: unknown[]): unknown {
    const checked = checkArguments(signature, args);
    return checked instanceof Promise
      ? checked.then((checked) => {
        // Its caller may be gone by now.
        if (this instanceof CallContext && this.signal.aborted) {
          const { code, message } = this.signal.reason as WireError;
          throw new Unfit(code, message);
        }
        return Reflect.apply(served, this, accepted(signature, checked));
      })
      : Reflect.apply(served, this, accepted(signature, checked));
  };
  return Object.defineProperty(wrapper, DESCRIBED, {
    get: () => signature.description,
  });
}

function checkArguments(
  { name, args: schemas, rest }: Signature,
  args: unknown[],
): Checked | Promise<Checked> {
  const further = args.length - schemas.length;
  if (further <= 0) return checkValues(schemas, args);
  if (rest === undefined) {
    throw new Unfit(
      "invalidArgument",
      `The call of "${name}" was refused: it takes ${schemas.length} arguments, and ${args.length} came.`,
    );
  }
  const all = [...schemas, ...Array.from({ length: further }, () => rest)];
  return checkValues(all, args);
}

/** What the schemas made of the arguments, if they let them pass. */
function accepted(
  { name }: Signature,
  { values, issues, trouble }: Checked,
): unknown[] {
  if (issues.length === 0) return values;
  const unfit = new Unfit(
    "invalidArgument",
    `The call of "${name}" was refused: ${issuesText("argument", issues)}.`,
    { cause: issues },
  );
  unfit.trouble = trouble;
  throw unfit;
}

// Calls whose answers are checked with the contract that the peer is expected
// to keep.

/** A caller in front of another, which checks what that brings. */
class CheckedCaller implements Caller {
  readonly #caller: Caller;
  readonly #contract: object;
  readonly #signatures: Signatures;
  readonly #report: Report;

  /**
   * @param caller Carries the calls out.
   * @param contract What the peer is expected to keep.
   * @param signatures Its functions.
   * @param report Told what calls fail with that nobody awaits.
   */
  constructor(
    caller: Caller,
    contract: object,
    signatures: Signatures,
    report: Report,
  ) {
    this.#caller = caller;
    this.#contract = contract;
    this.#signatures = signatures;
    this.#report = report;
  }

  /**
   * Calls for an answer, and checks it. What is called on the answer before it
   * has come does not wait for the check.
   */
  call(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options?: CallOptions,
  ): Promise<unknown> {
    const answer = this.#caller.call(name, args, wantsValues, options);
    const signature = this.#signatures.get(name);
    if (signature === undefined) return answer;
    const checked = promised(
      answer.then(
        (value) => checkAnswer(signature, value, wantsValues),
        (error) => this.#checkError(signature, error),
      ),
      this.#report,
      unawaited(name),
    );
    checked[REFERENCE] = (answer as Partial<CallPromise>)[REFERENCE];
    return checked;
  }

  /** Calls one way: there is nothing to check. */
  send(name: string, args: unknown[], options?: CallOptions): Promise<void> {
    return this.#caller.send(name, args, options);
  }

  async #checkError(signature: Signature, error: unknown): Promise<never> {
    if (!(error instanceof RemoteError)) throw error;
    const schema = signature.errors.get(error.name);
    if (schema === undefined) throw error;
    if (schema === null) {
      throw new DeclaredError(error, undefined, this.#contract);
    }
    const checked = await checkValues([schema], [error.data ?? {}]);
    if (checked.issues.length === 0) {
      throw new DeclaredError(error, checked.values[0], this.#contract);
    }
    throw new WireError(
      "invalidResult",
      `"${signature.name}" threw the error "${error.name}", whose data do not keep the contract: ${
        issuesText("error", checked.issues)
      }${because(checked)}.`,
      { cause: error },
    );
  }
}

/** The value, or the list of values, that the schemas made; or a promise. */
function checkAnswer(
  signature: Signature,
  answer: unknown,
  wantsValues: boolean,
): unknown {
  const { results: schemas, name } = signature;
  if (schemas === undefined) return answer;
  const values = wantsValues ? answer as unknown[] : [answer];
  const asked = wantsValues ? schemas : schemas.slice(0, 1);
  const invalid = (message: string, cause?: unknown) => {
    const error = new WireError("invalidResult", message, { cause });
    // Nobody gets it.
    endStreams(answer, error);
    return error;
  };
  if (wantsValues && values.length > schemas.length) {
    throw invalid(
      `"${name}" gave ${values.length} values, and its contract has ${schemas.length}.`,
    );
  }
  const accepted = (checked: Checked) => {
    const { values, issues } = checked;
    if (issues.length === 0) return wantsValues ? values : values[0];
    throw invalid(
      `What "${name}" gave does not keep its contract: ${
        issuesText("result", issues)
      }${because(checked)}.`,
      issues,
    );
  };
  const checked = checkValues(asked, values);
  return checked instanceof Promise
    ? checked.then(accepted)
    : accepted(checked);
}

/** What a schema threw; it is this side's own. */
function because({ trouble }: Checked): string {
  return trouble === undefined ? "" : `, for ${errorMessage(trouble)}`;
}

// Errors that a contract declares.

/** Where an error keeps the contract that declares it. */
const CONTRACT = Symbol("contract");

/**
 * A {@linkcode RemoteError} that the function's contract declares, with data
 * that were checked. The wire makes these when it is given the contract as
 * `expects`; `contract.isError()` tells them apart.
 *
 * @typeParam Data What the error holds.
 *
 * @example
 * ```ts
 * import { contract, DeclaredError } from "@remote/wire/contract";
 * import { wirePair } from "@remote/wire/wire";
 * import * as v from "npm:valibot@1.5.0";
 *
 * const door = contract({
 *   open: { errors: { Locked: v.object({ until: v.date() }) } },
 * });
 * const [near, far] = wirePair({ expects: door }, { serves: door });
 * far.serve({
 *   open() {
 *     throw door.error("open", "Locked", { until: new Date(0) });
 *   },
 * });
 * const error = await near.remoteValue.open().catch((e: unknown) => e);
 * if (!(error instanceof DeclaredError) || !error.isOf(door)) throw error;
 * if (error.name !== "Locked" || error.functionName !== "open") throw error;
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export class DeclaredError<Data = unknown> extends RemoteError {
  /** What the error holds, as its schema made it. */
  declare readonly data: Data;

  /**
   * Made by the wire.
   *
   * @param error What came.
   * @param data What the schema made of its data.
   * @param contract The contract.
   */
  constructor(error: RemoteError, data: Data, contract: object) {
    const { name, message, functionName, cause, remoteStack } = error;
    super({ name, message, functionName, data, cause, remoteStack });
    // No private field: those of two copies would be two types to the checker.
    Object.defineProperty(this, CONTRACT, { value: contract });
    // That of the call, not of its check.
    Object.defineProperty(this, "stack", {
      value: error.stack,
      configurable: true,
      writable: true,
    });
  }

  /**
   * Whether a contract declares it.
   *
   * @param contract The contract.
   * @returns Whether it is the one that the wire was given.
   */
  isOf(contract: object): boolean {
    const { [CONTRACT]: own } = this as { readonly [CONTRACT]?: object };
    return own === contract;
  }

  static readonly #brand = /* @__PURE__ */ setBrand(this, "DeclaredError");
}

/** Parts of an error that travel by themselves, not among its data. */
const TAKEN: ReadonlySet<string> = new Set([
  "name",
  "message",
  "stack",
  "cause",
  "errors",
]);

/**
 * Makes the error that a served function throws.
 *
 * @param name The error's name.
 * @param data Its properties.
 * @param message Its message.
 * @returns The error.
 * @throws {WireError} `invalidArgument` for data that cannot be properties of
 * an error.
 */
export function makeDeclaredError(
  name: string,
  data: unknown,
  message: string,
): Error {
  const error = new Error(message);
  const define = (key: string, value: unknown, enumerable: boolean) =>
    Object.defineProperty(error, key, {
      value,
      enumerable,
      configurable: true,
      writable: true,
    });
  define("name", name, false);
  if (data === undefined) return error;
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    throw new WireError(
      "invalidArgument",
      `The data of the error "${name}" must be an object: its keys become properties of the error.`,
    );
  }
  for (const [key, value] of Object.entries(data)) {
    if (TAKEN.has(key)) {
      throw new WireError(
        "invalidArgument",
        `The data of the error "${name}" must not have the key "${key}", which every error has.`,
      );
    }
    define(key, value, true);
  }
  return error;
}

/** The most that a side tells, and takes, in bytes and in characters. */
const TOLD = 12 * 1024;
const LONGEST_SUMMARY = 64 * 1024;
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
  if (text.length > LONGEST_SUMMARY) {
    throw broken(`is longer than ${LONGEST_SUMMARY} characters`);
  }
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
