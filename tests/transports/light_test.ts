/** A light wire with a whole one, and with another light one, in memory. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_LIMITS } from "../../wire/base/limits.ts";
import {
  type CallContext,
  makeRemoteObject,
  makeWire,
  memoryTransports,
  Refusal,
  RemoteError,
  type Transport,
  values,
  type Wire,
  WireError,
  type WireOptions,
} from "../../wire/mod.ts";
import {
  connectLight,
  type ConnectLightOptions,
  type LightWire,
} from "../../transports/light.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { Cut } from "../wire/_cutting.ts";
import { unhandledIn } from "../wire/_unhandled.ts";

/** A light wire, and what is at its other end. */
interface Met extends AsyncDisposable {
  // deno-lint-ignore no-explicit-any -- whatever is called
  light: LightWire<any>;
  // deno-lint-ignore no-explicit-any -- whatever is called
  whole: Wire<any>;
}

const QUIET = { onError() {} };

async function meet(
  far: WireOptions = {},
  near: ConnectLightOptions = {},
  [here, there]: readonly [Transport, Transport] = memoryTransports(),
): Promise<Met> {
  const whole = makeWire(there, { ...QUIET, ...far });
  const light = await connectLight(here, { ...QUIET, ...near });
  return {
    light,
    whole,
    async [Symbol.asyncDispose]() {
      light.abort();
      whole.abort();
      await Promise.all([light.closed, whole.closed]);
    },
  };
}

/** What a promise rejects with, or resolves with. */
// deno-lint-ignore no-explicit-any -- whatever it is
const outcome = (promise: Promise<unknown>): Promise<any> =>
  promise.catch((error: unknown) => error);

const never = () => new Promise(() => {});
const echo = (x: unknown) => x;

test("connectLight() makes calls, and serves them", async () => {
  const noted: unknown[] = [];
  await using met = await meet({
    functions: {
      add: (a: number, b: number) => a + b,
      users: { get: (id: number) => ({ id }) },
      divide: (a: number, b: number) => values(Math.floor(a / b), a % b),
      note: (x: unknown) => void noted.push(x),
    },
  }, {
    functions: {
      name: () => "light",
      users: { get: async (id: number) => await Promise.resolve([id]) },
      both: () => values(1, 2),
      note: (x: unknown) => void noted.push(x),
    },
  });
  const { light, whole } = met;
  assertEquals(await light.remoteValue.add(40, 2), 42);
  assertEquals(await light.remoteValue.users.get(7), { id: 7 });
  assertEquals(await light.call("users.get", [8]), { id: 8 });
  assertEquals(await light.remoteValues.divide(17, 5), [3, 2]);
  assertEquals(await light.remoteValue.divide(17, 5), 3);
  assertEquals(await light.call("divide", [17, 5], true), [3, 2]);
  await light.remote.note(1);
  await light.send("note", [2]);
  assertEquals(await whole.remoteValue.name(), "light");
  assertEquals(await whole.remoteValue.users.get(7), [7]);
  assertEquals(await whole.remoteValues.both(), [1, 2]);
  assertEquals(await whole.remoteValue.both(), 1);
  assertEquals(await whole.remoteValues.name(), ["light"]);
  await whole.remote.note(3);
  await whole.remoteValue.name();
  assertEquals(noted, [1, 2, 3]);
  assertEquals(light.address, { transport: "memory" });
});

test("a light wire has what the language asks of a proxy", async () => {
  await using met = await meet({ functions: { "a.call": () => 1 } });
  const { remoteValue } = met.light;
  assertEquals(await Promise.resolve(remoteValue), remoteValue);
  assertEquals(JSON.stringify({ remoteValue }), '{"remoteValue":{}}');
  assertEquals(String(remoteValue), "[object Object]");
  assertEquals(typeof remoteValue.a.call, "function");
  assertEquals(await remoteValue["a.call"](), 1);
  assertThrows(() => remoteValue.a = 1, TypeError);
});

test("two light wires talk to each other", async () => {
  const [here, there] = memoryTransports();
  const connect = (end: Transport) =>
    // deno-lint-ignore no-explicit-any -- whatever is called
    connectLight<any>(end, { functions: { echo } });
  const [near, far] = await Promise.all([connect(here), connect(there)]);
  const large = new Uint8Array(1_000_000).fill(7);
  assertEquals(await near.remoteValue.echo(large), large);
  assertEquals(
    await far.remoteValue.echo(new Map([[1, "a"]])),
    new Map([[1, "a"]]),
  );
  await Promise.all([near.close(), far.close()]);
  assertEquals((await near.closed).code, "closed");
  assertEquals((await far.closed).code, "closed");
});

test("a light wire puts the caller into the stacks of its errors", async () => {
  const functions = {
    fail() {
      throw new RangeError("odd");
    },
  };
  await using met = await meet({ functions }, { functions });
  for (const { remoteValue } of [met.light, met.whole]) {
    const { stack } = await outcome(remoteValue.fail());
    assert(stack.includes("light_test"), stack);
  }
});

test("what was thrown arrives as what a whole wire makes of it", async () => {
  const functions = {
    half() {
      throw Object.assign(new RangeError("odd", { cause: "c" }), { n: 3 });
    },
    text() {
      throw "a text";
    },
    refuse() {
      throw new Refusal("teapot", "short and stout");
    },
    unsendable: () => Symbol("s"),
    odd() {
      throw Object.assign(new Error("with a function"), { f: () => {} });
    },
    many() {
      throw new AggregateError([new Error("a")], "several");
    },
  };
  await using met = await meet({ functions }, { functions });
  for (const { remoteValue } of [met.light, met.whole]) {
    const half = await outcome(remoteValue.half());
    assert(half instanceof RemoteError && half instanceof Error);
    assertEquals(
      [half.name, half.message, half.cause, half.data, half.functionName],
      ["RangeError", "odd", "c", { n: 3 }, "half"],
    );
    const text = await outcome(remoteValue.text());
    assertEquals([text.name, text.data], ["Error", "a text"]);
    const refused = await outcome(remoteValue.refuse());
    assert(refused instanceof WireError);
    assertEquals([refused.code, refused.message], [
      "teapot",
      "short and stout",
    ]);
    const { code, message } = await outcome(remoteValue.unsendable());
    assertEquals(code, "unsupportedValue");
    assert(message.includes("unsendable"), message);
    assertEquals((await outcome(remoteValue.odd())).message, "with a function");
    assertEquals((await outcome(remoteValue.many())).errors[0].message, "a");
    const missing = await outcome(remoteValue.missing());
    assertEquals([missing.code, missing.sent], ["noSuchFunction", undefined]);
  }
});

test("the context of a call is that of a whole wire's", async () => {
  let told: unknown;
  await using met = await meet({
    functions: {
      see(this: CallContext) {
        return [this.metadata.user, this.deadline! > 0, this.functionName];
      },
    },
  }, {
    functions: {
      async see(this: CallContext<LightWire>) {
        told = [this.metadata.user, this.deadline! > 0, this.functionName];
        // deno-lint-ignore no-explicit-any -- whatever is called
        const { remoteValue } = this.wire.with(this) as any;
        return await remoteValue.see();
      },
      until(this: CallContext) {
        return new Promise((resolve) => {
          this.signal.onabort = () => resolve(told = this.signal.reason.code);
        });
      },
    },
  });
  const options = { metadata: { user: "ann" }, deadline: 60_000 };
  const seen = ["ann", true, "see"];
  assertEquals(await met.light.with(options).remoteValue.see(), seen);
  assertEquals(await met.whole.with(options).remoteValue.see(), seen);
  assertEquals(told, seen);
  const controller = new AbortController();
  const cancelled = met.whole.with({ signal: controller.signal })
    .remoteValue.until();
  await settle();
  controller.abort();
  assertEquals((await outcome(cancelled)).code, "cancelled");
  await settle();
  assertEquals(told, "cancelled");
});

test("a call of a light wire ends by its signal or its deadline", async () => {
  const clock = new FakeClock();
  const ended: string[] = [];
  await using met = await meet({
    functions: {
      never(this: CallContext) {
        this.signal.onabort = () => ended.push(this.signal.reason.code);
        return never();
      },
      add: (a: number, b: number) => a + b,
    },
  }, { clock });
  const { light } = met;
  const late = outcome(light.with({ deadline: 50 }).remoteValue.never());
  await settle();
  await clock.advance(50);
  const { code, sent } = await late;
  assertEquals([code, sent], ["deadline", "maybeExecuted"]);
  const controller = new AbortController();
  const asked = light.with({ signal: controller.signal });
  const cancelled = outcome(asked.remoteValue.never());
  await settle();
  controller.abort("why");
  const error = await cancelled;
  assertEquals([error.code, error.cause], ["cancelled", "why"]);
  await settle();
  assertEquals(ended, ["cancelled", "cancelled"]);
  const early = await outcome(asked.remoteValue.add(1, 2));
  assertEquals([early.code, early.sent], ["cancelled", "notSent"]);
  // Their ids are free again, once they are answered.
  assertEquals(await light.remoteValue.add(1, 2), 3);
});

test("a one-way call of a light wire waits no longer than it may", async () => {
  const clock = new FakeClock();
  await using met = await meet(
    { limits: { calls: 1 }, functions: { never, note() {} } },
    { clock },
  );
  const { light } = met;
  for (let n = 0; n < 2; n++) outcome(light.remoteValue.never());
  const giveUp = new AbortController();
  const late = outcome(light.with({ deadline: 10 }).remote.note());
  const cancelled = outcome(
    light.with({ signal: giveUp.signal }).remote.note(),
  );
  await settle();
  await clock.advance(10);
  giveUp.abort();
  for (const [error, code] of [[late, "deadline"], [cancelled, "cancelled"]]) {
    const { code: is, sent } = await error;
    assertEquals([is, sent], [code, "notSent"]);
  }
});

test("the options of a call are read once", async () => {
  await using met = await meet({ functions: { echo } });
  const { light } = met;
  const good = {
    deadline: 1_000,
    signal: new AbortController().signal,
    metadata: { a: "b" },
  };
  for (const key of ["deadline", "signal", "metadata"] as const) {
    for (const bad of [7n, "x"]) {
      let asked = 0;
      const options = {
        get [key]() {
          return asked++ === 0 ? good[key] : bad;
        },
      };
      const remotes = light.with(options as object);
      assertEquals(await remotes.remoteValue.echo(key), key);
      assertEquals(asked, 1, key);
    }
  }
});

test("a proxy whose trap calls with it is refused, and not called without end", async () => {
  let served = 0;
  await using met = await meet({ functions: { count: () => ++served } });
  const { light } = met;
  const proxy: object = new Proxy({}, {
    ownKeys() {
      outcome(light.remoteValue.count(proxy));
      return [];
    },
  });
  await light.remoteValue.count(proxy);
  assert(served < 5, `${served} were made`);
  assertEquals(await light.remoteValue.count(), served);
});

test("a function that ends its own light wire has the signal aborted", async () => {
  const clock = new FakeClock();
  let context: CallContext | undefined;
  const functions = {
    async end(this: CallContext<LightWire>) {
      context = this;
      this.wire.abort();
      await never();
    },
  };
  for (const kind of ["remoteValue", "remote"] as const) {
    const met = await meet({}, { functions, clock });
    outcome(met.whole.with({ deadline: 60_000 })[kind].end!());
    await met.light.closed;
    assertEquals(context!.signal.aborted, true, kind);
    await met[Symbol.asyncDispose]();
    assertEquals(clock.timers, 0, `${kind} leaves no timer`);
  }
});

test("a long credential reaches a peer that takes it", async () => {
  const credential = "s".repeat(10_000);
  await using met = await meet({ credential }, { credential });
  assertEquals(met.light.ended, undefined);
});

test("a connection is closed where no wire can be made over it", async () => {
  const [here, there] = memoryTransports();
  let asked = 0;
  const functions = {
    get answer() {
      return asked++ === 0 ? echo : 42;
    },
  };
  const error = await outcome(
    connectLight(here, { functions: functions as object }),
  );
  assertEquals(error.code, "invalidArgument");
  assertEquals(await there.read(), null);
});

test("a connection is closed where its light wire was given up before", async () => {
  const [here, there] = memoryTransports();
  const signal = AbortSignal.abort();
  assertEquals(
    (await outcome(connectLight(here, { signal }))).code,
    "cancelled",
  );
  assertEquals(await there.read(), null);
});

test("what waits for the peer's limits is sent later, or taken back", async () => {
  const clock = new FakeClock();
  const begun: PromiseWithResolvers<void>[] = [];
  await using met = await meet({
    limits: { calls: 1 },
    functions: {
      async wait(n: number) {
        const one = Promise.withResolvers<void>();
        begun.push(one);
        await one.promise;
        return n;
      },
    },
  }, { clock });
  const { light } = met;
  const first = light.remoteValue.wait(1);
  const second = outcome(light.with({ deadline: 10 }).remoteValue.wait(2));
  const third = light.with({ deadline: 1_000 }).remoteValue.wait(3);
  await settle();
  await clock.advance(10);
  const { code, sent } = await second;
  assertEquals([code, sent], ["deadline", "notSent"]);
  begun[0]!.resolve();
  assertEquals(await first, 1);
  await settle();
  begun[1]!.resolve();
  assertEquals(await third, 3);
  assertEquals(begun.length, 2);
});

test("calls of a light wire that wait to begin count that time, and never run when it is up", async () => {
  const clock = new FakeClock();
  const told: string[] = [];
  const seen: unknown[] = [];
  const gate = Promise.withResolvers<void>();
  await using met = await meet({}, {
    clock,
    limits: { calls: 1 },
    functions: {
      hold: () => gate.promise,
      see(this: CallContext, n: number) {
        seen.push([n, this.deadline]);
      },
    },
    onError: (error: unknown) => told.push((error as WireError).code),
  });
  const { whole } = met;
  await whole.remote.hold();
  for (const deadline of [100, 101]) {
    await whole.with({ deadline }).remote.see(deadline);
  }
  await settle();
  await clock.advance(100);
  gate.resolve();
  await settle();
  assertEquals([seen, told], [[[101, 1]], ["deadline"]]);
});

test("windows of either side hold, and nothing is lost", async () => {
  const got: Record<string, number[]> = { light: [], whole: [] };
  const serving = (side: string) => ({
    note: async (n: number) => {
      await undefined;
      got[side]!.push(n);
    },
    size: (bytes: Uint8Array) => bytes.length,
  });
  const limits = { window: 500, message: 100_000, frame: 1_024, calls: 3 };
  await using met = await meet(
    { limits, functions: serving("whole") },
    { limits, functions: serving("light") },
  );
  const { light, whole } = met;
  const all: Promise<unknown>[] = [];
  for (let n = 0; n < 300; n++) {
    all.push(light.remote.note(n), whole.remote.note(n));
    all.push(
      light.remoteValue.size(new Uint8Array(n * 10)),
      whole.remoteValue.size(new Uint8Array(n * 10)),
    );
  }
  const results = await Promise.all(all);
  await settle();
  const numbers = Array.from({ length: 300 }, (_, n) => n);
  assertEquals(got, { light: numbers, whole: numbers });
  assertEquals(
    results.filter((each) => each !== undefined),
    numbers.flatMap((n) => [n * 10, n * 10]),
  );
});

test("one-way calls wait for the window, by themselves too", async () => {
  const got: number[] = [];
  await using met = await meet({
    limits: { window: 500 },
    functions: {
      note: async (n: number) => {
        await undefined;
        got.push(n);
      },
    },
  });
  const { remote } = met.light;
  const numbers = Array.from({ length: 100 }, (_, n) => n);
  await Promise.all(numbers.map((n) => remote.note(n)));
  await settle();
  assertEquals(got, numbers);
});

test("large arguments and answers travel in pieces", async () => {
  await using met = await meet(
    { functions: { echo }, limits: { frame: 2_000 } },
    { functions: { echo }, limits: { frame: 1_024 } },
  );
  const large = Uint8Array.from({ length: 1_000_000 }, (_, n) => n * 7);
  const texts = Array.from({ length: 20_000 }, (_, n) => `text ${n}`);
  const { light, whole } = met;
  const all = await Promise.all([
    light.remoteValue.echo(large),
    whole.remoteValue.echo(large),
    light.remoteValue.echo(texts),
    whole.remoteValue.echo(texts),
    light.remoteValue.echo("small"),
  ]);
  assertEquals(all, [large, large, texts, texts, "small"]);
  const tooLarge = new Uint8Array(DEFAULT_LIMITS.message);
  for (const { remoteValue } of [light, whole]) {
    assertEquals((await outcome(remoteValue.echo(tooLarge))).code, "limit");
  }
  assertEquals(await light.remoteValue.echo(1), 1);
});

test("a peer that takes no pieces gets none", async () => {
  await using met = await meet({
    functions: { echo },
    limits: { pieces: 0 },
  });
  const { remoteValue } = met.light;
  assertEquals(
    (await outcome(remoteValue.echo("x".repeat(70_000)))).code,
    "limit",
  );
  assertEquals((await remoteValue.echo("x".repeat(60_000))).length, 60_000);
});

test("what a light wire lacks fails with an error that says who has it", async () => {
  await using met = await meet({
    functions: {
      echo,
      stream: async function* () {
        yield 1;
      },
      call: () => () => 1,
      object: () => makeRemoteObject({}),
    },
  }, { functions: { echo } });
  const { light, whole } = met;
  const { remoteValue } = light;
  const lacking = [
    () => {},
    (async function* () {})(),
    new ReadableStream(),
  ];
  for (const each of lacking) {
    const { code, message } = await outcome(remoteValue.echo({ each }));
    assertEquals(code, "unsupportedValue");
    assert(
      message.includes("connectWebSocket() of ./websocket"),
      message,
    );
  }
  // What no wire has is not said to be elsewhere.
  for (
    const [each, text] of [
      [/x/, "An instance of RegExp cannot be sent; send a plain object"],
      [new (class Point {})(), "An instance of Point cannot be sent"],
      [Promise.resolve(1), "await it first"],
      [remoteValue.echo(1), "await it first"],
      [Symbol("s"), "A symbol cannot be sent."],
    ] as const
  ) {
    const { code, message } = await outcome(remoteValue.echo({ each }));
    assertEquals(code, "unsupportedValue");
    assert(message.includes(text), message);
    assert(!message.includes("light"), message);
  }
  const elsewhere =
    /no option "\w+" of .* A whole wire has more: .*\.\/wire\.$/;
  const odd = { onProgress() {}, once: true, streams: "free" };
  for (const [name, value] of Object.entries(odd)) {
    // deno-lint-ignore no-explicit-any -- options of whole wires
    const options = { [name]: value } as any;
    const error = assertThrows(() => light.with(options), WireError);
    assertEquals(error.code, "invalidArgument");
    assert(elsewhere.test(error.message), error.message);
    const { message } = await outcome(light.call("echo", [], false, options));
    assert(elsewhere.test(message), message);
  }
  const near = assertThrows(
    // deno-lint-ignore no-explicit-any -- what no type allows
    () => light.with({ metdata: {} } as any),
    WireError,
  );
  assert(near.message.endsWith('did you mean "metadata"?'), near.message);
  for (const name of ["tap", "expects"]) {
    // deno-lint-ignore no-explicit-any -- an option of whole wires
    const options = { [name]: {} } as any;
    const { code, message } = await outcome(
      connectLight(memoryTransports()[0], options),
    );
    assertEquals(code, "invalidArgument");
    assert(elsewhere.test(message), message);
  }
  const pending = remoteValue.echo(1);
  for (const way of ["remote", "remoteValue", "remoteValues"]) {
    // deno-lint-ignore no-explicit-any -- a promise has these over whole wires
    const error = assertThrows(() => (pending as any)[way].f(), WireError);
    assertEquals(error.code, "unsupportedValue");
  }
  await pending;
  // The other side learns it, and the wire goes on.
  for (const name of ["stream", "call", "object"]) {
    assertEquals((await outcome(remoteValue[name]())).code, "limit");
  }
  for (
    const [each, what] of [
      [() => {}, "takes no functions or objects"],
      [(async function* () {})(), "takes no streams"],
    ] as const
  ) {
    const { code, message } = await outcome(whole.remoteValue.echo(each));
    assertEquals(code, "limit");
    assert(message.includes(what), message);
  }
  const base = whole.remoteValue.echo(1);
  assertEquals(await whole.remoteValue.echo([await base]), [1]);
  // A result that is to come is not kept here, and is sent again.
  assertEquals(await whole.remoteValue.echo(whole.remoteValue.echo(2)), 2);
  assertEquals(await remoteValue.echo(1), 1);
});

test("typed messages are told of, and do not fill the window", async () => {
  const told: string[] = [];
  await using met = await meet({}, {
    limits: { window: 1_000 },
    functions: { echo },
    onError: (error, where) => {
      told.push(`${(error as WireError).code} in ${where}`);
    },
  });
  for (let n = 0; n < 50; n++) await met.whole.outputObject(n);
  assertEquals(await met.whole.remoteValue.echo(1), 1);
  assertEquals(told, Array(50).fill("unsupportedValue in a typed message"));
});

test("either side closes, when all is answered", async () => {
  for (const byLight of [true, false]) {
    const answer = Promise.withResolvers<number>();
    const late = () => answer.promise;
    const deaths: string[] = [];
    const met = await meet({ functions: { late } }, {
      functions: { late },
      onDeath: ({ code }) => deaths.push(code),
    });
    const calls = [met.light.remoteValue.late(), met.whole.remoteValue.late()];
    await settle();
    const closing = byLight ? met.light.close() : met.whole.close();
    await settle();
    if (byLight) {
      const { code, sent } = await outcome(met.light.remoteValue.late());
      assertEquals([code, sent], ["closed", "notSent"]);
    }
    answer.resolve(42);
    assertEquals(await Promise.all(calls), [42, 42]);
    await closing;
    assertEquals((await met.light.closed).code, "closed");
    assertEquals((await met.whole.closed).code, "closed");
    assertEquals(met.light.ended?.code, "closed");
    assert(met.light.signal.aborted);
    assertEquals(deaths, ["closed"]);
  }
});

test("a close waits for no function whose caller has given up", async () => {
  for (const byLight of [true, false]) {
    const met = await meet({ functions: { never } }, { functions: { never } });
    const controller = new AbortController();
    const { signal } = controller;
    const calls = [met.light, met.whole].map((wire) =>
      outcome(wire.with({ signal }).remoteValue.never())
    );
    await settle();
    controller.abort();
    await Promise.all(calls);
    await (byLight ? met.light.close() : met.whole.close());
    assertEquals((await met.light.closed).code, "closed");
  }
});

test("a light wire ends with its peer, and its calls know what was sent", async () => {
  const met = await meet({ functions: { never }, limits: { calls: 1 } });
  const { light, whole } = met;
  const sent = outcome(light.remoteValue.never());
  const waiting = outcome(light.remoteValue.never());
  await settle();
  whole.abort(new Error("enough"));
  const reason = await light.closed;
  assertEquals(reason.code, "peerAborted");
  assert(reason.message.includes("enough"));
  const fates = [await sent, await waiting].map(({ code, sent }) =>
    `${code} ${sent}`
  );
  assertEquals(fates, ["peerAborted maybeExecuted", "peerAborted notSent"]);
  const late = await outcome(light.remoteValue.never());
  assertEquals([late.code, late.sent], ["peerAborted", "notSent"]);
  assert(await outcome(light.remote.never()) instanceof WireError);

  const other = await meet();
  other.light.abort("over");
  assertEquals((await other.light.closed).code, "aborted");
  const { code, message } = await other.whole.closed;
  assertEquals(code, "peerAborted");
  assert(message.includes("over"), message);
});

test("a failed call that nobody awaits is told to onError, and ends nothing", async () => {
  const told: string[] = [];
  const unhandled = await unhandledIn(async () => {
    await using met = await meet({}, {
      onError: (_error, where) => void told.push(where),
    });
    met.light.remoteValue.missing();
    met.light.remote.missing(() => {});
    await met.light.remoteValue.missing().catch(() => {});
    await settle();
    met.light.remoteValue.missing();
  });
  assertEquals(unhandled, []);
  assertEquals(told.sort(), [
    'a call of "missing" that nobody awaits',
    'a one-way call of "missing", which was not sent',
  ]);
});

test("what hooks and one-way calls throw is told to onError", async () => {
  const told: string[] = [];
  const met = await meet({}, {
    functions: {
      fail() {
        throw new Error("one way");
      },
      async failLater() {
        await undefined;
        throw new Error("later");
      },
    },
    onDeath() {
      throw new Error("at death");
    },
    onError: (error, where) => {
      told.push(`${(error as Error).message}: ${where}`);
    },
  });
  met.whole.remote.fail();
  met.whole.remote.failLater();
  met.whole.remote.missing();
  await settle();
  await met.whole.close();
  await met.light.closed;
  assertEquals(told.length, 4);
  assertEquals(told.sort().map((text) => text.split(":")[0]), [
    'The peer serves no function "missing". Check its name.',
    "at death",
    "later",
    "one way",
  ]);
});

test("a credential is shown, and a refusal is told", async () => {
  const secret = { requireCredential: "sesame" };
  await using _met = await meet(secret, { credential: "sesame" });
  for (const near of [{}, { credential: "wrong" }]) {
    const [here, there] = memoryTransports();
    const whole = makeWire(there, { ...QUIET, ...secret });
    const error = await outcome(connectLight(here, near));
    assertEquals(error.code, "refused");
    assert(error.message.startsWith("Cannot connect to memory"), error.message);
    await whole.closed;
  }
  const [here, there] = memoryTransports();
  const whole = makeWire(there, { ...QUIET, confirm: () => false });
  assertEquals((await outcome(connectLight(here))).code, "refused");
  await whole.closed;
});

test("a server may call a light client before it lets it in", async () => {
  const [here, there] = memoryTransports();
  const large = "x".repeat(100_000);
  // deno-lint-ignore no-explicit-any -- whatever is called
  const whole: Wire<any> = makeWire(there, {
    ...QUIET,
    functions: { echo },
    confirm: async (wire) =>
      await wire.remoteValue.name!() === "light" &&
      // A larger answer waits until both have accepted.
      (void whole.remoteValue.large(), true),
  });
  // deno-lint-ignore no-explicit-any -- whatever is called
  const light = await connectLight<any>(here, {
    functions: { name: () => "light", large: () => large },
  });
  assertEquals(await whole.remoteValue.large(), large);
  assertEquals(await light.remoteValue.echo(1), 1);
  await light.close();
});

test("unusable options and targets are refused", async () => {
  const unusable: [unknown, unknown, RegExp][] = [
    [undefined, { credentials: "a" }, /"credential"/],
    [undefined, { expects: {} }, /no option "expects"/],
    [undefined, { onError: 1 }, /onError/],
    [undefined, { onDeath: 1 }, /onDeath/],
    [undefined, { timeout: -1 }, /timeout/],
    [undefined, { signal: new AbortController() }, /controller/],
    [undefined, { limits: { mesage: 1 } }, /"message"/],
    [undefined, { limits: { message: 1 } }, /4096/],
    [undefined, { functions: { a: 1 } }, /"a"/],
    [undefined, { functions: { a: { b: 1 } } }, /"a\.b"/],
    [undefined, { functions: [() => 1] }, /"functions"/],
    [undefined, { functions: 7 }, /"functions"/],
    [undefined, { credential: "" }, /credential/],
    [undefined, 7, /options/],
    [7, {}, /transport/],
    [{}, {}, /transport/],
  ];
  for (const [target, options, text] of unusable) {
    const [here] = memoryTransports();
    // deno-lint-ignore no-explicit-any -- what no type allows
    const call = connectLight((target ?? here) as any, options as any);
    const error = await outcome(call);
    assertEquals(error.code, "invalidArgument", String(text));
    assert(text.test(error.message), error.message);
  }
  for (
    const [target, shown] of [
      [undefined, "undefined"],
      ["", '""'],
      [7, "7"],
      [{}, "an object of the kind Object"],
    ] as const
  ) {
    // deno-lint-ignore no-explicit-any -- what no type allows
    const { code, message } = await outcome(connectLight(target as any));
    assertEquals(code, "invalidArgument");
    for (const text of ["a URL (ws: or wss:)", "a transport", "two streams"]) {
      assert(message.includes(text), message);
    }
    assert(message.includes(`not over ${shown}.`), message);
  }
  const address = {
    transport: "tcp",
    hostname: "example.com",
    port: 1,
  } as const;
  const [here] = memoryTransports();
  const clear = await outcome(
    connectLight({ ...here, address }, { credential: "a" }),
  );
  assert(/in the clear/.test(clear.message), clear.message);
  await using met = await meet();
  for (
    const call of [
      // deno-lint-ignore no-explicit-any -- what no type allows
      met.light.call(7 as any),
      // deno-lint-ignore no-explicit-any -- what no type allows
      met.light.call("a", 7 as any),
      // deno-lint-ignore no-explicit-any -- what no type allows
      met.light.call("a", [], false, { timeout: 1 } as any),
      met.light.call("a", [], false, { deadline: NaN }),
      // deno-lint-ignore no-explicit-any -- what no type allows
      met.light.send("a", 7 as any),
    ]
  ) assertEquals((await outcome(call)).code, "invalidArgument");
  // deno-lint-ignore no-explicit-any -- what no type allows
  assertThrows(() => met.light.with({ timeout: 1 } as any), WireError);
  for (const lacking of [{ onProgress() {} }, { streams: "free" }]) {
    // deno-lint-ignore no-explicit-any -- what no type allows
    assertThrows(() => met.light.with(lacking as any), WireError);
  }
  const texts = Object.fromEntries(
    Array.from({ length: 65 }, (_, n) => [`k${n}`, ""]),
  );
  const many = met.light.with({ metadata: texts }).remoteValue.a();
  assertEquals((await outcome(many)).code, "limit");
});

test("connecting ends by its signal, and in time", async () => {
  const [here] = memoryTransports();
  const controller = new AbortController();
  const attempt = outcome(connectLight(here, { signal: controller.signal }));
  await settle();
  controller.abort();
  assertEquals((await attempt).code, "cancelled");
  const [second] = memoryTransports();
  assertEquals(
    (await outcome(connectLight(second, { timeout: 1 }))).code,
    "timeout",
  );
  const [third] = memoryTransports();
  const late = outcome(connectLight(third, { limits: { hello: 1 } }));
  assertEquals((await late).code, "timeout");
});

test("a light wire pings, answers pings, and ends with a silent peer", async () => {
  const clock = new FakeClock();
  const [here, there] = memoryTransports();
  const remote = { ...here, local: false };
  const whole = makeWire(there, QUIET);
  const light = await connectLight(remote, { clock });
  assert(await whole.ping() >= 0);
  const before = whole.stats().messagesReceived;
  // The whole one answers: the light one lives on.
  for (let n = 0; n < 40; n++) await clock.advance(2_500);
  assertEquals(light.ended, undefined);
  assert(whole.stats().messagesReceived >= before + 2);
  await light.close();

  const [near] = silent();
  const lone = await connectLight(near, { clock, ...QUIET });
  // A process that computes, or sleeps, is no fault of the peer's.
  clock.standStill(100_000);
  for (let n = 0; n < 10; n++) await clock.advance(2_500);
  assertEquals(lone.ended, undefined);
  for (let n = 0; n < 20; n++) await clock.advance(2_500);
  assertEquals((await lone.closed).code, "keepalive");
  assertEquals(clock.timers, 0);
});

/** What a peer says that opens a wire, with limits of its own as told. */
const OPENING = [
  ...[0, 0, 0, 0x2c, 1, 0x57, 0x49, 0x52, 0x45, 1, 0, 0x0f],
  ...[0x80, 0x80, 1, 0x80, 0x80, 4, 0x80, 0x80, 0x80, 2, 0x40, 0x80, 0x80],
  ...[0x10, 0x80, 0x40, 0xe8, 7, 0x80, 0x80, 0x80, 2, 8, 0xe8, 7, 0x21, 0x64],
  ...[0x80, 0x80, 0x10, 0x90, 0x4e, 0x80, 8, 0, 0, 0, 0, 0, 1, 2],
];

/** A peer that opens the wire, says some more, and nothing after that. */
function silent(more: number[] = []): [Transport, () => void] {
  const chunks = [Uint8Array.from([...OPENING, ...more])];
  const over = Promise.withResolvers<null>();
  const close = () => over.resolve(null);
  return [{
    address: { transport: "streams" },
    read: () => {
      const chunk = chunks.shift();
      return chunk === undefined ? over.promise : Promise.resolve(chunk);
    },
    write: ({ length }) => Promise.resolve(length),
    closeWrite: () => Promise.resolve(close()),
    close,
  }, close];
}

test("an unfinished frame, and a peer that takes nothing, end a light wire", async () => {
  const clock = new FakeClock();
  const [unfinished] = silent([0, 0, 0, 9, 0x13]);
  const light = await connectLight(unfinished, { clock, ...QUIET });
  for (let n = 0; n < 13; n++) await clock.advance(2_500);
  const { code, message } = await light.closed;
  assertEquals(code, "stalled");
  assert(message.includes("not finished"), message);

  const [transport] = silent();
  let isStuck = false;
  const stuck = await connectLight({
    ...transport,
    write: async (bytes) =>
      isStuck ? await new Promise(() => {}) : bytes.length,
  }, { clock, ...QUIET });
  isStuck = true;
  const call = outcome(stuck.call("a"));
  for (let n = 0; n < 5; n++) await clock.advance(2_500);
  assertEquals((await stuck.closed).code, "stalled");
  assertEquals((await call).sent, "maybeExecuted");
  assertEquals(clock.timers, 0);
});

test("a transport that does wrong is named", async () => {
  const [transport] = silent();
  const wrong: [Partial<Transport>, RegExp][] = [
    [{ write: () => Promise.resolve(0) }, /write\(\) gave 0/],
    [{ read: () => Promise.resolve("text" as never) }, /read\(\)/],
    [{ read: () => Promise.reject(new Error("unplugged")) }, /unplugged/],
    [{
      read() {
        throw new Error("at once");
      },
    }, /at once/],
    [{ read: () => Promise.resolve(null) }, /before its hello/],
    [{
      read: () => Promise.resolve(new TextEncoder().encode("HTTP/1.1 400 No")),
    }, /"HTTP\/1\.1 400 No".*web server/],
  ];
  for (const [part, text] of wrong) {
    // It may be found out only when the wire is there.
    const connecting = connectLight({ ...transport, ...part }, QUIET);
    const error = await outcome(connecting.then(({ closed }) => closed));
    assert(error instanceof WireError);
    assert(text.test(error.message), error.message);
  }
});

test("a light wire reads byte by byte, and writes one byte at a time", async () => {
  const [near, there] = memoryTransports();
  let rest: Uint8Array = new Uint8Array();
  const here: Transport = {
    ...near,
    async read() {
      if (rest.length === 0) {
        const chunk = await near.read();
        if (chunk === null) return null;
        rest = chunk.slice();
      }
      const [byte] = rest;
      rest = rest.subarray(1);
      return Uint8Array.of(byte!);
    },
    write: (bytes) => near.write(bytes.subarray(0, 1)),
  };
  await using met = await meet(
    { functions: { echo }, limits: { frame: 1_024 } },
    { functions: { echo }, limits: { frame: 1_024 } },
    [here, there],
  );
  const value = { list: [1, "two", new Date(3)], bytes: new Uint8Array(3_000) };
  assertEquals(await met.light.remoteValue.echo(value), value);
  assertEquals(await met.whole.remoteValue.echo(value), value);
});

/** A session in which each side calls the other, and something is large. */
async function session(cut: Cut): Promise<string[]> {
  const [here, there] = cut.ends;
  const limits = { frame: 1_024 };
  // deno-lint-ignore no-explicit-any -- whatever is called
  const whole: Wire<any> = makeWire(there, {
    ...QUIET,
    limits,
    functions: { echo },
  });
  const fates: Promise<string>[] = [];
  const fateOf = (promise: Promise<unknown>) =>
    promise.then(
      () => "answered",
      (error) => error instanceof WireError ? error.sent ?? "-" : String(error),
    );
  // deno-lint-ignore no-explicit-any -- whatever is called
  let light: LightWire<any> | undefined;
  try {
    // deno-lint-ignore no-explicit-any -- whatever is called
    light = await connectLight<any>(here, {
      ...QUIET,
      limits,
      functions: { echo },
    });
    fates.push(
      fateOf(light.remoteValue.echo([1, "two"])),
      fateOf(light.remoteValue.echo("x".repeat(1_500))),
      fateOf(whole.remoteValue.echo({ a: 1 })),
      fateOf(light.remote.echo(1)),
    );
    await Promise.all(fates);
    await light.close();
  } catch (error) {
    assert(error instanceof WireError, String(error));
  }
  cut.ends.forEach((end) => end.close());
  await Promise.all([light?.closed, whole.closed]);
  return await Promise.all(fates);
}

test("a connection that is cut at every byte settles everything", async () => {
  const whole = new Cut();
  assertEquals(
    await session(whole),
    Array(3).fill("answered").concat("answered"),
  );
  for (const direction of [0, 1] as const) {
    for (let at = 0; at < whole.passed[direction]; at++) {
      for (const fate of await session(new Cut(at, direction))) {
        assert(
          ["answered", "notSent", "maybeExecuted"].includes(fate),
          `cut at ${at} of ${direction}: ${fate}`,
        );
      }
    }
  }
});
