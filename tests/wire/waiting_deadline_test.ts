import { assert, assertEquals } from "@std/assert";
import {
  type CallContext,
  type Middleware,
  type Wire,
  WireError,
  type WireOptions,
  wirePair,
} from "../../mod.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";

/** Two ends with one clock, of which the far one serves one call at a time. */
function pair(
  near: WireOptions = {},
  limits: WireOptions["limits"] = {},
  onError: WireOptions["onError"] = () => {},
) {
  const clock = new FakeClock();
  const gates: PromiseWithResolvers<void>[] = [];
  const ran: string[] = [];
  const [wire, far] = wirePair(
    { clock, onError() {}, ...near },
    { clock, onError, limits: { calls: 1, ...limits } },
  );
  far.serve({
    hold() {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      return gate.promise;
    },
    left(this: CallContext, ...args: unknown[]) {
      ran.push("left");
      return [this.deadline ?? -1, args];
    },
    echo: (x: unknown) => x,
  });
  return {
    clock,
    wire: wire as Wire,
    far,
    ran,
    release: () => gates.shift()?.resolve(),
    async [Symbol.asyncDispose]() {
      wire.abort();
      await Promise.all([wire.closed, far.closed]);
    },
  };
}

const caught = (promise: Promise<unknown>): Promise<WireError> =>
  promise.then((value) => {
    throw new Error(`${value} came`);
  }, (error) => error);

/** Arguments of every way in which a message is encoded. */
const ARGUMENTS: Record<string, unknown[]> = {
  none: [],
  plain: [1, "two"],
  textual: [Array.from({ length: 30 }, (_, n) => `text ${n}`), "end"],
  bytes: [new Uint8Array(300).fill(7)],
  "in pieces": [new Uint8Array(200_000).fill(9), "behind it"],
};

for (const [what, args] of Object.entries(ARGUMENTS)) {
  test(`a call that waited tells what is left of its deadline: ${what}`, async () => {
    await using place = pair();
    const { clock, wire } = place;
    await wire.opened;
    // A string section follows a message that had much text.
    await wire.remoteValue.echo(ARGUMENTS.textual);
    const cases: [deadline: number, waited: number][] = [
      [100, 1],
      [128, 0],
      [128, 1],
      [200, 150],
      [20_000, 3_000],
      [20_000, 4_000],
      [20_000, 19_999],
      [2 ** 21, 2 ** 21 - 1],
      [2 ** 31 + 5, 2 ** 30],
      [2 ** 32 - 1, 2 ** 32 - 300],
    ];
    for (const [deadline, waited] of cases) {
      const held = wire.remoteValue.hold();
      const call = wire.with({ deadline }).remoteValue.left(...args);
      const behind = wire.remoteValue.echo("behind it");
      await settle();
      await clock.advance(waited);
      place.release();
      const [left, came] = await call as [number, unknown[]];
      assertEquals(left, deadline - waited);
      assertEquals(came, args);
      assertEquals(await behind, "behind it");
      await held;
    }
  });
}

test("deadlines of any length work", async () => {
  await using place = pair();
  const { clock, wire } = place;
  for (const deadline of [2 ** 31, 2 ** 32, 1e300, Infinity]) {
    const call = wire.with({ deadline }).remoteValue.left();
    const [left] = await call as [number];
    assertEquals(left, deadline < 2 ** 32 ? deadline : -1);
  }
  const held = wire.with({ deadline: Infinity }).remoteValue.hold();
  await settle();
  await clock.advance(2 ** 33);
  place.release();
  await held;
  for (const deadline of [NaN, "100", null, {}]) {
    const options = { deadline } as { deadline: number };
    const error = await caught(wire.with(options).remoteValue.left());
    assertEquals(error.code, "invalidArgument");
  }
  for (const deadline of [0, -1, -Infinity]) {
    const error = await caught(wire.with({ deadline }).remoteValue.left());
    assertEquals([error.code, error.sent], ["deadline", "notSent"]);
  }
});

test("a call whose deadline passes in the queue fails in time, and never runs", async () => {
  await using place = pair();
  const { clock, wire, ran } = place;
  await wire.opened;
  const held = wire.remoteValue.hold();
  const call = caught(wire.with({ deadline: 100 }).remoteValue.left());
  await settle();
  await clock.advance(100);
  const error = await call;
  assertEquals([error.code, error.sent], ["deadline", "notSent"]);
  place.release();
  await held;
  assertEquals(await wire.remoteValue.echo(1), 1);
  assertEquals(ran, []);
});

test("a call whose timer is late never runs either", async () => {
  await using place = pair();
  const { clock, wire, ran } = place;
  await wire.opened;
  const held = wire.remoteValue.hold();
  const call = caught(wire.with({ deadline: 100 }).remoteValue.left());
  await settle();
  // The process computes: what came is read before timers are looked at.
  clock.standStill(200);
  place.release();
  await held;
  const error = await call;
  assertEquals([error.code, error.sent], ["deadline", "notSent"]);
  assertEquals(await wire.remoteValue.echo(1), 1);
  assertEquals(ran, []);
});

test("what needs a call whose timer is late is given up with it", async () => {
  await using place = pair();
  const { clock, wire } = place;
  await wire.opened;
  const held = wire.remoteValue.hold();
  const base = wire.with({ deadline: 100 }).remoteValue.left();
  const call = caught(wire.remoteValue.echo(base));
  await settle();
  clock.standStill(200);
  place.release();
  await held;
  assertEquals((await caught(base)).code, "deadline");
  const error = await call;
  assertEquals([error.code, error.sent], ["cancelled", "notSent"]);
});

test("calls before the hello count the time until it comes", async () => {
  const clock = new FakeClock();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const [wire, far] = wirePair({ clock }, { clock, confirm: () => promise });
  let ran = 0;
  far.serve({
    left(this: CallContext) {
      ran++;
      return this.deadline;
    },
  });
  const late = caught(wire.with({ deadline: 100 }).remoteValue.left());
  const oneWay = caught(wire.with({ deadline: 100 }).remote.left());
  const left = wire.with({ deadline: 1_000 }).remoteValue.left();
  await settle();
  await clock.advance(600);
  for (const error of [await late, await oneWay]) {
    assertEquals([error.code, error.sent], ["deadline", "notSent"]);
  }
  resolve(true);
  assertEquals(await left, 400);
  assertEquals(ran, 1);
  await Promise.all([wire.close(), far.close()]);
});

test("one-way calls that wait heed deadline and signal, seen or not", async () => {
  const window = 1024;
  const { promise: gate, resolve } = Promise.withResolvers<void>();
  const seen: unknown[] = [];
  await using place = pair({}, { window });
  const { clock, wire, far } = place;
  far.serve({
    async fill(_bytes: Uint8Array) {
      await gate;
    },
    see(this: CallContext, n: number) {
      seen.push([n, this.deadline ?? -1]);
    },
  });
  await wire.opened;
  wire.remote.fill(new Uint8Array(window));
  const controller = new AbortController();
  const late = caught(wire.with({ deadline: 100 }).remote.see(1));
  wire.with({ deadline: 100 }).remote.see(2);
  const { signal } = controller;
  const cancelled = caught(wire.with({ signal }).remote.see(3));
  wire.with({ deadline: 500 }).remote.see(4);
  wire.remote.see(5);
  await settle();
  controller.abort("enough");
  assertEquals((await cancelled).code, "cancelled");
  await clock.advance(400);
  const error = await late;
  assertEquals([error.code, error.sent], ["deadline", "notSent"]);
  assertEquals(wire.stats().callsWaiting, 0);
  resolve();
  await wire.remoteValue.echo(0);
  assertEquals(seen, [[4, 100], [5, -1]]);
});

test("one-way calls that wait to begin count that time, and never run when it is up", async () => {
  const told: string[] = [];
  await using place = pair({}, {}, (error) => {
    told.push((error as WireError).code);
  });
  const { clock, wire, far } = place;
  const seen: unknown[] = [];
  far.serve({
    see(this: CallContext, n: number) {
      seen.push([n, this.deadline ?? -1]);
    },
  });
  await wire.opened;
  wire.remote.hold();
  for (const deadline of [100, 101]) {
    wire.with({ deadline }).remote.see(deadline);
  }
  wire.remote.see(1);
  await settle();
  await clock.advance(100);
  assertEquals(far.stats().callsRunning, 4);
  place.release();
  await settle();
  assertEquals([seen, told], [[[101, 1], [1, -1]], ["deadline"]]);
  assertEquals(far.stats().callsRunning, 0);
});

test("windows stay exact where deadlines take fewer bytes in the end", async () => {
  await using place = pair({}, { window: 2048 });
  const { clock, wire, far } = place;
  let seen = 0;
  far.serve({ see: () => void seen++ });
  await wire.opened;
  for (let round = 0; round < 300; round++) {
    for (let n = 0; n < 40; n++) {
      wire.with({ deadline: 130 }).remote.see(new Uint8Array(100));
    }
    await clock.advance(10);
    await wire.remoteValue.echo(0);
  }
  assertEquals(seen, 300 * 40);
  assertEquals(wire.ended, undefined);
});

test("a call that waits for the result of another counts that time", async () => {
  await using place = pair({}, { calls: 10 });
  const { clock, wire, far, ran } = place;
  const { promise, resolve } = Promise.withResolvers<number>();
  far.serve({ slow: () => promise });
  await wire.opened;
  async function* numbers() {
    yield 1;
  }
  const slow = wire.remoteValue.slow();
  // With a stream, it is made once the result is there.
  const left = wire.with({ deadline: 1_000 }).remoteValue
    .left(slow, numbers());
  const late = caught(
    wire.with({ deadline: 500 }).remoteValue.left(slow, numbers()),
  );
  await settle();
  await clock.advance(600);
  const error = await late;
  assertEquals([error.code, error.sent], ["deadline", "notSent"]);
  resolve(5);
  const [told, args] = await left as [number, unknown[]];
  assertEquals(told, 400);
  assertEquals(args[0], 5);
  await (args[1] as ReadableStream | undefined)?.cancel?.();
  assertEquals(ran.length, 1);
});

test("middleware that waits uses up the deadline of its call", async () => {
  const clock = new FakeClock();
  const wait: Middleware = async (call, next) => {
    await new Promise<void>((resolve) =>
      clock.after(call.name === "slow" ? 600 : 300, resolve)
    );
    return await next();
  };
  let ran = 0;
  const [wire, far] = wirePair({ clock, callThrough: [wait, wait] }, { clock });
  far.serve({
    left(this: CallContext) {
      return this.deadline;
    },
    slow: () => void ran++,
  });
  await wire.opened;
  const left = wire.with({ deadline: 1_000 }).remoteValue.left();
  const late = caught(wire.with({ deadline: 500 }).remoteValue.slow());
  const controller = new AbortController();
  const { signal } = controller;
  const cancelled = caught(wire.with({ signal }).remoteValue.slow());
  await settle();
  controller.abort("enough");
  const given = await cancelled;
  assertEquals([given.code, given.sent], ["cancelled", "notSent"]);
  await clock.advance(500);
  const error = await late;
  assertEquals([error.code, error.sent], ["deadline", "notSent"]);
  await clock.advance(1_500);
  assertEquals(await left, 400);
  assertEquals(ran, 0);
  await wire.close();
  assert(wire.ended instanceof WireError);
});

test("a function that throws why it was given up fails its call with that code", async () => {
  const clock = new FakeClock();
  // The caller's own clock stands still: it hears of it from the peer.
  const [near, far] = wirePair({ clock: new FakeClock() }, { clock });
  far.serve({
    wait(this: CallContext) {
      return new Promise((_, reject) => {
        this.signal.onabort = () => reject(this.signal.reason);
      });
    },
  });
  const failed = caught(near.with({ deadline: 50 }).remoteValue.wait!());
  await settle();
  await clock.advance(60);
  const error = await failed;
  assert(error instanceof WireError, `${error}`);
  assertEquals(error.code, "deadline");
  near.abort();
  await Promise.all([near.closed, far.closed]);
});
