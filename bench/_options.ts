/**
 * The command line of the benchmarks.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import type { Cores } from "./_pin.ts";
import { CONTESTANTS } from "./contestants/mod.ts";
import { STUDIES } from "./studies/mod.ts";
import { WORKLOADS } from "./workloads/mod.ts";

const NAMES = [...WORKLOADS, ...STUDIES].map(({ name }) => name);
const OTHERS = CONTESTANTS.slice(1).map(({ name }) => name);

/** What `--help` tells. */
export const HELP = `usage: deno task bench [options]

  --only NAME[,NAME]  run only these: ${NAMES.join(", ")}
  --with NAME[,NAME]  compare only with these besides raw sockets, or with "none":
                      ${OTHERS.join(", ")}
  --rounds N          rounds of each, after a warm-up (5)
  --seconds S         how long a round takes, about (0.5)
  --quick             six workloads in fresh processes, in two or three minutes
  --against DIR       the same of another checkout, in turns; implies --quick
  --full              growth as far as the targets ask; takes minutes
  --pin               pin all processes to core 0, where taskset is there
  --split             pin this process to core 0 and its peers to core 1
  --json FILE         write the results to a file
  --svg FILE          draw calls a second, 256 under way, into a file
  --targets FILE      draw how far each target was reached into a file
  --help              show this

Without --pin or --split the scheduler chooses between one core and two, except
where one call at a time is measured, on core 0. All rounds of a run share one
process: to compare two versions, take --against, and a difference under 25% for
none.

The exit code is 1 when a target was missed or a contestant skipped, 2 for wrong
options.`;

/** What the command line says. */
export interface Options {
  /** The names of what to run. */
  readonly only: readonly string[];
  /** The names of the contestants besides the wire. */
  readonly with: readonly string[];
  /** How many rounds. */
  readonly rounds: number;
  /** How long each is to take, about. */
  readonly seconds: number;
  /** Whether growth is followed as far as the targets ask. */
  readonly full: boolean;
  /** The cores that were chosen. */
  readonly cores: Cores;
  /** Where to write the results. */
  readonly json: string | undefined;
  /** Where to draw them. */
  readonly svg: string | undefined;
  /** Where to draw the targets. */
  readonly targets: string | undefined;
  /** Whether to have a quick look. */
  readonly quick: boolean;
  /** The checkout to compare with. */
  readonly against: string | undefined;
}

/**
 * Reads the command line.
 *
 * @param args The arguments.
 * @returns The options; undefined when help is asked for, and a string that
 * says what is wrong.
 */
export function readOptions(args: string[]): Options | string | undefined {
  const unknown: string[] = [];
  const found = parseArgs(args, {
    boolean: ["pin", "split", "full", "quick", "help"],
    string: [
      "only",
      "with",
      "rounds",
      "seconds",
      "json",
      "svg",
      "targets",
      "against",
    ],
    default: {
      only: NAMES.join(","),
      with: OTHERS.join(","),
      rounds: "5",
      seconds: "0.5",
    },
    unknown: (arg: string) => {
      unknown.push(arg);
      return false;
    },
  });
  if (found.help) return undefined;
  if (unknown.length > 0) return `There is no option ${unknown[0]}.`;
  const only: string[] = found.only.split(",");
  const others: string[] = found.with === "none" ? [] : found.with.split(",");
  const stray = only.find((name) => !NAMES.includes(name)) ??
    others.find((name) => !OTHERS.includes(name));
  if (stray !== undefined) return `There is no "${stray}".`;
  const rounds = Number(found.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    return `--rounds takes an integer of 1 or more, not "${found.rounds}".`;
  }
  const seconds = Number(found.seconds);
  if (!(seconds > 0)) {
    return `--seconds takes a number above 0, not "${found.seconds}".`;
  }
  if (found.pin && found.split) return "--pin and --split exclude each other.";
  const { full, json, svg, targets, pin, split } = found;
  const cores = pin ? [0, 0] as const : split ? [0, 1] as const : undefined;
  const { against } = found;
  const quick = found.quick || against !== undefined;
  return {
    ...{ only, with: others, rounds, seconds, full, cores, json, svg, targets },
    ...{ quick, against },
  };
}
