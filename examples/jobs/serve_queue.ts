/**
 * Serves a queue to producers and workers.
 *
 * @module
 */

import {
  createRequestServer,
  type RequestServer,
  type Wire,
} from "../../mod.ts";
import type { JobQueue } from "./job_queue.ts";
import type { Queue, Worker } from "./protocol.ts";

/**
 * Serves a queue.
 *
 * @param queue The queue.
 * @param port Where; 0 takes a free port, and null does not listen.
 * @returns The server.
 */
export function serveQueue(
  queue: JobQueue,
  port: number | null,
): RequestServer {
  return createRequestServer(port, (wire: Wire<Worker>) => {
    wire.serve<Queue>({
      submit: (job) => queue.submit(job),
      work(name) {
        const { remoteValue, signal } = wire;
        const run = remoteValue.run;
        // Who asked is answered at once; the jobs go the other way.
        void queue.employ(name, { run, signal });
      },
    });
    return true;
  });
}
