/**
 * What the servers of the libraries have in common.
 *
 * @module
 */

import { load } from "../_packages.ts";

/** The functions that they serve. */
export const FUNCTIONS = {
  /** The sum of two numbers. */
  add: (a: number, b: number): number => a + b,
  /** What came. */
  echo: (value: unknown): unknown => value,
};

/** What is used of a socket of the package ws. */
export interface WsSocket {
  /** Sends a message. */
  send(data: string): void;
  /** Closes. */
  close(): void;
  /** Adds a listener. */
  on(event: "message", listener: (data: unknown) => void): void;
  /** Adds a listener. */
  on(event: "open" | "close", listener: () => void): void;
}

interface Ws {
  WebSocket: new (url: string, options: object) => WsSocket;
  WebSocketServer: new (options: object) => {
    on(event: "connection", listener: (socket: WsSocket) => void): void;
    on(event: "listening", listener: () => void): void;
    address(): { port: number };
  };
}

/**
 * Serves WebSockets without compression.
 *
 * @param onSocket Called with each.
 * @returns The port.
 */
export async function serveWs(
  onSocket: (socket: WsSocket) => void,
): Promise<number> {
  const { WebSocketServer } = await load<Ws>("ws");
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    perMessageDeflate: false,
  });
  server.on("connection", onSocket);
  await new Promise<void>((resolve) => server.on("listening", resolve));
  return server.address().port;
}

/**
 * Opens a WebSocket without compression.
 *
 * @param port The port.
 * @returns The socket, when it is open.
 */
export async function connectWs(port: number): Promise<WsSocket> {
  const { WebSocket } = await load<Ws>("ws");
  const url = `ws://127.0.0.1:${port}`;
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await new Promise<void>((resolve) => socket.on("open", resolve));
  return socket;
}

/**
 * Closes a WebSocket, and waits until that is done.
 *
 * @param socket The socket.
 */
export async function closeWs(socket: WsSocket): Promise<void> {
  const closed = new Promise<void>((resolve) => socket.on("close", resolve));
  socket.close();
  await closed;
}
