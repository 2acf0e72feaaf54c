/**
 * What a call costs when a wire has carried more and more of them, 64 under
 * way: slices on that wire and on fresh ones, by turns.
 *
 * @module
 */

import { atMost } from "../_mark.ts";
import { startPeer } from "../_peer.ts";
import type { Ports } from "../server.ts";
import { summary } from "../_statistics.ts";
import type { Study } from "../_study.ts";
import { number } from "../_table.ts";
import type { Client } from "../_workload.ts";
import { wire } from "../contestants/wire.ts";
import { ratio } from "./_slices.ts";

const UNDER_WAY = 64;
const STEPS = [1_000, 10_000, 100_000];
const FULL_STEPS = [...STEPS, 1_000_000];
/** So many calls make a slice. */
const SLICE = 2_000;
/** A round is cut into so many slices of each. */
const SLICES = 8;
/** A later call may cost so many times an earlier one: the rest is noise. */
const FLATNESS = 1.5;

/** What was found on a wire that has carried so many calls. */
interface Found {
  readonly carried: number;
  readonly microseconds: number;
  readonly fresh: number;
  readonly toFresh: number;
}

/** Makes calls; returns microseconds of each. */
async function callMany({ calls }: Client, count: number): Promise<number> {
  let begun = 0;
  const caller = async () => {
    while (begun < count) await calls.add(begun++, 1);
  };
  const before = performance.now();
  await Promise.all(Array.from({ length: UNDER_WAY }, caller));
  return (performance.now() - before) * 1_000 / count;
}

async function callFresh(port: number): Promise<number> {
  const client = await wire.connect(port);
  const took = await callMany(client, SLICE);
  await client.close();
  return took;
}

/** The study. */
export const growthCalls: Study = {
  name: "growth-calls",
  title: "growth: calls on a wire",
  async run({ rounds, full }) {
    await using peer = await startPeer<Ports>("./server.ts");
    const client = await wire.connect(peer.ports.wire);
    const found: Found[] = [];
    let carried = 0;
    // The first slices warm the code up, on other wires.
    for (let time = 0; time < SLICES; time++) await callFresh(peer.ports.wire);
    for (const step of full ? FULL_STEPS : STEPS) {
      if (step > carried) await callMany(client, step - carried);
      const old: number[] = [];
      const fresh: number[] = [];
      for (let time = 0; time < rounds * SLICES; time++) {
        fresh.push(await callFresh(peer.ports.wire));
        old.push(await callMany(client, SLICE));
      }
      found.push({
        carried: step,
        microseconds: summary(old).median,
        fresh: summary(fresh).median,
        toFresh: ratio(old, fresh),
      });
      carried = Math.max(carried, step) + SLICE * rounds * SLICES;
    }
    await client.close();
    const row = (name: string, of: (one: Found) => string) => [
      name,
      ...found.map(of),
    ];
    return {
      tables: [{
        head: row(
          "calls a wire has carried, at least",
          (one) => number(one.carried),
        ),
        rows: [
          row("µs a call on it", (one) => number(one.microseconds, 2)),
          row("µs a call on a fresh wire", (one) => number(one.fresh, 2)),
          row("× fresh", (one) => number(one.toFresh, 2)),
        ],
      }],
      targets: [atMost(
        `a call on a wire that has carried up to ${
          number(found.at(-1)!.carried)
        }, beside a fresh one: dearest step`,
        Math.max(...found.map(({ toFresh }) => toFresh)),
        FLATNESS,
      )],
      data: found,
    };
  },
};
