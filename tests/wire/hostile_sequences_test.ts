/**
 * Peers whose every message is well formed, and whose order is not: a typed
 * error ends their wire, or fails their call, and costs little.
 */

import { assert, assertEquals } from "@std/assert";
import { type RemoteStream, type WireError, wirePair } from "../../wire/mod.ts";
import { ByteWriter } from "../../wire/codec/bytes.ts";
import { Encoder } from "../../wire/codec/codec.ts";
import { DEFAULT_LIMITS } from "../../wire/base/limits.ts";
import type { Message } from "../../wire/codec/messages.ts";
import { settle } from "../_fake_clock.ts";
import {
  call,
  frame,
  framed,
  framedBy,
  hello,
  RawPeer,
  send,
} from "../_raw_peer.ts";
import { RAW, Raw } from "../_raw_values.ts";
import { test } from "../_test.ts";

type Reference = { slot: number; nonce: number };

const result = (id: number) => new Raw({ as: "result", id });
const stream = (id: number) => new Raw({ as: "stream", id });
const object = (slot: number, nonce = 1) =>
  new Raw({ as: "object", slot, nonce, isFunction: true });

function callOn(
  id: number,
  target: Reference | { result: number },
  name = "",
): Message {
  return { ...call(id, name), target } as Message;
}

/** What the answers to some calls say, by id. */
async function answers(
  peer: RawPeer,
  count: number,
): Promise<Record<number, unknown>> {
  const found: Record<number, unknown> = {};
  for (let n = 0; n < count; n++) {
    const message = (await peer.hear("return", "fail"))!;
    found[message.id] = message.kind === "fail" ? message.code : message.value;
  }
  return found;
}

/** Definitions that a message needs, and its body. */
function definedAndBody(message: Message): [Uint8Array<ArrayBuffer>, number[]] {
  const bytes = framed(message);
  let start = 0;
  for (;;) {
    const size = new DataView(bytes.buffer).getUint32(start);
    const end = start + 4 + size;
    if (end === bytes.length) {
      return [bytes.slice(0, start), [...bytes.subarray(start + 4)]];
    }
    start = end;
  }
}

/** A peer that has a function of the wire's. */
async function withFunction(): Promise<[RawPeer, Reference]> {
  const peer = new RawPeer();
  peer.wire.serve({ give: () => () => 1, take: (x: unknown) => typeof x });
  await peer.open();
  await peer.tell(call(0, "give"));
  const { passed } = (await peer.hear("return"))!.value as Raw;
  return [peer, passed as Reference & { as: "object" }];
}

const UNGREETED: Message[] = [
  { kind: "release", slot: 0, nonce: 0, count: 1 },
  { kind: "streamValue", id: 0, value: object(0) },
  { kind: "streamBytes", id: 0, bytes: new Uint8Array(10) },
  { kind: "streamEnd", id: 0 },
  { kind: "streamError", id: 0, thrown: object(0) },
  { kind: "streamCancel", id: 0, reason: object(0) },
  { kind: "streamCredit", id: 0xffffffff, amount: 1 },
  { kind: "return", id: 0, value: [object(0), stream(0)] },
  { kind: "throw", id: 0xffffffff, thrown: object(0) },
  call(0, "take", object(0)),
  send("take", stream(0)),
  { kind: "message", value: object(0) },
];

for (const message of UNGREETED) {
  test(`a ${message.kind} before anything was asked ends the wire`, async () => {
    await using peer = new RawPeer({ confirm: () => new Promise(() => {}) });
    const hearing = peer.hearAbort();
    await peer.tell(hello(), message);
    assertEquals((await peer.wire.closed).code, "malformed");
    assertEquals((await hearing)?.code, "malformed");
    const { objectsImported, streamsReceiving } = peer.wire.stats();
    assertEquals([objectsImported, streamsReceiving], [0, 0]);
  });
}

test("results of calls that wait for room, or were cancelled there", async () => {
  await using peer = new RawPeer({ limits: { sendPause: 1_000 } });
  peer.wire.serve({
    large: () => "x".repeat(2_000),
    give: () => () => "given",
    take: (x: unknown) => x,
  });
  await peer.open();
  // Nothing is read yet: all but the first wait for room in the output.
  await peer.tell(
    call(0, "large"),
    call(1, "give"),
    callOn(2, { result: 1 }),
    call(3, "take", result(3)),
    call(4, "take", 7),
    { kind: "cancel", id: 4 },
    callOn(5, { result: 4 }),
    call(6, "take", result(4)),
    callOn(7, { result: 0xffffffff }),
    call(8, "take", [result(1), result(2)]),
  );
  const told = await answers(peer, 9);
  const [large, give, ...others] = Object.values(told);
  assertEquals((large as string).length, 2_000);
  assertEquals((give as Raw).passed.as, "object");
  const list = others.pop() as unknown[];
  assertEquals((list[0] as Raw).passed.as, "object");
  assertEquals(list[1], "given");
  const [ofGive, ofItself, cancelled, ...late] = others;
  assertEquals([ofGive, cancelled], ["given", "cancelled"]);
  assertEquals(late, ["cancelled", "cancelled", "resultGone"]);
  assertEquals(ofItself, "resultGone");
  assertEquals(peer.wire.stats().callsRunning, 0);
});

test("an object is released between the pieces of its call", async () => {
  const [peer, reference] = await withFunction();
  await using _peer = peer;
  const [, body] = definedAndBody(callOn(1, reference, "give"));
  // Its name is defined already, with the index 0.
  await peer.say(frame(5, 9, 0, body.length, ...body.slice(0, 3)));
  await peer.tell({ kind: "release", ...reference, count: 1 });
  await peer.say(frame(5, 9, 0, ...body.slice(3)));
  assertEquals(await answers(peer, 1), { 1: "noSuchObject" });
  assertEquals(peer.wire.stats().objectsExported, 0);
});

test("an object is forgotten between the pieces that bring it", async () => {
  await using peer = new RawPeer();
  peer.wire.serve({
    take: (x: Disposable & { signal: AbortSignal }) => {
      const { aborted } = x.signal;
      x[Symbol.dispose]();
      return aborted;
    },
  });
  await peer.open();
  const [defined, body] = definedAndBody(call(1, "take", object(3)));
  await peer.say(defined);
  await peer.say(frame(5, 0, 0, body.length, ...body.slice(0, 5)));
  await peer.tell({ kind: "forget", slot: 3, nonce: 1 });
  await peer.say(frame(5, 0, 0, ...body.slice(5)));
  assertEquals((await peer.hear("release"))!.count, 1);
  // It was not held when it was forgotten: that is ignored.
  assertEquals(await answers(peer, 1), { 1: false });
});

test("what comes of a stream after its end ends the wire", async () => {
  await using peer = new RawPeer();
  const kept: unknown[] = [];
  peer.wire.serve({ take: (x: unknown) => void kept.push(x) });
  await peer.open();
  await peer.tell(
    send("take", stream(0xffffffff)),
    { kind: "streamEnd", id: 0xffffffff },
  );
  assertEquals(peer.wire.stats().streamsReceiving, 0);
  const hearing = peer.hearAbort();
  await peer.tell({ kind: "streamValue", id: 0xffffffff, value: object(0) });
  assertEquals((await hearing)?.code, "malformed");
  assertEquals(peer.wire.stats().objectsImported, 0);
});

/** Numbers under which a peer announces streams, and whether it may. */
const NUMBERS: readonly [numbers: number[], mayBe: boolean][] = [
  [[0, 1, 2, 3], true],
  [[3, 0, 2, 1], true],
  [[0xffff_fffe, 0, 1], true],
  [[1_000, 2_000, 3_000, 2_999], true],
  [Array.from({ length: 1_000 }, (_, n) => 2 * n), true],
  [[0, 0], false],
  [[0, 1, 2, 1], false],
  [[5, 3, 3], false],
  [[7, 6, 5, 7], false],
  [[0xffff_fffe, 0xffff_fffe], false],
  [[...Array.from({ length: 1_000 }, (_, n) => n), 500], false],
];

for (const [numbers, mayBe] of NUMBERS) {
  const some = numbers.slice(0, 4).join(", ");
  test(`streams of the numbers ${some}… are ${mayBe ? "taken" : "too many of one"}`, async () => {
    await using peer = new RawPeer();
    await peer.open();
    const ended = peer.wire.closed;
    for (const id of numbers) {
      await peer.tell(send("missing", stream(id)), { kind: "streamEnd", id });
    }
    if (mayBe) await peer.tell({ kind: "abort", code: "", message: "" });
    const { code, message } = await ended;
    assertEquals(code, mayBe ? "peerAborted" : "malformed");
    if (!mayBe) assert(message.includes(`${numbers.at(-1)}`), message);
  });
}

test("a peer that closes gracefully may end its streams before it finishes", async () => {
  await using peer = new RawPeer();
  const kept: RemoteStream<number>[] = [];
  peer.wire.serve({ take: (x: RemoteStream<number>) => void kept.push(x) });
  await peer.open();
  await peer.tell(send("take", stream(0)), { kind: "close" });
  await settle();
  assertEquals(peer.wire.ended, undefined);
  await peer.tell(
    { kind: "streamValue", id: 0, value: 1 },
    { kind: "streamEnd", id: 0 },
  );
  await peer.hear("finish");
  const items: number[] = [];
  for await (const item of kept[0]!) items.push(item);
  assertEquals(items, [1]);
  await peer.end();
  await peer.hearOut();
  assertEquals((await peer.wire.closed).code, "closed");
});

/** Says messages again and again; returns how many bytes that took. */
async function flood(peer: RawPeer, messages: Message[]): Promise<number> {
  const encoder = new Encoder(new ByteWriter(), DEFAULT_LIMITS, {
    exporter: RAW,
  });
  // What has to be defined is said once.
  await peer.say(framedBy(encoder, ...messages));
  const bytes = framedBy(encoder, ...messages);
  const atOnce = Math.floor(60_000 / bytes.length);
  const chunk = new Uint8Array(bytes.length * atOnce);
  for (let n = 0; n < atOnce; n++) chunk.set(bytes, n * bytes.length);
  let said = 0;
  for (let n = 0; n < 100_000; n += atOnce * messages.length) {
    await peer.say(chunk);
    said += chunk.length;
  }
  return said;
}

const FLOODS: Record<string, Message[]> = {
  "cancels of a stream that has ended": [
    { kind: "streamCancel", id: 0, reason: object(7) },
  ],
  "cancels of a stream that is cancelled": [
    { kind: "streamCancel", id: 1, reason: object(7) },
  ],
  "credit for a stream that has ended": [
    { kind: "streamCredit", id: 0, amount: 1 },
  ],
  "credit for a stream that is cancelled": [
    { kind: "streamCredit", id: 1, amount: 1 },
  ],
  "forgotten objects": [{ kind: "forget", slot: 0xffffffff, nonce: 1 }],
};

for (const [what, messages] of Object.entries(FLOODS)) {
  test(`100,000 ${what} cost no more than they are`, async () => {
    await using peer = new RawPeer();
    peer.wire.serve({
      async *one() {
        yield await 1;
      },
      async *stuck() {
        yield await 1;
        await new Promise((resolve) => peer.wire.onDeath(resolve));
      },
    });
    await peer.open();
    await peer.tell(call(0, "one"), call(1, "stuck"));
    await peer.hear("streamEnd");
    await peer.tell({ kind: "streamCancel", id: 1, reason: undefined });
    await settle();
    const said = await flood(peer, messages);
    const { outputWaiting, objectsImported } = peer.wire.stats();
    assert(outputWaiting <= said, `${outputWaiting} for ${said}`);
    assertEquals([peer.wire.ended, objectsImported], [undefined, 0]);
  });
}

test("100,000 abandoned streams cost no more than they are", async () => {
  await using peer = new RawPeer();
  await peer.open();
  const before = peer.said;
  for (let first = 0; first < 100_000; first += 1_000) {
    const ids = Array.from({ length: 1_000 }, (_, n) => first + n);
    await peer.tell(...ids.flatMap((id): Message[] => [
      send("missing", stream(id)),
      { kind: "streamEnd", id },
    ]));
  }
  const said = peer.said - before;
  const { outputWaiting, streamsReceiving } = peer.wire.stats();
  assert(outputWaiting <= said, `${outputWaiting} for ${said}`);
  assertEquals([peer.wire.ended, streamsReceiving], [undefined, 0]);
});

test("objects that were forgotten take room until they are released", async () => {
  const [near, far] = wirePair({ limits: { objects: 1_000 } });
  const given: Disposable[] = [];
  near.serve({ take: (x: Disposable) => void given.push(x) });
  const { take } = far.remoteValue;
  for (let round = 0; round < 20; round++) {
    const functions = Array.from({ length: 1_000 }, () => () => round);
    await Promise.all(functions.map((f) => take!(f)));
    functions.forEach((f) => far.forgetRemoteTranslation(f));
    const error = await take!(() => 0).catch((error: WireError) => error);
    assertEquals((error as WireError).code, "limit");
    for (const reference of given.splice(0)) reference[Symbol.dispose]();
    await near.ping();
    assertEquals(far.stats().objectsExported, 0);
  }
  await near.close();
});

const NAMED = 20_000;

for (const name of ["now", "later"]) {
  test(`results of ${name}() are not copied without end`, async () => {
    await using peer = new RawPeer({
      limits: { window: 50_000, message: 50_000 },
    });
    const list = Array.from({ length: 1_000 }, (_, n) => n);
    let copies = 0;
    peer.wire.serve({
      now: () => list,
      later: async () => (await settle(), list),
      first: () => 0,
      take: (...all: unknown[]) => copies += new Set(all).size,
      keep: () => new Promise((resolve) => peer.wire.onDeath(resolve)),
    });
    await peer.open();
    const many = Array.from({ length: NAMED }, () => result(0));
    await peer.tell(call(0, name), call(1, "take", ...many));
    assertEquals((await answers(peer, 2))[1], "resultGone");
    // What calls hold that go on counts together.
    const few = Array.from({ length: 12 }, () => result(0));
    await peer.tell(
      call(0, name),
      ...[1, 2, 3, 4, 5].map((id) => call(id, "keep", ...few)),
      call(6, "take", ...few),
    );
    const told = await answers(peer, 4);
    assertEquals(Object.values(told).slice(1), Array(3).fill("resultGone"));
    assertEquals([copies, peer.wire.stats().callsRunning], [0, 3]);
  });
}

test("copies of results are released with their calls", async () => {
  const [near, far] = wirePair({}, {
    limits: { window: 50_000, message: 50_000 },
  });
  const list = Array.from({ length: 1_000 }, (_, n) => n);
  far.serve({
    list: () => list,
    sizes: async (...lists: number[][]) => {
      await settle();
      return lists.map(({ length }) => length);
    },
  });
  for (let round = 0; round < 50; round++) {
    const base = near.remoteValue.list();
    const { sizes } = near.remoteValue;
    const both = await Promise.all([sizes!(base, base), sizes!([], base)]);
    assertEquals(both, [[1_000, 1_000], [0, 1_000]]);
  }
  await near.close();
});
