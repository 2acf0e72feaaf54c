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

import type {
  CalledFunctions,
  ContractDefinition,
  ContractOptions,
  ContractTypes,
  DeclaredErrors,
  Implementation,
  RequiredFunctions,
  ServableFunctions,
} from "./contract_types.ts";
import { setBrand, shown, WireError } from "../base/errors.ts";
import { checkOptionKeys } from "../base/checks.ts";
import { resolveValueTypes } from "../codec/value_types.ts";
import type { AnyFunctions, ServedFunctions } from "../rpc/remote_types.ts";
import { type FunctionDescription, RULES, rulesOf } from "../rpc/served.ts";
import {
  DeclaredError,
  makeDeclaredError,
  Rules,
  signaturesOf,
} from "./_rules.ts";
import { isNames, isNamespaceDefinition, Signature } from "./_signature.ts";

export { DeclaredError } from "./_rules.ts";
export type * from "./contract_types.ts";

/**
 * What one side serves and the other expects: functions, their arguments,
 * results and errors, each with a schema. {@linkcode contract} makes it.
 *
 * @typeParam T The interface that callers see.
 * @typeParam E The data of each declared error, by function and name.
 * @typeParam S The interface that the implementer sees: all functions of the
 * callers' one, none left out, and others only where schemas transform.
 *
 * @example A declared error
 * ```ts
 * import { contract } from "@remote/wire/contract";
 * import { wirePair } from "@remote/wire/wire";
 * import * as v from "npm:valibot@1.5.0";
 *
 * const bank = contract({
 *   pay: {
 *     args: [v.number()],
 *     errors: { TooMuch: v.object({ missing: v.number() }) },
 *   },
 * });
 * const [near, far] = wirePair({ expects: bank }, { serves: bank });
 * far.serve(bank.implement({
 *   pay(sum) {
 *     if (sum > 10) throw bank.error("pay", "TooMuch", { missing: sum - 10 });
 *   },
 * }));
 * const error = await near.remoteValue.pay(12).catch((e: unknown) => e);
 * if (!bank.isError(error, "pay", "TooMuch")) throw error;
 * if (error.data.missing !== 2) throw error;
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export class Contract<
  T extends object = AnyFunctions,
  // deno-lint-ignore no-explicit-any -- errors are known where they are said
  E extends object = any,
  S extends object = RequiredFunctions<T>,
> {
  /** For the type checker alone; it is never there. */
  declare readonly "~types"?: ContractTypes<T, E, S>;
  /**
   * Use {@linkcode contract}.
   *
   * @param definition The functions by name.
   * @param options What else belongs to it.
   */
  constructor(definition: ContractDefinition, options: ContractOptions = {}) {
    if (!isNames(definition)) {
      throw new WireError(
        "invalidArgument",
        `contract() takes an object, which tells of each function by its name, and not ${
          shown(definition)
        }.`,
      );
    }
    const signatures = new Map<string, Signature>();
    addSignatures(definition, "", signatures);
    checkOptionKeys(options, { valueTypes: true }, "a contract");
    resolveValueTypes(options.valueTypes);
    const valueTypes = options.valueTypes && [...options.valueTypes];
    // No private field: those of two copies would be two types to the checker.
    Object.defineProperty(this, RULES, {
      value: new Rules(this, signatures, valueTypes),
    });
  }

  /**
   * Puts functions behind the contract, ready to be served: arguments are
   * checked, and replaced by what their schemas make of them, before a
   * function runs. A call that does not fit fails at its caller with the code
   * `invalidArgument`.
   *
   * @param functions All functions of the contract, and no other; in the same
   * namespaces.
   * @returns What `wire.serve()` takes.
   * @throws {WireError} `invalidArgument` when there is one too few or too
   * many.
   */
  implement(functions: ServedFunctions<S>): Implementation<S> {
    return rulesOf(this).implemented(
      functions,
    ) as unknown as Implementation<S>;
  }

  /**
   * Makes a declared error, for a served function to throw.
   *
   * @param functionName The function; in a namespace, its path: "users.get".
   * @param name The error's name.
   * @param rest Its data, and a message for people.
   * @returns The error.
   * @throws {WireError} `invalidArgument` for one that is not declared.
   */
  error<F extends keyof E & string, N extends keyof E[F] & string>(
    functionName: F,
    name: N,
    ...rest: undefined extends E[F][N] ? [data?: E[F][N], message?: string]
      : [data: E[F][N], message?: string]
  ): Error {
    const [data, message = `"${functionName}" failed: ${name}.`] = rest;
    if (!signaturesOf(this).get(functionName)?.errors.has(name)) {
      throw new WireError(
        "invalidArgument",
        `The contract declares no error "${name}" of "${functionName}".`,
      );
    }
    return makeDeclaredError(name, data, message);
  }

  /**
   * Tells whether a call failed with a declared error. The wire has to know
   * the contract: give it as `expects`.
   *
   * @param error What the call threw.
   * @param functionName The function that was called.
   * @param name The error's name.
   * @returns Whether it is that error; its `data` have their type then.
   */
  isError<F extends keyof E & string, N extends keyof E[F] & string>(
    error: unknown,
    functionName: F,
    name: N,
  ): error is DeclaredError<E[F][N]> {
    return error instanceof DeclaredError && error.isOf(this) &&
      error.functionName === functionName && error.name === name;
  }

  /**
   * What the contract says, as plain data: JSON Schemas where the library of
   * a schema makes them.
   *
   * @returns Each function.
   */
  describe(): FunctionDescription[] {
    return [...signaturesOf(this).values()]
      .map(({ description }) => description);
  }

  static readonly #brand = /* @__PURE__ */ setBrand(this, "Contract");
}

/** Adds the functions of a definition, and of its namespaces. */
function addSignatures(
  definition: ContractDefinition,
  prefix: string,
  signatures: Map<string, Signature>,
): void {
  for (const [key, part] of Object.entries(definition)) {
    const name = prefix + key;
    if (isNamespaceDefinition(part)) {
      addSignatures(part, `${name}.`, signatures);
      continue;
    }
    if (signatures.has(name)) {
      throw new WireError(
        "invalidArgument",
        `contract() got two functions of the name "${name}": one in a namespace, and one whose name has a dot. Rename one.`,
      );
    }
    signatures.set(name, new Signature(name, part));
  }
}

/** Any contract. */
// deno-lint-ignore no-explicit-any -- whatever it is about
export type AnyContract = Contract<any, any, any>;

/**
 * The interface that a contract describes, as its callers see it.
 *
 * @example
 * ```ts
 * import { contract, type Functions } from "@remote/wire/contract";
 * import { wirePair } from "@remote/wire/wire";
 * import * as v from "npm:valibot@1.5.0";
 *
 * const calculator = contract({
 *   add: { args: [v.number(), v.number()], result: v.number() },
 * });
 * const [near, far] = wirePair<Functions<typeof calculator>>();
 * far.serve({ add: (a, b) => a + b });
 * if (await near.remoteValue.add(40, 2) !== 42) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export type Functions<C> = C extends
  Contract<infer T, infer _E extends object, infer _S extends object> ? T
  : never;

/**
 * Describes functions with schemas of any library that follows Standard
 * Schema, such as valibot, zod and arktype.
 *
 * @typeParam D What was written.
 * @param definition The functions by name.
 * @param options The types of values that go with it.
 * @returns The contract. A variable that is exported has to carry its type, as
 * below, where a module is published on JSR; the checker then holds schemas
 * and interface to each other.
 * @throws {WireError} `invalidArgument` for what is no schema, and no type of
 * values.
 *
 * @example
 * ```ts
 * import { type Contract, contract, wirePair } from "@remote/wire";
 * import * as v from "npm:valibot@1.5.0";
 *
 * interface Calculator {
 *   divide(a: number, b: number): number;
 * }
 * const calculator: Contract<Calculator> = contract({
 *   divide: {
 *     args: [v.number(), v.number()],
 *     result: v.number(),
 *     errors: { DivisionByZero: v.object({ dividend: v.number() }) },
 *   },
 * });
 *
 * const [near, far] = wirePair({ expects: calculator }, { serves: calculator });
 * far.serve(calculator.implement({
 *   divide(a, b) {
 *     if (b !== 0) return a / b;
 *     throw calculator.error("divide", "DivisionByZero", { dividend: a });
 *   },
 * }));
 * if (await near.remoteValue.divide(42, 2) !== 21) throw new Error();
 * const error = await near.remoteValue.divide(1, 0).catch((e: unknown) => e);
 * if (!calculator.isError(error, "divide", "DivisionByZero")) throw error;
 * if (error.data.dividend !== 1) throw error;
 * const refusal = await near.call("divide", [1, "2"])
 *   .catch((e: unknown) => e) as { code: string };
 * if (refusal.code !== "invalidArgument") throw refusal;
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export function contract<const D extends ContractDefinition>(
  definition: D,
  options: ContractOptions = {},
): Contract<CalledFunctions<D>, DeclaredErrors<D>, ServableFunctions<D>> {
  return new Contract(definition, options);
}
