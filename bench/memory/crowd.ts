/**
 * What a server holds of many wires at once that send all that their windows
 * let them, and whose peers take nothing: with the limits of
 * docs/reliability.md.
 *
 *     deno task run -A bench/memory/crowd.ts [--limits smaller] [--wires N] [--kind K]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import {
  connectToRemoteServer,
  type Wire,
  type WireLimits,
} from "../../mod.ts";
import { resolveLimits } from "../../wire/base/limits.ts";
import { startPeer } from "../_peer.ts";
import { number, table } from "../_table.ts";
import { LIMIT_SETS } from "./_limits.ts";

const MIB = 1024 * 1024;
/** Of what messages are lists. */
const KINDS: Record<string, unknown> = {
  "texts of 100": "a".repeat(100),
  "small integers": 1,
  "empty lists": [],
};
/** How many windows' worth of messages are sent at most, refused ones too. */
const PATIENCE = 8;

/** A wire that sends nothing for so many milliseconds has sent all it may. */
const STILL = 2_000;

const flags = parseArgs(Deno.args, { string: ["limits", "wires", "kind"] });
const HERE = new URL("../../", import.meta.url).pathname;

/** Fills what one wire may fill; returns when nothing more is taken. */
async function hoard(
  wire: Wire,
  value: unknown,
  { window, message, streams, values }: WireLimits,
): Promise<void> {
  const length = Math.min(values / 2, Math.floor(message / 4 / cost(value)));
  const list = Array(length).fill(value);
  const most = PATIENCE * Math.ceil(window / message) * 4;
  const ignored = (promise: Promise<unknown>) => void promise.catch(() => {});
  for (let n = 0; n < most; n++) {
    ignored(wire.outputObject(list));
    ignored(wire.send("hold", [list]));
    ignored(wire.call("hold", [list]));
    await pause();
  }
  for (let n = 0; n < streams; n++) {
    ignored(wire.call("hold", [endless(list.slice(0, list.length / 8))]));
  }
  await standstill(wire);
}

/** Resolves when a wire has sent nothing for a while. */
async function standstill(wire: Wire): Promise<void> {
  for (let sent = -1, now; sent !== (now = wire.stats().bytesSent);) {
    sent = now;
    await pause(STILL);
  }
}

/** About how many bytes a value has. */
function cost(value: unknown): number {
  return typeof value === "string" ? value.length + 2 : 1;
}

async function* endless(item: unknown): AsyncGenerator<unknown> {
  for (;;) yield item;
}

function pause(delay = 0): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delay));
}

/** Has a fresh server hold what so many wires bring. */
async function measure(
  changes: Partial<WireLimits>,
  wires: number,
  value: unknown,
): Promise<string[]> {
  const limits = resolveLimits({
    ...changes,
    wires,
    wiresPerAddress: wires,
  });
  await using peer = await startPeer<{ port: number }>(
    "./memory/victim.ts",
    HERE,
    JSON.stringify(limits),
  );
  const before = await peer.memory();
  const all: Wire[] = [];
  for (let n = 0; n < wires; n++) {
    all.push(
      await connectToRemoteServer("127.0.0.1", peer.ports.port, null, {
        onError() {},
      }),
    );
  }
  await Promise.all(all.map((wire) => hoard(wire, value, limits)));
  const after = await peer.memory();
  const open = all.filter(({ ended }) => ended === undefined).length;
  // Why some are not, if so.
  const reasons = new Set(all.map(({ ended }) => ended?.message));
  for (const reason of reasons) if (reason) console.error(reason);
  for (const wire of all) wire.abort();
  const heap = ({ heapUsed, external }: Deno.MemoryUsage) =>
    heapUsed + external;
  return [
    `${open} of ${wires}`,
    number((heap(after) - heap(before)) / MIB, 1),
    number(after.rss / MIB, 1),
  ];
}

const rows: string[][] = [];
for (const [name, changes] of Object.entries(LIMIT_SETS)) {
  if (flags.limits !== undefined && flags.limits !== name) continue;
  for (const [kind, value] of Object.entries(KINDS)) {
    if (flags.kind !== undefined && flags.kind !== kind) continue;
    const cells = await measure(changes, Number(flags.wires ?? 10), value);
    rows.push([name, kind, ...cells]);
    console.error(rows.at(-1)!.join("  "));
  }
}
console.log(
  table(["limits", "lists of", "wires", "heap MiB", "resident MiB"], rows),
);
