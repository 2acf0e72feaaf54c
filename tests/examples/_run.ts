/**
 * Runs the examples as what they are: processes of their own.
 *
 * @module
 */

import { denoRun } from "../../examples/archive/deno.ts";

/** The folder of the examples. */
export const EXAMPLES = `${import.meta.dirname}/../../examples`;

/**
 * A command that runs a program as users would, but with time limits that are
 * long enough for a slow machine.
 *
 * @param args Permissions, the program, and its arguments.
 * @param options What else the command is made with.
 * @returns The command.
 */
export function patientRun(
  args: string[],
  options: Deno.CommandOptions,
): Deno.Command {
  return denoRun([`--preload=${PATIENCE}`, ...args], options);
}

const PATIENCE = `${import.meta.dirname}/../_patience.ts`;

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
  const { code, stdout, stderr } = await patientRun(args, OPTIONS).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** A process that runs; `await using` kills it, where nothing else has. */
export interface Running extends AsyncDisposable {
  /** What it has printed so far. */
  readonly stdout: string;
  /** Resolves when the lines that it has printed match; to null if they never do. */
  prints(pattern: RegExp): Promise<RegExpExecArray | null>;
  /** The same of its error output. */
  complains(pattern: RegExp): Promise<RegExpExecArray | null>;
  /** Writes to its standard input. */
  write(text: string): Promise<void>;
  /** Ends its standard input. */
  closeInput(): Promise<void>;
  /** Sends it a signal. */
  signal(signal: Deno.Signal): void;
  /** Resolves when it has ended. */
  ended(): Promise<Ended>;
  /** Sends it a signal, and waits for its end. */
  end(signal: Deno.Signal): Promise<Ended>;
}

/** A server that runs. */
export interface RunningServer extends Running {
  /** Its port, as it printed it. */
  readonly port: number;
}

/**
 * Starts a program.
 *
 * @param args Permissions, the program, and its arguments.
 * @returns The process.
 */
export function start(...args: string[]): Running {
  return follow(patientRun(args, PIPED).spawn());
}

/**
 * Starts a program that is not Deno's.
 *
 * @param program Its name.
 * @param args Its arguments.
 * @returns The process.
 */
export function startOther(program: string, ...args: string[]): Running {
  return follow(new Deno.Command(program, { args, ...PIPED }).spawn());
}

function follow(child: Deno.ChildProcess): Running {
  const input = child.stdin.getWriter();
  const encoder = new TextEncoder();
  const output = collect(child.stdout);
  const errors = collect(child.stderr);
  const closeInput = () => input.close().catch(() => {});
  const ended = async () => {
    const [{ code }, stdout, stderr] = await Promise.all([
      child.status,
      output.whole,
      errors.whole,
    ]);
    await closeInput();
    return { code, stdout, stderr };
  };
  return {
    get stdout() {
      return output.text;
    },
    prints: (pattern) => output.matches(pattern),
    complains: (pattern) => errors.matches(pattern),
    write: (text) => input.write(encoder.encode(text)),
    closeInput,
    signal: (signal) => child.kill(signal),
    ended,
    end(signal) {
      child.kill(signal);
      return ended();
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await ended();
    },
  };
}

/** Collects what a process prints. */
function collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
  let text = "";
  let isOver = false;
  let more = Promise.withResolvers<void>();
  const whole = (async () => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      text += part;
      more.resolve();
      more = Promise.withResolvers();
    }
    isOver = true;
    more.resolve();
    return text;
  })();
  return {
    get text() {
      return text;
    },
    whole,
    async matches(pattern: RegExp) {
      for (;;) {
        // A line may come in parts: none counts before its end.
        const lines = text.slice(0, text.lastIndexOf("\n") + 1);
        const match = pattern.exec(isOver ? text : lines);
        if (match !== null || isOver) return match;
        await more.promise;
      }
    },
  };
}

/**
 * Starts a server, and waits until it prints where it listens.
 *
 * @param args Permissions, the program, and its arguments.
 * @returns The server.
 */
export function startServer(...args: string[]): Promise<RunningServer> {
  return listening(start(...args));
}

/** Waits until a server prints where it listens. */
export async function listening(running: Running): Promise<RunningServer> {
  const address = /listening on \S+:(\d+)\n/;
  const port = (await running.prints(address))?.[1];
  if (port === undefined) {
    const { stderr } = await running.ended();
    throw new Error(`The server did not listen: ${stderr}`);
  }
  return Object.assign(running, { port: Number(port) });
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

const PIPED: Deno.CommandOptions = {
  ...OPTIONS,
  stdin: "piped",
  stdout: "piped",
  stderr: "piped",
};
