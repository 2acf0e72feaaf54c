/**
 * The schema libraries that contracts are tried with, and schemas that no
 * library would make.
 *
 * @module
 */

import { toStandardJsonSchema } from "npm:@valibot/to-json-schema@1.8.0";
import { type } from "npm:arktype@2.2.9";
import * as v from "npm:valibot@1.5.0";
import * as z from "npm:zod@4.6.7";
import { assert } from "@std/assert";
import { WireError } from "../../mod.ts";
import type { StandardSchema } from "../../wire/contract/contract.ts";

export { toStandardJsonSchema, type, v, z };

/** The same schemas, of one library. */
export interface Library {
  number: StandardSchema<number>;
  optional: StandardSchema<string | undefined>;
  point: StandardSchema<{ x: number; y: number }>;
  /** Makes a number of digits. */
  digits: StandardSchema<string, number>;
  /** Whether it tells JSON Schema. */
  tells: boolean;
}

/** All libraries. */
export const LIBRARIES: Record<string, Library> = {
  valibot: {
    number: v.number(),
    optional: v.optional(v.string()),
    point: v.object({ x: v.number(), y: v.number() }),
    digits: v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number)),
    tells: false,
  },
  "valibot with JSON Schema": {
    number: toStandardJsonSchema(v.number()),
    optional: v.optional(v.string()),
    point: toStandardJsonSchema(v.object({ x: v.number(), y: v.number() })),
    digits: v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number)),
    tells: true,
  },
  zod: {
    number: z.number(),
    optional: z.string().optional(),
    point: z.object({ x: z.number(), y: z.number() }),
    digits: z.string().regex(/^\d+$/).transform(Number),
    tells: true,
  },
  arktype: {
    number: type("number"),
    optional: type("string | undefined"),
    point: type({ x: "number", y: "number" }),
    digits: type("string.numeric.parse"),
    tells: true,
  },
};

/** A schema that does what it is told. */
export function schema<T = unknown>(
  validate: (value: unknown) => unknown,
  json?: () => Record<string, unknown>,
): StandardSchema<T> {
  return {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: validate as StandardSchema<T>["~standard"]["validate"],
      ...(json === undefined ? {} : { jsonSchema: { input: json } }),
    },
  };
}

/** A schema that takes everything, and tells a JSON Schema. */
export function told(json: Record<string, unknown>): StandardSchema {
  return schema(
    (value) =>
      value === undefined ? { issues: [{ message: "no" }] } : { value },
    () => json,
  );
}

/** What a promise rejects with; it must be an error of the wire. */
export async function failure(promise: Promise<unknown>): Promise<WireError> {
  const error = await promise.then(() => undefined, (error) => error);
  assert(error instanceof WireError, `no WireError came: ${error}`);
  return error as WireError;
}
