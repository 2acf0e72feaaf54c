/**
 * The server's half of TLS. It is loaded where a server speaks it.
 *
 * @module
 */

import type { SocketLike, WireAddress } from "../wire/transport/transport.ts";
import { errorMessage, WireError } from "../wire/base/errors.ts";
import {
  type Duplex,
  lacksCertificate,
  loadTls,
  type SecureContext,
  speaksNoTls,
  type Tls,
  type TlsSide,
  type TLSSocket,
  TlsTransport,
} from "../wire/transport/node_tls.ts";

/** Makes transports of accepted connections. */
export class TlsServer implements TlsSide {
  readonly secured = "secure";
  readonly #tls: Tls = loadTls();
  readonly #secureContext: SecureContext;
  /** Whether clients have to show a certificate. */
  readonly asksPeer: boolean;

  /** @param tls Certificate chain and private key, which were checked. */
  constructor(
    { cert, key, clientCa }: {
      readonly cert: string;
      readonly key: string;
      readonly clientCa?: readonly string[];
    },
  ) {
    this.asksPeer = clientCa !== undefined;
    this.#secureContext = this.#tls.createSecureContext({
      cert,
      key,
      ...(clientCa === undefined ? {} : { ca: [...clientCa] }),
    });
  }

  /**
   * Begins a handshake.
   *
   * @param conn The connection, which the transport owns from now on.
   * @param address Where the peer is.
   * @returns The transport. What is written waits for the handshake.
   */
  transport(conn: SocketLike, address: WireAddress): TlsTransport {
    return new TlsTransport(conn, address, this);
  }

  /** Makes the server's socket. */
  start(over: Duplex): TLSSocket {
    return new this.#tls.TLSSocket(
      over,
      {
        isServer: true,
        secureContext: this.#secureContext,
        requestCert: this.asksPeer,
        rejectUnauthorized: this.asksPeer,
        allowHalfOpen: true,
      } as ConstructorParameters<Tls["TLSSocket"]>[1],
    );
  }

  /** The error of handshakes that came to nothing. */
  trouble(count: number, cause: unknown): WireError {
    const text = errorMessage(cause);
    const why = lacksCertificate(text)
      ? "the client showed no certificate of an authority in tls.clientCa that is valid now"
      : /alert/i.test(text)
      ? "the client did not trust the certificate, or supports no common version of TLS"
      : speaksNoTls(text)
      ? "the client did not speak TLS"
      : "the client closed the connection: perhaps it does not trust the certificate, or the handshake took too long";
    return new WireError(
      "tlsFailed",
      `${
        count === 1 ? "A TLS handshake" : `${count} TLS handshakes`
      } failed: ${why} (${text}).`,
    );
  }
}
