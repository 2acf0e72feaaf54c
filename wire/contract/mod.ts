/**
 * Contracts: interfaces that exist at run time. Schemas of any library that
 * follows Standard Schema check what crosses a wire, on both sides.
 *
 * @example
 * ```ts
 * import { contract } from "@remote/wire/contract";
 * import { wirePair } from "@remote/wire/wire";
 * import * as v from "npm:valibot@1.5.0";
 *
 * const calculator = contract({
 *   add: { args: [v.number(), v.number()], result: v.number() },
 * });
 * const [near, far] = wirePair({ expects: calculator }, { serves: calculator });
 * far.serve({ add: (a: number, b: number) => a + b });
 * if (await near.remoteValue.add(40, 2) !== 42) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 *
 * @module
 */

export {
  type AnyContract,
  Contract,
  contract,
  type Functions,
} from "./contract.ts";
export type * from "./contract_types.ts";
export { DeclaredError } from "./_rules.ts";
export type {
  ContractIssue,
  JsonSchemaSource,
  SchemaInput,
  SchemaIssue,
  SchemaOutput,
  SchemaResult,
  SchemaTypes,
  StandardSchema,
  StandardSchemaProperties,
} from "./standard_schema.ts";
