/**
 * What a call to 1,000 wires costs the one who makes it: by a broadcast, and by
 * a loop over the wires. Both ends are in this process, over memory; only the
 * time until all calls are in the output is taken.
 *
 *     deno task run -A bench/broadcast.ts [--wires N] [--rounds N]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { type Wire, wirePair } from "../mod.ts";
import { broadcast } from "../wire/broadcast/broadcast.ts";
import { summary } from "./_statistics.ts";
import { number, table } from "./_table.ts";
import { ratio } from "./studies/_slices.ts";

const flags = parseArgs(Deno.args, {
  string: ["wires", "rounds"],
  default: { wires: "1000", rounds: "15" },
});

const RECORD = {
  id: 17,
  name: "Ada Lovelace",
  tags: ["one", "two", "three"],
  place: { x: 1.5, y: 2.25, z: -3 },
  note: "It is somewhat longer, so that it says a few things, with an ü.",
  items: Array.from({ length: 12 }, (_, id) => ({
    id,
    label: `item number ${id}`,
    price: id * 1.25,
    sold: id % 2 === 0,
  })),
};
const CALLS: readonly (readonly [string, unknown[]])[] = [
  ["two numbers", [1, 2]],
  ["a line of 60 characters", [
    "a line of a chat, about as long as such lines are, I guess …",
  ]],
  ["a record of 0.7 KB", [RECORD]],
];

let came = 0;
const functions = { hear: () => void came++ };
const wires: Wire[] = [];
while (wires.length < Number(flags.wires)) {
  const [near, far] = wirePair();
  far.serve(functions);
  wires.push(near);
}
await Promise.all(wires.map((wire) => wire.opened));
const all = broadcast(wires);

/** Milliseconds that something takes until it returns. */
async function time(make: () => void): Promise<number> {
  const before = performance.now();
  make();
  const took = performance.now() - before;
  // What it left to do is not to be taken for the next one's.
  await Promise.all(wires.map((wire) => wire.ping()));
  return took;
}

const rows: string[][] = [];
let expected = 0;
for (const [what, args] of CALLS) {
  const loops: number[] = [];
  const broadcasts: number[] = [];
  for (let round = -3; round < Number(flags.rounds); round++) {
    const loop = await time(() => {
      for (const wire of wires) wire.send("hear", args);
    });
    const one = await time(() => void all.send("hear", args));
    expected += wires.length * 2;
    if (round < 0) continue;
    loops.push(loop);
    broadcasts.push(one);
  }
  rows.push([
    what,
    number(summary(loops).median, 2),
    number(summary(broadcasts).median, 2),
    number(ratio(loops, broadcasts), 1),
  ]);
}
if (came !== expected) throw new Error(`${came} came, ${expected} were sent.`);
console.log(table(
  [`ms for ${wires.length} wires`, "a loop", "a broadcast", "times as fast"],
  rows,
));
await Promise.all(wires.map((wire) => wire.close()));
