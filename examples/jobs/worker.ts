/**
 * A worker. `USAGE` tells the rest.
 *
 * @module
 */

import { connectToRemoteServer, keepConnected } from "../../mod.ts";
import { endSignal } from "../_end_signal.ts";
import "../_one_line.ts";
import { commandLine } from "../_options.ts";
import { countPrimes } from "./primes.ts";
import type { Queue, Worker } from "./protocol.ts";

const USAGE = `Does jobs of a queue, one at a time:

  deno run --allow-net examples/jobs/worker.ts [name]

  name                what the queue calls it (worker)
  --port <port>       where the queue listens (7000)
  --hostname <name>   its name or address (localhost)
  --pause <time>      how long to rest in between, in milliseconds (0)
  --help              shows this

Start as many as you like. Ctrl-C or SIGTERM lets it finish its job.`;

const told = commandLine(USAGE, ["port", "hostname", "pause"], 1);
const port = told.port(1);
const name = told.rest[0] ?? "worker";
const pause = Number(told.option("pause") ?? 0);
const hostname = told.option("hostname") ?? "localhost";
const ended = endSignal();

const functions = {
  run: (job: Parameters<Worker["run"]>[0]) => countPrimes(job, pause),
};
const kept = keepConnected(
  (signal) =>
    connectToRemoteServer<Queue, Worker>(hostname, port, { signal, functions }),
  {
    onConnected: (wire) => wire.remoteValue.work(name),
    // A queue that starts again is found; one that is gone is not waited for.
    attempts: 10,
    backoff: { most: 1_000 },
  },
);
ended.addEventListener("abort", () => void kept.close());
const reason = await kept.closed;
if (!ended.aborted) throw reason;
