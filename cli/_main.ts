/**
 * What the command line does; `cli.ts` loads it.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { ARGUMENTS_USAGE } from "./_arguments.ts";
import { bench, BENCH_OPTIONS, BENCH_USAGE } from "./_bench_command.ts";
import {
  call,
  CALL_OPTIONS,
  CALL_USAGE,
  list,
  LIST_OPTIONS,
  LIST_USAGE,
  ping,
  PING_OPTIONS,
  PING_USAGE,
} from "./_client_commands.ts";
import {
  advice,
  CommandLine,
  LoadError,
  UsageError,
  Wish,
} from "./_command_line.ts";
import {
  type Completed,
  completions,
  COMPLETIONS_USAGE,
} from "./_completions.ts";
import {
  describe,
  DESCRIBE_OPTIONS,
  DESCRIBE_USAGE,
} from "./_describe_command.ts";
import { ADDRESS_USAGE } from "./_connect.ts";
import { inspect, INSPECT_OPTIONS, INSPECT_USAGE } from "./_inspect_command.ts";
import { lisp, LISP_OPTIONS, LISP_USAGE } from "./_lisp_command.ts";
import { announce, OutputClosed, tell } from "./_output.ts";
import { BadRecording } from "./_recording.ts";
import { replay, REPLAY_OPTIONS, REPLAY_USAGE } from "./_replay_command.ts";
import {
  listen,
  LISTEN_OPTIONS,
  LISTEN_USAGE,
  serve,
  SERVE_OPTIONS,
  SERVE_USAGE,
} from "./_server_commands.ts";
import { talk, TALK_OPTIONS, TALK_USAGE } from "./_talk_command.ts";
import { tap, TAP_OPTIONS, TAP_USAGE } from "./_tap_command.ts";
import { RemoteError, WireError } from "../mod.ts";
import { asJson, described, explained, thrownBy } from "./_text.ts";
import { top, TOP_OPTIONS, TOP_USAGE } from "./_top_command.ts";

const USAGE = `usage: deno run -A cli.ts COMMAND …

COMMANDS

See "COMMAND --help" for what it takes, its options and examples.

${ADDRESS_USAGE}

${ARGUMENTS_USAGE}

  --help, --version

A terminal gets no control characters of a server: they are written out. A pipe
gets texts, and the bytes of streams, as they are.

Ctrl-C ends a call, and a server, at once. SIGTERM lets a server finish the
calls under way.

The exit code is 0 when all went well, 1 when a call or a connection failed,
2 for a command line that makes no sense, and 130 after Ctrl-C.`;

/** A command. */
interface Command extends Completed {
  /** What stands behind its name. */
  readonly words: string;
  /** What it says of itself. */
  readonly usage: string;
  /** Does it; what it gives is the exit code. */
  readonly run: (line: CommandLine) => Promise<number | void>;
}

/** The commands by name. */
const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ["list", {
    words: "ADDRESS",
    summary: "what is served there",
    options: LIST_OPTIONS,
    usage: LIST_USAGE,
    run: list,
  }],
  ["describe", {
    words: "ADDRESS [NAME]",
    summary: "the same as a TypeScript interface",
    options: DESCRIBE_OPTIONS,
    usage: DESCRIBE_USAGE,
    run: describe,
  }],
  ["call", {
    words: "ADDRESS NAME ARG…",
    summary: "calls a function, prints each value on a line",
    options: CALL_OPTIONS,
    usage: CALL_USAGE,
    run: call,
  }],
  ["ping", {
    words: "ADDRESS",
    summary: "asks for a sign of life",
    options: PING_OPTIONS,
    usage: PING_USAGE,
    run: ping,
  }],
  ["bench", {
    words: "ADDRESS NAME ARG…",
    summary: "measures how long calls take",
    options: BENCH_OPTIONS,
    usage: BENCH_USAGE,
    run: bench,
  }],
  ["top", {
    words: "ADDRESS",
    summary: "shows what a server does, live",
    options: TOP_OPTIONS,
    usage: TOP_USAGE,
    run: top,
  }],
  ["talk", {
    words: "ADDRESS",
    summary: "lines with any server of lines",
    options: TALK_OPTIONS,
    usage: TALK_USAGE,
    run: talk,
  }],
  ["lisp", {
    words: "ADDRESS FORM",
    summary: "has a CMU Common Lisp evaluate a form",
    options: LISP_OPTIONS,
    usage: LISP_USAGE,
    run: lisp,
  }],
  ["serve", {
    words: "MODULE",
    summary: "serves the functions that a module exports",
    options: SERVE_OPTIONS,
    usage: SERVE_USAGE,
    run: serve,
  }],
  ["listen", {
    words: "",
    summary: "a listener: clients work in it as in a REPL",
    options: LISTEN_OPTIONS,
    usage: LISTEN_USAGE,
    run: listen,
  }],
  ["tap", {
    words: "LISTEN TARGET",
    summary: "a proxy that shows each message that passes",
    options: TAP_OPTIONS,
    usage: TAP_USAGE,
    run: tap,
  }],
  ["inspect", {
    words: "LISTEN TARGET",
    summary: "such a proxy, and a page that shows what passes",
    options: INSPECT_OPTIONS,
    usage: INSPECT_USAGE,
    run: inspect,
  }],
  ["replay", {
    words: "FILE TARGET",
    summary: "makes the calls of a recording again, and compares",
    options: REPLAY_OPTIONS,
    usage: REPLAY_USAGE,
    run: replay,
  }],
  ["completions", {
    words: "bash|zsh|fish",
    summary: "prints what makes a shell complete the command line",
    options: [],
    usage: COMPLETIONS_USAGE,
    run: (line) => completions(line, COMMANDS),
  }],
]);

/** How the program was called, as usages say it. */
function programName(): string {
  if (Deno.build.standalone) {
    return Deno.execPath().split(/[\\/]/).at(-1)!.replace(/\.exe$/, "");
  }
  const url = new URL(Deno.mainModule);
  if (url.protocol !== "file:") return `deno run -A ${url.href}`;
  const path = decodeURIComponent(url.pathname);
  const here = `${Deno.cwd()}/`;
  return `deno run -A ${
    path.startsWith(here) ? path.slice(here.length) : path
  }`;
}

/** What a command says of itself, or the whole program. */
function usageOf(command: Command | undefined): string {
  const width = 27;
  const list = Array.from(COMMANDS, ([name, { words, summary }]) => {
    const head = `  ${name} ${words}`.trimEnd();
    return head.length < width
      ? `${head.padEnd(width)}${summary}`
      : `${head}\n${" ".repeat(width)}${summary}`;
  });
  return (command?.usage ?? USAGE)
    .replace("COMMANDS", () => `commands:\n${list.join("\n")}`)
    .replaceAll("deno run -A cli.ts", () => programName());
}

/**
 * Does what the command line says.
 *
 * @param args The arguments of the program.
 * @returns The exit code.
 */
export async function main(args: readonly string[]): Promise<number> {
  const line = new CommandLine(args);
  let command: Command | undefined;
  try {
    const name = line.word();
    command = COMMANDS.get(name ?? "");
    if (command === undefined) {
      throw new UsageError(
        name === undefined
          ? "A command is missing."
          : `There is no command ${name}${advice(name, COMMANDS.keys())}`,
      );
    }
    return await command.run(line) ?? 0;
  } catch (error) {
    if (error instanceof OutputClosed) return 0;
    if (error instanceof Wish) {
      const isHelp = error.what === "help";
      const text = isHelp ? usageOf(command) : `@remote/wire ${config.version}`;
      return announce(text) ? 0 : 1;
    }
    const isUsage = error instanceof UsageError;
    if (line.has("json") && command?.options.includes("json")) {
      const code = codeOf(error);
      const thrown = error instanceof RemoteError
        ? { thrown: thrownBy(error) ?? null }
        : {};
      tell(
        asJson({ error: { code, message: explained(error), ...thrown } }),
      );
      return isUsage ? 2 : 1;
    }
    const text = described(error);
    const end = /[.!?]$/.test(text) ? "" : ".";
    const hasHelp = isUsage && !(error instanceof LoadError);
    tell(hasHelp ? `${text}${end} See --help.` : text);
    return isUsage ? 2 : 1;
  }
}

/** What kind of error it is, for programs. */
function codeOf(error: unknown): string {
  if (error instanceof UsageError) return "usage";
  if (error instanceof RemoteError) return "thrown";
  const hasCode = error instanceof WireError || error instanceof BadRecording;
  return hasCode ? error.code : "failed";
}
