/**
 * Real CMUCL processes for tests.
 *
 * @module
 */

const ROOT = new URL("../", import.meta.url);

/** How to run a Lisp without its user's settings. */
const QUIETLY = ["-quiet", "-batch", "-noinit"];

/** A path in this repository. */
function path(name: string): string {
  return decodeURIComponent(new URL(name, ROOT).pathname);
}

function command(args: string[], port: number): Deno.Command {
  return new Deno.Command("cmucl", {
    args: [...QUIETLY, ...args],
    env: { WIRE_PORT: String(port) },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** What the installed CMUCL calls itself; undefined where there is none. */
export async function cmuclVersion(): Promise<string | undefined> {
  const ask = "(progn (princ (lisp-implementation-version)) (terpri) (quit))";
  try {
    const { code, stdout } = await command(["-eval", ask], 0).output();
    return code === 0 ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}

/** Runs Lisp files to their end, and returns what they print. */
export async function runLisp(
  port: number,
  ...files: string[]
): Promise<string> {
  const args = files.flatMap((file) => ["-load", path(file)]);
  const { code, stdout, stderr } = await command(args, port).output();
  const text = new TextDecoder().decode(stdout);
  if (code === 0) return text;
  throw new Error(
    `CMUCL ended with ${code}: ${text}${new TextDecoder().decode(stderr)}`,
  );
}

/** A CMUCL that serves. */
export interface LispServer extends AsyncDisposable {
  /** Where it listens. */
  readonly port: number;
  /** Its process. */
  readonly pid: number;
  /** What it has printed so far. */
  printed(): string;
}

/** Starts a CMUCL that serves, and waits until it prints where. */
export async function startLisp(...files: string[]): Promise<LispServer> {
  const args = [...files, "examples/cmucl/server.lisp"]
    .flatMap((file) => ["-load", path(file)]);
  const child = command(args, 0).spawn();
  const listening = Promise.withResolvers<number | undefined>();
  let printed = "";
  const reading = (async () => {
    const decoded = child.stdout.pipeThrough(new TextDecoderStream());
    for await (const text of decoded) {
      printed += text;
      const port = /listening on \S+:(\d+)\n/.exec(printed)?.[1];
      if (port !== undefined) listening.resolve(Number(port));
    }
    listening.resolve(undefined);
  })();
  const errors = new Response(child.stderr).text();
  const ended = async () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await Promise.all([child.status, reading]);
    return await errors;
  };
  const port = await listening.promise;
  if (port === undefined) {
    throw new Error(`CMUCL did not listen: ${printed}${await ended()}`);
  }
  return {
    port,
    pid: child.pid,
    printed: () => printed,
    async [Symbol.asyncDispose]() {
      await ended();
    },
  };
}
