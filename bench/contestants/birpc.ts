/**
 * birpc, with JSON over a WebSocket of the package ws.
 *
 * @module
 */

import { load } from "../_packages.ts";
import type { Client, Contestant } from "../_workload.ts";
import {
  closeWs,
  connectWs,
  FUNCTIONS,
  serveWs,
  type WsSocket,
} from "./_common.ts";
import {
  COMMON_WORKLOADS,
  type CommonCalls,
  commonClient,
} from "./_common_client.ts";

interface Birpc {
  createBirpc(functions: object, channel: object): CommonCalls;
}

async function overJson(): Promise<
  (socket: WsSocket, functions: object) => CommonCalls
> {
  const { createBirpc } = await load<Birpc>("birpc");
  return (socket, functions) =>
    createBirpc(functions, {
      post: (data: string) => socket.send(data),
      on: (listener: (data: unknown) => void) => socket.on("message", listener),
      serialize: JSON.stringify,
      deserialize: (data: unknown) => JSON.parse(String(data)),
    });
}

async function serve(): Promise<number> {
  const talk = await overJson();
  return await serveWs((socket) => talk(socket, FUNCTIONS));
}

async function connect(port: number): Promise<Client> {
  const talk = await overJson();
  const socket = await connectWs(port);
  // Not handed on as it is: it would answer to `then`.
  const remote = talk(socket, {});
  const calls: CommonCalls = {
    add: (a, b) => remote.add(a, b),
    echo: (value) => remote.echo(value),
  };
  return commonClient(calls, () => closeWs(socket));
}

/** birpc. */
export const birpc: Contestant = {
  name: "birpc",
  workloads: COMMON_WORKLOADS,
  serve,
  connect,
};
