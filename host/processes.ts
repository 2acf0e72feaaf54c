/**
 * Child processes, and the input and output of this one, as each runtime has
 * them.
 *
 * @module
 */

import { WireError } from "../wire/base/errors.ts";
import {
  socketTransport,
  streamTransport,
  type Transport,
  type WireAddress,
} from "../wire/transport/transport.ts";
import { LARGEST_WRITE, NodeStreams } from "./node_streams.ts";

/** How a process ended. */
export interface ExitStatus {
  /** Its exit code. */
  readonly code: number | null;
  /** The signal that ended it; null where none did. */
  readonly signal: string | null;
}

/** A child process. */
export interface HostChild {
  /** Its process id. */
  readonly pid: number;
  /** Its output and its input. */
  readonly pipes: Transport;
  /** How it ended, once it has. */
  readonly status: Promise<ExitStatus>;
  /** Sends it a signal; throws where it has ended. */
  kill(signal: "SIGTERM" | "SIGKILL"): void;
  /** Lets this process end before it. */
  unref(): void;
}

/** How a process is started. */
export interface SpawnSettings {
  /** The directory that it works in. */
  readonly cwd?: string | URL | undefined;
  /** Variables of its environment, in addition to those of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** What wires to other processes need of a runtime. */
export interface Processes {
  /**
   * Starts a program, whose error output is that of this process. What fails
   * is an error of the runtime's own.
   */
  spawn(
    command: readonly [string | URL, ...string[]],
    settings: SpawnSettings,
  ): HostChild | Promise<HostChild>;
  /** Whether the input of this process is a terminal. */
  isTerminal(): boolean;
  /** The input and the output of this process. */
  stdio(): Transport;
}

/**
 * Those of the runtime that this is.
 *
 * @param what What needs them, for the message of the error.
 * @throws {WireError} `invalidArgument` where there are none.
 */
export function processes(what: string): Processes {
  if (typeof Deno === "object") return denoProcesses;
  const { process } = globalThis as { process?: NodeJS.Process };
  if (process?.getBuiltinModule !== undefined) return nodeProcesses(process);
  throw new WireError(
    "invalidArgument",
    `${what} needs processes, which Deno, Node (20.16 and later) and Bun have, and this runtime has not. A page has Workers: "@remote/wire/worker".`,
  );
}

function addressOf(pid: number): WireAddress {
  return { transport: "process", pid };
}

const denoProcesses: Processes = {
  spawn([program, ...args], { cwd, env }) {
    const child = new Deno.Command(program, {
      args,
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const { pid, status, stdout: readable, stdin: writable } = child;
    return {
      pid,
      status,
      pipes: streamTransport({ readable, writable }, addressOf(pid)),
      kill: (signal) => child.kill(signal),
      unref: () => child.unref(),
    };
  },
  isTerminal: () => Deno.stdin.isTerminal(),
  stdio() {
    const { stdin, stdout } = Deno;
    const address = addressOf(Deno.ppid);
    // Nobody else may use these streams. They would take as long again as what
    // they carry, so that nothing passes through them.
    const streams = streamTransport(
      { readable: stdin.readable, writable: stdout.writable },
      address,
    );
    return socketTransport({
      read: (buffer) => stdin.read(buffer),
      // A write lasts until all of it was read, or has room in the pipe.
      write: (bytes) => stdout.write(bytes.subarray(0, LARGEST_WRITE)),
      closeWrite: () => streams.closeWrite(),
      close: () => streams.close(),
    }, address);
  },
};

/** Those of Node and Bun. */
function nodeProcesses(process: NodeJS.Process): Processes {
  const { spawn } = process.getBuiltinModule("node:child_process");
  const { fileURLToPath } = process.getBuiltinModule("node:url");
  return {
    async spawn([program, ...args], { cwd, env }) {
      const path = typeof program === "string"
        ? program
        : fileURLToPath(program);
      const child = spawn(path, args, {
        ...(cwd === undefined ? {} : { cwd }),
        ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
        stdio: ["pipe", "pipe", "inherit"],
      });
      const status = new Promise<ExitStatus>((resolve) =>
        child.on("exit", (code, signal) => resolve({ code, signal }))
      );
      await new Promise<void>((resolve, reject) => {
        child.once("spawn", resolve);
        // Later ones, of signals that could not be sent, say nothing new.
        child.on("error", reject);
      });
      const pid = child.pid!;
      return {
        pid,
        status,
        pipes: socketTransport(
          new NodeStreams(child.stdout, child.stdin),
          addressOf(pid),
        ),
        kill: (signal) => void child.kill(signal),
        unref: () => child.unref(),
      };
    },
    isTerminal: () => process.stdin.isTTY === true,
    stdio: () =>
      socketTransport(
        new NodeStreams(process.stdin, standardOutput(process)),
        addressOf(process.ppid),
      ),
  };
}

/** How long to wait where an output takes nothing just now, in milliseconds. */
const FULL_WAIT = 5;

/** The output of this process; Node's own stream waits for who reads a pipe. */
function standardOutput(process: NodeJS.Process) {
  const { write } = process.getBuiltinModule("node:fs");
  const { Writable } = process.getBuiltinModule("node:stream");
  const writeAll = (bytes: Uint8Array, done: (error?: Error) => void): void =>
    write(1, bytes, (error, count) => {
      const isFull = error?.code === "EAGAIN";
      if (isFull) setTimeout(() => writeAll(bytes, done), FULL_WAIT);
      else if (error) done(error);
      else if (count < bytes.length) writeAll(bytes.subarray(count), done);
      else done();
    });
  return new Writable({ write: (chunk, _, done) => writeAll(chunk, done) });
}
