/**
 * Middleware around calls that are served, and around calls that are made.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type CallContext,
  makeWire,
  memoryTransports,
  type Middleware,
  type MiddlewareCall,
  Refusal,
  RemoteError,
  Values,
  values,
  type Wire,
  WireError,
  type WireOptions,
  wirePair,
} from "../../wire/mod.ts";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { FakeClock } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { fate } from "./_keeping.ts";

/** A middleware that notes when it is entered and left. */
function noting(log: string[], name: string): Middleware {
  return async (_call, next) => {
    log.push(`${name} in`);
    const result = await next();
    log.push(`${name} out`);
    return result;
  };
}

/** What a middleware was told, without what is an object of its own. */
function told(call: MiddlewareCall): unknown {
  const { side, kind, name, object, args, metadata } = call;
  return { side, kind, name, object, args, metadata: { ...metadata } };
}

function pair(near: WireOptions, far: WireOptions): [Wire, Wire] {
  const pair = wirePair(near, far);
  pair[1].serve({
    add: (a: number, b: number) => a + b,
    divmod: (a: number, b: number) => values(Math.floor(a / b), a % b),
    fail: () => {
      throw new RangeError("no");
    },
    metadata(this: CallContext) {
      return { ...this.metadata };
    },
    left(this: CallContext) {
      return this.deadline ?? Infinity;
    },
  });
  return pair;
}

for (const side of ["serveThrough", "callThrough"] as const) {
  test(`${side} runs middleware from the first to the last and back`, async () => {
    const log: string[] = [];
    const options = { [side]: [noting(log, "a"), noting(log, "b")] };
    const [near] = side === "callThrough"
      ? pair(options, {})
      : pair({}, options);
    assertEquals(await near.remoteValue.add(40, 2), 42);
    assertEquals(log, ["a in", "b in", "b out", "a out"]);
    await near.close();
  });

  test(`${side} tells of the call, whatever its kind`, async () => {
    const calls: unknown[] = [];
    const wires: unknown[] = [];
    const middleware: Middleware<Wire> = (call, next) => {
      calls.push(told(call));
      wires.push(call.wire);
      return next();
    };
    const options = { [side]: [middleware] };
    const isCalling = side === "callThrough";
    const [near, far] = isCalling ? pair(options, {}) : pair({}, options);
    const tagged = near.with({ metadata: { user: "alice" } });
    assertEquals(await tagged.remoteValue.divmod(17, 5), 3);
    assertEquals(await near.remoteValues.divmod(17, 5), [3, 2]);
    await near.remote.add(1, 2);
    assertEquals(await near.call("add", [1, 2]), 3);
    await near.send("add", [1, 2]);
    await near.close();
    const call = (
      kind: string,
      name: string,
      args: number[],
      metadata = {},
    ) => ({
      side: isCalling ? "calling" : "serving",
      kind,
      name,
      object: undefined,
      args,
      metadata,
    });
    assertEquals(calls, [
      call("value", "divmod", [17, 5], { user: "alice" }),
      call("values", "divmod", [17, 5]),
      call("oneWay", "add", [1, 2]),
      call("value", "add", [1, 2]),
      call("oneWay", "add", [1, 2]),
    ]);
    assert(wires.every((wire) => wire === (isCalling ? near : far)));
  });

  test(`${side} changes arguments and metadata, and what inner middleware sees`, async () => {
    const seen: unknown[] = [];
    const change: Middleware = (call, next) =>
      next({
        args: call.args.map((arg) => Number(arg) * 10),
        metadata: { ...call.metadata, by: "outer" },
      });
    const look: Middleware = (call, next) => {
      seen.push(call.args, { ...call.metadata });
      return next();
    };
    const options = { [side]: [change, look] };
    const [near] = side === "callThrough"
      ? pair(options, {})
      : pair({}, options);
    const tagged = near.with({ metadata: { user: "alice" } });
    assertEquals(await tagged.remoteValue.add(4, 2), 60);
    assertEquals(await tagged.remoteValue.metadata(), {
      user: "alice",
      by: "outer",
    });
    assertEquals(seen.slice(0, 2), [[40, 20], { user: "alice", by: "outer" }]);
    await near.close();
  });

  test(`${side} changes results, answers by itself, and may call again`, async () => {
    let runs = 0;
    const middleware: Middleware = async (call, next) => {
      if (call.name === "cached") return "from the cache";
      if (call.name === "twice") {
        await next().catch(() => {});
        return next();
      }
      const result = await next();
      return result instanceof Values ? result : Number(result) + 1;
    };
    const options = { [side]: [middleware] };
    const [near, far] = side === "callThrough"
      ? pair(options, {})
      : pair({}, options);
    far.serve({
      cached: () => "from the function",
      twice() {
        if (runs++ === 0) throw new Error("not yet");
        return runs;
      },
    });
    assertEquals(await near.remoteValue.add(40, 2), 43);
    assertEquals(await near.remoteValue.cached(), "from the cache");
    assertEquals(await near.remoteValue.twice(), 2);
    await near.close();
  });

  test(`${side} passes on what functions throw, and lets middleware turn it`, async () => {
    const seen: unknown[] = [];
    const middleware: Middleware = async (call, next) => {
      try {
        return await next();
      } catch (error) {
        seen.push((error as Error).name);
        if (call.metadata.calm !== undefined) return "calm";
        throw error;
      }
    };
    const options = { [side]: [middleware] };
    const [near] = side === "callThrough"
      ? pair(options, {})
      : pair({}, options);
    const error = await assertRejects(
      () => near.remoteValue.fail(),
      RemoteError,
    ) as RemoteError;
    assertEquals([error.name, error.message], ["RangeError", "no"]);
    const calm = near.with({ metadata: { calm: "" } });
    assertEquals(await calm.remoteValue.fail(), "calm");
    assertEquals(seen, ["RangeError", "RangeError"]);
    await near.close();
  });

  for (const how of ["throws", "rejects"]) {
    test(`${side} refuses a call when middleware ${how} a Refusal`, async () => {
      const refusal = new Refusal("permissionDenied", "Alice may not add.");
      const options: WireOptions = {
        [side]: [() => {
          if (how === "throws") throw refusal;
          return Promise.reject(refusal);
        }],
      };
      const [near] = side === "callThrough"
        ? pair(options, {})
        : pair({}, options);
      for (const call of [near.remoteValue, near.remoteValues]) {
        const error = await assertRejects(
          () => call.add(1, 2),
          WireError,
        ) as WireError;
        assertEquals(
          [error.code, error.message],
          ["permissionDenied", "Alice may not add."],
        );
      }
      await near.close();
    });
  }
}

test("serveThrough reports what it throws of one-way calls", async () => {
  const reported = Promise.withResolvers<[unknown, string]>();
  const refusal = new Refusal("refused", "not one way");
  const [near] = pair({}, {
    serveThrough: [(call, next) => {
      if (call.kind === "oneWay") throw refusal;
      return next();
    }],
    onError: (error, where) => reported.resolve([error, where]),
  });
  await near.remote.add(1, 2);
  assertEquals(await reported.promise, [refusal, 'one-way call of "add"']);
  await near.close();
});

test("serveThrough tells what throws something else as a RemoteError", async () => {
  const [near] = pair({}, {
    serveThrough: [() => {
      throw new WireError("timeout", "of another wire");
    }],
  });
  const error = await assertRejects(
    () => near.remoteValue.add(1, 2),
    RemoteError,
  ) as RemoteError;
  assertEquals([error.name, error.message], ["WireError", "of another wire"]);
  await near.close();
});

test("Refusal thrown by a function arrives as a WireError, shortened if need be", async () => {
  const [near, far] = wirePair();
  far.serve({
    now: () => {
      throw new Refusal("limit", "x".repeat(1e6));
    },
    later: () => Promise.reject(new Refusal("refused", "later")),
  });
  const now = await assertRejects(
    () => near.remoteValue.now(),
    WireError,
  ) as WireError;
  assertEquals([now.code, now.message.length], ["limit", 1_000]);
  const later = await assertRejects(
    () => near.remoteValue.later(),
    WireError,
  ) as WireError;
  assertEquals([later.code, later.message], ["refused", "later"]);
  await near.close();
});

test("serveThrough does not see calls of what is not served", async () => {
  const log: string[] = [];
  const [near] = pair({}, { serveThrough: [noting(log, "a")] });
  const error = await assertRejects(
    () => near.call("toString", []),
    WireError,
  ) as WireError;
  assertEquals([error.code, log], ["noSuchFunction", []]);
  await near.close();
});

test("serveThrough has the signal and the deadline of the caller", async () => {
  const aborted = Promise.withResolvers<unknown>();
  const [near] = pair({}, {
    serveThrough: [async (call, next) => {
      assert(call.deadline! > 0);
      call.signal!.addEventListener(
        "abort",
        () => aborted.resolve(call.signal!.reason.code),
      );
      await aborted.promise;
      return next();
    }],
  });
  const giveUp = new AbortController();
  const waiting = near.with({ signal: giveUp.signal, deadline: 60_000 })
    .remoteValue.add(1, 2);
  await near.ping();
  giveUp.abort();
  await assertRejects(() => waiting, WireError);
  assertEquals(await aborted.promise, "cancelled");
  await near.close();
});

test("callThrough gives calls a deadline and a signal", async () => {
  const giveUp = new AbortController();
  const [near] = pair({
    callThrough: [(call, next) =>
      next({
        deadline: call.deadline ?? 60_000,
        signal: AbortSignal.any([
          giveUp.signal,
          ...call.signal ? [call.signal] : [],
        ]),
      })],
  }, {});
  assert(await near.remoteValue.left() <= 60_000);
  assert(await near.with({ deadline: 1e6 }).remoteValue.left() > 60_000);
  giveUp.abort();
  const error = await assertRejects(
    () => near.remoteValue.add(1, 2),
    WireError,
  ) as WireError;
  assertEquals(error.code, "cancelled");
  await near.close();
});

test("callThrough sends at once where middleware waits for nothing", async () => {
  const came: unknown[] = [];
  const [near, far] = pair({ callThrough: [(_call, next) => next()] }, {});
  far.serve({ note: (list: number[]) => void came.push(...list) });
  await near.opened;
  const list = [1];
  const first = near.remoteValue.note(list);
  list[0] = 2;
  near.remote.note(list);
  list[0] = 3;
  await Promise.all([first, near.remoteValue.note(list)]);
  assertEquals(came, [1, 2, 3]);
  await near.close();
});

test("callThrough leaves one-way calls of a dead wire unreported", async () => {
  const [near, far] = pair({ callThrough: [(_call, next) => next()] }, {});
  await near.opened;
  near.abort();
  // Nobody awaits it: an unhandled rejection would fail this test.
  near.remote.add(1, 2);
  await assertRejects(() => near.remote.add(1, 2), WireError);
  await far.closed;
});

test("Wire without middleware calls functions with their own this, at once", async () => {
  const [near, far] = wirePair({}, { serveThrough: [] });
  let inside = 0;
  far.serve({ run: () => inside = far.stats().callsRunning });
  await near.remoteValue.run();
  assertEquals(inside, 0);
  await near.close();
});

test("cmucl() serves through middleware, and calls through it", async () => {
  const log: string[] = [];
  const note: Middleware = (call, next) => {
    log.push(`${call.side} ${call.kind} ${call.name}`);
    return next({ metadata: { not: "sent" } });
  };
  const [here, there] = memoryTransports();
  const near = makeWire(here, { dialect: cmucl(), callThrough: [note] });
  const far = makeWire(there, { dialect: cmucl(), serveThrough: [note] });
  far.serve({ "cl:+": (a: number, b: number) => a + b });
  assertEquals(await near.remoteValue["cl:+"](40, 2), 42);
  assertEquals(log, ["calling value cl:+", "serving value COMMON-LISP:+"]);
  await Promise.all([near.close(), far.close()]);
});

test("a call that middleware holds is not sent, and is told so at its deadline", async () => {
  const clock = new FakeClock();
  const gate = Promise.withResolvers<void>();
  const [near, far] = wirePair({
    clock,
    callThrough: [async (_call, next) => {
      await gate.promise;
      return await next();
    }],
  });
  await near.opened;
  const call = near.with({ deadline: 10 }).remoteValue.add(1, 2);
  const told = fate(call);
  await clock.advance(10);
  assertEquals(await told, "deadline notSent");
  gate.resolve();
  await near.close();
  await far.closed;
});
