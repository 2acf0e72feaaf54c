/** What a server counts: server.stats(). */

import { assert, assertEquals } from "@std/assert";
import {
  connectToRemoteServer,
  createRequestServer,
  Refusal,
  type ServerStats,
  WireError,
  type WireStats,
  type WireSums,
} from "../../mod.ts";
import { Histogram } from "../../wire/base/collections.ts";
import { ServerCounts } from "../../server/_admission.ts";
import { FakeClock } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { failure } from "../wire/_failure.ts";

test("stats() sums over wires, and keeps the sums of those that have ended", async () => {
  await using server = createRequestServer(0, {
    functions: { add: (a: number, b: number) => a + b },
    onError() {},
  });
  const connect = () => connectToRemoteServer("127.0.0.1", server.port);
  const none = server.stats();
  assertEquals(none.wires, { now: 0, ever: 0, newcomers: 0 });
  assert(Object.values(none.sums).every((sum) => sum === 0));
  const first = await connect();
  await using second = await connect();
  for (const wire of [first, second]) await wire.remoteValue.add(1, 2);
  assertEquals(server.stats().sums.callsServed, 2);
  assertEquals(server.stats().wires.now, 2);
  const { bytesReceived } = server.stats().sums;
  await first.close();
  while (server.wires.size > 1) await new Promise((go) => setTimeout(go));
  const { wires, sums, ended, functions } = server.stats();
  assertEquals(wires, { now: 1, ever: 2, newcomers: 0 });
  assertEquals(sums.callsServed, 2);
  // Its last words came, too.
  assert(sums.bytesReceived >= bytesReceived);
  assertEquals(Object.values(ended), [1]);
  assertEquals(functions, undefined);
});

test("stats() counts calls, errors and latencies of functions", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = createRequestServer(0, {
    measure: true,
    functions: {
      add: (a: number, b: number) => a + b,
      refuse() {
        throw new Refusal("permissionDenied", "No.");
      },
      wait: () => gate.promise,
      stats: (): ServerStats => server.stats(),
    },
    onError() {},
  });
  await using wire = await connectToRemoteServer("127.0.0.1", server.port);
  const { remoteValue } = wire as unknown as {
    // deno-lint-ignore no-explicit-any -- of many kinds
    remoteValue: Record<string, (...args: unknown[]) => Promise<any>>;
  };
  for (let n = 0; n < 3; n++) await remoteValue.add!(n, 1);
  await failure(remoteValue.refuse!());
  await failure(remoteValue.unknown!());
  const waiting = remoteValue.wait!();
  // It is answered over the wire, too.
  const { functions } = await remoteValue.stats!() as ServerStats;
  const told = functions!.map(({ name, calls, errors, running }) =>
    [name, calls, errors, running].join(" ")
  );
  assertEquals(told, [
    "add 3 0 0",
    "refuse 1 1 0",
    "wait 0 0 1",
    "stats 0 0 1",
  ]);
  gate.resolve();
  await waiting;
});

test("stats() counts refusals by reason, and limits that were reached", async () => {
  await using server = createRequestServer(0, {
    requireCredential: "open sesame",
    limits: { wires: 1, yieldAfter: 2147483647 },
    onError() {},
  });
  const connect = (credential: string) =>
    connectToRemoteServer("127.0.0.1", server.port, { credential });
  await failure(connect("wrong"));
  await using _wire = await connect("open sesame");
  assertEquals((await failure(connect("open sesame"))).code, "busy");
  const { refused, limits, wires } = server.stats();
  assertEquals(refused, { refused: 1, busy: 1 });
  assertEquals(limits, { wires: 1 });
  assertEquals(wires.ever, 1);
});

test("ServerCounts keeps of an ended wire what adds up, and not what was", async () => {
  await using server = createRequestServer(0);
  await using wire = await connectToRemoteServer("127.0.0.1", server.port);
  const whole = wire.stats();
  const names = Object.keys(whole).filter((name) => name !== "flow");
  const ones = Object.fromEntries(names.map((name) => [name, 1]));
  const one = { stats: () => ({ ...ones, flow: whole.flow }) as WireStats };
  const counts = new ServerCounts(new FakeClock(), false);
  counts.ended(one, new WireError("connectionLost", "It is gone."));
  const { sums } = counts.stats(new Set([one]), 0);
  const twice = names.filter((name) => sums[name as keyof WireSums] === 2);
  assertEquals(Object.keys(sums).toSorted(), names.toSorted());
  assertEquals(twice, [
    ...["bytesReceived", "bytesSent", "reads", "writes", "messagesReceived"],
    ...["messagesSent", "signsOfLife", "callsMade", "callsServed"],
  ]);
});

test("ServerCounts tells 200 functions apart, and measures by its clock", async () => {
  const clock = new FakeClock();
  const counts = new ServerCounts(clock, true);
  for (let n = 0; n < 300; n++) {
    await counts.measure!(`f${n}`, () => clock.advance(n))();
  }
  const { functions, uptime } = counts.stats(new Set(), 0);
  assertEquals(functions!.length, 201);
  assertEquals(functions!.at(-1)!.name, "(others)");
  assertEquals(functions!.at(-1)!.calls, 100);
  assertEquals(functions![7]!.latency.max, 7);
  assertEquals(uptime, 299 * 150);
});

test("Histogram's quantiles are right within 5 %", () => {
  const histogram = new Histogram();
  assertEquals(histogram.latency.p99, 0);
  for (let n = 1; n <= 10_000; n++) histogram.add(n / 100);
  const { p50, p90, p99, max, count } = histogram.latency;
  for (const [is, wanted] of [[p50, 50], [p90, 90], [p99, 99]] as const) {
    assert(Math.abs(is / wanted - 1) < 0.05, `${is} is not ${wanted}`);
  }
  assertEquals([max, count], [100, 10_000]);
  histogram.add(0);
  histogram.add(1e300);
  assertEquals(histogram.latency.max, 1e300);
});
