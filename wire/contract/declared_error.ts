/**
 * Errors that a contract declares.
 *
 * @module
 */

import { setBrand } from "../base/brand.ts";
import { RemoteError, WireError } from "../base/errors.ts";

/** Where an error keeps the contract that declares it. */
const CONTRACT = Symbol("contract");

/**
 * A {@linkcode RemoteError} that the function's contract declares, with data
 * that were checked. The wire makes these when it is given the contract as
 * `expects`; `contract.isError()` tells them apart.
 *
 * @typeParam Data What the error holds.
 */
export class DeclaredError<Data = unknown> extends RemoteError {
  /** What the error holds, as its schema made it. */
  declare readonly data: Data;

  /**
   * Made by the wire.
   *
   * @param error What arrived.
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

  static {
    setBrand(this, "DeclaredError");
  }
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
