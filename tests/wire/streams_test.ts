/**
 * Streams: both directions, at any depth, with credit, cancel and death, over
 * every transport.
 */

import { assert, assertEquals } from "@std/assert";
import {
  type CallContext,
  RemoteError,
  type RemoteStream,
  type Wire,
  WireError,
  wirePair,
} from "../../wire/mod.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { failure } from "./_failure.ts";
import { overEach } from "../_transports.ts";
import { count, list } from "./_items.ts";

/** Waits until no stream is open between two wires. */
async function closed({ near, far }: { near: Wire; far: Wire }) {
  const open = () =>
    [near, far].some((wire) => {
      const { streamsReceiving, streamsSending } = wire.stats();
      return streamsReceiving + streamsSending > 0;
    });
  while (open()) await Promise.all([near.ping(), far.ping()]);
}

/** Bytes that are told apart by their place. */
function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => index % 251);
}

function joined(parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

overEach(
  "generators, iterables and ReadableStreams pass both ways",
  async (pair) => {
    const { near, far } = pair;
    const iterable = { [Symbol.asyncIterator]: () => count(3) };
    far.serve({
      count,
      iterable: () => iterable,
      readable: () => ReadableStream.from(["a", "b"]),
      deep: () => ({ list: [new Map([["s", count(2)]])] }),
      empty: () => count(0),
      collect: (stream: AsyncIterable<unknown>) => list(stream),
      collectBoth: async (all: { streams: RemoteStream<unknown>[] }) => [
        await list(all.streams[1]!.readable),
        await list(all.streams[0]!),
      ],
    });
    const { remoteValue } = near;
    assertEquals(await list(await remoteValue.count(5)), [0, 1, 2, 3, 4]);
    assertEquals(await list(await remoteValue.iterable()), [0, 1, 2]);
    assertEquals(await list((await remoteValue.readable()).readable), [
      "a",
      "b",
    ]);
    const deep = await remoteValue.deep();
    assertEquals(await list(deep.list[0].get("s")), [0, 1]);
    assertEquals(await list(await remoteValue.empty()), []);
    assertEquals(await remoteValue.collect(count(3)), [0, 1, 2]);
    const items = [{ at: new Date(5) }, new Map([[1, [2]]]), undefined, -0];
    assertEquals(await remoteValue.collect(ReadableStream.from(items)), items);
    const streams = [count(2), ReadableStream.from([7n])];
    assertEquals(await remoteValue.collectBoth({ streams }), [[7n], [0, 1]]);
    await closed(pair);
  },
);

overEach("bytes stream as bytes, in parts of up to 64 KiB", async (pair) => {
  const { near, far } = pair;
  const bytes = pattern(1_000_000);
  far.serve({
    read: () => new Blob([bytes]).stream(),
    large: () => ReadableStream.from([bytes, new Uint8Array(0), bytes]),
    async size(stream: RemoteStream<Uint8Array>) {
      return joined(await list(stream)).length;
    },
  });
  const parts = await list<Uint8Array>(await near.remoteValue.read());
  assertEquals(joined(parts), bytes);
  const larger = await list<Uint8Array>(await near.remoteValue.large());
  assert(larger.every((part) => part.length <= 65_536));
  assertEquals(joined(larger), joined([bytes, bytes]));
  const size = await near.remoteValue.size(new Blob([bytes]).stream());
  assertEquals(size, 1_000_000);
});

overEach(
  "what is left of a stream runs its producer's finally",
  async (pair) => {
    const { near, far } = pair;
    const ends: unknown[] = [];
    const cancelled = Promise.withResolvers<unknown>();
    far.serve({
      async *endless(name: string) {
        try {
          for (let n = 0;; n++) yield await n;
        } finally {
          ends.push(name);
        }
      },
      readable: () =>
        new ReadableStream({
          pull: (controller) => controller.enqueue(1),
          cancel: (reason) => cancelled.resolve(reason),
        }),
    });
    for await (const n of await near.remoteValue.endless("break")) {
      if (n === 100) break;
    }
    await closed(pair);
    const stream = await near.remoteValue.endless("cancel");
    await stream.cancel("enough");
    assertEquals(ends, ["break", "cancel"]);
    {
      await using using = await near.remoteValue.endless("using");
      const { readable } = using;
      await readable.cancel();
    }
    assertEquals(ends, ["break", "cancel", "using"]);
    const thrown = await failure((async () => {
      for await (const _ of await near.remoteValue.endless("throw")) {
        throw new Error("in the loop");
      }
    })());
    assertEquals(thrown.message, "in the loop");
    await closed(pair);
    assertEquals(ends.length, 4);
    await (await near.remoteValue.readable()).cancel("why");
    const reason = await cancelled.promise as WireError;
    assertEquals([reason.code, reason.cause], ["cancelled", "why"]);
  },
);

overEach("a producer that does not end holds up nobody", async (pair) => {
  const { near, far } = pair;
  far.serve({
    async *stuck() {
      yield await 1;
      await new Promise(() => {});
    },
  });
  for await (const _ of await near.remoteValue.stuck()) break;
  {
    await using _stuck = await near.remoteValue.stuck();
  }
  const iterator = (await near.remoteValue.stuck())[Symbol.asyncIterator]();
  await iterator.next();
  const waiting = iterator.next();
  await iterator.return();
  assertEquals(await waiting, { done: true, value: undefined });
  await near.close();
  assertEquals((await near.closed).code, "closed");
  assertEquals((await far.closed).code, "closed");
});

overEach("what a producer throws ends the loop", async (pair) => {
  const { near, far } = pair;
  far.serve({
    async *fails() {
      yield await 1;
      throw Object.assign(new RangeError("odd"), { n: 3 });
    },
    unsendable: () => ReadableStream.from([1, Symbol("no")]),
    errored: () =>
      ReadableStream.from((async function* () {
        yield await 1;
        throw "text";
      })()),
  });
  const came: number[] = [];
  const error = await failure((async () => {
    for await (const n of await near.remoteValue.fails()) came.push(n);
  })());
  assert(error instanceof RemoteError);
  assertEquals([error.name, error.message, came], ["RangeError", "odd", [1]]);
  assertEquals((error as unknown as RemoteError).data, { n: 3 });
  const unsendable = await failure(list(await near.remoteValue.unsendable()));
  assert(unsendable.message.includes("symbol"), unsendable.message);
  const text = await failure(list(await near.remoteValue.errored()));
  assertEquals((text as unknown as RemoteError).data, "text");
  await closed(pair);
});

overEach("a slow consumer slows its producer", async (pair) => {
  const { near, far } = pair;
  let made = 0;
  far.serve({
    async *endless() {
      for (;; made++) yield await new Uint8Array(1_000);
    },
  });
  const stream = await near.remoteValue.endless();
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  for (let round = 0; round < 20; round++) {
    await settle();
    await Promise.all([near.ping(), far.ping()]);
  }
  assert(made < 100, `${made} items of 1 kB were made for one`);
  for (let n = 0; n < 5_000; n++) await iterator.next();
  const ahead = made - 5_001;
  assert(made >= 5_000 && ahead < 400, `${ahead} items are ahead`);
  await stream.cancel();
});

overEach("stalled streams stall neither others nor calls", async (pair) => {
  const { near, far } = pair;
  far.serve({
    endless: async function* () {
      for (;;) yield await new Uint8Array(10_000);
    },
    count,
    echo: (x: unknown) => x,
  });
  const stalled = [];
  for (let n = 0; n < 99; n++) stalled.push(await near.remoteValue.endless());
  assertEquals(await near.remoteValue.echo("small"), "small");
  assertEquals((await list(await near.remoteValue.count(5_000))).length, 5_000);
  const large = new Uint8Array(3_000_000);
  assertEquals((await near.remoteValue.echo(large)).length, 3_000_000);
  await Promise.all(stalled.map((stream) => stream.cancel()));
});

overEach("the end of a wire ends its streams at both ends", async (pair) => {
  const { near, far } = pair;
  const ended = Promise.withResolvers<void>();
  far.serve({
    async *endless() {
      try {
        for (let n = 0;; n++) yield await n;
      } finally {
        ended.resolve();
      }
    },
  });
  const stream = await near.remoteValue.endless();
  const waiting = (async () => {
    for await (const _ of stream);
  })();
  far.abort("enough");
  assertEquals((await failure(waiting)).code, "peerAborted");
  await ended.promise;
});

overEach(
  "a call's signal aborts when its stream is wanted no more",
  async (pair) => {
    const { near, far } = pair;
    const left = Promise.withResolvers<WireError>();
    far.serve({
      async *never(this: CallContext) {
        yield await "first";
        await new Promise((resolve) => this.signal.onabort = resolve);
        left.resolve(this.signal.reason);
      },
    });
    for await (const _ of await near.remoteValue.never()) break;
    assertEquals((await left.promise).code, "cancelled");
    await closed(pair);
  },
);

overEach(
  "close() lets this side's streams end, and cancels the peer's",
  async (pair) => {
    const { near, far } = pair;
    const sum = Promise.withResolvers<number[]>();
    far.serve({
      take: (stream: AsyncIterable<number>) =>
        void list(stream).then(sum.resolve, sum.reject),
      endless: () => count(Infinity),
    });
    const endless = failure(list(await near.remoteValue.endless()));
    await near.remoteValue.take(count(1_000));
    await near.close();
    assertEquals((await sum.promise).length, 1_000);
    assertEquals((await endless).code, "closed");
    assertEquals((await far.closed).code, "closed");
  },
);

test("a stream is taken once", async () => {
  const [near, far] = wirePair();
  far.serve({ count });
  const stream = await near.remoteValue.count(2);
  const items = list(stream);
  for (const again of [() => stream.readable, () => list(stream)]) {
    const error = await failure((async () => await again())());
    assertEquals(error.code, "invalidArgument");
  }
  assertEquals(await items, [0, 1]);
  const locked = new ReadableStream();
  locked.getReader();
  const error = await failure(near.remoteValue.count(locked));
  assertEquals(error.code, "unsupportedValue");
  near.abort();
  await far.closed;
});

test("streams are as many as the peer takes, and items as large", async () => {
  const [near, far] = wirePair({
    limits: { streams: 2, streamWindow: 10_000, window: 100_000 },
  });
  far.serve({
    count,
    items: (...sizes: number[]) =>
      ReadableStream.from(sizes.map((size) => "x".repeat(size))),
  });
  await near.opened;
  const [one, other] = [
    await near.remoteValue.count(Infinity),
    await near.remoteValue.count(Infinity),
  ];
  const third = await failure(near.remoteValue.count(1));
  assertEquals(third.code, "limit");
  await Promise.all([one.cancel(), other.cancel()]);
  const sizes = (await list<string>(await near.remoteValue.items(9_000, 9_990)))
    .map(({ length }) => length);
  assertEquals(sizes, [9_000, 9_990]);
  for (const size of [9_998, 10_001, 100_000]) {
    const error = await failure(list(await near.remoteValue.items(size)));
    assert(error instanceof WireError);
    assertEquals(error.code, "limit");
    assert(error.message.includes("streamWindow"), error.message);
  }
  near.abort();
  await far.closed;
});

test("streams and functions go within streams", async () => {
  const [near, far] = wirePair();
  far.serve({
    async *nested() {
      for (let n = 1; n <= 3; n++) {
        yield await {
          n,
          stream: count(n),
          f: () => n,
        };
      }
    },
  });
  const came = [];
  for await (const { n, stream, f } of await near.remoteValue.nested()) {
    came.push([n, await list(stream), await f()]);
    f[Symbol.dispose]();
  }
  assertEquals(came, [[1, [0], 1], [2, [0, 1], 2], [3, [0, 1, 2], 3]]);
  await near.close();
  await far.closed;
});

test("what comes in items that nobody takes is released", async () => {
  const [near, far] = wirePair();
  const gate = Promise.withResolvers<void>();
  far.serve({
    async *functions() {
      for (let n = 0; n < 50; n++) yield await (() => n);
      await gate.promise;
    },
  });
  const stream = await near.remoteValue.functions();
  const iterator = stream[Symbol.asyncIterator]();
  const { value } = await iterator.next();
  await near.ping();
  value[Symbol.dispose]();
  const cancelled = stream.cancel();
  gate.resolve();
  await cancelled;
  await Promise.all([near.ping(), far.ping()]);
  assertEquals(near.stats().objectsImported, 0);
  assertEquals(far.stats().objectsExported, 0);
  await near.close();
});

test("a producer that throws in its finally is reported", async () => {
  const reports: unknown[] = [];
  const onError = (error: unknown) => reports.push((error as Error).message);
  const [near, far] = wirePair({}, { onError });
  far.serve({
    async *bad() {
      try {
        for (;;) yield await 1;
      } finally {
        // deno-lint-ignore no-unsafe-finally -- that is the case to be tried
        throw new Error("in finally");
      }
    },
  });
  await (await near.remoteValue.bad()).cancel();
  assertEquals(reports, ["in finally"]);
  await near.close();
});
