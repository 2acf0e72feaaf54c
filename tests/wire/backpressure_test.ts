/**
 * A slow reader slows its writer, and memory stays within the limits.
 */

import { assert, assertEquals } from "@std/assert";
import { wirePair } from "../../wire/mod.ts";
import { settle } from "../_fake_clock.ts";
import { call, RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";

test("outputObject() waits for a peer that does not take", async () => {
  const [near, far] = wirePair({}, { limits: { window: 10_000 } });
  await near.opened;
  let sent = 0;
  const sending = (async () => {
    for (; sent < 100; sent++) await near.outputObject(new Uint8Array(900));
  })();
  await settle();
  assert(sent >= 10 && sent <= 12, `${sent} left`);
  assert(far.stats().inbox <= 12);
  for (let taken = 0; taken < 100; taken++) await far.getObject();
  await sending;
  await near.close();
});

test("remote() waits for a peer whose functions are slow", async () => {
  const gate = Promise.withResolvers<void>();
  let running = 0;
  const [near, far] = wirePair({}, { limits: { window: 10_000, calls: 5 } });
  far.serve({ slow: () => (running++, gate.promise) });
  await near.opened;
  let sent = 0;
  const sending = (async () => {
    for (; sent < 300; sent++) await near.remote.slow(sent);
  })();
  // A turn for each call, before the first ones leave.
  for (let round = 0; round < 5; round++) await settle();
  assertEquals(running, 5);
  assert(sent > 100 && sent < 160, `${sent} left`);
  gate.resolve();
  await sending;
  await near.close();
  assertEquals(running, 300);
});

test("a value call does not overtake one-way calls that wait", async () => {
  const gate = Promise.withResolvers<void>();
  const order: string[] = [];
  const [near, far] = wirePair({}, { limits: { window: 300 } });
  far.serve({
    note: (n: number) => {
      order.push(`note ${n}`);
      return gate.promise;
    },
    last: () => void order.push("last"),
  });
  await near.opened;
  for (let n = 0; n < 10; n++) near.remote.note(n);
  const last = near.remoteValue.last();
  await settle();
  assert(!order.includes("last"));
  gate.resolve();
  await last;
  assertEquals(order.at(-1), "last");
  assertEquals(order.length, 11);
  await near.close();
});

test("calls are not begun while their answers find no room", async () => {
  let served = 0;
  await using peer = new RawPeer({
    limits: { sendPause: 100_000 },
    functions: {
      large: () => (served++, new Uint8Array(60_000)),
    },
  });
  await peer.open();
  for (let id = 0; id < 20; id++) {
    await peer.tell(call(id, "large"));
  }
  // The peer has not read: what waits is a little more than the limit.
  assert(served <= 4, `${served} were begun`);
  assertEquals(peer.wire.stats().callsRunning, 20 - served);
  for (let answers = 0; answers < 20; answers++) await peer.hear("return");
  assertEquals(served, 20);
});

test("cancelling a call that waits frees its place", async () => {
  const [near, far] = wirePair({}, { limits: { calls: 1 } });
  const gate = Promise.withResolvers<void>();
  far.serve({ wait: () => gate.promise, echo: (x: unknown) => x });
  await near.opened;
  const first = near.remoteValue.wait();
  const controller = new AbortController();
  const second = near.with({ signal: controller.signal }).remoteValue.echo(2)
    .catch((error: { sent: string }) => error.sent);
  const third = near.remoteValue.echo(3);
  assertEquals(near.stats().callsWaiting, 2);
  controller.abort();
  assertEquals(await second, "notSent");
  assertEquals(near.stats().callsWaiting, 1);
  gate.resolve();
  await first;
  assertEquals(await third, 3);
  assertEquals(far.stats().callsServed, 2);
  await near.close();
});

test("cancelling a large call on its way abandons the rest of it", async () => {
  const [near, far] = wirePair({ limits: { sendPause: 50_000_000 } });
  let called = 0;
  far.serve({ take: () => void called++, echo: (x: unknown) => x });
  await near.opened;
  const controller = new AbortController();
  const large = near.with({ signal: controller.signal }).remoteValue
    .take(new Uint8Array(4_000_000)).catch((error: { code: string }) =>
      error.code
    );
  await Promise.resolve();
  controller.abort();
  assertEquals(await large, "cancelled");
  assertEquals(await near.remoteValue.echo("goes on"), "goes on");
  assertEquals(called, 0);
  assertEquals(near.stats().callsPending, 0);
  await near.close();
});

test("a message over the peer's limit fails alone, also when it waited", async () => {
  const [near, far] = wirePair({}, { limits: { message: 5_000 } });
  far.serve({ echo: (x: unknown) => x });
  const early = near.remoteValue.echo(new Uint8Array(6_000))
    .catch((error: { code: string }) => error.code);
  assertEquals(await early, "limit");
  const late = near.remoteValue.echo(new Uint8Array(6_000))
    .catch((error: { code: string }) => error.code);
  assertEquals(await late, "limit");
  assertEquals(await near.remoteValue.echo(1), 1);
  await near.close();
});

test("the tables are renewed when they are full", async () => {
  const [near, far] = wirePair();
  far.serve({ echo: (x: unknown) => x });
  for (let n = 0; n < 2_500; n++) {
    const value = { [`key${n}`]: n, same: true };
    assertEquals(await near.remoteValue.echo(value), value);
  }
  const before = near.stats().bytesSent;
  await near.remoteValue.echo({ aLongKeyThatRepeats: 1 });
  const first = near.stats().bytesSent;
  await near.remoteValue.echo({ aLongKeyThatRepeats: 1 });
  const second = near.stats().bytesSent;
  assert(second - first < first - before, "the key set was looked up");
  await near.close();
});

test("large byte arrays are those of the moment of the call", async () => {
  const [near, far] = wirePair();
  far.serve({ last: (bytes: Uint8Array) => bytes.at(-1) });
  const early = new Uint8Array(200_000).fill(1);
  const call = near.remoteValue.last(early);
  early.fill(9);
  assertEquals(await call, 1);
  const bytes = new Uint8Array(300_000).fill(2);
  const calls = [near.remoteValue.last(bytes), near.outputObject(bytes)];
  bytes.fill(9);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  assertEquals(await calls[0], 2);
  assertEquals((await far.getObject() as Uint8Array).at(-1), 2);
  await near.close();
});
