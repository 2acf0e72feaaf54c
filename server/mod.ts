/**
 * Servers: they listen, accept connections, and make a wire of each.
 *
 * @example
 * ```ts
 * import { createRequestServer } from "@remote/wire/server";
 *
 * const server = createRequestServer(0, (wire) => {
 *   wire.serve({ add: (a: number, b: number) => a + b });
 *   return true;
 * });
 * await server.shutdown();
 * ```
 *
 * @module
 */

export type { ServerTls } from "./_listen.ts";
export {
  type ConnectAnswer,
  createRequestServer,
  destroyRequestServer,
  type OnConnect,
  RequestServer,
  type RequestServerOptions,
} from "./request_server.ts";
