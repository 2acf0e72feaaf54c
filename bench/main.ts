/**
 * Measures wires beside raw sockets and other libraries: a client and a peer
 * in two processes over loopback TCP, in alternating rounds. `--help` tells
 * the options, `README.md` what is measured.
 *
 * A new workload is a file in `workloads/`, what is measured otherwise one in
 * `studies/`, another library one in `contestants/`; each folder's `mod.ts`
 * lists them.
 *
 * @module
 */

import { chart, ratios } from "./_chart.ts";
import type { Target } from "./_mark.ts";
import { targets } from "./_marks.ts";
import type { Measurement } from "./_measure.ts";
import { HELP, type Options, readOptions } from "./_options.ts";
import { Peers } from "./_peers.ts";
import { placement } from "./_pin.ts";
import { quick } from "./_quick.ts";
import { printMeasurements, printTargets } from "./_report.ts";
import { runStudies, runWorkloads, usable } from "./_run.ts";
import type { StudyResult } from "./_study.ts";
import type { Contestant } from "./_workload.ts";
import { memory } from "./studies/memory.ts";
import { opening } from "./studies/opening.ts";
import { WORKLOADS } from "./workloads/mod.ts";

async function writeFiles(
  options: Options,
  setting: Record<string, unknown>,
  measurements: readonly Measurement[],
  studies: Record<string, StudyResult>,
  found: readonly Target[],
): Promise<void> {
  if (options.json !== undefined) {
    const data = Object.fromEntries(
      Object.entries(studies).map(([name, { data }]) => [name, data]),
    );
    const results = { setting, measurements, studies: data, targets: found };
    const text = JSON.stringify(results, null, 2);
    await Deno.writeTextFile(options.json, `${text}\n`);
  }
  const { deno, rounds } = setting;
  if (options.targets !== undefined && found.length === 0) {
    console.error("--targets draws targets, and nothing that has one ran.");
  } else if (options.targets !== undefined) {
    await Deno.writeTextFile(
      options.targets,
      ratios(
        "What was measured, beside what is asked",
        `1: the target is met; Deno ${deno}, medians of ${rounds} rounds`,
        found.map(({ what, reached }) => ({ name: what, value: reached })),
      ),
    );
  }
  if (options.svg === undefined) return;
  const bars = measurements.filter(({ workload }) => workload === "many")
    .map(({ contestant, median }) => ({ name: contestant, value: median }));
  if (bars.length === 0) {
    console.error("--svg draws the workload many, which did not run.");
    return;
  }
  await Deno.writeTextFile(
    options.svg,
    chart(
      "Calls a second, 256 under way on one connection",
      `add(i, j) over loopback TCP between two processes; Deno ${deno}, median of ${rounds} rounds`,
      bars,
    ),
  );
}

/** Runs what the options say, prints it, and returns the exit code. */
async function main(): Promise<number> {
  const options = readOptions(Deno.args);
  if (options === undefined) {
    console.log(HELP);
    return 0;
  }
  if (typeof options === "string") {
    console.error(`${options} See --help.`);
    return 2;
  }
  if (options.quick) {
    const { against, only, rounds } = options;
    const names = WORKLOADS.map(({ name }) => name);
    const some = only.filter((name) => names.includes(name));
    // All stand for none that was named.
    await quick({
      against,
      rounds,
      only: some.length < names.length ? some : undefined,
    });
    return 0;
  }
  const setting = {
    deno: Deno.version.deno,
    system: `${Deno.build.os} ${Deno.build.arch}`,
    cores: navigator.hardwareConcurrency,
    placement: placement(options.cores, undefined),
    rounds: options.rounds,
    seconds: options.seconds,
    full: options.full,
  };
  console.log(
    `Deno ${setting.deno}, ${setting.system}; medians of ${setting.rounds} rounds of about ${setting.seconds} s; ${setting.placement}.`,
  );
  const skipped: string[] = [];
  const workloads = WORKLOADS.filter(({ name }) => options.only.includes(name));
  let measurements: readonly Measurement[] = [];
  let contestants: readonly Contestant[] = [];
  const compares = [memory, opening].some(({ name }) =>
    options.only.includes(name)
  );
  if (workloads.length > 0 || compares) {
    await using peers = await Peers.start();
    const found = await usable(peers, options, skipped);
    contestants = found;
    measurements = await runWorkloads(workloads, found, peers, options);
  }
  if (measurements.length > 0) {
    console.log();
    printMeasurements(measurements);
  }
  const studies = await runStudies(contestants, options, skipped);
  const found = [
    ...targets(measurements),
    ...Object.values(studies).flatMap(({ targets }) => targets),
  ];
  if (found.length > 0) {
    console.log();
    printTargets(found);
  }
  if (skipped.length > 0) {
    console.log(
      `\nSKIPPED, with all targets about them: ${skipped.join(", ")}`,
    );
  }
  const told = { ...setting, skipped };
  await writeFiles(options, told, measurements, studies, found);
  return skipped.length === 0 && found.every(({ met }) => met) ? 0 : 1;
}

if (import.meta.main) Deno.exitCode = await main();
