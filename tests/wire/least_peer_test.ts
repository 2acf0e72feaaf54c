/**
 * What a wire sends to a peer that takes the least: nothing that is there for
 * speed alone, and nothing that needs tables, pieces, streams or references.
 */

import { assert, assertEquals } from "@std/assert";
import type { Message, PeerLimits } from "../../wire/codec/messages.ts";
import { KIND, STRINGS } from "../../wire/codec/messages.ts";
import { makeWire, memoryTransports, type Wire } from "../../wire/mod.ts";
import { call, hello, RawEnd } from "../_raw_peer.ts";
import { settle } from "../_fake_clock.ts";
import { test } from "../_test.ts";
import { fate } from "./_keeping.ts";
import { framesOf } from "./_session.ts";
import { concat } from "./_codec.ts";

const HEARD = ["send", "message", "return", "fail"] as const;
const LEAST = { pieces: 0, streams: 0, objects: 0, tableEntries: 0 };

/** A wire, what it writes, and its peer. */
interface Met {
  wire: Wire;
  peer: RawEnd;
  /** What the peer has heard so far. */
  heard: Message[];
  /** The kinds of the frames that were written so far. */
  kinds(): (keyof typeof KIND | number)[];
}

function meet(functions: object = {}): Met {
  const [here, there] = memoryTransports();
  const written: Uint8Array[] = [];
  const wire = makeWire({
    address: there.address,
    local: true,
    read: () => there.read(),
    async write(bytes) {
      const count = await there.write(bytes);
      written.push(bytes.slice(0, count));
      return count;
    },
    closeWrite: () => there.closeWrite(),
    close: () => there.close(),
  }, { functions: functions as Record<string, never>, onError() {} });
  const nameOf = (code: number) =>
    (Object.keys(KIND) as (keyof typeof KIND)[])
      .find((kind) => KIND[kind] === code) ?? code;
  const peer = new RawEnd(here);
  const heard: Message[] = [];
  (async () => {
    for (;;) {
      const message = await peer.hear(...HEARD);
      if (message === undefined) return;
      heard.push(message);
    }
  })();
  return {
    wire,
    peer,
    heard,
    kinds: () =>
      framesOf(concat(written)).map((frame) => nameOf(frame[4]!)).slice(1),
  };
}

function helloWith(features: number, limits: Partial<PeerLimits>): Message {
  return { ...hello(limits), features } as Message;
}

const WORDS = Array.from({ length: 20 }, (_, n) => `word number ${n}`);

/** Says what would be a batch, and what would have string sections. */
async function say(wire: Wire): Promise<void> {
  for (let n = 0; n < 4; n++) wire.remote.note!(n);
  for (let n = 0; n < 3; n++) wire.outputObject(WORDS);
  wire.outputObject({ x: 1, y: 2 });
  await settle();
}

/** What is said of each kind by a peer with these features and limits. */
const MANNERS: readonly [
  string,
  features: number,
  limits: Partial<PeerLimits>,
  has: readonly (string | number)[],
][] = [
  ["all", 0, {}, ["define", "sends", KIND.message | STRINGS]],
  ["all, with bits that mean nothing", ~1 >>> 0, {}, ["define", "sends"]],
  ["neither sections nor batches", 1, {}, ["define", "send"]],
  ["no tables", 0, { tableEntries: 0 }, ["send", KIND.message | STRINGS]],
  ["the least", 1, LEAST, ["send", "message"]],
];

for (const [what, features, limits, has] of MANNERS) {
  test(`a peer that takes ${what} gets that`, async () => {
    const { wire, peer, heard, kinds } = meet();
    // What is said early waits, and must do for any peer.
    const early = say(wire);
    await peer.tell(helloWith(features, limits), { kind: "accept" });
    await wire.opened;
    await early;
    await wire.forceOutput();
    const before = kinds();
    assertEquals(
      [...new Set(before)].sort(),
      ["accept", "message", "send"],
      "before the hello",
    );
    // A name is defined by the first, and a section follows the first text.
    await say(wire);
    await say(wire);
    await wire.forceOutput();
    const after = kinds().slice(before.length);
    for (const kind of has) assert(after.includes(kind as never), `${kind}`);
    const isSimple = (features & 1) !== 0;
    if (limits.tableEntries === 0) assert(!after.includes("define"));
    if (isSimple) assert(!after.includes("sends"));
    assertEquals(after.some((kind) => typeof kind === "number"), !isSimple);
    // What it means is the same.
    await settle();
    const values = heard.flatMap((message) =>
      message.kind === "message" ? [message.value] : []
    );
    assertEquals(
      values,
      Array(3).fill([WORDS, WORDS, WORDS, { x: 1, y: 2 }]).flat(),
    );
    peer.close();
    await wire.closed;
  });
}

test("a peer with small tables gets no more definitions than it takes, and no resets", async () => {
  const { wire, peer, heard, kinds } = meet();
  await peer.tell(helloWith(0, { tableEntries: 2 }), { kind: "accept" });
  await wire.opened;
  for (let n = 0; n < 10; n++) {
    wire.remote[`f${n}`]!([n]);
    wire.outputObject({ [`k${n}`]: n });
  }
  await wire.forceOutput();
  const all = kinds();
  assertEquals(all.filter((kind) => kind === "define").length, 4);
  assert(!all.includes("reset"));
  await settle();
  const names = heard.flatMap((message) =>
    message.kind === "send" ? [message.name] : []
  );
  assertEquals(names, Array.from({ length: 10 }, (_, n) => `f${n}`));
  peer.close();
  await wire.closed;
});

test("what a peer of the least does not take fails alone, whenever it is sent", async () => {
  const { wire, peer, heard, kinds } = meet({
    large: () => new Uint8Array(70_000),
    items: async function* () {
      yield 1;
    },
    callback: () => () => 1,
    small: () => 1,
  });
  const refused = () =>
    [
      wire.remoteValue.take!(new Uint8Array(70_000)),
      wire.remoteValue.take!(() => 1),
      wire.remoteValue.take!((async function* () {})()),
      wire.outputObject(new Uint8Array(70_000)),
    ].map((promise) => fate(promise));
  const early = refused();
  await peer.tell(helloWith(1, LEAST), { kind: "accept" });
  await wire.opened;
  for (const each of [...early, ...refused()]) {
    assert((await each).startsWith("limit"), await each);
  }
  const names = ["large", "items", "callback", "small"];
  await peer.tell(...names.map((name, id) => call(id, name)));
  await settle();
  const answers = heard.map((answer) =>
    answer.kind === "fail"
      ? answer.code
      : answer.kind === "return"
      ? answer.value
      : answer.kind
  );
  assertEquals(answers, ["limit", "limit", "limit", 1]);
  assert(!kinds().includes("piece"));
  assertEquals(wire.ended, undefined);
  peer.close();
  await wire.closed;
});

test("a wire may take the least itself", async () => {
  const [here, there] = memoryTransports();
  const least = makeWire(here, { limits: LEAST, onError() {} });
  const full = makeWire(there, {
    functions: { add: (a: number, b: number) => ({ sum: a + b }) },
  });
  for (let n = 0; n < 3; n++) {
    assertEquals(await least.remoteValue.add!(n, 1), { sum: n + 1 });
  }
  const large = full.remoteValue.take!(new Uint8Array(70_000));
  assert((await fate(large)).startsWith("limit"));
  await least.close();
  await full.closed;
});
