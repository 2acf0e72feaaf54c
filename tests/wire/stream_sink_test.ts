/**
 * The consuming end of a stream: how its window grows, what credit it gives,
 * and who gets what is left.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type RemoteStream,
  WireError,
  type WireLimits,
} from "../../wire/mod.ts";
import type { StreamsOfCall } from "../../wire/codec/passing.ts";
import type { Message } from "../../wire/codec/messages.ts";
import { settle } from "../_fake_clock.ts";
import { framed, Raw, RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { fate } from "./_keeping.ts";
import { unhandledIn } from "./_unhandled.ts";
import { anyPair } from "./_pair.ts";
import { Holdings, Memory } from "../../wire/base/limits.ts";
import { Sink } from "../../wire/streams/stream_ends.ts";

/** A share of 1,000 each; 4,000 more for those to grow who keep up. */
const LIMITS = { streams: 4, window: 8_000, streamWindow: 4_000, nesting: 3 };

function item(id: number, bytes: number): Message {
  // A frame's length, a kind, an id, and 64 for each message.
  return { kind: "streamBytes", id, bytes: new Uint8Array(bytes - 66) };
}

/** A peer that sends streams, and keeps to their credit. */
class Producer extends RawPeer {
  /** What each stream may still send. */
  readonly left = [1_000, 1_000, 1_000, 1_000, 1_000, 1_000];

  constructor(limits: Partial<WireLimits> = {}) {
    super({ limits: { ...LIMITS, ...limits } });
  }

  /** Announces a stream. */
  async announce(id: number): Promise<RemoteStream<unknown>> {
    const value = new Raw({ as: "stream", id });
    await this.tell({ kind: "message", value });
    return await this.wire.getObject() as RemoteStream<unknown>;
  }

  /** Sends an item of so many bytes, and hears whatever credit comes. */
  async put(id: number, bytes: number): Promise<void> {
    const message = item(id, bytes);
    assertEquals(framed(message).length - 4 + 64, bytes);
    await this.tell(message);
    this.left[id]! -= bytes;
    await settle();
    await this.hearCredit();
  }

  async hearCredit(): Promise<void> {
    await this.tell({ kind: "ping", token: 1 });
    for (;;) {
      const heard = await this.hear("streamCredit", "pong");
      if (heard?.kind !== "streamCredit") return;
      this.left[heard.id]! += heard.amount;
    }
  }
}

/** Takes all items as they come. */
function takeAll(stream: RemoteStream<unknown>): void {
  (async () => {
    for await (const _ of stream);
  })().catch(() => {});
}

/** Sends items until the window stands still; returns its sizes. */
async function sizes(peer: Producer, id: number): Promise<number[]> {
  const seen: number[] = [];
  for (let n = 0; n < 200; n++) {
    const before = peer.left[id]!;
    await peer.put(id, 100);
    const size = peer.left[id]!;
    // Credit came: all that was taken is in it.
    if (size > before - 100 && seen.at(-1) !== size) seen.push(size);
  }
  return seen;
}

test("a stream's window grows while its consumer keeps up, up to streamWindow", async () => {
  await using peer = new Producer();
  await peer.open();
  takeAll(await peer.announce(0));
  assertEquals(await sizes(peer, 0), [2_000, 4_000]);
  assertEquals(peer.wire.ended, undefined);
  // It doubles, and stops there all the same.
  await using other = new Producer({ streamWindow: 2_700 });
  await other.open();
  takeAll(await other.announce(0));
  assertEquals(await sizes(other, 0), [2_000, 2_700]);
});

test("streams grow by what is left, and release it when they end", async () => {
  await using peer = new Producer();
  await peer.open();
  takeAll(await peer.announce(0));
  takeAll(await peer.announce(1));
  assertEquals(await sizes(peer, 0), [2_000, 4_000]);
  // One thousand of the four is left.
  assertEquals(await sizes(peer, 1), [2_000]);
  takeAll(await peer.announce(2));
  assertEquals(await sizes(peer, 2), [1_000]);
  await peer.tell({ kind: "streamEnd", id: 0 });
  assertEquals(await sizes(peer, 2), [2_000, 4_000]);
  await peer.tell({ kind: "streamEnd", id: 2 });
  await peer.tell({ kind: "streamEnd", id: 1 });
  // As often as one likes.
  for (const id of [3, 4, 5]) {
    takeAll(await peer.announce(id));
    assertEquals(await sizes(peer, id), [2_000, 4_000]);
    await peer.tell({ kind: "streamEnd", id });
  }
});

test("what a stream has grown comes back however it ends", async () => {
  const ends: Record<string, (peer: Producer, id: number) => Promise<void>> = {
    failed: (peer, id) =>
      peer.tell({ kind: "streamError", id, thrown: "it broke" }),
    refused: (peer, id) =>
      peer.tell({ kind: "streamFail", id, code: "limit", message: "no" }),
    over: async (peer, id) => {
      await peer.tell({ kind: "streamValue", id, value: [[[[1]]]] });
      await peer.tell({ kind: "streamEnd", id });
    },
  };
  for (const [how, end] of Object.entries(ends)) {
    await using peer = new Producer();
    await peer.open();
    for (const id of [0, 1, 2]) {
      takeAll(await peer.announce(id));
      assertEquals(await sizes(peer, id), [2_000, 4_000], `${how} ${id}`);
      await end(peer, id);
      await settle();
    }
    assertEquals(peer.wire.stats().streamsReceiving, 0);
  }
});

test("a window does not grow while items wait", async () => {
  await using peer = new Producer();
  await peer.open();
  const stream = await peer.announce(0);
  const taking = stream[Symbol.asyncIterator]();
  await peer.put(0, 100);
  for (let n = 0; n < 100; n++) {
    await peer.put(0, 100);
    await taking.next();
    await peer.hearCredit();
    assert(peer.left[0]! <= 900, `${peer.left[0]} with one that waits`);
  }
});

test("the producer may use all of a window that has grown, and no more", async () => {
  await using peer = new Producer();
  await peer.open();
  const stream = await peer.announce(0);
  const taking = stream[Symbol.asyncIterator]();
  for (let n = 0; n < 200; n++) {
    const taken = taking.next();
    await peer.put(0, 100);
    await taken;
  }
  await peer.hearCredit();
  // From here on nobody takes.
  while (peer.left[0]! > 100) await peer.put(0, 100);
  await peer.put(0, peer.left[0]! - 1);
  // The last byte of it may be that of an item which goes beyond.
  assertEquals(peer.left[0], 1);
  await peer.put(0, 100);
  assertEquals(peer.wire.ended, undefined);
  await peer.tell(item(0, 100));
  assertEquals((await peer.hearAbort())?.code, "malformed");
});

test("items that come after a cancel, and over a limit, cost credit as well", async () => {
  const long = "x".repeat(500);
  for (const isOver of [true, false]) {
    await using peer = new Producer();
    await peer.open();
    const stream = await peer.announce(0);
    if (isOver) {
      const taken = fate(stream[Symbol.asyncIterator]().next());
      // Of a thousand, this leaves four hundred and some.
      await peer.tell({ kind: "streamValue", id: 0, value: [[[[long]]]] });
      assertEquals(await taken, "limit undefined");
    } else {
      stream.cancel();
      await settle();
      await peer.tell({ kind: "streamValue", id: 0, value: long });
    }
    await peer.hear("streamCancel");
    for (let n = 0; n < 5; n++) {
      await peer.tell(item(0, 100));
      assertEquals(peer.wire.ended, undefined, `item ${n}`);
    }
    await peer.tell(item(0, 100));
    assertEquals((await peer.hearAbort())?.code, "malformed");
  }
});

/** What several reads get of a stream of one item that then ends somehow. */
const READS: Record<string, [Message | "cancel" | "end", string[]]> = {
  "ends": [{ kind: "streamEnd", id: 0 }, ["done", "done", "done"]],
  "throws": [
    { kind: "streamError", id: 0, thrown: "it broke" },
    ["failed", "done", "done"],
  ],
  "is refused": [
    { kind: "streamFail", id: 0, code: "limit", message: "no" },
    ["failed", "done", "done"],
  ],
  "is over a limit": [
    { kind: "streamValue", id: 0, value: [[[[1]]]] },
    ["failed", "done", "done"],
  ],
  "is cancelled": ["cancel", ["done", "done", "done"]],
  "goes with its wire": ["end", ["failed", "done", "done"]],
};

for (const [how, [last, expected]] of Object.entries(READS)) {
  test(`every read learns that a stream ${how}`, async () => {
    await using peer = new Producer();
    await peer.open();
    const stream = await peer.announce(0);
    const taking = stream[Symbol.asyncIterator]();
    const takers = [1, 2, 3, 4].map(() =>
      taking.next().then(({ done }) => done ? "done" : "item", () => "failed")
    );
    await peer.put(0, 100);
    if (last === "cancel") stream.cancel();
    else if (last === "end") peer.wire.abort();
    else await peer.tell(last);
    assertEquals(await Promise.all(takers), ["item", ...expected]);
    assertEquals((await taking.next()).done, true);
  });

  test(`reads that nobody awaits harm nothing when a stream ${how}`, async () => {
    const unhandled = await unhandledIn(async () => {
      await using peer = new Producer();
      await peer.open();
      const stream = await peer.announce(0);
      const taking = stream[Symbol.asyncIterator]();
      for (let n = 0; n < 4; n++) taking.next();
      await peer.put(0, 100);
      if (last === "cancel") stream.cancel();
      else if (last === "end") peer.wire.abort();
      else await peer.tell(last);
      await settle();
      taking.next();
    });
    assertEquals(unhandled, []);
  });
}

test("two reads get two items, in the order in which they asked", async () => {
  const [near, far] = anyPair({}, {
    functions: {
      async *count() {
        for (let n = 0; n < 6; n++) yield await n;
      },
    },
  });
  const stream = await near.remoteValue.count() as RemoteStream<number>;
  const taking = stream[Symbol.asyncIterator]();
  const got = await Promise.all([1, 2, 3].map(() => taking.next()));
  assertEquals(got.map(({ value }) => value), [0, 1, 2]);
  const rest = await Promise.all([1, 2, 3, 4, 5].map(() => taking.next()));
  assertEquals(rest.map(({ value }) => value), [3, 4, 5, undefined, undefined]);
  await near.close();
  await far.closed;
});

test("where memory is short, what waits is taken before more may come", async () => {
  const memory = new Memory(1_000);
  const given: number[] = [];
  const grown: number[] = [];
  const sink = new Sink(0, {
    first: 1_000,
    most: 4_000,
    grow: (wanted) => (grown.push(wanted), wanted),
    credit: (_id, amount) => given.push(amount),
    cancel() {},
    holdings: new Holdings(memory),
  });
  const put = () =>
    sink.put({ value: 1, attachments: undefined, cost: 300, excess: 10 });
  // Others hold more than half of it.
  memory.hold(600);
  for (let count = 0; count < 3; count++) put();
  await sink.take();
  await sink.take();
  assertEquals(given, []);
  // Who takes the last one gets more in any case, but the window stays.
  await sink.take();
  assertEquals([given, grown], [[900], []]);
  memory.give(600);
  for (let count = 0; count < 3; count++) put();
  await sink.take();
  await sink.take();
  assertEquals(given, [900, 600]);
  await sink.take();
  put();
  await sink.take();
  assertEquals([given, grown], [[900, 600, 1_600], [1_000]]);
  assertEquals(memory.held, 0);
});

/** A sink with credit of 1,000, and what is told of it. */
function sinkOf(memory = new Memory(10_000)) {
  const told: string[] = [];
  const sink = new Sink(1, {
    first: 1_000,
    most: 1_000,
    grow: () => 0,
    credit: (_id, amount) => told.push(`credit ${amount}`),
    cancel: () => told.push("cancel"),
    holdings: new Holdings(memory),
  });
  const call = {
    add() {},
    moved() {},
    remove: () => void told.push("let go"),
  } as unknown as StreamsOfCall;
  const put = (cost: number) => sink.put({ value: cost, cost, excess: cost });
  return { sink, call, told, memory, put };
}

const GIVEN_UP = new WireError("cancelled", "Enough.");

test("Sink.put() takes nothing once credit is used up to the byte", () => {
  const { put } = sinkOf();
  put(1_000);
  assertThrows(() => put(1), WireError, "beyond its credit");
});

test("Sink.end() with a sudden failure discards what came", async () => {
  const { sink, memory, put } = sinkOf();
  put(10);
  sink.end({ error: GIVEN_UP, isSudden: true });
  assertEquals(memory.held, 0);
  assertEquals(await fate(sink.take()), "cancelled undefined");
  // Any other failure is behind what came.
  const other = sinkOf();
  other.put(10);
  other.sink.end({ error: GIVEN_UP });
  assertEquals((await other.sink.take()).value, 10);
  assertEquals(await fate(other.sink.take()), "cancelled undefined");
});

test("Sink.cancel() discards what came, and releases its memory", async () => {
  const { sink, memory, told, put } = sinkOf();
  for (const cost of [10, 20]) put(cost);
  assertEquals(memory.held, 30);
  sink.cancel();
  assertEquals([memory.held, told], [0, ["cancel"]]);
  assertEquals((await sink.take()).done, true);
});

test("Sink.abort() leaves a stream alone that was read to its end", async () => {
  const { sink, told, put } = sinkOf();
  put(10);
  sink.end();
  await sink.take();
  sink.abort(GIVEN_UP);
  assertEquals((await sink.take()).done, true);
  assertEquals(told, []);
  // What is not read yet is discarded.
  const other = sinkOf();
  other.put(10);
  other.sink.end();
  other.sink.abort(GIVEN_UP);
  assertEquals(await fate(other.sink.take()), "cancelled undefined");
});

test("Sink.take() lets its call go with the last item, and not before", async () => {
  const { sink, call, told, put } = sinkOf();
  sink.call = call;
  for (const cost of [10, 20]) put(cost);
  sink.end();
  await sink.take();
  assertEquals(told, []);
  await sink.take();
  assertEquals(told, ["let go"]);
});

test("a peer has as many streams open as it may, and no more", async () => {
  await using peer = new Producer({ streams: 2 });
  await peer.open();
  for (const id of [0, 1]) await peer.announce(id);
  await peer.tell({ kind: "streamEnd", id: 0 });
  await peer.announce(2);
  assertEquals(peer.wire.ended, undefined);
  const value = new Raw({ as: "stream", id: 3 });
  await peer.tell({ kind: "message", value });
  await peer.hear("abort");
  assertEquals(peer.wire.ended?.code, "malformed");
});
