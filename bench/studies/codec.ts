/**
 * The codec alone, without sockets: encoding and decoding in one process,
 * beside msgpackr with records and JSON.
 *
 * @module
 */

import type { CodecRow } from "../_codec_rounds.ts";
import { atLeast, atMost, type Target } from "../_mark.ts";
import { SAMPLES } from "../_samples.ts";
import { summary } from "../_statistics.ts";
import type { Study } from "../_study.ts";
import { number } from "../_table.ts";
import { ratio } from "./_slices.ts";

/** A round is cut into so many slices for each codec. */
const SLICES = 8;

async function measure(rounds: number, seconds: number): Promise<CodecRow[]> {
  const { href } = new URL("../_codec_rounds.ts", import.meta.url);
  const args = [rounds * SLICES, seconds / SLICES].map(String);
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", "-A", href, ...args],
    stdin: "null",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("The codecs could not be measured.");
  return JSON.parse(new TextDecoder().decode(stdout));
}

function targetsOf(rows: readonly CodecRow[]): Target[] {
  const targets: Target[] = [];
  for (const { name } of SAMPLES) {
    const find = (codec: string) =>
      rows.find((row) => row.sample === name && row.codec === codec);
    const wire = find("wire")!;
    const msgpackr = find("msgpackr");
    targets.push(atLeast(
      `codec beside msgpackr with records, ${name}`,
      msgpackr ? ratio(wire.perSecond, msgpackr.perSecond) : NaN,
      1,
    ));
    if (name !== SAMPLES[0]!.name) continue;
    const size = msgpackr ? wire.bytes / msgpackr.bytes : NaN;
    targets.push(atMost(`size beside msgpackr with records, ${name}`, size, 1));
  }
  return targets;
}

/** The study. */
export const codec: Study = {
  name: "codec",
  title: "the codec alone",
  async run({ rounds, seconds }) {
    const rows = await measure(rounds, seconds);
    const msgpackr = (row: CodecRow) =>
      rows.find(({ sample, codec }) =>
        sample === row.sample && codec === "msgpackr"
      )?.perSecond;
    return {
      tables: [{
        head: ["encode and decode", "who", "bytes", "thousand/s", "min – max"]
          .concat("× msgpackr"),
        rows: rows.map((row) => {
          const { median, min, max } = summary(row.perSecond);
          const beside = msgpackr(row);
          return [
            row.sample,
            row.codec,
            number(row.bytes),
            number(median / 1_000, 2),
            `${number(min / 1_000, 2)} – ${number(max / 1_000, 2)}`,
            beside ? number(ratio(row.perSecond, beside), 2) : "–",
          ];
        }),
      }],
      targets: targetsOf(rows),
      data: rows,
    };
  },
};
