/**
 * Measures codecs, in a process of its own: encoding and decoding in short
 * slices, by turns. Its arguments are the number of slices and their length in
 * seconds; it writes what it found as a line of JSON.
 *
 * "wire" is the codec as a wire uses it, frames included (but for the four bytes
 * of length, which are not counted), with key sets that both ends know from the
 * second message on, as msgpackr knows its records here; "encodeValue" tells all in every message. JSON does not know Maps and
 * is given their entries.
 *
 * @module
 */

import { decodeValue, DEFAULT_LIMITS, encodeValue } from "../mod.ts";
import { CollectingDecoder } from "../wire/codec/message_collector.ts";
import { ByteWriter } from "../wire/codec/bytes.ts";
import { Encoder } from "../wire/codec/codec.ts";
import { loadMsgpackr } from "./_packages.ts";
import { SAMPLES } from "./_samples.ts";

/** What a codec did with a value. */
export interface CodecRow {
  /** The value. */
  readonly sample: string;
  /** The codec. */
  readonly codec: string;
  /** Bytes, from the second message on. */
  readonly bytes: number;
  /** Operations a second, encoding and decoding together, of each slice. */
  readonly perSecond: number[];
}

/** Of a frame, in bytes: whatever codec one takes, something has to tell it. */
const LENGTH = 4;

/** A codec with what it remembers. */
interface Codec {
  readonly name: string;
  /** Encodes and decodes; returns the bytes that it took. */
  roundTrip(value: unknown): number;
}

/**
 * The codec of wires, over one pair of tables.
 *
 * @returns The codec.
 */
export function wireCodec(): Codec {
  const limits = { ...DEFAULT_LIMITS, frame: DEFAULT_LIMITS.message };
  const writer = new ByteWriter();
  const encoder = new Encoder(writer, limits);
  const decoder = new CollectingDecoder(limits);
  return {
    name: "wire",
    roundTrip(value) {
      encoder.encode({ kind: "message", value });
      if (encoder.tables.hasFresh) encoder.define(0);
      const bytes = writer.flip();
      decoder.feed(bytes);
      while (decoder.next() !== undefined);
      return bytes.length - LENGTH;
    },
  };
}

const VALUE: Codec = {
  name: "encodeValue",
  roundTrip(value) {
    const bytes = encodeValue(value);
    decodeValue(bytes);
    return bytes.length;
  },
};

const JSON_TEXT: Codec = {
  name: "JSON",
  roundTrip(value) {
    const text = JSON.stringify(value);
    JSON.parse(text);
    return text.length;
  },
};

async function msgpackrCodec(): Promise<Codec> {
  const { Packr } = await loadMsgpackr();
  const packr = new Packr({ structures: [] });
  return {
    name: "msgpackr",
    roundTrip(value) {
      const bytes = packr.pack(value);
      packr.unpack(bytes);
      return bytes.length;
    },
  };
}

/** Operations a second, for so many seconds. */
function perSecond(codec: Codec, value: unknown, seconds: number): number {
  const start = performance.now();
  let count = 0;
  let took = 0;
  do {
    for (let time = 0; time < 4; time++, count++) codec.roundTrip(value);
    took = (performance.now() - start) / 1_000;
  } while (took < seconds);
  return count / took;
}

if (import.meta.main) {
  const [slices, seconds] = Deno.args.map(Number) as [number, number];
  const found: CodecRow[] = [];
  for (const { name: sample, value, json } of SAMPLES) {
    const codecs = [wireCodec(), VALUE, JSON_TEXT];
    try {
      codecs.splice(1, 0, await msgpackrCodec());
    } catch (error) {
      console.error(`SKIPPED msgpackr: ${error}`);
    }
    const plain = json ? value : [...value as Iterable<unknown>];
    const rows = codecs.map((codec) => {
      const given = codec === JSON_TEXT ? plain : value;
      perSecond(codec, given, seconds * 4);
      const bytes = codec.roundTrip(given);
      return { sample, codec, given, bytes, perSecond: [] as number[] };
    });
    for (let slice = 0; slice < slices; slice++) {
      for (const { codec, given, perSecond: all } of rows) {
        all.push(perSecond(codec, given, seconds));
      }
    }
    found.push(...rows.map(({ sample, codec, bytes, perSecond }) => ({
      sample,
      codec: codec.name,
      bytes,
      perSecond,
    })));
  }
  console.log(JSON.stringify(found));
}
