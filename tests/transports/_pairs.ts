/**
 * The two ends of connections of all kinds, for the cases of transports.
 *
 * @module
 */

import type { Connected } from "../../wire/testing/mod.ts";
import {
  memoryTransports,
  socketTransport,
  streamTransport,
} from "../../wire/mod.ts";
import { portTransport } from "../../transports/worker.ts";
import { webSocketTransports } from "./_web.ts";

/** Two ends over sockets. */
export async function tcpTransports(): Promise<Connected> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = listener.addr;
  const ends = await Promise.all([
    Deno.connect({ hostname, port }),
    listener.accept(),
  ]);
  const address = { transport: "tcp", hostname, port } as const;
  return [
    socketTransport(ends[0], address),
    socketTransport(ends[1], address),
  ];
}

/** Two ends over streams. */
export function streamTransports(): Connected {
  const there = new TransformStream<Uint8Array, Uint8Array>();
  const back = new TransformStream<Uint8Array, Uint8Array>();
  return [
    streamTransport({ readable: back.readable, writable: there.writable }),
    { readable: there.readable, writable: back.writable },
  ];
}

/** Two ends over ports. */
export function portTransports(): Connected {
  const { port1, port2 } = new MessageChannel();
  return [portTransport(port1), portTransport(port2)];
}

/** By name. */
export const TRANSPORTS: Record<
  string,
  () => Connected | Promise<Connected>
> = {
  memory: memoryTransports,
  streams: streamTransports,
  tcp: tcpTransports,
  port: portTransports,
  websocket: webSocketTransports,
};
