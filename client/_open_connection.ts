/**
 * Outgoing connections of all kinds, and their errors.
 *
 * @module
 */

import { formatAddress, type WireAddress } from "../wire/base/address.ts";
import {
  errorMessage,
  WireError,
  type WireErrorCode,
} from "../wire/base/errors.ts";
import {
  socketTransport,
  type Transport,
} from "../wire/transport/transport.ts";
import { dialTcp, dialUnix } from "./_dial.ts";
import {
  type ClientTls,
  secureTransport,
  tlsFailure,
  TlsProblem,
} from "./_tls.ts";

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
    return tls === undefined
      ? socketTransport(await dial(), address)
      : await secureTransport({ address, host, tls, signal, dial });
  } catch (error) {
    throw signal.aborted ? signal.reason : connectError(error, address);
  }
}

function connectError(error: unknown, address: WireAddress): WireError {
  if (error instanceof WireError) return error;
  const where = formatAddress(address);
  const text = errorMessage(error);
  if (error instanceof TlsProblem) return tlsFailure(error, where);
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
