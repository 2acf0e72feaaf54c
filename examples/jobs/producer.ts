/**
 * A producer. `USAGE` tells the rest.
 *
 * @module
 */

import { connectToRemoteServer, keepConnected } from "../../mod.ts";
import "../_one_line.ts";
import { commandLine, wrong } from "../_options.ts";
import type { Queue } from "./protocol.ts";

const USAGE = `Has the primes below a number counted, by a job for each part:

  deno run --allow-net examples/jobs/producer.ts [options] [name]

  name                stands in front of the names of its jobs (producer)
  --below <number>    the number (1000000)
  --jobs <number>     how many jobs (50)
  --port <port>       where the queue listens (7000)
  --hostname <name>   its name or address (localhost)
  --help              shows this

Prints the sum of the results when it has all.`;

const told = commandLine(USAGE, ["below", "jobs", "port", "hostname"], 1);
const port = told.port(1);
const name = told.rest[0] ?? "producer";
const hostname = told.option("hostname") ?? "localhost";
const below = count("below", 1_000_000);
const jobs = count("jobs", 50);

await using kept = keepConnected(
  (signal) => connectToRemoteServer<Queue>(hostname, port, { signal }),
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

/** An option that is a number of things. */
function count(option: string, other: number): number {
  const text = told.option(option);
  if (text === undefined) return other;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  return wrong(`--${option} wants a number from 1 to 999999999, not ${text}.`);
}
