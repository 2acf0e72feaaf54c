/**
 * capnweb, over a WebSocket of the package ws.
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

interface Capnweb {
  RpcTarget: new () => object;
  newWebSocketRpcSession(socket: WsSocket, functions?: object): CommonCalls;
}

async function serve(): Promise<number> {
  const { RpcTarget, newWebSocketRpcSession } = await load<Capnweb>("capnweb");
  class Functions extends RpcTarget {
    add(a: number, b: number): number {
      return FUNCTIONS.add(a, b);
    }
    echo(value: unknown): unknown {
      return FUNCTIONS.echo(value);
    }
  }
  return await serveWs((socket) => {
    newWebSocketRpcSession(socket, new Functions());
  });
}

async function connect(port: number): Promise<Client> {
  const { newWebSocketRpcSession } = await load<Capnweb>("capnweb");
  const socket = await connectWs(port);
  // Not handed on as it is: it would answer to `then`.
  const remote = newWebSocketRpcSession(socket);
  const calls: CommonCalls = {
    add: async (a, b) => await remote.add(a, b),
    echo: async (value) => await remote.echo(value),
  };
  return commonClient(calls, () => closeWs(socket));
}

/** capnweb. */
export const capnweb: Contestant = {
  name: "capnweb",
  workloads: COMMON_WORKLOADS,
  serve,
  connect,
};
