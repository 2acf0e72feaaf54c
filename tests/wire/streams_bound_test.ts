/**
 * What binds streams to their call's signal and deadline, what sets them free,
 * and that nothing of it is left behind.
 */

import { assertEquals } from "@std/assert";
import {
  type CallContext,
  type CallOptions,
  makeRemoteObject,
  Refusal,
  type RemoteStream,
  type WireError,
  wirePair,
} from "../../wire/mod.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";
import { list } from "./_items.ts";
import { fate, nobody, Place } from "./_keeping.ts";
import { countedSignal } from "./_listeners.ts";
import {
  controlled,
  leaveNothing,
  Producers,
  taken,
  turn,
} from "./_producers.ts";

test("streams that are free go on when signal and deadline end", async () => {
  const clock = new FakeClock();
  const [near, far] = wirePair({ clock });
  const producers = new Producers();
  let bytes = 0;
  far.serve({
    bytes: () => producers.bytes(),
    object: () => makeRemoteObject({ bytes: () => producers.bytes() }),
    take: (stream: RemoteStream<unknown>) =>
      void (async () => {
        for await (const _ of stream) bytes++;
      })().catch(() => {}),
    wait: () => new Promise(() => {}),
  });
  const counted = countedSignal();
  const { signal } = counted;
  const options = { signal, deadline: 1_000, streams: "free" } as const;
  const object = await near.remoteValue.object();
  const streams = await Promise.all([
    near.with(options).remoteValue.bytes(),
    object.with(options).remoteValue.bytes(),
    near.call("bytes", [], false, options),
  ]) as RemoteStream<unknown>[];
  await near.with(options).remoteValue.take(producers.bytes());
  await near.with(options).remote.take(producers.bytes());
  const { listeners } = counted;
  const timers = clock.timers;
  await clock.advance(1_000);
  counted.controller.abort();
  assertEquals([listeners, clock.timers], [0, timers]);
  assertEquals(producers.ends, []);
  for (const stream of streams) {
    const items = stream[Symbol.asyncIterator]();
    for (let n = 0; n < 200; n++) await items.next();
    await items.return!();
  }
  while (bytes < 200) await turn();
  await producers.ended(3);
  // Until there is an answer, it ends what is in the arguments.
  const again = new AbortController();
  const call = failure(
    near.with({ signal: again.signal, streams: "free" }).remoteValue.wait(
      producers.bytes(),
    ),
  );
  again.abort();
  assertEquals((await call).code, "cancelled");
  object[Symbol.dispose]();
  near.abort();
  await far.closed;
  await producers.ended(5);
});

test("middleware may free streams, and bind them", async () => {
  let streams: CallOptions["streams"];
  const seen: unknown[] = [];
  const [near, far] = wirePair({
    callThrough: [async (call, next) => {
      seen.push(call.streams);
      await settle();
      return await next({ streams });
    }],
  });
  const producers = new Producers();
  far.serve({ bytes: () => producers.bytes() });
  const ends: Record<string, string | undefined> = {};
  for (const change of ["free", undefined] as const) {
    streams = change;
    const controller = new AbortController();
    const { signal } = controller;
    const stream = await near.with({ signal }).remoteValue.bytes();
    const items = stream[Symbol.asyncIterator]();
    await items.next();
    controller.abort();
    const next = await items.next().then(
      () => "goes on",
      (error: WireError) => error.code,
    );
    ends[change ?? "bound"] = next;
    await items.return!();
  }
  assertEquals(ends, { free: "goes on", bound: "cancelled" });
  const { signal } = new AbortController();
  const stream = await near.with({ signal, streams: "bound" })
    .remoteValue.bytes();
  await stream.cancel();
  assertEquals(seen, [undefined, undefined, "bound"]);
  // What it keeps from leaving ends as well.
  const [other, end] = wirePair({
    callThrough: [() => {
      throw new Refusal("refused", "no");
    }],
  });
  await failure(other.remoteValue.take(producers.readable()));
  await producers.ended(4);
  await leaveNothing(near, far);
  await leaveNothing(other, end);
});

test("nothing listens to a signal once the streams have ended", async () => {
  const clock = new FakeClock();
  const [near, far] = wirePair({ clock });
  const producers = new Producers();
  far.serve({
    add: (a: number, b: number) => a + b,
    few: () => ReadableStream.from([1, 2, 3]),
    bytes: () => producers.bytes(),
    take: list,
    fails() {
      throw new Error("no");
    },
  });
  await near.opened;
  const counted = countedSignal();
  const timers = clock.timers;
  const options = { signal: counted.signal, deadline: 10_000 };
  const { remoteValue, remote } = near.with(options);
  for (let round = 0; round < 1_000; round++) {
    await remoteValue.add(1, 2);
    await list(await remoteValue.few());
    for await (const _ of await remoteValue.bytes()) break;
    await remoteValue.take(ReadableStream.from([1, 2]));
    remote.take(ReadableStream.from([1, 2]));
    await failure(remoteValue.fails(ReadableStream.from([1, 2])));
    if (round % 50 === 0) await turn();
  }
  while (near.stats().streamsSending > 0) await turn();
  assertEquals([counted.listeners, clock.timers], [0, timers]);
  // One that is open still listens; the end of the wire ends that.
  const stream = await remoteValue.bytes();
  assertEquals([counted.listeners, clock.timers], [1, timers + 1]);
  const loop = taken(stream);
  near.abort();
  assertEquals((await loop).code, "aborted");
  assertEquals(counted.listeners, 0);
  await far.closed;
  await settle();
  assertEquals(clock.timers, 0);
});

test("a getter that aborts the signals of others harms nothing", async () => {
  const [near, far] = wirePair();
  const producers = new Producers();
  far.serve({
    bytes: () => producers.bytes(),
    wait(this: CallContext) {
      return new Promise((resolve) => this.signal.onabort = resolve);
    },
    take: (stream: RemoteStream<unknown>) => taken(stream),
    echo: (x: unknown) => x,
  });
  const controller = new AbortController();
  const calls = near.with({ signal: controller.signal });
  const loop = taken(await calls.remoteValue.bytes());
  const waiting = failure(calls.remoteValue.wait());
  const upload = failure(calls.remoteValue.take(producers.readable()));
  await turn();
  const echoed = await near.remoteValue.echo({
    get a() {
      controller.abort();
      return 1;
    },
  });
  assertEquals(echoed, { a: 1 });
  for (const { code } of await Promise.all([loop, waiting, upload])) {
    assertEquals(code, "cancelled");
  }
  await producers.ended(2);
  // And one of its own: the call leaves, and its streams end.
  const own = new AbortController();
  const call = failure(
    near.with({ signal: own.signal }).remoteValue.take(
      [producers.readable()],
      {
        get a() {
          own.abort();
          return 1;
        },
      },
      producers.readable(),
    ),
  );
  assertEquals((await call).code, "cancelled");
  await producers.ended(4);
  const once = new AbortController();
  await near.with({ signal: once.signal }).remote.take({
    get a() {
      once.abort();
      return 1;
    },
    stream: producers.readable(),
  });
  await producers.ended(5);
  await leaveNothing(near, far);
});

test("calls over a kept connection end their streams with them", async () => {
  const producers = new Producers();
  const place = new Place({ waiting: 3 }, {
    answer: (attempt) => attempt === 1 ? nobody() : undefined,
    far: { functions: { bytes: () => producers.bytes(), take: taken } },
  });
  await using _place = place;
  const { kept, clock } = place;
  const controller = new AbortController();
  const { signal } = controller;
  // There is no wire yet.
  const waiting = [
    kept.with({ signal }).remoteValue.take(producers.readable()),
    kept.with({ deadline: 20 }).remote.take([producers.readable()]),
  ];
  const third = kept.remoteValue.take(ReadableStream.from([1]));
  const fourth = kept.remoteValue.take(producers.readable());
  assertEquals(await fate(fourth), "limit notSent");
  controller.abort();
  assertEquals(await fate(waiting[0]!), "cancelled notSent");
  await clock.advance(20);
  assertEquals(await fate(waiting[1]!), "deadline notSent");
  const once = kept.with({ once: true }).remote.take(producers.readable());
  assertEquals(await fate(once), "invalidArgument notSent");
  await producers.ended(4);
  assertEquals(producers.ends, [
    "limit",
    "cancelled",
    "deadline",
    "invalidArgument",
  ]);
  assertEquals(producers.made, 0);
  await place.advance(1_000);
  await failure(third.then(() => Promise.reject(new Error("taken"))));
  // And there is one: what its options say reaches it.
  const ends: unknown[] = [];
  for (const streams of ["free", "bound"] as const) {
    const { signal, abort } = controlled();
    const stream = await kept.with({ signal, streams }).remoteValue.bytes();
    const items = stream[Symbol.asyncIterator]();
    await items.next();
    abort();
    ends.push(
      await items.next().then(
        () => "goes on",
        (error: WireError) => error.code,
      ),
    );
    await items.return!();
  }
  assertEquals(ends, ["goes on", "cancelled"]);
  // What the end of a connection fails ends its streams, and is not repeated.
  const lost = fate(
    kept.with({ idempotent: true }).remoteValue.never(producers.readable()),
  );
  await settle();
  await place.die();
  assertEquals(await lost, "connectionLost maybeExecuted");
  await producers.ended(7);
  assertEquals(producers.ends[6], "connectionLost");
});

test("a wire that ends lets go of signals though streams were not read", async () => {
  const [near, far] = wirePair();
  far.serve({
    few: () => ReadableStream.from([1, 2, 3]),
    async *fails() {
      yield await 1;
      throw new Refusal("refused", "no");
    },
  });
  const counted = countedSignal();
  const { remoteValue } = near.with({ signal: counted.signal });
  const few = await remoteValue.few() as RemoteStream<number>;
  const fails = await remoteValue.fails() as RemoteStream<number>;
  const read = await remoteValue.few() as RemoteStream<number>;
  while (near.stats().streamsReceiving > 0) await turn();
  assertEquals(counted.listeners, 3);
  assertEquals(await list(read), [1, 2, 3]);
  assertEquals(counted.listeners, 2);
  near.abort();
  await far.closed;
  assertEquals(counted.listeners, 0);
  // What came is still there, and the signal has nothing to do with it.
  counted.controller.abort();
  assertEquals(await list(few), [1, 2, 3]);
  assertEquals((await failure(list(fails))).code, "refused");
});
