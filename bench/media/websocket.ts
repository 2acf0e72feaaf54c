/**
 * A wire over a WebSocket, beside messages of a WebSocket to the same process.
 *
 * @module
 */

import { connectWebSocket } from "../../transports/websocket.ts";
import { startPeer } from "../_peer.ts";
import type { Study } from "../_study.ts";
import { compare, type MediumWire } from "./_compare.ts";
import { Requests } from "./_exchange.ts";
import { mediumStudy } from "./_medium_study.ts";

/** Deno's client waits 40 ms with what is larger. */
const LARGEST = 1024;

/** Opens the raw WebSocket. */
async function open(url: string): Promise<[Requests, WebSocket]> {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const requests = new Requests((bytes) => socket.send(bytes), LARGEST);
  socket.onmessage = ({ data }) => requests.came(data.byteLength);
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error(`There is nobody at ${url}.`));
  });
  return [requests, socket];
}

/** The study. */
export const websocket: Study = mediumStudy(
  "websocket",
  "a WebSocket",
  async ({ rounds, seconds, place }) => {
    await using peer = await startPeer<{ port: number }>(
      "./media/_websocket_peer.ts",
    );
    await place([peer.pid]);
    const url = `ws://127.0.0.1:${peer.ports.port}`;
    const wire = await connectWebSocket(`${url}/wire`);
    const [raw, socket] = await open(`${url}/raw`);
    const ends = { wire: wire as unknown as MediumWire, raw };
    const found = await compare(ends, rounds, seconds);
    await wire.close();
    socket.close();
    return found;
  },
);
