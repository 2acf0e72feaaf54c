/**
 * Runs the examples as what they are: processes of their own.
 *
 * @module
 */

import { denoRun } from "../../examples/archive/deno.ts";

/** The folder of the examples. */
export const EXAMPLES = `${import.meta.dirname}/../../examples`;

/** How a process ended, and what it printed. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end.
 *
 * @param args Permissions, the program, and its arguments.
 * @returns How it ended.
 */
export async function run(...args: string[]): Promise<Ended> {
  const { code, stdout, stderr } = await denoRun(args, OPTIONS).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** A server that runs. */
export interface RunningServer {
  /** Its port, as it printed it. */
  readonly port: number;
  /** Resolves when what it has printed matches, or when it has ended. */
  prints(pattern: RegExp): Promise<void>;
  /** Sends it a signal, and waits for its end. */
  end(signal: Deno.Signal): Promise<Ended>;
}

/**
 * Starts a server, and waits until it prints where it listens.
 *
 * @param args Permissions, the program, and its arguments.
 * @returns The server.
 */
export async function startServer(...args: string[]): Promise<RunningServer> {
  const child = denoRun(args, {
    ...OPTIONS,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let stdout = "";
  let isOver = false;
  let printed = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (
      const text of child.stdout.pipeThrough(new TextDecoderStream())
    ) {
      stdout += text;
      printed.resolve();
      printed = Promise.withResolvers<void>();
    }
    isOver = true;
    printed.resolve();
  })();
  const prints = async (pattern: RegExp) => {
    while (!isOver && !pattern.test(stdout)) await printed.promise;
  };
  const errors = new Response(child.stderr).text();
  const ended = async () => {
    const [{ code }, stderr] = await Promise.all([
      child.status,
      errors,
      reading,
    ]);
    return { code, stdout, stderr };
  };
  const address = /listening on \S+:(\d+)\n/;
  await prints(address);
  const port = address.exec(stdout)?.[1];
  if (port === undefined) {
    throw new Error(`The server did not listen: ${(await ended()).stderr}`);
  }
  return {
    port: Number(port),
    prints,
    end(signal) {
      child.kill(signal);
      return ended();
    },
  };
}

/**
 * Makes a temporary folder for a piece of work.
 *
 * @param work Gets the folder, which is removed when it is done.
 */
export async function withFolder(
  work: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "wire-test-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const OPTIONS: Deno.CommandOptions = {
  stdin: "null",
  env: { NO_COLOR: "1" },
};
