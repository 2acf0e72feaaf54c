/**
 * Records of about 1 KB that the peer sends back, 64 of them under way. The
 * raw loop writes 64 at once and waits for as many to come back.
 *
 * @module
 */

import { userRecord } from "../_samples.ts";
import { CALLS_PER_SECOND, type Workload } from "../_workload.ts";

const UNDER_WAY = 64;
/** So many different records are sent in turn. */
const RECORDS = 16;

/** The workload. */
export const recordEcho: Workload = {
  name: "record",
  title: `a record of 1 KB echoed, ${UNDER_WAY} under way`,
  metrics: [CALLS_PER_SECOND],
  firstCount: UNDER_WAY * 8,
  step: UNDER_WAY,
  async run([{ calls }], operations) {
    const records = Array.from({ length: RECORDS }, (_, id) => userRecord(id));
    let begun = 0;
    const caller = async () => {
      while (begun < operations) {
        const id = begun++ % RECORDS;
        const back = await calls.echo(records[id]) as typeof records[number];
        if (back.id !== id || back.items.length !== records[id]!.items.length) {
          throw new Error(`Another record came back than number ${id}.`);
        }
      }
    };
    await Promise.all(Array.from({ length: UNDER_WAY }, caller));
  },
  async raw([connection], operations) {
    for (let done = 0; done < operations; done += UNDER_WAY) {
      await connection.exchange(UNDER_WAY);
    }
  },
};
