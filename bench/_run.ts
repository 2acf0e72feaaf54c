/**
 * Runs workloads and studies.
 *
 * @module
 */

import { measure, type Measurement } from "./_measure.ts";
import type { Options } from "./_options.ts";
import type { Peers } from "./_peers.ts";
import { place, placement } from "./_pin.ts";
import { progress } from "./_report.ts";
import type { StudyResult } from "./_study.ts";
import { table } from "./_table.ts";
import type { Contestant, Workload } from "./_workload.ts";
import { CONTESTANTS } from "./contestants/mod.ts";
import { STUDIES } from "./studies/mod.ts";

const ONE_CORE = [0, 0] as const;

/**
 * Finds out which contestants can be used here, and says loudly which cannot.
 *
 * @param peers Starts what they need.
 * @param options Who was asked for.
 * @param skipped Gets the names of those that cannot be used.
 * @returns Those that can, the wire first.
 */
export async function usable(
  peers: Peers,
  { with: others }: Options,
  skipped: string[],
): Promise<[Contestant, ...Contestant[]]> {
  const [wire, ...rest] = CONTESTANTS as [Contestant, ...Contestant[]];
  const found: [Contestant, ...Contestant[]] = [wire];
  for (const contestant of rest) {
    if (!others.includes(contestant.name)) continue;
    try {
      const client = await contestant.connect(await peers.portOf(contestant));
      await client.calls.add(40, 2);
      await client.close();
      found.push(contestant);
    } catch (error) {
      console.error(`SKIPPED ${contestant.name}: ${error}`);
      skipped.push(contestant.name);
    }
  }
  return found;
}

/**
 * Measures workloads.
 *
 * @param workloads Which.
 * @param contestants Who takes part, where they do.
 * @param peers Where to.
 * @param options How.
 * @returns What was measured.
 */
export async function runWorkloads(
  workloads: readonly Workload[],
  contestants: readonly [Contestant, ...Contestant[]],
  peers: Peers,
  options: Options,
): Promise<Measurement[]> {
  const { rounds, seconds } = options;
  const found: Measurement[] = [];
  for (const workload of workloads) {
    progress(workload.title);
    const [wire, ...others] = contestants;
    const taking = others.filter(({ workloads }) =>
      workloads === undefined || workloads.includes(workload.name)
    );
    const cores = options.cores ?? (workload.oneCore ? ONE_CORE : undefined);
    const failure = await place(peers.pids, cores);
    if (cores !== undefined) progress(placement(cores, failure));
    found.push(
      ...await measure(workload, {
        peers,
        contestants: [wire, ...taking],
        rounds,
        seconds,
      }),
    );
  }
  await place([], options.cores);
  return found;
}

/**
 * Carries out the studies that were asked for, and prints their tables.
 *
 * @param contestants Who takes part.
 * @param options Which, and how.
 * @param skipped Gets the names of those that cannot be carried out here.
 * @returns What they found, by their names.
 */
export async function runStudies(
  contestants: readonly Contestant[],
  options: Options,
  skipped: string[],
): Promise<Record<string, StudyResult>> {
  const found: Record<string, StudyResult> = {};
  for (const study of STUDIES) {
    if (!options.only.includes(study.name)) continue;
    progress(study.title);
    found[study.name] = await study.run({
      ...options,
      contestants,
      async oneCore(pids) {
        if (options.cores !== undefined) return;
        progress(placement(ONE_CORE, await place(pids, ONE_CORE)));
      },
      async place(pids) {
        await place(pids, options.cores);
      },
    });
    await place([], options.cores);
    const { tables, isSkipped } = found[study.name]!;
    if (isSkipped) skipped.push(study.name);
    for (const { head, rows } of tables) {
      console.log(`\n${table(head, rows)}`);
    }
  }
  return found;
}
