/**
 * What clients of the libraries have in common.
 *
 * @module
 */

import type { Client } from "../_workload.ts";

/** The workloads in which every contestant takes part. */
export const COMMON_WORKLOADS: readonly string[] = ["one", "many", "record"];

/** What every contestant can be asked. */
export interface CommonCalls {
  /** The sum of two numbers. */
  add(a: number, b: number): Promise<number>;
  /** The same value, from the peer. */
  echo(value: unknown): Promise<unknown>;
}

/**
 * A client that is good for the {@linkcode COMMON_WORKLOADS} only.
 *
 * @param calls What it can be asked.
 * @param close Closes it.
 * @returns The client.
 */
export function commonClient(
  calls: CommonCalls,
  close: () => unknown,
): Client {
  const cannot = () => Promise.reject(new Error("That is not compared."));
  return {
    calls: { ...calls, size: cannot },
    send: cannot,
    message: cannot,
    messagesTaken: cannot,
    stream: cannot,
    traffic: () => ({ sent: NaN, received: NaN }),
    async close() {
      await close();
    },
  };
}
