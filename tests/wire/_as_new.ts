/**
 * Looks whether two wires are as new: nothing under way, every byte released,
 * and nothing of any message left in the codecs of both.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Decoder, Encoder } from "../../wire/codec/codec.ts";
import type { Wire, WireStats } from "../../wire/mod.ts";

/** What is 0 when nothing is under way. */
const COUNTS: readonly (keyof WireStats)[] = [
  "callsPending",
  "callsWaiting",
  "callsRunning",
  "objectsExported",
  "objectsImported",
  "streamsReceiving",
  "streamsSending",
  "inbox",
  "outputWaiting",
];

/** The codec of one end. */
interface Codec {
  readonly encoder: Encoder;
  readonly decoder: Decoder;
}

/**
 * Makes wires, and finds the codecs that they are made with.
 *
 * @param make Makes them.
 * @returns What it made, and the codecs in the same order.
 */
export function withCodecs<T>(make: () => T): [made: T, codecs: Codec[]] {
  const encoders = new Set<Encoder>();
  const decoders = new Set<Decoder>();
  // Each wire says hello, and begins to read.
  const undo = [
    spy(Encoder.prototype, "encode", (one) => encoders.add(one)),
    spy(Decoder.prototype, "isBulk", (one) => decoders.add(one)),
  ];
  try {
    const made = make();
    const reading = [...decoders];
    const codecs = [...encoders]
      .map((encoder, at) => ({ encoder, decoder: reading[at]! }));
    assertEquals(codecs.length, reading.length);
    return [made, codecs];
  } finally {
    for (const each of undo) each();
  }
}

function spy<T extends object>(
  prototype: T,
  name: keyof T,
  found: (one: T) => void,
): () => void {
  const own = Object.getOwnPropertyDescriptor(prototype, name)!;
  Object.defineProperty(prototype, name, {
    configurable: true,
    get(this: T) {
      found(this);
      return own.get === undefined ? own.value : own.get.call(this);
    },
  });
  return () => void Object.defineProperty(prototype, name, own);
}

/** Nothing of a message is left at the end that sends, nor at the other. */
function checkCodec({ encoder }: Codec, { decoder }: Codec): void {
  const { writer, tables, isBusy } = encoder;
  assertEquals({
    isBusy,
    written: writer.position,
    bound: writer.bound,
    kept: writer.externals.length,
    untold: tables.hasFresh,
    begun: decoder.unfinished,
    isBulk: decoder.isBulk,
  }, {
    isBusy: false,
    written: 0,
    bound: Infinity,
    kept: 0,
    untold: false,
    begun: false,
    isBulk: false,
  });
  // What one end looks up, the other one knows.
  assertEquals(tables.size, decoder.tableSize);
}

/** Nothing is under way, and both ends count the same. */
function checkCounts(wire: Wire, peer: Wire, window: number): void {
  const stats = wire.stats();
  const counts = COUNTS.map((name) => [name, stats[name]]);
  assertEquals(counts, COUNTS.map((name) => [name, 0]));
  const { sent, received, streamSpare } = stats.flow;
  assertEquals(sent, peer.stats().flow.received);
  assertEquals(sent.calls, 0);
  assertEquals(streamSpare, Math.floor(window / 2));
  // Less than a quarter need not be told.
  const untold = Math.max(received.sends, received.messages);
  assertEquals(untold * 4 < Math.max(window, 1), true, `${untold} untold`);
}

/**
 * Checks two ends.
 *
 * @param ends Both ends.
 * @param codecs Theirs.
 * @param window The window of both.
 */
export function checkAsNew(
  ends: readonly [Wire, Wire],
  codecs: readonly Codec[],
  window: number,
): void {
  for (const [at, wire] of ends.entries()) {
    checkCounts(wire, ends[1 - at]!, window);
    checkCodec(codecs[at]!, codecs[1 - at]!);
  }
}
