/**
 * How a contract is written, and what the type checker makes of it.
 *
 * @module
 */

import type { AnyValueType } from "../codec/value_types.ts";
import type { Values } from "../rpc/context.ts";
import type {
  AnyFunctions,
  FunctionNames,
  NamespaceNames,
} from "../rpc/remote_types.ts";

/**
 * What a contract says of one function. Nothing of it has to be said.
 *
 * @example
 * ```ts
 * import { contract, type FunctionDefinition } from "@remote/wire/contract";
 * import * as v from "npm:valibot@1.5.0";
 *
 * const add: FunctionDefinition = {
 *   args: [v.number()],
 *   rest: v.number(),
 *   result: v.number(),
 *   doc: "The sum of one number or more.",
 * };
 * const [described] = contract({ add }).describe();
 * if (described?.arity !== 1 || described.doc !== add.doc) throw new Error();
 * ```
 */
export interface FunctionDefinition {
  /**
   * A schema for each argument. An argument may be left out where its schema,
   * and those behind it, take undefined.
   *
   * @default {[]}
   */
  readonly args?: readonly StandardSchema[] | undefined;
  /** A schema for every further argument. Without, there may be none. */
  readonly rest?: StandardSchema | undefined;
  /** A schema for the result. Without, any result is taken. */
  readonly result?: StandardSchema | undefined;
  /** Instead of `result`: a schema for each of several values. */
  readonly results?: readonly StandardSchema[] | undefined;
  /**
   * The errors that a caller is to know, by name: a schema for the properties
   * of each, or null where it has none.
   */
  readonly errors?: Readonly<Record<string, StandardSchema | null>> | undefined;
  /** What the function is good for. */
  readonly doc?: string | undefined;
  /**
   * A text that changes when the meaning does. Two ends that give different
   * ones do not fit.
   */
  readonly version?: string | undefined;
}

/**
 * Functions by name, and namespaces of functions. What has any property but
 * those of a function's definition, each of which tells of a function or of a
 * namespace, is a namespace.
 */
export interface ContractDefinition {
  /** Any name is one of a function, or of a namespace. */
  readonly [name: string]: FunctionDefinition | ContractDefinition;
}

/**
 * What else belongs to a contract.
 *
 * @example
 * ```ts
 * import { contract } from "@remote/wire/contract";
 * import { classType } from "@remote/wire/types";
 * import { wirePair } from "@remote/wire/wire";
 * import * as v from "npm:valibot@1.5.0";
 *
 * class Point {
 *   constructor(readonly x: number, readonly y: number) {}
 * }
 * const plane = contract(
 *   { mirror: { args: [v.instance(Point)], result: v.instance(Point) } },
 *   { valueTypes: [classType("point", Point, ["x", "y"])] },
 * );
 * const [near, far] = wirePair({ expects: plane }, { serves: plane });
 * far.serve({ mirror: ({ x, y }: Point) => new Point(y, x) });
 * const mirrored = await near.remoteValue.mirror(new Point(1, 2));
 * if (mirrored.x !== 2 || mirrored.y !== 1) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export interface ContractOptions {
  /**
   * Types of values that its functions take and return. A wire that serves or
   * expects the contract knows them, in addition to those of its own option
   * `valueTypes`: `valueType()` makes them.
   *
   * @default {[]}
   */
  readonly valueTypes?: readonly AnyValueType[] | undefined;
}

/** A part of a function's definition; undefined where it is not said. */
export type DefinitionPart<F, K extends keyof FunctionDefinition> = F extends
  { readonly [P in K]: infer Part } ? Part : undefined;

/** What schemas take, as a list. */
export type SchemaInputs<L> = L extends readonly StandardSchema[] ? {
    -readonly [I in keyof L]: L[I] extends StandardSchema ? SchemaInput<L[I]>
      : never;
  }
  : [];

/** What schemas make, as a list. */
export type SchemaOutputs<L> = L extends readonly StandardSchema[] ? {
    -readonly [I in keyof L]: L[I] extends StandardSchema ? SchemaOutput<L[I]>
      : never;
  }
  : [];

/** Arguments, of which the last may be left out where they may be undefined. */
export type Omissible<L extends readonly unknown[]> = L extends
  readonly [...infer Head, infer Last]
  ? undefined extends Last ? [...Omissible<Head>, Last?] : L
  : L;

/** The interface that a definition describes, as its callers see it. */
export type CalledFunctions<D> = {
  [K in keyof D]: D[K] extends FunctionDefinition ? CalledFunction<D[K]>
    : CalledFunctions<D[K]>;
};

/** A function as its callers see it. */
export type CalledFunction<F> = (
  ...args: [
    ...Omissible<SchemaInputs<DefinitionPart<F, "args">>>,
    ...DefinitionPart<F, "rest"> extends infer R extends StandardSchema
      ? SchemaInput<R>[]
      : [],
  ]
) => DefinitionPart<F, "results"> extends
  infer L extends readonly StandardSchema[] ? Values<SchemaOutputs<L>>
  : DefinitionPart<F, "result"> extends infer R extends StandardSchema
    ? SchemaOutput<R>
  // deno-lint-ignore no-explicit-any -- nothing is said of the result
  : any;

/**
 * The interface that a definition describes, as its implementer sees it:
 * another one only where schemas transform.
 */
export type ServableFunctions<D> = {
  [K in keyof D]: D[K] extends FunctionDefinition ? ServableFunction<D[K]>
    : ServableFunctions<D[K]>;
};

/** A function as its implementer sees it. */
export type ServableFunction<F> = (
  ...args: [
    ...SchemaOutputs<DefinitionPart<F, "args">>,
    ...DefinitionPart<F, "rest"> extends infer R extends StandardSchema
      ? SchemaOutput<R>[]
      : [],
  ]
) => DefinitionPart<F, "results"> extends
  infer L extends readonly StandardSchema[] ? Values<SchemaInputs<L>>
  : DefinitionPart<F, "result"> extends infer R extends StandardSchema
    ? SchemaInput<R>
  // deno-lint-ignore no-explicit-any -- nothing is said of the result
  : any;

/** The names of the functions of a definition; in namespaces, their paths. */
export type FunctionPaths<D> = {
  [K in keyof D & string]: D[K] extends FunctionDefinition ? K
    : `${K}.${FunctionPaths<D[K]>}`;
}[keyof D & string];

/** What a definition says under a path. */
export type DefinitionAt<D, Path> = Path extends keyof D ? D[Path]
  : Path extends `${infer Name}.${infer Rest}`
    ? Name extends keyof D ? DefinitionAt<D[Name], Rest> : never
  : never;

/** The properties of each declared error, by function and name. */
export type DeclaredErrors<D> = {
  [Path in FunctionPaths<D>]: DefinitionAt<D, Path> extends
    { readonly errors: infer E } ? {
      [N in keyof E]: E[N] extends StandardSchema ? SchemaOutput<E[N]>
        : undefined;
    }
    : object;
};

/** An interface without anything that may be left out. */
export type RequiredFunctions<T> = {
  [K in keyof T]-?: K extends NamespaceNames<T>
    ? RequiredFunctions<Exclude<T[K], undefined>>
    : Exclude<T[K], undefined>;
};

/**
 * An interface as plain functions, so that the type checker compares arguments
 * strictly: those of methods it would compare in either direction.
 */
export type PlainFunctions<T> = {
  -readonly [K in FunctionNames<T> | NamespaceNames<T>]-?: Exclude<
    T[K],
    undefined
  > extends infer F extends AnyFunctions[string]
    ? (...args: Parameters<F>) => Awaited<ReturnType<F>>
    : PlainFunctions<Exclude<T[K], undefined>>;
};

/** For the type checker alone: what a contract is about. */
export interface ContractTypes<T, E, S> {
  /** The interface that callers see. */
  // deno-lint-ignore no-explicit-any -- nothing is known of the interface
  readonly called: string extends keyof T ? any : PlainFunctions<T>;
  /** The interface that the implementer sees. */
  readonly served: (
    // deno-lint-ignore no-explicit-any -- nothing is known of the interface
    functions: string extends keyof S ? any : PlainFunctions<S>,
  ) => void;
  /** The declared errors. */
  readonly errors: E;
}

/**
 * What implements a contract: ready to be served. Its functions take what
 * travels.
 */
export type Implementation<S> = {
  readonly [K in FunctionNames<S> | NamespaceNames<S>]: Exclude<
    S[K],
    undefined
  > extends AnyFunctions[string] ? AnyFunctions[string]
    : Implementation<Exclude<S[K], undefined>>;
};

// What this module asks of a schema: the interface that schema libraries
// share, known as Standard Schema, and its part for JSON Schema.

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

/** What is wrong with a value that does not fit its contract. */
export interface ContractIssue {
  /** Which of several values, counted from 1. */
  readonly position: number;
  /** Where in the value, as code would say it: `.points[2].x`. */
  readonly path: string;
  /** What the schema says of it. */
  readonly message: string;
}
