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

/** Two ends over one WebSocket; the server that made them is shared. */
export async function webSocketTransports(): Promise<[Transport, Transport]> {
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
  const far = await adopted.promise;
  // It ends when the connection has.
  gone.then(() => web[Symbol.asyncDispose]());
  return [near, far];
}
