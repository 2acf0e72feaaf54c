/**
 * One function of a contract, and values checked with its schemas.
 *
 * @module
 */

import { shortText, WireError } from "../base/errors.ts";
import type {
  ContractDefinition,
  ContractIssue,
  FunctionDefinition,
  StandardSchema,
} from "./contract_types.ts";
import type { FunctionDescription } from "../rpc/served.ts";
import { ANY, type Shape, shapeOf } from "./_shape.ts";
import { unknownName } from "../base/checks.ts";
import { isThenable, shown } from "../base/shown.ts";

/** What is known of a function before any wire is made. */
export class Signature {
  /** The function's name. */
  readonly name: string;
  /** A schema for each argument. */
  readonly args: readonly StandardSchema[];
  /** A schema for every further one. */
  readonly rest: StandardSchema | undefined;
  /** A schema for each value that the function gives; undefined for any. */
  readonly results: readonly StandardSchema[] | undefined;
  /** The schema of the properties of each declared error. */
  readonly errors: ReadonlyMap<string, StandardSchema | null>;
  /** What the function is good for. */
  readonly doc: string | undefined;
  /** What changes with the meaning. */
  readonly version: string | undefined;

  #shapes: SignatureShapes | undefined;
  #description: FunctionDescription | undefined;

  /**
   * Checks what was written.
   *
   * @param name The function's name.
   * @param definition What the contract says of it.
   * @throws {WireError} `invalidArgument` for what is no schema.
   */
  constructor(name: string, definition: FunctionDefinition) {
    checkParts(name, definition);
    checkLists(name, definition);
    const { args = [], rest, result, results, errors = {} } = definition;
    this.name = name;
    this.args = args.map((each, i) => schema(each, name, `argument ${i + 1}`));
    this.rest = rest && schema(rest, name, "the further arguments");
    const values = results ?? (result && [result]);
    this.results = values?.map((each, i) =>
      schema(each, name, `result ${i + 1}`)
    );
    this.errors = new Map(
      Object.entries(errors).map(([error, each]) => [
        error,
        each === null ? null : schema(each, name, `the error "${error}"`),
      ]),
    );
    this.doc = definition.doc;
    this.version = definition.version;
  }

  /** Its shapes, made when they are first asked for. */
  get shapes(): SignatureShapes {
    return this.#shapes ??= {
      required: requiredCount(this.args),
      args: this.args.map(shapeOfSchema),
      rest: this.rest && shapeOfSchema(this.rest),
      results: this.results?.map(shapeOfSchema),
      errors: new Map(
        [...this.errors].map(([name, each]) => [
          name,
          each === null ? {} : shapeOfSchema(each),
        ]),
      ),
    };
  }

  /** What it says, as plain data, made when it is first asked for. */
  get description(): FunctionDescription {
    return this.#description ??= this.#describe();
  }

  #describe(): FunctionDescription {
    const { name, args, rest, results, doc, errors } = this;
    return {
      name,
      arity: args.length,
      ...(doc === undefined ? {} : { doc }),
      contract: {
        args: args.map(jsonSchema),
        ...(rest === undefined ? {} : { rest: jsonSchema(rest) }),
        result: results?.[0] === undefined ? null : jsonSchema(results[0]),
        errors: [...errors.keys()],
      },
    };
  }
}

/** The functions of a contract by name. */
export type Signatures = ReadonlyMap<string, Signature>;

/** The shapes of all that travels for a function. */
export interface SignatureShapes {
  /** How many arguments there must be. */
  readonly required: number;
  /** Of each argument. */
  readonly args: readonly Shape[];
  /** Of each further one; undefined where there may be none. */
  readonly rest: Shape | undefined;
  /** Of each value; undefined where nothing is said. */
  readonly results: readonly Shape[] | undefined;
  /** Of the properties of each declared error. */
  readonly errors: ReadonlyMap<string, Shape>;
}

/** What a definition may have. */
const PARTS = [
  "args",
  "rest",
  "result",
  "results",
  "errors",
  "doc",
  "version",
] satisfies (keyof FunctionDefinition)[];

/**
 * Whether a part of a contract is a namespace, and no function: it is not
 * empty, and each property tells of a function or of a namespace in turn. What
 * a function's definition has is no such thing: arrays, texts and schemas, and
 * errors, which have schemas and null. An empty object says nothing: under the
 * name of a part it is that part, wrong, unless there are other names.
 *
 * @param part What stands under a name.
 * @returns True for a namespace.
 */
export function isNamespaceDefinition(
  part: FunctionDefinition | ContractDefinition,
): part is ContractDefinition {
  if (!isDefinition(part)) return false;
  const members = Object.entries(part);
  const isOfParts = members.every(([key]) => isPart(key));
  return members.length > 0 &&
    members.every(([key, member]) =>
      isDefinition(member) && !areErrors(key, member) &&
      !(isOfParts && Object.keys(member).length === 0)
    );
}

function isPart(name: string): boolean {
  return (PARTS as string[]).includes(name);
}

/** Whether something may tell of a function, or of a namespace. */
function isDefinition(value: unknown): value is object {
  return typeof value === "object" && value !== null &&
    !Array.isArray(value) && !("~standard" in value);
}

/** Whether something tells of errors, under a misspelt name perhaps. */
function areErrors(key: string, value: object): boolean {
  const errors = Object.values(value);
  const haveSchemas = errors.every((each) => each === null || isSchema(each));
  const haveParts = Object.keys(value).every(isPart);
  if (key !== "errors") return haveSchemas && !haveParts;
  // They may be a function of that name, or a namespace.
  return haveSchemas || !haveParts && !errors.every(isDefinition);
}

/** Whether something is a schema: some libraries make them functions. */
function isSchema(value: unknown): value is StandardSchema {
  const properties = value === null || value === undefined
    ? undefined
    : (value as Partial<StandardSchema>)["~standard"];
  return typeof properties?.validate === "function";
}

/** A part that is misspelt would leave unchecked what it is about. */
function checkParts(name: string, definition: FunctionDefinition): void {
  if (typeof definition !== "object" || definition === null) {
    throw new WireError(
      "invalidArgument",
      `contract() takes an object that tells of ${
        JSON.stringify(name)
      }, such as { args: [], result: schema }, not ${shown(definition)}.`,
    );
  }
  const strange = Object.keys(definition).find((part) => !isPart(part));
  if (strange === undefined) return;
  const of = ` of ${shown(name)} in a contract`;
  throw unknownName("part", strange, PARTS, of);
}

/** Arguments and results are lists, and errors go by their names. */
function checkLists(name: string, definition: FunctionDefinition): void {
  const { args, results, errors } = definition;
  for (const [part, list] of Object.entries({ args, results })) {
    if (list === undefined || Array.isArray(list)) continue;
    throw new WireError(
      "invalidArgument",
      `contract() takes "${part}" of ${
        JSON.stringify(name)
      } as an array of schemas, not ${shown(list)}.`,
    );
  }
  const isNamed = typeof errors === "object" && !Array.isArray(errors);
  if (errors === undefined || (errors !== null && isNamed)) return;
  throw new WireError(
    "invalidArgument",
    `contract() takes "errors" of ${
      JSON.stringify(name)
    } as an object, a schema by each error's name, not ${shown(errors)}.`,
  );
}

function schema(value: unknown, name: string, what: string): StandardSchema {
  if (isSchema(value)) return value;
  throw new WireError(
    "invalidArgument",
    `contract() takes schemas of a library that follows Standard Schema, such as valibot, zod or arktype; for ${what} of ${
      JSON.stringify(name)
    } there is none.`,
  );
}

/** How many arguments there must be: up to the last that is not optional. */
function requiredCount(args: readonly StandardSchema[]): number {
  return args.findLastIndex((each) => !takesUndefined(each)) + 1;
}

/** Whether a schema takes undefined, as far as it tells at once. */
function takesUndefined(each: StandardSchema): boolean {
  try {
    const result = each["~standard"].validate(undefined);
    if (!(result instanceof Promise)) return !result.issues;
    result.catch(() => {});
    return false;
  } catch {
    return false;
  }
}

/** The JSON Schema of what a schema takes; null where it has none. */
function jsonSchema(each: StandardSchema): object | null {
  try {
    const { jsonSchema } = each["~standard"];
    return jsonSchema?.input({ target: "draft-2020-12" }) ?? null;
  } catch {
    return null;
  }
}

function shapeOfSchema(each: StandardSchema): Shape {
  const json = jsonSchema(each);
  try {
    return json === null ? ANY : shapeOf(json);
  } catch {
    // Its getters throw.
    return ANY;
  }
}

// Values checked with schemas, whatever those do: answer at once or later,
// throw, or answer nonsense. What cannot be checked does not pass.

/** What comes of checking values: those that the schemas made, and issues. */
export interface Checked {
  readonly values: unknown[];
  readonly issues: ContractIssue[];
  /** What a schema threw, which is not for a peer to know. */
  trouble?: unknown;
}

/** How many issues are kept, and how much of each. */
const ISSUES = 8;
const PATH_PARTS = 16;
const TEXT = 200;

/**
 * Checks values, each with its schema.
 *
 * @param schemas A schema for each value.
 * @param values The values; what is missing is checked as undefined.
 * @returns What came of it: at once, unless a schema takes its time.
 */
export function checkValues(
  schemas: readonly StandardSchema[],
  values: readonly unknown[],
): Checked | Promise<Checked> {
  const checked: Checked = { values: [], issues: [] };
  const waiting: Promise<void>[] = [];
  schemas.forEach((schema, index) => {
    try {
      const result = schema["~standard"].validate(values[index]);
      if (isThenable(result)) {
        waiting.push(
          Promise.resolve(result).then(
            (result) => take(checked, index, result),
            (error) => fail(checked, index, error),
          ),
        );
      } else {
        take(checked, index, result);
      }
    } catch (error) {
      fail(checked, index, error);
    }
  });
  if (waiting.length === 0) return checked;
  return Promise.all(waiting).then(() => {
    checked.issues.sort((a, b) => a.position - b.position);
    return checked;
  });
}

/**
 * What is wrong, in a sentence.
 *
 * @param what What the values are: `"argument"`, say.
 * @param issues What is wrong with them.
 * @returns Text such as `argument 2 at .x: a number is expected`.
 */
export function issuesText(
  what: string,
  issues: readonly ContractIssue[],
): string {
  return issues.map(({ position, path, message }) =>
    `${what} ${position}${path === "" ? "" : ` at ${path}`}: ${message}`
  ).join("; ");
}

/** Reads what a schema answered. */
function take(checked: Checked, index: number, result: unknown): void {
  try {
    const { issues, value } = result as { issues?: unknown; value?: unknown };
    if (!issues) {
      checked.values[index] = value;
      return;
    }
    const list = [...issues as Iterable<unknown>].slice(0, ISSUES);
    if (list.length === 0) list.push({ message: "it does not fit" });
    for (const issue of list) note(checked, issueOf(index, issue));
  } catch (error) {
    fail(checked, index, error);
  }
}

/** A schema that fails lets nothing pass. */
function fail(checked: Checked, index: number, error: unknown): void {
  const message = "it could not be checked";
  checked.trouble ??= error ?? new Error("A schema threw nothing.");
  note(checked, { position: index + 1, path: "", message });
}

function note({ issues }: Checked, issue: ContractIssue): void {
  if (issues.length < ISSUES) issues.push(issue);
}

function issueOf(index: number, issue: unknown): ContractIssue {
  const { message, path } = issue as { message: unknown; path?: unknown };
  return {
    position: index + 1,
    path: path
      ? pathText([...path as Iterable<unknown>].slice(0, PATH_PARTS))
      : "",
    message: short(String(message)),
  };
}

function pathText(path: readonly unknown[]): string {
  return path.map((part) => {
    const key = typeof part === "object" && part !== null && "key" in part
      ? part.key
      : part;
    if (typeof key === "number") return `[${key}]`;
    const name = short(String(key));
    return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name)
      ? `.${name}`
      : `[${JSON.stringify(name)}]`;
  }).join("");
}

function short(text: string): string {
  return shortText(text.length > TEXT ? `${text.slice(0, TEXT)}…` : text);
}
