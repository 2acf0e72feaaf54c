/** Signals that live long: nothing listens to them any more once all is over. */

import { assertEquals, assertRejects } from "@std/assert";
import { type Middleware, Refusal } from "../../wire/mod.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { Place } from "./_keeping.ts";
import { countedSignal } from "./_listeners.ts";
import { anyPair } from "./_pair.ts";

test("the signal of a wire has no listener when the wire has ended", async () => {
  const counted = countedSignal();
  for (const end of ["close", "abort"] as const) {
    const [near, far] = anyPair({ signal: counted.signal });
    await near.opened;
    assertEquals(counted.listeners, 1);
    await Promise.all([near[end](), far.closed]);
    assertEquals(counted.listeners, 0, end);
  }
});

test("the signal of a kept connection has no listener when that has ended", async () => {
  const counted = countedSignal();
  for (const end of ["close", "abort"] as const) {
    await using place = new Place({ signal: counted.signal });
    await place.kept.opened;
    assertEquals(counted.listeners, 1);
    place.kept[end]();
    await place.kept.closed;
    assertEquals(counted.listeners, 0, end);
  }
});

/** What becomes of calls that middleware holds. */
const THROUGH: Readonly<Record<string, Middleware>> = {
  "lets through": (_call, next) => next(),
  "lets through later": async (_call, next) => {
    await 0;
    return await next();
  },
  "answers by itself": () => "answered",
  "refuses": () => {
    throw new Refusal("refused", "no");
  },
};

for (const [what, middleware] of Object.entries(THROUGH)) {
  test(`a call that middleware ${what} leaves no listener`, async () => {
    const clock = new FakeClock();
    const [near, far] = anyPair({ callThrough: [middleware], clock }, {
      functions: {
        echo: (value: unknown) => value,
        fail() {
          throw new Error("no");
        },
      },
    });
    await near.opened;
    const before = clock.timers;
    const counted = countedSignal();
    const options = { signal: counted.signal, deadline: 1_000 };
    const calls = near.with(options);
    await Promise.allSettled([
      calls.remoteValue.echo!(1),
      calls.remoteValues.echo!(2),
      calls.remoteValue.fail!(),
      calls.remote.echo!(3),
    ]);
    await near.ping();
    assertEquals([counted.listeners, clock.timers], [0, before]);
    assertEquals(counted.added > 0, true);
    near.abort();
    await far.closed;
  });
}

test("calls that wait for results leave no listener", async () => {
  const [near, far] = anyPair({}, {
    functions: {
      later: async (value: unknown) => (await settle(), value),
      fail: async () => {
        await settle();
        throw new Error("no");
      },
      pair: (...all: unknown[]) => all,
    },
  });
  const counted = countedSignal();
  const { remoteValue } = near.with({ signal: counted.signal });
  const large = near.remoteValue.later!("x".repeat(100_000));
  await remoteValue.pair!(large, near.remoteValue.later!(2));
  // What waits here, for it cannot follow.
  const other = (async () => await near.remoteValue.later!(3))();
  await assertRejects(() => remoteValue.pair!(near.remoteValue.fail!()));
  await remoteValue.pair!(await other);
  assertEquals(counted.listeners, 0);
  near.abort();
  await far.closed;
});
