/**
 * Fuzzes: `deno task fuzz`, for ten seconds each target. `--target NAME` fuzzes
 * one, for `--seconds N` or `--executions N`, with the chances of `--seed N`.
 * `--replay FILE` executes one input again, and `--grow` adds inputs of which
 * something new came to the corpus.
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

const options = parseArgs(Deno.args, {
  string: ["target", "seconds", "executions", "seed", "replay"],
  boolean: ["grow"],
});

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
replay: deno task fuzz --target ${target.name} --replay ${file}`,
  );
}

async function run(target: Target, onInput: (input: Bytes) => void) {
  const began = performance.now();
  const result = await fuzz({
    target,
    corpus: [
      ...entries("corpus", target.name),
      ...entries("failed", target.name),
    ]
      .map(({ input }) => input),
    seed: Number(options.seed ?? Date.now() % 2 ** 31),
    executions: Number(options.executions ?? Infinity),
    time: 1_000 * Number(
      options.seconds ??
        (options.executions === undefined ? SECONDS : Infinity),
    ),
    onInput,
  });
  const seconds = (performance.now() - began) / 1_000;
  const { executions, fresh, failure } = result;
  console.log(
    `${target.name}: ${executions} executions in ${
      seconds.toFixed(1)
    } s, ${fresh.length} outcomes that the corpus has not`,
  );
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

async function main(): Promise<boolean> {
  const { target: name, replay: file } = options;
  const chosen = TARGETS.filter((one) =>
    name === undefined || one.name === name
  );
  if (chosen.length === 0 || (file !== undefined && chosen.length > 1)) {
    const names = TARGETS.map(({ name }) => name).join(", ");
    console.error(`--target is one of ${names}.`);
    return false;
  }
  if (file !== undefined) return await replay(chosen[0]!, file);
  // Stacks of errors that are expected cost more than all the rest.
  Error.stackTraceLimit = 0;
  let isWell = true;
  for (const target of chosen) {
    const hanging = await Deno.makeTempFile({
      prefix: `${target.name}-hangs-`,
    });
    using watchdog = new Watchdog(hanging);
    isWell = await run(target, watchdog.onInput) && isWell;
    await Deno.remove(hanging);
  }
  return isWell;
}

Deno.exit(await main() ? 0 : 1);
