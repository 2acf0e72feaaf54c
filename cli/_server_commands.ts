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
  type Option,
  showsNothing,
  UsageError,
} from "./_command_line.ts";
import { checkCount, Processes } from "./_processes.ts";
import { serveForParent, type Serving } from "./_served_process.ts";
import { described, harmlessLine } from "./_text.ts";

/** The options of both. */
const LISTENING: readonly Option[] = [
  "port",
  "hostname",
  "cert",
  "key",
  "client-ca",
  "require-credential-env",
];

/** The options of `serve` alone. */
const SERVING: readonly Option[] = [
  "unix",
  "credential-env",
  "insecure",
  "processes",
  "supervised",
];

/** Serves the functions that a module exports. */
export async function serve(line: CommandLine): Promise<void> {
  const specifier = line.word("The module") ?? "";
  line.end();
  line.only("serve", [...LISTENING, ...SERVING]);
  if (
    line.text("credential-env") !== undefined &&
    line.text("require-credential-env") === undefined
  ) {
    throw new UsageError(showsNothing);
  }
  const port = line.number("port") ?? 7000;
  if (line.has("supervised")) {
    return await serveForParent(
      (port) => begin(line, specifier, { port, reusePort: true }),
      (error) => error instanceof UsageError,
    );
  }
  const count = line.number("processes");
  if (count !== undefined) {
    checkCount(count);
    if (line.text("unix") !== undefined) {
      throw new UsageError(
        "--processes share a port, and --unix says that there is none.",
      );
    }
    const hostname = line.text("hostname");
    Deno.exit(await new Processes({ count, hostname, port }).run());
  }
  const { server, address, names } = await begin(line, specifier, { port });
  console.log(`serving ${names}; listening on ${address}`);
  await untilEnded(server);
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
    throw new UsageError(`${specifier} exports no function.`);
  }
  let isListening = false;
  let served = 0;
  const server = createRequestServer(port, {
    functions,
    hostname: line.text("hostname"),
    path: line.text("unix"),
    reusePort,
    tls: tlsOf(line),
    ...line.secrets,
    insecure: line.has("insecure"),
    onConnect: (wire) => ({
      accept: true,
      onDeath: () => void (served += wire.stats().callsServed),
    }),
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
    servedBefore: () => served,
  };
}

/** Runs a listener. */
export async function listen(line: CommandLine): Promise<void> {
  line.end();
  line.only("listen", LISTENING);
  const server = startUpServer({
    service: line.number("port") ?? 10243,
    address: line.text("hostname"),
    tls: tlsOf(line),
    announce: true,
    listener: line.secrets,
  });
  await untilEnded(server);
}

async function load(specifier: string): Promise<Record<string, unknown>> {
  const isUrl = /^[a-z]{2,}:/i.test(specifier);
  const here = `file://${escaped(Deno.cwd())}/`;
  const url = isUrl ? specifier : new URL(escaped(specifier), here).href;
  try {
    return await import(url);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${specifier} cannot be loaded: ${reason}`);
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
      console.error("finishing what is under way; Ctrl-C ends it at once");
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
