/**
 * The command `bench`: how long calls take, and how many there are a second.
 *
 * @module
 */

import { type Wire, WireError } from "../mod.ts";
import { Histogram } from "../wire/base/collections.ts";
import { ARGUMENTS_USAGE, argumentsOf } from "./_arguments.ts";
import { isStream, sleep } from "./_client_commands.ts";
import { type CommandLine, type Option, UsageError } from "./_command_line.ts";
import {
  ADDRESS_USAGE,
  CALLING,
  callingAt,
  connected,
  CONNECTING_USAGE,
  optionsOf,
  targetOf,
  targetText,
} from "./_connect.ts";
import { printLine } from "./_output.ts";
import { asJson, described, harmlessLine } from "./_text.ts";

/** Its options. */
export const BENCH_OPTIONS: readonly Option[] = [
  ...CALLING,
  "text",
  "repeat",
  "rate",
  "seconds",
  "concurrency",
];

/** What the command does, and its options. */
export const BENCH_USAGE =
  `usage: deno run -A cli.ts bench [OPTION…] ADDRESS NAME ARG…

Calls a function again and again on one wire, and tells how long calls took and
how many there were a second. As a closed loop, a number of calls is under way
at a time, and the next one is made when one is answered. As an open loop, with
--rate, calls are made at fixed times, whether or not others have been answered;
how long one took is counted from the time at which it was due.

${ADDRESS_USAGE}

${ARGUMENTS_USAGE}
Options stand before NAME.

examples:
  bench localhost:7000 add 40 2
  bench --concurrency 64 --seconds 10 localhost:7000 add 40 2
  bench --rate 500 --json localhost:7000 users.get 7

options:
  --seconds N            for how long: 5
  --repeat N             make N calls, however long that takes
  --concurrency N        closed loop: so many calls at a time: 1
  --rate N               open loop: so many calls a second
  --text                 every ARG is a text, whatever it looks like
  --deadline MS          how long an answer may take
  --metadata KEY=TEXT    goes with each call; may come several times
  --json                 print the figures as JSON; times are in milliseconds
${CONNECTING_USAGE}

The exit code is 0 when all calls went well, 1 when one or the connection
failed, 2 for a command line that makes no sense, and 130 after Ctrl-C.`;

/** For how long, in seconds. */
const SECONDS = 5;
/** So many calls of an open loop are under way at the most. */
const MOST_CALLS = 100_000;
/** How wide the longest bar is. */
const WIDTH = 40;

/** What calls are made, and until when. */
interface Load {
  readonly call: () => Promise<unknown>;
  /** How many. */
  readonly times: number;
  /** For how long, in milliseconds. */
  readonly duration: number;
  readonly concurrency: number;
  /** Calls a second, of an open loop. */
  readonly rate: number | undefined;
  /** Why no further call is worth while. */
  readonly ended: () => unknown;
}

/** What came of it. */
interface Outcome {
  readonly times: Histogram;
  /** How many failed, by what their errors say. */
  readonly errors: Map<string, number>;
  /** How long it took, in milliseconds. */
  readonly took: number;
}

/**
 * Measures calls.
 *
 * @returns The exit code.
 */
export async function bench(line: CommandLine): Promise<number> {
  const target = targetOf(line);
  const name = line.word("The function's name") ?? "";
  line.only("bench", BENCH_OPTIONS);
  const rate = above0(line, "rate");
  const concurrency = above0(line, "concurrency") ?? 1;
  if (rate !== undefined && line.text("concurrency") !== undefined) {
    throw new UsageError(
      "--rate is an open loop, and --concurrency a closed one: leave one of them out.",
    );
  }
  const repeat = above0(line, "repeat");
  const asked = above0(line, "seconds");
  if (repeat !== undefined && asked !== undefined) {
    throw new UsageError(
      "--repeat says how many calls are made, and --seconds for how long: leave one of them out.",
    );
  }
  const seconds = asked ?? (repeat === undefined ? SECONDS : Infinity);
  const options = optionsOf(line);
  const args = await argumentsOf(line, name);
  return await connected(line, target, async (wire) => {
    // What goes wrong with every call is told at once.
    await callingAt(
      wire,
      target,
      name,
      () => callAndDrop(wire, name, args, options),
    );
    const outcome = await run({
      call: () => callAndDrop(wire, name, args, options),
      times: repeat ?? Infinity,
      duration: seconds * 1000,
      concurrency,
      rate,
      ended: () => wire.ended,
    });
    const how = rate === undefined
      ? `${concurrency} at a time`
      : `${rate} calls a second`;
    const what = `${name} at ${targetText(target)}, ${how}`;
    await printLine(
      line.has("json")
        ? asJson(figures(name, outcome))
        : report(harmlessLine(what), outcome),
    );
    return outcome.errors.size > 0 ? 1 : 0;
  });
}

/** The value of an option that is a number above 0. */
function above0(
  line: CommandLine,
  name: "rate" | "concurrency" | "repeat" | "seconds",
): number | undefined {
  const value = line.number(name);
  const isCount = name === "concurrency" || name === "repeat";
  if (
    value === undefined || value > 0 && (!isCount || Number.isInteger(value))
  ) {
    return value;
  }
  throw new UsageError(
    `--${name} wants ${isCount ? "an integer" : "a number"} above 0, and not ${
      line.text(name)
    }.`,
  );
}

/** Calls, and keeps nothing of what comes. */
async function callAndDrop(
  wire: Wire,
  name: string,
  args: unknown[],
  options: ReturnType<typeof optionsOf>,
): Promise<void> {
  const values = await wire.call(name, args, true, options) as unknown[];
  for (const value of values) {
    if (isStream(value)) await value[Symbol.asyncIterator]().return?.();
    else {(value as Partial<Disposable> | null | undefined)
        ?.[Symbol.dispose]?.();}
  }
}

async function run(load: Load): Promise<Outcome> {
  const times = new Histogram();
  const errors = new Map<string, number>();
  const measured = async (due: number) => {
    try {
      await load.call();
    } catch (error) {
      const code = error instanceof WireError
        ? error.code
        : described(error).split("\n")[0]!;
      errors.set(code, (errors.get(code) ?? 0) + 1);
    }
    times.add(performance.now() - due);
  };
  const began = performance.now();
  await (load.rate === undefined
    ? closedLoop(load, began, measured)
    : openLoop(load, load.rate, began, measured));
  return { times, errors, took: performance.now() - began };
}

async function closedLoop(
  { times, duration, concurrency, ended }: Load,
  began: number,
  measured: (due: number) => Promise<void>,
): Promise<void> {
  let made = 0;
  const work = async () => {
    for (let now = began; now - began < duration; now = performance.now()) {
      if (made >= times || ended() !== undefined) return;
      made++;
      await measured(performance.now());
    }
  };
  const count = Math.min(concurrency, times);
  await Promise.all(Array.from({ length: count }, work));
}

async function openLoop(
  { times, duration, ended }: Load,
  rate: number,
  began: number,
  measured: (due: number) => Promise<void>,
): Promise<void> {
  const open = new Set<Promise<void>>();
  for (let made = 0; made < times && ended() === undefined; made++) {
    const due = made * 1000 / rate;
    if (due >= duration) break;
    for (let early = Infinity; early > 0;) {
      // A timer may fire early.
      early = began + due - performance.now();
      if (early > 0) await sleep(early);
    }
    // It is late then, and that counts.
    while (open.size >= MOST_CALLS) await Promise.race(open);
    const call = measured(began + due).then(() => void open.delete(call));
    open.add(call);
  }
  await Promise.all(open);
}

function figures(name: string, { times, errors, took }: Outcome): object {
  const { latency } = times;
  const { count, total, p50, p90, p99, max } = latency;
  const p999 = times.quantile(0.999);
  return {
    name,
    calls: count,
    seconds: took / 1000,
    perSecond: count / took * 1000,
    errors: Object.fromEntries(errors),
    latency: {
      mean: count === 0 ? 0 : total / count,
      p50,
      p90,
      p99,
      p999,
      max,
    },
    histogram: times.buckets(),
  };
}

function report(what: string, { times, errors, took }: Outcome): string {
  const { count, total, p50, p90, p99, max } = times.latency;
  const p999 = times.quantile(0.999);
  const lines = [
    what,
    `${count} calls in ${(took / 1000).toFixed(2)} s: ${
      (count / took * 1000).toFixed(count / took > 0.1 ? 0 : 2)
    } a second`,
    `mean ${ms(total / count)}, p50 ${ms(p50)}, p90 ${ms(p90)}, p99 ${
      ms(p99)
    }, p99.9 ${ms(p999)}, max ${ms(max)}`,
  ];
  for (const [error, failed] of errors) {
    lines.push(`${failed} failed: ${harmlessLine(error)}`);
  }
  return [...lines, ...bars(times)].join("\n");
}

/** One bar for each doubling. */
function bars(times: Histogram): string[] {
  const counts = new Map<number, number>();
  for (const [upTo, count] of times.buckets()) {
    const power = Math.ceil(Math.log2(upTo) - 1e-9);
    counts.set(power, (counts.get(power) ?? 0) + count);
  }
  const powers = [...counts.keys()];
  const [first, last] = [Math.min(...powers), Math.max(...powers)];
  const most = Math.max(...counts.values());
  const lines: string[] = [];
  for (let power = first; power <= last; power++) {
    const count = counts.get(power) ?? 0;
    const bar = "█".repeat(Math.round(count / most * WIDTH));
    const edge = `≤ ${ms(2 ** power)}`.padStart(12);
    lines.push(`${edge}  ${bar}${bar === "" ? "" : " "}${count}`);
  }
  return lines;
}

/** A time in few characters. */
function ms(time: number): string {
  if (time >= 1000) return `${(time / 1000).toPrecision(3)} s`;
  if (time >= 1) return `${time.toPrecision(3)} ms`;
  return `${Math.round(time * 1000)} µs`;
}
