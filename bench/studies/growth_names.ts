/**
 * What a peer remembers of distinct names of functions and distinct sets of
 * keys: its heap, after garbage collection, when more and more have come.
 * Nobody serves those names, so that each call fails; each object is echoed.
 *
 * @module
 */

import { connectToRemoteServer } from "../../mod.ts";
import { atMost } from "../_mark.ts";
import { type Peer, startPeer } from "../_peer.ts";
import type { Ports } from "../server.ts";
import type { Study } from "../_study.ts";
import { number } from "../_table.ts";

const UNDER_WAY = 64;
/** Less than 1,024, where the tables of a wire are full, then far more. */
const STEPS = [1_000, 10_000, 100_000];
const FULL_STEPS = [...STEPS, 300_000];
/** From the second step to the last, the heap may grow by so many KB. */
const LARGEST = 512;

async function heap(peer: Peer<Ports>): Promise<number> {
  const { heapUsed, external } = await peer.memory();
  return (heapUsed + external) / 1024;
}

/** KB of heap that each step has added to what was there at the start. */
async function growth(
  steps: readonly number[],
  send: (wire: Remote, index: number) => Promise<unknown>,
): Promise<number[]> {
  await using peer = await startPeer<Ports>("./server.ts");
  const wire = await connectToRemoteServer("127.0.0.1", peer.ports.wire);
  const remote: Remote = wire.remoteValue;
  let sent = 0;
  async function sendTo(end: number): Promise<void> {
    const caller = async () => {
      while (sent < end) await send(remote, sent++);
    };
    await Promise.all(Array.from({ length: UNDER_WAY }, caller));
  }
  await sendTo(UNDER_WAY);
  const before = await heap(peer);
  const found: number[] = [];
  for (const step of steps) {
    await sendTo(step);
    found.push(await heap(peer) - before);
  }
  await wire.close();
  return found;
}

type Remote = Record<string, (...args: unknown[]) => Promise<unknown>>;

/** The study. */
export const growthNames: Study = {
  name: "growth-names",
  title: "growth: distinct names and key sets",
  async run({ full }) {
    const steps = full ? FULL_STEPS : STEPS;
    const found = {
      names: await growth(
        steps,
        (remote, index) => remote[`name${index}`]!().catch(() => {}),
      ),
      keySets: await growth(
        steps,
        (remote, index) => remote.echo!({ [`key${index}`]: index }),
      ),
    };
    const row = (name: string, kilobytes: readonly number[]) => [
      name,
      ...kilobytes.map((one) => number(one)),
    ];
    const target = (what: string, kilobytes: readonly number[]) =>
      atMost(
        `the peer's heap, from ${number(steps[1]!)} to ${
          number(steps.at(-1)!)
        } ${what}`,
        kilobytes.at(-1)! - kilobytes[1]!,
        LARGEST,
        " KB",
      );
    return {
      tables: [{
        head: ["KB of heap after", ...steps.map((step) => number(step))],
        rows: [
          row("distinct names", found.names),
          row("distinct key sets", found.keySets),
        ],
      }],
      targets: [
        target("distinct names", found.names),
        target("distinct key sets", found.keySets),
      ],
      data: { steps, ...found },
    };
  },
};
