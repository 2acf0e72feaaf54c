/**
 * vscode-jsonrpc, over `node:net`.
 *
 * @module
 */

import { createConnection, createServer, type Socket } from "node:net";
import { load } from "../_packages.ts";
import type { Client, Contestant } from "../_workload.ts";
import { FUNCTIONS } from "./_common.ts";
import { COMMON_WORKLOADS, commonClient } from "./_common_client.ts";

interface Connection {
  listen(): void;
  dispose(): void;
  onClose(listener: () => void): void;
  onRequest(name: string, served: unknown): void;
  sendRequest(name: "add", a: number, b: number): Promise<number>;
  sendRequest(name: "echo", value: unknown): Promise<unknown>;
}

interface Jsonrpc {
  StreamMessageReader: new (socket: Socket) => object;
  StreamMessageWriter: new (socket: Socket) => object;
  createMessageConnection(reader: object, writer: object): Connection;
}

async function overSockets(): Promise<(socket: Socket) => Connection> {
  const { StreamMessageReader, StreamMessageWriter, createMessageConnection } =
    await load<Jsonrpc>("vscode-jsonrpc");
  return (socket) => {
    socket.setNoDelay(true);
    return createMessageConnection(
      new StreamMessageReader(socket),
      new StreamMessageWriter(socket),
    );
  };
}

async function serve(): Promise<number> {
  const talk = await overSockets();
  const server = createServer((socket) => {
    socket.on("error", () => {}); // The client has gone.
    const connection = talk(socket);
    connection.onRequest("add", FUNCTIONS.add);
    connection.onRequest("echo", FUNCTIONS.echo);
    connection.listen();
  });
  await new Promise<void>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve())
  );
  return (server.address() as { port: number }).port;
}

async function connect(port: number): Promise<Client> {
  const talk = await overSockets();
  const socket = createConnection({ host: "127.0.0.1", port });
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  const connection = talk(socket);
  connection.listen();
  return commonClient({
    add: (a, b) => connection.sendRequest("add", a, b),
    echo: (value) => connection.sendRequest("echo", value),
  }, async () => {
    const closed = new Promise<void>((resolve) =>
      socket.once("close", () => resolve())
    );
    connection.dispose();
    socket.destroy();
    await closed;
  });
}

/** vscode-jsonrpc. */
export const vscodeJsonrpc: Contestant = {
  name: "vscode-jsonrpc",
  workloads: COMMON_WORKLOADS,
  serve,
  connect,
};
