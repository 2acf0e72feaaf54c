/**
 * A queue, two producers and three workers, of which one is killed, one is
 * ended, and two more come, while the work goes on. `USAGE` tells the rest.
 *
 * @module
 */

import { denoRun } from "../archive/deno.ts";
import { commandLine } from "../_options.ts";
import { JobQueue } from "./job_queue.ts";
import { LivePicture, picture } from "./picture.ts";
import { primesBelow } from "./primes.ts";
import { serveQueue } from "./serve_queue.ts";

const USAGE = `Shows a queue at work, and counts in the end what was lost:

  deno run -A examples/jobs/demo.ts

  --below <number>  each of two producers counts the primes below it (2000000)
  --jobs <number>   in so many jobs (40)
  --pause <time>    how long workers rest in between, in milliseconds (10)
  --help            shows this`;

const told = commandLine(USAGE, ["below", "jobs", "pause"], 0);
const below = told.count("below", 2_000_000, 1);
const jobs = told.count("jobs", 40, 1);
const pause = told.count("pause", 10, 0);

const here = import.meta.dirname;
const queue = new JobQueue((text) => live.tell(text));
const server = serveQueue(queue, 0);
const live = new LivePicture(() => picture(queue));
const all = 2 * jobs;
/** The first program that ended with an error. */
let failed: string | undefined;

try {
  await demonstrate();
} finally {
  live[Symbol.dispose]();
  await server.shutdown();
}
const expected = 2 * primesBelow(below);
const isRight = queue.done === all && queue.sum === expected;
console.log(
  `demo: ${queue.done} of ${all} jobs done, ${queue.again} begun again; ${queue.sum} primes`,
);
console.log(
  isRight
    ? "demo: that is right: nothing lost, nothing counted twice"
    : `demo: that is wrong: ${expected} primes`,
);
if (!isRight) Deno.exitCode = 1;

/** Starts everybody, and ends some of them on the way. */
async function demonstrate(): Promise<void> {
  const workers = new Map(["ann", "ben", "cleo"].map(startWorker));
  const producers = ["red", "blue"].map((name) =>
    started("producer.ts", `--below=${below}`, `--jobs=${jobs}`, name)
  );
  await until(() =>
    queue.done >= all / 4 && isInTheMiddle("ann") || queue.done === all
  );
  live.tell("demo: kills ann, and starts dan");
  workers.get("ann")?.kill("SIGKILL");
  workers.set(...startWorker("dan"));
  await until(() => queue.done >= all / 2);
  live.tell("demo: asks ben to go when his job is done, and starts eve");
  workers.get("ben")?.kill("SIGTERM");
  workers.set(...startWorker("eve"));
  for (const producer of producers) {
    const { code, stdout } = await producer.output();
    live.tell(new TextDecoder().decode(stdout).trimEnd());
    if (code !== 0) throw new Error("A producer failed.");
  }
  // Those that are there still have nothing to do.
  for (const [name, worker] of workers) {
    if (name !== "ann" && name !== "ben") worker.kill("SIGTERM");
    await worker.status;
  }
}

function startWorker(name: string): [string, Deno.ChildProcess] {
  return [name, started("worker.ts", `--pause=${pause}`, name)];
}

/** Starts one of the programs. */
function started(program: string, ...args: string[]): Deno.ChildProcess {
  const permissions = "--allow-net";
  const at = ["--hostname=127.0.0.1", `--port=${server.port}`];
  const child = denoRun([permissions, `${here}/${program}`, ...at, ...args], {
    stdin: "null",
    stdout: "piped",
  }).spawn();
  child.status.then(({ code, signal }) => {
    // Those that are killed, or asked to go, end by a signal or in order.
    if (code !== 0 && signal === null) failed ??= program;
  });
  return child;
}

/** Whether a worker has begun its job, and is far from its end. */
function isInTheMiddle(name: string): boolean {
  const worker = [...queue.workers].find((each) => each.name === name);
  return worker !== undefined && worker.part > 0 && worker.part < 0.5;
}

/** Waits until something is so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    if (failed !== undefined) throw new Error(`${failed} failed.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
