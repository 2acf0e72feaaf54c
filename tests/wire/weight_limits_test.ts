/** What the values of one message may take in memory. */

import { assert, assertEquals } from "@std/assert";
import type { WireError } from "../../wire/base/errors.ts";
import { DEFAULT_LIMITS } from "../../wire/base/limits.ts";
import type { Message } from "../../wire/codec/messages.ts";
import {
  CollectingDecoder,
  type OverLimit,
} from "../../wire/codec/message_collector.ts";
import { decodeValue, encodeValue } from "../../wire/codec/codec.ts";
import { settle } from "../_fake_clock.ts";
import { Raw, RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";
import { decodeAll, encodeAll, newEncoder } from "./_codec.ts";

/** A message of one frame, whose values take some 9 MB. */
function heavy(): unknown[] {
  return Array.from({ length: 20_000 }, () => new Uint8Array(0));
}

/** Messages that hold a value, which is too much or not. */
const HOLDING: ((value: unknown) => Message)[] = [
  (value) => ({ kind: "message", value }),
  (value) => ({ kind: "send", name: "f", args: [value], deadline: 0 }),
  (value) => ({
    kind: "call",
    id: 7,
    name: "f",
    args: [1, value],
    deadline: 5,
    wantsValues: true,
  }),
  (value) => ({ kind: "return", id: 7, value }),
  (value) => ({ kind: "returnValues", id: 7, values: [1, value] }),
  (value) => ({ kind: "throw", id: 7, thrown: value }),
  (value) => ({ kind: "streamValue", id: 7, value }),
  (value) => ({ kind: "streamError", id: 7, thrown: value }),
  (value) => ({ kind: "streamCancel", id: 7, reason: value }),
];

test("Decoder fails a message whose values take too much memory", () => {
  for (const holding of HOLDING) {
    const over = holding(heavy());
    const fine: Message = { kind: "message", value: ["after", "it"] };
    const bytes = encodeAll([fine, over, fine]);
    const decoder = new CollectingDecoder(DEFAULT_LIMITS);
    const messages = decodeAll([bytes], decoder);
    assertEquals(messages.length, 3);
    assertEquals(messages[2], fine);
    const failed = messages[1] as OverLimit;
    assertEquals([failed.kind, failed.of], ["overLimit", over.kind]);
    assertEquals((failed.error as WireError).code, "limit");
    assert(failed.error.message.includes("memory"), failed.error.message);
  }
});

function filled<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** What programs may well send in one message. */
const ORDINARY: Record<string, () => unknown> = {
  "as many numbers as there may be": () => filled(262_144, (n) => n & 127),
  "as many empty lists": () => filled(262_144, () => []),
  "as many empty objects": () => filled(262_144, () => ({})),
  "as many empty strings": () => filled(262_144, () => ""),
  "as many booleans": () => filled(262_144, (n) => n % 2 === 0),
  "87,000 pairs of small numbers": () => filled(87_000, () => [1, 2]),
  "131,000 lists of one": () => filled(131_000, () => [1]),
  "131,000 objects of one": () => filled(131_000, (n) => ({ id: n & 127 })),
  "50,000 floats among texts": () =>
    filled(50_000, (n) => ["a", n + 0.5, 2 ** 40]),
  "13,000 objects of a long key each": () =>
    filled(13_000, (n) => ({ [`${"k".repeat(300)}${n}`]: n })),
  "50,000 objects of a key of their own": () =>
    filled(50_000, (n) => ({ [`k${n}`]: n })),
  "one object of 100,000 keys": () =>
    Object.fromEntries(filled(100_000, (n) => [`key ${n}`, n])),
  "a Map of 100,000 entries": () => new Map(filled(100_000, (n) => [n, n])),
  "a Set of 200,000 members": () => new Set(filled(200_000, (n) => n)),
  "10,000 UUIDs as bytes": () => filled(10_000, () => new Uint8Array(16)),
  "5,000 short byte arrays": () => filled(5_000, () => new Uint8Array(8)),
  "20,000 dates": () => filled(20_000, (n) => new Date(n)),
  "10,000 small Maps": () => filled(10_000, (n) => new Map([["a", n]])),
  "10,000 small Sets": () => filled(10_000, (n) => new Set([n, "a"])),
  "50,000 bigints": () => filled(50_000, (n) => BigInt(n)),
  "5,000 errors": () =>
    filled(5_000, (n) => ({ status: "rejected", reason: new Error(`e${n}`) })),
  "a graph's neighbours": () => filled(60_000, (n) => n % 3 ? [] : [n]),
};

for (const [what, make] of Object.entries(ORDINARY)) {
  test(`Decoder takes ${what} in a message`, () => {
    const value = make();
    const decoder = new CollectingDecoder({
      ...DEFAULT_LIMITS,
      frame: 16 * 1024 * 1024,
    });
    const encoder = newEncoder();
    const weights: number[] = [];
    for (let time = 0; time < 2; time++) {
      const bytes = encodeAll([{ kind: "message", value }], encoder);
      const [message] = decodeAll([bytes], decoder);
      assertEquals(message?.kind, "message");
      weights.push(decoder.weight);
    }
    // Nothing of a message counts for the next one.
    assert(weights[0]! > 0);
    assertEquals(weights[0], weights[1]);
  });
}

test("the attachments of a message that takes too much are released", async () => {
  await using peer = new RawPeer();
  await peer.open();
  const object = (slot: number) =>
    new Raw({ as: "object", slot, nonce: 1, isFunction: false });
  const stream = new Raw({ as: "stream", id: 0 });
  await peer.tell({
    kind: "message",
    value: [object(0), heavy(), object(1), stream],
  });
  const slots = [
    (await peer.hear("release"))?.slot,
    (await peer.hear("release"))?.slot,
  ];
  assertEquals(slots.sort(), [0, 1]);
  assertEquals((await peer.hear("streamCancel"))?.id, 0);
  await peer.tell({ kind: "streamEnd", id: 0 });
  await settle();
  const { objectsImported, streamsReceiving, memoryHeld } = peer.wire.stats();
  assertEquals([objectsImported, streamsReceiving, memoryHeld], [0, 0, 0]);
  assertEquals(peer.wire.ended, undefined);
});

test("decodeValue() takes whatever encodeValue() made", () => {
  const value = filled(100_000, () => new Map());
  assertEquals((decodeValue(encodeValue(value)) as unknown[]).length, 100_000);
});
