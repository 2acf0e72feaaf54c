/**
 * What a server with default limits holds while very many wires send all that
 * they may and take nothing: how large its process becomes, whatever garbage is
 * in it, and how a client fares meanwhile that does no harm.
 *
 *     deno task run -A bench/memory/siege.ts [--tree DIR] [--wires N] [--seconds N] [--loads a,b] [--limits JSON]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { connectToRemoteServer, type Wire } from "../../mod.ts";
import { type Peer, startPeer } from "../_peer.ts";
import { number, table } from "../_table.ts";
import { Hoarder, type Place } from "./_hoard.ts";
import { VALUE_KINDS } from "./_values.ts";

const MIB = 1024 * 1024;
/** A process that is larger is left: the machine has other things to do. */
const MOST = 6 * 1024 * MIB;
/** So often its size is looked at, in milliseconds. */
const LOOK = 50;

/** What is filled, and with lists of what. */
const LOADS: Record<string, readonly [Place, string]> = {
  "messages nobody takes": ["messages", "strings of 100"],
  "calls that run": ["calls", "strings of 100"],
  "unfinished pieces": ["pieces", "strings of 100"],
  "streams nobody takes": ["streams", "strings of 100"],
  "answers nobody reads": ["answers", "strings of 100"],
  "small integers": ["calls", "small integers"],
  "empty lists": ["calls", "empty lists"],
  "empty Maps": ["calls", "empty Maps"],
};

const flags = parseArgs(Deno.args, {
  string: ["tree", "wires", "seconds", "loads", "limits"],
  default: {
    limits: "{}",
    tree: new URL("../../", import.meta.url).pathname,
    wires: "1000",
    seconds: "40",
    loads: Object.keys(LOADS).join(","),
  },
});

/** How large a process is, and has been, in bytes; 0 where it is gone. */
async function sizeOf(pid: number): Promise<{ now: number; most: number }> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`)
    .catch(() => "");
  const read = (name: string) =>
    Number(status.match(`${name}:\\s+(\\d+) kB`)?.[1] ?? 0) * 1024;
  return { now: read("VmRSS"), most: read("VmHWM") };
}

/** Calls again and again, and notes how long that took at most. */
async function bystand(
  wire: Wire,
  isOver: () => boolean,
): Promise<{ calls: number; longest: number }> {
  let calls = 0;
  let longest = 0;
  while (!isOver()) {
    const begun = performance.now();
    await wire.remoteValue.echo!("still there?");
    calls++;
    longest = Math.max(longest, performance.now() - begun);
    await pause(LOOK);
  }
  return { calls, longest };
}

function pause(delay: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delay));
}

/** Lays siege to a fresh server. */
async function measure(name: string): Promise<string[]> {
  const [place, kindName] = LOADS[name]!;
  const kind = VALUE_KINDS.find(({ name }) => name === kindName)!;
  const peer = await startPeer<{ port: number }>(
    "./memory/victim.ts",
    flags.tree,
    flags.limits,
  );
  const hoarders: Hoarder[] = [];
  let isOver = false;
  let note = "";
  try {
    const { port } = peer.ports;
    const wire = await connectToRemoteServer("127.0.0.1", port, null, {
      onError() {},
    });
    const bystander = bystand(wire as Wire, () => isOver)
      .catch((error: Error) => `harmed: ${error.message}`);
    while (hoarders.length < Number(flags.wires) - 1) {
      hoarders.push(await Hoarder.open(port));
    }
    const before = await sizeOf(peer.pid);
    for (const one of hoarders) one.hoard(place, kind).catch(() => {});
    const until = performance.now() + Number(flags.seconds) * 1_000;
    let size = before;
    while (performance.now() < until && size.now < MOST) {
      await pause(LOOK);
      size = await sizeOf(peer.pid);
      if (size.now === 0) break;
    }
    isOver = true;
    if (size.now === 0) note = "process ended";
    else if (size.now >= MOST) note = "left, too large";
    const fared = note === "process ended" ? "ended with it" : await bystander;
    const sent = hoarders.reduce((sum, one) => sum + one.sent, 0);
    const open = hoarders.filter((one) => !one.hasEnded).length;
    wire.abort();
    return [
      name,
      number(sent / MIB, 0),
      number(before.now / MIB, 0),
      number((await largest(peer, size.most)) / MIB, 0),
      `${open} of ${hoarders.length}`,
      typeof fared === "string"
        ? fared
        : `${fared.calls} calls, ${number(fared.longest, 0)} ms at most`,
      note,
    ];
  } finally {
    for (const one of hoarders) one[Symbol.dispose]();
    await Promise.resolve(peer[Symbol.asyncDispose]()).catch(() => {});
  }
}

/** How large the process was at most. */
async function largest(
  { pid }: Peer<unknown>,
  known: number,
): Promise<number> {
  return Math.max(known, (await sizeOf(pid)).most);
}

const rows: string[][] = [];
for (const name of flags.loads.split(",")) {
  rows.push(await measure(name));
  console.error(rows.at(-1)!.join("  "));
}
console.log(table(
  ["load", "sent MiB", "before MiB", "most MiB", "open", "bystander", ""],
  rows,
));
