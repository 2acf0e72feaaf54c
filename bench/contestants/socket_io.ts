/**
 * socket.io, over WebSockets from the start, with acknowledgements as answers.
 *
 * @module
 */

import { createServer } from "node:http";
import { load } from "../_packages.ts";
import type { Client, Contestant } from "../_workload.ts";
import { FUNCTIONS } from "./_common.ts";
import { COMMON_WORKLOADS, commonClient } from "./_common_client.ts";

type Listener = (...args: never[]) => void;

interface ServerModule {
  Server: new (http: object, options: object) => {
    on(
      event: "connection",
      listener: (
        socket: { on(name: string, listener: Listener): void },
      ) => void,
    ): void;
  };
}

interface ClientModule {
  io(url: string, options: object): {
    on(event: "connect", listener: () => void): void;
    emitWithAck(name: "add", a: number, b: number): Promise<number>;
    emitWithAck(name: "echo", value: unknown): Promise<unknown>;
    disconnect(): void;
  };
}

async function serve(): Promise<number> {
  const { Server } = await load<ServerModule>("socket.io");
  const http = createServer();
  const server = new Server(http, { transports: ["websocket"] });
  server.on("connection", (socket) => {
    socket.on("add", (a: number, b: number, answer: (sum: number) => void) => {
      answer(FUNCTIONS.add(a, b));
    });
    socket.on("echo", (value: unknown, answer: (same: unknown) => void) => {
      answer(FUNCTIONS.echo(value));
    });
  });
  await new Promise<void>((resolve) =>
    http.listen(0, "127.0.0.1", () => resolve())
  );
  return (http.address() as { port: number }).port;
}

async function connect(port: number): Promise<Client> {
  const { io } = await load<ClientModule>("socket.io-client");
  const socket = io(`http://127.0.0.1:${port}`, {
    transports: ["websocket"],
    forceNew: true,
    reconnection: false,
  });
  await new Promise<void>((resolve) => socket.on("connect", resolve));
  return commonClient({
    add: (a, b) => socket.emitWithAck("add", a, b),
    echo: (value) => socket.emitWithAck("echo", value),
  }, () => socket.disconnect());
}

/** socket.io. */
export const socketIo: Contestant = {
  name: "socket.io",
  workloads: COMMON_WORKLOADS,
  serve,
  connect,
};
