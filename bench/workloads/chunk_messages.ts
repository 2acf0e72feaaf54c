/**
 * Typed messages of 1 MiB, one after the other, with no answers.
 *
 * @module
 */

import { megabytesPerSecond, type Workload } from "../_workload.ts";

const CHUNK = 1024 * 1024;

/** The workload. */
export const chunkMessages: Workload = {
  name: "chunk-messages",
  title: "messages of 1 MiB, one way",
  metrics: [megabytesPerSecond(CHUNK)],
  firstCount: 64,
  isKept: true,
  async run([client], operations) {
    const chunk = new Uint8Array(CHUNK);
    for (let index = 0; index < operations; index++) {
      await client.message(chunk);
    }
    await client.messagesTaken();
  },
  raw: ([connection], operations) => connection.stream(operations),
};
