/**
 * Clients: they connect to servers, and get the same wire as these.
 *
 * @example
 * ```ts
 * import { connectToRemoteServer } from "@remote/wire/client";
 *
 * try {
 *   const wire = await connectToRemoteServer("127.0.0.1", 1);
 *   await wire.close();
 * } catch (error) {
 *   if ((error as { code: string }).code !== "connectionRefused") throw error;
 * }
 * ```
 *
 * @module
 */

export type { ClientTls } from "./_tls.ts";
export { type ConnectOptions, connectToRemoteServer } from "./connect.ts";
export {
  type HostEntry,
  lookupHostEntry,
  type LookupOptions,
} from "./connect.ts";
export { openTcpStream, type OpenTcpStreamOptions } from "./connect.ts";
