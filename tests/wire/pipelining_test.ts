/**
 * Calls on results that are not there yet, and with them as arguments. Round
 * trips are counted by a transport that lets one direction through at a time.
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  type CallContext,
  makeRemoteObject,
  makeWire,
  memoryTransports,
  RemoteError,
  type RemoteObject,
  type Transport,
  type Wire,
  wirePair,
} from "../../wire/mod.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";
import { overEach } from "../_transports.ts";

/** Holds what is written until it is let through. */
function held(transport: Transport): { transport: Transport; pass(): boolean } {
  let waiting: (() => void)[] = [];
  return {
    transport: {
      address: transport.address,
      local: true,
      read: () => transport.read(),
      async write(bytes) {
        await new Promise<void>((resolve) => waiting.push(resolve));
        return await transport.write(bytes);
      },
      closeWrite: () => transport.closeWrite(),
      close: () => transport.close(),
    },
    pass() {
      const passing = waiting;
      waiting = [];
      for (const resolve of passing) resolve();
      return passing.length > 0;
    },
  };
}

/** Two wires whose bytes travel only when they are told to. */
class Distance implements AsyncDisposable {
  readonly near: Wire;
  readonly far: Wire;
  readonly #there: () => boolean;
  readonly #back: () => boolean;

  constructor() {
    const [a, b] = memoryTransports();
    const [there, back] = [held(a), held(b)];
    this.near = makeWire(there.transport);
    this.far = makeWire(back.transport);
    this.#there = there.pass;
    this.#back = back.pass;
  }

  async open(): Promise<this> {
    await this.trips(Promise.all([this.near.opened, this.far.opened]));
    return this;
  }

  /** How many round trips it takes until a promise is settled. */
  async trips(promise: Promise<unknown>): Promise<number> {
    let isSettled = false;
    promise.then(() => isSettled = true, () => isSettled = true);
    let count = 0;
    for (; !isSettled && count < 50; count++) {
      for (const pass of [this.#there, this.#back]) {
        await settle();
        // Whatever was waiting by now arrives together.
        while (pass()) await settle();
      }
    }
    return count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.near.abort();
    this.far.abort();
    const ended = Promise.all([this.near.closed, this.far.closed]);
    await this.trips(ended);
  }
}

class File {
  readonly #name: string;
  static open = 0;

  constructor(name: string) {
    this.#name = name;
    File.open++;
  }

  read(): string {
    return `what ${this.#name} holds`;
  }

  parent(): RemoteObject<File> {
    return makeRemoteObject(new File(`${this.#name}/..`));
  }
}

const SERVED = {
  open: (name: string) => makeRemoteObject(new File(name)),
  openLater: async (name: string) => {
    await settle();
    return makeRemoteObject(new File(name));
  },
  add: (a: number, b: number) => a + b,
  addLater: async (a: number, b: number) => {
    await settle();
    return a + b;
  },
  record: () => ({ at: new Date(5), list: [1, 2] }),
  recordLater: async () => (await settle(), { list: [1, 2] }),
  sizeOf: (x: { list: number[] }) => x.list.length,
  echo: (x: unknown) => x,
  causeOf: (x: Error) => x.cause,
  text: (length: number) => "x".repeat(length),
  lengthOf: (x: string) => x.length,
  boom() {
    throw Object.assign(new RangeError("boom"), { n: 1 });
  },
  boomLater: async () => {
    await settle();
    throw new RangeError("boom later");
  },
  twice: () => (n: number) => n * 2,
};

/** Chains, what they give, and how many round trips they may take. */
const CHAINS: [string, (wire: Wire) => Promise<unknown>, unknown, number][] = [
  [
    "a call of a result",
    ({ remoteValue }) => remoteValue.open("a").remoteValue.read(),
    "what a holds",
    1,
  ],
  [
    "a call of a result that takes time",
    ({ remoteValue }) => remoteValue.openLater("a").remoteValue.read(),
    "what a holds",
    1,
  ],
  [
    "a chain of calls",
    ({ remoteValue }) =>
      remoteValue.openLater("a").remoteValue.parent().remoteValue.parent()
        .remoteValue.read(),
    "what a/../.. holds",
    1,
  ],
  [
    "a call of a function that is a result",
    ({ remoteValue }) => remoteValue.twice().remoteValue(21),
    42,
    1,
  ],
  [
    "all values of a call of a result",
    ({ remoteValue }) => remoteValue.open("b").remoteValues.read(),
    ["what b holds"],
    1,
  ],
  [
    "results as arguments",
    ({ remoteValue }) =>
      remoteValue.add(remoteValue.add(1, 2), remoteValue.addLater(3, 4)),
    10,
    1,
  ],
  [
    "a result deep in an argument",
    ({ remoteValue }) =>
      remoteValue.echo([
        new Map([["sum", { is: remoteValue.addLater(1, 2) }]]),
        new Set([[remoteValue.addLater(2, 2)]]),
      ]),
    [new Map([["sum", { is: 3 }]]), new Set([[4]])],
    1,
  ],
  [
    "a result within an error",
    ({ remoteValue }) =>
      remoteValue.causeOf(new Error("", { cause: remoteValue.addLater(2, 2) })),
    4,
    1,
  ],
  [
    "data as an argument",
    ({ remoteValue }) => remoteValue.sizeOf(remoteValue.record()),
    2,
    1,
  ],
  [
    "data that takes time",
    ({ remoteValue }) => remoteValue.sizeOf(remoteValue.recordLater()),
    2,
    1,
  ],
  [
    "a long text",
    ({ remoteValue }) => remoteValue.lengthOf(remoteValue.text(50_000)),
    50_000,
    1,
  ],
];

for (const [what, call, expected, most] of CHAINS) {
  test(`${what} takes ${most} round trip`, async () => {
    await using distance = await new Distance().open();
    const { near, far } = distance;
    far.serve(SERVED);
    const result = call(near);
    const trips = await distance.trips(result);
    assertEquals(await result, expected);
    assertEquals(trips, most);
  });
}

overEach(
  "pipelined calls give what awaited ones give",
  async ({ near, far }) => {
    far.serve(SERVED);
    for (const [, call, expected] of CHAINS) {
      assertEquals(await call(near), expected);
    }
  },
);

test("a call after await takes two round trips", async () => {
  await using distance = await new Distance().open();
  const { near, far } = distance;
  far.serve(SERVED);
  const result = (async () => {
    using file = await near.remoteValue.open("a");
    return await file.remoteValue.read();
  })();
  assertEquals(await distance.trips(result), 2);
});

test("a result that came already is used as it is", async () => {
  await using distance = await new Distance().open();
  const { near, far } = distance;
  far.serve(SERVED);
  const [file, sum] = [near.remoteValue.open("a"), near.remoteValue.add(1, 2)];
  await distance.trips(Promise.all([file, sum]));
  const later = Promise.all([
    file.remoteValue.read(),
    near.remoteValue.add(sum, sum),
    file.remote.read(),
  ]);
  assertEquals(await distance.trips(later), 1);
  assertEquals((await later).slice(0, 2), ["what a holds", 6]);
});

test("a result that was answered while its use was on its way", async () => {
  await using distance = await new Distance().open();
  const { near, far } = distance;
  far.serve(SERVED);
  const calls = [
    near.remoteValue.open("a"),
    near.remoteValue.add(1, 2),
    near.remoteValue.record(),
    near.remoteValue.text(9_000),
  ] as const;
  // The calls arrive, their answers do not: they are given in another chunk.
  const [file, sum, record, text] = calls;
  const first = Promise.withResolvers<void>();
  const trips = distance.trips(first.promise);
  await far.opened;
  for (let turn = 0; turn < 40 && far.stats().callsServed < 4; turn++) {
    await settle();
  }
  const uses = Promise.all([
    file.remoteValue.read(),
    near.remoteValue.add(sum, 1),
    near.remoteValue.sizeOf(record),
    near.remoteValue.lengthOf(text),
  ]);
  first.resolve();
  await trips;
  await distance.trips(uses);
  assertEquals(await uses, ["what a holds", 4, 2, 9_000]);
});

overEach(
  "what a call throws, those throw that need it",
  async ({ near, far }) => {
    let ran = 0;
    far.serve({ ...SERVED, ran: () => ++ran });
    for (const name of ["boom", "boomLater"]) {
      const base = near.remoteValue[name]();
      const error = await failure(base.remoteValue.read());
      assert(error instanceof RemoteError);
      assertEquals(error.name, "RangeError");
      assert(error.message.startsWith("boom"));
      const other = await failure(
        near.remoteValue.ran(
          near.remoteValue[name](),
          near.remoteValue.add(1, 1),
        ),
      );
      assertEquals(other.name, "RangeError");
      await failure(base);
    }
    assertEquals(ran, 0);
    const none = await failure(near.remoteValue.nothing().remoteValue.read());
    assertEquals(none.code, "noSuchFunction");
    const data = await failure(near.remoteValue.add(1, 2).remoteValue.read());
    assertEquals(data.code, "noSuchFunction");
    const missing = await failure(
      near.remoteValue.open("a").remoteValue.write(),
    );
    assertEquals(missing.code, "noSuchFunction");
  },
);

overEach(
  "an object that returns to its owner by way of a result is itself",
  async (pair) => {
    const { near, far } = pair;
    const file = new File("mine");
    const came: unknown[] = [];
    far.serve({
      ...SERVED,
      mine: () => makeRemoteObject(file),
      take: (x: unknown) => void came.push(x),
      callBack: (f: (n: number) => Promise<number>) => f,
    });
    await near.remoteValue.take(near.remoteValue.mine());
    assertStrictEquals(came[0], file);
    // A function of the caller's own, through the callee and back.
    const own = (n: number) => n + 1;
    assertEquals(await near.remoteValue.callBack(own).remoteValue(41), 42);
    await near.remoteValue.take(near.remoteValue.callBack(own));
    assertEquals(await (came[1] as (n: number) => Promise<number>)(1), 2);
  },
);

const DATA: [string, unknown][] = [
  ["push", [1]],
  ["set", new Map()],
  ["add", new Set()],
  ["setTime", new Date(0)],
  ["fill", new Uint8Array(2)],
  [
    "method",
    new (class Service {
      method() {
        throw new Error("This was called.");
      }
    })(),
  ],
  ["__lookupGetter__", { a: 1 }],
];

for (const [name, data] of DATA) {
  overEach(
    `a result that is data has no ${name}() to be called`,
    async (pair) => {
      const { near, far } = pair;
      const before = Deno.inspect(data);
      far.serve({ now: () => data, later: async () => (await settle(), data) });
      for (const base of [near.remoteValue.now(), near.remoteValue.later()]) {
        const settled = base.catch(() => {});
        const error = await failure(base.remoteValue[name]!("evil"));
        assert(["noSuchFunction", "unsupportedValue"].includes(error.code));
        await settled;
        const late = await failure(base.remoteValue[name]!("evil"));
        assert(["noSuchFunction", "unsupportedValue"].includes(late.code));
      }
      assertEquals(Deno.inspect(data), before);
    },
  );
}

overEach("copies of results are of their own", async ({ near, far }) => {
  const inner = { list: [1] };
  const kept: { list: number[] }[] = [];
  far.serve({
    inner: () => inner,
    keep(x: { list: number[] }) {
      kept.push(x);
      x.list.push(2);
    },
  });
  await near.remoteValue.keep(near.remoteValue.inner());
  assertEquals(kept, [{ list: [1, 2] }]);
  assertEquals(inner, { list: [1] });
});

overEach(
  "a deep chain, and many that need one result",
  async ({ near, far }) => {
    far.serve({
      ...SERVED,
      start: async () => (await settle(), 0),
      next: (n: number) => n + 1,
    });
    let chain = near.remoteValue.start();
    for (let n = 0; n < 5_000; n++) chain = near.remoteValue.next(chain);
    assertEquals(await chain, 5_000);
    const base = near.remoteValue.start();
    const all = Array.from(
      { length: 5_000 },
      () => near.remoteValue.next(base),
    );
    assertEquals(new Set(await Promise.all(all)), new Set([1]));
  },
);

test("100,000 calls that need one result are all answered", async () => {
  const [near, far] = wirePair();
  far.serve({
    start: async () => (await settle(), 0),
    next: (n: number) => n + 1,
  });
  const base = near.remoteValue.start();
  const calls = Array.from(
    { length: 100_000 },
    () => near.remoteValue.next(base),
  );
  assertEquals(new Set(await Promise.all(calls)), new Set([1]));
  await Promise.all([near.close(), far.close()]);
});

overEach("ids are not mixed up under load", async ({ near, far }) => {
  far.serve(SERVED);
  const results = [];
  for (let n = 0; n < 3_000; n++) {
    const base = near.remoteValue[n % 3 ? "add" : "addLater"](n, n);
    results.push(near.remoteValue.add(base, n % 7 === 0 ? base : 1));
    if (n % 100 === 0) await near.remoteValue.add(1, 1);
  }
  const expected = results.map((_, n) => 2 * n + (n % 7 === 0 ? 2 * n : 1));
  assertEquals(await Promise.all(results), expected);
});

test("a cancelled call fails those that need it, or they go on", async () => {
  await using distance = await new Distance().open();
  const { near, far } = distance;
  let ran = 0;
  far.serve({
    async slow(this: CallContext) {
      await new Promise((resolve) => this.signal.onabort = resolve);
      throw this.signal.reason;
    },
    use: () => ++ran,
  });
  const controller = new AbortController();
  const base = near.with({ signal: controller.signal }).remoteValue.slow();
  const use = near.remoteValue.use(base);
  const failing = failure(base);
  const sent = failure(use);
  await distance.trips(near.ping());
  controller.abort();
  assertEquals((await failing).code, "cancelled");
  await distance.trips(sent);
  assertEquals((await sent).name, "WireError");
  assertEquals(ran, 0);
  const late = await failure(near.remoteValue.use(base));
  assertEquals(late.code, "cancelled");
});

test("a result that is to come is no argument of one-way calls", async () => {
  await using distance = await new Distance().open();
  const { near, far } = distance;
  far.serve(SERVED);
  const sum = near.remoteValue.add(1, 2);
  assertEquals(
    (await failure(near.remote.add(sum, 1))).code,
    "unsupportedValue",
  );
  assertEquals(
    (await failure(near.outputObject(sum))).code,
    "unsupportedValue",
  );
  await distance.trips(sum);
  const plain = await failure(near.remoteValue.echo(Promise.resolve(1)));
  assertEquals(plain.code, "unsupportedValue");
  assert(plain.message.includes("Await it"), plain.message);
  const sending = near.remote.add(sum, 1);
  await distance.trips(sending);
  await sending;
});

test("a call that waits for another wire's result can be given up", async () => {
  await using one = await new Distance().open();
  await using other = await new Distance().open();
  const never = one.near.remoteValue.never();
  const lost = failure(never);
  const controller = new AbortController();
  const call = other.near.with({ signal: controller.signal, deadline: 60_000 })
    .remoteValue.echo(never);
  const error = failure(call);
  await settle();
  controller.abort("enough");
  const { code, sent, cause } = await error;
  assertEquals([code, sent, cause], ["cancelled", "notSent", "enough"]);
  const late = await failure(
    other.near.with({ deadline: 5 }).remoteValue.echo(never),
  );
  assertEquals([late.code, late.sent], ["deadline", "notSent"]);
  one.near.abort();
  await lost;
});

test("a result of another wire is sent once it is there", async () => {
  await using one = await new Distance().open();
  await using other = await new Distance().open();
  one.far.serve(SERVED);
  other.far.serve(SERVED);
  const sum = one.near.remoteValue.add(1, 2);
  const more = other.near.remoteValue.add(sum, 4);
  await one.trips(sum);
  await other.trips(more);
  assertEquals(await more, 7);
});

test("a list of values that is not there yet can be an argument, too", async () => {
  await using distance = await new Distance().open();
  const { near, far } = distance;
  far.serve(SERVED);
  const list = near.remoteValue.echo(near.remoteValues.add(1, 2));
  await distance.trips(list);
  assertEquals(await list, [3]);
});
