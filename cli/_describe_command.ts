/**
 * The command `describe`: what a server serves, with its types.
 *
 * @module
 */

import { type FunctionInfo, WireError } from "../mod.ts";
import { nearest } from "../wire/base/checks.ts";
import { type CommandLine, type Option, UsageError } from "./_command_line.ts";
import {
  ADDRESS_USAGE,
  CALLING,
  connected,
  CONNECTING_USAGE,
  optionsOf,
  targetOf,
  targetText,
} from "./_connect.ts";
import { printLine } from "./_output.ts";
import { asJson, harmlessLine } from "./_text.ts";
import { interfaceOf, methodText } from "./_types.ts";

/** Its options. */
export const DESCRIBE_OPTIONS: readonly Option[] = [...CALLING, "types"];

/** What the command does, and its options. */
export const DESCRIBE_USAGE =
  `usage: deno run -A cli.ts describe [OPTION…] ADDRESS [NAME]

Prints what is served there as a TypeScript interface: types where a contract is
known, and "unknown" elsewhere. With NAME it prints that function alone.

${ADDRESS_USAGE}

examples:
  describe localhost:7000
  describe localhost:7000 users.get
  describe --types remote.ts localhost:7000

options:
  --types FILE           write the interface "Remote" to FILE, which may exist;
                         connectToRemoteServer<Remote>(…) has its types then
  --json                 print what is known as JSON, schemas included
  --deadline MS          how long the answer may take
  --metadata KEY=TEXT    goes with the question; may come several times
${CONNECTING_USAGE}

The exit code is 0 when all went well, 1 when there is no such function or the
connection failed, and 2 for a command line that makes no sense.`;

/** Prints what the server serves, with its types. */
export async function describe(line: CommandLine): Promise<void> {
  const target = targetOf(line);
  const name = line.word();
  if (name !== undefined) line.end();
  line.only("describe", DESCRIBE_OPTIONS);
  const options = optionsOf(line);
  const path = line.text("types");
  if (path !== undefined && name !== undefined) {
    throw new UsageError("--types writes all functions: leave NAME out.");
  }
  await connected(line, target, async (wire) => {
    const functions = await wire.listFunctions(options);
    const wanted = name === undefined ? functions : [named(functions, name)];
    if (path !== undefined) {
      await writeTypes(path, interfaceOf(functions, targetText(target)));
    }
    if (line.has("json")) {
      return await printLine(asJson(name === undefined ? wanted : wanted[0]));
    }
    if (path !== undefined) {
      const { length } = functions;
      return await printLine(
        `${length} ${length === 1 ? "function" : "functions"} in ${
          harmlessLine(path)
        }`,
      );
    }
    const text = name === undefined
      ? interfaceOf(functions, targetText(target))
      : methodText(wanted[0]!);
    await printLine(text.trimEnd());
  });
}

function named(
  functions: readonly FunctionInfo[],
  name: string,
): FunctionInfo {
  const found = functions.find((each) => each.name === name);
  if (found !== undefined) return found;
  const near = nearest(name, functions.map((each) => each.name));
  const some = functions.slice(0, 20).map((each) => each.name).join(", ");
  throw new WireError(
    "noSuchFunction",
    `The peer serves no function ${JSON.stringify(name)}${
      near === undefined
        ? `. It serves ${some || "none"}${
          functions.length > 20 ? " and more" : ""
        }.`
        : `; did you mean ${JSON.stringify(near)}?`
    }`,
  );
}

async function writeTypes(path: string, text: string): Promise<void> {
  try {
    await Deno.writeTextFile(path, text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`--types ${path} cannot be written: ${reason}.`);
  }
}
