/**
 * Connecting to a request server, after CMUCL's WIRE package.
 *
 * @module
 */

import {
  type AnyFunctions,
  checkPort,
  DEFAULT_LIMITS,
  formatAddress,
  hostName,
  makeWire,
  socketTransport,
  systemClock,
  type Wire,
  type WireAddress,
  WireError,
  type WireOptions,
} from "../wire/mod.ts";
import { afterLimit } from "../wire/clock.ts";
import { checkServing } from "../wire/wire.ts";
import { type ClientTls, openConnection } from "./_open_connection.ts";

/** What a connection is made with. Everything has a default. */
export interface ConnectOptions<
  Local extends object = AnyFunctions,
  Remote extends object = AnyFunctions,
> extends
  Omit<
    WireOptions<Local, Remote>,
    "confirm" | "onDeath" | "requireCredential" | "signal"
  > {
  /** The path of a Unix socket; host and port are not looked at then. */
  path?: string | undefined;
  /** Set to speak TLS; an empty object trusts the system's authorities. */
  tls?: ClientTls | undefined;
  /** Gives up connecting. Once the wire is made, it has no effect. */
  signal?: AbortSignal | undefined;
  /**
   * How long connecting may take, the server's acceptance included, in
   * milliseconds.
   *
   * @default {10000}
   */
  timeout?: number | undefined;
}

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
 * integer such as `0x7f000001`.
 * @param port A port, 1 to 65535.
 * @param onDeath Called once, with the reason, when the connection ends.
 * @param options Transport, time limits, and what this side serves.
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
 * const server = createRequestServer<Calculator>(0, undefined, {
 *   functions: { add: (a, b) => a + b },
 * });
 * {
 *   await using wire = await connectToRemoteServer<Calculator>(
 *     "127.0.0.1",
 *     server.port,
 *   );
 *   if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * }
 * await server.shutdown();
 * ```
 */
export async function connectToRemoteServer<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(
  host: string | number,
  port: number,
  onDeath?: ((reason: WireError) => void) | undefined,
  options: ConnectOptions<Local, Remote> = {},
): Promise<Wire<Remote, Local>> {
  const { path, tls, signal, timeout = DEFAULT_LIMITS.hello, ...rest } =
    options;
  if (onDeath !== undefined && typeof onDeath !== "function") {
    throw new WireError(
      "invalidArgument",
      "onDeath, the third argument, is a function or undefined. Options are the fourth.",
    );
  }
  checkServing(rest);
  const address: WireAddress = path === undefined
    ? {
      transport: tls === undefined ? "tcp" : "tls",
      hostname: hostName(host),
      port: portToDial(port),
    }
    : { transport: "unix", path };
  const where = formatAddress(address);
  const giveUp = new AbortController();
  const onAbort = () =>
    giveUp.abort(
      new WireError("cancelled", `Connecting to ${where} was cancelled.`, {
        cause: signal!.reason,
      }),
    );
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  const stopTimer = afterLimit(systemClock, timeout, () =>
    giveUp.abort(
      new WireError(
        "timeout",
        `Connecting to ${where} took longer than ${timeout} ms.`,
      ),
    ));
  try {
    const conn = await openConnection({ address, tls, signal: giveUp.signal });
    const wire = makeWire<Remote, Local>(socketTransport(conn, address), rest);
    await opened(wire, giveUp.signal, where);
    if (onDeath !== undefined) wire.onDeath(onDeath);
    return wire;
  } finally {
    stopTimer();
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Checks a port that somebody is to listen on. */
function portToDial(port: number): number {
  if (checkPort(port) !== 0) return port;
  throw new WireError(
    "invalidArgument",
    "Port 0 is for servers: it takes a free one. Give the one that the server's port tells.",
  );
}

/** Waits until both ends have accepted each other. */
async function opened(
  wire: { opened: Promise<void>; abort(reason: unknown): void },
  signal: AbortSignal,
  where: string,
): Promise<void> {
  const onAbort = () => wire.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await wire.opened;
  } catch (error) {
    if (!(error instanceof WireError) || signal.aborted) throw error;
    throw new WireError(
      error.code,
      `Cannot connect to ${where}: ${error.message}`,
      { cause: error },
    );
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
