/** close() does not wait for functions whose callers have given up. */

import { assertEquals } from "@std/assert";
import {
  type CallContext,
  type CallOptions,
  type Wire,
  type WireError,
  type WireOptions,
  wirePair,
} from "../../wire/mod.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";
import { anyPair } from "./_pair.ts";
import { lispPair } from "./cmucl/_lisp.ts";
import { macrotask } from "./_unhandled.ts";

/** A pair whose far side serves functions that heed nothing. */
function pair(far: WireOptions = {}) {
  const clock = new FakeClock();
  const gate = Promise.withResolvers<unknown>();
  const seen: string[] = [];
  const started = Promise.withResolvers<void>();
  const options = { clock, onError() {} };
  const [near, other] = wirePair(options, { ...options, ...far });
  other.serve({
    async hold(this: CallContext, ..._args: unknown[]) {
      this.signal.addEventListener("abort", () => seen.push("told"));
      started.resolve();
      const result = await gate.promise;
      seen.push("done");
      return result;
    },
    fine: () => 1,
  });
  return { near, far: other, clock, gate, seen, started: started.promise };
}

async function* endless() {
  for (;;) yield await Promise.resolve("item");
}

/** Ends within no time at all, for the clock stands still. */
async function ends(closing: Promise<void>): Promise<boolean> {
  let isClosed = false;
  closing.then(() => isClosed = true);
  for (let turn = 0; turn < 50 && !isClosed; turn++) await macrotask();
  return isClosed;
}

type Pair = ReturnType<typeof pair>;

/** How callers give up. */
const GIVING_UP: Record<string, (pair: Pair) => Promise<void>> = {
  async "a signal"({ near, started }) {
    const controller = new AbortController();
    const { signal } = controller;
    const call = near.with({ signal }).remoteValue.hold(endless());
    await started;
    controller.abort();
    assertEquals((await failure(call)).code, "cancelled");
  },
  async "a deadline"({ near, clock, started }) {
    const call = near.with({ deadline: 100 }).remoteValues.hold(endless());
    await started;
    clock.advance(200);
    assertEquals((await failure(call)).code, "deadline");
  },
  async "the deadline of a one-way call"({ near, clock, started }) {
    await near.with({ deadline: 100 }).remote.hold(endless());
    await started;
    clock.advance(200);
  },
};

for (const [how, giveUp] of Object.entries(GIVING_UP)) {
  for (const side of ["near", "far"] as const) {
    for (const when of ["before", "while"] as const) {
      test(`close() of the ${side} side does not wait for a function given up by ${how} ${when} it closes`, async () => {
        const all = pair();
        const { near, far, gate, seen } = all;
        await near.opened;
        if (when === "before") {
          await giveUp(all);
          await macrotask();
        }
        let closing: Promise<void>;
        if (when === "while") {
          const given = giveUp({
            ...all,
            started: all.started.then(() => {
              closing = all[side].close();
              return macrotask();
            }),
          });
          await given;
        } else {
          closing = all[side].close();
        }
        assertEquals(await ends(closing!), true);
        for (const wire of [near, far]) {
          assertEquals((await wire.closed).code, "closed");
        }
        assertEquals(seen, ["told"]);
        // What it comes to in the end is discarded.
        gate.resolve(endless());
        await macrotask();
        assertEquals(seen, ["told", "done"]);
      });
    }
  }
}

test("close() still waits for a function whose caller waits", async () => {
  for (const side of ["near", "far"] as const) {
    const all = pair();
    const { near, far, gate, started } = all;
    const given = new AbortController();
    const { signal } = given;
    const call = near.remoteValue.hold();
    const late = failure(near.with({ signal }).remoteValue.hold());
    await started;
    given.abort();
    assertEquals((await late).code, "cancelled");
    const closing = all[side].close();
    assertEquals(await ends(closing), false);
    assertEquals(far.stats().callsRunning, 1);
    gate.resolve("answer");
    assertEquals(await call, "answer");
    await closing;
    assertEquals((await near.closed).code, "closed");
    await far.closed;
  }
});

test("close() does not wait for middleware that holds a call given up", async () => {
  const gate = Promise.withResolvers<void>();
  const all = pair({
    serveThrough: [async (_call, next) => {
      await gate.promise;
      return await next();
    }],
  });
  const { near, far } = all;
  const call = near.with({ deadline: 100 }).remoteValue.fine();
  await near.opened;
  await macrotask();
  all.clock.advance(200);
  assertEquals((await failure(call)).code, "deadline");
  assertEquals(await ends(near.close()), true);
  await far.closed;
  gate.resolve();
  await macrotask();
});

test("a function given up is answered for once", async () => {
  const all = pair();
  const { near, far, gate } = all;
  await GIVING_UP["a signal"]!(all);
  const closing = far.close();
  gate.resolve("late");
  await closing;
  assertEquals((await near.closed).code, "closed");
  assertEquals((await far.closed).code, "closed");
});

test("close() of a wire to a Lisp does not wait for an answer given up", async () => {
  const gate = Promise.withResolvers<void>();
  const clock = new FakeClock();
  await using lisp = lispPair({ clock });
  const near: Wire = lisp.near;
  lisp.far.serve({ hold: () => gate.promise });
  await near.opened;
  const giveUp = async (options: CallOptions, end: () => void) => {
    const call = near.with(options).remoteValue.hold();
    await macrotask();
    const late: Promise<WireError> = failure(call);
    end();
    return (await late).code;
  };
  const controller = new AbortController();
  const { signal } = controller;
  assertEquals(await giveUp({ signal }, () => controller.abort()), "cancelled");
  let isLeaving: Promise<void> | undefined;
  const code = await giveUp({ deadline: 100 }, () => {
    isLeaving = near.close();
    clock.advance(200);
  });
  assertEquals(code, "deadline");
  assertEquals(await ends(isLeaving!), true);
  gate.resolve();
});

test("a stream that comes of a function given up is cancelled", async () => {
  const all = pair();
  const { near, far, gate } = all;
  await GIVING_UP["a signal"]!(all);
  const held = near.remoteValue.hold().catch(() => {});
  await macrotask();
  const closing = far.close();
  await macrotask();
  const cancelled = Promise.withResolvers<void>();
  gate.resolve(new ReadableStream({ cancel: () => cancelled.resolve() }));
  await cancelled.promise;
  await held;
  near.abort();
  await closing;
});

test("a one-way call given up gives credit once", async () => {
  const gates: (() => void)[] = [];
  const clock = new FakeClock();
  const wait = () => new Promise<void>((resolve) => gates.push(resolve));
  const [near, far] = anyPair({ onError() {} }, {
    clock,
    limits: { window: 200 },
    functions: { wait },
  });
  await near.opened;
  await near.with({ deadline: 1_000 }).remote.wait("x".repeat(100));
  const call = near.remoteValue.wait();
  await settle();
  const closing = far.close();
  await settle();
  await clock.advance(1_000);
  // The wire is still there when its function returns.
  for (const open of gates) open();
  await call;
  await Promise.all([closing, near.closed]);
  assertEquals((await far.closed).code, "closed");
  assertEquals((await near.closed).code, "closed");
});
