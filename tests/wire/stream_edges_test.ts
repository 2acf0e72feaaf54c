/** Streams at their edges: what crosses, what is sent again, what is small. */

import { assert, assertEquals } from "@std/assert";
import {
  makeWire,
  memoryTransports,
  type RemoteStream,
  type WireError,
  wirePair,
} from "../../wire/mod.ts";
import { settle } from "../_fake_clock.ts";
import type { Message } from "../../wire/codec/messages.ts";
import { framed, RawPeer, send } from "../_raw_peer.ts";
import { Raw } from "../_raw_values.ts";
import { test } from "../_test.ts";
import { count, list } from "./_items.ts";
import { slow } from "./_slow.ts";

test("the end of a cancelled stream waits for the item before it", async () => {
  const [a, b] = memoryTransports();
  const [near, far] = [makeWire(a), makeWire(slow(b, 5_000))];
  const large = "x".repeat(200_000);
  far.serve({
    async *large() {
      for (;;) yield await large;
    },
  });
  const open = async () => {
    const stream = await near.remoteValue.large() as RemoteStream<string>;
    return stream[Symbol.asyncIterator]();
  };
  const both = await Promise.all([open(), open()]);
  for (const items of both) {
    assertEquals((await items.next()).value, large);
  }
  // One item of each is under way, in pieces, or waits for the other's.
  while (far.stats().outputWaiting < 350_000) await settle();
  await Promise.all(both.map((items) => items.return!()));
  while (near.stats().streamsReceiving > 0) await near.ping();
  await near.close();
});

test("bytes are cut so that they keep to streamWindow", async () => {
  const [near, far] = wirePair({ limits: { streamWindow: 4_096 } });
  far.serve({
    async *bytes() {
      yield await new Uint8Array(10_000);
    },
  });
  const stream = await near.remoteValue.bytes() as RemoteStream<Uint8Array>;
  const sizes = (await list(stream)).map(({ length }) => length);
  assertEquals(sizes.reduce((sum, size) => sum + size), 10_000);
  assert(Math.max(...sizes) <= 4_096);
  await near.close();
});

const STREAMS: Record<string, () => AsyncIterable<number>> = {
  "a generator": () => count(3),
  "a ReadableStream": () => ReadableStream.from(count(3)),
};

for (const [what, make] of Object.entries(STREAMS)) {
  test(`${what} beside another wire's result is sent whole`, async () => {
    const [near, far] = wirePair();
    const [other, end] = wirePair();
    far.serve({
      take: async (s: RemoteStream<number>, x: unknown) => [await list(s), x],
    });
    end.serve({ five: () => 5 });
    const taken = near.remoteValue.take(make(), other.remoteValue.five());
    assertEquals(await taken, [[0, 1, 2], 5]);
    await Promise.all([near.close(), other.close()]);
  });

  test(`${what} beside a result that is gone is sent whole`, async () => {
    const [near, far] = wirePair();
    far.serve({
      record: () => ({ a: 1 }),
      take: async (s: RemoteStream<number>, x: unknown) => [await list(s), x],
      all: () => ({ list }),
    });
    await near.opened;
    for (let turns = 0; turns < 8; turns++) {
      const record = near.remoteValue.record();
      const all = near.remoteValue.all();
      for (let turn = 0; turn < turns; turn++) await undefined;
      const taken = near.remoteValue.take(make(), record);
      const listed = all.remoteValue.list!(make());
      assertEquals(await taken, [[0, 1, 2], { a: 1 }], `after ${turns} turns`);
      assertEquals(await listed, [0, 1, 2], `after ${turns} turns`);
      (await all as { list: Disposable }).list[Symbol.dispose]();
    }
    await near.close();
  });
}

test("items over a limit cost credit, and are answered once", async () => {
  const peer = new RawPeer({ limits: { nesting: 2 } });
  await using _peer = peer;
  const taken: RemoteStream<unknown>[] = [];
  peer.wire.serve({ take: (s: RemoteStream<unknown>) => void taken.push(s) });
  await peer.open();
  await peer.tell(send("take", new Raw({ as: "stream", id: 0 })));
  const item = { kind: "streamValue", id: 0, value: [[[[1]]]] } as const;
  await peer.tell(...Array.from({ length: 200 }, () => item));
  const error = await list(taken[0]!).catch((error: WireError) => error);
  assertEquals((error as WireError).code, "limit");
  assertEquals((await peer.hear("streamCancel"))!.id, 0);
  assert(peer.wire.stats().outputWaiting < 500);
  await peer.tell(...Array.from({ length: 200 }, () => item));
  assertEquals((await peer.hearAbort())!.code, "malformed");
});

test("an item larger than streamWindow fails its stream, and no other", async () => {
  const most = 1_000;
  const bytes = (size: number) => new Uint8Array(size);
  const items: [string, number, Message][] = [
    // A kind and an id, a tag and the two bytes of a length.
    ["streamBytes", most, { kind: "streamBytes", id: 0, bytes: bytes(998) }],
    ["streamBytes", most + 1, {
      kind: "streamBytes",
      id: 0,
      bytes: bytes(999),
    }],
    ["streamValue", most, { kind: "streamValue", id: 0, value: bytes(995) }],
    ["streamValue", most + 1, {
      kind: "streamValue",
      id: 0,
      value: bytes(996),
    }],
  ];
  for (const [kind, size, item] of items) {
    const peer = new RawPeer({ limits: { streamWindow: most } });
    await using _peer = peer;
    const taken: RemoteStream<unknown>[] = [];
    peer.wire.serve({ take: (s: RemoteStream<unknown>) => void taken.push(s) });
    await peer.open();
    for (const id of [0, 1]) {
      await peer.tell(send("take", new Raw({ as: "stream", id })));
    }
    assertEquals(framed(item).length - 4, size);
    await peer.tell(item);
    const items = taken[0]![Symbol.asyncIterator]();
    const first = await items.next().catch((error: WireError) => error);
    if (size > most) {
      assertEquals((first as WireError).code, "limit", kind);
      assert((first as WireError).message.includes("streamWindow"));
      assertEquals((await peer.hear("streamCancel"))!.id, 0);
    } else {
      assertEquals((first as { done: boolean }).done, false, kind);
    }
    await peer.tell({ kind: "streamValue", id: 1, value: "fine" });
    const other = taken[1]![Symbol.asyncIterator]();
    assertEquals((await other.next()).value, "fine");
    peer.wire.abort();
  }
});
