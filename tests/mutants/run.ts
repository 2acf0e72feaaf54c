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
import { errorMessage } from "../../wire/base/errors.ts";
import { Checkout } from "./_checkout.ts";
import type { Mutant } from "./_mutant.ts";

const options = parseArgs(Deno.args, { string: ["only", "from", "jobs"] });
const from = Number(options.from ?? 1);
const jobs = Number(options.jobs ?? 1);

/** What became of a bug: what caught it, or why it could not be tried. */
interface Result {
  readonly mutant: Mutant;
  readonly by: string | undefined;
  readonly trouble?: string;
}

function isChosen({ name, file }: Mutant, index: number): boolean {
  return index + 1 >= from &&
    (options.only === undefined || `${name}\n${file}`.includes(options.only));
}

async function tried(checkout: Checkout, mutant: Mutant): Promise<Result> {
  try {
    return { mutant, by: await checkout.caughtBy(mutant) };
  } catch (error) {
    return { mutant, by: undefined, trouble: errorMessage(error) };
  }
}

/** Takes bugs off a list, and tries them in a copy of its own. */
async function work(waiting: Mutant[], results: Result[]): Promise<void> {
  await using checkout = await Checkout.make();
  for (let mutant; (mutant = waiting.shift()) !== undefined;) {
    const result = await tried(checkout, mutant);
    results.push(result);
    const number = MUTANTS.indexOf(mutant) + 1;
    console.log(`${number}/${MUTANTS.length} ${told(result)}`);
  }
}

function told({ mutant, by, trouble }: Result): string {
  const { file, name, why } = mutant;
  const what = trouble !== undefined
    ? `NOT TRIED: ${trouble}`
    : by === undefined
    ? why === undefined ? "LIVES" : `lives: ${why}`
    : `caught by ${by}${why === undefined ? "" : ': REMOVE ITS "why"'}`;
  return `${file}: ${name}: ${what}`;
}

/** Whether a bug is caught, or lives as it is said to. */
function isAsItShouldBe({ mutant: { why }, by, trouble }: Result): boolean {
  return trouble === undefined && (by === undefined) === (why !== undefined);
}

/** A line for each folder: how many bugs were caught, of how many. */
function table(results: readonly Result[]): string {
  const folderOf = ({ mutant: { file } }: Result) =>
    file.slice(0, file.lastIndexOf("/"));
  const rows = Object.entries(Object.groupBy(results, folderOf))
    .map(([folder, all = []]) => {
      const caught = all.filter(({ by }) => by !== undefined).length;
      return `${folder.padEnd(20)} ${caught} of ${all.length}`;
    });
  return rows.sort().join("\n");
}

const waiting = MUTANTS.filter(isChosen);
const results: Result[] = [];
await Promise.all(Array.from({ length: jobs }, () => work(waiting, results)));
const caught = results.filter(({ by }) => by !== undefined).length;
console.log(`\n${table(results)}\n\n${caught} of ${results.length} caught`);
const rest = results.filter((result) =>
  result.by === undefined || !isAsItShouldBe(result)
);
for (const result of rest) console.log(told(result));
Deno.exit(results.length > 0 && results.every(isAsItShouldBe) ? 0 : 1);
