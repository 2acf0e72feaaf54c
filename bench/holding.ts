/**
 * What idle wires cost the server that holds them: its processor time for each
 * that is opened, for each minute that it is open, and its memory. Signs of
 * life are all that travels then. Times are the processor's, so that they are
 * about the same on a machine that is busy.
 *
 *     deno task run -A bench/holding.ts [--wires N] [--seconds N]
 *
 * Each wire takes a file descriptor in each of two processes: `ulimit -n` has
 * to allow them. Linux only.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { startPeer } from "./_peer.ts";
import { residentIn, usedBy } from "./_process_time.ts";
import { number, table } from "./_table.ts";
import type { Ports } from "./server.ts";

const flags = parseArgs(Deno.args, {
  string: ["wires", "seconds"],
  default: { wires: "8000", seconds: "120" },
});
const [wires, seconds] = [Number(flags.wires), Number(flags.seconds)] as const;

await using server = await startPeer<Ports>("./server.ts");
const { pid, ports: { wire: port } } = server;
await server.memory();
const [size, began] = [residentIn(pid), usedBy(pid)];
await using _sleepers = await startPeer(
  "./connections/idle.ts",
  `${port}`,
  `${wires}`,
);
const opened = usedBy(pid);
await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
const waited = usedBy(pid);
const raw = residentIn(pid);
const minutes = seconds / 60;
console.log(table(
  [`of ${number(wires)} idle wires`, "each"],
  [
    ["to open it, µs of the processor", number((opened - began) * 1e3 / wires)],
    [
      "to hold it, µs of the processor a minute",
      number((waited - opened) * 1e3 / wires / minutes),
    ],
    ["memory of the process, KB", number((raw - size) / 1e3 / wires, 1)],
  ],
));
