/**
 * Calls and messages that wait to be sent, for a peer that takes none: a program
 * that does not wait for them is refused beyond `sendMost`, one that does never
 * learns of it.
 */

import { assert, assertEquals } from "@std/assert";
import type { Wire, WireError } from "../../wire/mod.ts";
import { settle } from "../_fake_clock.ts";
import { RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { count } from "./_items.ts";
import { anyPair } from "./_pair.ts";

const LIMITS = { sendPause: 1_000, sendMost: 50_000 };
const TEXT = "x".repeat(400);
/** A text as an argument, and what is added for each that waits. */
const COST = 512 + TEXT.length;

/** Ways to send without waiting, and how to say that something was sent. */
const WAYS: Record<string, (wire: Wire) => Promise<unknown>> = {
  "one-way calls": (wire) => wire.remote.take!(TEXT),
  "messages": (wire) => wire.outputObject(TEXT),
  "calls": (wire) => wire.remoteValue.take!(TEXT),
};

for (const [what, send] of Object.entries(WAYS)) {
  test(`${what} that nobody waits for are refused beyond sendMost`, async () => {
    const errors: WireError[] = [];
    await using peer = new RawPeer({
      limits: LIMITS,
      onError: (error) => errors.push(error as WireError),
    });
    // It takes one call, and gives no credit.
    await peer.open({ window: 1, calls: 1 });
    for (let n = 0; n < 10_000; n++) send(peer.wire);
    await settle();
    const [told, ...more] = errors;
    assertEquals(more, []);
    assertEquals([told?.code, told?.sent], ["limit", "notSent"]);
    assert(/"sendMost": 50000/.test(told!.message), told!.message);
    const refused = await send(peer.wire).catch((error) => error) as WireError;
    assertEquals([refused.code, refused.sent], ["limit", "notSent"]);
    const { callsWaiting, outputWaiting, flow } = peer.wire.stats();
    assert(callsWaiting * COST + outputWaiting <= LIMITS.sendMost);
    assert(flow.sent.sends + flow.sent.messages + flow.sent.calls < 3_000);
    // What was refused costs nothing: the rest leaves, each once.
    peer.wire.abort();
  });
}

test("a refusal is told again once there was room", async () => {
  const errors: WireError[] = [];
  const [near, far] = anyPair(
    { limits: LIMITS, onError: (error) => errors.push(error as WireError) },
    { limits: { window: 500 } },
  );
  await near.opened;
  for (let round = 1; round < 4; round++) {
    let sent = 0;
    for (let n = 0; n < 200; n++) {
      near.outputObject(TEXT).then(() => sent++, () => {});
      // Nobody looks at these.
      near.outputObject(TEXT);
    }
    await settle();
    assertEquals(errors.length, round);
    while (far.stats().inbox > 0) {
      await far.getObject();
      await settle();
    }
    assert(sent > 20);
  }
  await near.close();
});

test("what was refused changes nothing for what was not", async () => {
  const [near, far] = anyPair({ limits: LIMITS, onError() {} }, {
    limits: { window: 500 },
  });
  const taken: unknown[] = [];
  await near.opened;
  const fates = Array.from(
    { length: 300 },
    (_, n) => near.outputObject({ n, TEXT }).then(() => n, () => -1),
  );
  const sent = (async () => (await Promise.all(fates)).filter((n) => n >= 0))();
  await settle();
  while (far.stats().inbox > 0) {
    taken.push((await far.getObject() as { n: number }).n);
    await settle();
  }
  assertEquals(await sent, taken);
  assert(taken.length > 30 && taken.length < 100, `${taken.length}`);
  await near.close();
});

test("streams and references of what was refused are given up", async () => {
  await using peer = new RawPeer({ limits: LIMITS });
  await peer.open({ window: 1 });
  for (let n = 0; n < 100; n++) peer.wire.outputObject(TEXT).catch(() => {});
  const items = count(3);
  const refused = await peer.wire.outputObject([TEXT, items]).catch((error) =>
    error.code
  );
  assertEquals(refused, "limit");
  const { objectsExported, streamsSending } = peer.wire.stats();
  assertEquals([objectsExported, streamsSending], [0, 0]);
});

test("a program that waits for what it sends is never refused", async () => {
  const [near, far] = anyPair({ limits: LIMITS }, {
    limits: { window: 2_000, calls: 2 },
    functions: { take: async (text: string) => await text.length },
  });
  await near.opened;
  const taking = (async () => {
    for (let n = 0; n < 500; n++) await far.getObject();
  })();
  for (let n = 0; n < 500; n++) {
    await Promise.all([
      near.outputObject(TEXT),
      near.remote.take!(TEXT),
      near.remoteValue.take!(TEXT),
    ]);
  }
  await taking;
  await near.close();
});

test("one message may wait, and one answer, however large", async () => {
  const large = "x".repeat(200_000);
  await using peer = new RawPeer({
    limits: LIMITS,
    functions: { large: async () => await large },
  });
  await peer.open({ window: 1 });
  peer.wire.outputObject(TEXT);
  assertEquals((await peer.hear("message"))?.value, TEXT);
  const waits = peer.wire.outputObject(large).then(() => "sent");
  await settle();
  await peer.tell({
    kind: "call",
    id: 0,
    name: "large",
    args: [],
    deadline: 0,
    wantsValues: false,
  });
  assertEquals((await peer.hear("return", "fail"))?.kind, "return");
  const amount = peer.wire.stats().flow.sent.messages;
  await peer.tell({ kind: "credit", channel: "messages", amount });
  assertEquals((await peer.hear("message"))?.value, large);
  assertEquals(await waits, "sent");
});

test("streams stay within the pause of the output, and an item", async () => {
  await using peer = new RawPeer({
    limits: { sendPause: 10_000 },
    functions: {
      streams: () =>
        Array.from({ length: 50 }, async function* () {
          for (let n = 0; n < 10; n++) yield "x".repeat(3_000);
        }),
    },
  });
  await peer.open({ window: 4_000_000, streams: 50 });
  await peer.tell({
    kind: "call",
    id: 0,
    name: "streams",
    args: [],
    deadline: 0,
    wantsValues: false,
  });
  let most = 0;
  for (let ends = 0; ends < 50;) {
    await settle();
    most = Math.max(most, peer.wire.stats().outputWaiting);
    const heard = await peer.hear("streamValue", "streamEnd");
    if (heard?.kind === "streamEnd") ends++;
  }
  assert(most < 14_000, `${most} bytes waited`);
});
