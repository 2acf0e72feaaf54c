/**
 * Measures a workload: warm-up, then rounds in which the raw loop and the
 * contestants take turns, so that what else the machine does hits them alike.
 *
 * @module
 */

import type { Peers } from "./_peers.ts";
import type { Traffic } from "./_raw.ts";
import {
  connect,
  connectRaw,
  connectRawSingly,
  type Runner,
  runRound,
  warmUp,
} from "./_runner.ts";
import { type Summary, summary } from "./_statistics.ts";
import type { Contestant, Workload } from "./_workload.ts";

/** What was measured of a workload, a metric and a contestant. */
export interface Measurement extends Summary {
  /** The workload's name. */
  readonly workload: string;
  /** The workload's title. */
  readonly title: string;
  /** The contestant's name, or that of a raw loop. */
  readonly contestant: string;
  /** The metric's unit. */
  readonly unit: string;
  /** Whether more of it is better. */
  readonly higherIsBetter: boolean;
  /** How many digits to show. */
  readonly digits: number;
  /** The number of each round. */
  readonly rounds: readonly number[];
  /** Divided by the raw loop's number of the same round: the median of that. */
  readonly toRaw: number;
  /** Bytes that an operation takes in each direction. */
  readonly bytes: Traffic;
}

/** How to measure. */
export interface MeasureOptions {
  /** The peer processes. */
  readonly peers: Peers;
  /** What is compared with the raw loop; the first tells the bytes. */
  readonly contestants: readonly [Contestant, ...Contestant[]];
  /** How many rounds each takes. */
  readonly rounds: number;
  /** How long a round is to take, about. */
  readonly seconds: number;
}

/**
 * Measures a workload.
 *
 * @param workload The workload.
 * @param options With whom, how often and how long.
 * @returns A measurement for each metric and each that took part.
 */
export async function measure(
  workload: Workload,
  options: MeasureOptions,
): Promise<Measurement[]> {
  const { peers, contestants, rounds, seconds } = options;
  const runners: Runner[] = [];
  try {
    for (const contestant of contestants) {
      const runner = await connect(contestant, workload, peers);
      runners.push(runner);
      await warmUp(runner, workload, seconds);
    }
    const { bytes } = runners[0]!;
    const raw = await connectRaw(workload, peers, bytes);
    runners.unshift(raw);
    await warmUp(raw, workload, seconds);
    const others = [
      ...(workload.rawSingly === undefined
        ? []
        : [await connectRawSingly(workload, peers, bytes)]),
      ...(workload.isKept
        ? [await connectRaw(workload, peers, bytes, true)]
        : []),
    ];
    runners.push(...others);
    for (const other of others) await warmUp(other, workload, seconds);
    for (let round = 0; round < rounds; round++) {
      for (const runner of runners) {
        runner.rounds.push(await runRound(runner, runner.count));
      }
    }
  } finally {
    await Promise.all(runners.map((runner) => runner.close()));
  }
  return measurements(workload, runners);
}

function measurements(
  workload: Workload,
  runners: readonly Runner[],
): Measurement[] {
  const { name, title } = workload;
  return workload.metrics.flatMap(({ unit, higherIsBetter, digits, of }) => {
    const raw = runners[0]!.rounds.map((round) => of(round));
    return runners.map((runner) => {
      const rounds = runner.rounds.map((round) => of(round));
      return {
        workload: name,
        title,
        contestant: runner.name,
        unit,
        higherIsBetter,
        digits,
        rounds,
        ...summary(rounds),
        toRaw: summary(rounds.map((one, at) => one / raw[at]!)).median,
        bytes: runner.bytes,
      };
    });
  });
}
