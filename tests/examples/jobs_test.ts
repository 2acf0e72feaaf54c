/**
 * The queue of examples/jobs: by itself, and with its programs.
 */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { JobQueue, type WorkerEnd } from "../../examples/jobs/job_queue.ts";
import { countPrimes, primesBelow } from "../../examples/jobs/primes.ts";
import type { Job, Step } from "../../examples/jobs/protocol.ts";
import { Refusal } from "../../mod.ts";
import { test } from "../_test.ts";
import { natsTest } from "../transports/_nats.ts";
import { EXAMPLES, run, start, startServer } from "./_run.ts";

/** A worker without a wire. */
function worker(
  run: (job: Job) => AsyncIterable<Step>,
  signal: AbortSignal = new AbortController().signal,
): WorkerEnd {
  return { run: (job) => Promise.resolve(run(job)), signal };
}

const job = (id: string, to = 100): Job => ({ id, from: 0, to });

test("JobQueue does a job once, however often it is submitted", async () => {
  const queue = new JobQueue(() => {});
  const gone = new AbortController();
  let runs = 0;
  const working = queue.employ(
    "a",
    worker((job) => {
      runs++;
      return countPrimes(job, 0);
    }, gone.signal),
  );
  const first = queue.submit(job("one"));
  assertEquals(await Promise.all([first, queue.submit(job("one"))]), [25, 25]);
  assertEquals(await queue.submit(job("one")), 25);
  assertEquals([runs, queue.done, queue.sum], [1, 1, 25]);
  const other = () => Promise.resolve().then(() => queue.submit(job("one", 9)));
  assertEquals((await assertRejects(other, Refusal)).code, "invalidArgument");
  gone.abort();
  await working;
  assertEquals(queue.workers.size, 0);
});

test("JobQueue gives the job of a worker that went to the next", async () => {
  const queue = new JobQueue(() => {});
  const gone = new AbortController();
  const result = queue.submit(job("one"));
  await queue.employ(
    "a",
    worker(async function* () {
      yield { part: 0.5 };
      gone.abort();
      throw new Error("gone");
    }, gone.signal),
  );
  assertEquals([queue.waiting, queue.again, queue.done], [1, 1, 0]);
  const next = new AbortController();
  const working = queue.employ(
    "b",
    worker((job) => countPrimes(job, 0), next.signal),
  );
  assertEquals(await result, 25);
  next.abort();
  await working;
});

test("JobQueue gives up a job that fails each time", async () => {
  const queue = new JobQueue(() => {});
  const gone = new AbortController();
  let runs = 0;
  const working = queue.employ(
    "a",
    // deno-lint-ignore require-yield -- it fails before that
    worker(async function* () {
      runs++;
      throw new RangeError("odd");
    }, gone.signal),
  );
  await assertRejects(() => queue.submit(job("one")), RangeError, "odd");
  assertEquals(runs, 5);
  gone.abort();
  await working;
});

test("countPrimes() and primesBelow() agree", async () => {
  let [parts, result] = [0, 0];
  for await (const step of countPrimes(job("", 1_000), 0)) {
    if ("result" in step) result = step.result;
    else parts++;
  }
  assertEquals([parts, result], [20, primesBelow(1_000)]);
});

test("jobs/demo.ts loses nothing while workers die, go and come", async () => {
  const { code, stdout, stderr } = await run(
    "-A",
    `${EXAMPLES}/jobs/demo.ts`,
    "--below=20000",
    "--jobs=10",
  );
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /goes to another than ann/);
  const primes = 2 * primesBelow(20_000);
  assertMatch(
    stdout,
    new RegExp(
      `20 of 20 jobs done, .*; ${primes} primes\\ndemo: that is right`,
    ),
  );
});

test("jobs/demo.ts checks its options before it starts anything", async () => {
  for (
    const [option, message] of [
      ["--below=-5", "--below wants a number from 1 to 999999999, not -5."],
      ["--jobs=0", "--jobs wants a number from 1 to 999999999, not 0."],
      ["--pause=long", "--pause wants a number from 0 to 999999999, not long."],
    ] as const
  ) {
    const ended = await run("-A", `${EXAMPLES}/jobs/demo.ts`, option);
    const stderr = `${message} See --help.\n`;
    assertEquals(ended, { code: 2, stdout: "", stderr });
  }
});

test("jobs/queue.ts, worker.ts and producer.ts work together", async () => {
  const program = (name: string) => ["--allow-net", `${EXAMPLES}/jobs/${name}`];
  await using queue = await startServer(...program("queue.ts"), "--port=0");
  const at = ["--hostname=127.0.0.1", `--port=${queue.port}`];
  const producing = run(
    ...program("producer.ts"),
    ...at,
    "--below=1000",
    "--jobs=4",
  );
  await using worker = start(...program("worker.ts"), ...at, "w");
  const stdout = "producer: 4 results, 168 primes\n";
  assertEquals(await producing, { code: 0, stdout, stderr: "" });
  assertEquals((await worker.end("SIGTERM")).code, 0);
  const ended = await queue.end("SIGTERM");
  assertEquals([ended.code, ended.stderr], [0, ""]);
  assertMatch(ended.stdout, /w came\nw went\n0 wait, 4 done, 0 begun again\n$/);
});

natsTest(
  "jobs/queue.ts, worker.ts and producer.ts work together over NATS",
  async ({ port }) => {
    const nats = `--nats=127.0.0.1:${port}`;
    const program = (name: string) => ["-A", `${EXAMPLES}/jobs/${name}`, nats];
    await using queue = await startServer(...program("queue.ts"));
    await using worker = start(...program("worker.ts"), "w");
    await queue.prints(/w came/);
    const produced = await run(...program("producer.ts"), "--below=1000");
    const stdout = "producer: 50 results, 168 primes\n";
    assertEquals(produced, { code: 0, stdout, stderr: "" });
    assertEquals((await worker.end("SIGTERM")).code, 0);
    const ended = await queue.end("SIGTERM");
    assertEquals([ended.code, ended.stderr], [0, ""]);
  },
);
