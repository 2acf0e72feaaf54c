/**
 * The processes of a stream server: the server itself, and each connection.
 *
 * @module
 */

import type {
  PeerCertificate,
  WireAddress,
} from "../wire/transport/transport.ts";

/**
 * What LispWorks calls a light-weight process: the server that waits for
 * connections, or one of these. It has a name that shows in errors and lists.
 */
export interface ServerProcess {
  /** Whether it waits for connections or is one. */
  readonly kind: "server" | "connection";
  /** Its name, which may be changed. */
  name: string;
  /** Where the peer of a connection is; undefined for the server. */
  readonly peer: WireAddress | undefined;
  /**
   * What the certificate of a connection's client says; undefined for the
   * server, and where it asks for none by `tls.clientCa`.
   */
  readonly certificate: PeerCertificate | undefined;
  /** When it began. */
  readonly since: Date;
  /**
   * Ends it: the server stops listening and leaves its connections alone; a
   * connection is closed at once, and its function's reads fail with `aborted`.
   *
   * @returns A promise that resolves when the server's address is free again,
   * or the connection is gone. Nobody has to wait for it; it never rejects.
   */
  kill(): Promise<void>;
}
