/**
 * Other Deno processes, with the standard library from the same place.
 *
 * @module
 */

/**
 * A command that runs a program with Deno.
 *
 * @param args Permissions, the program, and its arguments.
 * @param options What else the command is made with.
 * @returns The command.
 */
export function denoRun(
  args: string[],
  options: Deno.CommandOptions = {},
): Deno.Command {
  return new Deno.Command(Deno.execPath(), { ...options, args: runArgs(args) });
}

/**
 * The arguments with which Deno runs a program. `.ci/with_std.ts` found out
 * where the standard library is to come from, and says so in the environment.
 *
 * @param args Permissions, the program, and its arguments.
 * @returns The arguments, from `run` on.
 */
export function runArgs(args: string[]): string[] {
  const std = Deno.env.get("REMOTE_WIRE_STD") === "npm"
    ? [
      `--import-map=${import.meta.dirname}/../../.ci/npm_import_map.json`,
      "--no-lock",
    ]
    : [];
  return ["run", ...std, ...args];
}
