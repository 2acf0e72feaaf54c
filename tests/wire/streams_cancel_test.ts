/**
 * A call's signal and deadline end its streams, in arguments and in answers,
 * whatever has become of the call.
 */

import { assert, assertEquals } from "@std/assert";
import {
  type CallContext,
  type CallOptions,
  Refusal,
  type RemoteStream,
  values,
  type WireError,
  wirePair,
} from "../../wire/mod.ts";
import { FakeClock } from "../_fake_clock.ts";
import { call, RawPeer, send } from "../_raw_peer.ts";
import { Raw } from "../_raw_values.ts";
import { test } from "../_test.ts";
import { type Pair, PAIRS } from "../_transports.ts";
import { failure } from "./_failure.ts";
import { countedSignal } from "./_listeners.ts";
import { leaveNothing, Producers, taken, turn } from "./_producers.ts";

const MINUTE = 60_000;
/** A minute that passes in a moment is no silence. */
const PATIENT = {
  stall: 2 * MINUTE,
  keepaliveIdle: 2 * MINUTE,
  keepaliveDeath: 2 * MINUTE,
};

/** A way to end a call's streams: options, and what sets that off. */
type Way = (clock: FakeClock) => [CallOptions, () => void];

const WAYS: Record<"cancelled" | "deadline", Way> = {
  cancelled() {
    const controller = new AbortController();
    return [{ signal: controller.signal }, () => controller.abort("enough")];
  },
  // Far off by the clock of the callee, which is the platform's.
  deadline: (clock) => [{ deadline: MINUTE }, () => void clock.advance(MINUTE)],
};

/** Defines the same test over every transport, in each way. */
function inEachWay(
  name: string,
  fn: (pair: Pair, code: string, way: ReturnType<Way>) => Promise<void>,
): void {
  for (const [code, way] of Object.entries(WAYS)) {
    for (const [transport, makePair] of Object.entries(PAIRS)) {
      test(`${name} (${code}, ${transport})`, async () => {
        const clock = new FakeClock();
        await using pair = await makePair({ clock, limits: PATIENT });
        await fn(pair, code, way(clock));
      });
    }
  }
}

inEachWay(
  "a call that is given up ends the streams of its answer",
  async ({ near, far }, code, [options, giveUp]) => {
    const producers = new Producers();
    far.serve({
      bytes: () => producers.bytes(),
      readable: () => producers.readable(),
    });
    const { remoteValue } = near.with(options);
    const [one, other] = await Promise.all([
      remoteValue.bytes(),
      remoteValue.readable(),
    ]) as [RemoteStream<unknown>, RemoteStream<unknown>];
    let items = 0;
    const loop = failure((async () => {
      for await (const _ of one) if (++items === 50) giveUp();
    })());
    const reader = other.readable.getReader();
    await reader.read();
    const error = await loop;
    assertEquals([error.name, error.code], ["WireError", code]);
    const read = async () => {
      for (;;) await reader.read();
    };
    assertEquals((await failure(read())).code, code);
    await producers.ended(2);
    assertEquals(producers.ends.toSorted(), [code, "return"].toSorted());
    await leaveNothing(near, far);
  },
);

inEachWay(
  "a call that is given up ends the streams in its arguments",
  async ({ near, far }, code, [options, giveUp]) => {
    const producers = new Producers();
    const ends: Promise<WireError>[] = [];
    far.serve({
      async upload({ streams }: { streams: RemoteStream<unknown>[] }) {
        for (const stream of streams) ends.push(taken(stream));
        await Promise.all(ends);
      },
    });
    const call = failure(
      near.with(options).remoteValue.upload({
        streams: [producers.bytes(), producers.readable()],
      }),
    );
    while (producers.made < 100) await turn();
    giveUp();
    assertEquals((await call).code, code);
    const { made } = producers;
    await producers.ended(2);
    assertEquals(producers.ends.toSorted(), [code, "return"].toSorted());
    for (const { name, code } of await Promise.all(ends)) {
      // The callee has a clock of its own.
      assertEquals(name, "WireError");
      assert(["cancelled", "deadline"].includes(code), code);
    }
    assert(producers.made <= made + 2, `${producers.made - made} more`);
    await leaveNothing(near, far);
  },
);

inEachWay(
  "streams of a one-way call end with its signal and deadline",
  async ({ near, far }, _code, [options, giveUp]) => {
    const producers = new Producers();
    const end = Promise.withResolvers<WireError>();
    far.serve({
      upload: (stream: RemoteStream<unknown>) =>
        taken(stream).then(end.resolve),
    });
    await near.with(options).remote.upload(producers.bytes());
    while (producers.made < 50) await turn();
    giveUp();
    await producers.ended(1);
    const { name, code: ended } = await end.promise;
    assertEquals(name, "WireError");
    assert(["cancelled", "deadline"].includes(ended), ended);
    await leaveNothing(near, far);
  },
);

inEachWay(
  "arguments that are taken after the answer end, too",
  async ({ near, far }, code, [options, giveUp]) => {
    const producers = new Producers();
    const end = Promise.withResolvers<WireError>();
    far.serve({
      upload: (stream: RemoteStream<unknown>) =>
        void taken(stream).then(end.resolve),
    });
    await near.with(options).remoteValue.upload(producers.bytes());
    while (producers.made < 50) await turn();
    giveUp();
    await producers.ended(1);
    assertEquals((await end.promise).code, code);
    await leaveNothing(near, far);
  },
);

test("what came of a stream and was not taken is discarded", async () => {
  const [near, far] = wirePair();
  far.serve({ few: () => ReadableStream.from([1, 2, 3, 4]) });
  const controller = new AbortController();
  const stream = await near.with({ signal: controller.signal })
    .remoteValue.few() as RemoteStream<number>;
  while (near.stats().streamsReceiving > 0) await turn();
  const items = stream[Symbol.asyncIterator]();
  assertEquals(await items.next(), { done: false, value: 1 });
  controller.abort();
  assertEquals((await failure(items.next())).code, "cancelled");
  assertEquals(await items.next(), { done: true, value: undefined });
  await leaveNothing(near, far);
});

test("a stream that was taken to its end has its end", async () => {
  const [near, far] = wirePair();
  far.serve({ few: () => ReadableStream.from([1, 2]) });
  const { controller, signal } = countedSignal();
  const stream = await near.with({ signal }).remoteValue.few();
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  await items.next();
  while (near.stats().streamsReceiving > 0) await turn();
  controller.abort();
  assertEquals(await items.next(), { done: true, value: undefined });
  await leaveNothing(near, far);
});

test("streams of values(), in data and in items end with their call", async () => {
  const [near, far] = wirePair();
  const producers = new Producers();
  far.serve({
    two: () => values(producers.bytes(), new Map([["a", [producers.bytes()]]])),
    async *nested() {
      try {
        yield await { inner: producers.bytes() };
        await new Promise<void>(() => {});
      } finally {
        producers.end("outer");
      }
    },
  });
  const controller = new AbortController();
  const calls = near.with({ signal: controller.signal });
  const [first, second] = await calls.remoteValues.two() as [
    RemoteStream<unknown>,
    Map<string, RemoteStream<unknown>[]>,
  ];
  const nested = await calls.remoteValue.nested() as RemoteStream<
    { inner: RemoteStream<unknown> }
  >;
  const outer = nested[Symbol.asyncIterator]();
  const { value } = await outer.next();
  const ends = [first, second.get("a")![0]!, value!.inner].map(taken);
  const pending = failure(outer.next());
  while (producers.made < 300) await turn();
  controller.abort();
  for (const { code } of await Promise.all([...ends, pending])) {
    assertEquals(code, "cancelled");
  }
  await producers.ended(3);
  assertEquals(producers.ends, ["return", "return", "return"]);
  near.abort();
  await far.closed;
});

test("streams in items of arguments end with their call", async () => {
  const [near, far] = wirePair();
  const producers = new Producers();
  const inner = Promise.withResolvers<WireError>();
  far.serve({
    async take(stream: RemoteStream<RemoteStream<unknown>>) {
      for await (const each of stream) inner.resolve(await taken(each));
    },
  });
  const controller = new AbortController();
  const call = failure(
    near.with({ signal: controller.signal }).remoteValue.take(
      ReadableStream.from([producers.bytes()]),
    ),
  );
  while (producers.made < 100) await turn();
  controller.abort();
  await producers.ended(1);
  assertEquals((await call).code, "cancelled");
  assertEquals((await inner.promise).code, "cancelled");
  await leaveNothing(near, far);
});

test("the signal of the served function aborts with the consumer's", async () => {
  const clock = new FakeClock();
  const [near, far] = wirePair({ clock });
  const codes: string[] = [];
  far.serve({
    async *waits(this: CallContext) {
      yield await 1;
      await new Promise((resolve) => this.signal.onabort = resolve);
      codes.push((this.signal.reason as WireError).code);
    },
  });
  for (const [code, way] of Object.entries(WAYS)) {
    const [options, giveUp] = way(clock);
    const stream = await near.with(options).remoteValue.waits();
    const loop = taken(stream);
    await turn();
    giveUp();
    assertEquals((await loop).code, code);
    while (near.stats().streamsReceiving > 0) await turn();
  }
  assertEquals(codes, ["cancelled", "deadline"]);
  await leaveNothing(near, far);
});

test("a producer that is stuck holds up neither call nor wire", async () => {
  const [near, far] = wirePair();
  const gate = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  async function* stuck() {
    try {
      yield await 1;
      await gate.promise;
    } finally {
      ended.resolve();
    }
  }
  const end = Promise.withResolvers<WireError>();
  far.serve({
    take: (stream: RemoteStream<unknown>) =>
      taken(stream).then((error) => end.resolve(error)),
  });
  const controller = new AbortController();
  const call = failure(
    near.with({ signal: controller.signal }).remoteValue.take(stuck()),
  );
  await turn();
  controller.abort();
  assertEquals((await call).code, "cancelled");
  assertEquals((await end.promise).code, "cancelled");
  await leaveNothing(near, far);
  gate.resolve();
  await ended.promise;
});

test("an item in pieces is not overtaken by the end of its stream", async () => {
  const [near, far] = wirePair({ limits: { frame: 1_024 } }, {
    limits: { frame: 1_024 },
  });
  const controller = new AbortController();
  const end = Promise.withResolvers<WireError>();
  far.serve({
    take: (stream: RemoteStream<string>) =>
      taken(stream).then((error) => end.resolve(error)),
  });
  await near.opened;
  const call = failure(
    near.with({ signal: controller.signal }).remoteValue.take(
      (async function* () {
        queueMicrotask(() => queueMicrotask(() => controller.abort()));
        for (;;) yield await "x".repeat(100_000);
      })(),
    ),
  );
  assertEquals((await call).code, "cancelled");
  assertEquals((await end.promise).code, "cancelled");
  await leaveNothing(near, far);
});

test("a Refusal of a producer reaches its consumer with its code", async () => {
  const [near, far] = wirePair();
  far.serve({
    async *refuses() {
      yield await 1;
      throw new Refusal("permissionDenied", "No more for you.");
    },
  });
  const items: unknown[] = [];
  const error = await failure((async () => {
    for await (const item of await near.remoteValue.refuses()) {
      items.push(item);
    }
  })());
  assertEquals(error.name, "WireError");
  assertEquals([error.code, error.message], [
    "permissionDenied",
    "No more for you.",
  ]);
  assertEquals(items, [1]);
  await leaveNothing(near, far);
});

test("what the same signal has failed of a producer is not reported", async () => {
  const reports: unknown[] = [];
  const [near, far] = wirePair({ onError: (error) => reports.push(error) });
  far.serve({ take: (stream: RemoteStream<unknown>) => taken(stream) });
  const producers = new Producers();
  const controller = new AbortController();
  const { signal } = controller;
  const through = producers.readable().pipeThrough(new TransformStream(), {
    signal,
  });
  const call = failure(near.with({ signal }).remoteValue.take(through));
  while (producers.made < 20) await turn();
  controller.abort();
  assertEquals((await call).code, "cancelled");
  await leaveNothing(near, far);
  assertEquals(reports, []);
});

test("streams end with their call where the peer takes next to nothing", async () => {
  const peer = new RawPeer();
  await using _peer = peer;
  const producers = new Producers();
  await peer.open({ values: 1, nesting: 1, message: 4_096, frame: 1_024 });
  const controller = new AbortController();
  const call = failure(
    peer.wire.with({ signal: controller.signal })
      .remoteValue.take(producers.readable()),
  );
  const { id } = (await peer.hear("call"))!;
  await peer.hear("streamBytes");
  controller.abort();
  assertEquals((await call).code, "cancelled");
  await peer.hear("streamFail");
  const again = new AbortController();
  const result = peer.wire.with({ signal: again.signal }).remoteValue.give();
  await peer.tell({ kind: "fail", id, code: "cancelled", message: "" });
  const other = await peer.hear("call");
  await peer.tell({
    kind: "return",
    id: other!.id,
    value: new Raw({ as: "stream", id: 0 }),
  });
  const loop = taken(await result as RemoteStream<unknown>);
  again.abort();
  assertEquals((await loop).code, "cancelled");
  assertEquals((await peer.hear("streamCancel"))!.id, 0);
});

test("a refusal with which a stream is cancelled keeps its code", async () => {
  await using peer = new RawPeer();
  const reasons: unknown[] = [];
  peer.wire.serve({
    async *items(this: CallContext) {
      this.signal.addEventListener("abort", () => {
        reasons.push((this.signal.reason as WireError).code);
      });
      for (;;) yield "x".repeat(1_000);
    },
  });
  await peer.open();
  const codes = ["deadline", "teapot", "constructor", ""];
  for (const [id, code] of codes.entries()) {
    await peer.tell(call(id, "items"));
    await peer.hear("return");
    const reason = Object.assign(new Error("Why."), { name: "Refusal", code });
    await peer.tell({ kind: "streamCancel", id, reason });
    await peer.hear("streamEnd");
  }
  assertEquals(reasons, codes);
});

test("what ends a stream with its call travels as a refusal", async () => {
  const peer = new RawPeer();
  await using _peer = peer;
  const ends: Promise<WireError>[] = [];
  peer.wire.serve({
    take: (stream: RemoteStream<unknown>) => void ends.push(taken(stream)),
  });
  await peer.open();
  const codes = ["cancelled", "deadline", "permissionDenied"];
  for (const [id, code] of codes.entries()) {
    await peer.tell(
      send("take", new Raw({ as: "stream", id })),
      { kind: "streamFail", id, code, message: "Why." },
    );
  }
  for (const [id, error] of (await Promise.all(ends)).entries()) {
    assertEquals(
      [error.name, error.code, error.message],
      ["WireError", codes[id], "Why."],
    );
  }
  const controller = new AbortController();
  const producers = new Producers();
  const call = failure(
    peer.wire.with({ signal: controller.signal })
      .remoteValue.take(producers.bytes()),
  );
  await peer.hear("call");
  controller.abort();
  await call;
  assertEquals((await peer.hear("streamFail"))!.code, "cancelled");
  await producers.ended(1);
});

test("a cancelled stream aborts no call that was answered before", async () => {
  const signals: AbortSignal[] = [];
  const [near, far] = wirePair();
  near.serve({ take: (stream: RemoteStream<unknown>) => void stream.cancel() });
  far.serve({
    look(this: CallContext) {
      signals.push(this.signal);
      return { is: "answered" };
    },
  });
  assertEquals(await near.remoteValue.look(), { is: "answered" });
  const producers = new Producers();
  await far.remoteValue.take(producers.bytes());
  await producers.ended(1);
  assertEquals(signals[0]!.aborted, false);
  await near.close();
  await far.closed;
});

test("streams among values that were not asked for are cancelled", async () => {
  const cancelled = Promise.withResolvers<void>();
  const [near, far] = wirePair();
  const stream = new ReadableStream({ cancel: () => cancelled.resolve() });
  far.serve({ both: () => values(1, stream) });
  assertEquals(await near.remoteValue.both(), 1);
  await cancelled.promise;
  await near.close();
  await far.closed;
});
