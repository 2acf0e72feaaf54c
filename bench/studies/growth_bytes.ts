/**
 * What a byte costs in larger and larger arguments, one call at a time, beside
 * a raw connection that moves as many. The limits on messages are raised.
 *
 * @module
 */

import { connectToRemoteServer } from "../../mod.ts";
import { atMost } from "../_mark.ts";
import { startPeer } from "../_peer.ts";
import { RawConnection } from "../_raw.ts";
import { type BenchFunctions, LARGE, type Ports } from "../server.ts";
import { summary } from "../_statistics.ts";
import type { Study } from "../_study.ts";
import { number } from "../_table.ts";
import { ratio, slice } from "./_slices.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SIZES = [16, 256, 4 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB, 16 * MIB];
const FULL_SIZES = [...SIZES, 64 * MIB];
/** From here on, it is the bytes that cost, not the call. */
const LARGE_ENOUGH = 256 * KIB;
/** A byte may cost so many times what it costs at the cheapest size. */
const FLATNESS = 3;
const OVERHEAD = 16;

/** One size, and the two that move it. */
interface Runner {
  readonly size: number;
  readonly chunk: Uint8Array;
  readonly raw: RawConnection;
  readonly wireTimes: number[];
  readonly rawTimes: number[];
}

function sizeText(size: number): string {
  if (size >= MIB) return `${size / MIB} MiB`;
  return size >= KIB ? `${size / KIB} KiB` : `${size} B`;
}

/** The study. */
export const growthBytes: Study = {
  name: "growth-bytes",
  title: "growth: bytes in a call",
  async run({ rounds, seconds, full }) {
    await using peer = await startPeer<Ports>("./server.ts");
    const { large, raw: rawPort } = peer.ports;
    const wire = await connectToRemoteServer<BenchFunctions>(
      "127.0.0.1",
      large,
      { limits: LARGE },
    );
    const runners: Runner[] = await Promise.all(
      (full ? FULL_SIZES : SIZES).map(async (size) => ({
        size,
        chunk: new Uint8Array(size),
        raw: await RawConnection.open(rawPort, {
          sent: size + OVERHEAD,
          received: OVERHEAD,
        }),
        wireTimes: [],
        rawTimes: [],
      })),
    );
    // Round 0 is the warm-up.
    for (let round = 0; round <= rounds; round++) {
      for (const { chunk, raw, wireTimes, rawTimes } of runners) {
        const rawTime = await slice(seconds / 4, () => raw.exchange(1));
        const time = await slice(
          seconds / 4,
          () => wire.remoteValue.size(chunk),
        );
        if (round === 0) continue;
        rawTimes.push(rawTime * 1e9 / chunk.length);
        wireTimes.push(time * 1e9 / chunk.length);
      }
    }
    await wire.close();
    for (const { raw } of runners) raw.close();
    const found = runners.map(({ size, wireTimes, rawTimes }) => ({
      size,
      nanoseconds: summary(wireTimes).median,
      raw: summary(rawTimes).median,
      toRaw: ratio(wireTimes, rawTimes),
    }));
    const costs = found.filter(({ size }) => size >= LARGE_ENOUGH)
      .map(({ nanoseconds }) => nanoseconds);
    return {
      tables: [{
        head: ["bytes in a call", "µs", "ns a byte", "raw ns a byte", "× raw"],
        rows: found.map((one) => [
          sizeText(one.size),
          number(one.nanoseconds * one.size / 1_000, 1),
          number(one.nanoseconds, 3),
          number(one.raw, 3),
          number(one.toRaw, 2),
        ]),
      }],
      targets: [atMost(
        `a byte, from 256 KiB to ${
          sizeText(found.at(-1)!.size)
        }: dearest size beside cheapest`,
        Math.max(...costs) / Math.min(...costs),
        FLATNESS,
      )],
      data: found,
    };
  },
};
