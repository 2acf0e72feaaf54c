/**
 * The server's half of TLS, over a TCP connection that stays in hand.
 *
 * Closing a connection that `Deno.listenTls` accepted does not end it while its
 * handshake is under way: whoever connects and says nothing would keep its
 * descriptor for as long as it likes. So the handshake is left to `node:tls`,
 * and the TCP connection below is closed when it has to go.
 *
 * @module
 */

import { type Transport, type WireAddress, WireError } from "../wire/mod.ts";
import { errorMessage } from "../wire/errors.ts";
import type { ServerTls } from "./_listen.ts";

const READ = 64 * 1024;

// Loaded where a server speaks TLS, and nowhere else: everybody would pay for
// an import.
// deno-lint-ignore no-process-global
const loadTls = () => process.getBuiltinModule("node:tls");
// deno-lint-ignore no-process-global
const loadStreams = () => process.getBuiltinModule("node:stream");

type Tls = ReturnType<typeof loadTls>;
type SecureContext = ReturnType<Tls["createSecureContext"]>;
type TLSSocket = InstanceType<Tls["TLSSocket"]>;
type Duplex = InstanceType<ReturnType<typeof loadStreams>["Duplex"]>;

/** Makes transports of accepted connections. */
export class TlsServer {
  readonly #tls = loadTls();
  readonly #stream = loadStreams();
  readonly #secureContext: SecureContext;

  /** @param tls Certificate and key, which were checked. */
  constructor({ cert, key }: ServerTls) {
    this.#secureContext = this.#tls.createSecureContext({ cert, key });
  }

  /**
   * Begins a handshake.
   *
   * @param conn The connection, which the transport owns from now on.
   * @param address Where the peer is.
   * @returns The transport. What is written waits for the handshake.
   */
  transport(conn: Deno.Conn, address: WireAddress): TlsTransport {
    const raw = new RawEnd(conn);
    const duplex = new this.#stream.Duplex({
      read(): void {
        raw.read(this as Duplex);
      },
      write(chunk: Uint8Array, _encoding, done): void {
        raw.write(chunk).then(() => done(), done);
      },
      final(done): void {
        conn.closeWrite().then(() => done(), done);
      },
      destroy(error, done): void {
        raw.close();
        done(error);
      },
    });
    const socket = new this.#tls.TLSSocket(
      duplex,
      {
        isServer: true,
        secureContext: this.#secureContext,
        allowHalfOpen: true,
      } as ConstructorParameters<Tls["TLSSocket"]>[1],
    );
    return new TlsTransport(socket, duplex, raw, address);
  }
}

/** What the bytes below TLS come from and go to. */
class RawEnd {
  /** Called when no more bytes come. */
  onEnd: () => void = () => {};
  readonly #conn: Deno.Conn;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  async read(into: Duplex): Promise<void> {
    try {
      const bytes = new Uint8Array(READ);
      const count = await this.#conn.read(bytes);
      // Whether that is a proper end, TLS itself has to say.
      if (count === null) this.onEnd();
      else into.push(bytes.subarray(0, count));
    } catch (error) {
      into.destroy(error as Error);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#conn.write(bytes.subarray(sent));
    }
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // It is closed.
    }
  }
}

/** A connection that speaks TLS. */
export class TlsTransport implements Transport {
  readonly address: WireAddress;
  /** Resolves after the handshake; rejects if there is none. */
  readonly secured: Promise<void>;
  readonly #socket: TLSSocket;
  readonly #duplex: Duplex;
  readonly #raw: RawEnd;
  /** Why nothing goes on; undefined while it does. */
  #failure: Error | undefined;
  #isSecure = false;
  /** TLS said that no more comes. */
  #isEnded = false;
  /** No more bytes come, whether TLS said so or not. */
  #isCut = false;
  #wake: (() => void) | undefined;

  /** Use {@linkcode TlsServer.transport}. */
  constructor(
    socket: TLSSocket,
    duplex: Duplex,
    raw: RawEnd,
    address: WireAddress,
  ) {
    this.address = address;
    this.#socket = socket;
    this.#duplex = duplex;
    this.#raw = raw;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.secured = promise;
    promise.catch(() => {});
    const fail = (error: Error) => {
      this.#failure ??= error;
      reject(this.#failure);
      this.close();
      this.#wake?.();
    };
    const wake = () => this.#wake?.();
    raw.onEnd = () => {
      if (!this.#isSecure) return fail(cutOff());
      this.#isCut = true;
      wake();
    };
    socket.on("secure", () => {
      this.#isSecure = true;
      resolve();
    });
    socket.on("readable", wake);
    socket.on("end", () => {
      this.#isEnded = true;
      wake();
    });
    socket.on("error", fail);
    duplex.on("error", fail);
    socket.on("close", () => {
      if (!this.#isEnded) fail(closedHere());
    });
  }

  /** Whether the handshake is done. */
  get isSecure(): boolean {
    return this.#isSecure;
  }

  /** Reads the next bytes; null at the end of the stream. */
  async read(): Promise<Uint8Array | null> {
    for (let isLast = false;;) {
      const chunk: Uint8Array | null = this.#socket.read();
      if (chunk !== null) return chunk;
      if (this.#isEnded) return null;
      if (this.#failure !== undefined) throw this.#failure;
      // What TLS was given last may still be with it.
      if (isLast) throw cutOff();
      isLast = this.#isCut;
      await this.#news(isLast);
    }
  }

  /** Writes; all of it is taken once TLS, and the peer, have room. */
  write(bytes: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) =>
      this.#socket.write(bytes, (error) => {
        if (error) reject(error);
        else if (this.#failure !== undefined) reject(this.#failure);
        else resolve(bytes.length);
      })
    );
  }

  /** Says that no more is sent. */
  closeWrite(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.once("error", reject);
      this.#socket.once("close", () => resolve());
      this.#socket.end(() => resolve());
    });
  }

  /** Closes the connection, in a handshake too. */
  close(): void {
    this.#failure ??= closedHere();
    this.#raw.close();
    this.#socket.destroy();
    this.#duplex.destroy();
    this.#wake?.();
  }

  /** Resolves when something happened, or after a turn of the event loop. */
  async #news(isLast: boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = isLast ? setTimeout(resolve) : undefined;
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
  }
}

/** The error of handshakes that came to nothing. */
export function tlsTrouble(count: number, cause: unknown): WireError {
  const text = errorMessage(cause);
  const why = /alert/i.test(text)
    ? "the client did not trust the certificate, or takes no such TLS"
    : /InvalidContentType|WRONG_VERSION|corrupt/i.test(text)
    ? "the client did not speak TLS"
    : "the client left, or took too long";
  return new WireError(
    "tlsFailed",
    `${
      count === 1 ? "A TLS handshake" : `${count} TLS handshakes`
    } failed: ${why} (${text}).`,
  );
}

function closedHere(): Error {
  return new Deno.errors.BadResource("this side closed the connection");
}

function cutOff(): Error {
  return new Deno.errors.UnexpectedEof(
    "the peer closed the connection without ending TLS",
  );
}
