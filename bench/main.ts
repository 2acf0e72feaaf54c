/**
 * Measures wires beside raw sockets: a client and a peer in two processes over
 * loopback TCP, in alternating rounds. `--help` tells the options.
 *
 * A new workload is a file in `workloads/` and a line in its `mod.ts`; another
 * library to compare with is a file in `contestants/` and a line here.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { decoderLinearity, type Linearity, SIZES } from "./_decoder_linear.ts";
import { type Mark, marks } from "./_marks.ts";
import { measure, type Measurement } from "./_measure.ts";
import { type Peer, startPeer } from "./_peer.ts";
import { pin } from "./_pin.ts";
import { number, table } from "./_table.ts";
import type { Contestant, Workload } from "./_workload.ts";
import { wire } from "./contestants/wire.ts";
import { WORKLOADS } from "./workloads/mod.ts";

const CONTESTANTS: readonly [Contestant, ...Contestant[]] = [wire];
const DECODER = "decoder";
const NAMES = [...WORKLOADS.map(({ name }) => name), DECODER];

const HELP = `usage: deno task bench [options]

  --only NAME[,NAME]  run only these: ${NAMES.join(", ")}
  --rounds N          rounds of each, after a warm-up (5)
  --seconds S         how long a round takes, about (0.5)
  --pin               pin both processes to core 0, where taskset is there
  --split             pin this process to core 0 and its peer to core 1
  --json FILE         write the results to a file
  --help              show this

Without --pin or --split the scheduler chooses between one core and two, which
changes the numbers more than most changes of code do. All rounds of a run share
one process: to compare two versions, repeat the run, and take a difference
under 25% for none.

The exit code is 1 when a mark was missed, 2 for wrong options.`;

/** What the command line says. */
interface Options {
  readonly only: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  /** The cores of this process and its peer; undefined leaves them free. */
  readonly cores: readonly [number, number] | undefined;
  readonly json: string | undefined;
}

/** Reads the command line; a string is what is wrong with it. */
function readOptions(args: string[]): Options | string | undefined {
  const unknown: string[] = [];
  const found = parseArgs(args, {
    boolean: ["pin", "split", "help"],
    string: ["only", "rounds", "seconds", "json"],
    default: { only: NAMES.join(","), rounds: "5", seconds: "0.5" },
    unknown: (arg: string) => {
      unknown.push(arg);
      return false;
    },
  });
  if (found.help) return undefined;
  if (unknown.length > 0) return `There is no option ${unknown[0]}.`;
  const only: string[] = found.only.split(",");
  const stray = only.find((name) => !NAMES.includes(name));
  if (stray !== undefined) {
    return `There is no workload "${stray}": they are ${NAMES.join(", ")}.`;
  }
  const rounds = Number(found.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    return `--rounds takes an integer of 1 or more, not "${found.rounds}".`;
  }
  const seconds = Number(found.seconds);
  if (!(seconds > 0)) {
    return `--seconds takes a number above 0, not "${found.seconds}".`;
  }
  if (found.pin && found.split) return "--pin and --split exclude each other.";
  const cores = found.pin
    ? [0, 0] as const
    : found.split
    ? [0, 1] as const
    : undefined;
  return { only, rounds, seconds, cores, json: found.json };
}

/** Says on standard error what is going on. */
function progress(text: string): void {
  console.error(`… ${text}`);
}

/** Pins both processes as the options say, and tells what came of it. */
async function place(peer: Peer, cores: Options["cores"]): Promise<string> {
  if (cores === undefined) return "not pinned: the scheduler chose the cores";
  const [near, far] = cores;
  const failure = await pin(Deno.pid, near) ?? await pin(peer.pid, far);
  return failure === undefined
    ? `pinned: client to core ${near}, peer to core ${far}`
    : `not pinned as asked (${failure}): the scheduler chose the cores`;
}

async function measureAll(
  peer: Peer,
  workloads: readonly Workload[],
  { rounds, seconds }: Options,
): Promise<Measurement[]> {
  const found: Measurement[] = [];
  const options = { peer, contestants: CONTESTANTS, rounds, seconds };
  for (const workload of workloads) {
    progress(workload.title);
    found.push(...await measure(workload, options));
  }
  return found;
}

function printMeasurements(measurements: readonly Measurement[]): void {
  if (measurements.length === 0) return;
  console.log(table(
    ["workload", "who", "median", "min – max", "unit", "× raw", "bytes ⇄"],
    measurements.map((one) => [
      one.title,
      one.contestant,
      number(one.median, one.digits),
      `${number(one.min, one.digits)} – ${number(one.max, one.digits)}`,
      one.unit,
      number(one.toRaw, 2),
      `${number(one.bytes.sent)} / ${number(one.bytes.received)}`,
    ]),
  ));
}

function printLinearities(linearities: readonly Linearity[]): void {
  if (linearities.length === 0) return;
  console.log();
  console.log(table(
    [
      "fed byte by byte, ns a byte",
      ...SIZES.map((size) => `${size / 1024} KiB`),
    ],
    linearities.map(({ what, perByte }) => [
      what,
      ...perByte.map((nanoseconds) => number(nanoseconds, 1)),
    ]),
  ));
}

function printMarks(found: readonly Mark[]): void {
  if (found.length === 0) return;
  console.log();
  console.log(table(
    ["mark", "measured", "met"],
    found.map((mark) => [
      mark.what,
      `${number(mark.value, 1)}×`,
      mark.met ? "yes" : "NO",
    ]),
  ));
}

/** Runs what the options say, prints it, and returns the exit code. */
async function main(): Promise<number> {
  const options = readOptions(Deno.args);
  if (options === undefined) {
    console.log(HELP);
    return 0;
  }
  if (typeof options === "string") {
    console.error(`${options} See --help.`);
    return 2;
  }
  await using peer = await startPeer();
  const placement = await place(peer, options.cores);
  const setting = {
    deno: Deno.version.deno,
    system: `${Deno.build.os} ${Deno.build.arch}`,
    cores: navigator.hardwareConcurrency,
    placement,
    rounds: options.rounds,
    seconds: options.seconds,
  };
  console.log(
    `Deno ${setting.deno}, ${setting.system}; medians of ${setting.rounds} rounds of about ${setting.seconds} s; ${placement}.\n`,
  );
  const measurements = await measureAll(
    peer,
    WORKLOADS.filter(({ name }) => options.only.includes(name)),
    options,
  );
  printMeasurements(measurements);
  let linearities: Linearity[] = [];
  if (options.only.includes(DECODER)) {
    progress("decoders, fed byte by byte");
    linearities = await decoderLinearity(options.rounds);
    printLinearities(linearities);
  }
  const found = marks(measurements, linearities);
  printMarks(found);
  if (options.json !== undefined) {
    const results = { setting, measurements, sizes: SIZES, linearities };
    const text = JSON.stringify({ ...results, marks: found }, null, 2);
    await Deno.writeTextFile(options.json, `${text}\n`);
  }
  return found.every(({ met }) => met) ? 0 : 1;
}

if (import.meta.main) Deno.exitCode = await main();
