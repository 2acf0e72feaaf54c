/**
 * A worker. `USAGE` tells the rest.
 *
 * @module
 */

import { keepConnected } from "../../mod.ts";
import { endSignal } from "../_end_signal.ts";
import "../_one_line.ts";
import { commandLine } from "../_options.ts";
import { countPrimes } from "./primes.ts";
import type { Worker } from "./protocol.ts";
import { wayToQueue } from "./ways.ts";

const USAGE = `Does jobs of a queue, one at a time:

  deno run --allow-net examples/jobs/worker.ts [name]

  name                what the queue calls it (worker)
  --port <port>       where the queue listens (7000)
  --hostname <name>   its name or address (localhost)
  --nats <address>    reach it over NATS, which is there (needs -A)
  --pause <time>      how long to rest in between, in milliseconds (0)
  --help              shows this

Start as many as you like. Ctrl-C or SIGTERM lets it finish its job.`;

const told = commandLine(USAGE, ["port", "hostname", "nats", "pause"], 1);
const way = await wayToQueue(told);
const name = told.rest[0] ?? "worker";
const pause = told.count("pause", 0, 0);
const ended = endSignal();

const functions = {
  run: (job: Parameters<Worker["run"]>[0]) => countPrimes(job, pause),
};
const kept = keepConnected(
  (signal) => way.connect({ signal, functions }),
  {
    onConnected: (wire) => wire.remoteValue.work(name),
    // A queue that starts again is found; one that is gone is not waited for.
    attempts: 10,
    backoff: { most: 1_000 },
  },
);
ended.addEventListener("abort", () => void kept.close());
const reason = await kept.closed;
await way[Symbol.asyncDispose]();
if (!ended.aborted) throw reason;
