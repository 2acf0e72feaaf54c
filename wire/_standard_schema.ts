/**
 * What this module asks of a schema: the interface that schema libraries
 * share, known as Standard Schema, and its part for JSON Schema.
 *
 * @module
 */

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
