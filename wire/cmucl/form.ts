/**
 * Calls in the place of arguments: the peer performs them as it reads them.
 *
 * @module
 */

import { isA, setBrand } from "../base/errors.ts";
import { LispSymbol, readSymbol } from "./symbols.ts";

/**
 * A call that the peer is to perform in the place of an argument.
 *
 * @example
 * ```ts
 * import { Form, form } from "@remote/wire/cmucl";
 *
 * const product = form("cl:*", 4, 10);
 * if (!(product instanceof Form)) throw new Error();
 * if (`${product.fn}` !== "COMMON-LISP:*") throw new Error();
 * if (product.args.length !== 2) throw new Error();
 * ```
 */
export class Form {
  /** The function. */
  readonly fn: LispSymbol;
  /** Its arguments; some may be forms themselves. */
  readonly args: readonly unknown[];

  /**
   * Use {@linkcode form}.
   *
   * @param fn The function.
   * @param args Its arguments.
   */
  constructor(fn: LispSymbol, args: readonly unknown[]) {
    this.fn = fn;
    this.args = args;
  }

  static readonly #brand = /* @__PURE__ */ setBrand(this, "Form");
}

/**
 * Makes an argument that the peer computes: what cannot travel can be made
 * there, used there, and held by a remote object.
 *
 * A form that unwinds ends its whole call. What stands behind it in a
 * CMUCL's arguments is then read as objects by themselves: put forms last.
 *
 * @param name The function, as `readSymbol` takes it, or its symbol.
 * @param args Its arguments.
 * @returns The form, for the arguments of a call.
 * @throws {WireError} `invalidArgument` for what is no symbol, and no name of
 * one.
 *
 * @example
 * ```ts
 * import { makeWire, memoryTransports } from "@remote/wire";
 * import { cmucl, form } from "@remote/wire/cmucl";
 *
 * const [here, there] = memoryTransports();
 * const near = makeWire(here, { dialect: cmucl() });
 * const far = makeWire(there, { dialect: cmucl() });
 * far.serve({
 *   "cl:+": (a: number, b: number) => a + b,
 *   "cl:*": (a: number, b: number) => a * b,
 * });
 * const sum = await near.remoteValue["cl:+"](2, form("cl:*", 4, 10));
 * if (sum !== 42) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export function form(name: string | LispSymbol, ...args: unknown[]): Form {
  return new Form(isA(name, LispSymbol) ? name : readSymbol(name), args);
}
