/**
 * The commands that talk to a server: `list`, `call` and `ping`.
 *
 * @module
 */

import { type CallOptions, formatAddress, type Wire } from "../mod.ts";
import { systemClock } from "../wire/base/clock.ts";
import { ARGUMENTS_USAGE, argumentsOf } from "./_arguments.ts";
import { CallBar } from "./_call_bar.ts";
import { type CommandLine, type Option, UsageError } from "./_command_line.ts";
import {
  ADDRESS_USAGE,
  CALLING,
  callingAt,
  connected,
  CONNECTING,
  CONNECTING_USAGE,
  optionsOf,
  targetOf,
} from "./_connect.ts";
import { printLine, tell, write } from "./_output.ts";
import { asJson, HarmlessBytes, shown, signature } from "./_text.ts";

/** The options of the command `list`. */
export const LIST_OPTIONS = CALLING;
/** The options of the command `ping`. */
export const PING_OPTIONS: readonly Option[] = [...CONNECTING, "json"];
/** The options of the command `call`. */
export const CALL_OPTIONS: readonly Option[] = [
  ...CALLING,
  "one-way",
  "text",
  "watch",
  "repeat",
];

/** What `list` does, and its options. */
export const LIST_USAGE = `usage: deno run -A cli.ts list [OPTION…] ADDRESS

Prints what is served there: each function with its types, if its contract is
known, its errors and what it says of itself.

${ADDRESS_USAGE}

examples:
  list localhost:7000
  list --json unix:/run/users.sock | jq '.[].name'

options:
  --json                 print what is known as JSON, schemas included
  --deadline MS          how long the answer may take
  --metadata KEY=TEXT    goes with the question; may come several times
${CONNECTING_USAGE}

The exit code is 0 when all went well, 1 when the connection failed, and 2 for a
command line that makes no sense.`;

/** What `ping` does, and its options. */
export const PING_USAGE = `usage: deno run -A cli.ts ping [OPTION…] ADDRESS

Asks a server for a sign of life, and prints how long it took.

${ADDRESS_USAGE}

example:
  ping localhost:7000

options:
  --json                 print the time as JSON, in milliseconds
${CONNECTING_USAGE}

The exit code is 0 when it answered, 1 when the connection failed, and 2 for a
command line that makes no sense.`;

/** Prints what the server serves. */
export async function list(line: CommandLine): Promise<void> {
  const target = targetOf(line);
  line.end();
  line.only("list", LIST_OPTIONS);
  const options = optionsOf(line);
  await connected(line, target, async (wire) => {
    const functions = await wire.listFunctions(options);
    if (line.has("json")) return await printLine(asJson(functions));
    for (const info of functions) await printLine(signature(info));
    if (functions.length === 0) tell("No function is served there.");
  });
}

/** What `call` does, and its options. */
export const CALL_USAGE =
  `usage: deno run -A cli.ts call [OPTION…] ADDRESS NAME ARG…

Calls a function, and prints each value on a line; the items of a stream are
printed as they come, and its bytes as they are. Where the error output is a
terminal, a bar shows how far a large call is that takes a while.

${ADDRESS_USAGE}

${ARGUMENTS_USAGE}
Options stand before NAME.

examples:
  call localhost:7000 add 40 2
  call localhost:7000 save '{"id": 7}' @notes.txt
  jq .user all.json | call localhost:7000 users.put -
  call --watch 1000 localhost:7000 load

options:
  --deadline MS          how long the answer may take, with its streams
  --watch MS             call again, so long after each answer, until Ctrl-C
  --repeat N             call N times
  --text                 every ARG is a text, whatever it looks like
  --one-way              wait for no answer
  --metadata KEY=TEXT    goes with the call; may come several times
  --json                 print each value as a line of JSON; what JSON has no
                         word for is {"$BigInt": "1"}, {"$Error": {…}} and so
                         on, and undefined is null
${CONNECTING_USAGE}

The exit code is 0 when all went well, 1 when a call or the connection failed, 2
for a command line that makes no sense, and 130 after Ctrl-C.`;

/** Calls a function, and prints its values. */
export async function call(line: CommandLine): Promise<void> {
  const target = targetOf(line);
  const name = line.word("The function's name") ?? "";
  line.only("call", CALL_OPTIONS);
  const pause = line.time("watch");
  const times = timesOf(line, pause === undefined ? 1 : Infinity);
  const options = optionsOf(line);
  const args = await argumentsOf(line, name);
  await connected(line, target, async (wire) => {
    for (let time = 1; time <= times; time++) {
      await callingAt(
        wire,
        target,
        name,
        () => callOnce(line, wire, name, args, options),
      );
      if (pause !== undefined && time < times) await sleep(pause);
    }
  });
}

/** How often `--repeat` says. */
export function timesOf(line: CommandLine, otherwise: number): number {
  const times = line.number("repeat") ?? otherwise;
  if (times >= 1 && (times === Infinity || Number.isInteger(times))) {
    return times;
  }
  throw new UsageError(`--repeat wants an integer above 0, and not ${times}.`);
}

/** Lets time pass; with `Infinity`, until the command ends by other means. */
export function sleep(time: number): Promise<void> {
  return new Promise((resolve) => systemClock.after(time, resolve));
}

async function callOnce(
  line: CommandLine,
  wire: Wire,
  name: string,
  args: unknown[],
  options: CallOptions,
): Promise<void> {
  const bar = await CallBar.of(line);
  const told = bar === undefined
    ? options
    : { ...options, onProgress: bar.onProgress };
  try {
    if (line.has("one-way")) return await wire.send(name, args, told);
    const values = await wire.call(name, args, true, told) as unknown[];
    // What is printed there shows itself how far it is.
    if (Deno.stdout.isTerminal()) await bar?.end();
    await printAll(line, values);
  } finally {
    await bar?.end();
  }
}

/** Prints what a function has returned. */
async function printAll(line: CommandLine, values: unknown[]): Promise<void> {
  // The value of a function that returns nothing; as JSON it is null.
  const isNothing = values.length === 1 && values[0] === undefined;
  if (isNothing && !line.has("json")) return;
  for (const value of values) {
    if (isStream(value)) await printStream(line, value);
    else await print(line, value);
  }
}

/** Whether a value is a stream. */
export function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null &&
    Symbol.asyncIterator in value;
}

/** Prints a value. */
async function print(line: CommandLine, value: unknown): Promise<void> {
  await printLine(
    line.has("json") ? asJson(value) : shown(value, Deno.stdout.isTerminal()),
  );
}

/** Prints the parts of a stream: bytes as they are, but to a terminal. */
async function printStream(
  line: CommandLine,
  parts: AsyncIterable<unknown>,
): Promise<void> {
  const harmless = Deno.stdout.isTerminal() ? new HarmlessBytes() : undefined;
  for await (const part of parts) {
    if (line.has("json") || !(part instanceof Uint8Array)) {
      await print(line, part);
    } else {
      await write(harmless === undefined ? part : harmless.take(part));
    }
  }
  if (harmless !== undefined) await write(harmless.take());
}

/** Asks the server for a sign of life. */
export async function ping(line: CommandLine): Promise<void> {
  const target = targetOf(line);
  line.end();
  line.only("ping", PING_OPTIONS);
  await connected(line, target, async (wire) => {
    const time = await wire.ping();
    if (line.has("json")) return await printLine(asJson({ time }));
    await printLine(
      `${formatAddress(wire.address)} answered in ${time.toFixed(2)} ms`,
    );
  });
}
