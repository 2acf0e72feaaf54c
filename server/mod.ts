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

export type { Announce, ByteWriterLike } from "./start_up_server.ts";
export type { Latency } from "../wire/base/collections.ts";
export type {
  AddressOptions,
  ConnectAnswer,
  FunctionStats,
  OnAudit,
  RefusedEvent,
  ServerStats,
  WireSums,
} from "./_admission.ts";
export type {
  ClientCertificates,
  Host,
  HostAddress,
  HostConn,
  HostFile,
  HostListener,
} from "../host/host.ts";
export type { ServerTls } from "./_listen.ts";
export {
  DEFAULT_LISTENER_LIMITS,
  type ListenerLimits,
  type ListenerOptions,
  type ListenerPermissions,
} from "./listener/options.ts";
export {
  createRequestServer,
  destroyRequestServer,
  type OnConnect,
  RequestServer,
  type RequestServerOptions,
} from "./request_server.ts";
export type { Quotas } from "./_newcomers.ts";
export type { ServerProcess } from "./server_process.ts";
export { startUpServer, type StartUpServerOptions } from "./start_up_server.ts";
export {
  type StreamFunction,
  StreamServer,
  type StreamServerInit,
} from "./start_up_server.ts";
