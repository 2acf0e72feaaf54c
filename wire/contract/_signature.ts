/**
 * One function of a contract, and values checked with its schemas.
 *
 * @module
 */

import { unknownName } from "../base/checks.ts";
import { isThenable, shortText, shown, WireError } from "../base/errors.ts";
import type { FunctionDescription } from "../rpc/served.ts";
import type {
  ContractDefinition,
  ContractIssue,
  FunctionDefinition,
  StandardSchema,
} from "./contract_types.ts";

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
    // No hole in a list stays one, which nothing would check.
    this.args = Array.from(
      args,
      (each, i) => schema(each, name, `argument ${i + 1}`),
    );
    this.rest = rest && schema(rest, name, "the further arguments");
    const values = results ?? (result && [result]);
    this.results = values &&
      Array.from(values, (each, i) => schema(each, name, `result ${i + 1}`));
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
  if (!isNames(definition)) {
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

/**
 * Whether something may have parts by their names. Those of a list, a Map or a
 * promise are elsewhere, and would go unseen.
 *
 * @param value Anything.
 */
export function isNames(value: unknown): value is object {
  return typeof value === "object" && value !== null &&
    !(Symbol.iterator in value) && !isThenable(value);
}

/** Arguments and results are lists, and errors go by their names. */
function checkLists(name: string, definition: FunctionDefinition): void {
  const { args, results, errors, doc, version } = definition;
  for (const [part, text] of Object.entries({ doc, version })) {
    if (text === undefined || typeof text === "string") continue;
    throw new WireError(
      "invalidArgument",
      `contract() takes "${part}" of ${JSON.stringify(name)} as a text, not ${
        shown(text)
      }.`,
    );
  }
  for (const [part, list] of Object.entries({ args, results })) {
    if (list === undefined || Array.isArray(list)) continue;
    throw new WireError(
      "invalidArgument",
      `contract() takes "${part}" of ${
        JSON.stringify(name)
      } as an array of schemas, not ${shown(list)}.`,
    );
  }
  if (errors === undefined || isNames(errors)) return;
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
      // Who answers true or false, say, is no Standard Schema.
      if (typeof result !== "object" || !("value" in result!)) {
        throw new TypeError(
          `a schema answered ${
            shown(result)
          }, which has neither "value" nor "issues".`,
        );
      }
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

/** A shape, as said above. */
export type Shape = string | ListShape | ObjectShape;
/** A kind, and its parts. */
type ListShape = readonly [kind: string, ...parts: Shape[]];
/** A shape for each property. */
type ObjectShape = { readonly [key: string]: Shape };

/** The shape of which nothing is known. */
export const ANY = "any";

/** How deep shapes are told, and how many parts one has. */
export const DEPTH = 8;
const MOST_PARTS = 500;

/** A schema while its parts are looked up. */
interface Source {
  readonly root: object;
  /** How many more parts it may have. */
  left: number;
}

/**
 * The shape of a JSON Schema.
 *
 * @param schema The schema, of the draft 2020-12.
 * @returns Its shape; what it says otherwise is `"any"`.
 */
export function shapeOf(schema: object): Shape {
  return shape({ root: schema, left: MOST_PARTS }, schema, DEPTH);
}

function shape(source: Source, schema: unknown, depth: number): Shape {
  if (!isObject(schema) || depth === 0 || source.left-- <= 0) return ANY;
  const { $ref, enum: members, anyOf, oneOf, allOf, type } = schema;
  if (typeof $ref === "string") {
    return shape(source, refer(source.root, $ref), depth - 1);
  }
  if (Array.isArray(members)) return either(members.map(literal));
  if (Object.hasOwn(schema, "const")) return literal(schema["const"]);
  if (Array.isArray(allOf) || Object.hasOwn(schema, "not")) return ANY;
  const choices = anyOf ?? oneOf;
  if (Array.isArray(choices)) {
    if (type !== undefined) return ANY;
    return either(choices.map((each) => shape(source, each, depth - 1)));
  }
  if (Array.isArray(type)) {
    return either(type.map((each) => typed(source, schema, each, depth)));
  }
  return typed(source, schema, type, depth);
}

function typed(
  source: Source,
  schema: Record<string, unknown>,
  type: unknown,
  depth: number,
): Shape {
  switch (type) {
    case "integer":
      return "number";
    case "string":
    case "number":
    case "boolean":
    case "null":
      return type;
    case "array": {
      const { prefixItems, items } = schema;
      if (!Array.isArray(prefixItems)) {
        return ["list", shape(source, items, depth - 1)];
      }
      if (isObject(items)) return ["list", ANY];
      return [
        "tuple",
        ...prefixItems.map((each) => shape(source, each, depth - 1)),
      ];
    }
    case "object":
      return members(source, schema, depth);
    default:
      return ANY;
  }
}

function members(
  source: Source,
  schema: Record<string, unknown>,
  depth: number,
): Shape {
  const { properties, additionalProperties } = schema;
  if (!isObject(properties)) {
    return ["map", shape(source, additionalProperties, depth - 1)];
  }
  const required = new Set(
    Array.isArray(schema["required"]) ? schema["required"] : [],
  );
  const result: Record<string, Shape> = Object.create(null);
  for (const key of Object.keys(properties).sort()) {
    const name = required.has(key) ? key : `${key}?`;
    result[name] = shape(source, properties[key], depth - 1);
  }
  return result;
}

/** What a reference within a schema points to. */
function refer(root: object, reference: string): unknown {
  let target: unknown = root;
  for (const part of reference.split("/").slice(1)) {
    const key = decodeURIComponent(part).replaceAll("~1", "/")
      .replaceAll("~0", "~");
    if (!isObject(target) || !Object.hasOwn(target, key)) return undefined;
    target = target[key];
  }
  return reference.startsWith("#") ? target : undefined;
}

function literal(value: unknown): Shape {
  return value === null || /^(string|number|boolean)$/.test(typeof value)
    ? JSON.stringify(value)
    : ANY;
}

/** One of several shapes, in an order that does not depend on theirs. */
function either(shapes: readonly Shape[]): Shape {
  const parts = new Map<string, Shape>();
  for (const each of shapes) {
    if (each === ANY) return ANY;
    for (const part of isKind(each, "or") ? each.slice(1) : [each]) {
      parts.set(JSON.stringify(part), part as Shape);
    }
  }
  const sorted = [...parts].sort(([a], [b]) => a < b ? -1 : 1);
  const [first] = sorted;
  if (first === undefined) return ANY;
  return sorted.length === 1
    ? first[1]
    : ["or", ...sorted.map(([, part]) => part)];
}

/**
 * A shape without its deeper parts.
 *
 * @param of The shape.
 * @param depth How deep it may be; at 0, only what has no parts is told.
 * @returns The shape, shortened.
 */
export function shallow(of: Shape, depth: number): Shape {
  if (typeof of === "string") return of;
  if (depth === 0) return ANY;
  if (isList(of)) {
    const [kind, ...parts] = of;
    return [kind, ...parts.map((part) => shallow(part, depth - 1))];
  }
  const result: Record<string, Shape> = Object.create(null);
  for (const [key, part] of Object.entries(of)) {
    result[key] = shallow(part, depth - 1);
  }
  return result;
}

/** Whether something is an object, and no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a shape is one of those with a kind and parts. */
function isList(of: Shape): of is ListShape {
  return Array.isArray(of);
}

/** Whether a shape is of a kind. */
function isKind(of: Shape, kind: string): of is ListShape {
  return isList(of) && of[0] === kind;
}

// Whether what one side sends fits what the other takes, by their shapes. Where
// either says nothing, it fits.

/** How much of a shape is shown to people. */
const SHOWN = 80;

const TYPES: ReadonlySet<string> = new Set([
  "string",
  "number",
  "boolean",
  "null",
]);

/** Where what one side sends does not fit what the other takes. */
interface Incompatibility {
  /** Where in the value. */
  readonly path: string;
  /** What is sent there. */
  readonly sent: string;
  /** What is taken there. */
  readonly taken: string;
}

/**
 * Compares what one side sends with what the other takes.
 *
 * @param sent The one shape.
 * @param taken The other. Either may have come off a wire.
 * @returns The first place where they do not fit; undefined if they do.
 */
export function findIncompatibility(
  sent: Shape,
  taken: Shape,
): Incompatibility | undefined {
  return compare(sent, taken, "", 4 * DEPTH);
}

function compare(
  sent: Shape,
  taken: Shape,
  path: string,
  depth: number,
): Incompatibility | undefined {
  if (depth === 0 || isUnknown(sent) || isUnknown(taken)) return undefined;
  if (sent === "boolean" && taken !== "boolean") sent = ["or", "false", "true"];
  if (isKind(sent, "or")) {
    return firstOf(
      sent.slice(1),
      (part) => compare(part, taken, path, depth - 1),
    );
  }
  if (isKind(taken, "or")) {
    const fits = taken.slice(1).some((part) =>
      compare(sent, part as Shape, path, depth - 1) === undefined
    );
    return fits ? undefined : differ(sent, taken, path);
  }
  if (typeof sent === "string" || typeof taken === "string") {
    const fits = sent === taken || typeOf(sent) === taken;
    return fits ? undefined : differ(sent, taken, path);
  }
  if (isList(sent) && isList(taken)) {
    return compareLists(sent, taken, path, depth);
  }
  if (!isList(sent) && !isList(taken)) {
    return compareObjects(sent, taken, path, depth);
  }
  // A map and an object may well fit, a list and an object do not.
  const list = isList(sent) ? sent : taken;
  return isKind(list, "map") ? undefined : differ(sent, taken, path);
}

function compareLists(
  [sentKind, ...sent]: ListShape,
  [takenKind, ...taken]: ListShape,
  path: string,
  depth: number,
): Incompatibility | undefined {
  if ((sentKind === "map") !== (takenKind === "map")) {
    return differ([sentKind, ...sent], [takenKind, ...taken], path);
  }
  // How long a list is, nobody knows.
  if (sentKind === "list" && takenKind === "tuple") return undefined;
  const [first = ANY] = taken;
  return firstOf(sent, (part, index) =>
    compare(
      part,
      takenKind === "tuple" ? taken[index] ?? ANY : first,
      sentKind === "tuple" ? `${path}[${index}]` : `${path}[]`,
      depth - 1,
    ));
}

function compareObjects(
  sent: ObjectShape,
  taken: ObjectShape,
  path: string,
  depth: number,
): Incompatibility | undefined {
  return firstOf(Object.keys(taken), (name) => {
    const isOptional = name.endsWith("?");
    const key = isOptional ? name.slice(0, -1) : name;
    const here = `${path}.${
      key.length > SHOWN ? `${key.slice(0, SHOWN)}…` : key
    }`;
    const always = own(sent, key);
    const given = always ?? own(sent, `${key}?`);
    if (always === undefined && !isOptional) {
      const is = given === undefined ? "nothing" : "nothing at times";
      return { path: here, sent: is, taken: shapeText(taken[name]!) };
    }
    if (given === undefined) return undefined;
    return compare(given, taken[name]!, here, depth - 1);
  });
}

function firstOf<T>(
  list: readonly T[],
  find: (item: T, index: number) => Incompatibility | undefined,
): Incompatibility | undefined {
  for (const [index, item] of list.entries()) {
    const found = find(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

function differ(sent: Shape, taken: Shape, path: string): Incompatibility {
  return { path, sent: shapeText(sent), taken: shapeText(taken) };
}

/** What may have come off a wire, and says nothing that is known here. */
function isUnknown(of: unknown): boolean {
  if (typeof of === "string") return !TYPES.has(of) && typeOf(of) === undefined;
  if (!Array.isArray(of)) return !isObject(of);
  return !["list", "map", "tuple", "or"].includes(of[0]);
}

/** The type of a literal. */
function typeOf(of: Shape): string | undefined {
  if (typeof of !== "string") return undefined;
  if (of === "true" || of === "false") return "boolean";
  if (of.startsWith('"')) return "string";
  return /^-?\d/.test(of) ? "number" : undefined;
}

/** A shape as people write it. */
function shapeText(of: Shape): string {
  const text = write(of, 3);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

function write(of: Shape, depth: number): string {
  if (typeof of === "string") return of.slice(0, SHOWN);
  if (depth === 0 || isUnknown(of)) return "…";
  if (!isList(of)) {
    const parts = Object.entries(of).slice(0, 8).map(([key, part]) =>
      `${key.slice(0, SHOWN)}: ${write(part, depth - 1)}`
    );
    return `{ ${parts.join(", ")} }`;
  }
  const [kind, ...all] = of;
  const parts = all.slice(0, 8).map((part) => write(part, depth - 1));
  switch (kind) {
    case "or":
      return parts.join(" | ");
    case "tuple":
      return `[${parts.join(", ")}]`;
    default:
      return `${kind} of ${parts[0]}`;
  }
}

function own(of: ObjectShape, key: string): Shape | undefined {
  return Object.hasOwn(of, key) ? of[key] : undefined;
}
