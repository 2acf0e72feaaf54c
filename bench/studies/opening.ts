/**
 * Connections that are opened, called once and closed, sixteen at a time. Each
 * round of each contestant has a fresh client and a fresh server.
 *
 * @module
 */

import type { Opening } from "../connections/opening.ts";
import { atLeast } from "../_mark.ts";
import { startPeer } from "../_peer.ts";
import { startContestant } from "../_peers.ts";
import { RAW } from "../_runner.ts";
import { summary } from "../_statistics.ts";
import type { Study, StudyOptions } from "../_study.ts";
import { number } from "../_table.ts";
import type { Contestant } from "../_workload.ts";
import type { Ports } from "../server.ts";
import { ratio } from "./_slices.ts";

const CONNECTIONS = 1_000;
const AT_ONCE = 16;
const TO_RAW = 0.6;
const CLIENT = new URL("../connections/opening.ts", import.meta.url).href;

/** Starts a server; the raw loop's and the wire's are in one. */
async function serve(contestant: Contestant | undefined) {
  if (contestant?.serve !== undefined) {
    const peer = await startContestant(contestant);
    return { peer, port: peer.ports.port };
  }
  const peer = await startPeer<Ports>("./server.ts");
  const { raw, wire } = peer.ports;
  return { peer, port: contestant === undefined ? raw : wire };
}

async function measure(contestant: Contestant | undefined): Promise<Opening> {
  const { peer, port } = await serve(contestant);
  await using _ends = peer;
  const numbers = [port, CONNECTIONS, AT_ONCE].map(String);
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", "--no-check", "-A", CLIENT]
      .concat(contestant?.name ?? RAW, numbers),
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("A client of the connections failed.");
  return JSON.parse(new TextDecoder().decode(stdout)) as Opening;
}

async function run({ rounds, contestants }: StudyOptions) {
  const all = [undefined, ...contestants].map((contestant) => ({
    contestant,
    name: contestant?.name ?? RAW,
    openings: [] as Opening[],
    hasFailed: false,
  }));
  for (let round = 0; round < rounds; round++) {
    for (const one of all) {
      if (one.hasFailed) continue;
      try {
        one.openings.push(await measure(one.contestant));
      } catch (error) {
        // That of another library keeps nobody else from being measured.
        if (one.contestant?.serve === undefined) throw error;
        console.error(`FAILED ${one.name}, round ${round + 1}: ${error}`);
        one.hasFailed = true;
      }
    }
  }
  const failed = all.filter(({ hasFailed }) => hasFailed);
  const rates = (openings: readonly Opening[]) =>
    openings.map(({ seconds }) => 1 / seconds);
  const raw = rates(all[0]!.openings);
  const whole = all.filter(({ hasFailed }) => !hasFailed);
  const found = whole.map(({ name, openings }) => ({
    name,
    rate: summary(rates(openings)),
    toRaw: ratio(rates(openings), raw),
    processor: summary(openings.map(({ processor }) => processor * 1e6)),
  }));
  const wire = found.find(({ name }) => name === "wire");
  return {
    tables: [{
      head: ["connections opened and called once, a second", "median"]
        .concat("min – max", "× raw", "processor µs of the client"),
      rows: found.map(({ name, rate, toRaw, processor }) => [
        name,
        number(rate.median, 0),
        `${number(rate.min, 0)} – ${number(rate.max, 0)}`,
        number(toRaw, 2),
        number(processor.median, 0),
      ]).concat(failed.map(({ name }) => [name, "failed", "", "", ""])),
    }],
    targets: wire === undefined
      ? []
      : [atLeast("connections opened beside raw", wire.toRaw, TO_RAW)],
    data: [...found, ...failed.map(({ name }) => ({ name, failed: true }))],
  };
}

/** The study. */
export const opening: Study = {
  name: "opening",
  title: "connections opened, called once and closed",
  run,
};
