/**
 * Tests with programs that a machine may lack.
 *
 * @module
 */

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
 * @returns Whether tests with it are run; otherwise says that they are skipped.
 */
export async function mayTestWith(
  program: string,
  args: string[] = HELP,
): Promise<boolean> {
  const isRequired = Deno.env.get("REMOTE_WIRE_PEERS") === "required";
  if (isRequired || await isThere(program, args)) return true;
  console.warn(`SKIPPED for want of ${program}: the tests with it`);
  return false;
}

/**
 * What the shell is to run for a program that may open few files.
 *
 * @param program Its path.
 * @param args Its arguments.
 * @returns The arguments for `sh`.
 */
export function withFewFiles(program: string, ...args: string[]): string[] {
  const deno = [Deno.execPath(), "run", "--no-config", "-A", program, ...args];
  return ["-c", 'ulimit -n 64; exec "$@"', "sh", ...deno];
}
