/**
 * A wire to a Worker, beside messages that are posted to one.
 *
 * @module
 */

import { connectWorker } from "../../transports/worker.ts";
import type { Study } from "../_study.ts";
import { compare, type MediumWire } from "./_compare.ts";
import { Requests } from "./_exchange.ts";
import { mediumStudy } from "./_medium_study.ts";

function start(name: string): Worker {
  const url = new URL("./_worker_peer.ts", import.meta.url);
  return new Worker(url, { type: "module", name });
}

/** The study. */
export const worker: Study = mediumStudy(
  "worker",
  "a Worker's port",
  async ({ rounds, seconds }) => {
    const served = start("wire");
    const rawWorker = start("raw");
    const raw = new Requests((bytes) => rawWorker.postMessage(bytes));
    rawWorker.onmessage = ({ data }) => raw.came(data.length);
    const wire = await connectWorker(served);
    const ends = { wire: wire as unknown as MediumWire, raw };
    const found = await compare(ends, rounds, seconds);
    await wire.close();
    served.terminate();
    rawWorker.terminate();
    return found;
  },
);
