/**
 * Loses one form of a reference after the other, and prints what is held; run
 * with `--v8-flags=--expose-gc`.
 *
 * @module
 */

import { wirePair } from "../../../wire/mod.ts";

const { gc } = globalThis as unknown as { gc: () => void };

let warnings = 0;
const [near, far] = wirePair({ onError: () => warnings++ });
far.serve({ give: () => [{ then: () => 1 }] });

/** Collects until nothing is held any more, or for long enough. */
async function collect(): Promise<void> {
  for (let round = 0; round < 40; round++) {
    gc();
    await near.ping();
    // A task of its own: what is collected is told between tasks.
    await new Promise((resolve) => setTimeout(resolve));
    if (far.stats().objectsExported === 0) break;
  }
}

// deno-lint-ignore no-explicit-any -- nothing is known of what comes
let came: any = await near.remoteValue.give();
await collect();
const { objectsExported } = far.stats();
console.log(`held by then: ${objectsExported}`);
if (await came[0].then.remoteValue() !== 1) throw new Error("not called");
came = undefined;
await collect();
console.log(`held by nobody: ${far.stats().objectsExported}`);
console.log(`warnings: ${warnings}`);
await near.close();
