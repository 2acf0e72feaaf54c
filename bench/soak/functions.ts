/**
 * What is called under load, and how both ends tell what they hold.
 *
 * @module
 */

import { type CallContext, makeRemoteObject, type Wire } from "../../mod.ts";

/** A record as programs send them. */
export interface Order {
  readonly id: number;
  readonly name: string;
  readonly at: Date;
  readonly total: bigint;
  readonly tags: ReadonlyMap<string, number>;
}

/** What one end holds, once its garbage is collected. */
export interface Holdings {
  readonly memory: number;
  readonly resident: number;
  readonly descriptors: number;
  readonly tables: number;
}

export const functions = {
  add: (a: number, b: number) => a + b,
  echo: (order: Order) => order,
  async *items(count: number) {
    for (let n = 0; n < count; n++) yield n;
  },
  async sum(items: AsyncIterable<number>) {
    let sum = 0;
    for await (const item of items) sum += item;
    return sum;
  },
  counter() {
    let count = 0;
    return makeRemoteObject({ next: () => ++count });
  },
  twice: async (callBack: (n: number) => Promise<number>) =>
    await callBack(await callBack(1)),
  never(this: CallContext) {
    return new Promise<number>((_, reject) => {
      this.signal.addEventListener("abort", () => reject(this.signal.reason));
    });
  },
  fail(): void {
    throw new RangeError("planned");
  },
};
export type Functions = typeof functions;

/** What this process holds. */
export async function holdings(
  wires: Iterable<Wire<object, object>>,
): Promise<Holdings> {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("Run with --v8-flags=--expose-gc.");
  for (let time = 0; time < 3; time++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external, rss } = Deno.memoryUsage();
  let tables = 0;
  for (const wire of wires) {
    const stats = wire.stats();
    tables += 1 + stats.callsPending + stats.callsRunning +
      stats.objectsExported + stats.objectsImported + stats.streamsSending +
      stats.streamsReceiving;
  }
  return {
    memory: heapUsed + external,
    resident: rss,
    descriptors: [...Deno.readDirSync("/proc/self/fd")].length,
    tables,
  };
}
