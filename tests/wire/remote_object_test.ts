/**
 * Objects and functions by reference: identity, what can be called, how long
 * they are kept, over every transport.
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  type CallContext,
  isRemoteObject,
  makeRemoteObject,
  type Middleware,
  remoteCaller,
  type RemoteFunction,
  type RemoteObject,
  remoteObjectEq,
  remoteObjectLocal,
  remoteObjectValue,
  values,
  type Wire,
  type WireError,
  wirePair,
} from "../../wire/mod.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";
import { overEach } from "../_transports.ts";

function inspect(value: unknown): string {
  return Deno.inspect(value);
}

/** A class whose instances are passed by reference. */
class Counter {
  #count = 0;
  readonly label = "a counter";
  calls: string[] = [];

  get secret(): () => string {
    throw new Error("A getter ran.");
  }

  add(n: number): number {
    return this.#count += n;
  }

  both(n: number) {
    return values(this.#count, n);
  }

  note(word: string): void {
    this.calls.push(word);
  }
}

class LoudCounter extends Counter {
  override add(n: number): number {
    return super.add(n) * 10;
  }
}

/** Waits until a wire has dealt with all that its peer sent before. */
async function settled({ near, far }: { near: Wire; far: Wire }) {
  await Promise.all([near.ping(), far.ping()]);
  await Promise.all([near.ping(), far.ping()]);
}

overEach("an object by reference is called where it is", async (pair) => {
  const { near, far } = pair;
  const counter = new LoudCounter();
  far.serve({ counter: () => makeRemoteObject<Counter>(counter) });
  using remote = await near.remoteValue.counter() as RemoteObject<Counter>;
  assertEquals(await remote.remoteValue.add(2), 20);
  assertEquals(await remote.remoteValue.add(1), 30);
  assertEquals(await remote.remoteValues.both(5) as unknown, [3, 5]);
  await remote.remote.note("one way");
  await remote.with({ deadline: 5_000 }).remoteValue.note("in time");
  assertEquals(counter.calls, ["one way", "in time"]);
  assertEquals(remoteObjectLocal(remote), false);
});

overEach(
  "functions go by reference by themselves, at any depth",
  async (pair) => {
    const { near, far } = pair;
    far.serve({
      async run(
        this: CallContext,
        jobs: { each: RemoteFunction<(n: number) => number>[] },
      ) {
        const results = await Promise.all(jobs.each.map((job) => job(20)));
        for (const job of jobs.each) job[Symbol.dispose]();
        return results;
      },
      tools: () => new Map([["twice", { call: (n: number) => n * 2 }]]),
    });
    const each = [(n: number) => n + 1, async (n: number) => await n * 2];
    assertEquals(await near.remoteValue.run({ each }), [21, 40]);
    const tools = await near.remoteValue.tools() as Map<
      string,
      { call: RemoteFunction<(n: number) => number> }
    >;
    using twice = tools.get("twice")!.call;
    assertEquals(await twice(21), 42);
    assertEquals(await twice.remoteValue(4), 8);
    assertEquals(await twice.remoteValues(4), [8]);
    await twice.remote(1);
    assertEquals(await twice.with({ deadline: 5_000 }).remoteValue(5), 10);
    await settled(pair);
    assertEquals(far.stats().objectsImported, 0);
  },
);

overEach(
  "an object has one identity on a wire, and is itself at home",
  async (pair) => {
    const { near, far } = pair;
    const [one, other] = [new Counter(), new Counter()];
    const came: unknown[] = [];
    far.serve({
      one: () => makeRemoteObject(one),
      both: () => [makeRemoteObject(one), makeRemoteObject(other)],
      take: (...all: unknown[]) => void came.push(...all),
      same: (f: unknown) => f,
    });
    const first = await near.remoteValue.one();
    const [again, second] = await near.remoteValue.both();
    assertStrictEquals(again, first);
    assert(second !== first);
    assert(remoteObjectEq(first, again) && !remoteObjectEq(first, second));
    await near.remoteValue.take(first, { deep: [second] });
    assertStrictEquals(came[0], one);
    assertStrictEquals((came[1] as { deep: unknown[] }).deep[0], other);
    const own = () => "mine";
    assertStrictEquals(await near.remoteValue.same(own), own);
    const marked = makeRemoteObject(other);
    assertStrictEquals(await near.remoteValue.same(marked), other);
    for (const reference of [first, again, second]) reference[Symbol.dispose]();
    await settled(pair);
    // The two functions are still held at the other end, by `same`.
    assertEquals(far.stats().objectsExported, 0);
  },
);

test("the same object may stand twice in a Set, or as a key", async () => {
  const [near, far] = wirePair();
  far.serve({ echo: (x: unknown) => x });
  const [f, o] = [() => 1, {}];
  const set = new Set([f, makeRemoteObject(f), makeRemoteObject(o)]);
  assertEquals(await near.remoteValue.echo(set), new Set([f, o]));
  const map = new Map<unknown, number>([[f, 1], [makeRemoteObject(f), 2]]);
  assertEquals(await near.remoteValue.echo(map), new Map([[f, 2]]));
  const one = near.remoteValue.echo(1);
  const error = await failure(near.remoteValue.echo(new Set([one])));
  await one;
  assertEquals(error.code, "unsupportedValue");
  near.abort();
  await far.closed;
});

test("remoteObjectValue() and the like know what is local", async () => {
  const counter = new Counter();
  const marked = makeRemoteObject(counter);
  assertStrictEquals(makeRemoteObject(marked), marked);
  assertStrictEquals(remoteObjectValue<Counter>(marked), counter);
  assertStrictEquals(remoteObjectValue(counter), counter);
  assertEquals([remoteObjectLocal(marked), remoteObjectLocal(3)], [true, true]);
  assert(remoteObjectEq(marked, makeRemoteObject(counter)));
  assert(remoteObjectEq(marked, counter) && !remoteObjectEq(marked, {}));
  assertEquals(await marked.remoteValue.add(3), 3);
  assertEquals(marked.signal.aborted, false);
  const [near, far] = wirePair();
  far.serve({ f: () => () => 1 });
  const f = await near.remoteValue.f();
  const error = await failure((async () => await remoteObjectValue(f))());
  assertEquals(error.code, "invalidArgument");
  for (const value of [null, 1, "x", undefined]) {
    const wrong = await failure(
      // deno-lint-ignore require-await -- it throws, and that is to be caught
      (async () => makeRemoteObject(value as unknown as object))(),
    );
    assertEquals(wrong.code, "invalidArgument");
  }
  near.abort();
  await far.closed;
});

const UNREACHABLE = [
  "constructor",
  "__proto__",
  "toString",
  "hasOwnProperty",
  "secret",
  "label",
  "nothing",
  "",
  "#count",
];

for (const name of UNREACHABLE) {
  test(`a remote object does not let "${name}" be called`, async () => {
    const [near, far] = wirePair();
    far.serve({ counter: () => makeRemoteObject(new Counter()) });
    const counter = await near.remoteValue.counter();
    const error = await failure(
      remoteCaller(counter).call(name, [], false),
    );
    assertEquals(error.code, "noSuchFunction");
    near.abort();
    await far.closed;
  });
}

test("a remote function lets nothing of Function be called", async () => {
  const [near, far] = wirePair();
  far.serve({ f: () => (n: number) => n });
  const f = await near.remoteValue.f();
  for (const name of ["call", "apply", "bind", "constructor"]) {
    const error = await failure(remoteCaller(f).call(name, [1], false));
    assertEquals(error.code, "noSuchFunction");
  }
  assertEquals(await f.call(undefined, 7), 7);
  near.abort();
  await far.closed;
});

overEach("dispose() releases an object, each arrival once", async (pair) => {
  const { near, far } = pair;
  const counter = new Counter();
  far.serve({ counter: () => makeRemoteObject(counter) });
  const first = await near.remoteValue.counter();
  const second = await near.remoteValue.counter();
  first[Symbol.dispose]();
  assertEquals(await second.remoteValue.add(1), 1);
  assertEquals(second.signal.aborted, false);
  second[Symbol.dispose]();
  second[Symbol.dispose]();
  assertEquals((second.signal.reason as WireError).code, "released");
  const error = await failure(second.remoteValue.add(1));
  assertEquals([error.code, error.sent], ["released", "notSent"]);
  assertEquals((await failure(second.remote.add(1))).code, "released");
  const unsendable = await failure(near.remoteValue.counter(second));
  assertEquals(unsendable.code, "unsupportedValue");
  await settled(pair);
  assertEquals(far.stats().objectsExported, 0);
  using third = await near.remoteValue.counter();
  assertEquals(await third.remoteValue.add(1), 2);
});

overEach("a reference that crosses its release is safe", async (pair) => {
  const { near, far } = pair;
  const counter = new Counter();
  far.serve({ counter: () => makeRemoteObject(counter) });
  for (let round = 0; round < 200; round++) {
    const [first, coming] = [
      await near.remoteValue.counter(),
      near.remoteValue.counter(),
    ];
    first[Symbol.dispose]();
    using second = await coming;
    assertEquals(await second.remoteValue.add(1), round + 1);
  }
  await settled(pair);
  assertEquals(far.stats().objectsExported, 0);
  assertEquals(near.stats().objectsImported, 0);
});

overEach("a release never overtakes what was sent before it", async (pair) => {
  const { near, far } = pair;
  const kept: unknown[] = [];
  const counter = new Counter();
  far.serve({
    counter: () => makeRemoteObject(counter),
    take: (large: Uint8Array, object: unknown) => {
      kept.push(object);
      return large.length;
    },
  });
  const counts = [];
  {
    using remote = await near.remoteValue.counter();
    counts.push(
      near.remoteValue.take(new Uint8Array(1_000_000), remote),
      near.remoteValue.take(new Uint8Array(10), remote),
      remote.remoteValue.note("x".repeat(500_000)),
    );
    await near.remote.take(new Uint8Array(500_000), remote);
  }
  assertEquals(await Promise.all(counts), [1_000_000, 10, undefined]);
  await settled(pair);
  assertEquals(kept, [counter, counter, counter]);
  assertEquals(counter.calls.length, 1);
  assertEquals(far.stats().objectsExported, 0);
});

overEach("forgetRemoteTranslation() voids references", async (pair) => {
  const { near, far } = pair;
  const counter = new Counter();
  far.serve({ counter: () => makeRemoteObject(counter) });
  const old = await near.remoteValue.counter();
  far.forgetRemoteTranslation(counter);
  await settled(pair);
  assertEquals((old.signal.reason as WireError).code, "noSuchObject");
  assertEquals((await failure(old.remoteValue.add(1))).code, "noSuchObject");
  using fresh = await near.remoteValue.counter();
  assert(fresh !== old);
  assertEquals(await fresh.remoteValue.add(1), 1);
  old[Symbol.dispose]();
  await settled(pair);
  assertEquals(far.stats().objectsExported, 1);
  far.forgetRemoteTranslation({});
});

overEach(
  "a reference's signal aborts with the wire's reason",
  async ({ near, far }) => {
    far.serve({ f: () => () => 1 });
    const f = await near.remoteValue.f();
    const g = await near.remoteValue.f();
    const late = (f as RemoteFunction<() => number>).signal;
    far.abort("enough");
    const reason = await near.closed;
    assertStrictEquals(late.reason, reason);
    assertStrictEquals(g.signal.reason, reason);
    assertEquals((await failure(f())).code, reason.code);
  },
);

overEach(
  "onRelease tells that a peer holds an object no more",
  async (pair) => {
    const { near, far } = pair;
    const released: string[] = [];
    const keep = (name: string) => {
      const onRelease = () => released.push(name);
      return makeRemoteObject({ name: () => name }, { onRelease });
    };
    far.serve({ keep, bad: () => [keep("unsent"), Symbol("no")] });
    const [one, two] = [
      await near.remoteValue.keep("one"),
      await near.remoteValue.keep("two"),
    ];
    assert(isRemoteObject(one) && !isRemoteObject(keep("local")));
    one[Symbol.dispose]();
    await settled(pair);
    assertEquals(released, ["one"]);
    await failure(near.remoteValue.bad());
    assertEquals(released, ["one", "unsent"]);
    assertEquals(await two.remoteValue.name(), "two");
    near.abort();
    await far.closed;
    assertEquals(released, ["one", "unsent", "two"]);
  },
);

test("what onRelease throws is reported", async () => {
  const reports: unknown[] = [];
  const onError = (error: unknown, where: string) =>
    reports.push((error as Error).message, where);
  const [near, far] = wirePair({}, { onError });
  const onRelease = () => {
    throw new Error("too late");
  };
  far.serve({ open: () => makeRemoteObject({}, { onRelease }) });
  (await near.remoteValue.open())[Symbol.dispose]();
  await settled({ near, far });
  assertEquals(reports, ["too late", "onRelease"]);
  await near.close();
});

test("one wire's reference means nothing on another", async () => {
  const [near, far] = wirePair();
  const [here, there] = wirePair();
  far.serve({ f: () => () => 1 });
  there.serve({ echo: (x: unknown) => x });
  const f = await near.remoteValue.f();
  const error = await failure(here.remoteValue.echo(f));
  assertEquals(error.code, "unsupportedValue");
  assertEquals(await here.remoteValue.echo(1), 1);
  for (const wire of [near, here]) wire.abort();
  await Promise.all([far.closed, there.closed]);
});

test("what an unsent message carried is not counted", async () => {
  const [near, far] = wirePair();
  far.serve({ echo: () => {} });
  await near.opened;
  const f = () => {};
  const controller = new AbortController();
  const bad = await failure(near.remoteValue.echo(f, Symbol("no")));
  assertEquals(bad.code, "unsupportedValue");
  assertEquals(near.stats().objectsExported, 0);
  await failure(
    near.with({ deadline: 0 }).remoteValue.echo(f),
  );
  controller.abort();
  await failure(near.with({ signal: controller.signal }).remoteValue.echo(f));
  assertEquals(near.stats().objectsExported, 0);
  // A call that waits for its turn, and is given up there.
  const busy = Array.from({ length: 1_000 }, () => near.remoteValue.echo());
  const waiting = new AbortController();
  const late = near.with({ signal: waiting.signal }).remoteValue.echo(f);
  assertEquals(near.stats().objectsExported, 1);
  waiting.abort();
  await failure(late);
  assertEquals(near.stats().objectsExported, 0);
  await Promise.all(busy);
  near.abort();
  await far.closed;
});

test("what comes with abandoned calls is released", async () => {
  const [near, far] = wirePair();
  const gate = Promise.withResolvers<void>();
  far.serve({
    late: async () => {
      await gate.promise;
      return [() => 1, (async function* () {})()];
    },
  });
  const controller = new AbortController();
  const call = near.with({ signal: controller.signal }).remoteValue.late();
  await near.ping();
  controller.abort();
  await failure(call);
  gate.resolve();
  // An argument for a function that there is not.
  await failure(near.remoteValue.nothing(() => 2));
  await settled({ near, far });
  for (const wire of [near, far]) {
    const { objectsExported, streamsSending } = wire.stats();
    assertEquals([objectsExported, streamsSending], [0, 0]);
  }
  near.abort();
  await far.closed;
});

test("a console shows where references come from, and nothing behind them", async () => {
  const [near, far] = wirePair();
  far.serve({ open: () => makeRemoteObject({}), lend: () => () => 1 });
  const handshake = near.remoteValue.open();
  const opened = await handshake;
  const lent = await near.remoteValue.lend();
  assertEquals(
    [opened, lent, makeRemoteObject({}), handshake].map(inspect),
    [
      'RemoteObject(the result of "open")',
      'RemoteObject(the result of "lend")',
      "RemoteObject(of this process)",
      "RemotePromise { await it }",
    ],
  );
  opened[Symbol.dispose]();
  lent[Symbol.dispose]();
  await near.close();
  await far.closed;
});

test("close() reports references that nobody released", async () => {
  const reports: [string, string][] = [];
  const onError = (error: unknown, where: string) =>
    reports.push([(error as Error).message, where]);
  const [near, far] = wirePair({ onError });
  far.serve({ open: () => () => 1, brief: () => () => 2 });
  await near.remoteValue.open();
  {
    using _brief = await near.remoteValue.brief();
  }
  await near.close();
  await far.closed;
  assertEquals(reports.length, 1);
  assert(reports[0]![0].includes('the result of "open"'), reports[0]![0]);
  assert(!reports[0]![0].includes("brief"), reports[0]![0]);
  assertEquals(reports[0]![1], "closing");
});

test("close() reports no reference that was called on before it came", async () => {
  const passOn: Middleware<Wire> = (_call, next) => next();
  for (const callThrough of [[], [passOn]]) {
    const reports: string[] = [];
    const [near, far] = wirePair({
      callThrough,
      onError: (error) => reports.push((error as Error).message),
    });
    far.serve({
      open: () => makeRemoteObject({ read: (n: number) => n }),
      lend: () => () => 1,
      take: (_lent: unknown) => {},
    });
    assertEquals(await near.remoteValue.open().remoteValue.read(3), 3);
    await near.remoteValue.take(near.remoteValue.lend());
    assertEquals(near.stats().objectsImported, 2);
    await near.close();
    await far.closed;
    assertEquals(reports, []);
  }
});

test("a wire whose peer closes reports nothing", async () => {
  const reports: unknown[] = [];
  const [near, far] = wirePair({}, { onError: (error) => reports.push(error) });
  let kept: unknown;
  far.serve({ keep: (f: unknown) => void (kept = f) });
  await near.remoteValue.keep(() => 1);
  await near.close();
  await far.closed;
  await settle();
  assert(kept !== undefined);
  assertEquals(reports, []);
});
