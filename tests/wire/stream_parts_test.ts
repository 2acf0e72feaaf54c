/**
 * Bytes of a stream whose frame does not come at once: they are put together
 * where they are to be in the end.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { FrameDecoder } from "../../wire/codec/frames.ts";
import type { RemoteStream, WireLimits } from "../../wire/mod.ts";
import { settle } from "../_fake_clock.ts";
import { frame, framed, Raw, RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { newDecoder } from "./_codec.ts";
import { bytesAllocated } from "./_counting.ts";

/** Large enough for what is sent to need no credit. */
const LIMITS = { streams: 2, window: 100_000 };
/** Where a frame is cut: in its header, behind that, in its head, later. */
const CUTS = [1, 4, 5, 9, 15, 16, 17, 30, 5_000, 10_005];

const BYTES = Uint8Array.from({ length: 10_000 }, (_, at) => at * 31 >> 3);

/** A peer that has announced streams, 0 and 1, and the streams. */
async function announced(limits: Partial<WireLimits> = {}) {
  const peer = new RawPeer({ limits: { ...LIMITS, ...limits } });
  await peer.open();
  const streams: RemoteStream<unknown>[] = [];
  for (const id of [0, 1]) {
    const value = new Raw({ as: "stream", id });
    await peer.tell({ kind: "message", value });
    streams.push(await peer.wire.getObject() as RemoteStream<unknown>);
  }
  const [first, second] = streams as [
    RemoteStream<unknown>,
    RemoteStream<unknown>,
  ];
  return { peer, first, second };
}

/** Says bytes in two parts. */
async function sayInParts(
  peer: RawPeer,
  bytes: Uint8Array<ArrayBuffer>,
  cut: number,
): Promise<void> {
  await peer.say(bytes.slice(0, cut));
  await settle();
  await peer.say(bytes.slice(cut));
}

function item(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return framed({ kind: "streamBytes", id: 0, bytes });
}

test("bytes of a stream come whole, wherever their frame is cut", async () => {
  for (const cut of CUTS) {
    const { peer, first, second } = await announced();
    await using _peer = peer;
    const items = first[Symbol.asyncIterator]();
    // The first is waited for, the second is not.
    const next = items.next();
    await sayInParts(peer, item(BYTES), cut);
    assertEquals((await next).value, BYTES, `cut at ${cut}`);
    await sayInParts(peer, item(BYTES), cut);
    await settle();
    assertEquals((await items.next()).value, BYTES, `cut at ${cut}`);
    // A buffer is filled, and what is too large for it is kept.
    const reader = second.bytes.getReader({ mode: "byob" });
    for (const size of [10_000, 12_000, 9_000]) {
      const read = reader.read(new Uint8Array(size));
      const message = { kind: "streamBytes", id: 1, bytes: BYTES } as const;
      await sayInParts(peer, framed(message), cut);
      const { value } = await read;
      const count = Math.min(size, BYTES.length);
      assertEquals(value, BYTES.subarray(0, count), `cut at ${cut}`);
      assertEquals(value!.buffer.byteLength, size);
    }
    const { value } = await reader.read(new Uint8Array(9_000));
    assertEquals(value, BYTES.subarray(9_000));
  }
});

test("bytes over streamWindow fail their stream alone, in parts too", async () => {
  for (const cut of CUTS) {
    const { peer, first, second } = await announced({ streamWindow: 9_000 });
    await using _peer = peer;
    const items = first[Symbol.asyncIterator]();
    const next = items.next();
    const failed = assertRejects(() => next, Error, "streamWindow");
    await sayInParts(peer, item(BYTES), cut);
    await failed;
    assertEquals((await peer.hear("streamCancel"))!.id, 0);
    await peer.tell({ kind: "streamValue", id: 1, value: "fine" });
    const other = second[Symbol.asyncIterator]();
    assertEquals((await other.next()).value, "fine");
  }
});

test("a reader that leaves in the middle of its bytes gets none of them", async () => {
  const { peer, first, second } = await announced();
  await using _peer = peer;
  const reader = first.bytes.getReader({ mode: "byob" });
  const read = reader.read(new Uint8Array(20_000));
  const bytes = item(BYTES);
  await peer.say(bytes.slice(0, 6_000));
  await settle();
  const cancelled = reader.cancel();
  assertEquals((await read).done, true);
  await peer.say(bytes.slice(6_000));
  await peer.tell({ kind: "streamEnd", id: 0 });
  await cancelled;
  await peer.tell({ kind: "streamValue", id: 1, value: "fine" });
  const other = second[Symbol.asyncIterator]();
  assertEquals((await other.next()).value, "fine");
});

test("a wire that ends in the middle of bytes fails their stream", async () => {
  const { peer, first } = await announced();
  await using _peer = peer;
  const reader = first.bytes.getReader({ mode: "byob" });
  const read = reader.read(new Uint8Array(20_000));
  const failed = assertRejects(() => read, Error, "within a frame");
  await peer.say(item(BYTES).slice(0, 6_000));
  await settle();
  await peer.end();
  await failed;
});

test("bytes of a stream take memory as they come, and are counted", () => {
  const size = 200_000;
  const body = new Uint8Array(100_000);
  body.set([0x51, 0]);
  const start = frame(...body.subarray(0, 50));
  new DataView(start.buffer).setUint32(0, size);
  const decoder = newDecoder();
  const before = decoder.total;
  const feed = (bytes: Uint8Array) => {
    decoder.feed(bytes);
    assertEquals(decoder.next(), undefined);
  };
  assert(bytesAllocated(() => feed(start)) < 2_000);
  assert(decoder.total - before < 2_000);
  feed(body);
  const held = decoder.total - before;
  assert(held >= 100_000 && held < 2_000_000, `${held} bytes`);
  assertEquals(decoder.unfinished, true);
  assert(decoder.isBulk);
});

test("a frame of bytes is handed out in parts only from 4 KiB on", () => {
  for (const size of [4_095, 4_096]) {
    const frames = new FrameDecoder(10_000, -1, 7);
    const whole = frame(7, ...new Array(size - 1).fill(0));
    frames.feed(whole.subarray(0, 100));
    assertEquals(frames.next(), size >= 4_096);
    assertEquals(frames.rest, size >= 4_096 ? size - 96 : 0);
    if (frames.rest > 0) frames.next();
    frames.feed(whole.subarray(100));
    assert(frames.next());
    assertEquals([frames.rest, frames.unfinished], [0, 0]);
    assertEquals(frames.end - frames.start, size >= 4_096 ? size - 96 : size);
  }
});

test("a stream may be left while its frame has come in part, whoever waits", async () => {
  for (const cut of CUTS) {
    const { peer, first, second } = await announced();
    await using _peer = peer;
    const reader = first.bytes.getReader({ mode: "byob" });
    const read = reader.read(new Uint8Array(BYTES.length));
    const bytes = item(BYTES);
    await peer.say(bytes.slice(0, cut));
    await settle();
    first.cancel();
    assertEquals((await read).done, true, `cut at ${cut}`);
    await peer.say(bytes.slice(cut));
    await peer.say(framed({ kind: "streamValue", id: 1, value: "more" }));
    const next = await second[Symbol.asyncIterator]().next();
    assertEquals(next.value, "more", `cut at ${cut}`);
  }
});

test("what is passed to next() of a stream's iterator is no room for bytes", async () => {
  for (const passed of ["text", [1], 5, {}, null, new Uint8Array(4)]) {
    const { peer, first } = await announced();
    await using _peer = peer;
    const items = first[Symbol.asyncIterator]() as AsyncIterator<
      unknown,
      undefined,
      unknown
    >;
    const next = items.next(passed);
    await sayInParts(peer, item(BYTES), 5_000);
    assertEquals((await next).value, BYTES);
    assertEquals(peer.wire.ended, undefined);
  }
});
