/**
 * Connecting to a request server, after CMUCL's WIRE package.
 *
 * @module
 */

import { denoHost } from "../host/deno_host.ts";
import {
  DEBUG_VARIABLE,
  type Host,
  type HostConn,
  printToStderr,
  troubleOf,
} from "../host/host.ts";
import {
  checkHooks,
  checkOptionKeys,
  hookAndOptions,
  type HookForms,
  joined,
} from "../wire/base/checks.ts";
import {
  errorMessage,
  kindOf,
  shown,
  WireError,
  type WireErrorCode,
} from "../wire/base/errors.ts";
import {
  Attempt,
  checkAttempt,
  during,
  opened,
  signalOf,
} from "../wire/base/lifetime.ts";
import { connectingLimits, DEFAULT_LIMITS } from "../wire/base/limits.ts";
import type {
  LineStream,
  LineStreamOptions,
} from "../wire/lines/line_stream.ts";
import type { AnyFunctions } from "../wire/rpc/remote_types.ts";
import {
  checkClear,
  checkPort,
  formatAddress,
  hostInteger,
  hostName,
  socketTransport,
  type Transport,
  type WireAddress,
} from "../wire/transport/transport.ts";
import {
  checkServing,
  SHARED_KEYS,
  Wire,
  type WireOptions,
} from "../wire/wire.ts";
import type { ClientTls } from "./_tls.ts";

/** What is known of a host, as CMUCL's `host-entry`. */
export interface HostEntry {
  /**
   * Its own name (`host-entry-name`). The names of an address come in no order:
   * `localhost` is the first of them then, and the others go by their letters.
   */
  readonly name: string;
  /** Other names of its (`host-entry-aliases`). */
  readonly aliases: readonly string[];
  /** Its addresses as texts, those of IPv4 first. */
  readonly addresses: readonly string[];
  /**
   * Those of IPv4 as 32-bit unsigned integers (`host-entry-addr-list`; the
   * first is `host-entry-addr`).
   */
  readonly integers: readonly number[];
}

/** How a host is looked up. Everything has a default. */
export interface LookupOptions {
  /**
   * How long it may take, in milliseconds; `Infinity` is for ever.
   *
   * @default {10000}
   */
  timeout?: number | undefined;
  /** Gives up. */
  signal?: AbortSignal | undefined;
}

const LOOKUP_KEYS: Readonly<Record<keyof LookupOptions, true>> = {
  timeout: true,
  signal: true,
};

/** So many names may stand for one another in a row. */
const MOST_ALIASES = 8;
const TIMEOUT = 10_000;

/**
 * Looks a host up, in this machine's list of hosts and in the domain name
 * system. That takes permission to ask the name server (`--allow-net`).
 *
 * @param host A name, an address, or an IPv4 address as a 32-bit unsigned
 * integer such as `0x7f000001` (or a bigint).
 * @param options How long it may take.
 * @returns A promise of its names and addresses.
 * @throws {WireError} As a rejection: `invalidArgument`, `unknownHost`,
 * `permissionDenied`, `timeout`, `cancelled`; `connectFailed` when no name
 * server answers.
 *
 * @example
 * ```ts
 * import { lookupHostEntry } from "@remote/wire";
 *
 * try {
 *   const { name, integers } = await lookupHostEntry("localhost");
 *   console.log(name, integers[0]?.toString(16)); // localhost 7f000001
 * } catch (error) {
 *   console.log((error as Error).message); // a machine without names
 * }
 * ```
 */
export async function lookupHostEntry(
  host: string | number | bigint,
  options?: LookupOptions | null,
): Promise<HostEntry> {
  return await lookupHostEntryOn(
    denoHost("lookupHostEntry()"),
    host,
    options,
  );
}

/** Looks up a host from any runtime. */
export async function lookupHostEntryOn(
  runtime: Host,
  host: string | number | bigint,
  options?: LookupOptions | null,
): Promise<HostEntry> {
  options ??= {};
  checkOptionKeys(options, LOOKUP_KEYS, "lookupHostEntry()");
  const { timeout = TIMEOUT, signal } = options;
  checkAttempt({ timeout, signal });
  const name = hostName(host);
  using attempt = new Attempt(name, { timeout, signal }, "Looking up");
  if (attempt.reason) throw attempt.reason;
  const ask: Ask = (query, type) =>
    during(attempt, answers(runtime, query, type, name));
  return isAddress(name) ? await byAddress(name, ask) : await byName(name, ask);
}

/** The records of a kind; none where there are none. */
type Ask = (query: string, type: "A" | "AAAA" | "CNAME" | "PTR") => Promise<
  string[]
>;

async function byName(asked: string, ask: Ask): Promise<HostEntry> {
  const found = await Promise.allSettled([
    ask(asked, "A"),
    ask(asked, "AAAA"),
  ]);
  const [four, six] = found.map((one) =>
    one.status === "fulfilled" ? one.value : []
  ) as [string[], string[]];
  const addresses = [...new Set([...four, ...six])];
  if (addresses.length === 0) {
    // A server that has no answer of one kind may have one of the other.
    const failed = found.find((one) => one.status === "rejected");
    throw failed?.reason ?? unknownHost(asked);
  }
  const names = [bare(asked)];
  while (names.length <= MOST_ALIASES) {
    const [next] = await ask(names[0]!, "CNAME").catch(() => []);
    if (next === undefined || names.includes(bare(next))) break;
    names.unshift(bare(next));
  }
  const [name = asked, ...aliases] = names;
  return { name, aliases, addresses, integers: four.map(hostInteger) };
}

async function byAddress(address: string, ask: Ask): Promise<HostEntry> {
  const names = (await ask(address, "PTR")).map(bare);
  // They come in any order, and another each time.
  const [name, ...aliases] = [...new Set(names)].sort(inOrder);
  if (name === undefined) throw unknownHost(address);
  const integers = address.includes(":") ? [] : [hostInteger(address)];
  return { name, aliases, addresses: [address], integers };
}

/** The order of names: `localhost` is a loopback's own, the others as spelt. */
function inOrder(one: string, other: string): number {
  if (one === "localhost") return -1;
  if (other === "localhost") return 1;
  return one < other ? -1 : 1;
}

async function answers(
  runtime: Host,
  query: string,
  type: "A" | "AAAA" | "CNAME" | "PTR",
  host: string,
): Promise<string[]> {
  const reverse = type === "PTR" ? reverseName(query) : undefined;
  try {
    return type === "PTR"
      ? await runtime.namesOf(query, reverse!)
      : await runtime.resolve(query, type);
  } catch (error) {
    if (troubleOf(error) === "NotFound") return [];
    const text = errorMessage(error);
    const isForbidden = troubleOf(error) === "NotCapable" ||
      troubleOf(error) === "PermissionDenied";
    throw new WireError(
      isForbidden ? "permissionDenied" : "connectFailed",
      `Cannot look up ${host}: ${text}.`,
      { cause: error },
    );
  }
}

function unknownHost(host: string): WireError {
  return new WireError(
    "unknownHost",
    `Cannot look up ${host}: no such host is known. Check its name, or its address.`,
  );
}

/** A name without the dot of the root at its end. */
function bare(name: string): string {
  return name.replace(/\.$/, "");
}

function isAddress(host: string): boolean {
  return host.includes(":") || /^\d+(\.\d+){3}$/.test(host);
}

/** The name under which the domain name system knows an address. */
function reverseName(address: string): string {
  if (!address.includes(":")) {
    hostInteger(address);
    return `${address.split(".").reverse().join(".")}.in-addr.arpa`;
  }
  const digits = groups(address).map((group) => group.padStart(4, "0"));
  return `${[...digits.join("")].reverse().join(".")}.ip6.arpa`;
}

/** The eight groups of an IPv6 address. */
function groups(address: string): string[] {
  let hostname: string;
  try {
    // The platform knows how to write one, whatever it was written like.
    hostname = new URL(`http://[${address}]`).hostname.slice(1, -1);
  } catch {
    throw new WireError(
      "invalidArgument",
      `${JSON.stringify(address)} is no address.`,
    );
  }
  const [head = "", tail] = hostname.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array(8 - before.length - after.length).fill("0");
  return [...before, ...zeros, ...after];
}

const TLS_KEYS: Readonly<Record<keyof ClientTls, true>> = {
  caCerts: true,
  hostname: true,
  cert: true,
  key: true,
};

/** How the text of a certificate begins. */
const PEM = "-----BEGIN CERTIFICATE-----";
/** What is longer is no path that a message should show. */
const LONGEST_PATH = 300;

/**
 * Checks the client's half of TLS.
 *
 * @param tls What a program passed.
 * @throws {WireError} `invalidArgument`.
 */
export function checkTls(tls: ClientTls | undefined): void {
  if (tls === undefined) return;
  checkOptionKeys(tls, TLS_KEYS, "tls");
  const { hostname, caCerts = [] } = tls;
  if (hostname !== undefined && (typeof hostname !== "string" || !hostname)) {
    throw new WireError(
      "invalidArgument",
      "tls.hostname is the name in the server's certificate.",
    );
  }
  for (const name of ["cert", "key"] as const) {
    const text: unknown = tls[name];
    const other = tls[name === "cert" ? "key" : "cert"];
    if (text === undefined && other === undefined) continue;
    if (typeof text === "string" && text.includes("-----BEGIN ")) continue;
    throw new WireError(
      "invalidArgument",
      `tls.${name} is the text of a PEM file, not a path and not ${
        kindOf(text)
      }; tls.cert and tls.key go together.`,
    );
  }
  if (!Array.isArray(caCerts)) {
    throw new WireError(
      "invalidArgument",
      "tls.caCerts is a list of texts: [Deno.readTextFileSync(path)].",
    );
  }
  for (const text of caCerts as unknown[]) {
    if (typeof text === "string" && text.includes(PEM)) continue;
    throw new WireError(
      "invalidArgument",
      // A key, say, is nobody's business.
      typeof text === "string" && text.length < LONGEST_PATH &&
        !text.includes("-----")
        ? `tls.caCerts holds certificates, as text that has "${PEM}", and not ${
          JSON.stringify(text)
        }. Where that is a path, pass Deno.readTextFileSync(path).`
        : `tls.caCerts holds certificates, as text that has "${PEM}" (PEM).`,
    );
  }
}

/** Where to connect to, and how. */
interface OpenOptions {
  /** What it runs in. */
  readonly host: Host;
  /** Where. */
  readonly address: WireAddress;
  /** Set to speak TLS. */
  readonly tls?: ClientTls | undefined;
  /** Says until when. */
  readonly attempt: Attempt;
}

/**
 * Connects.
 *
 * @param options Where to, and until when.
 * @returns The connection.
 * @throws {WireError} `unknownHost`, `connectionRefused`, `tlsFailed`,
 * `permissionDenied` or `connectFailed`; or why the attempt was given up.
 */
export async function openConnection(
  options: OpenOptions,
): Promise<Transport> {
  const { host, address, attempt, tls } = options;
  try {
    if (attempt.reason) throw attempt.reason;
    if (address.transport === "unix") {
      return socketTransport(
        await dialUnix(host, address.path, attempt),
        address,
      );
    }
    if (address.transport !== "tcp" && address.transport !== "tls") {
      throw new WireError("invalidArgument", "That is no address to dial.");
    }
    const { hostname, port } = address;
    const dial = async () => {
      // It may have been given up while the code of TLS was loaded.
      if (attempt.reason) throw attempt.reason;
      const tcp = await during(
        attempt,
        host.connect(hostname, port, signalOf(attempt)),
        closeQuietly,
      );
      tcp.setNoDelay?.(true);
      return tcp;
    };
    if (tls === undefined) return socketTransport(await dial(), address);
    // Whoever does not speak TLS does not load it.
    const { secureTransport } = await import("./_tls.ts");
    return await secureTransport({
      host,
      address,
      hostname,
      tls,
      attempt,
      dial,
    });
  } catch (error) {
    throw attempt.reason ?? connectError(host, error, address);
  }
}

function connectError(
  host: Host,
  error: unknown,
  address: WireAddress,
): WireError {
  if (error instanceof WireError) return error;
  const where = formatAddress(address);
  const text = errorMessage(error);
  const [code, cure]: [WireErrorCode, string] = hasNoDescriptor(error)
    ? ["connectFailed", NO_DESCRIPTOR]
    : address.transport === "unix"
    ? unixDiagnosis(host, error, text, address.path)
    : diagnosis(error, text);
  return new WireError(code, `Cannot connect to ${where}: ${cure}`, {
    cause: error,
  });
}

const NO_DESCRIPTOR =
  "this process, or the system, has too many files and sockets open. Close some, or raise the limit (ulimit -n).";

function hasNoDescriptor(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === "EMFILE" || code === "ENFILE";
}

function diagnosis(error: unknown, text: string): [WireErrorCode, string] {
  const trouble = troubleOf(error);
  if (trouble === "ConnectionRefused") {
    return [
      "connectionRefused",
      "nobody listens there. Check host and port, and that the server runs.",
    ];
  }
  if (trouble === "NotCapable") {
    return ["permissionDenied", `${text}.`];
  }
  if (trouble === "PermissionDenied") {
    return ["permissionDenied", "the operating system does not allow it."];
  }
  if (trouble === "ConnectionReset") {
    return ["connectionLost", "the connection was closed at once."];
  }
  if (error instanceof URIError) return ["invalidArgument", `${text}.`];
  const isUnknown = trouble === "NotFound" ||
    /lookup|resolve|not known|No address|nodename|getaddrinfo/i.test(text);
  if (isUnknown) {
    return ["unknownHost", "no host of that name is known. Check its name."];
  }
  return ["connectFailed", `${text}.`];
}

function unixDiagnosis(
  host: Host,
  error: unknown,
  text: string,
  path: string,
): [WireErrorCode, string] {
  const trouble = troubleOf(error);
  if (trouble === "NotFound" || trouble === "NotADirectory") {
    return [
      "connectFailed",
      "there is no such socket file. Check the path, and that the server runs.",
    ];
  }
  if (trouble === "NotCapable") {
    return ["permissionDenied", `${text}.`];
  }
  if (trouble === "PermissionDenied") {
    return [
      "permissionDenied",
      "this user may not use that socket file. A server makes it for its own user (mode 0600): run as that user, or have the file's mode changed.",
    ];
  }
  if (trouble === "ConnectionRefused") {
    return ["connectionRefused", refusedBy(host, path)];
  }
  if (/SUN_LEN/.test(text)) {
    return [
      "invalidArgument",
      "the path of a Unix socket may have about 100 bytes. Choose a shorter one.",
    ];
  }
  return ["connectFailed", `${text}.`];
}

/** Why nobody answers at a path. */
function refusedBy(host: Host, path: string): string {
  try {
    const { isSocket, isDirectory } = host.fileAt(path, true);
    if (isDirectory) {
      return "that is a directory. Give the path of the socket file in it.";
    }
    if (isSocket === false) return "that file is no socket.";
  } catch {
    // It may not be looked at.
  }
  return "nobody listens there: the server may have ended and left its socket file. Start it again.";
}

/** How long to wait for a place in the queue of a Unix socket, at least. */
const LEAST_WAIT = 5;
const MOST_WAIT = 100;

/**
 * Connects to a Unix socket. Where more wait in its queue than fit, the
 * operating system refuses at once; then it is asked again.
 *
 * @param host What it runs in.
 * @param path The path of the socket file.
 * @param attempt Says until when.
 * @returns The connection.
 */
async function dialUnix(
  host: Host,
  path: string,
  attempt: Attempt,
): Promise<HostConn> {
  for (let longest = LEAST_WAIT;; longest = Math.min(longest * 2, MOST_WAIT)) {
    if (attempt.reason) throw attempt.reason;
    try {
      return await during(attempt, host.connectUnix(path), closeQuietly);
    } catch (error) {
      const isFull = troubleOf(error) === "WouldBlock";
      if (!isFull || attempt.reason !== undefined) throw error;
    }
    // Those who wait are not to come back all at once.
    await pause(longest / 2 + Math.random() * longest / 2, attempt);
  }
}

/** Lets time pass, but no longer than an attempt goes on. */
async function pause(delay: number, attempt: Attempt): Promise<void> {
  const passed = Promise.withResolvers<void>();
  const timer = setTimeout(passed.resolve, delay);
  try {
    await during(attempt, passed.promise);
  } finally {
    clearTimeout(timer);
  }
}

/** Closes a connection that may be closed already. */
function closeQuietly(conn: HostConn): void {
  try {
    conn.close();
  } catch {
    // It is closed.
  }
}

/**
 * What a connection is made with. Everything has a default.
 *
 * @example
 * ```ts
 * import {
 *   type ConnectOptions,
 *   connectToRemoteServer,
 *   createRequestServer,
 * } from "@remote/wire";
 *
 * await using server = createRequestServer(0, {
 *   functions: { add: (a: number, b: number) => a + b },
 * });
 * const options: ConnectOptions = {
 *   timeout: 5_000,
 *   functions: { notify: (text: string) => console.log(text) },
 * };
 * await using wire = await connectToRemoteServer(
 *   "127.0.0.1",
 *   server.port,
 *   options,
 * );
 * if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * ```
 */
export interface ConnectOptions<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
> extends Omit<WireOptions<Remote, Local>, "confirm" | "signal"> {
  /**
   * The path of a Unix socket; host and port are not looked at then, and `tls`
   * is refused.
   */
  path?: string | undefined;
  /** Set to speak TLS; an empty object trusts the system's authorities. */
  tls?: ClientTls | undefined;
  /** Gives up connecting. Once the wire is made, it has no effect. */
  signal?: AbortSignal | undefined;
  /**
   * How long connecting may take, the server's acceptance included, in
   * milliseconds; `Infinity` is for ever. The handshake has a limit of its own,
   * `limits.hello`; where that is not given, a longer timeout holds for it, too.
   *
   * @default {10000}
   */
  timeout?: number | undefined;
}

const OPTION_KEYS: Readonly<Record<keyof ConnectOptions, true>> =
  /* @__PURE__ */ joined(SHARED_KEYS, {
    path: true,
    tls: true,
    timeout: true,
  });

const FORMS: HookForms = {
  what: "connectToRemoteServer()",
  hook: "onDeath",
  known: OPTION_KEYS,
};

/**
 * Connects to a request server.
 *
 * As in CMUCL: "returns a wire structure if it is successful. If on-death is
 * non-nil, it is a function the system invokes when this connection
 * terminates."
 *
 * @typeParam Remote The interface that the server serves.
 * @typeParam Local The interface of `options.functions`.
 * @param host A name, an address, or an IPv4 address as a 32-bit unsigned
 * integer such as `0x7f000001` (or a bigint).
 * @param port A port, 1 to 65535.
 * @param options Transport, time limits, and what this side serves; or, as in
 * CMUCL, `onDeath` itself. Null is neither.
 * @returns A promise of the wire, once the server has accepted it.
 * @throws {WireError} As a rejection that names the address:
 * `invalidArgument`, `unknownHost`, `connectionRefused`, `connectFailed`,
 * `permissionDenied`, `tlsFailed`, `timeout`, `cancelled`, `notAWire`,
 * `unsupportedVersion`, `contractMismatch`, `refused`, `peerAborted` (a server
 * that is shutting down) or `connectionLost`.
 *
 * @example
 * ```ts
 * import { connectToRemoteServer, createRequestServer } from "@remote/wire";
 *
 * interface Calculator {
 *   add(a: number, b: number): number;
 * }
 * const server = createRequestServer<object, Calculator>(0, {
 *   functions: { add: (a, b) => a + b },
 * });
 * {
 *   await using wire = await connectToRemoteServer<Calculator>(
 *     "127.0.0.1",
 *     server.port,
 *     { timeout: 5_000 },
 *   );
 *   if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * }
 * await server.shutdown();
 * ```
 */
export function connectToRemoteServer<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(
  host: string | number | bigint,
  port: number,
  options?:
    | ConnectOptions<Remote, Local>
    | ((reason: WireError) => void)
    | null,
): Promise<Wire<Remote, Local>>;
/**
 * Connects to a request server, with `onDeath` in its place in CMUCL and
 * options behind it.
 *
 * @typeParam Remote The interface that the server serves.
 * @typeParam Local The interface of `options.functions`.
 * @param host A name, an address, or an IPv4 address as an integer.
 * @param port A port, 1 to 65535.
 * @param onDeath Called once, with the reason, when the connection ends; null
 * is nobody.
 * @param options Transport, time limits, and what this side serves.
 * @returns A promise of the wire, once the server has accepted it.
 * @throws {WireError} As a rejection, as in the other form; and
 * `invalidArgument` where `onDeath` is among the options, too.
 *
 * @example
 * ```ts
 * import { connectToRemoteServer, createRequestServer } from "@remote/wire";
 *
 * await using server = createRequestServer(0);
 * const died = Promise.withResolvers<string>();
 * const wire = await connectToRemoteServer(
 *   "127.0.0.1",
 *   server.port,
 *   (reason) => died.resolve(reason.code),
 *   { timeout: 5_000 },
 * );
 * await wire.close();
 * if (await died.promise !== "closed") throw new Error();
 * ```
 */
export function connectToRemoteServer<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(
  host: string | number | bigint,
  port: number,
  onDeath: ((reason: WireError) => void) | null | undefined,
  options: Omit<ConnectOptions<Remote, Local>, "onDeath"> | null | undefined,
): Promise<Wire<Remote, Local>>;
export async function connectToRemoteServer<
  Remote extends object,
  Local extends object,
>(
  host: string | number | bigint,
  port: number,
  first?:
    | ConnectOptions<Remote, Local>
    | ((reason: WireError) => void)
    | null,
  second?: Omit<ConnectOptions<Remote, Local>, "onDeath"> | null,
): Promise<Wire<Remote, Local>> {
  return await connectOn<Remote, Local>(
    denoHost("connectToRemoteServer()"),
    host,
    port,
    first,
    second,
  );
}

/** Connects to a request server from any runtime. */
export async function connectOn<
  Remote extends object,
  Local extends object,
>(
  runtime: Host,
  host: string | number | bigint,
  port: number,
  first?:
    | ConnectOptions<Remote, Local>
    | ((reason: WireError) => void)
    | null,
  second?: Omit<ConnectOptions<Remote, Local>, "onDeath"> | null,
): Promise<Wire<Remote, Local>> {
  printToStderr();
  const { hook: onDeath, options } = hookAndOptions<
    (reason: WireError) => void,
    ConnectOptions<Remote, Local>
  >(first, second, FORMS);
  // Who hears of a connection that never stood is the caller.
  const {
    path,
    tls,
    signal,
    timeout = DEFAULT_LIMITS.hello,
    onDeath: _,
    ...rest
  } = options;
  checkServing(rest);
  checkHooks(rest, ["onError", "tap"]);
  checkAttempt({ timeout, signal });
  checkTls(tls);
  // Before there is a connection, which a wire that cannot be made would leave.
  rest.limits = connectingLimits(timeout, rest.limits);
  const address = addressOf(host, port, path, tls !== undefined);
  checkClear(rest, address);
  const where = formatAddress(address);
  using attempt = new Attempt(where, { timeout, signal });
  const transport = await openConnection({
    host: runtime,
    address,
    tls,
    attempt,
  });
  let wire: Wire<Remote, Local>;
  try {
    const debug = runtime.variable(DEBUG_VARIABLE);
    wire = new Wire(transport, rest, { debug });
  } catch (error) {
    transport.close();
    throw error;
  }
  await opened(wire, attempt, where);
  if (onDeath !== undefined) wire.onDeath(onDeath);
  return wire;
}

/** Where to connect to. */
function addressOf(
  host: string | number | bigint,
  port: number,
  path: string | undefined,
  isTls: boolean,
): WireAddress {
  if (path === undefined) {
    return {
      transport: isTls ? "tls" : "tcp",
      hostname: hostName(host),
      port: portToDial(port),
    };
  }
  if (isTls) {
    throw new WireError(
      "invalidArgument",
      'The option "tls" is for TCP, and "path" says to connect to a Unix socket, which speaks no TLS. Leave one of them out.',
    );
  }
  if (typeof path === "string" && path !== "" && !path.includes("\0")) {
    return { transport: "unix", path };
  }
  throw new WireError(
    "invalidArgument",
    `The option "path" is the path of a socket file, not ${
      shown(path)
    }. Leave it out to connect by TCP.`,
  );
}

/** Checks a port that somebody is to listen on. */
function portToDial(port: number): number {
  if (checkPort(port) !== 0) return port;
  throw new WireError(
    "invalidArgument",
    "Port 0 is for servers: it takes a free one. Give the port that server.port says.",
  );
}

/** What a stream is opened with. Everything has a default. */
export interface OpenTcpStreamOptions extends LineStreamOptions {
  /** Set to speak TLS; an empty object trusts the system's authorities. */
  tls?: ClientTls | undefined;
  /**
   * How long connecting may take, in milliseconds; `Infinity` is for ever.
   *
   * @default {10000}
   */
  timeout?: number | undefined;
  /** Gives up connecting; once the stream is open, aborts it. */
  signal?: AbortSignal | undefined;
  /**
   * What errors call this side.
   *
   * @default {the service, and "client"}
   */
  processName?: string | undefined;
}

const STREAM_KEYS: Readonly<Record<keyof OpenTcpStreamOptions, true>> = {
  maxLineLength: true,
  outputPause: true,
  maxOutput: true,
  closeTimeout: true,
  tls: true,
  timeout: true,
  signal: true,
  processName: true,
};

/**
 * Opens a stream of lines to a TCP server, such as one that `startUpServer`
 * made.
 *
 * @param host A name, an address, or an IPv4 address as a 32-bit unsigned
 * integer such as `0x7f000001` (or a bigint).
 * @param service A port, or the name of a service that the operating system
 * knows, which takes permission to read its services file.
 * @param options Time limit, signal, TLS, and the bounds of the stream.
 * @returns A promise of the stream.
 * @throws {WireError} As a rejection that names host, service and process:
 * `invalidArgument`, `unknownService`, `unknownHost`, `connectionRefused`,
 * `connectFailed`, `permissionDenied`, `tlsFailed`, `timeout` or `cancelled`.
 *
 * @example
 * ```ts
 * import { openTcpStream, startUpServer } from "@remote/wire";
 *
 * await using server = startUpServer({
 *   service: 0,
 *   function: async (stream) => {
 *     for await (const line of stream) stream.writeLine(`You sent: '${line}'`);
 *   },
 * });
 * await using talk = await openTcpStream("localhost", server.port);
 * talk.writeLine("Hello self.");
 * const answer = await talk.readLine();
 * if (answer !== "You sent: 'Hello self.'") throw new Error();
 * ```
 */
export async function openTcpStream(
  host: string | number | bigint,
  service: number | string,
  options?: OpenTcpStreamOptions | null,
): Promise<LineStream> {
  const runtime = denoHost("openTcpStream()");
  return await openTcpStreamOn(runtime, host, service, options);
}

/** Opens a stream of lines from any runtime. */
export async function openTcpStreamOn(
  runtime: Host,
  host: string | number | bigint,
  service: number | string,
  options?: OpenTcpStreamOptions | null,
): Promise<LineStream> {
  options ??= {};
  checkOptionKeys(options, STREAM_KEYS, "openTcpStream()");
  const { tls, signal, processName = nameOf(service) } = options;
  if (typeof processName !== "string") {
    throw new WireError(
      "invalidArgument",
      `The option "processName" is a text, not ${shown(processName)}.`,
    );
  }
  const { timeout = DEFAULT_LIMITS.hello } = options;
  const { maxLineLength, outputPause, maxOutput, closeTimeout } = options;
  try {
    checkAttempt({ timeout, signal });
    checkTls(tls);
    const hostname = hostName(host);
    // Whoever wants wires alone does not load streams of lines.
    const { LineStream, resolveLineStreamOptions, localServicePort } =
      await import("../wire/lines/line_stream.ts");
    const address: WireAddress = {
      transport: tls === undefined ? "tcp" : "tls",
      hostname,
      port: localServicePort(service),
    };
    const streamOptions = resolveLineStreamOptions({
      maxLineLength,
      outputPause,
      maxOutput,
      closeTimeout,
    });
    using attempt = new Attempt(formatAddress(address), { timeout, signal });
    const stream = new LineStream(
      await openConnection({
        host: runtime,
        address,
        tls,
        attempt,
      }),
      streamOptions,
    );
    if (attempt.reason) {
      stream.abort();
      throw attempt.reason;
    }
    abortWith(stream, signal);
    return stream;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new WireError(
      error.code,
      `Process "${processName}", host ${
        typeof host === "string" ? host : shown(host)
      }, service ${shown(service)}: ${error.message}`,
      { cause: error.cause },
    );
  }
}

/** What this side is called. */
function nameOf(service: unknown): string {
  const isService = typeof service === "string" || Number.isInteger(service);
  return isService ? `${service} client` : "client";
}

/** Aborts a stream when the signal does, for as long as it is open. */
function abortWith(stream: LineStream, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const onAbort = () =>
    stream.abort(
      new WireError("aborted", "The stream was aborted by its signal.", {
        cause: signal.reason,
      }),
    );
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  stream.closed.then(() => signal.removeEventListener("abort", onAbort));
}
