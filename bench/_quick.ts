/**
 * A look at a change, in three minutes: some workloads of this checkout, and
 * of another one in turns, each time in fresh processes.
 *
 * @module
 */

import type { Measurement } from "./_measure.ts";
import { summary } from "./_statistics.ts";
import { number, table } from "./_table.ts";

const HERE = decodeURIComponent(new URL("..", import.meta.url).pathname);
/** What is measured where the command line does not say. */
const WORKLOADS = "one,many,one-way,record,chunk-calls,wires";

/** What to look at. */
export interface QuickOptions {
  /** The other checkout; undefined for this one alone. */
  readonly against: string | undefined;
  /** The workloads; undefined for those above. */
  readonly only: readonly string[] | undefined;
  /** How often each checkout has its turn. */
  readonly rounds: number;
}

/** Measures one checkout once, by its own benchmarks. */
async function measure(tree: string, only: string): Promise<Measurement[]> {
  const json = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", `${tree}/.ci/with_std.ts`, "run", "-A"],
        ...[`${tree}/bench/main.ts`, "--only", only, "--with", "none"],
        ...["--rounds", "2", "--seconds", "0.25", "--json", json],
      ],
      cwd: tree,
      stdout: "null",
    }).output();
    // 1 says that a target was missed.
    if (code > 1) throw new Error(new TextDecoder().decode(stderr));
    return JSON.parse(await Deno.readTextFile(json)).measurements;
  } finally {
    await Deno.remove(json);
  }
}

/** What was found of one workload: × raw, by checkout and round. */
interface Row {
  readonly one: Measurement;
  readonly medians: number[];
  readonly toRaw: readonly number[][];
}

/**
 * Measures, and prints a table: this checkout, and how many times as good it is
 * as the other, each beside the raw loop of its own run.
 *
 * @param options What to look at.
 */
export async function quick(options: QuickOptions): Promise<void> {
  const { against, rounds } = options;
  const only = options.only?.join() ?? WORKLOADS;
  const trees = [HERE, ...against === undefined ? [] : [against]];
  const rows = new Map<string, Row>();
  for (let round = 0; round < rounds; round++) {
    const turns = trees.map((tree, at) => ({ tree, at }));
    // Neither is always the first.
    for (const { tree, at } of round % 2 === 0 ? turns : turns.reverse()) {
      for (const one of await measure(tree, only)) {
        if (one.contestant !== "wire") continue;
        const key = `${one.title}, ${one.unit}`;
        const row = rows.get(key) ??
          { one, medians: [], toRaw: trees.map(() => []) };
        rows.set(key, row);
        if (at === 0) row.medians.push(one.median);
        row.toRaw[at]!.push(one.toRaw);
      }
    }
  }
  const head = ["workload", "median", "× raw"]
    .concat(against === undefined ? [] : ["times as good", "min – max"]);
  console.log(table(head, [...rows].map(([key, row]) => cells(key, row))));
}

function cells(key: string, { one, medians, toRaw }: Row): string[] {
  const [own, other] = toRaw as [number[], number[]?];
  const { digits, higherIsBetter } = one;
  const found = [
    key,
    number(summary(medians).median, digits),
    number(summary(own).median, 2),
  ];
  if (other === undefined) return found;
  const [above, below] = higherIsBetter ? [own, other] : [other, own];
  const { median, min, max } = summary(above.map((x, at) => x / below[at]!));
  return [...found, number(median, 2), `${number(min, 2)} – ${number(max, 2)}`];
}
