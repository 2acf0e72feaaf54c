/**
 * Runs a Deno subcommand with the standard library from JSR where that
 * answers, and from its copy on npm elsewhere: `with_std.ts test -A` runs
 * `deno test -A`, or `deno test --import-map=.ci/npm_import_map.json -A`.
 *
 * `REMOTE_WIRE_STD=jsr` or `=npm` decides without asking.
 */

/** A small module of the standard library, by its canonical name. */
const PROBE = "jsr:@std/assert@^1.0.19/fail";
/** How long JSR may take to answer, in milliseconds. */
const PATIENCE = 5_000;

/** Asks Deno itself, which may have the module in its cache. */
async function jsrAnswers(): Promise<boolean> {
  const choice = Deno.env.get("REMOTE_WIRE_STD");
  if (choice !== undefined) return choice === "jsr";
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", "--no-config", "--no-lock", PROBE],
    signal: AbortSignal.timeout(PATIENCE),
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}

/**
 * Leaves signals to a child: how it ends, this ends. A terminal sends Ctrl-C
 * to both.
 */
function forwardSignals(child: Deno.ChildProcess): void {
  const isAtTerminal = [Deno.stdin, Deno.stdout, Deno.stderr]
    .some((stream) => stream.isTerminal());
  const forward = (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  };
  Deno.addSignalListener("SIGINT", () => {
    if (!isAtTerminal) forward("SIGINT");
  });
  if (Deno.build.os === "windows") return;
  Deno.addSignalListener("SIGTERM", () => forward("SIGTERM"));
}

const [subcommand, ...rest] = Deno.args;
if (subcommand === undefined) {
  console.error("usage: with_std.ts <deno subcommand> [arguments]");
  Deno.exit(2);
}
const map = new URL("npm_import_map.json", import.meta.url);
const std = await jsrAnswers()
  ? []
  : [`--import-map=${decodeURIComponent(map.pathname)}`, "--no-lock"];
// A task within is to see where it is called itself.
Deno.env.delete("INIT_CWD");
const child = new Deno.Command(Deno.execPath(), {
  args: [subcommand, ...std, ...rest],
  env: {
    REMOTE_WIRE_STD: std.length === 0 ? "jsr" : "npm",
    // Half a second after its start Deno would open sockets of its own, which
    // tests would take for theirs.
    DENO_NO_UPDATE_CHECK: "1",
  },
}).spawn();
forwardSignals(child);
Deno.exit((await child.status).code);
