/**
 * A wire between two processes: typed messages, calls of each other's
 * functions, and the servers and clients that make the connection.
 *
 * One process makes a request server, which makes a wire of each connection;
 * the other connects and gets the same wire. Names and semantics are those of
 * CMUCL's REMOTE and WIRE packages.
 *
 * Begin with {@linkcode createRequestServer}, {@linkcode connectToRemoteServer}
 * and the {@linkcode Wire} that both give. {@linkcode makeRemoteObject} passes
 * objects by reference, {@linkcode contract} adds schemas,
 * {@linkcode keepConnected} connects again, and {@linkcode startUpServer}
 * serves lines of text.
 *
 * @example A server and a client
 * ```ts
 * import { connectToRemoteServer, createRequestServer } from "@remote/wire";
 *
 * interface Calculator {
 *   add(a: number, b: number): number;
 * }
 *
 * const server = createRequestServer(0, (wire) => {
 *   wire.serve<Calculator>({ add: (a, b) => a + b });
 *   return true;
 * });
 *
 * const wire = await connectToRemoteServer<Calculator>(
 *   "localhost",
 *   server.port,
 * );
 * if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * await wire.close();
 * await server.shutdown();
 * ```
 *
 * @module
 */

export * from "./wire/exports.ts";
export {
  type AnyContract,
  Contract,
  contract,
  DeclaredError,
  type Functions,
  type Implementation,
} from "./wire/contract/contract.ts";
export {
  LineStream,
  type LineStreamOptions,
} from "./wire/lines/line_stream.ts";
export * from "./wire/reconnect/keep_connected.ts";
export * from "./server/mod.ts";
export * from "./client/mod.ts";
