/**
 * Adds more lines than anybody reads; with an argument, nothing follows.
 *
 * @module
 */

import { LiveLines } from "../../cli/_tap_view.ts";

const lines = new LiveLines((left) => `left ${left}`, (error) => {
  throw error;
});
for (let line = 0; line < 100_000; line++) {
  if (lines.isFull) lines.skip();
  else lines.add(`line ${line}`);
}
if (Deno.args.length === 0) await lines.flush();
