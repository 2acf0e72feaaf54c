/**
 * A whole session between two wires, as the bytes that each of them writes.
 *
 * @module
 */

import {
  memoryTransports,
  type Transport,
} from "../../wire/transport/transport.ts";
import { makeWire } from "../../wire/wire.ts";

/** What one side wrote, in order. */
export interface Write {
  side: "client" | "server";
  bytes: Uint8Array;
}

/** A transport that notes what is written to it. */
function tapped(
  transport: Transport,
  onWrite: (bytes: Uint8Array) => void,
): Transport {
  return {
    address: transport.address,
    local: true,
    read: () => transport.read(),
    async write(bytes) {
      const count = await transport.write(bytes);
      onWrite(bytes.slice(0, count));
      return count;
    },
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  };
}

interface Calculator {
  add(a: number, b: number): number;
}

/**
 * Plays the session of `docs/protocol.md`: a client connects, has its server
 * add twice, and closes.
 */
export async function playSession(): Promise<Write[]> {
  const writes: Write[] = [];
  const [near, far] = memoryTransports();
  const client = makeWire<Calculator>(
    tapped(near, (bytes) => writes.push({ side: "client", bytes })),
  );
  const server = makeWire<object, Calculator>(
    tapped(far, (bytes) => writes.push({ side: "server", bytes })),
    { functions: { add: (a, b) => a + b } },
  );
  await Promise.all([client.opened, server.opened]);
  const sums = [
    await client.remoteValue.add(40, 2),
    await client.remoteValue.add(1, 1),
  ];
  if (sums.join() !== "42,2") throw new Error(`The sums are ${sums}.`);
  await client.close();
  await server.closed;
  return writes;
}

/** The frames of what one side wrote. */
export function framesOf(bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + view.getUint32(at);
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}
