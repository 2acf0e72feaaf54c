/** A wire that does not know yet who its peer is. */

import { assertEquals, assertMatch } from "@std/assert";
import { cmucl } from "../../wire/cmucl/mod.ts";
import { FakeClock, settle } from "../_fake_clock.ts";
import { call, hello, RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { anyPair } from "./_pair.ts";
import { failure } from "./_failure.ts";

test("nothing is sent to a peer, and nothing served, before it is known", async () => {
  const gate = Promise.withResolvers<string>();
  const ran: string[] = [];
  await using peer = new RawPeer({
    authenticate: () => gate.promise,
    functions: { echo: (text: string) => ran.push(text) },
  });
  // It accepts before anybody knows it, and what waits would be sent then.
  const called = peer.wire.remoteValue.secrets("for a friend");
  called.catch(() => {});
  await peer.tell(hello(), { kind: "accept" });
  await settle();
  assertEquals((await peer.hear("hello"))?.kind, "hello");
  const sent = peer.wire.stats().messagesSent;
  assertEquals([sent, peer.wire.identity], [1, undefined]);
  gate.resolve("alice");
  await peer.wire.opened;
  assertEquals(peer.wire.identity, "alice");
  assertEquals((await peer.hear("call"))?.name, "secrets");
  await peer.tell(call(1, "echo", "now"));
  await peer.hear("return");
  assertEquals(ran, ["now"]);
});

test("a peer that calls before it is known is left", async () => {
  const gate = Promise.withResolvers<string>();
  await using peer = new RawPeer({
    authenticate: () => gate.promise,
    functions: { echo: () => 1 },
  });
  await peer.tell(hello(), { kind: "accept" }, call(1, "echo"));
  await peer.hearAbort();
  assertEquals(peer.wire.ended?.code, "malformed");
  gate.resolve("too late");
  await settle();
  assertEquals(peer.wire.stats().callsServed, 0);
});

test("authenticate() that does not answer in time refuses", async () => {
  const clock = new FakeClock();
  await using peer = new RawPeer({
    clock,
    limits: { hello: 1_000 },
    authenticate: () => new Promise(() => {}),
  });
  const opened = failure(peer.wire.opened);
  await peer.tell(hello(), { kind: "accept" });
  await clock.advance(1_000);
  assertEquals((await opened).code, "timeout");
  assertMatch((await opened).message, /"authenticate" has not answered/);
  peer.close();
  await clock.advance(2_000);
});

test("either end of a pair may ask who the other is", async () => {
  const [near, far] = anyPair(
    { credential: "near", authenticate: (peer) => peer.credential },
    { credential: "far", authenticate: (peer) => peer.credential },
  );
  await Promise.all([near.opened, far.opened]);
  assertEquals([near.identity, far.identity], ["far", "near"]);
  await near.close();
  await far.closed;
});

test("CMUCL's protocol has no credential, but addresses to know peers by", async () => {
  const asked: unknown[] = [];
  const [near, far] = anyPair({ dialect: cmucl() }, {
    dialect: cmucl(),
    authenticate: ({ address, credential }) => {
      asked.push([address.transport, credential]);
      return "lisp";
    },
  });
  await far.opened;
  assertEquals([asked, far.identity], [[["memory", undefined]], "lisp"]);
  await near.close();
  await far.closed;
  for (const answer of [undefined, Promise.reject(new Error("no"))]) {
    const [near, far] = anyPair({ dialect: cmucl() }, {
      dialect: cmucl(),
      authenticate: () => answer,
      onError() {},
    });
    assertEquals((await failure(far.opened)).code, "refused");
    await Promise.all([near.closed, far.closed]);
  }
});
