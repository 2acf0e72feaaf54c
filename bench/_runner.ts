/**
 * Runners: contestants and raw loops with open connections, ready for rounds.
 *
 * @module
 */

import type { Peers } from "./_peers.ts";
import { RawConnection, type Traffic } from "./_raw.ts";
import type { Client, Contestant, Round, Workload } from "./_workload.ts";

/** How the raw loop is called in the table. */
export const RAW = "raw";
/** And the one with a write for each operation. */
export const RAW_SINGLY = "raw, a write each";
/** And the one whose peer keeps each request in memory of its own. */
export const RAW_KEPT = "raw, kept";

/** All that is raw. */
export const RAWS: readonly string[] = [RAW, RAW_SINGLY, RAW_KEPT];

/** One that takes part: connected, and with the operations of its round. */
export interface Runner {
  /** Its name in the table. */
  readonly name: string;
  /** Carries out so many operations. */
  run(operations: number): Promise<Float64Array | void>;
  /** All bytes that have been moved. */
  traffic(): Traffic;
  /** Closes all of its connections. */
  close(): Promise<void>;
  /** How many operations a round has. */
  count: number;
  /** How many bytes an operation takes. */
  bytes: Traffic;
  /** The rounds so far. */
  rounds: Round[];
}

/**
 * Connects a contestant.
 *
 * @param contestant The contestant.
 * @param workload What it is to carry out.
 * @param peers Where to.
 * @returns The runner.
 */
export async function connect(
  contestant: Contestant,
  workload: Workload,
  peers: Peers,
): Promise<Runner> {
  const { connections = 1 } = workload;
  const port = await peers.portOf(contestant);
  const clients = await Promise.all(
    Array.from({ length: connections }, () => contestant.connect(port)),
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

/**
 * Connects the raw loop.
 *
 * @param workload What it is to carry out.
 * @param peers Where to.
 * @param bytes How many an operation takes.
 * @param isKept Whether the peer keeps each request.
 * @returns The runner.
 */
export async function connectRaw(
  workload: Workload,
  peers: Peers,
  bytes: Traffic,
  isKept = false,
): Promise<Runner> {
  const { connections = 1, perRequest = 1, readBuffer } = workload;
  // At least a byte: the raw loop has to see that an answer came.
  const request: Traffic = {
    sent: Math.max(1, Math.round(bytes.sent * perRequest)),
    received: Math.max(1, Math.round(bytes.received * perRequest)),
  };
  const { raw } = peers.main.ports;
  const conns = await Promise.all(
    Array.from(
      { length: connections },
      () => RawConnection.open(raw, request, readBuffer, isKept),
    ),
  );
  return {
    ...untried(isKept ? RAW_KEPT : RAW),
    run: (operations) => workload.raw(conns as [RawConnection], operations),
    traffic: () => ({ sent: 0, received: 0 }),
    close() {
      for (const conn of conns) conn.close();
      return Promise.resolve();
    },
    bytes,
  };
}

/**
 * Connects the raw loop that has a write for each operation.
 *
 * @param workload What it is to carry out.
 * @param peers Where to.
 * @param bytes How many an operation takes.
 * @returns The runner.
 */
export async function connectRawSingly(
  workload: Workload,
  peers: Peers,
  bytes: Traffic,
): Promise<Runner> {
  const singly: Workload = {
    ...workload,
    perRequest: 1,
    raw: ([connection], operations) =>
      workload.rawSingly!(connection, operations),
  };
  return { ...await connectRaw(singly, peers, bytes), name: RAW_SINGLY };
}

function untried(name: string) {
  const bytes: Traffic = { sent: 0, received: 0 };
  return { name, count: 0, bytes, rounds: [] };
}

/**
 * Runs until it is warm, and finds out how much fits into a round.
 *
 * @param runner The runner; its count is set, and its bytes unless it is raw.
 * @param workload What it carries out.
 * @param seconds How long a round is to take, about.
 */
export async function warmUp(
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
    if (RAWS.includes(runner.name)) return;
    runner.bytes = {
      sent: (after.sent - before.sent) / count,
      received: (after.received - before.received) / count,
    };
    return;
  }
}

/**
 * Runs a round.
 *
 * @param runner The runner.
 * @param operations How many operations.
 * @returns What the round gave.
 */
export async function runRound(
  runner: Runner,
  operations: number,
): Promise<Round> {
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
