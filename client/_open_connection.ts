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
import { dialTcp, dialUnix } from "./_attempt.ts";
import type { ClientTls } from "./_tls.ts";

const TLS_KEYS: Readonly<Record<keyof ClientTls, true>> = {
  caCerts: true,
  hostname: true,
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
export interface OpenOptions {
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
  const { address, signal, tls } = options;
  try {
    signal.throwIfAborted();
    if (address.transport === "unix") {
      return socketTransport(await dialUnix(address.path, signal), address);
    }
    if (address.transport !== "tcp" && address.transport !== "tls") {
      throw new WireError("invalidArgument", "That is no address to dial.");
    }
    const { hostname: host, port } = address;
    const dial = async () => {
      const tcp = await dialTcp(host, port, signal);
      tcp.setNoDelay(true);
      return tcp;
    };
    if (tls === undefined) return socketTransport(await dial(), address);
    // Whoever does not speak TLS does not load it.
    const { secureTransport } = await import("./_tls.ts");
    return await secureTransport({ address, host, tls, signal, dial });
  } catch (error) {
    throw signal.aborted ? signal.reason : connectError(error, address);
  }
}

function connectError(error: unknown, address: WireAddress): WireError {
  if (error instanceof WireError) return error;
  const where = formatAddress(address);
  const text = errorMessage(error);
  const [code, cure] = address.transport === "unix"
    ? unixDiagnosis(error, text, address.path)
    : diagnosis(error, text);
  return new WireError(code, `Cannot connect to ${where}: ${cure}`, {
    cause: error,
  });
}

function diagnosis(error: unknown, text: string): [WireErrorCode, string] {
  if (error instanceof Deno.errors.ConnectionRefused) {
    return [
      "connectionRefused",
      "nobody listens there. Check host and port, and that the server runs.",
    ];
  }
  if (error instanceof Deno.errors.NotCapable) {
    return ["permissionDenied", `${text}.`];
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return ["permissionDenied", "the operating system does not allow it."];
  }
  if (error instanceof Deno.errors.ConnectionReset) {
    return ["connectionLost", "the connection was closed at once."];
  }
  if (error instanceof URIError) return ["invalidArgument", `${text}.`];
  if (/lookup|resolve|not known|No address|nodename/i.test(text)) {
    return ["unknownHost", "no host of that name is known. Check its name."];
  }
  return ["connectFailed", `${text}.`];
}

function unixDiagnosis(
  error: unknown,
  text: string,
  path: string,
): [WireErrorCode, string] {
  if (
    error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory
  ) {
    return [
      "connectFailed",
      "there is no such socket file. Check the path, and that the server runs.",
    ];
  }
  if (error instanceof Deno.errors.NotCapable) {
    return ["permissionDenied", `${text}.`];
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return [
      "permissionDenied",
      "this user may not use that socket file. A server makes it for its own user (mode 0600): run as that user, or have the file's mode changed.",
    ];
  }
  if (error instanceof Deno.errors.ConnectionRefused) {
    return ["connectionRefused", refusedBy(path)];
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
function refusedBy(path: string): string {
  try {
    const { isSocket, isDirectory } = Deno.statSync(path);
    if (isDirectory) {
      return "that is a directory. Give the path of the socket file in it.";
    }
    if (isSocket === false) return "that file is no socket.";
  } catch {
    // It may not be looked at.
  }
  return "nobody listens there: the server may have ended and left its socket file. Start it again.";
}
