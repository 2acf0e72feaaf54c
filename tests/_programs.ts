/**
 * Tests with programs that a machine may lack.
 *
 * @module
 */

import { test } from "./_test.ts";

/** Whether a program can be run; it may also say itself that it does not do. */
async function isThere(program: string, args: string[]): Promise<boolean> {
  try {
    const command = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    const { success } = await command.output();
    return success || args === HELP;
  } catch {
    return false;
  }
}

/** It is enough to ask that, whatever the answer is. */
const HELP = ["-h"];

/**
 * Finds a program.
 *
 * @param program Its name.
 * @param args What it does without a fault where it is as it has to be.
 * @returns What defines a test with it; without it, a skipped one.
 */
export async function testsWith(
  program: string,
  args: string[] = HELP,
): Promise<typeof test> {
  const isRequired = Deno.env.get("REMOTE_WIRE_PEERS") === "required";
  if (isRequired || await isThere(program, args)) return test;
  console.warn(`SKIPPED for want of ${program}: the tests with it`);
  return Deno.test.ignore;
}
