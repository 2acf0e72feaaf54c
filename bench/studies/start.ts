/**
 * From the start of a process to its end, with one call answered between: a
 * program with a wire beside one with bare sockets, by turns.
 *
 * @module
 */

import { atMost } from "../_mark.ts";
import { type Summary, summary } from "../_statistics.ts";
import type { Study } from "../_study.ts";
import { number } from "../_table.ts";
import { ratio } from "./_slices.ts";

/** Times are short, so that more of them are taken than rounds are asked. */
const TIMES = 6;
const MOST = 1.3;

/** Milliseconds that a program takes. */
async function time(file: string): Promise<number> {
  const { href } = new URL(`../start/${file}`, import.meta.url);
  const before = performance.now();
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", "--no-check", "-A", href],
    stdin: "null",
    stdout: "null",
  }).output();
  if (!success) throw new Error(`${file} failed.`);
  return performance.now() - before;
}

/** The study. */
export const start: Study = {
  name: "start",
  title: "start, one call, end",
  async run({ rounds }) {
    const bare: number[] = [];
    const wire: number[] = [];
    // Round 0 fills Deno's caches.
    for (let round = 0; round <= rounds * TIMES; round++) {
      const bareTime = await time("bare.ts");
      const wireTime = await time("wire.ts");
      if (round === 0) continue;
      bare.push(bareTime);
      wire.push(wireTime);
    }
    const row = (name: string, { median, min, max }: Summary) => [
      name,
      number(median, 1),
      `${number(min, 1)} – ${number(max, 1)}`,
    ];
    const toBare = ratio(wire, bare);
    return {
      tables: [{
        head: ["start to end, ms", "median", "min – max"],
        rows: [row("bare", summary(bare)), row("wire", summary(wire))],
      }],
      targets: [atMost("start beside a bare program", toBare, MOST)],
      data: { bare, wire, toBare },
    };
  },
};
