/**
 * Peers that misuse references, streams and results: a typed error ends their
 * wire, or fails their call, and nothing else notices.
 */

import { assert, assertEquals } from "@std/assert";
import {
  makeRemoteObject,
  remoteObjectValue,
  type RemoteStream,
  type WireError,
  wirePair,
} from "../../wire/mod.ts";
import type { Message } from "../../wire/codec/messages.ts";
import { settle } from "../_fake_clock.ts";
import { call, Raw, RawPeer, send } from "../_raw_peer.ts";
import { test } from "../_test.ts";

type Reference = { slot: number; nonce: number };

/** A peer to which the wire has passed a function. */
async function peerWithFunction(): Promise<
  { peer: RawPeer; reference: Reference; ran: () => number }
> {
  const peer = new RawPeer();
  let count = 0;
  peer.wire.serve({
    give: () => () => ++count,
    echo: (x: unknown) => x,
    take: () => "taken",
  });
  await peer.open();
  await peer.tell(call(0, "give"));
  const answer = await peer.hear("return");
  const { slot, nonce } = (answer!.value as Raw).passed as
    & Reference
    & { as: "object" };
  return { peer, reference: { slot, nonce }, ran: () => count };
}

function callOn(id: number, target: Reference | { result: number }): Message {
  return { ...call(id, ""), target } as Message;
}

test("a call of a reference that was made up fails alone", async () => {
  const { peer, reference, ran } = await peerWithFunction();
  await using _peer = peer;
  const { slot, nonce } = reference;
  const forged: Reference[] = [
    { slot, nonce: (nonce + 1) >>> 0 },
    { slot: slot + 1, nonce },
    { slot: 0xffffffff, nonce: 0 },
  ];
  for (const [index, target] of forged.entries()) {
    await peer.tell(callOn(index, target));
    const failed = await peer.hear("fail");
    assertEquals([failed!.id, failed!.code], [index, "noSuchObject"]);
  }
  await peer.tell(call(9, "take", new Raw({ as: "own", slot: 77, nonce: 1 })));
  assertEquals((await peer.hear("fail"))!.code, "noSuchObject");
  assertEquals(ran(), 0);
  await peer.tell(callOn(5, reference));
  assertEquals((await peer.hear("return"))!.value, 1);
});

test("a peer that sweeps for references is cut off", async () => {
  const { peer, ran } = await peerWithFunction();
  await using _peer = peer;
  const hearing = peer.hearAbort();
  for (let nonce = 0; nonce < 100 && peer.wire.ended === undefined; nonce++) {
    await peer.tell(callOn(nonce, { slot: 0, nonce }));
  }
  assertEquals((await peer.wire.closed).code, "malformed");
  assertEquals((await hearing)?.code, "malformed");
  assertEquals(ran(), 0);
});

test("a call of a reference that was released fails", async () => {
  const { peer, reference, ran } = await peerWithFunction();
  await using _peer = peer;
  await peer.tell(
    { kind: "release", ...reference, count: 1 },
    callOn(1, reference),
  );
  assertEquals((await peer.hear("fail"))!.code, "noSuchObject");
  // Neither is its result there any more, by which it was passed.
  await peer.tell(callOn(2, { result: 0 }));
  assertEquals((await peer.hear("fail"))!.code, "resultGone");
  assertEquals(ran(), 0);
});

test("a release while its object's function runs is harmless", async () => {
  await using peer = new RawPeer();
  const gate = Promise.withResolvers<void>();
  peer.wire.serve({
    give: () => async () => {
      await gate.promise;
      return "done";
    },
  });
  await peer.open();
  await peer.tell(call(0, "give"));
  const { passed } = (await peer.hear("return"))!.value as Raw;
  const { slot, nonce } = passed as Reference & { as: "object" };
  await peer.tell(
    callOn(1, { slot, nonce }),
    { kind: "release", slot, nonce, count: 1 },
  );
  gate.resolve();
  assertEquals((await peer.hear("return"))!.value, "done");
  assertEquals(peer.wire.stats().objectsExported, 0);
});

/** What a peer may not say that holds one function, once. */
const VIOLATIONS: [string, (held: Reference) => Message[]][] = [
  ["a release of what it does not have", () => [
    { kind: "release", slot: 50, nonce: 0, count: 1 },
  ]],
  ["a release with a wrong nonce", ({ slot, nonce }) => [
    { kind: "release", slot, nonce: nonce ^ 1, count: 1 },
  ]],
  ["a second release", (held) => [
    { kind: "release", ...held, count: 1 },
    { kind: "release", ...held, count: 1 },
  ]],
  ["a release of too much", (held) => [
    { kind: "release", ...held, count: 2 },
  ]],
  ["a release of nothing", (held) => [
    { kind: "release", ...held, count: 0 },
  ]],
  ["another object in the place of one", () => [
    send("echo", object(3, 1)),
    send("echo", object(3, 2)),
  ]],
  ["items of no stream", () => [{ kind: "streamValue", id: 0, value: 1 }]],
  ["bytes of no stream", () => [
    { kind: "streamBytes", id: 9, bytes: new Uint8Array(1) },
  ]],
  ["the end of no stream", () => [{ kind: "streamEnd", id: 0 }]],
  ["the failure of no stream", () => [
    { kind: "streamError", id: 0, thrown: 1 },
  ]],
  ["credit for no stream", () => [
    { kind: "streamCredit", id: 0, amount: 1 },
  ]],
  ["the cancel of no stream", () => [
    { kind: "streamCancel", id: 0, reason: 1 },
  ]],
  ["an item after the end", () => [
    send("echo", new Raw({ as: "stream", id: 0 })),
    { kind: "streamEnd", id: 0 },
    { kind: "streamValue", id: 0, value: 1 },
  ]],
  ["a second end", () => [
    send("echo", new Raw({ as: "stream", id: 0 })),
    { kind: "streamEnd", id: 0 },
    { kind: "streamEnd", id: 0 },
  ]],
  ["a stream twice", () => [
    send("echo", new Raw({ as: "stream", id: 0 })),
    send("echo", new Raw({ as: "stream", id: 0 })),
  ]],
  ["more streams than are taken", () => [
    send(
      "echo",
      Array.from({ length: 101 }, (_, id) => new Raw({ as: "stream", id })),
    ),
  ]],
  ["items beyond the credit", () => [
    send("echo", new Raw({ as: "stream", id: 0 })),
    ...Array.from({ length: 40 }, (): Message => ({
      kind: "streamBytes",
      id: 0,
      bytes: new Uint8Array(1_000),
    })),
  ]],
];

function object(slot: number, nonce: number): Raw {
  return new Raw({ as: "object", slot, nonce, isFunction: false });
}

for (const [what, messages] of VIOLATIONS) {
  test(`${what} ends the wire`, async () => {
    const { peer, reference } = await peerWithFunction();
    await using _peer = peer;
    const hearing = peer.hearAbort();
    await peer.tell(...messages(reference));
    assertEquals((await peer.wire.closed).code, "malformed");
    assertEquals((await hearing)?.code, "malformed");
  });
}

test("more objects than are held end the wire", async () => {
  await using peer = new RawPeer({ limits: { objects: 10 } });
  const kept: unknown[] = [];
  peer.wire.serve({ keep: (x: unknown) => void kept.push(x) });
  await peer.open();
  const hearing = peer.hearAbort();
  for (let slot = 0; slot < 11; slot++) {
    await peer.tell(send("keep", object(slot, 0)));
  }
  assertEquals((await peer.wire.closed).code, "malformed");
  assertEquals(kept.length, 10);
  await hearing;
});

test("a side that passes more objects than its peer holds is told", async () => {
  const [near, far] = wirePair({ limits: { objects: 10 } });
  far.serve({
    give: (count: number) =>
      Array.from({ length: count }, () => makeRemoteObject({})),
  });
  await near.opened;
  const error = await near.remoteValue.give(11).catch((e: unknown) => e);
  assertEquals((error as WireError).code, "limit");
  assertEquals(far.stats().objectsExported, 0);
  assertEquals((await near.remoteValue.give(10)).length, 10);
  near.abort();
  await far.closed;
});

/** Starts a stream of the wire's, and tells its number. */
async function streaming(peer: RawPeer): Promise<number> {
  peer.wire.serve({
    async *endless() {
      for (;;) yield await new Uint8Array(1_000);
    },
  });
  await peer.open();
  await peer.tell(call(0, "endless"));
  const answer = await peer.hear("return");
  return ((answer!.value as Raw).passed as { id: number }).id;
}

test("a consumer that gives no credit gets no more than its window", async () => {
  await using peer = new RawPeer();
  await streaming(peer);
  await settle();
  const { bytesSent, outputWaiting } = peer.wire.stats();
  assert(bytesSent + outputWaiting < 40_000, `${bytesSent}, ${outputWaiting}`);
  assertEquals(peer.wire.ended, undefined);
});

for (const amount of [0, 0xffffffff]) {
  test(`credit of ${amount} ends the wire`, async () => {
    await using peer = new RawPeer();
    const id = await streaming(peer);
    const hearing = peer.hearAbort();
    await peer.tell({ kind: "streamCredit", id, amount });
    assertEquals((await peer.wire.closed).code, "malformed");
    await hearing;
  });
}

test("credit and cancel that cross a stream's end are harmless", async () => {
  await using peer = new RawPeer();
  const id = await streaming(peer);
  await peer.tell(
    { kind: "streamCancel", id, reason: undefined },
    { kind: "streamCancel", id, reason: "again" },
    { kind: "streamCredit", id, amount: 1_000 },
  );
  await peer.hear("streamEnd");
  await peer.tell(
    { kind: "streamCredit", id, amount: 1_000 },
    { kind: "streamCancel", id, reason: undefined },
    { kind: "ping", token: 1 },
  );
  await peer.hear("pong");
  assertEquals(peer.wire.ended, undefined);
  assertEquals(peer.wire.stats().streamsSending, 0);
});

test("items that come after a cancel are ignored", async () => {
  await using peer = new RawPeer();
  const streams: RemoteStream<unknown>[] = [];
  peer.wire.serve({ take: (s: RemoteStream<unknown>) => void streams.push(s) });
  await peer.open();
  await peer.tell(send("take", new Raw({ as: "stream", id: 7 })));
  await settle();
  const cancelled = streams[0]!.cancel("enough");
  assertEquals((await peer.hear("streamCancel"))!.reason, "enough");
  await peer.tell(
    { kind: "streamValue", id: 7, value: "late" },
    { kind: "streamEnd", id: 7 },
  );
  await cancelled;
  assertEquals(peer.wire.stats().streamsReceiving, 0);
});

test("calls of results that there never were fail alone", async () => {
  await using peer = new RawPeer();
  let ran = 0;
  peer.wire.serve({ run: () => ++ran });
  await peer.open();
  await peer.tell(
    callOn(3, { result: 3 }),
    callOn(4, { result: 999_999 }),
    call(5, "run", new Raw({ as: "result", id: 5 })),
    call(6, "run", [new Raw({ as: "result", id: 0xffffffff })]),
  );
  for (let id = 3; id <= 6; id++) {
    const failed = await peer.hear("fail");
    assertEquals([failed!.id, failed!.code], [id, "resultGone"]);
  }
  assertEquals(ran, 0);
});

test("calls that need each other's results in a ring are let go", async () => {
  await using peer = new RawPeer();
  peer.wire.serve({ never: () => new Promise(() => {}), echo: () => {} });
  await peer.open();
  // The first is answered at once: a result is of a call before it.
  await peer.tell(
    call(0, "echo", new Raw({ as: "result", id: 1 })),
    call(1, "echo", new Raw({ as: "result", id: 0 })),
  );
  assertEquals((await peer.hear("fail"))!.code, "resultGone");
  assertEquals((await peer.hear("fail"))!.code, "resultGone");
});

test("more calls that wait for a result than are served end the wire", async () => {
  await using peer = new RawPeer();
  peer.wire.serve({ never: () => new Promise(() => {}) });
  await peer.open();
  const hearing = peer.hearAbort();
  await peer.tell(call(0, "never"));
  for (let id = 1; id <= 1_000 && peer.wire.ended === undefined; id++) {
    await peer.tell(callOn(id, { result: id - 1 }));
  }
  assertEquals((await peer.wire.closed).code, "malformed");
  await hearing;
});

test("a message with a result that is to come fails alone", async () => {
  await using peer = new RawPeer();
  peer.wire.serve({ never: () => new Promise(() => {}) });
  await peer.open();
  await peer.tell(
    call(0, "never"),
    { kind: "message", value: new Raw({ as: "result", id: 0 }) },
    { kind: "message", value: "next" },
  );
  const error = await peer.wire.getObject().catch((e: unknown) => e);
  assertEquals((error as WireError).code, "resultGone");
  assertEquals(await peer.wire.getObject(), "next");
});

test("thenables and getters in arguments fail their call alone", async () => {
  const [near, far] = wirePair();
  far.serve({ echo: (x: unknown) => x });
  let read = 0;
  const thenable = {
    then: (resolve: (value: unknown) => void) => resolve("hijacked"),
  };
  const getter = {
    get value() {
      read++;
      throw new Error("in the getter");
    },
  };
  // As an argument it is data with a reference, and is not awaited.
  const came = await near.remoteValue.echo([thenable]);
  assertEquals(remoteObjectValue(came[0].then), thenable.then);
  const error = await near.remoteValue.echo(getter).catch((e: unknown) => e);
  assertEquals((error as WireError).code, "unsupportedValue");
  assertEquals(read, 1);
  const reentrant = {
    get value() {
      near.remoteValue.echo(1).catch(() => {});
      return 1;
    },
  };
  await near.remoteValue.echo(reentrant).catch((e: unknown) => e);
  assertEquals(await near.remoteValue.echo(2), 2);
  near.abort();
  await far.closed;
});
