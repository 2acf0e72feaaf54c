/**
 * Wires whose connections are counted: how often each end reads and writes,
 * and how many bytes pass.
 *
 * @module
 */

import { makeWire, memoryTransports, type Wire } from "../../wire/mod.ts";
import type { AnyFunctions, Transport } from "../../wire/mod.ts";

/** What passed one end of a connection. */
export interface Meter {
  reads: number;
  bytesRead: number;
  writes: number;
  bytesWritten: number;
}

/** One end of a connection, and what passed it. */
export interface MeteredEnd {
  readonly wire: Wire;
  readonly meter: Meter;
}

function metered(transport: Transport): [Transport, Meter] {
  const meter: Meter = { reads: 0, bytesRead: 0, writes: 0, bytesWritten: 0 };
  return [{
    address: transport.address,
    local: true,
    async read(): Promise<Uint8Array | null> {
      const chunk = await transport.read();
      if (chunk !== null) {
        meter.reads++;
        meter.bytesRead += chunk.length;
      }
      return chunk;
    },
    async write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
      meter.writes++;
      const count = await transport.write(bytes);
      meter.bytesWritten += count;
      return count;
    },
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  }, meter];
}

/**
 * Makes a pair of wires that are open, have called each other once, and whose
 * meters stand at zero.
 *
 * @param functions What both ends serve.
 * @returns The two ends.
 */
export async function meteredPair(
  functions: AnyFunctions,
): Promise<[MeteredEnd, MeteredEnd]> {
  const ends = memoryTransports().map((transport): MeteredEnd => {
    const [counted, meter] = metered(transport);
    return { wire: makeWire(counted, { functions }), meter };
  }) as [MeteredEnd, MeteredEnd];
  for (const { wire } of ends) {
    await wire.opened;
    for (const name of Object.keys(functions)) await wire.call(name, [0]);
  }
  for (const { wire, meter } of ends) {
    await wire.forceOutput();
    Object.assign(meter, {
      reads: 0,
      bytesRead: 0,
      writes: 0,
      bytesWritten: 0,
    });
  }
  return ends;
}
