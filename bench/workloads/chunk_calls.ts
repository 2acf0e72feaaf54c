/**
 * Calls with a chunk of 1 MiB as their argument, four of them under way.
 *
 * @module
 */

import { megabytesPerSecond, type Workload } from "../_workload.ts";

const CHUNK = 1024 * 1024;
const UNDER_WAY = 4;

/** The workload. */
export const chunkCalls: Workload = {
  name: "chunk-calls",
  title: `calls with 1 MiB, ${UNDER_WAY} under way`,
  metrics: [megabytesPerSecond(CHUNK)],
  firstCount: 64,
  isKept: true,
  step: UNDER_WAY,
  async run([{ calls }], operations) {
    const chunk = new Uint8Array(CHUNK);
    let begun = 0;
    const caller = async () => {
      while (begun++ < operations) await calls.size(chunk);
    };
    await Promise.all(Array.from({ length: UNDER_WAY }, caller));
  },
  raw: ([connection], operations) => connection.stream(operations, UNDER_WAY),
};
