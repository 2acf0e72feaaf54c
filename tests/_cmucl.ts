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

/** The CMUCL of this machine: what it calls itself, or why none can be had. */
export type FoundLisp =
  | { readonly version: string }
  | {
    readonly version?: undefined;
    readonly missing: "absent" | "unable";
    readonly why: string;
  };

/**
 * Looks for a CMUCL by running it. Some machines have it and cannot run it: it
 * is a program of 32 bits.
 *
 * @returns What was found.
 */
export async function findLisp(): Promise<FoundLisp> {
  const ask = "(progn (princ (lisp-implementation-version)) (terpri) (quit))";
  const unable = (why: string): FoundLisp => ({
    missing: "unable",
    why: `this machine cannot run its "cmucl": ${why}`,
  });
  try {
    const { code, stdout, stderr } = await command(["-eval", ask], 0).output();
    const [printed, errors] = [stdout, stderr].map((bytes) =>
      new TextDecoder().decode(bytes).trim()
    );
    if (code === 0 && printed) return { version: printed };
    return unable(`it ended with ${code}. ${errors}`);
  } catch (error) {
    if (await isOnPath("cmucl")) return unable(String(error));
    return {
      missing: "absent",
      why: 'there is no "cmucl" on the PATH; .ci/install_peers installs it',
    };
  }
}

/** Whether there is a file of that name where programs are looked for. */
async function isOnPath(name: string): Promise<boolean> {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    const info = await Deno.stat(`${folder}/${name}`).catch(() => undefined);
    if (info?.isFile) return true;
  }
  return false;
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
