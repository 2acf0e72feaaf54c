/**
 * The contestant that all this is about: a wire over loopback TCP.
 *
 * @module
 */

import { connectToRemoteServer } from "../../mod.ts";
import type { BenchFunctions } from "../server.ts";
import type { Client, Contestant } from "../_workload.ts";

async function connect(port: number): Promise<Client> {
  const wire = await connectToRemoteServer<BenchFunctions>("127.0.0.1", port);
  let messages = 0;
  return {
    calls: wire.remoteValue,
    send: wire.remote.add,
    message(value: unknown): Promise<void> {
      if (messages++ === 0) wire.remote.take();
      return wire.outputObject(value);
    },
    async messagesTaken(): Promise<void> {
      await wire.remoteValue.taken(messages);
    },
    stream: (chunks, hasBuffer) => wire.remoteValue.drain(chunks, hasBuffer),
    traffic: () => {
      const { bytesSent: sent, bytesReceived: received } = wire.stats();
      return { sent, received };
    },
    close: () => wire.close(),
  };
}

/** The wire. */
export const wire: Contestant = { name: "wire", connect };
