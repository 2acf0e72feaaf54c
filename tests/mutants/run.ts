/**
 * Plants one bug after the other into a copy of the checkout, and tells which
 * of them the tests catch: `deno task mutants`. `--only TEXT` tries those whose
 * name or file has the text, `--from N` those from that number on, and
 * `--jobs N` so many at a time.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { MUTANTS } from "./_all.ts";
import { Checkout } from "./_checkout.ts";
import type { Mutant } from "./_mutant.ts";

const options = parseArgs(Deno.args, { string: ["only", "from", "jobs"] });
const from = Number(options.from ?? 1);
const jobs = Number(options.jobs ?? 1);

/** What became of a bug. */
interface Result {
  readonly mutant: Mutant;
  readonly isCaught: boolean;
}

function isChosen({ name, file }: Mutant, index: number): boolean {
  return index + 1 >= from &&
    (options.only === undefined || `${name}\n${file}`.includes(options.only));
}

/** Takes bugs off a list, and tries them in a copy of its own. */
async function work(
  waiting: Mutant[],
  results: Result[],
): Promise<void> {
  await using checkout = await Checkout.make();
  for (let mutant; (mutant = waiting.shift()) !== undefined;) {
    const { name, file, why } = mutant;
    const by = await checkout.caughtBy(mutant);
    results.push({ mutant, isCaught: by !== undefined });
    const told = by === undefined
      ? why === undefined ? "LIVES" : "has no effect"
      : `caught by ${by}`;
    const number = MUTANTS.indexOf(mutant) + 1;
    console.log(`${number}/${MUTANTS.length} ${file}: ${name}: ${told}`);
  }
}

/** A table of folders: how many bugs, and how many were caught. */
function table(results: readonly Result[]): string {
  const folderOf = ({ mutant: { file } }: Result) =>
    file.slice(0, file.lastIndexOf("/"));
  const rows = Object.entries(Object.groupBy(results, folderOf))
    .map(([folder, all = []]) => {
      const caught = all.filter(({ isCaught }) => isCaught).length;
      return `${folder.padEnd(20)} ${caught} of ${all.length}`;
    });
  return rows.sort().join("\n");
}

const waiting = MUTANTS.filter(isChosen);
const results: Result[] = [];
await Promise.all(
  Array.from({ length: jobs }, () => work(waiting, results)),
);
const living = results.filter(({ isCaught }) => !isCaught);
const unexplained = living.filter(({ mutant }) => mutant.why === undefined);
console.log(`\n${table(results)}`);
console.log(
  `\n${results.length - living.length} of ${results.length} caught`,
);
for (const { mutant: { file, name, why } } of living) {
  console.log(`${file}: ${name}: ${why ?? "no test catches it"}`);
}
// One that is said to have no effect has one.
const wrong = results.filter(({ mutant, isCaught }) =>
  isCaught && mutant.why !== undefined
);
for (const { mutant: { name } } of wrong) {
  console.log(`"${name}" is caught: remove its "why".`);
}
Deno.exit(
  results.length > 0 && unexplained.length === 0 && wrong.length === 0 ? 0 : 1,
);
