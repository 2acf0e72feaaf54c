/**
 * TLS over a TCP connection that stays in hand, for servers and clients.
 *
 * Closing a connection of `Deno.listenTls` or `Deno.startTls` does not end it
 * while its handshake is under way: it stays open for as long as the peer keeps
 * silent. So TLS is left to `node:tls`, and the TCP connection below is closed
 * when it has to go.
 *
 * @module
 */

import { readCertificate } from "./node_certificate.ts";
import type {
  PeerCertificate,
  SocketLike,
  Transport,
  WireAddress,
} from "./transport.ts";

/** What is read at a time: little at first, for many connections are quiet. */
const FIRST_READ = 2 * 1024;
const LARGEST_READ = 64 * 1024;
/**
 * So many bytes that nobody has read yet stop the reading below TLS, which by
 * itself would take all that comes.
 */
const MOST_UNREAD = 256 * 1024;
/** What is written at a time. */
const LARGEST_WRITE = 64 * 1024;
/** How records of TLS begin: with a type between these. */
const FIRST_TYPE = 20;
const LAST_TYPE = 23;
/** A fatal alert, "unexpected message": who speaks no TLS may know its look. */
const ALERT = new Uint8Array([21, 3, 3, 0, 2, 2, 10]);

// Loaded where TLS is spoken, and nowhere else: everybody would pay for an
// import.
/** Gives `node:tls`. */
// deno-lint-ignore no-process-global
export const loadTls = () => process.getBuiltinModule("node:tls");
// deno-lint-ignore no-process-global
const loadStreams = () => process.getBuiltinModule("node:stream");

/** The module `node:tls`. */
export type Tls = ReturnType<typeof loadTls>;
/** Certificates and keys, or whom to trust. */
export type SecureContext = ReturnType<Tls["createSecureContext"]>;
/** A socket of `node:tls`. */
export type TLSSocket = InstanceType<Tls["TLSSocket"]>;
/** What such a socket can stand on. */
export type Duplex = InstanceType<ReturnType<typeof loadStreams>["Duplex"]>;

/** What the bytes below TLS come from and go to. */
class RawEnd {
  /** Called when no more bytes come. */
  onEnd: () => void = () => {};
  /** Called when the peer speaks something else than TLS. */
  onForeign: () => void = () => {};
  /** Whether bytes came. */
  hasBegun = false;
  /** How many bytes came since somebody read all that there was, about. */
  #unread = 0;
  /** Somebody has read all that there was, and waits for more. */
  #isWanted = false;
  /** What is to get bytes once others were read. */
  #waiting: Duplex | undefined;
  readonly #conn: SocketLike;
  #buffer = new Uint8Array(FIRST_READ);

  constructor(conn: SocketLike) {
    this.#conn = conn;
  }

  /** Reads once; but if much is unread, not before somebody reads that. */
  read(into: Duplex): void {
    if (this.#mayRead) this.#read(into);
    else this.#waiting = into;
  }

  get #mayRead(): boolean {
    return this.#isWanted || this.#unread < MOST_UNREAD;
  }

  /**
   * Somebody has read.
   *
   * @param count How many bytes; undefined if there were none, and it waits.
   */
  taken(count: number | undefined): void {
    this.#isWanted = count === undefined;
    // What came has more bytes than what is made of it.
    this.#unread = count === undefined ? 0 : this.#unread - count;
    const waiting = this.#waiting;
    if (waiting === undefined || !this.#mayRead) return;
    this.#waiting = undefined;
    this.#read(waiting);
  }

  #read(into: Duplex): void {
    const buffer = this.#buffer;
    this.#conn.read(buffer).then(
      (count) => {
        // Whether that is a proper end, TLS itself has to say.
        if (count === null) return this.onEnd();
        if (!this.hasBegun && isForeign(buffer[0]!)) return this.onForeign();
        this.hasBegun = true;
        this.#unread += count;
        if (count === buffer.length && count < LARGEST_READ) {
          this.#buffer = new Uint8Array(count * 4);
        }
        into.push(buffer.slice(0, count));
      },
      (error) => into.destroy(error),
    );
  }

  write(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    this.#conn.write(bytes).then(
      (sent) => {
        if (sent === bytes.length) done();
        else this.write(bytes.subarray(sent), done);
      },
      done,
    );
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // It is closed.
    }
  }
}

function isForeign(firstByte: number): boolean {
  return firstByte < FIRST_TYPE || firstByte > LAST_TYPE;
}

/** Makes the bytes of a connection those of a stream of Node. */
function duplexOver(conn: SocketLike, raw: RawEnd): Duplex {
  const { Duplex } = loadStreams();
  return new Duplex({
    read(): void {
      raw.read(this as Duplex);
    },
    write(chunk: Uint8Array, _encoding, done): void {
      raw.write(chunk, done);
    },
    writev(chunks, done): void {
      raw.write(joined(chunks.map(({ chunk }) => chunk)), done);
    },
    final(done): void {
      conn.closeWrite().then(() => done(), done);
    },
    destroy(error, done): void {
      raw.close();
      done(error);
    },
  });
}

/** Many small writes cost more than one. */
function joined(chunks: Uint8Array[]): Uint8Array {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** How one side begins to speak TLS. */
export interface TlsSide {
  /** Makes its socket, over the bytes of a connection. */
  start(over: Duplex): TLSSocket;
  /** The event that tells that the handshake is done. */
  readonly secured: "secure" | "secureConnect";
  /** Whether the peer has to show a certificate that is trusted. */
  readonly asksPeer?: boolean;
}

/** A connection that speaks TLS. */
export class TlsTransport implements Transport {
  readonly address: WireAddress;
  /** Resolves after the handshake; rejects if there is none. */
  readonly secured: Promise<void>;
  readonly #socket: TLSSocket;
  readonly #duplex: Duplex;
  readonly #raw: RawEnd;
  #certificate: PeerCertificate | undefined;
  /** Why nothing goes on; undefined while it does. */
  #failure: Error | undefined;
  #isSecure = false;
  /** TLS said that no more comes. */
  #isEnded = false;
  /** No more bytes come, whether TLS said so or not. */
  #isCut = false;
  #wake: (() => void) | undefined;

  /**
   * Begins a handshake. What is written waits for it.
   *
   * @param conn The connection, which the transport owns from now on.
   * @param address Where the peer is.
   * @param side Which side of TLS this is.
   */
  constructor(conn: SocketLike, address: WireAddress, side: TlsSide) {
    this.address = address;
    const raw = this.#raw = new RawEnd(conn);
    const duplex = this.#duplex = duplexOver(conn, raw);
    const socket = this.#socket = side.start(duplex);
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
    // Over streams, the alerts of Deno's TLS do not reach the peer.
    raw.onForeign = () => raw.write(ALERT, () => fail(noTls()));
    raw.onEnd = () => {
      if (!this.#isSecure) return fail(cutOff());
      this.#isCut = true;
      wake();
    };
    socket.on(side.secured, () => {
      try {
        if (side.asksPeer) this.#certificate = trustedCertificate(socket);
      } catch (error) {
        return fail(error as Error);
      }
      this.#isSecure = true;
      resolve();
      wake();
    });
    socket.on("readable", wake);
    socket.on("end", () => {
      this.#isEnded = true;
      wake();
    });
    socket.on("error", fail);
    // What breaks behind the handshake shows here alone.
    socket.on("_tlsError", fail);
    duplex.on("error", fail);
    socket.on("close", () => {
      if (!this.#isEnded) fail(closedHere());
    });
  }

  /** What the peer's certificate says, if it had to show one. */
  get certificate(): PeerCertificate | undefined {
    return this.#certificate;
  }

  /** Whether anything came from the peer. */
  get hasBegun(): boolean {
    return this.#raw.hasBegun;
  }

  /** Whether the handshake is done. */
  get isSecure(): boolean {
    return this.#isSecure;
  }

  /** Reads the next bytes; null at the end of the stream. */
  async read(): Promise<Uint8Array | null> {
    // Nothing is heard of a peer, or said to it, that is not who it should be.
    if (!this.#isSecure) await this.secured;
    for (let isLast = false;;) {
      const chunk: Uint8Array | null = this.#socket.read();
      this.#raw.taken(chunk?.length);
      if (chunk !== null) return chunk;
      if (this.#isEnded) return null;
      if (this.#failure !== undefined) throw this.#failure;
      // What TLS was given last may still be with it.
      if (isLast) throw cutOff();
      isLast = this.#isCut;
      await this.#news(isLast);
    }
  }

  /**
   * Writes some of it; that is taken once TLS, and the peer, have room. All of
   * much output would only be taken together, and a slow peer seem to take
   * nothing until then.
   */
  write(bytes: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (!this.#isSecure) return this.secured.then(() => this.write(bytes));
    const some = bytes.subarray(0, LARGEST_WRITE);
    return new Promise((resolve, reject) =>
      this.#socket.write(some, (error) => {
        if (error) reject(error);
        else if (this.#failure !== undefined) reject(this.#failure);
        else resolve(some.length);
      })
    );
  }

  /** Says that no more is sent. */
  closeWrite(): Promise<void> {
    // What is destroyed tells of nothing any more.
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
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

/**
 * What the certificate of a peer says that has to have one.
 *
 * A server's socket ends a handshake without a certificate by itself, and none
 * with one that it does not trust: `tls.Server` asks this, which Deno's
 * sockets without such a server do not.
 *
 * @throws {Error} Where there is none, or it is not trusted.
 */
function trustedCertificate(socket: TLSSocket): PeerCertificate {
  const { ssl } = socket as { ssl?: { verifyError?(): unknown } };
  if (typeof ssl?.verifyError !== "function") {
    throw new Error(`${UNTRUSTED}: this runtime does not tell`);
  }
  // Nobody checks the certificate of a session that is resumed, which may be of
  // another server of this process, or from before its authorities changed.
  if (socket.isSessionReused()) {
    throw new Error(`${UNTRUSTED}: it was shown in another session`);
  }
  const problem = ssl.verifyError();
  // Node says null where there is none, and Deno an empty text.
  if (problem !== null && problem !== "") {
    const { code = problem } = Object(problem);
    throw new Error(`${UNTRUSTED}: ${code}`);
  }
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) throw new Error(`${UNTRUSTED}: there is none`);
  return readCertificate(certificate);
}

const UNTRUSTED = "the peer's certificate is not trusted";

/**
 * Whether an error says that the peer showed no certificate that is trusted.
 *
 * @param text The error's message.
 */
export function lacksCertificate(text: string): boolean {
  return text.startsWith(UNTRUSTED) || /sent no certificates/i.test(text);
}

function closedHere(): Error {
  return named("BadResource", "this side closed the connection");
}

function noTls(): Error {
  return named("InvalidData", "the peer sent what is no TLS");
}

/**
 * Whether an error says that the peer speaks something else than TLS.
 *
 * @param text The error's message.
 */
export function speaksNoTls(text: string): boolean {
  return /no TLS|WRONG_VERSION/i.test(text);
}

function cutOff(): Error {
  return named(
    "UnexpectedEof",
    "the peer closed the connection without ending TLS",
  );
}

/** An error with the name that Deno gives its own of the kind. */
function named(name: string, text: string): Error {
  return Object.assign(new Error(text), { name });
}
