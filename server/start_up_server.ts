/**
 * TCP servers of streams, after LispWorks' `start-up-server`, and the message
 * that one gives when it has started.
 *
 * @module
 */

import { formatAddress } from "../wire/transport/transport.ts";
import {
  checkDemanded,
  checkGate,
  checkHooks,
  checkOptionKeys,
  checkSignal,
} from "../wire/base/checks.ts";
import { checkTime } from "../wire/base/clock.ts";
import { WireError } from "../wire/base/errors.ts";
import { printToStderr } from "../wire/base/node_stderr.ts";
import { reporter } from "../wire/base/report.ts";
import { kindOf, shown } from "../wire/base/shown.ts";
import {
  type LineStreamOptions,
  resolveLineStreamOptions,
} from "../wire/lines/line_stream.ts";
import { localServicePort } from "../wire/lines/node_services.ts";
import { denoHost } from "../host/deno_host.ts";
import type { Host } from "../host/host.ts";
import type { Acceptor } from "./_accept.ts";
import {
  AddressLists,
  type AddressOptions,
  auditor,
  type OnAudit,
} from "./_admission.ts";
import { checkTarget, listen, type ServerTls } from "./_listen.ts";
import {
  checkSafety,
  type ListenerOptions,
  resolveListenerLimits,
  sessionCommand,
} from "./listener/options.ts";
import type { Listener, ListenerInit } from "./listener/listener.ts";
import {
  type StreamFunction,
  StreamServer,
  type StreamServerInit,
} from "./stream_server.ts";

/**
 * What a stream server is started with. Everything has a default.
 *
 * @example
 * ```ts
 * import {
 *   openTcpStream,
 *   startUpServer,
 *   type StartUpServerOptions,
 * } from "@remote/wire";
 *
 * const options: StartUpServerOptions = {
 *   service: 0,
 *   processName: "upper case",
 *   stream: { maxLineLength: 1_000 },
 *   function: async (stream) => {
 *     for await (const line of stream) stream.writeLine(line.toUpperCase());
 *   },
 * };
 * await using server = startUpServer(options);
 * await using stream = await openTcpStream("127.0.0.1", server.port);
 * stream.writeLine("hello");
 * if (await stream.readLine() !== "HELLO") throw new Error();
 * ```
 */
export interface StartUpServerOptions extends AddressOptions {
  /**
   * Called with each connection. The listener runs where this option is left
   * out; whatever is given and is no function is refused, undefined as well.
   *
   * @default {the listener, which evaluates what its clients send}
   */
  function?: StreamFunction;
  /**
   * Who gets the start-up message: standard output for `true`, a stream of
   * bytes, what has a `write` such as `Deno.stdout`, or a function. Null is
   * nobody, as is `false`.
   *
   * @default {false}
   */
  announce?: Announce | null | undefined;
  /**
   * A port, where 0 takes a free one; or the name of a service that the
   * operating system knows, which takes permission to read its services file.
   *
   * @default {"lispworks"}
   */
  service?: number | string | undefined;
  /**
   * The name of the server's process.
   *
   * @default {the service, and "server"}
   */
  processName?: string | undefined;
  /** The name or address to listen on. @default {"127.0.0.1"} */
  address?: string | undefined;
  /**
   * How many connections the operating system keeps waiting, which has a bound
   * of its own.
   *
   * @default {4096}
   */
  backlog?: number | undefined;
  /**
   * Certificate and key, both PEM: the server speaks TLS then. With `clientCa`,
   * clients have to show a certificate, too, and the process of a connection
   * tells what it says.
   */
  tls?: ServerTls | undefined;
  /**
   * Told of every connection that is refused, with the reason: by `allow` and
   * `deny`, in the TLS handshake, for lack of room, or by the listener for its
   * credential.
   */
  onAudit?: OnAudit | undefined;
  /** The bounds of the streams. */
  stream?: LineStreamOptions | undefined;
  /**
   * How many connections there may be at a time; further ones wait.
   *
   * @default {2000}
   */
  maxConnections?: number | undefined;
  /**
   * How many of them may be of one address, or of one /64 of IPv6.
   *
   * @default {1000, or `maxConnections` where only that is given}
   */
  connectionsPerAddress?: number | undefined;
  /**
   * How long nothing has come or gone over a connection whose function waits
   * for its client, in milliseconds, when it has to end because others wait and
   * there is no place left.
   *
   * @default {30000}
   */
  yieldAfter?: number | undefined;
  /**
   * Whether the server accepts no further connection until the promise that
   * `function` returned has settled; others wait. That is how LispWorks' words
   * read for asynchronous functions.
   *
   * @default {false}
   */
  oneAtATime?: boolean | undefined;
  /**
   * How long a TLS handshake may take, in milliseconds. It may take a quarter
   * of that while others wait: 64 of an address are under way at a time, and
   * 128 in all.
   *
   * @default {10000}
   */
  handshakeTimeout?: number | undefined;
  /** What the listener allows. It is not looked at beside `function`. */
  listener?: ListenerOptions | undefined;
  /** Kills the server and its connections. */
  signal?: AbortSignal | undefined;
  /**
   * Told of errors that have no other place to go, such as those that
   * `function` throws.
   *
   * @default {console.error}
   */
  onError?: ((error: unknown, where: string) => void) | undefined;
}

const LOOPBACK = "127.0.0.1";
const MAX_CONNECTIONS = 2_000;
const CONNECTIONS_PER_ADDRESS = 1_000;
const YIELD_AFTER = 30_000;
const HANDSHAKE_TIMEOUT = 10_000;

/** The names of the options, for finding those that are misspelt. */
const OPTION_KEYS: Readonly<Record<keyof StartUpServerOptions, true>> = {
  function: true,
  announce: true,
  service: true,
  processName: true,
  address: true,
  backlog: true,
  tls: true,
  stream: true,
  maxConnections: true,
  connectionsPerAddress: true,
  yieldAfter: true,
  oneAtATime: true,
  handshakeTimeout: true,
  listener: true,
  signal: true,
  allow: true,
  deny: true,
  onAudit: true,
  onError: true,
};

/**
 * Starts a TCP server.
 *
 * As in LispWorks: "when a connection is made function is called", "the server
 * does not accept more connections until function returns", and "if function
 * is not specified the built-in listener server is used". Read
 * `docs/listener.md` before you use that one.
 *
 * @param options What differs from the default.
 * @returns The server; it listens already.
 * @throws {WireError} `invalidArgument`, `unknownService`, `addressInUse`,
 * `addressUnavailable`, `permissionDenied` or `tlsFailed`, naming address,
 * service and process.
 *
 * @example
 * ```ts
 * import { openTcpStream, startUpServer } from "@remote/wire";
 *
 * const server = startUpServer({
 *   service: 0,
 *   processName: "shouting",
 *   announce: (message) => void message,
 *   function: async (stream) => {
 *     for await (const line of stream) stream.writeLine(line.toUpperCase());
 *   },
 * });
 * const stream = await openTcpStream("127.0.0.1", server.port);
 * stream.writeLine("hello");
 * if (await stream.readLine() !== "HELLO") throw new Error();
 * await stream.close();
 * await server.shutdown();
 * ```
 */
export function startUpServer(
  options?: StartUpServerOptions | null,
): StreamServer {
  return startUpServerOn(denoHost("startUpServer()"), options);
}

/** Starts a TCP server on any host. */
export function startUpServerOn(
  host: Host,
  options?: StartUpServerOptions | null,
): StreamServer {
  printToStderr();
  options ??= {};
  checkOptionKeys(options, OPTION_KEYS, "startUpServer()");
  const { service = "lispworks", address = LOOPBACK, signal } = options;
  const { tls, backlog, processName = nameOf(service) } = options;
  checkProcessName(processName);
  checkSignal(signal);
  const who = `Process "${processName}", service ${shown(service)},`;
  const onError = reporter(options.onError);
  const audit = auditor(options.onAudit, onError);
  const onRefused: StreamServerInit["onRefused"] = (reason, address) =>
    audit({ refused: "connection", reason, address });
  const { served, target, stream, addresses } = inName(who, () => {
    checkOptions(options);
    const served: Served = options.function === undefined
      ? listenerFunction(options, onRefused)
      : { function: options.function };
    const stream = resolveLineStreamOptions(options.stream);
    const port = localServicePort(service);
    return {
      served,
      stream,
      addresses: new AddressLists(options),
      target: checkTarget({ hostname: address, port, tls, backlog }),
    };
  });
  const listener = listen(host, target, who);
  // Whatever goes wrong from here on, the address is free again.
  using unlessMade = new DisposableStack();
  unlessMade.defer(() => listener.close());
  const { hostname = "", port } = listener.addr;
  // A name may lead elsewhere than it promises.
  inName(who, () => checkReach(options, hostname));
  const server = new StreamServer({
    host,
    listener,
    tls,
    refusal: (address) => addresses.refusal(address),
    onRefused,
    handshake: options.handshakeTimeout ?? HANDSHAKE_TIMEOUT,
    oneAtATime: options.oneAtATime ?? false,
    service,
    processName: service === 0 && options.processName === undefined
      ? `${port} server`
      : processName,
    ...served,
    stream,
    maxConnections: options.maxConnections ?? MAX_CONNECTIONS,
    connectionsPerAddress: options.connectionsPerAddress ??
      options.maxConnections ?? CONNECTIONS_PER_ADDRESS,
    yieldAfter: options.yieldAfter ?? YIELD_AFTER,
    onError,
  });
  killWith(server, signal);
  tell(server, options.announce ?? false, onError);
  unlessMade.move();
  return server;
}

/** What serves the connections. */
type Served = Pick<StreamServerInit, "function" | "ready" | "onStart">;

/** What the process of a service is called. */
function nameOf(service: unknown): string {
  const name = typeof service === "string" ? service : shown(service);
  return `${name} server`;
}

function checkProcessName(name: unknown): void {
  if (typeof name === "string") return;
  throw new WireError(
    "invalidArgument",
    `The option "processName" is a text, not ${shown(name)}.`,
  );
}

/** What is wrong with the options shows before there is a server. */
function checkOptions(options: StartUpServerOptions): void {
  const { listener = {} } = options;
  if (
    Object.hasOwn(options, "function") &&
    typeof options.function !== "function"
  ) {
    throw new WireError(
      "invalidArgument",
      `The option "function" is a function, not ${
        kindOf(options.function)
      }. Leave it out only for the listener, which evaluates what its clients send.`,
    );
  }
  checkHooks(options, ["onError", "onAudit"]);
  checkAnnounce(options.announce ?? false);
  checkOptionKeys(listener, LISTENER_KEYS, "listener");
  const gate = "listener.requireCredential";
  checkDemanded(listener.requireCredential, gate);
  checkGate(listener, "requireCredential", gate);
  checkCount(options.maxConnections, "maxConnections");
  checkCount(options.connectionsPerAddress, "connectionsPerAddress");
  checkCount(options.backlog, "backlog");
  for (const name of ["handshakeTimeout", "yieldAfter"] as const) {
    if (options[name] !== undefined) checkTime(options[name], name);
  }
  const { oneAtATime } = options;
  if (oneAtATime !== undefined && typeof oneAtATime !== "boolean") {
    throw new WireError(
      "invalidArgument",
      `The option "oneAtATime" is true or false, not ${kindOf(oneAtATime)}.`,
    );
  }
}

const LISTENER_KEYS: Readonly<Record<keyof ListenerOptions, true>> = {
  requireCredential: true,
  permissions: true,
  limits: true,
  deno: true,
};

function checkCount(count: unknown, name: string): void {
  if (count === undefined) return;
  const isCount = Number.isInteger(count) && (count as number) > 0 &&
    (count as number) < 2 ** 31;
  if (isCount) return;
  throw new WireError(
    "invalidArgument",
    `The option "${name}" must be an integer from 1 to ${2 ** 31 - 1}, not ${
      shown(count)
    }.`,
  );
}

/**
 * The listener, for servers that were given no function. What may be wrong
 * with its options shows at once; its code is loaded then, because most programs
 * never need it.
 */
function listenerFunction(
  options: StartUpServerOptions,
  onRefused: ListenerInit["onRefused"],
): Served {
  checkReach(options, options.address ?? LOOPBACK);
  const { requireCredential, limits, ...rest } = options.listener ?? {};
  let note: Acceptor["note"] = () => {};
  const init: ListenerInit = {
    secrets: checkDemanded(requireCredential, "listener.requireCredential"),
    onRefused,
    limits: resolveListenerLimits(limits),
    command: sessionCommand(rest),
    note: (...told) => note(...told),
  };
  let loading: Promise<Listener> | undefined;
  const load = () => {
    loading ??= import("./listener/listener.ts")
      .then(({ Listener }) => new Listener(init));
    // Files that could not be opened now may well be later.
    loading.catch(() => loading = undefined);
    return loading;
  };
  return {
    async function(stream, process) {
      await (await load()).serve(stream, process);
    },
    onStart: (given) => note = given,
    // Before strangers take the descriptors that this needs.
    ready: load().catch(() => {}),
  };
}

/** Refuses an address where the listener would not be safe. */
function checkReach(options: StartUpServerOptions, hostname: string): void {
  if (options.function !== undefined) return;
  checkSafety(options.listener ?? {}, hostname, options.tls !== undefined);
}

/** Adds the process and the service to what an error says. */
function inName<T>(who: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new WireError(error.code, `${who} cannot start: ${error.message}`, {
      cause: error.cause,
    });
  }
}

function killWith(server: StreamServer, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const onAbort = () => void server.shutdown();
  if (signal.aborted) return onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  server.finished.then(() => signal.removeEventListener("abort", onAbort));
}

function tell(
  server: StreamServer,
  to: Announce,
  onError: (error: unknown, where: string) => void,
): void {
  const { processName, address, service } = server;
  const message = `Process "${processName}", service ${
    JSON.stringify(service)
  }: listening on ${formatAddress(address)}`;
  announce(to, message).catch((error) =>
    onError(error, `announcing process "${processName}"`)
  );
}

// The message that a server gives when it has started.

/** What writes bytes, perhaps some of them at a time; `Deno.stdout` does. */
export interface ByteWriterLike {
  /** Writes; tells how many bytes were taken, where it tells anything. */
  write(bytes: Uint8Array): unknown;
}

/**
 * Who gets the start-up message: standard output for `true`, a stream of
 * bytes such as `Deno.stderr.writable`, what has a `write` such as
 * `Deno.stdout`, or a function.
 */
export type Announce =
  | boolean
  | WritableStream<Uint8Array>
  | ByteWriterLike
  | ((message: string) => void);

/**
 * Checks that a message can be given.
 *
 * @param to Who is to get it.
 * @throws {WireError} `invalidArgument` for what takes no message.
 */
function checkAnnounce(to: unknown): void {
  if (typeof to === "boolean" || typeof to === "function") return;
  if (isStream(to) || isWriter(to)) return;
  throw new WireError(
    "invalidArgument",
    `The option "announce" is true, false, a WritableStream of bytes, what has a function "write" such as Deno.stdout, or a function, not ${
      kindOf(to)
    }.`,
  );
}

/**
 * Gives the message.
 *
 * @param to Who gets it; nobody for `false`.
 * @param message One line, without its end.
 * @returns A promise that resolves when it was taken.
 */
async function announce(to: Announce, message: string): Promise<void> {
  if (typeof to === "function") return await to(message);
  if (to === true) return console.log(message);
  if (to === false) return;
  const bytes = new TextEncoder().encode(message + "\n");
  if (!isStream(to)) return await writeAll(to, bytes);
  const writer = to.getWriter();
  try {
    await writer.write(bytes);
  } finally {
    writer.releaseLock();
  }
}

async function writeAll(to: ByteWriterLike, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    const taken = await to.write(bytes.subarray(sent));
    // Not everybody tells: what does not takes all.
    if (typeof taken !== "number") return;
    if (!Number.isInteger(taken) || taken < 1) {
      throw new WireError(
        "invalidArgument",
        `write() must take at least one byte, and told that it took ${taken}.`,
      );
    }
    sent += taken;
  }
}

function isStream(to: unknown): to is WritableStream<Uint8Array> {
  return has(to, "getWriter");
}

function isWriter(to: unknown): to is ByteWriterLike {
  return has(to, "write");
}

/** A value that cannot be looked at has nothing. */
function has(to: unknown, name: string): boolean {
  try {
    return typeof to === "object" && to !== null &&
      typeof (to as Record<string, unknown>)[name] === "function";
  } catch {
    return false;
  }
}
