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

import { decodeValue, encodeValue } from "../mod.ts";
import { type Codec, CODECS } from "./_codecs.ts";
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

const VALUE: Codec = {
  bytes: 0,
  roundTrip(value) {
    const bytes = encodeValue(value);
    this.bytes = bytes.length;
    return decodeValue(bytes);
  },
};

const JSON_TEXT: Codec = {
  bytes: 0,
  roundTrip(value) {
    const text = JSON.stringify(value);
    this.bytes = text.length;
    return JSON.parse(text);
  },
};

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
    const codecs: [string, Codec][] = [
      ["wire", await CODECS.wire()],
      ["encodeValue", VALUE],
      ["JSON", JSON_TEXT],
    ];
    try {
      codecs.splice(1, 0, ["msgpackr", await CODECS.msgpackr()]);
    } catch (error) {
      console.error(`SKIPPED msgpackr: ${error}`);
    }
    const plain = json ? value : [...value as Iterable<unknown>];
    const rows = codecs.map(([name, codec]) => {
      const given = codec === JSON_TEXT ? plain : value;
      perSecond(codec, given, seconds * 4);
      const { bytes } = codec;
      return { sample, name, codec, given, bytes, perSecond: [] as number[] };
    });
    for (let slice = 0; slice < slices; slice++) {
      for (const { codec, given, perSecond: all } of rows) {
        all.push(perSecond(codec, given, seconds));
      }
    }
    found.push(...rows.map(({ sample, name, bytes, perSecond }) => ({
      sample,
      codec: name,
      bytes,
      perSecond,
    })));
  }
  console.log(JSON.stringify(found));
}
