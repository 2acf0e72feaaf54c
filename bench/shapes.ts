/**
 * The codec on values of many shapes, beside the codecs that are fastest
 * elsewhere: processor time to encode a value and decode it again. Each codec
 * has a process of its own for each shape and round, and the codecs take turns.
 * `--help` tells the options.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { ratios } from "./_chart.ts";
import { CODECS } from "./_codecs.ts";
import type { ShapeRound } from "./_shape_round.ts";
import { SHAPES } from "./_shapes.ts";
import { summary } from "./_statistics.ts";
import { number, table } from "./_table.ts";

/** What `--help` tells. */
const HELP = `usage: deno task run -A bench/shapes.ts [options]

  --only "TEXT; TEXT"  only shapes whose names contain one of these
  --rounds N           rounds of each, in fresh processes (3)
  --seconds S          how long a round takes, about, after twice as long to
                       warm up (0.25)
  --tree DIR           compare with the version of this module in that folder
  --json FILE          write the results to a file
  --svg FILE           draw the ratios to the best of the others
  --help               show this`;

const flags = parseArgs(Deno.args, {
  string: ["only", "rounds", "seconds", "tree", "json", "svg"],
  boolean: ["help"],
  default: { rounds: "3", seconds: "0.25" },
  unknown(option: string) {
    console.error(`There is no option ${option}. See --help.`);
    Deno.exit(2);
  },
});
if (flags.help) {
  console.log(HELP);
  Deno.exit();
}
const only: string[] | undefined = flags.only?.split("; ");
const shapes = SHAPES.filter(({ name }) =>
  only?.some((part) => name.includes(part)) ?? true
);
const names: string[] = Object.keys(CODECS);
const rivals = names.filter((name) => name !== "wire");
const tree = flags.tree === undefined
  ? undefined
  : new URL(`file://${await Deno.realPath(flags.tree)}/`).href;
if (tree !== undefined) names.push(tree);

/** A round of a codec, in a fresh process; null where it cannot do it. */
async function round(shape: string, codec: string): Promise<ShapeRound | null> {
  const { href } = new URL("./_shape_round.ts", import.meta.url);
  const { success, code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", "-A", href]
      .concat(shape, codec, flags.seconds),
    stdin: "null",
    stderr: "inherit",
  }).output();
  const line = new TextDecoder().decode(stdout);
  // Deno's v8.serialize() may crash a process that has told all it found.
  if (!success && (code < 128 || !line.endsWith("\n"))) {
    throw new Error(`${codec} failed with ${shape}.`);
  }
  return JSON.parse(line);
}

/** What was found of a shape: the rounds of each codec that can do it. */
async function measure(shape: string): Promise<Map<string, ShapeRound[]>> {
  const found = new Map<string, ShapeRound[]>();
  let left = names;
  for (let count = 0; count < Number(flags.rounds); count++) {
    for (const codec of left) {
      const one = await round(shape, codec);
      if (one === null) left = left.filter((name) => name !== codec);
      else found.set(codec, [...found.get(codec) ?? [], one]);
    }
  }
  return found;
}

/** The median, over the rounds, of how many times the time of the wire it is. */
function ratio(found: Map<string, ShapeRound[]>, codec: string): number {
  const wire = found.get("wire")!;
  const rounds = found.get(codec);
  if (rounds === undefined) return NaN;
  return summary(rounds.map(({ micros }, at) => micros / wire[at]!.micros))
    .median;
}

const shown = (value: number) => isNaN(value) ? "–" : number(value, 2);

const rows: string[][] = [];
const bests: number[] = [];
const all: Record<string, Record<string, ShapeRound[]>> = {};
for (const { name } of shapes) {
  const found = await measure(name);
  all[name] = Object.fromEntries(found);
  const wire = found.get("wire");
  if (wire === undefined) throw new Error(`A wire cannot carry ${name}.`);
  const beside = rivals.map((rival) => ratio(found, rival));
  const best = Math.min(...beside.filter((value) => !isNaN(value)));
  bests.push(best);
  const micros = summary(wire.map(({ micros }) => micros)).median;
  const row = [
    name,
    number(wire[0]!.bytes),
    number(micros, micros < 100 ? 2 : 0),
    ...beside.map(shown),
    best < 1 ? `**${shown(best)}**` : shown(best),
  ];
  if (tree !== undefined) row.push(shown(ratio(found, tree)));
  rows.push(row);
  console.error(row.join(" | "));
}
const head = ["encode and decode", "bytes", "µs", ...rivals, "best"];
if (tree !== undefined) head.push("before");
console.log(table(head, rows));
const below = bests.filter((best) => best < 1).length;
console.log(
  `\nTimes that of the wire; – where what comes back is not what was sent. The median of the best: ${
    shown(summary(bests).median)
  }; ${below} of ${bests.length} rows are below 1.`,
);
if (flags.svg !== undefined) {
  await Deno.writeTextFile(
    flags.svg,
    ratios(
      "How many times the wire's time the best of the others takes",
      `Processor time to encode and decode a value; the best of ${
        rivals.join(", ")
      }. To the right of 1 the wire is ahead.`,
      shapes.map(({ name }, at) => ({ name, value: bests[at]! })),
    ),
  );
}
if (flags.json !== undefined) {
  await Deno.writeTextFile(flags.json, JSON.stringify(all, null, 2) + "\n");
}
