/**
 * 256 calls under way on one wire: each answer makes room for the next call.
 * The raw loop writes 256 requests at once and waits for as many answers; for
 * comparison there is one that writes each by itself, 256 of them under way.
 *
 * @module
 */

import { CALLS_PER_SECOND, type Workload } from "../_workload.ts";

const UNDER_WAY = 256;

/** The workload. */
export const manyUnderWay: Workload = {
  name: "many",
  title: `${UNDER_WAY} calls under way`,
  metrics: [CALLS_PER_SECOND],
  firstCount: UNDER_WAY * 20,
  step: UNDER_WAY,
  async run([{ calls }], operations) {
    let begun = 0;
    const caller = async () => {
      while (begun < operations) await calls.add(begun++, 1);
    };
    await Promise.all(Array.from({ length: UNDER_WAY }, caller));
  },
  async raw([connection], operations) {
    for (let done = 0; done < operations; done += UNDER_WAY) {
      await connection.exchange(UNDER_WAY);
    }
  },
  rawSingly: (connection, operations) =>
    connection.stream(operations, UNDER_WAY),
};
