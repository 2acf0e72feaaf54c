/**
 * The commands that are servers: `serve` and `listen`.
 *
 * @module
 */

import { printReport } from "../wire/base/report.ts";
import {
  createRequestServer,
  formatAddress,
  type ServerTls,
  startUpServer,
} from "../mod.ts";
import {
  type CommandLine,
  INTERRUPTED,
  LoadError,
  type Option,
  showsNothing,
  UsageError,
} from "./_command_line.ts";
import { announce, tell } from "./_output.ts";
import { checkCount, Processes } from "./_processes.ts";
import { serveForParent, type Serving } from "./_served_process.ts";
import { described, harmlessLine } from "./_text.ts";
import { STATS_FUNCTION } from "./_top_command.ts";

/** The options of both. */
const LISTENING: readonly Option[] = [
  "port",
  "hostname",
  "cert",
  "key",
  "client-ca",
  "require-credential-env",
];

/** The options of the command `serve`. */
export const SERVE_OPTIONS: readonly Option[] = [
  ...LISTENING,
  "unix",
  "credential-env",
  "insecure",
  "stats",
  "processes",
];
/** The options of the command `listen`. */
export const LISTEN_OPTIONS = LISTENING;

/** What usages of both say of their options. */
const LISTENING_USAGE =
  `  --hostname HOST        the address to listen on: 127.0.0.1
  --cert FILE --key FILE speak TLS
  --client-ca FILE       clients have to show a certificate of this authority
  --require-credential-env NAME
                         clients have to show the secret in this variable`;
const ENDING_USAGE =
  `Ctrl-C ends it at once. SIGTERM lets it finish the calls under way.

The exit code is 0 after SIGTERM, 1 when it cannot listen, 2 for a command line
that makes no sense, and 130 after Ctrl-C.`;

/** What `serve` does, and its options. */
export const SERVE_USAGE = `usage: deno run -A cli.ts serve [OPTION…] MODULE

Serves the functions that a module exports, except classes and the default
export; those of an object of nothing but functions as users.get.

examples:
  serve ./calculator.ts
  serve --unix /run/users.sock --stats ./users.ts

options:
  --port PORT            7000
  --unix PATH            a Unix socket
${LISTENING_USAGE}
  --credential-env NAME  show clients this secret, once they have shown theirs
  --insecure             also over TCP without TLS, beyond this machine
  --stats                serve serverStats, too, which the command top shows:
                         whoever may connect can see it
  --processes N          in N processes, which share the port; one that ends is
                         replaced, SIGUSR2 prints what they do, and SIGHUP
                         restarts one after another, so that no call fails;
                         --stats is of the process that answers

${ENDING_USAGE}`;

/** What `listen` does, and its options. */
export const LISTEN_USAGE = `usage: deno run -A cli.ts listen [OPTION…]

Runs a listener: clients work in it as in a REPL.

example:
  listen --port 4000

options:
  --port PORT            10243
${LISTENING_USAGE}

${ENDING_USAGE}`;

/** Serves the functions that a module exports. */
export async function serve(line: CommandLine): Promise<void> {
  const specifier = line.word("The module") ?? "";
  line.end();
  line.only("serve", [...SERVE_OPTIONS, "supervised"]);
  if (
    line.text("credential-env") !== undefined &&
    line.text("require-credential-env") === undefined
  ) {
    throw new UsageError(showsNothing);
  }
  checkSocket(line);
  const port = line.port(7000);
  if (line.has("supervised")) {
    return await serveForParent(
      (port) => begin(line, specifier, { port, reusePort: true }),
      (error) => error instanceof UsageError,
    );
  }
  const count = line.number("processes");
  if (count !== undefined) {
    checkCount(count);
    const hostname = line.text("hostname");
    Deno.exit(await new Processes({ count, hostname, port }).run());
  }
  const { server, address, names } = await begin(line, specifier, { port });
  announce(`serving ${names}; listening on ${address}`);
  await untilEnded(server);
}

/** The options that have no meaning without a port. */
const OF_PORTS = [
  "port",
  "hostname",
  "cert",
  "key",
  "client-ca",
  "processes",
] as const;

/** Refuses what is for a port where there is a socket file instead. */
function checkSocket(line: CommandLine): void {
  if (line.text("unix") === undefined) return;
  for (const name of OF_PORTS) {
    if (line.text(name) === undefined) continue;
    throw new UsageError(
      `--${name} is for a port, and --unix says that there is none.`,
    );
  }
}

/** Loads a module and serves its functions. */
async function begin(
  line: CommandLine,
  specifier: string,
  { port, reusePort }: { port: number; reusePort?: boolean },
): Promise<Serving> {
  const functions = functionsOf(await load(specifier));
  const names = pathsOf(functions);
  if (names.length === 0) {
    throw new UsageError(
      `${specifier} exports no function, nor an object of nothing but functions.`,
    );
  }
  const isCounted = line.has("stats");
  if (isCounted && names.includes(STATS_FUNCTION)) {
    throw new UsageError(
      `--stats serves ${STATS_FUNCTION}, and ${specifier} exports that, too.`,
    );
  }
  let isListening = false;
  const server = createRequestServer(port, {
    functions: isCounted
      ? { ...functions, [STATS_FUNCTION]: () => server.stats() }
      : functions,
    measure: isCounted,
    hostname: line.text("hostname"),
    path: line.text("unix"),
    reusePort,
    tls: tlsOf(line),
    ...line.secrets,
    insecure: line.has("insecure"),
    onListen: () => void (isListening = true),
    // Why it cannot listen is thrown as well.
    onError: (error, where) => {
      if (!isListening) return;
      printReport(`${harmlessLine(where)}: ${described(error)}`);
    },
  });
  return {
    server,
    address: formatAddress(server.address),
    names: names.join(", "),
  };
}

/** Runs a listener. */
export async function listen(line: CommandLine): Promise<void> {
  line.end();
  line.only("listen", LISTEN_OPTIONS);
  const server = startUpServer({
    service: line.port(10243),
    address: line.text("hostname"),
    tls: tlsOf(line),
    announce,
    listener: line.secrets,
  });
  await untilEnded(server);
}

/** What colors a text. */
// deno-lint-ignore no-control-regex -- these are what is looked for
const COLORS = /\x1b\[[\d;]*m/g;

async function load(specifier: string): Promise<Record<string, unknown>> {
  const isUrl = /^[a-z]{2,}:/i.test(specifier);
  const here = `file://${escaped(Deno.cwd())}/`;
  const url = isUrl ? specifier : new URL(escaped(specifier), here).href;
  try {
    return await import(url);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LoadError(
      `${specifier} cannot be loaded: ${reason.replaceAll(COLORS, "")}`,
    );
  }
}

/** A path as part of a URL. */
function escaped(path: string): string {
  return encodeURI(path).replaceAll("?", "%3F").replaceAll("#", "%23");
}

/**
 * The functions among what a module exports, by name; no classes. What is an
 * object of nothing but functions is a namespace, and so is a module that is
 * exported whole (`export * as users from "./users.ts"`).
 *
 * @param exported What is exported.
 * @param path That, and the objects that it is in.
 */
function functionsOf(
  exported: object,
  path: readonly object[] = [exported],
): Record<string, unknown> {
  const found: [string, unknown][] = [];
  for (const [name, value] of Object.entries(exported)) {
    if (name === "default") continue;
    const served = typeof value === "function"
      ? isClass(value) ? undefined : value
      : namespaceOf(value, path);
    if (served !== undefined) found.push([name, served]);
  }
  return Object.fromEntries(found);
}

/** The names under which functions are served. */
function pathsOf(functions: object, prefix = ""): string[] {
  return Object.entries(functions).flatMap(([name, value]) =>
    typeof value === "function"
      ? [prefix + name]
      : pathsOf(value, `${prefix}${name}.`)
  );
}

function isClass(value: object): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}

/** An export as a namespace; undefined where it is none. */
function namespaceOf(
  value: unknown,
  path: readonly object[],
): object | undefined {
  if (typeof value !== "object" || value === null || path.includes(value)) {
    return undefined;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  const functions = functionsOf(value, [...path, value]);
  const count = Object.keys(functions).length;
  const isModule =
    (value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ===
      "Module";
  const isWhole = isModule || count === Object.keys(value).length;
  return isWhole && count > 0 ? functions : undefined;
}

function tlsOf(line: CommandLine): ServerTls | undefined {
  const own = line.certificate;
  const clientCa = line.pem("client-ca", "CERTIFICATE");
  if (clientCa === undefined) return own;
  if (own !== undefined) return { ...own, clientCa: [clientCa] };
  throw new UsageError("--client-ca goes with --cert and --key.");
}

/** What can be ended. */
interface Endable {
  shutdown(): Promise<void>;
  readonly finished: Promise<unknown>;
  /** Wires whose calls may be under way; a listener has none. */
  readonly wires?: ReadonlySet<{ abort(reason: Error): void }>;
}

/**
 * Ends a server: at once on Ctrl-C; on SIGTERM calls under way are done first,
 * unless one of both comes again. The process ends with the server, whatever
 * the module that it serves has still under way.
 */
async function untilEnded(server: Endable): Promise<never> {
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM"];
  let isEnding = false;
  let code = 0;
  const onInterrupt = () => {
    if (isEnding) Deno.exit(INTERRUPTED);
    isEnding = true;
    code = INTERRUPTED;
    const reason = new Error("the server was interrupted");
    for (const wire of server.wires ?? []) wire.abort(reason);
    void server.shutdown();
  };
  const onTerminate = () => {
    if (isEnding) Deno.exit(INTERRUPTED);
    isEnding = true;
    if (Deno.stderr.isTerminal()) {
      tell("finishing what is under way; Ctrl-C ends it at once");
    }
    void server.shutdown();
  };
  for (const signal of signals) {
    Deno.addSignalListener(
      signal,
      signal === "SIGINT" ? onInterrupt : onTerminate,
    );
  }
  await server.finished;
  Deno.exit(code);
}
