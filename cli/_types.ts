/**
 * What a server serves, as a TypeScript interface.
 *
 * @module
 */

import type { FunctionInfo } from "../mod.ts";
import { harmless } from "./_text.ts";

/** Deeper parts of a schema are unknown. */
const DEEPEST = 20;
/** What JSON Schema calls types. */
const TYPES = [
  ...["string", "number", "integer", "boolean", "null"],
  ...["array", "object"],
];
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** Functions by name, and namespaces of them. */
interface Namespace {
  readonly functions: Map<string, FunctionInfo>;
  readonly namespaces: Map<string, Namespace>;
}

/**
 * Writes an interface.
 *
 * @param functions What is served.
 * @param from Where, for the comment.
 * @returns A module in TypeScript that exports it as `Remote`.
 */
export function interfaceOf(
  functions: readonly FunctionInfo[],
  from: string,
): string {
  const root = namespace();
  const names = new Set(functions.map(({ name }) => name));
  for (const info of functions) {
    const path = info.name.split(".");
    // What is a function itself, or begins like one, is not split.
    const isPath = path.every((part) => part !== "") &&
      path.every((_, at) =>
        at === 0 || !names.has(path.slice(0, at).join("."))
      );
    let place = root;
    for (const part of isPath ? path.slice(0, -1) : []) {
      const next = place.namespaces.get(part) ?? namespace();
      place.namespaces.set(part, next);
      place = next;
    }
    place.functions.set(isPath ? path.at(-1)! : info.name, info);
  }
  const text = `/** What ${comment(from)} serves. */\n` +
    `export interface Remote {\n${members(root, "  ")}}\n`;
  return harmless(text);
}

/** Writes one function, as a method of an interface. */
export function methodText(info: FunctionInfo, indent = ""): string {
  return harmless(member(info.name, info, indent));
}

function namespace(): Namespace {
  return { functions: new Map(), namespaces: new Map() };
}

function members(
  { functions, namespaces }: Namespace,
  indent: string,
): string {
  const own = Array.from(
    functions,
    ([name, info]) => member(name, info, indent),
  );
  const inner = Array.from(
    namespaces,
    ([name, part]) =>
      `${indent}${keyOf(name)}: {\n${
        members(part, `${indent}  `)
      }${indent}};\n`,
  );
  return [...own, ...inner].join("");
}

function member(name: string, info: FunctionInfo, indent: string): string {
  const { doc, contract } = info;
  const notes = doc === undefined ? [] : doc.split("\n");
  for (const error of contract?.errors ?? []) notes.push(`@throws ${error}`);
  const lines = notes.map((line) => `${indent} * ${comment(line)}`.trimEnd());
  const head = lines.length === 0
    ? ""
    : `${indent}/**\n${lines.join("\n")}\n${indent} */\n`;
  return `${head}${indent}${keyOf(name)}(${argsOf(info)}): ${
    resultOf(info)
  };\n`;
}

function argsOf({ arity, contract }: FunctionInfo): string {
  if (contract === undefined) {
    const args = Array.from(
      { length: count(arity) },
      (_, at) => `arg${at + 1}: unknown`,
    );
    return [...args, "...more: unknown[]"].join(", ");
  }
  const args = contract.args.map((schema, at) =>
    `arg${at + 1}: ${typeText(schema)}`
  );
  const { rest } = contract;
  if (rest !== undefined) args.push(`...more: ${listOf(typeText(rest))}`);
  return args.join(", ");
}

function resultOf({ contract }: FunctionInfo): string {
  return contract === undefined ? "unknown" : typeText(contract.result);
}

/** A peer may say that there are a billion. */
function count(arity: number): number {
  return Number.isInteger(arity) ? Math.min(Math.max(arity, 0), 100) : 0;
}

/**
 * A JSON Schema as a type; what it says beyond a type is left out.
 *
 * @param schema The schema, as a peer sent it.
 * @param depth How deep it is in another.
 */
export function typeText(schema: unknown, depth = 0): string {
  if (typeof schema !== "object" || schema === null || depth > DEEPEST) {
    return "unknown";
  }
  const known = schema as Record<string, unknown>;
  const inner = (part: unknown) => typeText(part, depth + 1);
  if ("const" in known) return literal(known.const);
  if (Array.isArray(known.enum)) return union(known.enum.map(literal));
  for (const name of ["anyOf", "oneOf"]) {
    const parts = known[name];
    if (Array.isArray(parts)) return union(parts.map(inner));
  }
  if (Array.isArray(known.allOf)) {
    const parts = known.allOf.map((part) => `(${inner(part)})`);
    return parts.length === 0 ? "unknown" : parts.join(" & ");
  }
  const type: unknown = known.type ?? impliedType(known);
  if (Array.isArray(type)) {
    // Each at most once: so each part of the schema is written once.
    const types = TYPES.filter((each) => type.includes(each));
    return union(types.map((type) => typeText({ ...known, type }, depth)));
  }
  switch (type) {
    case "array":
      return arrayText(known, inner);
    case "object":
      return objectText(known, inner);
    case "string":
    case "number":
    case "boolean":
    case "null":
      return type;
    case "integer":
      return "number";
    default:
      return "unknown";
  }
}

/** The type of a schema that says none, but what such a value has. */
function impliedType(schema: Record<string, unknown>): string | undefined {
  if (Array.isArray(schema.prefixItems)) return "array";
  return typeof schema.properties === "object" ? "object" : undefined;
}

function arrayText(
  { prefixItems, items }: Record<string, unknown>,
  inner: (part: unknown) => string,
): string {
  if (!Array.isArray(prefixItems)) return listOf(inner(items));
  const parts = prefixItems.map(inner);
  if (typeof items === "object" && items !== null) {
    parts.push(`...${listOf(inner(items))}`);
  }
  return `[${parts.join(", ")}]`;
}

function objectText(
  { properties, required, additionalProperties }: Record<string, unknown>,
  inner: (part: unknown) => string,
): string {
  if (typeof properties !== "object" || properties === null) {
    const others = typeof additionalProperties === "object"
      ? inner(additionalProperties)
      : "unknown";
    return `Record<string, ${others}>`;
  }
  const needed = new Set(Array.isArray(required) ? required : []);
  const parts = Object.entries(properties).map(([key, part]) =>
    `${keyOf(key)}${needed.has(key) ? "" : "?"}: ${inner(part)}`
  );
  return parts.length === 0
    ? "Record<never, never>"
    : `{ ${parts.join("; ")} }`;
}

function listOf(type: string): string {
  return /^[\w$.]+$/.test(type) ? `${type}[]` : `(${type})[]`;
}

function union(parts: readonly string[]): string {
  return parts.length === 0 ? "never" : [...new Set(parts)].join(" | ");
}

function literal(value: unknown): string {
  switch (typeof value) {
    case "string":
    case "boolean":
      return JSON.stringify(value);
    case "number":
      return Number.isFinite(value) ? String(value) : "number";
    default:
      return value === null ? "null" : "unknown";
  }
}

/** A name as a key of an interface. */
function keyOf(name: string): string {
  return IDENTIFIER.test(name) ? name : JSON.stringify(name);
}

/** A text that ends no comment. */
function comment(text: string): string {
  return text.replaceAll("*/", "*\\/");
}
