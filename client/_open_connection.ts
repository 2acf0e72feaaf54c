/**
 * Outgoing connections of all kinds, and their errors.
 *
 * @module
 */

import {
  formatAddress,
  type WireAddress,
  WireError,
  type WireErrorCode,
} from "../wire/mod.ts";
import { checkOptionKeys } from "../wire/_option_keys.ts";
import { abortable, closeQuietly, dialTcp, dialUnix } from "./_dial.ts";

/** The client's half of TLS. */
export interface ClientTls {
  /**
   * Certificates, PEM, of authorities to trust beside those of the system.
   *
   * @default {[]}
   */
  caCerts?: string[] | undefined;
  /**
   * The name that the server's certificate has to bear.
   *
   * @default {the host that is connected to}
   */
  hostname?: string | undefined;
}

const TLS_KEYS: Readonly<Record<keyof ClientTls, true>> = {
  caCerts: true,
  hostname: true,
};

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
      "tls.hostname is the name that the server's certificate bears.",
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
      typeof text === "string" && text.length < LONGEST_PATH
        ? `tls.caCerts holds certificates, as text that has "${PEM}", and not ${
          JSON.stringify(text)
        }. Where that is a path, pass Deno.readTextFileSync(path).`
        : `tls.caCerts holds certificates, as text that has "${PEM}" (PEM).`,
    );
  }
}

/** How the text of a certificate begins. */
const PEM = "-----BEGIN CERTIFICATE-----";
/** What is longer is no path that a message should show. */
const LONGEST_PATH = 300;

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
): Promise<Deno.Conn> {
  const { address, signal } = options;
  let conn: Deno.Conn;
  try {
    signal.throwIfAborted();
    if (address.transport === "unix") {
      return await dialUnix(address.path, signal);
    }
    if (address.transport !== "tcp" && address.transport !== "tls") {
      throw new WireError("invalidArgument", "That is no address to dial.");
    }
    const { hostname, port } = address;
    const tcp = await dialTcp(hostname, port, signal);
    tcp.setNoDelay(true);
    conn = tcp;
    if (options.tls === undefined) return conn;
    return await startTls(tcp, hostname, options.tls, signal);
  } catch (error) {
    throw signal.aborted ? signal.reason : connectError(error, address);
  }
}

async function startTls(
  tcp: Deno.TcpConn,
  host: string,
  tls: ClientTls,
  signal: AbortSignal,
): Promise<Deno.TlsConn> {
  let conn: Deno.TlsConn;
  try {
    const { hostname = host, caCerts = [] } = tls;
    conn = await abortable(
      Deno.startTls(tcp, { hostname, caCerts }),
      signal,
      closeQuietly,
    );
  } catch (error) {
    closeQuietly(tcp);
    throw tlsError(error);
  }
  try {
    await abortable(conn.handshake(), signal, () => {});
    return conn;
  } catch (error) {
    closeQuietly(conn);
    throw tlsError(error);
  }
}

/** Marks an error of the TLS layer. */
class TlsProblem extends Error {}

function tlsError(error: unknown): TlsProblem {
  const text = error instanceof Error ? error.message : String(error);
  return new TlsProblem(text, { cause: error });
}

function connectError(error: unknown, address: WireAddress): WireError {
  if (error instanceof WireError) return error;
  const where = formatAddress(address);
  const text = error instanceof Error ? error.message : String(error);
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

/** What makes a certificate that works for a server and as `tls.caCerts`. */
const MAKE_CERTIFICATE =
  `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -keyout server.key -out server.pem -subj "/CN=localhost" -addext "basicConstraints=critical,CA:FALSE" -addext "subjectAltName=DNS:localhost,IP:127.0.0.1"`;

function tlsFailure({ message: text, cause }: TlsProblem, where: string) {
  return new WireError(
    "tlsFailed",
    `Cannot connect to ${where} by TLS: ${tlsCure(text)} (${text}).`,
    { cause },
  );
}

/** What is wrong, and what helps. */
function tlsCure(text: string): string {
  if (/CaUsedAsEndEntity/i.test(text)) {
    return `its certificate is self-signed, and made for an authority, as "openssl req -x509" makes them unless told otherwise. Make one for a server, with its names, and give that as tls.caCerts: ${MAKE_CERTIFICATE}`;
  }
  if (/UnknownIssuer|unknown issuer|BadSignature/i.test(text)) {
    return "its certificate was issued by no authority that is trusted here. Give that authority's certificate, or the server's own if it is self-signed, as tls.caCerts";
  }
  if (/not valid for any names/i.test(text)) {
    return `its certificate bears no name: it needs a subjectAltName. Make one that has it: ${MAKE_CERTIFICATE}`;
  }
  if (/NotValidForName|not valid for name/i.test(text)) {
    return "its certificate bears another name. Connect by that name, or give it as tls.hostname";
  }
  if (/Expired/i.test(text)) {
    return "its certificate has expired. Renew it, or set this machine's clock";
  }
  if (/Unable to add pem|pem file/i.test(text)) {
    return "tls.caCerts holds what is no certificate in PEM";
  }
  if (/InvalidContentType|corrupt|end of file|eof/i.test(text)) {
    return "it does not speak TLS. Leave tls out, or give the server its tls option";
  }
  return "the handshake failed";
}
