/**
 * Memory of the server per idle connection: a thousand are opened, each is
 * used for one call, garbage is collected, and the server tells its memory.
 * Each measurement takes a fresh server. The raw loop has a read buffer of
 * 16 KiB on each connection.
 *
 * @module
 */

import { atMost } from "../_mark.ts";
import { RAW } from "../_runner.ts";
import { type Peer, startPeer } from "../_peer.ts";
import { startContestant } from "../_peers.ts";
import { RawConnection } from "../_raw.ts";
import { summary } from "../_statistics.ts";
import type { Study, StudyOptions } from "../_study.ts";
import { number } from "../_table.ts";
import type { Contestant } from "../_workload.ts";
import type { Ports } from "../server.ts";

const CONNECTIONS = 1_000;
/** So many are opened at a time, and as many before the first look. */
const AT_ONCE = 50;
const READ_BUFFER = 16 * 1024;
const TO_RAW = 1.5;
const LARGEST = 45;

/** KB that a connection takes. */
interface Memory {
  /** Of the whole process. */
  readonly resident: number;
  /** Of what JavaScript reaches. */
  readonly heap: number;
}

/** Something that can be opened; what it returns closes. */
interface Opener {
  readonly peer: Peer<unknown>;
  open(): Promise<() => unknown>;
}

async function openRaw(): Promise<Opener> {
  const peer = await startPeer<Ports>("./server.ts");
  const traffic = { sent: 12, received: 8 };
  return {
    peer,
    async open() {
      const { raw } = peer.ports;
      const connection = await RawConnection.open(raw, traffic, READ_BUFFER);
      await connection.exchange(1);
      return () => connection.close();
    },
  };
}

async function openContestant(contestant: Contestant): Promise<Opener> {
  let peer: Peer<unknown>;
  let port: number;
  if (contestant.serve === undefined) {
    const main = await startPeer<Ports>("./server.ts");
    [peer, port] = [main, main.ports.wire];
  } else {
    const own = await startContestant(contestant);
    [peer, port] = [own, own.ports.port];
  }
  return {
    peer,
    async open() {
      const client = await contestant.connect(port);
      await client.calls.add(1, 1);
      return () => client.close();
    },
  };
}

async function weigh({ peer, open }: Opener): Promise<Memory> {
  await using _ends = peer;
  const closers: (() => unknown)[] = [];
  async function openTo(count: number): Promise<void> {
    while (closers.length < count) {
      closers.push(...await Promise.all(Array.from({ length: AT_ONCE }, open)));
    }
  }
  await openTo(AT_ONCE);
  const before = await peer.memory();
  await openTo(AT_ONCE + CONNECTIONS);
  const after = await peer.memory();
  await Promise.all(closers.map((close) => close()));
  const each = (bytes: number) => bytes / 1024 / CONNECTIONS;
  return {
    resident: each(after.rss - before.rss),
    heap: each(
      after.heapUsed + after.external - before.heapUsed - before.external,
    ),
  };
}

async function run({ rounds, contestants }: StudyOptions) {
  const starters = [
    { name: RAW, start: openRaw },
    ...contestants.map((one) => ({
      name: one.name,
      start: () => openContestant(one),
    })),
  ];
  const all = starters.map((): Memory[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [at, { start }] of starters.entries()) {
      all[at]!.push(await weigh(await start()));
    }
  }
  const found = starters.map(({ name }, at) => ({
    name,
    resident: summary(all[at]!.map(({ resident }) => resident)),
    heap: summary(all[at]!.map(({ heap }) => heap)),
  }));
  const raw = found[0]!.resident.median;
  const wire = found.find(({ name }) => name === "wire")?.resident.median;
  return {
    tables: [{
      head: ["KB of the server per idle connection", "resident", "min – max"]
        .concat("× raw", "heap"),
      rows: found.map(({ name, resident, heap }) => [
        name,
        number(resident.median, 1),
        `${number(resident.min, 1)} – ${number(resident.max, 1)}`,
        number(resident.median / raw, 2),
        number(heap.median, 1),
      ]),
    }],
    targets: wire === undefined ? [] : [
      atMost("memory per idle wire beside raw", wire / raw, TO_RAW),
      atMost("memory per idle wire", wire, LARGEST, " KB"),
    ],
    data: found,
  };
}

/** The study. */
export const memory: Study = {
  name: "memory",
  title: "memory per idle connection",
  run,
};
