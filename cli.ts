/**
 * The command line: asks servers what they serve, calls their functions, and
 * serves those of a module.
 *
 * ```sh
 * deno run -A jsr:@remote/wire/cli list localhost:7000
 * deno run -A jsr:@remote/wire/cli call localhost:7000 add 40 2
 * deno run -A jsr:@remote/wire/cli --help
 * ```
 *
 * @module
 */

/** Loads the command line and does what it says; gives the exit code. */
async function start(): Promise<number> {
  let main: (args: readonly string[]) => Promise<number>;
  try {
    // Here and not above, for the sake of the message.
    ({ main } = await import("./cli/_main.ts"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (!reason.includes("@std/")) throw error;
    // Its first line; the others say where, in colors.
    const [why] = reason.split("\n");
    console.error(
      `The command line needs Deno's standard library, which cannot be loaded: ${why} In a clone of the repository, "deno task run -A cli.ts" takes it from npm where JSR does not answer.`,
    );
    return 1;
  }
  return await main(Deno.args);
}

// What a library leaves open, such as a connection that came to nothing, keeps
// nobody waiting.
if (import.meta.main) Deno.exit(await start());
