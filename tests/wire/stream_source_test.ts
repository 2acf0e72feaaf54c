/**
 * The producing end of a stream: it goes as far as credit and room go, and
 * says its end behind all that it has sent.
 */

import { assert, assertEquals } from "@std/assert";
import { makeWire, memoryTransports, type Wire } from "../../wire/mod.ts";
import { settle } from "../_fake_clock.ts";
import { call, type Raw, RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { fate } from "./_keeping.ts";
import { anyPair } from "./_pair.ts";
import { slow } from "./_slow.ts";

/** A producer that counts how often it was asked. */
function counted(size: number) {
  const producer = {
    asked: 0,
    stopped: 0,
    async *items() {
      try {
        for (;;) {
          producer.asked++;
          yield await new Uint8Array(size);
        }
      } finally {
        producer.stopped++;
      }
    },
  };
  return producer;
}

test("a stream stops producing while the output is full", async () => {
  const producer = counted(10_000);
  await using peer = new RawPeer({
    limits: { sendPause: 50_000 },
    functions: { items: () => producer.items() },
  });
  await peer.open({ window: 2 ** 30, streamWindow: 2 ** 30, streams: 1 });
  await peer.tell(call(0, "items"));
  const stream = (await peer.hear("return"))?.value as Raw;
  const { id } = stream.passed as { id: number };
  await peer.tell({ kind: "streamCredit", id, amount: 2 ** 30 });
  await settle();
  // There is credit for a hundred thousand, and nobody reads.
  const { outputWaiting } = peer.wire.stats();
  assert(outputWaiting < 70_000, `${outputWaiting} wait`);
  const before = producer.asked;
  assert(before < 9, `${before} were made`);
  for (let n = 0; n < 20; n++) {
    assertEquals((await peer.hear("streamBytes"))?.bytes.length, 10_000);
  }
  await settle();
  assert(producer.asked > 20 && producer.asked < 30, `${producer.asked}`);
  assert(peer.wire.stats().outputWaiting < 70_000);
  await peer.tell({ kind: "streamCancel", id, reason: undefined });
  await peer.hear("streamEnd");
  assertEquals(producer.stopped, 1);
});

for (
  const [size, pause] of [
    [10_000, 50_000],
    // Several are in the middle of an item, then.
    [200_000, 400_000],
  ] as const
) {
  test(`many streams together fill the output once with items of ${size} bytes`, async () => {
    const many = 30;
    const producers = Array.from({ length: many }, () => counted(size));
    await using peer = new RawPeer({
      limits: { sendPause: pause, streams: many },
      functions: { all: () => producers.map((each) => each.items()) },
    });
    await peer.open({ window: 2 ** 30, streamWindow: 2 ** 24, streams: many });
    await peer.tell(call(0, "all"));
    await peer.hear("return");
    for (let id = 0; id < many; id++) {
      await peer.tell({ kind: "streamCredit", id, amount: 2 ** 24 });
    }
    await settle();
    // All of them had an item ready when the output was filled by the first.
    const { outputWaiting } = peer.wire.stats();
    assert(outputWaiting < pause + 70_000, `${outputWaiting} wait`);
    const most = many * size;
    for (let came = 0; came < most;) {
      came += (await peer.hear("streamBytes"))!.bytes.length;
      assert(peer.wire.stats().outputWaiting < pause + 70_000);
    }
    peer.wire.abort();
    await peer.hearOut();
  });
}

test("a large item stops while the output is full, too", async () => {
  await using peer = new RawPeer({
    limits: { sendPause: 100_000 },
    functions: {
      async *items() {
        yield await new Uint8Array(3_000_000);
      },
    },
  });
  await peer.open({ window: 2 ** 30, streamWindow: 2 ** 30, streams: 1 });
  await peer.tell(call(0, "items"));
  await settle();
  const { outputWaiting } = peer.wire.stats();
  assert(outputWaiting < 250_000, `${outputWaiting} wait`);
  let came = 0;
  while (came < 3_000_000) {
    came += (await peer.hear("streamBytes"))!.bytes.length;
  }
  assertEquals(came, 3_000_000);
  assertEquals((await peer.hear("streamEnd"))?.kind, "streamEnd");
});

test("a stream sends no more than its credit, items and parts alike", async () => {
  for (const size of [100, 5_000]) {
    await using peer = new RawPeer({
      functions: { items: () => counted(size).items() },
    });
    await peer.open({ window: 4_000, streamWindow: 2_000, streams: 1 });
    await peer.tell(call(0, "items"));
    let left = 2_000;
    const hearSome = async () => {
      await settle();
      await peer.tell({ kind: "ping", token: 3 });
      for (;;) {
        const heard = await peer.hear("streamBytes", "pong");
        if (heard?.kind !== "streamBytes") return;
        assert(left > 0, `${heard.bytes.length} came beyond the credit`);
        // A kind and an id, and 64 for each message.
        left -= heard.bytes.length + 2 + 64;
      }
    };
    const hear = async () => {
      for (let before = NaN; left !== before;) {
        before = left;
        await hearSome();
      }
    };
    await hear();
    assert(left <= 0);
    for (const amount of [1, 1_000, 500, 1, 4_000]) {
      left += amount;
      await peer.tell({ kind: "streamCredit", id: 0, amount });
      await hear();
      assert(left <= 0, `${left} was left of ${amount}`);
    }
  }
});

test("credit that adds up to too much, or to nothing, ends the wire", async () => {
  for (const amounts of [[0], [2 ** 31], [2 ** 30, 2 ** 30, 2 ** 30]]) {
    await using peer = new RawPeer({
      functions: {
        async *items() {
          await new Promise((resolve) => peer.wire.onDeath(resolve));
          yield 1;
        },
      },
    });
    await peer.open();
    await peer.tell(call(0, "items"));
    await peer.hear("return");
    for (const amount of amounts) {
      await peer.tell({ kind: "streamCredit", id: 0, amount });
    }
    assertEquals((await peer.hearAbort())?.code, "malformed");
  }
});

test("a producer is stopped once, however its stream ends", async () => {
  const ends: Record<string, (peer: RawPeer) => Promise<void>> = {
    cancelled: async (peer) => {
      const cancel = {
        kind: "streamCancel",
        id: 0,
        reason: undefined,
      } as const;
      await peer.tell(cancel, cancel);
      await peer.hear("streamEnd");
    },
    cut: async (peer) => await peer[Symbol.asyncDispose](),
    aborted: async (peer) => {
      peer.wire.abort();
      await peer.hearOut();
    },
    cancelledAndAborted: async (peer) => {
      await peer.tell({ kind: "streamCancel", id: 0, reason: undefined });
      peer.wire.abort();
      await peer.hearOut();
    },
  };
  for (const [how, end] of Object.entries(ends)) {
    const producer = counted(100);
    await using peer = new RawPeer({
      functions: { items: () => producer.items() },
    });
    await peer.open({ window: 4_000, streamWindow: 2_000, streams: 1 });
    await peer.tell(call(0, "items"));
    await peer.hear("streamBytes");
    await settle();
    await end(peer);
    await settle();
    assertEquals(producer.stopped, 1, how);
    assertEquals(peer.wire.stats().streamsSending, 0, how);
  }
});

test("a producer is stopped when its item cannot be sent, and streams in it end", async () => {
  const cancelled = Promise.withResolvers<void>();
  const inner = new ReadableStream({ cancel: () => cancelled.resolve() });
  let stopped = 0;
  await using peer = new RawPeer({
    functions: {
      async *items() {
        try {
          yield [Symbol("no value"), inner];
        } finally {
          stopped++;
        }
      },
    },
  });
  await peer.open();
  await peer.tell(call(0, "items"));
  const failed = await peer.hear("streamFail");
  assertEquals(failed?.code, "unsupportedValue");
  await cancelled.promise;
  await settle();
  assertEquals([stopped, peer.wire.stats().streamsSending], [1, 0]);
});

test("a stream that is ended while its message leaves in pieces ends at the other end", async () => {
  const [here, there] = memoryTransports();
  const near: Wire = makeWire(slow(here, 1_500), { onError() {} });
  const far = makeWire(there, { onError() {} });
  const taken = Promise.withResolvers<AsyncIterable<unknown>>();
  far.serve({
    take: (_bytes: unknown, stream: AsyncIterable<unknown>) =>
      taken.resolve(stream),
  });
  await near.opened;
  const controller = new AbortController();
  const { remote } = near.with(controller);
  const before = near.stats().bytesSent;
  remote.take(new Uint8Array(500_000), counted(10).items());
  while (near.stats().bytesSent < before + 2_000) await undefined;
  controller.abort();
  const stream = await taken.promise;
  const next = stream[Symbol.asyncIterator]().next();
  assertEquals(await fate(next), "cancelled undefined");
  await settle();
  assertEquals(near.stats().streamsSending, 0);
  near.abort();
  await Promise.all([near.closed, far.closed]);
});

test("streams that have ended make room for those that wait to be sent", async () => {
  const gates: (() => void)[] = [];
  const [near, far] = anyPair({}, {
    limits: { calls: 1, streams: 1 },
    functions: {
      block: () => new Promise<void>((resolve) => gates.push(resolve)),
      async take(stream: AsyncIterable<unknown>) {
        for await (const _ of stream);
      },
    },
  });
  await near.opened;
  for (let round = 0; round < 4; round++) {
    const blocked = near.remoteValue.block();
    const waits = fate(near.remoteValue.take((async function* () {})()));
    await settle();
    gates.shift()!();
    await blocked;
    assertEquals(await waits, "value undefined", `round ${round}`);
  }
  await near.close();
  await far.closed;
});

test("the end of a cancelled stream stands behind the last piece of its item", async () => {
  await using peer = new RawPeer({
    functions: {
      large: () => "x".repeat(3_000_000),
      async *items() {
        for (;;) yield await "x".repeat(100_000);
      },
    },
  });
  await peer.open({ frame: 1_024 });
  // An item takes turns with the answer, and waits until it is its own.
  await peer.tell(call(0, "large"), call(1, "items"));
  await settle();
  await peer.tell({ kind: "streamCancel", id: 0, reason: undefined });
  const kinds: unknown[] = [];
  while (kinds.length < 2) {
    kinds.push((await peer.hear("streamValue", "streamEnd"))?.kind);
  }
  assertEquals(kinds, ["streamValue", "streamEnd"]);
});
