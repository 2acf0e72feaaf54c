/**
 * What a call costs while more and more wires are open: one call at a time,
 * each on the next wire, beside as many raw connections, on one core.
 *
 * @module
 */

import { atMost } from "../_mark.ts";
import { startPeer } from "../_peer.ts";
import { RawConnection } from "../_raw.ts";
import type { Ports } from "../server.ts";
import { summary } from "../_statistics.ts";
import type { Study } from "../_study.ts";
import { number } from "../_table.ts";
import type { Client } from "../_workload.ts";
import { wire } from "../contestants/wire.ts";
import { ratio, slice } from "./_slices.ts";

const STEPS = [1, 10, 100, 1_000, 2_000];
const FULL_STEPS = [...STEPS, 4_000, 8_000];
/** So many connections are opened at a time. */
const AT_ONCE = 50;
const TRAFFIC = { sent: 12, received: 8 };
/** Small, for there are many. */
const READ_BUFFER = 1_024;
/** Beside raw, a call may cost so many times what it costs on one wire. */
const FLATNESS = 1.5;

/** Takes the elements in turn, for ever. */
function turns<T>(elements: readonly T[]): () => T {
  let at = 0;
  return () => elements[at++ % elements.length]!;
}

/** What was found with so many wires open. */
interface Found {
  readonly wires: number;
  readonly microseconds: number;
  readonly raw: number;
  readonly toRaw: number;
}

/** Open connections of both kinds, as many of the one as of the other. */
class Connections {
  readonly #ports: Ports;
  readonly wires: Client[] = [];
  readonly raws: RawConnection[] = [];

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** Opens more until there are so many, and uses each once. */
  async openTo(count: number): Promise<void> {
    while (this.wires.length < count) {
      const length = Math.min(AT_ONCE, count - this.wires.length);
      await Promise.all(Array.from({ length }, () => this.#open()));
    }
    for (const raw of this.raws) await raw.exchange(1);
    for (const { calls } of this.wires) await calls.add(1, 1);
  }

  async #open(): Promise<void> {
    const { wire: port, raw } = this.#ports;
    this.wires.push(await wire.connect(port));
    this.raws.push(await RawConnection.open(raw, TRAFFIC, READ_BUFFER));
  }

  async close(): Promise<void> {
    await Promise.all(this.wires.map((client) => client.close()));
    for (const raw of this.raws) raw.close();
  }
}

async function compare(
  { wires, raws }: Connections,
  rounds: number,
  seconds: number,
): Promise<Found> {
  const nextWire = turns(wires);
  const nextRaw = turns(raws);
  const wireTimes: number[] = [];
  const rawTimes: number[] = [];
  // Round 0 is the warm-up.
  for (let round = 0; round <= rounds; round++) {
    const raw = await slice(seconds, () => nextRaw().exchange(1));
    const call = await slice(seconds, () => nextWire().calls.add(round, 1));
    if (round === 0) continue;
    rawTimes.push(raw * 1e6);
    wireTimes.push(call * 1e6);
  }
  return {
    wires: wires.length,
    microseconds: summary(wireTimes).median,
    raw: summary(rawTimes).median,
    toRaw: ratio(wireTimes, rawTimes),
  };
}

/** The study. */
export const growthWires: Study = {
  name: "growth-wires",
  title: "growth: wires",
  async run({ rounds, seconds, full, oneCore }) {
    await using peer = await startPeer<Ports>("./server.ts");
    await oneCore([peer.pid]);
    const connections = new Connections(peer.ports);
    const found: Found[] = [];
    for (const count of full ? FULL_STEPS : STEPS) {
      await connections.openTo(count);
      found.push(await compare(connections, rounds, seconds / 2));
    }
    await connections.close();
    const row = (name: string, of: (one: Found) => string) => [
      name,
      ...found.map(of),
    ];
    const ratios = found.map(({ toRaw }) => toRaw);
    return {
      tables: [{
        head: row("open wires", (one) => number(one.wires)),
        rows: [
          row("µs a call", (one) => number(one.microseconds, 1)),
          row("µs a raw exchange", (one) => number(one.raw, 1)),
          row("× raw", (one) => number(one.toRaw, 2)),
        ],
      }],
      targets: [atMost(
        `a call with up to ${
          number(found.at(-1)!.wires)
        } wires open, each × raw: dearest step beside one wire`,
        Math.max(...ratios) / ratios[0]!,
        FLATNESS,
      )],
      data: found,
    };
  },
};
