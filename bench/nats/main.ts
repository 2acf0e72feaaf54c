/**
 * Calls over TCP, over NATS, and requests of NATS's own client with JSON, beside
 * each other: client, server and nats-server are a process each. They take turns
 * of a round, and the median of the rounds is told. The processor's time is that
 * of the client and of the server; what nats-server takes is beyond it.
 *
 *     deno task run -A bench/nats/main.ts [--rounds N]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { connectToRemoteServer, type Wire } from "../../mod.ts";
import { connectNats } from "../../transports/nats.ts";
import { summary } from "../_statistics.ts";
import { number, table } from "../_table.ts";
import { startBroker, startNatsPeer } from "./_broker.ts";
import { type Nats, used } from "./server.ts";

/** What is asked of each way. */
interface Way {
  add(a: number, b: number): PromiseLike<unknown>;
  echo(bytes: Uint8Array): PromiseLike<unknown>;
}

const TIMEOUT = { timeout: 60_000 };

function requests(nats: Nats): Way {
  return {
    add: async (a, b) =>
      (await nats.request("bench.add", JSON.stringify([a, b]), TIMEOUT))
        .json<number>(),
    echo: async (bytes) =>
      (await nats.request("bench.echo", bytes, TIMEOUT)).data,
  };
}

/** Calls, so many of them under way at a time. */
async function calls(
  count: number,
  atOnce: number,
  call: () => PromiseLike<unknown>,
): Promise<void> {
  for (let made = 0; made < count; made += atOnce) {
    await Promise.all(Array.from({ length: atOnce }, call));
  }
}

const PART = new Uint8Array(64 * 1024).fill(7);
const LARGE = new Uint8Array(900_000).fill(7);
const WORK:
  readonly (readonly [string, number, (way: Way) => Promise<void>])[] = [
    [
      "add, one at a time",
      2_000,
      (way) => calls(2_000, 1, () => way.add(1, 2)),
    ],
    [
      "add, 1,000 under way",
      50_000,
      (way) => calls(50_000, 1_000, () => way.add(1, 2)),
    ],
    [
      "echo of 64 KiB, 8 under way",
      400,
      (way) => calls(400, 8, () => way.echo(PART)),
    ],
    [
      "echo of 900 kB, one at a time",
      50,
      (way) => calls(50, 1, () => way.echo(LARGE)),
    ],
  ];

async function measure(rounds: number): Promise<void> {
  await using broker = await startBroker();
  const { nats } = broker;
  await using peer = await startNatsPeer(broker.port);
  const tcp = await connectToRemoteServer("127.0.0.1", peer.port);
  const over = await connectNats(nats, "bench");
  const wayOf = ({ remoteValue }: Wire): Way => remoteValue as unknown as Way;
  const ways: readonly (readonly [string, Way])[] = [
    ["wire over TCP", wayOf(tcp)],
    ["wire over NATS", wayOf(over)],
    ["NATS request", requests(nats)],
  ];
  const rows: string[][] = [];
  for (const [what, count, work] of WORK) {
    const times = ways.map((): number[] => []);
    const costs = ways.map((): number[] => []);
    for (let round = -2; round < rounds; round++) {
      for (const [at, [, way]] of ways.entries()) {
        const cpu = used() + await tcp.remoteValue.used() as number;
        const before = performance.now();
        await work(way);
        const took = performance.now() - before;
        const cost = used() + (await tcp.remoteValue.used() as number) - cpu;
        if (round < 0) continue;
        times[at]!.push(count / took * 1_000);
        costs[at]!.push(cost / count);
      }
    }
    for (const [at, [name]] of ways.entries()) {
      rows.push([
        what,
        name,
        number(summary(times[at]!).median),
        number(summary(costs[at]!).median, 1),
      ]);
    }
  }
  console.log(
    table(["what", "by", "calls/s", "µs of processor per call"], rows),
  );
  await Promise.all([tcp.close(), over.close()]);
}

const flags = parseArgs(Deno.args, {
  string: ["rounds"],
  default: { rounds: "9" },
});
await measure(Number(flags.rounds));
