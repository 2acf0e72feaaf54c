/**
 * Opens connections, makes one call on each, and closes them; then it prints
 * how long that took. Each round has a fresh process of this.
 *
 * @module
 */

import process from "node:process";
import { CONTESTANTS } from "../contestants/mod.ts";
import { RawConnection } from "../_raw.ts";
import { RAW } from "../_runner.ts";

/** What one connection took. */
export interface Opening {
  /** Seconds that passed. */
  readonly seconds: number;
  /** Seconds that the processor worked for this process. */
  readonly processor: number;
}

const TRAFFIC = { sent: 12, received: 8 };
const READ_BUFFER = 16 * 1024;

/** What opens a connection, calls once, and closes it. */
function openerOf(name: string, port: number): () => Promise<void> {
  if (name === RAW) {
    return async () => {
      const connection = await RawConnection.open(port, TRAFFIC, READ_BUFFER);
      await connection.exchange(1);
      connection.close();
    };
  }
  const contestant = CONTESTANTS.find((one) => one.name === name);
  if (contestant === undefined) throw new Error(`There is no "${name}".`);
  return async () => {
    const client = await contestant.connect(port);
    if (await client.calls.add(20, 22) !== 42) throw new Error("It is wrong.");
    await client.close();
  };
}

if (import.meta.main) {
  const [name = "", ...numbers] = Deno.args;
  const [port = 0, count = 0, atOnce = 1] = numbers.map(Number);
  const open = openerOf(name, port);
  // Libraries are loaded with the first.
  await open();
  const began = performance.now();
  const before = process.cpuUsage();
  let left = count;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (left-- > 0) await open();
  }));
  const { user, system } = process.cpuUsage(before);
  const opening: Opening = {
    seconds: (performance.now() - began) / 1_000 / count,
    processor: (user + system) / 1e6 / count,
  };
  console.log(JSON.stringify(opening));
  Deno.exit();
}
