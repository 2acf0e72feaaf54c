/**
 * Measures a workload: warm-up, then rounds in which the raw loop and the
 * contestants take turns, so that what else the machine does hits them alike.
 *
 * @module
 */

import type { Peer } from "./_peer.ts";
import { RawConnection, type Traffic } from "./_raw.ts";
import { type Summary, summary } from "./_statistics.ts";
import type { Client, Contestant, Round, Workload } from "./_workload.ts";

/** How the raw loop is called in the table. */
export const RAW = "raw";

/** What was measured of a workload, a metric and a contestant. */
export interface Measurement extends Summary {
  /** The workload's name. */
  readonly workload: string;
  /** The workload's title. */
  readonly title: string;
  /** The contestant's name, or {@linkcode RAW}. */
  readonly contestant: string;
  /** The metric's unit. */
  readonly unit: string;
  /** Whether more of it is better. */
  readonly higherIsBetter: boolean;
  /** How many digits to show. */
  readonly digits: number;
  /** The number of each round. */
  readonly rounds: readonly number[];
  /** The median, divided by that of the raw loop. */
  readonly toRaw: number;
  /** Bytes that an operation takes in each direction. */
  readonly bytes: Traffic;
}

/** How to measure. */
export interface MeasureOptions {
  /** The peer process. */
  readonly peer: Peer;
  /** What is compared with the raw loop; the first tells the bytes. */
  readonly contestants: readonly [Contestant, ...Contestant[]];
  /** How many rounds each takes. */
  readonly rounds: number;
  /** How long a round is to take, about. */
  readonly seconds: number;
}

/** One that takes part: connected, and with the operations of its round. */
interface Runner {
  readonly name: string;
  run(operations: number): Promise<Float64Array | void>;
  traffic(): Traffic;
  close(): Promise<void>;
  count: number;
  bytes: Traffic;
  rounds: Round[];
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
  const { peer, contestants, rounds, seconds } = options;
  const runners: Runner[] = [];
  try {
    for (const contestant of contestants) {
      const runner = await connect(contestant, workload, peer);
      runners.push(runner);
      await warmUp(runner, workload, seconds);
    }
    const raw = await connectRaw(workload, peer, runners[0]!.bytes);
    runners.unshift(raw);
    await warmUp(raw, workload, seconds);
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

async function connect(
  contestant: Contestant,
  workload: Workload,
  peer: Peer,
): Promise<Runner> {
  const { connections = 1 } = workload;
  const clients = await Promise.all(
    Array.from({ length: connections }, () => contestant.connect(peer)),
  );
  return {
    ...untried(contestant.name),
    run: (operations) => workload.run(clients as [Client], operations),
    traffic: () => total(clients.map((client) => client.traffic())),
    async close() {
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}

async function connectRaw(
  workload: Workload,
  peer: Peer,
  bytes: Traffic,
): Promise<Runner> {
  const { connections = 1 } = workload;
  const conns = await Promise.all(
    Array.from(
      { length: connections },
      () => RawConnection.open(peer.ports.raw, bytes),
    ),
  );
  return {
    ...untried(RAW),
    run: (operations) => workload.raw(conns as [RawConnection], operations),
    traffic: () => ({ sent: 0, received: 0 }),
    close() {
      for (const conn of conns) conn.close();
      return Promise.resolve();
    },
    bytes,
  };
}

function untried(name: string) {
  const bytes: Traffic = { sent: 0, received: 0 };
  return { name, count: 0, bytes, rounds: [] };
}

/** Runs until it is warm, and finds out how much fits into a round. */
async function warmUp(
  runner: Runner,
  workload: Workload,
  seconds: number,
): Promise<void> {
  const { step = 1 } = workload;
  let count = workload.firstCount;
  for (;;) {
    const before = runner.traffic();
    const round = await runRound(runner, count);
    const after = runner.traffic();
    const perSecond = count / round.seconds;
    if (round.seconds < seconds / 2) {
      const wanted = Math.min(perSecond * seconds, count * 8);
      count = Math.ceil(wanted / step) * step;
      continue;
    }
    runner.count = Math.ceil(perSecond * seconds / step) * step;
    if (runner.name === RAW) return;
    // At least a byte: the raw loop has to see that an answer came.
    const per = (bytes: number) => Math.max(1, Math.round(bytes / count));
    runner.bytes = {
      sent: per(after.sent - before.sent),
      received: per(after.received - before.received),
    };
    return;
  }
}

async function runRound(runner: Runner, operations: number): Promise<Round> {
  const before = performance.now();
  const times = await runner.run(operations) ?? undefined;
  const seconds = (performance.now() - before) / 1_000;
  return { seconds, operations, times };
}

function total(traffic: readonly Traffic[]): Traffic {
  return traffic.reduce((sum, one) => ({
    sent: sum.sent + one.sent,
    received: sum.received + one.received,
  }));
}

function measurements(
  workload: Workload,
  runners: readonly Runner[],
): Measurement[] {
  const { name, title } = workload;
  return workload.metrics.flatMap(({ unit, higherIsBetter, digits, of }) => {
    let rawMedian = NaN;
    return runners.map((runner) => {
      const rounds = runner.rounds.map((round) => of(round));
      const sums = summary(rounds);
      if (runner.name === RAW) rawMedian = sums.median;
      return {
        workload: name,
        title,
        contestant: runner.name,
        unit,
        higherIsBetter,
        digits,
        rounds,
        ...sums,
        toRaw: sums.median / rawMedian,
        bytes: runner.bytes,
      };
    });
  });
}
