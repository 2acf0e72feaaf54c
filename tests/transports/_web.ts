/**
 * A web server of a test's own, which answers with WebSockets.
 *
 * @module
 */

import type { Transport } from "../../mod.ts";
import {
  acceptWebSocket,
  type AcceptWebSocketOptions,
  type Adopter,
  webSocketTransport,
} from "../../transports/websocket.ts";

/** A web server on a free port. */
export interface Web extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

/** Serves WebSockets, whose connections somebody adopts. */
export function serveWeb(
  adopter: Adopter,
  options?: AcceptWebSocketOptions,
  port = 0,
): Web {
  const web = Deno.serve(
    { hostname: "127.0.0.1", port, onListen() {} },
    (request, { remoteAddr }) =>
      acceptWebSocket(adopter, request, {
        address: remoteAddr as Deno.NetAddr,
        ...options,
      }),
  );
  return {
    url: `ws://127.0.0.1:${web.addr.port}/`,
    port: web.addr.port,
    [Symbol.asyncDispose]: () => web.shutdown(),
  };
}

/**
 * Two ends over one WebSocket.
 *
 * @param follow Is given what resolves once nothing is left of it.
 */
export async function webSocketTransports(
  follow: (over: Promise<unknown>) => void,
): Promise<[Transport, Transport]> {
  const adopted = Promise.withResolvers<Transport>();
  const web = serveWeb({ adopt: (transport) => adopted.resolve(transport) });
  const socket = new WebSocket(web.url, ["remote-wire"]);
  const address = {
    transport: "websocket",
    hostname: "127.0.0.1",
    port: web.port,
  } as const;
  const near = webSocketTransport(socket, address);
  const gone = new Promise((resolve) =>
    socket.addEventListener("close", resolve)
  );
  follow(gone.then(() => web[Symbol.asyncDispose]()));
  return [near, await adopted.promise];
}
