/**
 * Two thousand seeds of the simulation, and the plans that failed once.
 * `deno task simulate --seeds N` runs more.
 */

import { assertEquals } from "@std/assert";
import { test } from "../_test.ts";
import { FOUND } from "./_found.ts";
import { makePlan } from "./_plan.ts";
import { runPlan } from "./_run.ts";

const SEEDS = 2_000;
/** In so many parts, for the sake of messages. */
const PARTS = 8;

for (const [what, plan] of FOUND) {
  test(`the simulation finds no more that ${what}`, async () => {
    assertEquals((await runPlan(plan)).faults, []);
  });
}

for (let part = 0; part < PARTS; part++) {
  const from = 1 + part * SEEDS / PARTS;
  const to = from + SEEDS / PARTS - 1;
  test(`the simulation finds nothing with the seeds ${from} to ${to}`, async () => {
    for (let seed = from; seed <= to; seed++) {
      const { faults } = await runPlan(makePlan(seed));
      assertEquals(
        faults,
        [],
        `Seed ${seed} fails. "deno task simulate --seed ${seed}" makes its plan smaller.`,
      );
    }
  });
}
