/**
 * The server's half of TLS. It is loaded where a server speaks it.
 *
 * @module
 */

import type { SocketLike, WireAddress } from "../wire/transport/transport.ts";
import { errorMessage, WireError } from "../wire/base/errors.ts";
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

/** Makes transports of accepted connections. */
export class TlsServer implements TlsSide {
  /** A server knows its clients by other means. */
  readonly secured = "secure";
  readonly #tls: Tls = loadTls();
  readonly #secureContext: SecureContext;

  /** @param tls Certificate chain and private key, which were checked. */
  constructor({ cert, key }: { readonly cert: string; readonly key: string }) {
    this.#secureContext = this.#tls.createSecureContext({ cert, key });
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
        allowHalfOpen: true,
      } as ConstructorParameters<Tls["TLSSocket"]>[1],
    );
  }

  /** The error of handshakes that came to nothing. */
  trouble(count: number, cause: unknown): WireError {
    const text = errorMessage(cause);
    const why = /alert/i.test(text)
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
