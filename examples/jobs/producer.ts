/**
 * A producer. `USAGE` tells the rest.
 *
 * @module
 */

import { keepConnected } from "../../mod.ts";
import "../_one_line.ts";
import { commandLine } from "../_options.ts";
import { wayToQueue } from "./ways.ts";

const USAGE = `Has the primes below a number counted, by a job for each part:

  deno run --allow-net examples/jobs/producer.ts [options] [name]

  name                stands in front of the names of its jobs (producer)
  --below <number>    the number (1000000)
  --jobs <number>     how many jobs (50)
  --port <port>       where the queue listens (7000)
  --hostname <name>   its name or address (localhost)
  --nats <address>    reach it over NATS, which is there (needs -A)
  --help              shows this

Prints the sum of the results when it has all.`;

const told = commandLine(
  USAGE,
  ["below", "jobs", "port", "hostname", "nats"],
  1,
);
const name = told.rest[0] ?? "producer";
const below = told.count("below", 1_000_000, 1);
const jobs = told.count("jobs", 50, 1);

await using way = await wayToQueue(told);
await using kept = keepConnected(
  (signal) => way.connect({ signal }),
  // A job has a name: the queue knows it when it comes again.
  { idempotent: ["submit"], attempts: 10, backoff: { most: 1_000 } },
);
const size = Math.ceil(below / jobs);
const results = await Promise.all(
  Array.from({ length: jobs }, (_, index) =>
    kept.remoteValue.submit({
      id: `${name}-${index}`,
      from: Math.min(index * size, below),
      to: Math.min((index + 1) * size, below),
    })),
);
const sum = results.reduce((total, each) => total + each, 0);
console.log(`${name}: ${results.length} results, ${sum} primes`);
