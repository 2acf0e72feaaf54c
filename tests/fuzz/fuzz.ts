/**
 * Fuzzes: `deno task fuzz`, for ten seconds each target. `--targets NAME,NAME`
 * chooses some; each is fuzzed for `--seconds N` or `--executions N`, with the
 * chances of `--seed N`. `--replay FILE` executes one input of a target again,
 * and `--grow` adds inputs of which something new came to the corpus.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { entries, save } from "./_corpus.ts";
import { execute, fails, fuzz, type FuzzResult } from "./_fuzzer.ts";
import { shrink } from "./_shrink.ts";
import type { Bytes, Target } from "./_target.ts";
import { TARGETS } from "./_targets.ts";
import { Watchdog } from "./_watchdog.ts";

const SECONDS = 10;
/** How many inputs `--grow` adds for a target at most. */
const MOST_GROWN = 40;

const strange: string[] = [];
const options = parseArgs(Deno.args, {
  string: ["targets", "seconds", "executions", "seed", "replay"],
  boolean: ["grow"],
  unknown: (arg: string) => {
    strange.push(arg);
    return false;
  },
});
const seed = Number(options.seed ?? Date.now() % 2 ** 31);

/** Prints a failing input, makes it smaller and saves it. */
async function report(
  target: Target,
  { input, error }: NonNullable<FuzzResult["failure"]>,
): Promise<void> {
  console.error(`${target.name} fails: ${error}`);
  Error.stackTraceLimit = 10;
  const isRepeated = await fails(target, input);
  const least = isRepeated
    ? await shrink(input, (input) => fails(target, input))
    : input;
  const file = save("failed", target.name, least);
  console.error(
    `${isRepeated ? "The smallest input" : "Once, with"}: ${least.toHex()}
replay: deno task fuzz --targets ${target.name} --replay ${file}`,
  );
}

/** A line of the table with which a run ends. */
function line(...cells: (string | number)[]): string {
  return cells.map((cell, index) =>
    index === 0 ? `${cell}`.padEnd(10) : `${cell}`.padStart(12)
  ).join("");
}

/** Fuzzes a target; adds what came of it to a table. */
async function run(
  target: Target,
  onInput: (input: Bytes) => void,
  table: string[],
): Promise<boolean> {
  const began = performance.now();
  const { executions, outcomes, fresh, failure } = await fuzz({
    target,
    corpus: [
      ...entries("corpus", target.name),
      ...entries("failed", target.name),
    ]
      .map(({ input }) => input),
    seed,
    executions: Number(options.executions ?? Infinity),
    time: 1_000 * Number(
      options.seconds ??
        (options.executions === undefined ? SECONDS : Infinity),
    ),
    onInput,
  });
  const seconds = (performance.now() - began) / 1_000;
  table.push(line(
    target.name,
    executions,
    seconds.toFixed(1),
    Math.round(executions / seconds),
    outcomes,
    failure === null ? "none" : "one",
  ));
  console.log(table.at(-1));
  if (failure !== null) await report(target, failure);
  if (options.grow) {
    for (const input of fresh.slice(0, MOST_GROWN)) {
      save("corpus", target.name, input);
    }
  }
  return failure === null;
}

async function replay(target: Target, file: string): Promise<boolean> {
  try {
    const outcome = await execute(target, await Deno.readFile(file));
    console.log(`${target.name}: ${outcome}`);
    return true;
  } catch (error) {
    console.error(error);
    return false;
  }
}

/** What is wrong with the options; undefined where nothing is. */
function trouble(names: readonly string[]): string | undefined {
  if (strange.length > 0) return `Nothing is known of ${strange}.`;
  for (const one of [options.seconds, options.executions, options.seed]) {
    if (one !== undefined && !(Number(one) >= 0)) return `${one} is no number.`;
  }
  const known = TARGETS.map(({ name }) => name);
  if (!names.every((name) => known.includes(name))) {
    return `--targets are of ${known}.`;
  }
  const isOne = options.replay === undefined || names.length === 1;
  return isOne ? undefined : "--replay needs --targets with the name of one.";
}

async function main(): Promise<boolean> {
  const names: string[] = options.targets?.split(",") ??
    TARGETS.map(({ name }) => name);
  const why = trouble(names);
  if (why !== undefined) {
    console.error(why);
    return false;
  }
  const chosen = TARGETS.filter(({ name }) => names.includes(name));
  if (options.replay !== undefined) {
    return await replay(chosen[0]!, options.replay);
  }
  // Stacks of errors that are expected cost more than all the rest.
  Error.stackTraceLimit = 0;
  let isWell = true;
  const head = ["target", "executions", "seconds", "a second", "outcomes"];
  const table = [line(...head, "failures")];
  console.log(`Seed ${seed}\n${table[0]}`);
  for (const target of chosen) {
    const hanging = await Deno.makeTempFile({
      prefix: `${target.name}-hangs-`,
    });
    using watchdog = new Watchdog(hanging);
    isWell = await run(target, watchdog.onInput, table) && isWell;
    await Deno.remove(hanging);
  }
  if (chosen.length > 1) console.log(["", "In all:", ...table].join("\n"));
  return isWell;
}

Deno.exit(await main() ? 0 : 1);
