/**
 * Metadata: texts that travel with a call.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type CallContext,
  type CallOptions,
  type Metadata,
  type Wire,
  WireError,
  wirePair,
} from "../../wire/mod.ts";
import { ByteWriter } from "../../wire/codec/bytes.ts";
import { framed, RawPeer } from "../_raw_peer.ts";
import { test } from "../_test.ts";

/** A pair whose far end tells the metadata that came, as a list of pairs. */
function pair(): { near: Wire; came: Promise<[string, string][]> } {
  const came = Promise.withResolvers<[string, string][]>();
  const [near, far] = wirePair();
  far.serve({
    tell(this: CallContext) {
      came.resolve(Object.entries(this.metadata));
      return Object.entries(this.metadata);
    },
  });
  return { near, came: came.promise };
}

/** Entries of metadata, also those that a literal cannot have. */
function metadataOf(entries: [string, unknown][]): Metadata {
  const metadata = Object.create(null);
  for (const [key, value] of entries) metadata[key] = value;
  return metadata;
}

/** So many entries, of one unit each. */
function many(count: number): [string, string][] {
  return Array.from(
    { length: count },
    (_, at) => [String.fromCodePoint(0x4e00 + at), ""],
  );
}

const FINE: [string, [string, string][]][] = [
  ["one entry", [["tenant", "blue"]]],
  ["none", []],
  ["an empty key and an empty text", [["", ""]]],
  ["keys of Object.prototype", [["__proto__", "a"], ["constructor", "b"], [
    "then",
    "c",
  ]]],
  ["text beyond ASCII", [["größe", "\u{1f600}\ufeff\0"]]],
  ["64 entries", many(64)],
  ["8,192 units", [["k", "x".repeat(8_191)]]],
  ["8,192 units of two bytes and more", [["ü", "語".repeat(8_191)]]],
];

for (const [what, entries] of FINE) {
  test(`Wire.with() sends metadata: ${what}`, async () => {
    const { near, came } = pair();
    const calls = near.with({ metadata: metadataOf(entries) });
    assertEquals(await calls.remoteValue.tell(), entries);
    assertEquals(await calls.remoteValues.tell(), [entries]);
    await near.close();
    assertEquals(await came, entries);
  });
}

test("Wire.remote sends metadata", async () => {
  const { near, came } = pair();
  await near.with({ metadata: { tenant: "blue" } }).remote.tell();
  assertEquals(await came, [["tenant", "blue"]]);
  await near.close();
});

test("CallContext.metadata is empty and cannot be changed where none came", async () => {
  const [near, far] = wirePair();
  far.serve({
    look(this: CallContext) {
      const { metadata } = this;
      return [
        Object.keys(metadata).length,
        Object.getPrototypeOf(metadata),
        Object.isFrozen(metadata),
      ];
    },
  });
  assertEquals(await near.remoteValue.look(), [0, null, true]);
  await near.close();
});

test("CallContext passes signal, deadline and metadata on with this.wire.with(this)", async () => {
  const [near, far] = wirePair();
  near.serve({
    behind(this: CallContext) {
      return [this.metadata.trace, this.deadline !== undefined];
    },
  });
  far.serve({
    front(this: CallContext<Wire>) {
      return this.wire.with(this).remoteValue.behind();
    },
    frontAlone(this: CallContext<Wire>) {
      const { signal, deadline } = this;
      return this.wire.with({ signal, deadline }).remoteValue.behind();
    },
  });
  const traced = near.with({ deadline: 60_000, metadata: { trace: "1" } });
  assertEquals(await traced.remoteValue.front(), ["1", true]);
  assertEquals(await traced.remoteValue.frontAlone(), [undefined, true]);
  assertEquals(await near.remoteValue.front(), [undefined, false]);
  await near.close();
});

const REFUSED: [string, [string, unknown][], string][] = [
  ["65 entries", many(65), "limit"],
  ["8,193 units", [["k", "x".repeat(8_192)]], "limit"],
  ["8,193 units in keys", [["k".repeat(8_192), "x"]], "limit"],
  ["a number", [["k", 1]], "invalidArgument"],
  ["undefined", [["k", undefined]], "invalidArgument"],
  ["an object", [["k", {}]], "invalidArgument"],
  ["a lone surrogate", [["k", "\ud800"]], "unsupportedValue"],
  ["a lone surrogate in a key", [["\udc00", ""]], "unsupportedValue"],
];

for (const [what, entries, code] of REFUSED) {
  test(`Wire.with() refuses metadata with ${code}: ${what}`, async () => {
    const { near } = pair();
    const calls = near.with({ metadata: metadataOf(entries) });
    for (const call of [calls.remoteValue, calls.remoteValues, calls.remote]) {
      const error = await assertRejects(
        () => call.tell(),
        WireError,
      ) as WireError;
      assertEquals(error.code, code);
    }
    // Nothing left, and the wire is as good as new.
    assertEquals(near.stats().callsPending, 0);
    assertEquals(await near.remoteValue.tell(), []);
    await near.close();
  });
}

test("Wire.with() refuses metadata that are no object", async () => {
  const { near } = pair();
  for (const metadata of [null, "text", 7, ["list"]]) {
    const calls = near.with({ metadata } as unknown as CallOptions);
    const error = await assertRejects(
      () => calls.remoteValue.tell(),
      WireError,
    ) as WireError;
    assertEquals(error.code, "invalidArgument");
    assert(error.message.length > 20, error.message);
  }
  await near.close();
});

/** The frame of a one-way call of "tell" with those entries of metadata. */
function hostile(
  count: number,
  entries: [string, string][],
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  writer.uint32(0);
  writer.byte(0x11);
  writer.byte(8);
  writer.varint(0);
  writer.text("tell");
  writer.varint(count);
  for (const [key, value] of entries) {
    writer.text(key);
    writer.text(value);
  }
  writer.varint(0);
  const bytes = writer.written().slice();
  new DataView(bytes.buffer).setUint32(0, bytes.length - 4);
  return bytes;
}

const HOSTILE: [string, number, [string, string][]][] = [
  ["a key twice", 2, [["k", "1"], ["k", "2"]]],
  ["__proto__ twice", 2, [["__proto__", "1"], ["__proto__", "2"]]],
  ["65 entries", 65, many(65)],
  ["8,193 units", 1, [["k", "x".repeat(8_192)]]],
  ["more entries announced than come", 3, [["k", "1"]]],
  ["2^32 - 1 entries announced", 2 ** 32 - 1, [["k", "1"]]],
];

for (const [what, count, entries] of HOSTILE) {
  test(`makeWire() ends with malformed on metadata with ${what}`, async () => {
    await using peer = new RawPeer({ functions: { tell() {} } });
    await peer.open();
    const hearing = peer.hearAbort();
    await peer.say(hostile(count, entries));
    assertEquals((await hearing)?.code, "malformed");
    assertEquals((await peer.wire.closed).code, "malformed");
  });
}

test("makeWire() takes well-formed metadata of a raw peer", async () => {
  const came = Promise.withResolvers<Metadata>();
  await using peer = new RawPeer({
    functions: {
      tell(this: CallContext) {
        came.resolve(this.metadata);
      },
    },
  });
  await peer.open();
  await peer.say(hostile(1, [["__proto__", "x"]]));
  assertEquals(Object.entries(await came.promise), [["__proto__", "x"]]);
  await peer.say(framed({ kind: "close" }));
  await peer.hear("finish");
  await peer.end();
});
