/**
 * What thousands of idle wires cost those that work: their calls a second and
 * how long these take, with and without the idle ones, in turns, with fresh
 * processes in each round; and what an idle wire takes of the server's memory.
 *
 *     deno task run -A bench/connections.ts [--idle N] [--working N] [--rounds N] [--seconds N]
 *
 * Each wire takes a file descriptor in each of two processes: `ulimit -n` has
 * to allow them.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { connectToRemoteServer, type Wire } from "../mod.ts";
import { startPeer } from "./_peer.ts";
import type { BenchFunctions, Ports } from "./server.ts";
import { summary } from "./_statistics.ts";
import { number, table } from "./_table.ts";

/** What was measured in one round. Times are in milliseconds. */
interface Round {
  readonly callsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** What the server takes for each idle wire, in bytes; 0 without any. */
  readonly perWire: number;
}

const flags = parseArgs(Deno.args, {
  string: ["idle", "working", "rounds", "seconds"],
  default: { idle: "8000", working: "100", rounds: "3", seconds: "5" },
});
const [idle, working, rounds, seconds] = [
  flags.idle,
  flags.working,
  flags.rounds,
  flags.seconds,
].map(Number) as [number, number, number, number];

const sizeOf = ({ heapUsed, external }: Deno.MemoryUsage) =>
  heapUsed + external;

/** Has all wires call, one call under way on each. */
async function work(
  wires: readonly Wire<BenchFunctions>[],
  time: number,
): Promise<number[]> {
  const waits: number[] = [];
  const end = performance.now() + time * 1_000;
  await Promise.all(wires.map(async ({ remoteValue }) => {
    for (let began; (began = performance.now()) < end;) {
      await remoteValue.add(1, 2);
      waits.push(performance.now() - began);
    }
  }));
  return waits.sort((a, b) => a - b);
}

async function measure(idle: number): Promise<Round> {
  await using server = await startPeer<Ports>("./server.ts");
  const port = server.ports.wire;
  const wires = await Promise.all(
    Array.from(
      { length: working },
      () => connectToRemoteServer<BenchFunctions>("127.0.0.1", port),
    ),
  );
  // What is compiled and kept at first is the same in both.
  await work(wires, 1);
  const before = sizeOf(await server.memory());
  await using _sleepers = idle === 0
    ? undefined
    : await startPeer("./connections/idle.ts", `${port}`, `${idle}`);
  const after = sizeOf(await server.memory());
  const waits = await work(wires, seconds);
  wires.forEach((wire) => wire.abort());
  return {
    callsPerSecond: waits.length / seconds,
    p50: waits[Math.floor(waits.length * 0.5)]!,
    p99: waits[Math.floor(waits.length * 0.99)]!,
    perWire: idle === 0 ? 0 : (after - before) / idle,
  };
}

const found: (readonly [Round, Round])[] = [];
for (let round = 0; round < rounds; round++) {
  found.push([await measure(0), await measure(idle)]);
}
const rows = (["callsPerSecond", "p50", "p99"] as const).map((figure) => {
  const digits = figure === "callsPerSecond" ? 0 : 2;
  const [without, beside] = [0, 1].map((which) =>
    summary(found.map((pair) => pair[which]![figure])).median
  ) as [number, number];
  const quotient = summary(
    found.map(([without, beside]) => beside[figure] / without[figure]),
  );
  return [
    figure === "callsPerSecond" ? "calls a second" : `${figure}, ms`,
    number(without, digits),
    number(beside, digits),
    number(quotient.median, 2),
    `${number(quotient.min, 2)} to ${number(quotient.max, 2)}`,
  ];
});
console.log(
  table(
    [
      `${working} wires at work`,
      "alone",
      `beside ${number(idle)} idle`,
      "quotient",
      "range",
    ],
    rows,
  ),
);
const perWire = summary(found.map(([, { perWire }]) => perWire)).median;
console.log(
  `\nAn idle wire takes ${number(perWire / 1_000, 1)} KB of the server's heap.`,
);
