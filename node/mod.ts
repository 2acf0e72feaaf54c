/**
 * The whole module for Node 20 and later, and for Bun: what `@remote/wire` has,
 * with servers and clients over `node:net` and `node:tls`.
 *
 * Only the listener, which evaluates in processes of Deno, is missing: here
 * {@linkcode startUpServer} has to be given a function.
 *
 * @example
 * ```ts
 * import {
 *   connectToRemoteServer,
 *   createRequestServer,
 * } from "@remote/wire/node";
 *
 * await using server = createRequestServer(0, {
 *   functions: { add: (a: number, b: number) => a + b },
 * });
 * await using wire = await connectToRemoteServer("localhost", server.port);
 * if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * ```
 *
 * @module
 */

import {
  connectOn,
  type connectToRemoteServer as connectInDeno,
  type HostEntry,
  lookupHostEntryOn,
  type LookupOptions,
  openTcpStreamOn,
  type OpenTcpStreamOptions,
} from "../client/connect.ts";
import {
  type createRequestServer as createInDeno,
  RequestServer,
} from "../server/request_server.ts";
import {
  startUpServerOn,
  type StartUpServerOptions,
  type StreamFunction,
  type StreamServer,
} from "../server/start_up_server.ts";
import { WireError } from "../wire/base/errors.ts";
import type { LineStream } from "../wire/lines/line_stream.ts";
import { nodeHost } from "./node_host.ts";

export * from "../wire/exports.ts";
export {
  type AnyContract,
  Contract,
  contract,
  DeclaredError,
  type Functions,
  type Implementation,
} from "../wire/contract/contract.ts";
export {
  LineStream,
  type LineStreamOptions,
} from "../wire/lines/line_stream.ts";
export * from "../wire/reconnect/keep_connected.ts";
export type {
  ClientTls,
  ConnectOptions,
  HostEntry,
  LookupOptions,
  OpenTcpStreamOptions,
} from "../client/mod.ts";
export {
  type AddressOptions,
  type Announce,
  type ByteWriterLike,
  type ClientCertificates,
  type ConnectAnswer,
  destroyRequestServer,
  type FunctionStats,
  type Host,
  type HostAddress,
  type HostConn,
  type HostFile,
  type HostListener,
  type Latency,
  type OnAudit,
  type OnConnect,
  type RefusedEvent,
  RequestServer,
  type RequestServerOptions,
  type ServerProcess,
  type ServerStats,
  type ServerTls,
  type StartUpServerOptions,
  type StreamFunction,
  StreamServer,
  type WireSums,
} from "../server/mod.ts";

/**
 * Makes this process accept connections, as `createRequestServer` of
 * `@remote/wire` does in Deno.
 *
 * @example
 * ```ts
 * import { createRequestServer, destroyRequestServer } from "@remote/wire/node";
 *
 * const server = createRequestServer(0, (wire, address) => {
 *   wire.serve({ add: (a: number, b: number) => a + b });
 *   return { accept: true, onDeath: (reason) => void [address, reason.code] };
 * });
 * await destroyRequestServer(server);
 * ```
 */
export const createRequestServer: typeof createInDeno = (
  port: number | null,
  first?: ConstructorParameters<typeof RequestServer>[1],
  second?: ConstructorParameters<typeof RequestServer>[2],
): RequestServer => new RequestServer(port, first, second, nodeHost);

/**
 * Connects to a request server, as `connectToRemoteServer` of `@remote/wire`
 * does in Deno.
 *
 * @example
 * ```ts
 * import { connectToRemoteServer, WireError } from "@remote/wire/node";
 *
 * try {
 *   await connectToRemoteServer("127.0.0.1", 1);
 * } catch (error) {
 *   if (!(error instanceof WireError)) throw error;
 *   if (error.code !== "connectionRefused") throw error;
 * }
 * ```
 */
export const connectToRemoteServer: typeof connectInDeno = (
  host: string | number | bigint,
  port: number,
  first?: Parameters<typeof connectOn>[3],
  second?: Parameters<typeof connectOn>[4],
): ReturnType<typeof connectOn> =>
  connectOn(nodeHost, host, port, first, second);

/**
 * Starts a TCP server of lines, as `startUpServer` of `@remote/wire` does in
 * Deno.
 *
 * @param options What differs from the default; the function among them.
 * @returns The server; it listens already.
 * @throws {WireError} `invalidArgument`, also where there is no function;
 * `unknownService`, `addressInUse`, `addressUnavailable`, `permissionDenied`
 * or `tlsFailed`.
 *
 * @example
 * ```ts
 * import { startUpServer } from "@remote/wire/node";
 *
 * await using server = startUpServer({
 *   service: 0,
 *   function: async (stream) => {
 *     for await (const line of stream) stream.writeLine(line.toUpperCase());
 *   },
 * });
 * if (server.port === 0) throw new Error();
 * ```
 */
export function startUpServer(
  options: StartUpServerOptions & { function: StreamFunction },
): StreamServer {
  if (typeof options?.function === "function") {
    return startUpServerOn(nodeHost, options);
  }
  throw new WireError(
    "invalidArgument",
    "startUpServer() of this entry point needs a function, as in startUpServer({ function: (stream) => … }). The listener, which serves where there is none, evaluates in processes of Deno; only Deno has it.",
  );
}

/**
 * Opens a stream of lines to a TCP server, as `openTcpStream` of `@remote/wire`
 * does in Deno.
 *
 * @param host A name, an address, or an IPv4 address as an integer.
 * @param service A port, or the name of a service.
 * @param options Time limit, signal, TLS, and the bounds of the stream.
 * @returns A promise of the stream.
 * @throws {WireError} As a rejection, as in Deno.
 *
 * @example
 * ```ts
 * import { openTcpStream, startUpServer } from "@remote/wire/node";
 *
 * await using server = startUpServer({
 *   service: 0,
 *   function: async (stream) => {
 *     for await (const line of stream) stream.writeLine(`You sent: ${line}`);
 *   },
 * });
 * await using stream = await openTcpStream("127.0.0.1", server.port);
 * stream.writeLine("hello");
 * if (await stream.readLine() !== "You sent: hello") throw new Error();
 * ```
 */
export function openTcpStream(
  host: string | number | bigint,
  service: number | string,
  options?: OpenTcpStreamOptions | null,
): Promise<LineStream> {
  return openTcpStreamOn(nodeHost, host, service, options);
}

/**
 * Looks up a host, as `lookupHostEntry` of `@remote/wire` does in Deno.
 *
 * @param host A name, an address, or an IPv4 address as an integer.
 * @param options Time limit and signal.
 * @returns A promise of what is known of it.
 * @throws {WireError} As a rejection, as in Deno.
 *
 * @example
 * ```ts
 * import { lookupHostEntry } from "@remote/wire/node";
 *
 * const { integers } = await lookupHostEntry("127.0.0.1");
 * if (integers[0] !== 0x7f000001) throw new Error();
 * ```
 */
export function lookupHostEntry(
  host: string | number | bigint,
  options?: LookupOptions | null,
): Promise<HostEntry> {
  return lookupHostEntryOn(nodeHost, host, options);
}
