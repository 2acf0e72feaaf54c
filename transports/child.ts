/**
 * Wires to child processes, over their standard input and output.
 *
 * @example A program and its child, in one file for once
 * ```ts
 * import { spawnRemote } from "@remote/wire/child";
 *
 * const text = `
 *   import { stdioWire } from "${import.meta.resolve("@remote/wire/child")}";
 *   stdioWire({ functions: { add: (a, b) => a + b } });
 *   console.log("This goes to the error output.");
 * `;
 * const child = `data:text/javascript,${encodeURIComponent(text)}`;
 * const wire = await spawnRemote([Deno.execPath(), "run", child]);
 * if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * await wire.close();
 * ```
 *
 * @module
 */

import {
  checkFlags,
  checkOptionKeys,
  checkText,
  joined,
  mistaken,
} from "../wire/base/checks.ts";
import { troubleOf } from "../host/host.ts";
import {
  type ExitStatus,
  type HostChild,
  processes,
} from "../host/processes.ts";
import { errorMessage, isA, shown, WireError } from "../wire/base/errors.ts";
import type { AnyFunctions } from "../wire/rpc/remote_types.ts";
import type { Transport, WireAddress } from "../wire/transport/transport.ts";
import { makeWire, type Wire, type WireOptions } from "../wire/wire.ts";
import { CONNECT_KEYS, type Connecting, connectOver } from "./_connecting.ts";

export type { Connecting } from "./_connecting.ts";

/** How long the end of a child may take to be known, in milliseconds. */
const PATIENCE = 1_000;
/** How long a child may take to end when it was asked to, in milliseconds. */
const KILL_AFTER = 2_000;
/** How much of a command a message shows. */
const SHOWN = 80;

/** What a child process is made with. Everything has a default. */
export interface SpawnOptions<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
> extends Connecting<Remote, Local> {
  /** The directory that it works in. */
  cwd?: string | URL | undefined;
  /** Variables of its environment, in addition to those of this process. */
  env?: Readonly<Record<string, string>> | undefined;
  /**
   * Whether the child may go on when its wire has ended. Otherwise it is
   * asked to end (SIGTERM), after a graceful close once it had a second to end
   * by itself; and it is killed (SIGKILL) two seconds later.
   *
   * @default {false}
   */
  leave?: boolean | undefined;
}

const SPAWN_KEYS: Readonly<Record<keyof SpawnOptions, true>> =
  /* @__PURE__ */ joined(CONNECT_KEYS, {
    cwd: true,
    env: true,
    leave: true,
  });

/**
 * Starts a program, and makes a wire over its standard input and output. The
 * program calls {@linkcode stdioWire}. What it writes to its error output
 * appears at that of this process.
 *
 * A program that sends back what it gets, as `cat` does, makes a wire of this
 * process to itself: its calls come to its own `functions`. By the protocol that
 * is an equal program at the other end, and nothing tells them apart. Where it
 * matters, have each side show a `credential` of its own, and require that of
 * the other (`requireCredential`): then such a program is refused.
 *
 * @typeParam Remote The interface that the child serves.
 * @typeParam Local The interface of `options.functions`.
 * @param command The program and its arguments.
 * @param options How to start it, time limits, and what this side serves.
 * @returns A promise of the wire, once the child has accepted it. A wire that
 * is lost tells the child's exit code in its reason.
 * @throws {WireError} As a rejection: `connectFailed` where it cannot be
 * started, `permissionDenied`, `connectionLost` with the exit code where it ends
 * at once, `notAWire` with the text that came where it prints something else,
 * `invalidArgument`, `timeout`, `cancelled`, and those of any connection.
 *
 * @example A child that ends at once
 * ```ts
 * import { spawnRemote } from "@remote/wire/child";
 *
 * try {
 *   await using wire = await spawnRemote([Deno.execPath(), "eval", "Deno.exit(3)"]);
 *   await wire.forceOutput();
 * } catch (error) {
 *   if (!(error as Error).message.includes("code 3")) throw error;
 * }
 * ```
 */
export async function spawnRemote<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(
  command: readonly [string | URL, ...string[]],
  options?: SpawnOptions<Remote, Local> | null,
): Promise<Wire<Remote, Local>> {
  options ??= {};
  checkOptionKeys(options, SPAWN_KEYS, "spawnRemote()");
  checkCommand(command);
  checkFlags(options, ["leave"]);
  const { cwd, env, leave = false, ...rest } = options;
  checkPlace(cwd, env);
  const text = command.join(" ");
  const name = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  const { spawn } = processes("spawnRemote()");
  return await connectOver<Remote, Local>(name, rest, async () => {
    try {
      return new ChildTransport(await spawn(command, { cwd, env }), leave);
    } catch (error) {
      throw spawnError(name, error);
    }
  });
}

/** Checks where a child is to run, and its variables. */
function checkPlace(cwd: unknown, env: unknown): void {
  if (cwd !== undefined && typeof cwd !== "string" && !isA(cwd, URL)) {
    throw mistaken('The option "cwd" is a path, or a URL', cwd);
  }
  if (env === undefined) return;
  const isObject = typeof env === "object" && env !== null;
  if (!isObject || Symbol.iterator in env) {
    throw mistaken('The option "env" is an object of texts', env);
  }
  for (const [name, value] of Object.entries(env)) {
    checkText(value, `The variable ${shown(name)} in "env"`);
  }
}

function checkCommand(command: unknown): void {
  const isCommand = Array.isArray(command) && command.length > 0 &&
    command.every((part, index) =>
      typeof part === "string" || index === 0 && part instanceof URL
    );
  if (isCommand) return;
  throw new WireError(
    "invalidArgument",
    `spawnRemote() takes a program and its arguments, such as ["deno", "run", "child.ts"], and not ${
      shown(command)
    }.`,
  );
}

function spawnError(name: string, error: unknown): WireError {
  const isForbidden = ["NotCapable", "PermissionDenied"]
    .includes(troubleOf(error));
  return new WireError(
    isForbidden ? "permissionDenied" : "connectFailed",
    `Cannot start ${name}: ${errorMessage(error)}`,
    { cause: error },
  );
}

/** The two pipes of a child, and what becomes of it. */
class ChildTransport implements Transport {
  readonly address: WireAddress;
  readonly #child: HostChild;
  readonly #pipes: Transport;
  readonly #leave: boolean;
  #status: ExitStatus | undefined;
  #isOver = false;
  #isClosed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(child: HostChild, leave: boolean) {
    this.#child = child;
    this.#leave = leave;
    this.#pipes = child.pipes;
    this.address = child.pipes.address;
    child.status.then((status) => {
      this.#status = status;
      clearTimeout(this.#timer);
      if (this.#isOver) return;
      // A child of its own may have its output, and never close that.
      this.#timer = setTimeout(() => this.#pipes.close(), PATIENCE);
    });
  }

  async read(): Promise<Uint8Array | null> {
    let failure: unknown;
    try {
      const chunk = await this.#pipes.read();
      if (chunk !== null) return chunk;
    } catch (error) {
      failure = error;
    }
    this.#isOver = true;
    if (this.#status !== undefined) clearTimeout(this.#timer);
    throw await this.#fate(failure);
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    try {
      return await this.#pipes.write(bytes);
    } catch (error) {
      throw await this.#fate(error);
    }
  }

  closeWrite(): Promise<void> {
    return this.#pipes.closeWrite();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pipes.close();
    if (this.#leave) return this.#child.unref();
    if (this.#status !== undefined) return clearTimeout(this.#timer);
    this.#kill("SIGTERM");
    this.#timer = setTimeout(() => this.#kill("SIGKILL"), KILL_AFTER);
  }

  #kill(signal: "SIGTERM" | "SIGKILL"): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has just ended.
    }
  }

  /** Why nothing more can be read or written. */
  async #fate(cause: unknown): Promise<Error> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, PATIENCE);
    await Promise.race([this.#child.status, late.promise]);
    clearTimeout(timer);
    return new Error(this.#fateText(cause), { cause });
  }

  #fateText(cause: unknown): string {
    const status = this.#status;
    if (status === undefined) {
      return cause === undefined
        ? "it closed its output, and still runs"
        : errorMessage(cause);
    }
    return status.signal === null
      ? `it exited with code ${status.code}`
      : `it was ended by ${status.signal}`;
  }
}

/** What of the console writes to the standard output. */
const PRINTING = [
  ...["log", "info", "debug", "dir", "dirxml", "table"],
  ...["group", "groupCollapsed", "groupEnd"],
  ...["count", "countReset", "time", "timeLog", "timeEnd"],
] as const;

/**
 * The wire of a child process to the program that started it by
 * {@linkcode spawnRemote}. From now on what the console prints goes to the error
 * output, for the standard output is the wire's: call it first.
 *
 * @typeParam Remote The interface that the program serves.
 * @typeParam Local The interface that the child serves.
 * @param options As those of `makeWire()`.
 * @returns The wire. Calls made before the program's hello wait for it.
 * @throws {WireError} `invalidArgument` for unusable options, and where the
 * standard input is a terminal.
 *
 * @example In a child whose text is beside that of its parent
 * ```ts
 * import { spawnRemote } from "@remote/wire/child";
 *
 * const text = `
 *   import { stdioWire } from "${import.meta.resolve("@remote/wire/child")}";
 *   stdioWire({ functions: { pid: () => Deno.pid } });
 * `;
 * const child = `data:text/javascript,${encodeURIComponent(text)}`;
 * await using wire = await spawnRemote([Deno.execPath(), "run", child]);
 * if (await wire.remoteValue.pid() === Deno.pid) throw new Error();
 * ```
 */
export function stdioWire<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(options?: WireOptions<Remote, Local> | null): Wire<Remote, Local> {
  const { isTerminal, stdio } = processes("stdioWire()");
  if (isTerminal()) {
    throw new WireError(
      "invalidArgument",
      "stdioWire() speaks to a program at the standard input, which is a terminal. Have a program start this one: spawnRemote([…]).",
    );
  }
  const wire = makeWire<Remote, Local>(stdio(), options);
  printToErrors();
  return wire;
}

/** Has the console print nothing to the standard output. */
function printToErrors(): void {
  const { process } = globalThis as unknown as { process: NodeJS.Process };
  const { Console } = process.getBuiltinModule("node:console");
  const printer = new Console(process.stderr);
  const own = console as unknown as Record<string, unknown>;
  for (const name of PRINTING) own[name] = printer[name].bind(printer);
}
