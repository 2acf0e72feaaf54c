/**
 * The client's half of TLS: whom it trusts, and what is wrong with the others.
 * It is loaded when TLS is first spoken.
 *
 * @module
 */

import {
  formatAddress,
  type Transport,
  type WireAddress,
} from "../wire/transport/transport.ts";
import type { Host, HostConn } from "../host/host.ts";
import { errorMessage, WireError } from "../wire/base/errors.ts";
import { type Attempt, during } from "../wire/base/lifetime.ts";
import { readCertificate } from "../wire/transport/node_certificate.ts";
import {
  type Duplex,
  loadTls,
  type SecureContext,
  speaksNoTls,
  type Tls,
  type TlsSide,
  type TLSSocket,
  TlsTransport,
} from "../wire/transport/node_tls.ts";

/**
 * The client's half of TLS.
 *
 * @example A server that speaks no TLS is not taken for one that does
 * ```ts
 * import {
 *   type ClientTls,
 *   connectToRemoteServer,
 *   createRequestServer,
 *   WireError,
 * } from "@remote/wire";
 *
 * await using server = createRequestServer(0, { onError() {} }); // without TLS
 * const tls: ClientTls = { hostname: "server.example" };
 * const error = await connectToRemoteServer("127.0.0.1", server.port, { tls })
 *   .catch((e: unknown) => e);
 * if (!(error instanceof WireError) || error.code !== "tlsFailed") throw error;
 * ```
 */
export interface ClientTls {
  /**
   * Certificates, PEM, of authorities to trust in addition to those of the
   * system.
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
  /**
   * The client's own certificate chain, PEM, for servers that demand one;
   * together with `key`.
   */
  cert?: string | undefined;
  /** Its private key, PEM. */
  key?: string | undefined;
}

/** What TLS is spoken over, and with whom. */
export interface SecureOptions {
  /** What it runs in. */
  readonly host: Host;
  /** Where the server is. */
  readonly address: WireAddress;
  /** The name or address that was connected to. */
  readonly hostname: string;
  /** Checked by `checkTls()`. */
  readonly tls: ClientTls;
  /** Says until when. */
  readonly attempt: Attempt;
  /** Connects. */
  readonly dial: () => Promise<HostConn>;
}

/**
 * Connects, and shakes hands.
 *
 * @param options Whom with.
 * @returns A transport whose peer is who it should be.
 * @throws {WireError} `tlsFailed` if it is not; or what `dial` or the
 * attempt says.
 */
export async function secureTransport(
  options: SecureOptions,
): Promise<Transport> {
  try {
    return await trustedTransport(options);
  } catch (error) {
    if (!(error instanceof TlsProblem)) throw error;
    throw tlsFailure(error, formatAddress(options.address));
  }
}

async function trustedTransport(options: SecureOptions): Promise<Transport> {
  const { host, tls: { hostname = options.hostname, ...own } } = options;
  const side = problemsOfTls(() => new TlsClient(host, hostname, own));
  try {
    return await shakeHands(options, side);
  } catch (error) {
    const isUntrusted = error instanceof TlsProblem &&
      UNTRUSTED.test((error.cause as { code?: string }).code ?? "");
    if (!isUntrusted) throw error;
    throw new TlsProblem(await whyUntrusted(options, hostname), {
      cause: error.cause,
    });
  }
}

async function shakeHands(
  { address, dial, attempt }: SecureOptions,
  side: TlsSide,
): Promise<TlsTransport> {
  const transport = new TlsTransport(await dial(), address, side);
  try {
    await during(attempt, transport.secured);
    return transport;
  } catch (error) {
    transport.close();
    throw tlsProblem(error);
  }
}

/** This side does not trust the certificate; nothing says more. */
const UNTRUSTED = /^(UNABLE_TO|CERT_|DEPTH_ZERO|SELF_SIGNED)/;

/**
 * Tells why a certificate is not trusted. TLS does not say it: so the
 * certificate is asked for once more, by a handshake that trusts anybody, sends
 * nothing, and is closed.
 */
async function whyUntrusted(
  options: SecureOptions,
  hostname: string,
): Promise<string> {
  const side = new TlsClient(options.host, hostname, {}, true);
  try {
    const transport = await shakeHands(options, side);
    transport.close();
  } catch (error) {
    if (options.attempt.reason !== undefined) throw error;
  }
  const certificate = side.certificate;
  if (certificate === undefined) return "UnknownIssuer";
  const { validFrom, validTo, ca } = certificate;
  const now = Date.now();
  if (Date.parse(validTo) < now) return `expired, ${validTo}`;
  if (Date.parse(validFrom) > now) return `not valid yet, but ${validFrom}`;
  if (ca) return "CaUsedAsEndEntity";
  return "UnknownIssuer";
}

type Certificate = NonNullable<
  ReturnType<TLSSocket["getPeerX509Certificate"]>
>;

/** The side that connects. */
class TlsClient implements TlsSide {
  readonly secured = "secureConnect";
  /** What the server showed, once there was a handshake. */
  certificate: Certificate | undefined;
  readonly #tls: Tls = loadTls();
  readonly #hostname: string;
  readonly #secureContext: SecureContext;
  readonly #trustsAnybody: boolean;

  /**
   * @param host What it runs in.
   * @param hostname The name that the certificate has to bear.
   * @param own Whom to trust in addition to those that the host trusts, and what
   * to show.
   * @param trustsAnybody Whether it is the certificate alone that is wanted.
   */
  constructor(
    host: Host,
    hostname: string,
    own: Pick<ClientTls, "caCerts" | "cert" | "key">,
    trustsAnybody = false,
  ) {
    this.#hostname = hostname;
    this.#trustsAnybody = trustsAnybody;
    this.#secureContext = host.secureContext(own) as SecureContext;
  }

  /** Makes the client's socket. */
  start(over: Duplex): TLSSocket {
    const hostname = this.#hostname;
    const socket: TLSSocket = this.#tls.connect({
      socket: over,
      host: hostname,
      // Addresses are not sent.
      servername: isIp(hostname) ? "" : hostname,
      secureContext: this.#secureContext,
      rejectUnauthorized: !this.#trustsAnybody,
      checkServerIdentity: (): Error | undefined => this.#problem(socket),
    });
    if (this.#trustsAnybody) {
      socket.once("secureConnect", () => {
        this.certificate = socket.getPeerX509Certificate();
      });
    }
    return socket;
  }

  /** What is wrong with a certificate that was issued by whom one trusts. */
  #problem(socket: TLSSocket): Error | undefined {
    if (this.#trustsAnybody) return undefined;
    try {
      const certificate = socket.getPeerX509Certificate()!;
      // What bears an authority's mark is no server's: other clients refuse it.
      if (certificate.ca) return new Error("CaUsedAsEndEntity");
      // The common name does not count.
      const names = namesToCheck(readCertificate(certificate).names);
      if (names.length === 0) {
        return new Error("certificate is not valid for any names");
      }
      return this.#tls.checkServerIdentity(this.#hostname, {
        ...socket.getPeerCertificate(),
        subjectaltname: names.join(", "),
      });
    } catch (error) {
      return error as Error;
    }
  }
}

/**
 * The names that a server may be known by, in the words of `node:tls`. That
 * reads them from one text, in which Deno does not quote a name that would pass
 * for two: such a one is left out.
 */
function namesToCheck(names: readonly string[]): string[] {
  return names.filter((name) => /^(DNS|IP):[^\s,"']+$/.test(name))
    .map((name) => name.replace(/^IP:/, "IP Address:"));
}

function isIp(hostname: string): boolean {
  return hostname.includes(":") || /^[\d.]+$/.test(hostname);
}

/** Marks an error of the TLS layer. */
class TlsProblem extends Error {}

function tlsProblem(error: unknown): TlsProblem {
  return new TlsProblem(errorMessage(error), { cause: error });
}

function problemsOfTls<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw tlsProblem(error);
  }
}

/** What makes a certificate that works for a server and as `tls.caCerts`. */
const MAKE_CERTIFICATE =
  `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -keyout server.key -out server.pem -subj "/CN=localhost" -addext "basicConstraints=critical,CA:FALSE" -addext "subjectAltName=DNS:localhost,IP:127.0.0.1"`;

/** What to tell of a problem of TLS. */
function tlsFailure(problem: TlsProblem, where: string): WireError {
  const { message, cause } = problem;
  return new WireError(
    "tlsFailed",
    `Cannot connect to ${where} by TLS: ${tlsCure(message)} (${message}).`,
    { cause },
  );
}

/** What is wrong, and what helps. */
function tlsCure(text: string): string {
  if (/CaUsedAsEndEntity/i.test(text)) {
    return `its certificate is self-signed, and made for an authority, as "openssl req -x509" makes them unless told otherwise. Make one for a server, with its names, and give that as tls.caCerts: ${MAKE_CERTIFICATE}`;
  }
  if (/UnknownIssuer/i.test(text)) {
    return "its certificate was issued by no authority that is trusted here, or is not for servers. Give that authority's certificate, or the server's own if it is self-signed, as tls.caCerts";
  }
  if (/not valid for any names/i.test(text)) {
    return `its certificate has no name: it needs a subjectAltName. Make one that has it: ${MAKE_CERTIFICATE}`;
  }
  if (/does not match certificate/i.test(text)) {
    return "its certificate is for another name. Connect by that name, or give it as tls.hostname";
  }
  if (/^expired/i.test(text)) {
    return "its certificate has expired. Renew it, or set this machine's clock";
  }
  if (/not valid yet/i.test(text)) {
    return "its certificate is not valid yet. Set this machine's clock, or make another one";
  }
  if (/Unable to add pem|pem file/i.test(text)) {
    return "tls.caCerts holds what is no certificate in PEM";
  }
  if (/CertificateRequired|BadCertificate|alert.*certificate/i.test(text)) {
    return "it demands a certificate of its clients. Give one of an authority that it trusts, as tls.cert and tls.key";
  }
  if (/consistent|mismatch/i.test(text)) {
    return "tls.cert and tls.key do not belong together";
  }
  if (speaksNoTls(text)) {
    return "it does not speak TLS. Leave tls out, or give the server its tls option";
  }
  if (/ending TLS/.test(text)) {
    return "it closed the connection during the handshake. If it does not speak TLS, leave tls out, or give the server its tls option";
  }
  return "the handshake failed";
}
