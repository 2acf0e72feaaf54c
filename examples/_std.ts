/**
 * The standard library, which comes from JSR.
 *
 * @module
 */

/**
 * Waits for a module of the standard library. Where it cannot be loaded, says
 * what to do and ends the program.
 *
 * @param loading The module that is being imported.
 * @returns The module.
 */
export async function loaded<T>(loading: Promise<T>): Promise<T> {
  try {
    return await loading;
  } catch (error) {
    // Its first line; the others say where, in colors.
    const [why] = String(error instanceof Error ? error.message : error)
      .split("\n");
    console.error(
      `This program needs Deno's standard library, which cannot be loaded: ${why} Where JSR does not answer, write "deno task run" in the place of "deno run": it takes the library from npm.`,
    );
    Deno.exit(1);
  }
}
