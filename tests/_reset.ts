/**
 * Clients that reset their connection.
 *
 * @module
 */

import { connect } from "node:net";

/** A client that can reset its connection, as a process that dies may. */
export interface ResettingClient {
  /** Writes a text. */
  write(text: string): void;
  /** Resolves when this text has come since the last one that was waited for. */
  until(text: string): Promise<void>;
  /** Resets the connection: what the server reads or writes next fails. */
  reset(): Promise<void>;
}

/**
 * Connects to 127.0.0.1. `close()` of Deno's own connections is an orderly
 * end, where nothing is left to be read; this takes Node's sockets.
 *
 * @param port The port.
 * @returns The client.
 */
export async function connectToReset(port: number): Promise<ResettingClient> {
  const socket = connect(port, "127.0.0.1");
  const connected = Promise.withResolvers<void>();
  socket.once("error", connected.reject);
  socket.once("connect", connected.resolve);
  await connected.promise;
  const chunks = socket.setEncoding("utf8")[Symbol.asyncIterator]();
  let text = "";
  return {
    write: (text) => void socket.write(text),
    async until(end) {
      while (!text.includes(end)) {
        const { value, done } = await chunks.next();
        if (done) throw new Error(`No ${end} in: ${text}`);
        text += value;
      }
      text = text.slice(text.indexOf(end) + end.length);
    },
    async reset() {
      if (socket.closed) return;
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.resetAndDestroy();
      await closed;
    },
  };
}
