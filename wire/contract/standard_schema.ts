/**
 * What this module asks of a schema: the interface that schema libraries
 * share, known as Standard Schema, and its part for JSON Schema.
 *
 * @module
 */

import { shortText } from "../base/errors.ts";
import { isThenable } from "../base/shown.ts";

/**
 * A schema of any library that follows Standard Schema, version 1: valibot,
 * zod and arktype among them.
 *
 * @typeParam Input What it takes.
 * @typeParam Output What it makes of that: the same, unless it transforms.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** What every library has under the same name. */
  readonly "~standard": StandardSchemaProperties<Input, Output>;
}

/** What a schema has to tell and to do. */
export interface StandardSchemaProperties<Input = unknown, Output = Input> {
  /** The version of the interface. */
  readonly version: 1;
  /** The library's name. */
  readonly vendor: string;
  /** Checks a value, at once or later. */
  readonly validate: (
    value: unknown,
  ) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  /** For the type checker alone. */
  readonly types?: SchemaTypes<Input, Output> | undefined;
  /** Describes the schema as JSON Schema, in libraries that can. */
  readonly jsonSchema?: JsonSchemaSource | undefined;
}

/** The types of a schema. */
export interface SchemaTypes<Input = unknown, Output = Input> {
  /** What it takes. */
  readonly input: Input;
  /** What it makes of that. */
  readonly output: Output;
}

/** Makes JSON Schema of a schema; may throw where there is none for it. */
export interface JsonSchemaSource {
  /** Describes what the schema takes. */
  readonly input: (
    options: { readonly target: "draft-2020-12" },
  ) => Record<string, unknown>;
}

/** What comes of checking a value: the output, or issues. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** What is wrong with a value. */
export interface SchemaIssue {
  /** For people. */
  readonly message: string;
  /** Where in the value, from the outside in. */
  readonly path?:
    | readonly (PropertyKey | { readonly key: PropertyKey })[]
    | undefined;
}

/** What a schema takes. */
export type SchemaInput<S extends StandardSchema> = NonNullable<
  S["~standard"]["types"]
>["input"];

/** What a schema makes of what it takes. */
export type SchemaOutput<S extends StandardSchema> = NonNullable<
  S["~standard"]["types"]
>["output"];

// Values checked with schemas, whatever those do: answer at once or later,
// throw, or answer nonsense. What cannot be checked does not pass.

/** What is wrong with a value that does not fit its contract. */
export interface ContractIssue {
  /** Which of several values, counted from 1. */
  readonly position: number;
  /** Where in the value, as code would say it: `.points[2].x`. */
  readonly path: string;
  /** What the schema says of it. */
  readonly message: string;
}

/** What comes of checking values: those that the schemas made, and issues. */
export interface Checked {
  readonly values: unknown[];
  readonly issues: ContractIssue[];
  /** What a schema threw, which is not for a peer to know. */
  trouble?: unknown;
}

/** How many issues are kept, and how much of each. */
const ISSUES = 8;
const PARTS = 16;
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
    path: path ? pathText([...path as Iterable<unknown>].slice(0, PARTS)) : "",
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
