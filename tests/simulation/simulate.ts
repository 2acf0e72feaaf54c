/**
 * Runs many seeds of the simulation: `deno task simulate --seeds N`, from
 * `--from` on. `--seed N` runs one again, and `--plan FILE` runs a plan.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { makePlan, type Plan } from "./_plan.ts";
import { runPlan } from "./_run.ts";
import { shrink } from "./_shrink.ts";

const options = parseArgs(Deno.args, {
  string: ["seeds", "from", "seed", "plan", "most"],
});
const from = Number(options.seed ?? options.from ?? 1);
const count = options.seed === undefined ? Number(options.seeds ?? 2_000) : 1;
const mostFailures = Number(options.most ?? 5);

/** What a fault is about, whatever the numbers in it are. */
function kindOf(fault: string): string {
  return fault.replaceAll(/\d+/g, "N").slice(0, 60);
}

async function report(plan: Plan, faults: readonly string[]): Promise<void> {
  console.error(`seed ${plan.seed} fails:`);
  for (const fault of faults) console.error(`  ${fault}`);
  // A smaller plan is to show the same fault, and no other.
  const kind = kindOf(faults[0]!);
  const least = await shrink(
    plan,
    async (plan) =>
      (await runPlan(plan)).faults.some((fault) => kindOf(fault) === kind),
  );
  console.error(`  its smallest plan: ${JSON.stringify(least)}`);
  for (const fault of (await runPlan(least)).faults) {
    console.error(`    ${fault}`);
  }
}

// Stacks of errors that are expected cost more than all the rest.
Error.stackTraceLimit = 0;
let failures = 0;
let events = 0;
const began = performance.now();
if (options.plan !== undefined) {
  const plan = JSON.parse(await Deno.readTextFile(options.plan)) as Plan;
  const { faults } = await runPlan(plan);
  for (const fault of faults) console.error(fault);
  failures = faults.length;
} else {
  for (let seed = from; seed < from + count; seed++) {
    const plan = makePlan(seed);
    const outcome = await runPlan(plan);
    events += outcome.events;
    if (outcome.faults.length > 0) {
      await report(plan, outcome.faults);
      if (++failures >= mostFailures) break;
    }
  }
}
const seconds = (performance.now() - began) / 1_000;
console.log(
  `${count} seeds, ${failures} failures, ${events} events in ${
    seconds.toFixed(1)
  } s`,
);
Deno.exit(failures === 0 ? 0 : 1);
