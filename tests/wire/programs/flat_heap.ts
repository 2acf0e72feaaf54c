/**
 * Passes many call-backs and streams over one wire, releases each, and
 * prints by how many bytes the heap grew; run with `--v8-flags=--expose-gc`.
 *
 * @module
 */

import {
  type RemoteFunction,
  type RemoteStream,
  wirePair,
} from "../../../wire/mod.ts";

const { gc } = globalThis as unknown as { gc: () => void };

const AT_ONCE = 100;
const [near, far] = wirePair();
far.serve({
  async call(back: RemoteFunction<(n: number) => number>) {
    using _given = back;
    return await back(1);
  },
  async count(stream: RemoteStream<number>, most: number) {
    let count = 0;
    for await (const _item of stream) if (++count === most) break;
    return count;
  },
});

async function* three(): AsyncGenerator<number> {
  for (let n = 0; n < 3; n++) yield await n;
}

async function calls(count: number): Promise<void> {
  const call = near.remoteValue.call!;
  for (let done = 0; done < count; done += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, n) => call((one: number) => one + n)),
    );
  }
}

async function streams(count: number): Promise<void> {
  const take = near.remoteValue.count!;
  for (let done = 0; done < count; done += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, n) => take(three(), 1 + n % 5)),
    );
  }
}

/** Bytes of the heap once everything ran that was put off. */
async function heap(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    await near.ping();
    gc();
    await new Promise((resolve) => setTimeout(resolve));
  }
  return Deno.memoryUsage().heapUsed;
}

for (
  const [what, run, count] of [
    ["calls", calls, 100_000],
    ["streams", streams, 10_000],
  ] as const
) {
  await run(count / 10);
  const before = await heap();
  await run(count);
  console.log(what, await heap() - before);
}
const { objectsExported, streamsSending } = near.stats();
console.log("left", objectsExported + streamsSending);
await near.close();
