/**
 * A call's signal and deadline end its streams, in arguments and in answers,
 * whatever has become of the call; and nothing of them is left behind.
 */

import { assert, assertEquals } from "@std/assert";
import {
  type CallContext,
  type CallOptions,
  contract,
  makeRemoteObject,
  Refusal,
  type RemoteStream,
  values,
  type Wire,
  type WireError,
  wirePair,
} from "../../wire/mod.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { RawPeer, send } from "../_raw_peer.ts";
import { Raw } from "../_raw_values.ts";
import { test } from "../_test.ts";
import { schema } from "./_schemas.ts";
import { type Pair, PAIRS } from "../_transports.ts";
import { failure } from "./_failure.ts";
import { list } from "./_items.ts";
import { fate, nobody, Place } from "./_keeping.ts";

/** Producers that never end, and what becomes of them. */
class Producers {
  /** How many items were made. */
  made = 0;
  /** What ended each of them, in order. */
  readonly ends: string[] = [];
  #told = Promise.withResolvers<void>();

  /** Resolves when so many have ended. */
  async ended(count: number): Promise<void> {
    while (this.ends.length < count) await this.#told.promise;
  }

  /** Gives bytes for ever. */
  async *bytes(size = 1_000): AsyncGenerator<Uint8Array, void> {
    try {
      for (;; this.made++) {
        yield await new Uint8Array(size);
        if (this.made % 50 === 0) await turn();
      }
    } finally {
      this.end("return");
    }
  }

  /** The same as a stream of the platform. */
  readable(): ReadableStream<Uint8Array> {
    return new ReadableStream({
      pull: async (controller) => {
        if (++this.made % 50 === 0) await turn();
        controller.enqueue(new Uint8Array(1_000));
      },
      cancel: (reason) => this.end((reason as WireError).code),
    }, { highWaterMark: 0 });
  }

  /** Notes an end. */
  end(how: string): void {
    this.ends.push(how);
    this.#told.resolve();
    this.#told = Promise.withResolvers<void>();
  }
}

/** Lets timers and sockets have their turn, which those in memory do not. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** A signal that tells how many listen to it. */
class CountedSignal {
  /** Aborts it. */
  readonly controller = new AbortController();
  readonly #listeners = new Set<unknown>();

  constructor() {
    const { signal } = this.controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (
      type: string,
      listener: EventListenerOrEventListenerObject,
      options?: boolean | AddEventListenerOptions,
    ) => {
      this.#listeners.add(listener);
      add(type, listener, options);
    };
    signal.removeEventListener = (
      type: string,
      listener: EventListenerOrEventListenerObject,
    ) => {
      this.#listeners.delete(listener);
      remove(type, listener);
    };
  }

  /** The signal. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size;
  }
}

/** Waits until neither of two wires has a stream, and has both close. */
async function leaveNothing(near: Wire, far: Wire): Promise<void> {
  const open = () =>
    [near, far].some((wire) => {
      const { streamsReceiving, streamsSending } = wire.stats();
      return streamsReceiving + streamsSending > 0;
    });
  while (open()) await turn();
  await near.close();
  assertEquals((await near.closed).code, "closed");
  assertEquals((await far.closed).code, "closed");
}

/** Takes a stream until it fails; tells what it fails with. */
function taken(stream: AsyncIterable<unknown>): Promise<WireError> {
  return failure((async () => {
    for await (const _ of stream);
  })());
}

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

test("what came of a stream and was not taken is for nobody", async () => {
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
  const { controller, signal } = new CountedSignal();
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

/** What becomes of calls whose argument is never taken. */
const UNTAKEN: Record<
  string,
  (wire: Wire, arg: unknown) => Promise<unknown>
> = {
  "of no function": (wire, arg) => wire.remoteValue.nothing(arg),
  "that throws at once": (wire, arg) => wire.remoteValue.throws(arg),
  "that throws later": (wire, arg) => wire.remoteValue.rejects(arg),
  "with another argument that cannot be sent": (wire, arg) =>
    wire.remoteValue.ok(Symbol("no"), arg),
  "with one before it": (wire, arg) => wire.remoteValue.ok(arg, Symbol("no")),
  "with a signal that is aborted": (wire, arg) =>
    wire.with({ signal: AbortSignal.abort() }).remoteValue.ok(arg),
  "with a deadline that has passed": (wire, arg) =>
    wire.with({ deadline: 0 }).remoteValue.ok(arg),
  "with an option that is none": (wire, arg) =>
    // @ts-expect-error -- the types refuse it, too
    wire.with({ streams: "loose" }).remoteValue.ok(arg),
  "one way with a signal that is aborted": (wire, arg) =>
    wire.with({ signal: AbortSignal.abort() }).remote.ok(arg),
  "one way with an argument that cannot be sent": (wire, arg) =>
    wire.remote.ok(arg, Symbol("no")),
  "of a result that fails": (wire, arg) =>
    wire.remoteValue.throws().remoteValue.ok(arg),
  "of a result that has no functions": (wire, arg) =>
    wire.remoteValue.ok().remoteValue.ok(arg),
  "with a result that fails": (wire, arg) =>
    wire.remoteValue.ok(arg, wire.remoteValue.throws()),
  "of a reference that was given back": async (wire, arg) => {
    const object = await wire.remoteValue.object();
    object[Symbol.dispose]();
    return await object.remoteValue.ok(arg);
  },
};

for (const [what, make] of Object.entries(UNTAKEN)) {
  test(`a call ${what} ends the stream in its arguments`, async () => {
    const [near, far] = wirePair();
    far.serve({
      ok: () => "ok",
      object: () => makeRemoteObject({ ok: () => "ok" }),
      throws() {
        throw new Error("at once");
      },
      async rejects() {
        await undefined;
        throw new Error("later");
      },
    });
    const producers = new Producers();
    await failure(make(near, [{ deep: producers.readable() }]));
    await producers.ended(1);
    await leaveNothing(near, far);
  });
}

test("a call over a wire that has ended ends its streams", async () => {
  const [near, far] = wirePair();
  const producers = new Producers();
  near.abort();
  await far.closed;
  for (
    const call of [
      near.remoteValue.ok(producers.readable()),
      near.remote.ok(producers.readable()),
      near.outputObject(producers.readable()),
    ]
  ) await failure(call);
  await producers.ended(3);
});

test("a stream is not cancelled that somebody else takes", async () => {
  const [near, far] = wirePair();
  far.serve({
    few: () => ReadableStream.from([1, 2, 3]),
    ok: () => "ok",
  });
  const stream = await near.remoteValue.few() as RemoteStream<number>;
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  const locked = ReadableStream.from([4, 5]);
  const reader = locked.getReader();
  await failure(near.remoteValue.ok(stream, locked));
  assertEquals(await items.next(), { done: false, value: 2 });
  assertEquals(await reader.read(), { done: false, value: 4 });
  await reader.cancel();
  await items.return!();
  await leaveNothing(near, far);
});

test("a call that fails ends no streams but those that it was to send", async () => {
  class Holder {
    readonly stream = ReadableStream.from([1]);
  }
  const [near, far] = wirePair();
  const holder = new Holder();
  const inner = new Holder();
  const getter = {
    get stream(): ReadableStream {
      throw new Error("asked");
    },
  };
  const { signal } = controlled();
  for (const option of [{ signal: AbortSignal.abort() }, { signal }]) {
    await failure(
      near.with(option).remoteValue.nothing(
        makeRemoteObject(inner),
        holder,
        getter,
        near,
      ),
    );
  }
  assertEquals(await list(holder.stream), [1]);
  assertEquals(await list(inner.stream), [1]);
  assertEquals(near.ended, undefined);
  await leaveNothing(near, far);
});

test("a function that returns may take its stream later", async () => {
  const [near, far] = wirePair();
  let kept: RemoteStream<number> | undefined;
  far.serve({ keep: (stream: RemoteStream<number>) => void (kept = stream) });
  const { signal } = new AbortController();
  await near.with({ signal, deadline: 60_000 }).remoteValue.keep(
    ReadableStream.from([1, 2]),
  );
  await turn();
  assertEquals(await list(kept!), [1, 2]);
  await leaveNothing(near, far);
});

test("a call that waits for its turn ends its streams unsent", async () => {
  const clock = new FakeClock();
  const [near, far] = wirePair({ clock }, { limits: { calls: 1 } });
  const gate = Promise.withResolvers<void>();
  far.serve({ wait: () => gate.promise, take: list });
  const producers = new Producers();
  const controller = new AbortController();
  const calls = near.with({ signal: controller.signal });
  // Before there is a peer, and while it serves all that it takes.
  const early = failure(calls.remoteValue.take(producers.readable()));
  controller.abort();
  const error = await early;
  assertEquals([error.code, error.sent], ["cancelled", "notSent"]);
  await near.opened;
  const waiting = near.remoteValue.wait();
  const again = new AbortController();
  const queued = failure(
    near.with({ signal: again.signal }).remoteValue.take(producers.readable()),
  );
  const late = failure(
    near.with({ deadline: 1_000 }).remoteValue.take(producers.readable()),
  );
  await turn();
  again.abort();
  assertEquals((await queued).sent, "notSent");
  await clock.advance(1_000);
  assertEquals((await late).code, "deadline");
  await producers.ended(3);
  assertEquals(producers.ends, ["cancelled", "cancelled", "deadline"]);
  assertEquals(producers.made, 0);
  gate.resolve();
  await waiting;
  await leaveNothing(near, far);
});

test("a one-way call that waits for its turn ends its streams", async () => {
  const [near, far] = wirePair();
  const producers = new Producers();
  const ends: Promise<WireError>[] = [];
  far.serve({
    take: (stream: RemoteStream<unknown>) => void ends.push(taken(stream)),
  });
  const controller = new AbortController();
  const sent = near.with({ signal: controller.signal }).remote.take(
    producers.readable(),
  );
  controller.abort();
  await sent.catch(() => {});
  await producers.ended(1);
  assertEquals([producers.ends, producers.made], [["cancelled"], 0]);
  await near.ping();
  // Where it leaves all the same, its stream has ended.
  for (const { code } of await Promise.all(ends)) {
    assertEquals(code, "cancelled");
  }
  await leaveNothing(near, far);
});

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
  const counted = new CountedSignal();
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
  const counted = new CountedSignal();
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

test("an answer that comes after its wire's end ends its streams", async () => {
  const [near, far] = wirePair();
  const producers = new Producers();
  const gate = Promise.withResolvers<void>();
  far.serve({
    async late() {
      await gate.promise;
      return { stream: producers.readable() };
    },
  });
  const call = failure(near.remoteValue.late());
  await turn();
  near.abort();
  await call;
  await far.closed;
  gate.resolve();
  await producers.ended(1);
});

test("a result that does not keep its contract ends its streams", async () => {
  const never = schema(() => ({ issues: [{ message: "no" }] }));
  const expects = contract({
    one: { result: never },
    two: { results: [never] },
  });
  const [near, far] = wirePair({ expects });
  const producers = new Producers();
  far.serve<object>({
    one: () => producers.readable(),
    two: () => values(producers.readable(), producers.readable()),
  });
  const calls = [near.remoteValue.one(), near.remoteValues.two()];
  for (const call of calls) {
    assertEquals((await failure(call)).code, "invalidResult");
  }
  await producers.ended(3);
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
  await producers.ended(3);
  assertEquals(producers.ends, ["limit", "cancelled", "deadline"]);
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
  await producers.ended(6);
  assertEquals(producers.ends[5], "connectionLost");
});

/** A signal, and what aborts it. */
function controlled(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
