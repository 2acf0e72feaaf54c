/**
 * Calls without an answer, 256 at a time: when the wire takes more, the next
 * 256 follow. The last call of a round is answered, after all others.
 *
 * A request of the raw loop is all 256 in one write. It does not wait for what
 * comes back, as few bytes as a wire needs to say that it keeps up, until the
 * end of the round. For comparison there is one that writes each by itself.
 *
 * @module
 */

import { CALLS_PER_SECOND, type Workload } from "../_workload.ts";

const AT_A_TIME = 256;

/** The workload. */
export const oneWay: Workload = {
  name: "one-way",
  title: `one-way calls, ${AT_A_TIME} at a time`,
  metrics: [CALLS_PER_SECOND],
  firstCount: AT_A_TIME * 20,
  step: AT_A_TIME,
  perRequest: AT_A_TIME,
  async run([client], operations) {
    for (let sent = 1; sent < operations;) {
      const end = Math.min(sent + AT_A_TIME, operations);
      let last: Promise<void> | undefined;
      while (sent < end) last = client.send(sent++, 1);
      await last;
    }
    await client.calls.add(0, 1);
  },
  raw: ([connection], operations) => connection.stream(operations / AT_A_TIME),
  rawSingly: (connection, operations) => connection.stream(operations),
};
