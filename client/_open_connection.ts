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
      const { path } = address;
      return await abortable(
        Deno.connect({ transport: "unix", path }),
        signal,
        closeQuietly,
      );
    }
    if (address.transport !== "tcp" && address.transport !== "tls") {
      throw new WireError("invalidArgument", "That is no address to dial.");
    }
    const { hostname, port } = address;
    const tcp = await Deno.connect({ hostname, port, signal });
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

/** Waits for a promise, but not beyond a signal. */
async function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  tooLate: (value: T) => void,
): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, aborted.promise]);
  } catch (error) {
    promise.then(tooLate, () => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It is closed.
  }
}

/** Marks an error of the TLS layer. */
class TlsProblem extends Error {}

function tlsError(error: unknown): TlsProblem {
  const text = error instanceof Error ? error.message : String(error);
  return new TlsProblem(text, { cause: error });
}

function connectError(error: unknown, address: WireAddress): WireError {
  const where = formatAddress(address);
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof TlsProblem) return tlsFailure(error, where);
  const [code, cure] = diagnosis(error, text);
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
  if (error instanceof Deno.errors.NotFound) {
    return ["connectFailed", "there is no such socket file."];
  }
  if (/lookup|resolve|not known|No address|nodename/i.test(text)) {
    return ["unknownHost", "no host of that name is known. Check its name."];
  }
  return ["connectFailed", `${text}.`];
}

function tlsFailure(error: TlsProblem, where: string): WireError {
  const text = error.message;
  const cure =
    /UnknownIssuer|unknown issuer|BadSignature|CaUsedAsEndEntity/i.test(text)
      ? "its certificate was issued by no authority that is trusted here. Give that authority's certificate as tls.caCerts"
      : /NotValidForName|not valid for name/i.test(text)
      ? "its certificate bears another name. Connect by that name, or give it as tls.hostname"
      : /Expired/i.test(text)
      ? "its certificate has expired. Renew it, or set this machine's clock"
      : /InvalidContentType|corrupt|end of file|eof/i.test(text)
      ? "it does not speak TLS. Leave tls out, or give the server its tls option"
      : "the handshake failed";
  return new WireError(
    "tlsFailed",
    `Cannot connect to ${where} by TLS: ${cure} (${text}).`,
    { cause: error.cause },
  );
}
