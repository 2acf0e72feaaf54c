/**
 * Makes a failing plan smaller, as long as it fails.
 *
 * @module
 */

import type { Plan } from "./_plan.ts";

/** A simpler plan in the place of another. */
type Step = (plan: Plan) => Plan | undefined;

function withLink(plan: Plan, name: "cut" | "stall", part: "of"): Plan {
  const { link } = plan;
  const whole = link[name];
  if (whole === undefined) return plan;
  return {
    ...plan,
    link: { ...link, [name]: { ...whole, [part]: undefined } },
  };
}

/** Parts of a plan that may not matter. */
const STEPS: readonly Step[] = [
  ...([0, 1] as const).flatMap((end) => [
    (plan: Plan) => withLimits(plan, end, {}),
  ]),
  (plan) => ({ ...plan, link: { ...plan.link, stall: undefined } }),
  (plan) => ({ ...plan, link: { ...plan.link, cut: undefined } }),
  (plan) => ({ ...plan, link: { ...plan.link, latency: 0 } }),
  (plan) => ({ ...plan, link: { ...plan.link, chop: 0 } }),
  (plan) => ({ ...plan, link: { ...plan.link, isShort: false } }),
  (plan) => ({ ...plan, link: { ...plan.link, isBunched: undefined } }),
  (plan) => withLink(plan, "cut", "of"),
  (plan) => withLink(plan, "stall", "of"),
  (plan) => ({ ...plan, second: undefined }),
  (plan) => ({ ...plan, gates: undefined }),
  (plan) => ({ ...plan, isThrough: undefined }),
  (plan) => ({ ...plan, pace: undefined }),
  (plan) => ({ ...plan, link: { ...plan.link, capacity: 65_536 } }),
  (plan) => ({ ...plan, ending: { ...plan.ending, at: 0 } }),
  (plan) => ({ ...plan, outages: plan.outages.slice(1) }),
];

function withLimits(plan: Plan, end: 0 | 1, limits: object): Plan {
  const both = [...plan.limits] as [object, object];
  both[end] = limits;
  return { ...plan, limits: both };
}

/** Smaller plans than this one, the smallest first. */
function* smaller(plan: Plan): Generator<Plan> {
  const { operations } = plan;
  for (let part = operations.length >> 1; part > 0; part >>= 1) {
    for (let from = 0; from < operations.length; from += part) {
      yield { ...plan, operations: operations.toSpliced(from, part) };
    }
  }
  for (const step of STEPS) {
    const next = step(plan);
    if (next !== undefined) yield next;
  }
  for (const end of [0, 1] as const) {
    for (const name of Object.keys(plan.limits[end])) {
      const { [name as "calls"]: _, ...others } = plan.limits[end];
      yield withLimits(plan, end, others);
    }
  }
  for (const [at, operation] of operations.entries()) {
    for (const name of ["at", "deadline", "abort", "time", "size"] as const) {
      if (operation[name] === 0) continue;
      const simpler = { ...operation, [name]: 0 };
      yield { ...plan, operations: operations.with(at, simpler) };
    }
    if (operation.count > 1) {
      const fewer = { ...operation, count: operation.count >> 1 };
      yield { ...plan, operations: operations.with(at, fewer) };
    }
  }
}

/**
 * Makes a failing plan smaller.
 *
 * @param plan A plan that fails.
 * @param fails Tells whether a plan fails.
 * @param most How many plans to try.
 * @returns The smallest plan that was found to fail.
 */
export async function shrink(
  plan: Plan,
  fails: (plan: Plan) => Promise<boolean>,
  most = 400,
): Promise<Plan> {
  let tried = 0;
  for (let again = true; again && tried < most;) {
    again = false;
    const size = JSON.stringify(plan).length;
    for (const next of smaller(plan)) {
      if (JSON.stringify(next).length >= size) {
        if (JSON.stringify(next) === JSON.stringify(plan)) continue;
      }
      if (tried++ >= most) break;
      if (!await fails(next)) continue;
      plan = next;
      again = true;
      break;
    }
  }
  return plan;
}
