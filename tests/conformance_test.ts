/**
 * What every wire does, over every transport.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type CallContext, RemoteError, type Wire, WireError } from "../mod.ts";
import { overEach } from "./_transports.ts";
import { values } from "../wire/rpc/context.ts";

/** The error of a promise that has to reject. */
async function failure(promise: Promise<unknown>): Promise<WireError> {
  return await assertRejects(() => promise, WireError) as WireError;
}

/** A promise that is settled from outside. */
function gate(): { opened: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

overEach("remoteValue() returns the value", async ({ near, far }) => {
  far.serve({
    add: (a: number, b: number) => a + b,
    later: (a: number) => Promise.resolve(a),
    nothing() {},
    "a/b": (n: number) => -n,
    "": () => "the empty name",
    "πρ": () => "Greek",
  });
  assertEquals(await near.remoteValue.add(40, 2), 42);
  assertEquals(await near.remoteValue.later(7), 7);
  assertEquals(await near.remoteValue.nothing(), undefined);
  assertEquals(await near.remoteValue["a/b"](1), -1);
  assertEquals(await near.remoteValue[""](), "the empty name");
  assertEquals(await near.remoteValue["πρ"](), "Greek");
  assertEquals(await near.call("add", [1, 2]), 3);
});

overEach("remoteValues() returns all values", async ({ near, far }) => {
  far.serve({
    divmod: (a: number, b: number) => values(Math.floor(a / b), a % b),
    one: () => 1,
    none: () => values(),
  });
  assertEquals(await near.remoteValues.divmod(17, 5), [3, 2]);
  assertEquals(await near.remoteValue.divmod(17, 5), 3);
  assertEquals(await near.remoteValues.one(), [1]);
  assertEquals(await near.remoteValues.none(), []);
  assertEquals(await near.remoteValue.none(), undefined);
});

overEach("remote() calls one way, in order", async ({ near, far }) => {
  const seen: number[] = [];
  far.serve({
    note: (n: number) => void seen.push(n),
    seen: () => seen,
  });
  for (let n = 0; n < 1_000; n++) near.remote.note(n);
  assertEquals(
    await near.remoteValue.seen(),
    Array.from({ length: 1_000 }, (_, n) => n),
  );
  assertEquals(far.stats().callsServed, 1_001);
});

overEach("calls are answered out of order", async ({ near, far }) => {
  const first = gate();
  far.serve({
    slow: () => first.opened.then(() => "slow"),
    quick: () => "quick",
  });
  const order: string[] = [];
  const slow = near.remoteValue.slow().then((v: string) => order.push(v));
  await near.remoteValue.quick().then((v: string) => order.push(v));
  first.open();
  await slow;
  assertEquals(order, ["quick", "slow"]);
});

overEach("calls go both ways at once and nest", async ({ near, far }) => {
  const countDown = (wire: Wire) => async (n: number): Promise<number> =>
    n === 0 ? 0 : 1 + await wire.remoteValue.count(n - 1);
  near.serve({ count: countDown(near) });
  far.serve({ count: countDown(far) });
  assertEquals(
    await Promise.all([
      near.remoteValue.count(100),
      far.remoteValue.count(99),
      near.remoteValue.count(1),
    ]),
    [100, 99, 1],
  );
});

overEach("the context names wire, function and time left", async (pair) => {
  const { near, far } = pair;
  far.serve({
    context(this: CallContext) {
      return [this.wire === far, this.functionName, this.deadline];
    },
  });
  const [isFar, name, none] = await near.remoteValue.context();
  assertEquals([isFar, name, none], [true, "context", undefined]);
  const [, , left] = await near.with({ deadline: 60_000 }).remoteValue
    .context();
  assert(left > 0 && left <= 60_000);
});

overEach("a signal cancels at both ends", async ({ near, far }) => {
  const begun = gate();
  const ended = Promise.withResolvers<WireError>();
  far.serve({
    wait(this: CallContext) {
      this.signal.addEventListener(
        "abort",
        () => ended.resolve(this.signal.reason),
      );
      begun.open();
      return ended.promise;
    },
  });
  const controller = new AbortController();
  const call = near.with({ signal: controller.signal }).remoteValue.wait();
  await begun.opened;
  controller.abort("enough");
  const error = await failure(call);
  assertEquals(error.code, "cancelled");
  assertEquals(error.sent, "maybeExecuted");
  assertEquals(error.cause, "enough");
  assertEquals((await ended.promise).code, "cancelled");
  const early = await failure(
    near.with({ signal: controller.signal }).remoteValue.wait(),
  );
  assertEquals([early.code, early.sent], ["cancelled", "notSent"]);
});

overEach("a deadline ends a call at both ends", async ({ near, far }) => {
  const ended = Promise.withResolvers<string>();
  far.serve({
    async wait(this: CallContext) {
      await new Promise((resolve) => this.signal.onabort = resolve);
      ended.resolve(this.signal.reason.code);
    },
  });
  // On a busy machine a deadline may pass before its call is handed over.
  for (let deadline = 30;; deadline *= 4) {
    const error = await failure(near.with({ deadline }).remoteValue.wait());
    assertEquals(error.code, "deadline");
    if (error.sent === "maybeExecuted") break;
    assertEquals(error.sent, "notSent");
    assert(deadline < 30_000);
  }
  assert(["deadline", "cancelled"].includes(await ended.promise));
  const late = await failure(near.with({ deadline: 0 }).remoteValue.wait());
  assertEquals([late.code, late.sent], ["deadline", "notSent"]);
});

overEach("what a function throws arrives", async ({ near, far }) => {
  far.serve({
    odd() {
      throw Object.assign(new RangeError("odd", { cause: new Error("why") }), {
        n: 3,
      });
    },
    async later() {
      await undefined;
      throw new TypeError("later");
    },
    text() {
      throw "just text";
    },
    unsendable() {
      throw Object.assign(new Error("has a symbol"), { s: Symbol("s") });
    },
  });
  async function callSite() {
    await near.remoteValue.odd();
  }
  const odd = await assertRejects(callSite, RemoteError) as RemoteError;
  assertEquals([odd.name, odd.message], ["RangeError", "odd"]);
  assertEquals(odd.functionName, "odd");
  assertEquals(odd.data, { n: 3 });
  assertEquals((odd.cause as Error).message, "why");
  assertEquals(odd.remoteStack, undefined);
  assert(odd.stack!.includes("callSite"), odd.stack);
  const later = await assertRejects(
    () => near.remoteValue.later(),
    RemoteError,
  ) as RemoteError;
  assertEquals(later.name, "TypeError");
  const text = await assertRejects(
    () => near.remoteValue.text(),
    RemoteError,
  ) as RemoteError;
  assertEquals(text.data, "just text");
  await assertRejects(
    () => near.remoteValue.unsendable(),
    RemoteError,
    "has a symbol",
  );
});

overEach("only what was served is called", async ({ near, far }) => {
  class Service {
    inherited() {
      return "never";
    }
  }
  far.serve(Object.assign(new Service(), { own: () => "own" }));
  assertEquals(await near.remoteValue.own(), "own");
  const names = [
    "inherited",
    "constructor",
    "toString",
    "hasOwnProperty",
    "__proto__",
    "valueOf",
    "no such name",
    "x".repeat(10_000),
  ];
  for (const name of names) {
    const error = await failure(near.call(name, []));
    assertEquals(error.code, "noSuchFunction");
  }
  assertEquals(
    (await failure(near.call("then", []))).code,
    "noSuchFunction",
  );
  assertEquals(await near.remoteValue.own(), "own");
});

overEach("what cannot be sent fails its call alone", async ({ near, far }) => {
  far.serve({ echo: (x: unknown) => x, bad: () => new WeakSet() });
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const calls: [unknown, string][] = [
    [new (class Point {})(), "unsupportedValue"],
    [Symbol("s"), "unsupportedValue"],
    [new WeakMap(), "unsupportedValue"],
    [[() => {}, new WeakMap()], "unsupportedValue"],
    ["\ud800", "unsupportedValue"],
    [cyclic, "limit"],
    [new Uint8Array(5 * 1024 * 1024), "limit"],
    [["x".repeat(5 * 1024 * 1024)], "limit"],
  ];
  for (const [value, code] of calls) {
    assertEquals((await failure(near.remoteValue.echo(value))).code, code);
    assertEquals((await failure(near.remote.echo(value))).code, code);
    assertEquals((await failure(near.outputObject(value))).code, code);
  }
  assertEquals(
    (await failure(near.remoteValue.bad())).code,
    "unsupportedValue",
  );
  assertEquals(await near.remoteValue.echo({ a: [1] }), { a: [1] });
  // The attachments of what failed are not held.
  assertEquals(near.stats().objectsExported, 0);
});

overEach("typed messages come in order, large ones too", async (pair) => {
  const { near, far } = pair;
  const sent: unknown[] = [
    { kind: "tick", at: new Date(5) },
    new Uint8Array(300_000).fill(7),
    "after the large one",
    ...Array.from({ length: 2_000 }, (_, n) => n),
  ];
  const sending = (async () => {
    for (const value of sent) await near.outputObject(value);
    await near.close();
  })();
  const received: unknown[] = [];
  for await (const value of far) received.push(value);
  assertEquals(received, sent);
  await sending;
  const end = await failure(far.getObject());
  assertEquals(end.code, "closed");
});

overEach(
  "an item over the peer's limit of a message fails its stream alone",
  async ({ near, far }) => {
    far.serve({
      async *items() {
        yield await "x".repeat(10_000);
        yield "x".repeat(100_000);
      },
    });
    const lengths: number[] = [];
    const taking = (async () => {
      for await (const item of await near.remoteValue.items()) {
        lengths.push(item.length);
      }
    })();
    const error = await assertRejects(() => taking, WireError);
    assertEquals((error as WireError).code, "limit");
    assertEquals(lengths, [10_000]);
    assertEquals(near.ended, undefined);
  },
  { limits: { message: 65_536 } },
  { limits: { message: 65_536 } },
);

overEach("a large call does not hold up small ones", async (pair) => {
  const { near, far } = pair;
  const order: string[] = [];
  far.serve({
    large: (bytes: Uint8Array) => order.push(`large ${bytes.length}`),
    small: (n: number) => order.push(`small ${n}`),
  });
  const large = near.remoteValue.large(new Uint8Array(4_000_000));
  const small = [];
  for (let n = 0; n < 3; n++) {
    small.push(near.remoteValue.small(n));
    // The next one goes out behind the first pieces of the large one.
    await undefined;
  }
  await Promise.all([large, ...small]);
  assertEquals(order, ["small 0", "small 1", "small 2", "large 4000000"]);
});

overEach(
  "more calls than the peer serves wait their turn",
  async (pair) => {
    const { near, far } = pair;
    let running = 0;
    let most = 0;
    far.serve({
      async work(n: number) {
        most = Math.max(most, ++running);
        await undefined;
        await far.remoteValue.ok();
        running--;
        return n;
      },
    });
    near.serve({ ok: () => true });
    const numbers = Array.from({ length: 500 }, (_, n) => n);
    assertEquals(
      await Promise.all(numbers.map((n) => near.remoteValue.work(n))),
      numbers,
    );
    assertEquals(most, 10);
  },
  {},
  { limits: { calls: 10 } },
);

overEach(
  "arguments are those of the moment of the call",
  async (pair) => {
    const { near, far } = pair;
    far.serve({ echo: (x: unknown) => x });
    const point = { x: 0 };
    const calls = [];
    for (; point.x < 50; point.x++) calls.push(near.remoteValue.echo(point));
    assertEquals(
      await Promise.all(calls),
      Array.from({ length: 50 }, (_, x) => ({ x })),
    );
  },
  {},
  { limits: { calls: 3 } },
);

overEach("close() lets calls under way finish", async ({ near, far }) => {
  const begun = gate();
  const finish = gate();
  far.serve({
    async work() {
      begun.open();
      await finish.opened;
      return far.remoteValue.callBack();
    },
  });
  near.serve({ callBack: () => "called back" });
  const work = near.remoteValue.work();
  await begun.opened;
  const closing = near.close();
  const late = await failure(near.remoteValue.work());
  assertEquals([late.code, late.sent], ["closed", "notSent"]);
  finish.open();
  assertEquals(await work, "called back");
  await closing;
  assertEquals((await near.closed).code, "closed");
  assertEquals((await far.closed).code, "closed");
});

overEach("both ends may close at once", async ({ near, far }) => {
  far.serve({ echo: (x: unknown) => x });
  const call = near.remoteValue.echo(1);
  await Promise.all([near.close(), far.close(), near.close()]);
  assertEquals(await call, 1);
  assertEquals((await near.closed).code, "closed");
  assertEquals((await far.closed).code, "closed");
});

overEach("abort() fails every call with its fate", async ({ near, far }) => {
  const begun = gate();
  far.serve({ wait: () => (begun.open(), new Promise(() => {})) });
  const deaths: string[] = [];
  near.onDeath((reason) => deaths.push(reason.code));
  far.onDeath((reason) => deaths.push(reason.code));
  const sent = failure(near.remoteValue.wait());
  await begun.opened;
  const unsent = failure(near.remoteValue.wait());
  near.abort(new Error("fire"));
  assertEquals((await sent).sent, "maybeExecuted");
  assertEquals((await sent).code, "aborted");
  assertEquals((await unsent).sent, "notSent");
  assertEquals((await far.closed).code, "peerAborted");
  assert((await far.closed).message.includes("fire"));
  await near.closed;
  assertEquals(deaths.sort(), ["aborted", "peerAborted"]);
  assert(near.signal.aborted && far.signal.aborted);
  assertEquals(near.signal.reason, near.ended);
  assertEquals((await failure(near.outputObject(1))).code, "aborted");
  assertEquals((await failure(near.getObject())).code, "aborted");
  assertEquals((await failure(near.forceOutput())).code, "aborted");
});

overEach(
  "forceOutput() resolves when output was handed over",
  async (pair) => {
    const { near, far } = pair;
    const before = near.stats().bytesSent;
    near.remote.note(new Uint8Array(200_000));
    assertEquals(near.stats().bytesSent, before);
    await near.forceOutput();
    assertEquals(near.stats().outputWaiting, 0);
    assert(near.stats().bytesSent - before > 200_000);
    far.serve({ done: () => true });
    assertEquals(await near.remoteValue.done(), true);
  },
  {},
  { onError() {} },
);

overEach("many small calls share a write", async ({ near, far }) => {
  far.serve({ echo: (x: unknown) => x });
  await near.remoteValue.echo(0);
  const answers: number[] = [];
  // Deno's client of WebSockets sends parts of 1 KiB, of 256 times 11 bytes.
  const most = near.address.transport === "websocket" ? 3 : 1;
  // Code that is not compiled yet answers while the first write is under way.
  for (let round = 0; round < 10; round++) {
    const before = { near: near.stats(), far: far.stats() };
    await Promise.all(
      Array.from({ length: 256 }, (_, n) => near.remoteValue.echo(n)),
    );
    assertEquals(near.stats().writes - before.near.writes, most);
    answers.push(far.stats().writes - before.far.writes);
  }
  assert(Math.min(...answers) <= 4, `${answers}`);
});
