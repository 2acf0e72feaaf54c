/**
 * CMUCL's own wire protocol, behind the same wire: a Deno program calls
 * functions in a running CMU Common Lisp, and is called by it.
 *
 * @example
 * ```ts
 * import { makeWire, memoryTransports } from "@remote/wire";
 * import { cmucl, keyword, symbol } from "@remote/wire/cmucl";
 *
 * // Two ends in memory; over a socket, with connectToRemoteServer:
 * // await connectToRemoteServer(host, port, { dialect: cmucl() })
 * const [here, there] = memoryTransports();
 * const near = makeWire(here, { dialect: cmucl() });
 * const far = makeWire(there, { dialect: cmucl() });
 * far.serve({ "cl:list": (...items: unknown[]) => items });
 * const list = await near.remoteValue["cl:list"](
 *   2n ** 100n,
 *   "text",
 *   symbol("CAR", "COMMON-LISP"),
 *   keyword("TEST"),
 * );
 * if (String(list[3]) !== ":TEST") throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 *
 * @module
 */

export { Cons, listOf } from "./cons.ts";
export {
  cmucl,
  CmuclDialect,
  type CmuclOptions,
  remoteValueBind,
} from "./dialect.ts";
export { RemoteAbort } from "./errors.ts";
export { Form, form } from "./form.ts";
export { LispTap } from "./lisp_tap.ts";
export { RemoteObject, remoteObjectEq } from "./remote_objects.ts";
export { keyword, LispSymbol, nil, readSymbol, symbol, t } from "./symbols.ts";
export { Untagged, untagged } from "./untagged.ts";
