/**
 * Outgoing connections of all kinds, and their errors.
 *
 * @module
 */

import {
  formatAddress,
  socketTransport,
  type Transport,
  type WireAddress,
} from "../wire/transport/transport.ts";
import { checkOptionKeys } from "../wire/base/checks.ts";
import {
  errorMessage,
  WireError,
  type WireErrorCode,
} from "../wire/base/errors.ts";
import { kindOf } from "../wire/base/shown.ts";
import { type Host, type HostConn, troubleOf } from "../host/host.ts";
import type { ClientTls } from "./_tls.ts";
import { abortable } from "../wire/base/lifetime.ts";

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
  /** Gives up with its reason. */
  readonly signal: AbortSignal;
}

/**
 * Connects.
 *
 * @param options Where to, and until when.
 * @returns The connection.
 * @throws {WireError} `unknownHost`, `connectionRefused`, `tlsFailed`,
 * `permissionDenied` or `connectFailed`; or the signal's reason.
 */
export async function openConnection(
  options: OpenOptions,
): Promise<Transport> {
  const { host, address, signal, tls } = options;
  try {
    signal.throwIfAborted();
    if (address.transport === "unix") {
      return socketTransport(
        await dialUnix(host, address.path, signal),
        address,
      );
    }
    if (address.transport !== "tcp" && address.transport !== "tls") {
      throw new WireError("invalidArgument", "That is no address to dial.");
    }
    const { hostname, port } = address;
    const dial = async () => {
      const tcp = await abortable(
        host.connect(hostname, port, signal),
        signal,
        closeQuietly,
      );
      tcp.setNoDelay?.(true);
      return tcp;
    };
    if (tls === undefined) return socketTransport(await dial(), address);
    // Whoever does not speak TLS does not load it.
    const { secureTransport } = await import("./_tls.ts");
    const wait = (promise: Promise<void>) =>
      abortable(promise, signal, () => {});
    return await secureTransport({
      host,
      address,
      hostname,
      tls,
      signal,
      dial,
      wait,
    });
  } catch (error) {
    throw signal.aborted ? signal.reason : connectError(host, error, address);
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
  if (troubleOf(error) === "ConnectionRefused") {
    return [
      "connectionRefused",
      "nobody listens there. Check host and port, and that the server runs.",
    ];
  }
  if (troubleOf(error) === "NotCapable") {
    return ["permissionDenied", `${text}.`];
  }
  if (troubleOf(error) === "PermissionDenied") {
    return ["permissionDenied", "the operating system does not allow it."];
  }
  if (troubleOf(error) === "ConnectionReset") {
    return ["connectionLost", "the connection was closed at once."];
  }
  if (error instanceof URIError) return ["invalidArgument", `${text}.`];
  const isUnknown = troubleOf(error) === "NotFound" ||
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
  if (
    troubleOf(error) === "NotFound" ||
    troubleOf(error) === "NotADirectory"
  ) {
    return [
      "connectFailed",
      "there is no such socket file. Check the path, and that the server runs.",
    ];
  }
  if (troubleOf(error) === "NotCapable") {
    return ["permissionDenied", `${text}.`];
  }
  if (troubleOf(error) === "PermissionDenied") {
    return [
      "permissionDenied",
      "this user may not use that socket file. A server makes it for its own user (mode 0600): run as that user, or have the file's mode changed.",
    ];
  }
  if (troubleOf(error) === "ConnectionRefused") {
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
 * @param signal Gives up, with its reason.
 * @returns The connection.
 */
async function dialUnix(
  host: Host,
  path: string,
  signal: AbortSignal,
): Promise<HostConn> {
  for (let longest = LEAST_WAIT;; longest = Math.min(longest * 2, MOST_WAIT)) {
    signal.throwIfAborted();
    try {
      return await abortable(
        host.connectUnix(path),
        signal,
        closeQuietly,
      );
    } catch (error) {
      const isFull = troubleOf(error) === "WouldBlock";
      if (!isFull || signal.aborted) throw error;
    }
    // Those who wait are not to come back all at once.
    await pause(longest / 2 + Math.random() * longest / 2, signal);
  }
}

/** Lets time pass, but not beyond a signal. */
async function pause(delay: number, signal: AbortSignal): Promise<void> {
  const passed = Promise.withResolvers<void>();
  const timer = setTimeout(passed.resolve, delay);
  try {
    await abortable(passed.promise, signal, () => {});
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
