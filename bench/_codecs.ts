/**
 * The codecs that are compared, each with what it remembers from one value to
 * the next.
 *
 * @module
 */

import { deserialize, serialize } from "node:v8";
import { DEFAULT_LIMITS } from "../mod.ts";
import { loadCborX, loadMsgpackr } from "./_packages.ts";

/** A codec with what it remembers. */
export interface Codec {
  /** How many bytes the last value took. */
  bytes: number;
  /** Encodes and decodes; returns what came back. */
  roundTrip(value: unknown): unknown;
}

/** Of a frame, in bytes: whatever codec one takes, something has to tell it. */
const LENGTH = 4;

/** Large enough for all that is measured. */
const LARGE = 64 * 1024 * 1024;

/** The codecs by name: each call makes one that has seen nothing. */
export const CODECS = {
  wire: () => wireCodec(new URL("../", import.meta.url)),
  msgpackr: msgpackrCodec,
  "cbor-x": cborCodec,
  JSON: () => Promise.resolve(jsonCodec()),
  v8: () => Promise.resolve(v8Codec()),
} satisfies Record<string, () => Promise<Codec>>;

/**
 * The codec of wires, over one pair of tables that are renewed as those of a
 * wire are: frames included, but for their length.
 *
 * @param tree The folder of the module, which may be another version's.
 * @returns The codec.
 */
export async function wireCodec(tree: URL): Promise<Codec> {
  const load = (file: string) => import(new URL(file, tree).href);
  const [{ ByteWriter }, { Encoder }, { CollectingDecoder }] = await Promise
    .all([
      load("wire/codec/bytes.ts") as Promise<
        typeof import("../wire/codec/bytes.ts")
      >,
      load("wire/codec/codec.ts") as Promise<
        typeof import("../wire/codec/codec.ts")
      >,
      load("wire/codec/message_collector.ts") as Promise<
        typeof import("../wire/codec/message_collector.ts")
      >,
    ]);
  const limits = { ...DEFAULT_LIMITS, message: LARGE, frame: LARGE };
  limits.values = LARGE;
  const writer = new ByteWriter();
  const encoder = new Encoder(writer, limits);
  // As when the peer has told its limits.
  encoder.limits = limits;
  const decoder = new CollectingDecoder(limits);
  return {
    bytes: 0,
    roundTrip(this: Codec, value) {
      if (encoder.tables.full) encoder.reset();
      const start = writer.position;
      encoder.encode({ kind: "message", value });
      if (encoder.tables.hasFresh) encoder.define(start);
      const bytes = writer.written();
      this.bytes = bytes.length - LENGTH;
      decoder.feed(bytes);
      let last: unknown;
      for (let next; (next = decoder.next()) !== undefined;) {
        if (next.kind === "overLimit") throw next.error;
        last = next;
      }
      // What was decoded is a copy.
      writer.clear();
      return (last as { value: unknown }).value;
    },
  };
}

async function msgpackrCodec(): Promise<Codec> {
  const { Packr } = await loadMsgpackr();
  const packr = new Packr({
    structures: [],
    moreTypes: true,
    useBigIntExtension: true,
  });
  return {
    bytes: 0,
    roundTrip(this: Codec, value) {
      const bytes = packr.pack(value);
      this.bytes = bytes.length;
      return packr.unpack(bytes);
    },
  };
}

async function cborCodec(): Promise<Codec> {
  const { Encoder } = await loadCborX();
  const encoder = new Encoder({ structures: [] });
  return {
    bytes: 0,
    roundTrip(this: Codec, value) {
      const bytes = encoder.encode(value);
      this.bytes = bytes.length;
      return encoder.decode(bytes);
    },
  };
}

function jsonCodec(): Codec {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  return {
    bytes: 0,
    roundTrip(this: Codec, value) {
      const bytes = encoder.encode(JSON.stringify(value));
      this.bytes = bytes.length;
      return JSON.parse(decoder.decode(bytes));
    },
  };
}

function v8Codec(): Codec {
  return {
    bytes: 0,
    roundTrip(this: Codec, value) {
      const bytes = serialize(value);
      this.bytes = bytes.length;
      return deserialize(bytes);
    },
  };
}
