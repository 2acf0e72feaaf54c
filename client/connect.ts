/**
 * Connecting to a request server, after CMUCL's WIRE package.
 *
 * @module
 */

import {
  checkPort,
  formatAddress,
  hostName,
  type WireAddress,
} from "../wire/transport/transport.ts";
import {
  checkHooks,
  hookAndOptions,
  type HookForms,
} from "../wire/base/checks.ts";
import { WireError } from "../wire/base/errors.ts";
import { printToStderr } from "../wire/base/node_stderr.ts";
import { Attempt, checkAttempt, opened } from "../wire/base/lifetime.ts";
import { DEFAULT_LIMITS, resolveLimits } from "../wire/base/limits.ts";
import { shown } from "../wire/base/shown.ts";
import type { AnyFunctions } from "../wire/rpc/remote_types.ts";
import {
  checkClear,
  checkServing,
  Wire,
  type WireOptions,
} from "../wire/wire.ts";
import { checkTls, openConnection } from "./_open_connection.ts";
import { denoHost } from "../host/deno_host.ts";
import type { Host } from "../host/host.ts";
import type { ClientTls } from "./_tls.ts";

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
  /** The path of a Unix socket; host and port are not looked at then. */
  path?: string | undefined;
  /** Set to speak TLS; an empty object trusts the system's authorities. */
  tls?: ClientTls | undefined;
  /** Gives up connecting. Once the wire is made, it has no effect. */
  signal?: AbortSignal | undefined;
  /**
   * How long connecting may take, the server's acceptance included, in
   * milliseconds; `Infinity` is for ever. The server's acceptance has a limit
   * of its own, `limits.hello`.
   *
   * @default {10000}
   */
  timeout?: number | undefined;
}

const OPTION_KEYS: Readonly<Record<keyof ConnectOptions, true>> = {
  limits: true,
  functions: true,
  serves: true,
  expects: true,
  onDeath: true,
  onError: true,
  credential: true,
  requireCredential: true,
  authenticate: true,
  insecure: true,
  sendStacks: true,
  valueTypes: true,
  recordCallSites: true,
  dialect: true,
  serveThrough: true,
  callThrough: true,
  introspection: true,
  telemetry: true,
  clock: true,
  path: true,
  tls: true,
  signal: true,
  timeout: true,
};

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
  const { path, tls, signal, timeout = DEFAULT_LIMITS.hello, ...given } =
    options;
  // Who hears of a connection that never stood is the caller.
  const { onDeath: _, ...rest } = given;
  checkServing(rest);
  checkHooks(rest, ["onError"]);
  checkAttempt({ timeout, signal });
  checkTls(tls);
  // Before there is a connection, which a wire that cannot be made would leave.
  const limits = resolveLimits(rest.limits);
  const address = addressOf(host, port, path, tls !== undefined);
  checkClear(rest, address);
  const where = formatAddress(address);
  using attempt = new Attempt(where, { timeout, signal });
  const transport = await openConnection({
    host: runtime,
    address,
    tls,
    signal: attempt.signal,
  });
  let wire: Wire<Remote, Local>;
  try {
    wire = new Wire(transport, { ...rest, limits });
  } catch (error) {
    transport.close();
    throw error;
  }
  await opened(wire, attempt.signal, where);
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
