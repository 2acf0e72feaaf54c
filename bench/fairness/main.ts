/**
 * How long a bystander waits for its answers while others flood the server.
 *
 *     deno task run -A bench/fairness/main.ts [--tree DIR,DIR] [--floods "A; B"] [--seconds N]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { connectToRemoteServer } from "../../mod.ts";
import { startPeer } from "../_peer.ts";
import { number, table } from "../_table.ts";
import { FLOODS } from "./_floods.ts";

/** The bystander asks so often, in milliseconds. */
const PAUSE = 3;
/** No answer is waited for longer. */
const PATIENCE = 20_000;

/** How long answers took, in milliseconds. */
interface Waits {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly calls: number;
}

const here = new URL("../../", import.meta.url).pathname;
const flags = parseArgs(Deno.args, {
  string: ["tree", "floods", "seconds"],
  default: { tree: here, seconds: "4" },
});
const TLS = ["plain calls, TLS", "records of 1 KB, TLS"];
const trees = flags.tree.split(",");
const names = flags.floods?.split("; ") ??
  ["", ...FLOODS.map(({ name }) => name), ...TLS, "connections", "lines"];

/** Asks for some seconds, beside a flood or beside nothing. */
async function ask(tree: string, flood: string): Promise<Waits> {
  await using victim = await startPeer<{ tcp: number }>(
    "./fairness/victim.ts",
    tree,
  );
  const { ports } = victim;
  const wire = await connectToRemoteServer("127.0.0.1", ports.tcp);
  const echo = wire.remoteValue.echo as (value: number) => Promise<number>;
  for (let n = 0; n < 500; n++) await echo(n);
  await using _attacker = flood === "" ? undefined : await startPeer(
    "./fairness/attacker.ts",
    here,
    JSON.stringify(ports),
    flood,
  );
  const waits: number[] = [];
  const begun = performance.now();
  // The first moments are left out: code is compiled then.
  const from = begun + 1_000;
  const end = from + Number(flags.seconds) * 1_000;
  const late = setTimeout(() => wire.abort(), end - begun + PATIENCE);
  try {
    while (performance.now() < end) {
      const asked = performance.now();
      await echo(asked);
      if (asked > from) waits.push(performance.now() - asked);
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  } catch {
    waits.push(PATIENCE);
  }
  clearTimeout(late);
  wire.abort();
  await wire.closed;
  if (waits.length === 0) waits.push(PATIENCE);
  waits.sort((a, b) => a - b);
  const at = (share: number) => waits[Math.floor(waits.length * share)]!;
  const max = waits.at(-1)!;
  return { p50: at(0.5), p99: at(0.99), max, calls: waits.length };
}

const rows: string[][] = [];
for (const name of names) {
  const row = [name === "" ? "nothing" : name];
  for (const tree of trees) {
    const { p50, p99, max, calls } = await ask(tree, name);
    row.push(...[p50, p99, max].map((wait) => number(wait, 2)), `${calls}`);
  }
  console.error(row.join("  "));
  rows.push(row);
}
const columns = ["p50", "p99", "max", "calls"];
console.log(table(
  ["flood of", ...trees.flatMap(() => columns)],
  rows,
));
