/**
 * Studies of media: each measures a wire over one of them.
 *
 * @module
 */

import { atLeast } from "../_mark.ts";
import { summary } from "../_statistics.ts";
import type { Study, StudyOptions } from "../_study.ts";
import { number } from "../_table.ts";
import { ratio } from "../studies/_slices.ts";
import { type Compared, UNDER_WAY } from "./_compare.ts";

/** What a wire has to make of its medium. */
const SHARE = 0.5;

/**
 * Makes a study.
 *
 * @param name Its name on the command line.
 * @param medium What the medium is called.
 * @param run Measures. It throws {@linkcode Deno.errors.NotFound} where what it
 * needs is not there.
 * @returns The study.
 */
export function mediumStudy(
  name: string,
  medium: string,
  run: (options: StudyOptions) => Promise<Compared>,
): Study {
  return {
    name,
    title: `${UNDER_WAY} calls under way over ${medium}`,
    async run(options) {
      let found: Compared;
      try {
        found = await run(options);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        console.error(`SKIPPED ${name}: ${error.message}`);
        return { tables: [], targets: [], data: null, isSkipped: true };
      }
      const { wire, raw, bytes } = found;
      const toRaw = ratio(wire, raw);
      const row = (who: string, rounds: readonly number[]) => {
        const { median, min, max } = summary(rounds);
        return [who, number(median), `${number(min)} – ${number(max)}`];
      };
      return {
        tables: [{
          head: [
            `${UNDER_WAY} calls under way over ${medium}`,
            "calls/s",
            "min – max",
            "× raw",
            "bytes ⇄",
          ],
          rows: [
            [...row("raw", raw), "1.00", `${bytes.sent} / ${bytes.received}`],
            [...row("wire", wire), number(toRaw, 2), ""],
          ],
        }],
        targets: [atLeast(
          `${UNDER_WAY} calls under way over ${medium}, of raw`,
          toRaw,
          SHARE,
        )],
        data: { ...found, toRaw },
      };
    },
  };
}
