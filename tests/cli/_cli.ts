/**
 * The command line, as its users run it: a process of its own.
 *
 * @module
 */

import { type Ended, patientRun } from "../examples/_run.ts";

/** The command line's program. */
export const CLI = `${import.meta.dirname}/../../cli.ts`;

/**
 * Runs the command line to its end.
 *
 * @param args Its arguments.
 * @param env What differs in its environment.
 * @param input What its standard input holds.
 * @returns How it ended.
 */
export async function cli(
  args: string[],
  env: Record<string, string> = {},
  input = "",
): Promise<Ended> {
  const child = patientRun(["-A", CLI, ...args], {
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ...env },
  }).spawn();
  const writing = new Blob([input]).stream().pipeTo(child.stdin)
    // It may not read its input.
    .catch(() => {});
  const { code, stdout, stderr } = await child.output();
  await writing;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
