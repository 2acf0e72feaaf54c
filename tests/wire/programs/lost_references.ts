/**
 * Loses references and streams, and prints what is reported; run with
 * `--v8-flags=--expose-gc`.
 *
 * @module
 */

import { wirePair } from "../../../wire/mod.ts";

const { gc } = globalThis as unknown as { gc: () => void };

const [near, far] = wirePair({
  onError: (error, where) => console.log(`${where}: ${error}`),
});
let isOver = false;
far.serve({
  open: () => () => 1,
  keep: () => () => 2,
  async *endless() {
    try {
      for (;;) yield await 1;
    } finally {
      isOver = true;
    }
  },
});

async function lose(): Promise<void> {
  await near.remoteValue.open();
  await near.remoteValue.endless();
}

const kept = await near.remoteValue.keep();
await lose();
for (let round = 0; round < 200; round++) {
  gc();
  await near.ping();
  // A task of its own: what is collected is told between tasks.
  await new Promise((resolve) => setTimeout(resolve));
  const { objectsExported, streamsSending } = far.stats();
  if (objectsExported === 1 && streamsSending === 0) break;
}
console.log(`exported: ${far.stats().objectsExported}`);
console.log(`finally: ${isOver}`);
console.log(`kept: ${await kept()}`);
kept[Symbol.dispose]();
await near.close();
