/**
 * Where wires of each transport meet, and connections without a wire.
 *
 * @module
 */

import type { ConnectOptions, RequestServerOptions } from "../../mod.ts";
import { CLIENT_TLS, SERVER_TLS } from "../_transports.ts";

/** What carries a wire. */
export type Transport = "tcp" | "tls" | "unix";

/** All that there are here. */
export const TRANSPORTS: readonly Transport[] = Deno.build.os === "windows"
  ? ["tcp", "tls"]
  : ["tcp", "tls", "unix"];

/** Where somebody listens: a port or, for a Unix socket, a path. */
export interface Place {
  readonly port: number;
  readonly path: string;
}

const HOSTNAME = "127.0.0.1";

/** What a server on a transport is made with. */
export function serving(
  transport: Transport,
  path: string,
): Pick<RequestServerOptions, "path" | "tls"> {
  if (transport === "unix") return { path };
  return transport === "tls" ? { tls: SERVER_TLS } : {};
}

/** What its client is made with. */
export function connecting(
  transport: Transport,
  { path }: Place,
): Pick<ConnectOptions, "path" | "tls"> {
  if (transport === "unix") return { path };
  return transport === "tls" ? { tls: CLIENT_TLS } : {};
}

/** Listens, for connections of which no wire is made. */
export function listen(transport: Transport, path: string): Deno.Listener {
  if (transport === "unix") {
    return Deno.listen({ transport, path }) as unknown as Deno.Listener;
  }
  const where = { hostname: HOSTNAME, port: 0 };
  return transport === "tls"
    ? Deno.listenTls({ ...where, ...SERVER_TLS })
    : Deno.listen(where);
}

/** Where a listener listens. */
export function placeOf({ addr }: Deno.Listener): Place {
  return {
    port: "port" in addr ? addr.port : 0,
    path: "path" in addr ? `${addr.path}` : "",
  };
}

/** Connects without a wire. */
export async function dial(
  transport: Transport,
  { port, path }: Place,
): Promise<Deno.Conn> {
  if (transport === "unix") return await Deno.connect({ transport, path });
  const where = { hostname: HOSTNAME, port };
  return transport === "tls"
    ? await Deno.connectTls({ ...where, ...CLIENT_TLS })
    : await Deno.connect(where);
}
