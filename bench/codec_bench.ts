/**
 * The codec in one process: `deno bench bench/codec_bench.ts`.
 *
 * "on a wire" is the codec with the key sets of objects known to both ends, as
 * they are from the second message on; `encodeValue` sends them every time.
 * JSON does not know Maps: it is given their entries.
 *
 * @module
 */

import { decodeValue, encodeValue } from "../mod.ts";
import { CODECS } from "./_codecs.ts";
import { SAMPLES } from "./_samples.ts";

for (const { name, value, json } of SAMPLES) {
  const bytes = encodeValue(value);
  const plain = json ? value : [...value as Iterable<unknown>];
  const text = JSON.stringify(plain);
  const sizes = `${name} (${bytes.length} bytes, JSON ${text.length})`;

  const encode = `encode ${sizes}`;
  Deno.bench("JSON.stringify", { group: encode, baseline: true }, () => {
    JSON.stringify(plain);
  });
  Deno.bench("encodeValue", { group: encode }, () => {
    encodeValue(value);
  });

  const decode = `decode ${sizes}`;
  Deno.bench("JSON.parse", { group: decode, baseline: true }, () => {
    JSON.parse(text);
  });
  Deno.bench("decodeValue", { group: decode }, () => {
    decodeValue(bytes);
  });

  const both = `encode and decode ${sizes}`;
  Deno.bench("JSON", { group: both, baseline: true }, () => {
    JSON.parse(JSON.stringify(plain));
  });
  Deno.bench("structuredClone", { group: both }, () => {
    structuredClone(value);
  });
  Deno.bench("encodeValue, decodeValue", { group: both }, () => {
    decodeValue(encodeValue(value));
  });
  const wire = await CODECS.wire();
  Deno.bench("on a wire", { group: both }, () => {
    wire.roundTrip(value);
  });
}
