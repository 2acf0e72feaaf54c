/**
 * Programs that call the garbage collector, in processes of their own.
 *
 * @module
 */

/**
 * Runs one of `programs/` to its end.
 *
 * @param name Its file.
 * @returns The lines that it printed, and what it complained of.
 */
export async function runGcProgram(
  name: string,
): Promise<{ lines: string[]; told: string }> {
  const program = new URL(`programs/${name}`, import.meta.url);
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-config",
      "--v8-flags=--expose-gc",
      program.pathname,
    ],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return {
    lines: decoder.decode(stdout).trim().split("\n"),
    told: decoder.decode(stderr),
  };
}
