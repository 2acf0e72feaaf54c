/**
 * The middleware that makes spans, with an OpenTelemetry of the test's own.
 * What a real one makes of it is in `tests/telemetry/`.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { createRequestServer } from "../../mod.ts";
import {
  type CallContext,
  makeRemoteObject,
  makeWire,
  memoryTransports,
  type Middleware,
  RemoteError,
  WireError,
  wirePair,
} from "../../wire/mod.ts";
import {
  spans as spansOf,
  type TelemetryApi,
} from "../../wire/rpc/middleware.ts";
import { FakeClock } from "../_fake_clock.ts";
import { test } from "../_test.ts";

const spans = (
  api: TelemetryApi,
  trouble: (error: unknown) => void = fail,
  clock = new FakeClock(),
) => spansOf(api, clock, trouble);

/** Nothing of an OpenTelemetry is expected to throw. */
function fail(error: unknown): never {
  throw error;
}

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

test("spans() sends nothing of a propagation that is no text", async () => {
  for (const value of [undefined, null, 5, {}]) {
    const log: unknown[] = [];
    const carried = { traceparent: "00-1", baggage: value as string };
    const middleware = [spans(fakeApi(log, carried))];
    const [near, far] = wirePair(
      { callThrough: middleware },
      { serveThrough: middleware },
    );
    far.serve({ add: (a: number, b: number) => a + b });
    assertEquals(await near.remoteValue.add(40, 2), 42);
    assertEquals(log[1], ["extracted", ["00-1"], undefined]);
    await near.close();
  }
});

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
  const middleware = [spans(api, fail, clock)];
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

/** Everything that a telemetry is asked for, in the order of its first use. */
const ASKED = [
  "getMeter",
  "createHistogram",
  "getTracer",
  "active",
  "deleteValue",
  "extract",
  "inject",
  "startActiveSpan",
  "setAttribute",
  "setStatus",
  "record",
  "end",
] as const;

/** A telemetry of which one part throws, or gives what `broken` gives. */
function brokenApi(
  part: typeof ASKED[number],
  broken: () => unknown,
): TelemetryApi {
  const or = <F extends (...args: never[]) => unknown>(
    name: typeof ASKED[number],
    intact: F,
  ): F => name === part ? broken as F : intact;
  const context = { deleteValue: or("deleteValue", () => context) };
  const span = {
    setAttribute: or("setAttribute", () => {}),
    setStatus: or("setStatus", () => {}),
    end: or("end", () => {}),
  };
  const histogram = { record: or("record", () => {}) };
  const meter = { createHistogram: or("createHistogram", () => histogram) };
  return {
    context: { active: or("active", () => context) },
    trace: {
      getTracer: or("getTracer", () => ({
        startActiveSpan: or(
          "startActiveSpan",
          (_name, _options, _context, work) => work(span),
        ),
      })),
    },
    metrics: { getMeter: or("getMeter", () => meter) },
    propagation: {
      inject: or("inject", () => {}),
      extract: or("extract", (context) => context),
    },
  };
}

/** Calls something that works, and something that fails, through a telemetry. */
async function callThroughBroken(api: TelemetryApi): Promise<Set<string>> {
  const told = new Set<string>();
  const through = [
    spans(api, (error) => told.add((error as Error).message)),
  ];
  const [near, far] = wirePair(
    { callThrough: through },
    { serveThrough: through },
  );
  let ran = 0;
  far.serve({
    add: (a: number, b: number) => a + b,
    note: () => void ran++,
    fail() {
      ran++;
      throw new RangeError("no");
    },
  });
  const { add } = near.remoteValue;
  assertEquals(await add(add(1, 2), 3), 6);
  await near.remote.note();
  await assertRejects(() => near.remoteValue.fail(), RemoteError, "no");
  assertEquals(ran, 2);
  await near.close();
  await far.closed;
  return told;
}

for (const part of ASKED) {
  test(`spans() does no harm where OpenTelemetry throws: ${part}()`, async () => {
    const api = brokenApi(part, () => {
      throw new Error(`${part} broke`);
    });
    assertEquals(await callThroughBroken(api), new Set([`${part} broke`]));
  });
}

type StartActiveSpan = ReturnType<
  TelemetryApi["trace"]["getTracer"]
>["startActiveSpan"];

test("spans() leaves alone what a tracer makes of a call's promise", async () => {
  for (const delay of [undefined, Promise.resolve()]) {
    let spansMade = 0;
    const api = brokenApi("getTracer", () => ({
      async startActiveSpan(
        ...[, , , work]: Parameters<StartActiveSpan>
      ) {
        if (delay !== undefined) await delay;
        spansMade++;
        return await work({ setAttribute() {}, setStatus() {}, end() {} });
      },
    }));
    // Its promise fails with the call, and nobody awaits it.
    assertEquals(await callThroughBroken(api), new Set());
    assertEquals(spansMade, 8);
  }
});

/** Where an implementation of OpenTelemetry registers. */
const API = Symbol.for("opentelemetry.js.api.1");

/** Has a telemetry registered while something is done. */
async function registered<T>(
  property: PropertyDescriptor,
  work: () => T | Promise<T>,
): Promise<T> {
  assert(!(API in globalThis), "OpenTelemetry is off in tests");
  Object.defineProperty(globalThis, API, { ...property, configurable: true });
  try {
    return await work();
  } finally {
    Reflect.deleteProperty(globalThis, API);
  }
}

const thrower = () => {
  throw new Error("It broke.");
};

for (
  const [what, property] of [
    ["the API", { get: thrower }],
    ["trace", { value: Object.defineProperty({}, "trace", { get: thrower }) }],
    ...ASKED.slice(0, 6).map((part) =>
      [`${part}()`, { value: brokenApi(part, thrower) }] as const
    ),
  ] as const
) {
  test(`a wire and a server do without an OpenTelemetry that throws: ${what}`, async () => {
    await registered(property, async () => {
      const told: string[] = [];
      const tell = (who: string) => (error: unknown, where: string) =>
        told.push(`${who}: ${(error as Error).message} ${where}`);
      await using server = createRequestServer(null, {
        functions: { add: (a: number, b: number) => a + b },
        onError: tell("server"),
      });
      for (const name of ["first", "second"]) {
        const [here, there] = memoryTransports();
        server.adopt(there);
        const near = makeWire(here, { onError: tell(name) });
        for (let n = 0; n < 2; n++) {
          assertEquals(await near.remoteValue.add(n, 2), n + 2);
        }
        await near.close();
      }
      const where = "It broke. OpenTelemetry";
      const isServers = what === "deleteValue()" || what === "extract()";
      assertEquals(
        told.toSorted(),
        [
          ...isServers ? [] : [`first: ${where}`, `second: ${where}`],
          `server: ${where}`,
        ],
      );
    });
  });
}
