/**
 * One call at a time: what a call's way there and back takes.
 *
 * @module
 */

import { CALLS_PER_SECOND, MEDIAN_TIME, type Workload } from "../_workload.ts";

/** Awaits each operation, and keeps its time. */
async function timed(
  operations: number,
  operation: (index: number) => Promise<unknown>,
): Promise<Float64Array> {
  const times = new Float64Array(operations);
  let before = performance.now();
  for (let index = 0; index < operations; index++) {
    await operation(index);
    const now = performance.now();
    times[index] = now - before;
    before = now;
  }
  return times;
}

/** The workload. */
export const oneAtATime: Workload = {
  name: "one",
  title: "one call at a time, one core",
  metrics: [MEDIAN_TIME, CALLS_PER_SECOND],
  firstCount: 500,
  oneCore: true,
  run: ([{ calls }], operations) =>
    timed(operations, (index) => calls.add(index, 1)),
  raw: ([connection], operations) =>
    timed(operations, () => connection.exchange(1)),
};
