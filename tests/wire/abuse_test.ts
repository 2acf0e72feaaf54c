/**
 * What peers may do within the letter of the protocol to harm this side, and
 * what this side's own values may do to it.
 */

import { assert, assertEquals } from "@std/assert";
import { wirePair } from "../../wire/mod.ts";
import type { Message } from "../../wire/codec/messages.ts";
import { settle } from "../_fake_clock.ts";
import { call, frame, hello, RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";

test("an error larger than the peer's messages is shortened", async () => {
  await using peer = new RawPeer({
    functions: {
      now() {
        throw new RangeError("é".repeat(9_000));
      },
      later: () => Promise.reject(new RangeError("x".repeat(9_000))),
    },
  });
  await peer.open({ message: 4096, helloFrame: 4096 });
  for (const [id, name] of ["now", "later"].entries()) {
    await peer.tell(call(id, name));
    const thrown = (await peer.hear("throw"))?.thrown as Error;
    assertEquals(thrown.name, "RangeError");
    assert(thrown.message.length <= 1_000);
  }
  assertEquals(peer.wire.ended, undefined);
});

test("a peer that pings, and takes little, is left", async () => {
  await using peer = new RawPeer({ limits: { sendEnd: 10_000 } });
  await peer.open();
  const pings = Array.from({ length: 2_000 }, (_, token): Message => ({
    kind: "ping",
    token,
  }));
  await peer.tell(...pings);
  await settle();
  assertEquals(peer.wire.ended?.code, "stalled");
  await peer.hearOut();
});

test("a ping ends no wire because much output waits", async () => {
  // Nobody reads yet: what is answered waits.
  await using peer = new RawPeer({
    limits: { sendEnd: 1_000 },
    functions: { large: () => "x".repeat(20_000) },
  });
  await peer.open();
  await peer.tell(call(0, "large"), call(1, "large"), call(2, "large"));
  await peer.tell({ kind: "ping", token: 1 }, { kind: "ping", token: 2 });
  await settle();
  assert(peer.wire.stats().outputWaiting > 1_000, "nothing waits");
  assertEquals(peer.wire.ended, undefined);
  for (const token of [1, 2]) {
    assertEquals(await peer.hear("pong") as unknown, { kind: "pong", token });
  }
});

test("calls beyond the window end the wire", async () => {
  await using peer = new RawPeer({
    limits: { window: 1_000, message: 4_096 },
    functions: { wait: () => new Promise(() => {}) },
  });
  await peer.open();
  const hearing = peer.hearOut();
  const calls = Array.from(
    { length: 5 },
    (_, id) => call(id, "wait", "x".repeat(1_600)),
  );
  await peer.tell(...calls);
  assertEquals((await peer.wire.closed).code, "malformed");
  await hearing;
});

test("an answer of the wrong kind settles its call", async () => {
  await using peer = new RawPeer();
  await peer.open();
  const failed = peer.wire.remoteValue.f()
    .catch((error: { code: string }) => error.code);
  const { id } = (await peer.hear("call"))!;
  const hearing = peer.hearOut();
  await peer.tell({ kind: "returnValues", id, values: [1] });
  assertEquals(await failed, "malformed");
  await hearing;
});

test("pieces do not come before acceptance, nor tables before hello", async () => {
  const early: [string, number[], boolean][] = [
    ["a definition", [3, 0, 1, 65], false],
    ["a reset", [4], false],
    ["a piece", [5, 0, 0, 100, 1, 2, 3], true],
  ];
  for (const [what, body, afterHello] of early) {
    await using peer = new RawPeer({ confirm: () => new Promise(() => {}) });
    const hearing = peer.hearOut();
    if (afterHello) await peer.tell(hello());
    await peer.say(frame(...body));
    const code = afterHello ? "malformed" : "notAWire";
    assertEquals((await peer.wire.closed).code, code, what);
    await hearing;
  }
});

test("objects with index keys take memory for what came", async () => {
  const [near, far] = wirePair();
  const count = 5_000;
  let grown = 0;
  far.serve({
    take(list: unknown[]) {
      grown = Deno.memoryUsage().heapUsed - before;
      return list.length;
    },
  });
  // Every key set is another one, so that they do not fit in the table.
  const list = Array.from({ length: count }, (_, n) => ({ [1000 + n]: 0 }));
  const before = Deno.memoryUsage().heapUsed;
  assertEquals(await near.remoteValue.take(list), count);
  assert(grown < count * 6_000, `${grown / count} bytes for each object`);
  await near.close();
});

test("arguments count as values", async () => {
  await using peer = new RawPeer({
    limits: { values: 10 },
    functions: { count: (...args: unknown[]) => args.length },
  });
  await peer.open();
  await peer.tell(call(0, "count", ...Array(10).fill(0)));
  assertEquals((await peer.hear("return"))?.value, 10);
  await peer.tell(call(0, "count", ...Array(11).fill(0)));
  assertEquals((await peer.hear("fail"))?.code, "limit");
});

test("a getter that uses the wire fails its call alone", async () => {
  const [near, far] = wirePair();
  far.serve({ echo: (x: unknown) => x });
  await near.opened;
  let inner: Promise<string> | undefined;
  const outer = near.remoteValue.echo({
    get now() {
      inner = near.remoteValue.echo(1).catch((error: { code: string }) =>
        error.code
      );
      return 5;
    },
    get fails() {
      throw new Error("in a getter");
    },
  }).catch((error: { code: string }) => error.code);
  assertEquals(await outer, "unsupportedValue");
  assertEquals(await inner, "invalidArgument");
  assertEquals(await near.remoteValue.echo(2), 2);
  await near.close();
});

test("a message made before acceptance waits, however large", async () => {
  const [near, far] = wirePair({}, {
    confirm: async (wire) => {
      wire.outputObject("x".repeat(50_000));
      await settle();
      return true;
    },
  });
  assertEquals(await near.getObject(), "x".repeat(50_000));
  await near.close();
  await far.closed;
});
