/** Typed messages that wait: each is taken once, in order, by who came first. */

import { assertEquals } from "@std/assert";
import type { Message } from "../../wire/codec/messages.ts";
import { settle } from "../_fake_clock.ts";
import { RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { fate } from "./_keeping.ts";
import { unhandledIn } from "./_unhandled.ts";
import { anyPair } from "./_pair.ts";

const DEEP = [[[["deep"]]]];

function message(value: unknown): Message {
  return { kind: "message", value };
}

test("getObject() serves those who wait in their order", async () => {
  const [near, far] = anyPair();
  const taken = [1, 2, 3].map(() => far.getObject());
  for (const value of ["a", "b", "c", "d"]) near.outputObject(value);
  assertEquals(await Promise.all(taken), ["a", "b", "c"]);
  assertEquals(await far.getObject(), "d");
  assertEquals(far.stats().inbox, 0);
  await near.close();
});

test("a message over a limit is missing at its own place", async () => {
  for (const isAwaited of [true, false]) {
    await using peer = new RawPeer({ limits: { nesting: 2 } });
    await peer.open();
    const take = () => fate(peer.wire.getObject());
    let taken: Promise<string>[] = [];
    if (isAwaited) taken = [take(), take(), take()];
    await peer.tell(message(1), message(DEEP), message(3));
    await settle();
    if (!isAwaited) {
      assertEquals(peer.wire.stats().inbox, 3);
      taken = [take(), take(), take()];
    }
    assertEquals(await Promise.all(taken), [
      "value 1",
      "limit undefined",
      "value 3",
    ]);
    assertEquals(peer.wire.ended, undefined);
  }
});

test("every getObject() learns of the wire's end, and none is left", async () => {
  const [near, far] = anyPair();
  await near.opened;
  const taken = [1, 2, 3].map(() => fate(far.getObject()));
  near.abort();
  await far.closed;
  assertEquals(
    await Promise.all(taken),
    Array(3).fill("peerAborted undefined"),
  );
  assertEquals(await fate(far.getObject()), "peerAborted undefined");
});

test("what came before the wire's end can be taken after it", async () => {
  const [near, far] = anyPair();
  for (const value of ["a", "b"]) await near.outputObject(value);
  await near.close();
  assertEquals(far.ended?.code, "closed");
  assertEquals(far.stats().inbox, 2);
  assertEquals(await far.getObject(), "a");
  assertEquals(await far.getObject(), "b");
  assertEquals(await fate(far.getObject()), "closed undefined");
});

test("a getObject() that nobody awaits harms nothing", async () => {
  const unhandled = await unhandledIn(async () => {
    await using peer = new RawPeer({ limits: { nesting: 2 } });
    await peer.open();
    peer.wire.getObject();
    peer.wire.getObject();
    await peer.tell(message(DEEP));
    await settle();
    peer.wire.abort();
    await peer.hearOut();
  });
  assertEquals(unhandled, []);
});
