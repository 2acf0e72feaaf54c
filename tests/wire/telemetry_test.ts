/**
 * The middleware that makes spans, with an OpenTelemetry of the test's own.
 * What a real one makes of it is in `tests/telemetry/`.
 */

import { assertEquals, assertRejects } from "@std/assert";
import {
  type CallContext,
  makeRemoteObject,
  type Middleware,
  WireError,
  wirePair,
} from "../../wire/mod.ts";
import {
  spans as spansOf,
  type TelemetryApi,
} from "../../wire/rpc/middleware.ts";
import { FakeClock } from "../_fake_clock.ts";
import { test } from "../_test.ts";

const spans = (api: TelemetryApi) => spansOf(api, new FakeClock());

/** A telemetry that writes down what is done with it. */
function fakeApi(
  log: unknown[],
  carried: Record<string, string> | undefined,
): TelemetryApi {
  const context = { deleteValue: () => context };
  const api: TelemetryApi = {
    context: { active: () => context },
    trace: {
      getTracer: (scope) => ({
        startActiveSpan(name, { kind, attributes }, _context, work) {
          log.push([scope, name, kind, attributes["network.transport"]]);
          return work({
            setAttribute: (key, value) => log.push([key, value]),
            setStatus: (status) => log.push(status),
            end: () => log.push("end"),
          });
        },
      }),
    },
  };
  if (carried === undefined) return api;
  return {
    ...api,
    propagation: {
      inject(_context, carrier, setter) {
        for (const [key, value] of Object.entries(carried)) {
          setter.set(carrier, key, value);
        }
      },
      extract(context, carrier, getter) {
        const own = getter.keys(carrier).map((key) => getter.get(carrier, key));
        log.push(["extracted", own, getter.get(carrier, "toString")]);
        return context;
      },
    },
  };
}

test("spans() makes a span for each call, on both sides", async () => {
  const log: unknown[] = [];
  const middleware = [spans(fakeApi(log, { traceparent: "00-1" }))];
  const [near, far] = wirePair(
    { callThrough: middleware },
    { serveThrough: middleware },
  );
  far.serve({
    add: (a: number, b: number) => a + b,
    adder: () => (a: number) => a + 1,
  });
  assertEquals(await near.remoteValue.add(40, 2), 42);
  assertEquals(log, [
    ["@remote/wire", "add", 2, "pipe"],
    ["extracted", ["00-1"], undefined],
    ["@remote/wire", "add", 1, "pipe"],
    "end",
    "end",
  ]);
  {
    using adder = await near.remoteValue.adder();
    assertEquals(await adder(1), 2);
  }
  assertEquals(log.slice(-5)[0], ["@remote/wire", "(function)", 2, "pipe"]);
  await near.close();
});

test("spans() tells what a call failed with", async () => {
  const log: unknown[] = [];
  const [near, far] = wirePair({ callThrough: [spans(fakeApi(log, {}))] });
  far.serve({
    fail: () => {
      throw new RangeError("no");
    },
    never: () => new Promise(() => {}),
  });
  await assertRejects(() => near.remoteValue.fail());
  await assertRejects(() => near.remoteValue.nothing(), WireError);
  assertEquals(
    log.filter((entry) => Array.isArray(entry) && entry[0] === "error.type"),
    [
      ["error.type", "RangeError"],
      ["error.type", "noSuchFunction"],
    ],
  );
  assertEquals(log.filter((entry) => entry === "end").length, 2);
  assertEquals(log.at(2), { code: 2, message: "no" });
  near.abort();
  await far.closed;
});

const FULL = "x".repeat(8_100);
const ROOM: [
  string,
  Record<string, string>,
  Record<string, string>,
  string[],
][] = [
  ["everything", {}, { traceparent: "p", baggage: "b" }, [
    "traceparent",
    "baggage",
  ]],
  ["the trace alone", { full: FULL }, { traceparent: "p", baggage: FULL }, [
    "full",
    "traceparent",
  ]],
  ["nothing", { full: FULL }, { traceparent: FULL }, ["full"]],
  ["nothing where no trace is told", { full: FULL }, { baggage: FULL }, [
    "full",
  ]],
];

for (const [what, metadata, carried, keys] of ROOM) {
  test(`spans() adds to metadata as far as there is room: ${what}`, async () => {
    const [near, far] = wirePair({
      callThrough: [spans(fakeApi([], carried))],
    });
    far.serve({
      keys(this: CallContext) {
        return Object.keys(this.metadata);
      },
    });
    assertEquals(await near.with({ metadata }).remoteValue.keys(), keys);
    await near.close();
  });
}

test("spans() does without a propagation", async () => {
  const middleware: Middleware[] = [
    spans(fakeApi([], undefined)) as Middleware,
  ];
  const [near, far] = wirePair({ callThrough: middleware }, {
    serveThrough: middleware,
  });
  far.serve({ one: () => 1 });
  assertEquals(await near.remoteValue.one(), 1);
  await near.close();
});

test("spans() lets calls follow results that are still to come", async () => {
  const log: unknown[] = [];
  const [near, far] = wirePair({
    callThrough: [spans(fakeApi(log, { traceparent: "00-1" }))],
  });
  far.serve({
    add: (a: number, b: number) => a + b,
    open: () => makeRemoteObject({ read: (n: number) => `read ${n}` }),
  });
  await near.opened;
  const before = near.stats();
  const { open, add } = near.remoteValue;
  const both = [open().remoteValue.read(1), add(add(1, 2), 3)];
  // All have left by now, and none was answered.
  await near.forceOutput();
  assertEquals(near.stats().callsMade - before.callsMade, 4);
  assertEquals(near.stats().writes - before.writes, 1);
  assertEquals(await Promise.all(both), ["read 1", 6]);
  const names = log.filter(Array.isArray).map(([, name]) => name);
  assertEquals(names, ["open", "read", "add", "add"]);
  near.abort();
  await far.closed;
});

test("spans() of what is served has no part in what this side is doing", async () => {
  const cleared = { deleteValue: () => cleared };
  const parents: unknown[] = [];
  const api: TelemetryApi = {
    context: { active: () => ({ deleteValue: () => cleared }) },
    trace: {
      getTracer: () => ({
        startActiveSpan(_name, { kind }, context, work) {
          parents.push([kind, context === cleared]);
          return work({ setAttribute() {}, setStatus() {}, end() {} });
        },
      }),
    },
  };
  const middleware = [spans(api)];
  const [near, far] = wirePair(
    { callThrough: middleware },
    { serveThrough: middleware },
  );
  far.serve({ add: (a: number, b: number) => a + b });
  assertEquals(await near.remoteValue.add(1, 2), 3);
  assertEquals(parents, [[2, false], [1, true]]);
  await near.close();
  await far.closed;
});

test("spans() records durations, by few attributes", async () => {
  const clock = new FakeClock();
  const told = new Map<string, number>();
  const api: TelemetryApi = {
    ...fakeApi([], undefined),
    metrics: {
      getMeter: (scope) => ({
        createHistogram: (name) => ({
          record(seconds, attributes) {
            const { "rpc.method": method, "error.type": error } = attributes;
            const key = [scope, name, method, error ?? seconds].join(" ");
            told.set(key, (told.get(key) ?? 0) + 1);
          },
        }),
      }),
    },
  };
  const middleware = [spansOf(api, clock)];
  // The references are left alone.
  const [near, far] = wirePair({ onError() {} }, { serveThrough: middleware });
  far.serve({
    wait: () => clock.advance(250),
    fail(at: number) {
      throw Object.assign(new Error("It is odd."), { name: `Odd${at}` });
    },
    thing: () => makeRemoteObject({ get: () => 1 }),
    adder: () => () => 1,
  });
  await near.remoteValue.wait();
  const thing = await near.remoteValue.thing() as {
    remoteValue: { get(): Promise<number> };
  };
  await thing.remoteValue.get();
  await (await near.remoteValue.adder() as () => Promise<number>)();
  for (let at = 0; at < 60; at++) {
    await assertRejects(() => near.remoteValue.fail(at));
  }
  const server = "@remote/wire rpc.server.call.duration";
  for (
    const [key, count] of [
      ["wait 0.25", 1],
      ["(method) 0", 1],
      ["(function) 0", 1],
      ["fail Odd49", 1],
      ["fail _OTHER", 10],
    ] as const
  ) assertEquals(told.get(`${server} ${key}`), count, key);
  await near.close();
  await far.closed;
});
