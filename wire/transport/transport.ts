/**
 * What a wire needs of a connection, and three ways to get it: from something
 * that reads and writes like a socket, from a pair of streams, or in memory.
 * And where the peer is: its address.
 *
 * @module
 */

import { checkFunctions, lackingOf } from "../base/checks.ts";
import { newBuffer } from "../base/collections.ts";
import { kindOf, shown, WireError } from "../base/errors.ts";

/**
 * A connection as a wire sees it: bytes in, bytes out, in order, none lost.
 * Whoever writes one runs it through `transportCases()` of the entry
 * `./testing`. What it does wrong ends its wire with a `WireError` that says
 * so.
 *
 * @example One of your own, around another
 * ```ts
 * import { makeWire, memoryTransports, type Transport } from "@remote/wire";
 *
 * // Counts the bytes that another transport writes.
 * class Counting implements Transport {
 *   count = 0;
 *   readonly #inner: Transport;
 *   constructor(inner: Transport) {
 *     this.#inner = inner;
 *   }
 *   get address() {
 *     return this.#inner.address;
 *   }
 *   read() {
 *     return this.#inner.read();
 *   }
 *   async write(bytes: Uint8Array<ArrayBuffer>) {
 *     const taken = await this.#inner.write(bytes);
 *     this.count += taken;
 *     return taken;
 *   }
 *   closeWrite() {
 *     return this.#inner.closeWrite();
 *   }
 *   close() {
 *     this.#inner.close();
 *   }
 * }
 * const [here, there] = memoryTransports();
 * const counting = new Counting(here);
 * const near = makeWire(counting);
 * const far = makeWire(there);
 * await near.outputObject("hello");
 * if (await far.getObject() !== "hello") throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * if (counting.count !== near.stats().bytesSent) throw new Error();
 * ```
 */
export interface Transport {
  /** Where the peer is. */
  readonly address: WireAddress;
  /**
   * True when the peer lives in the same process and cannot fall silent by
   * itself: then it is not pinged.
   */
  readonly local?: boolean;
  /**
   * What the peer's certificate says, where TLS has asked for one and checked
   * it.
   */
  readonly certificate?: PeerCertificate | undefined;
  /**
   * Reads the next bytes. One read at a time.
   *
   * @param isBulk Whether a large message is under way: then it is well to
   * read as much at once as there is. A transport need not heed it.
   * @returns A chunk that stays as it is until the next read, or null at the
   * end of the stream. Where the platform has other views, or an
   * `ArrayBuffer`, a wire takes these, too. An empty chunk says nothing; whoever
   * has no bytes waits for some.
   */
  read(isBulk?: boolean): Promise<Uint8Array | null>;
  /**
   * Writes. One write at a time.
   *
   * @param bytes The bytes, at least one. They are the wire's, which writes
   * into them again once the promise has settled: what keeps them longer, or
   * transfers them, takes a copy.
   * @returns How many of them were taken, at least one. It settles when more
   * may be written: that is how a slow peer slows this side.
   */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<number>;
  /** Ends this side's direction; the other may go on. */
  closeWrite(): Promise<void>;
  /**
   * Ends both directions at once. Reads and writes under way settle, and so do
   * those that come later. Once more does no harm.
   */
  close(): void;
}

/** What a peer's certificate says of it, once TLS has checked it. */
export interface PeerCertificate {
  /**
   * The subject: the values of each of its attributes, such as
   * `{ O: ["Example"], CN: ["alice"] }`.
   */
  readonly subject: Readonly<Record<string, readonly string[]>>;
  /**
   * The subject alternative names, of four kinds: `"DNS:alice.example"`,
   * `"email:alice@example.org"`, `"URI:spiffe://example/alice"` and
   * `"IP:10.0.0.1"`.
   */
  readonly names: readonly string[];
  /** The SHA-256 hash of it: 32 pairs of upper-case hex digits, with colons. */
  readonly fingerprint: string;
  /** From when on it is valid. */
  readonly validFrom: Date;
  /** Until when it is valid. */
  readonly validTo: Date;
}

/** What reads and writes like a socket; `Deno.Conn` does. */
export interface SocketLike {
  /** Reads into a buffer; null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends the writing direction. */
  closeWrite(): Promise<void>;
  /** Closes. */
  close(): void;
}

/** A byte duplex: a child process's two pipes, a WebSocketStream, and so on. */
export interface ByteDuplex {
  /** What the peer sends. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What the peer gets. */
  readonly writable: WritableStream<Uint8Array>;
}

const FIRST_READ = 256;
/**
 * What one read takes is answered in one write. In portions of this size, the
 * two ends of a busy wire work at the same time, rather than taking turns.
 */
const LARGEST_READ = 16 * 1024;
/** What one read takes of large messages, and so many reads after them. */
const BULK_READ = 64 * 1024;
const BULK_READS = 8;
/** How much of a chunk one write hands to a stream. */
const LARGEST_WRITE = 64 * 1024;

/**
 * A transport over something that reads and writes like a socket.
 *
 * @param socket The socket. The transport closes it.
 * @param address Where the peer is.
 * @returns The transport.
 * @throws {WireError} `invalidArgument` for what is no socket, or no address.
 *
 * @example A wire over a connection that a program accepted
 * ```ts
 * import { makeWire, socketTransport } from "@remote/wire";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const { hostname, port } = listener.addr;
 * const [dialled, accepted] = await Promise.all([
 *   Deno.connect({ hostname, port }),
 *   listener.accept(),
 * ]);
 * const address = { transport: "tcp", hostname, port } as const;
 * const near = makeWire(socketTransport(dialled, address));
 * const far = makeWire(socketTransport(accepted, address));
 * far.serve({ add: (a: number, b: number) => a + b });
 * if (await near.remoteValue.add(40, 2) !== 42) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export function socketTransport(
  socket: SocketLike,
  address: WireAddress,
): Transport {
  checkFunctions(
    socket,
    FUNCTIONS,
    "socketTransport() takes a socket with read(), write(), closeWrite() and close(), such as what a listener accepts",
  );
  checkAddress(address, "socketTransport()");
  return new SocketTransport(socket, address);
}

/** The functions of a socket, and of a transport. */
const FUNCTIONS = ["read", "write", "closeWrite", "close"] as const;

/** Refuses what is no address, and would be shown as one. */
function checkAddress(address: unknown, what: string): void {
  if (typeof Object(address).transport === "string") return;
  throw new WireError(
    "invalidArgument",
    `The address that ${what} takes is such as { transport: "tcp", hostname: "192.0.2.1", port: 443 }, and not ${
      shown(address)
    }.`,
  );
}

/** What may be known of a transport by itself. */
export interface Delivering {
  /**
   * Whether what is closed still delivers all that it has taken: the operating
   * system does that for a socket.
   */
  readonly delivers?: boolean;
}

class SocketTransport implements Transport, Delivering {
  readonly address: WireAddress;
  readonly delivers = true;
  readonly #socket: SocketLike;
  /** Small at first, for many connections are quiet. */
  #buffer = new Uint8Array(FIRST_READ);
  #bulkReads = 0;

  constructor(socket: SocketLike, address: WireAddress) {
    this.#socket = socket;
    this.address = address;
  }

  read(isBulk = false): Promise<Uint8Array | null> {
    if (isBulk) this.#bulkReads = BULK_READS;
    else if (this.#bulkReads > 0) this.#bulkReads--;
    return this.#socket.read(this.#room()).then(this.#came);
  }

  #room(): Uint8Array {
    const buffer = this.#buffer;
    if (this.#bulkReads === 0) {
      return buffer.length <= LARGEST_READ
        ? buffer
        : buffer.subarray(0, LARGEST_READ);
    }
    if (buffer.length < BULK_READ) this.#buffer = newBuffer(BULK_READ);
    return this.#buffer;
  }

  readonly #came = (count: number | null): Uint8Array | null => {
    if (count === null) return null;
    const buffer = this.#buffer;
    if (!(count >= 0 && count <= buffer.length)) {
      throw transportFault(
        `read() of the socket gave ${
          kindOf(count)
        }, and not how many bytes it put into a buffer of ${buffer.length}, or null at the end`,
      );
    }
    if (count === buffer.length && count < LARGEST_READ) {
      this.#buffer = new Uint8Array(count * 4);
    }
    return buffer.subarray(0, count);
  };

  write(bytes: Uint8Array): Promise<number> {
    return this.#socket.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#socket.closeWrite();
  }

  async close(): Promise<void> {
    try {
      // A program's own socket may tell later that it fails.
      await this.#socket.close();
    } catch {
      // It was closed before.
    }
  }
}

/** The streams of a pair, and what gives a wire its end of each. */
const STREAMS = [["readable", "getReader"], ["writable", "getWriter"]] as const;

/**
 * A transport over a pair of streams.
 *
 * @param duplex The streams. The transport locks, and ends, both.
 * @param address Where the peer is.
 * @returns The transport.
 * @throws {WireError} `invalidArgument` for what are no two streams, for one
 * that is in use, and for what is no address.
 *
 * @example A wire whose address is told
 * ```ts
 * import { makeWire, streamTransport } from "@remote/wire";
 *
 * const there = new TransformStream<Uint8Array, Uint8Array>();
 * const back = new TransformStream<Uint8Array, Uint8Array>();
 * const address = { transport: "unix", path: "/run/app.sock" } as const;
 * const near = makeWire(streamTransport(
 *   { readable: back.readable, writable: there.writable },
 *   address,
 * ));
 * const far = makeWire({ readable: there.readable, writable: back.writable });
 * if (near.address.transport !== "unix") throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export function streamTransport(
  duplex: ByteDuplex,
  address: WireAddress = { transport: "streams" },
): Transport {
  for (const [name, make] of STREAMS) {
    checkFunctions(
      Object(duplex)[name],
      [make],
      `streamTransport() takes two streams, { readable, writable }, and "${name}" is a stream with ${make}()`,
    );
  }
  checkAddress(address, "streamTransport()");
  return overStreams(duplex, address);
}

/** A transport over two streams, neither of which is in use. */
function overStreams(duplex: ByteDuplex, address: WireAddress): Transport {
  for (const [name] of STREAMS) {
    if (!duplex[name].locked) continue;
    throw new WireError(
      "invalidArgument",
      `The stream "${name}" is in use already (locked): a wire needs it for itself.`,
    );
  }
  const reader = duplex.readable.getReader();
  const writer = duplex.writable.getWriter();
  const chunks = new ChunkCheck();
  // Whatever goes wrong shows in read() and write() as well.
  reader.closed.catch(ignore);
  writer.closed.catch(ignore);
  return {
    address,
    async read(): Promise<Uint8Array | null> {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return null;
        const bytes = chunks.check(bytesOf(value, STREAM))!;
        if (bytes.length > 0) return bytes;
      }
    },
    async write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
      // A stream may keep a chunk for longer than its write takes.
      const chunk = bytes.slice(0, LARGEST_WRITE);
      await writer.ready;
      await writer.write(chunk);
      return chunk.length;
    },
    closeWrite: (): Promise<void> => writer.close(),
    close(): void {
      reader.cancel().catch(ignore);
      writer.abort().catch(ignore);
    },
  };
}

/** Whether something is a transport. */
export function isTransport(value: unknown): value is Transport {
  return typeof Object(value).address?.transport === "string" &&
    lackingOf(value, FUNCTIONS) === undefined;
}

/**
 * What a wire is to be made over.
 *
 * @param connection What a program passed.
 * @param also What else it might have, for the message.
 * @returns A transport.
 * @throws {WireError} `invalidArgument` for what is no connection.
 */
export function transportOf(
  connection: Transport | ByteDuplex,
  also = "",
): Transport {
  if (isTransport(connection)) return connection;
  const isDuplex = STREAMS.every(([name, make]) =>
    lackingOf(Object(connection)[name], [make]) === undefined
  );
  if (isDuplex) {
    return overStreams(connection as ByteDuplex, { transport: "streams" });
  }
  throw new WireError(
    "invalidArgument",
    `A wire is made over ${also}a transport, such as socketTransport(conn, address), or two streams { readable, writable }, and not over ${
      shown(connection)
    }. A transport has read(), write(), closeWrite(), close() and an address, such as { transport: "streams" }.`,
  );
}

/**
 * Two transports joined in memory: what one writes, the other reads.
 *
 * @returns The two ends.
 *
 * @example
 * ```ts
 * import { makeWire, memoryTransports } from "@remote/wire";
 *
 * const [here, there] = memoryTransports();
 * const near = makeWire(here);
 * const far = makeWire(there);
 * far.serve({ greet: (name: string) => `Hello ${name}.` });
 * if (await near.remoteValue.greet("self") !== "Hello self.") throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export function memoryTransports(): [Transport, Transport] {
  const there = new MemoryPipe();
  const back = new MemoryPipe();
  return [memoryEnd(back, there), memoryEnd(there, back)];
}

function memoryEnd(incoming: MemoryPipe, outgoing: MemoryPipe): Transport {
  return {
    address: { transport: "memory" },
    local: true,
    read: (): Promise<Uint8Array | null> => incoming.read(),
    write: (bytes: Uint8Array): Promise<number> => outgoing.write(bytes),
    closeWrite(): Promise<void> {
      outgoing.end();
      return Promise.resolve();
    },
    close(): void {
      outgoing.end();
      incoming.break();
    },
  };
}

/** One direction of a memory connection: a write lasts until it was read. */
class MemoryPipe {
  #chunk: Uint8Array | undefined;
  #written: ((count: number) => void) | undefined;
  #refused: ((error: Error) => void) | undefined;
  #reader: ((chunk: Uint8Array | null) => void) | undefined;
  #lent = false;
  #ended = false;

  read(): Promise<Uint8Array | null> {
    this.#releaseBorrowed();
    if (this.#chunk !== undefined) return Promise.resolve(this.#lend());
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve) => this.#reader = resolve);
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#ended) return Promise.reject(brokenPipe());
    return new Promise((resolve, reject) => {
      this.#chunk = bytes;
      this.#written = resolve;
      this.#refused = reject;
      const reader = this.#reader;
      this.#reader = undefined;
      reader?.(this.#lend());
    });
  }

  /** The writer ends: what it wrote can still be read. */
  end(): void {
    this.#ended = true;
    if (this.#chunk === undefined) this.#reader?.(null);
  }

  /** The reader ends: what is being written is refused. */
  break(): void {
    this.#ended = true;
    this.#chunk = undefined;
    this.#refused?.(brokenPipe());
    this.#reader?.(null);
  }

  #lend(): Uint8Array {
    this.#lent = true;
    return this.#chunk!;
  }

  #releaseBorrowed(): void {
    if (!this.#lent) return;
    this.#lent = false;
    const count = this.#chunk?.length ?? 0;
    this.#chunk = undefined;
    this.#refused = undefined;
    this.#written?.(count);
  }
}

/** A transport that gives nothing so often in a row is broken. */
const MOST_EMPTY = 1_000;

/** Checks what one transport reads. */
export class ChunkCheck {
  #empty = 0;

  /**
   * Checks a chunk.
   *
   * @param given What `read()` gave.
   * @returns Its bytes, or null.
   * @throws {WireError} `invalidArgument` for what is neither bytes nor null,
   * for bytes that are gone, and for the last of too many empty chunks in a
   * row.
   */
  check(given: unknown): Uint8Array | null {
    if (given === null) return null;
    const chunk = bytesOf(given, "read()");
    if (chunk.length > 0) {
      this.#empty = 0;
    } else if (++this.#empty >= MOST_EMPTY) {
      throw transportFault(
        `read() gave ${MOST_EMPTY} chunks without a byte, one after the other. It has to wait until there is one, and to give null at the end`,
      );
    }
    return chunk;
  }
}

/**
 * Checks what a transport has written.
 *
 * @param count How many bytes it says that it took.
 * @param bytes What it was given.
 * @param length How many bytes these were.
 * @returns The count.
 * @throws {WireError} `invalidArgument` where that cannot be.
 */
export function checkWritten(
  count: number,
  bytes: Uint8Array,
  length: number,
): number {
  if (bytes.length === 0) {
    throw transportFault(
      "write() transferred the bytes that it was given. Have it give a copy: bytes.slice()",
    );
  }
  if (count > 0 && count <= length && Number.isInteger(count)) return count;
  throw transportFault(
    `write() gave ${
      kindOf(count)
    }, and not how many of ${length} bytes it took, which is one at least`,
  );
}

/** Where chunks of streams come from. */
const STREAM = 'its stream "readable"';

/** The bytes of a chunk, whatever buffer they are in. */
function bytesOf(chunk: unknown, from: string): Uint8Array {
  if (chunk instanceof Uint8Array && chunk.length > 0) return chunk;
  const buffer = ArrayBuffer.isView(chunk) ? chunk.buffer : chunk;
  if (!isBuffer(buffer)) {
    throw transportFault(
      `${from} gave ${
        kindOf(chunk)
      }, and not bytes (a Uint8Array, another view, or an ArrayBuffer)${
        from === STREAM ? "" : ", or null at the end"
      }${
        typeof chunk === "string"
          ? ". Pass the bytes themselves, without a TextDecoderStream"
          : ""
      }`,
    );
  }
  try {
    return ArrayBuffer.isView(chunk)
      ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      : new Uint8Array(buffer);
  } catch {
    // Nothing can be made of a buffer that is gone; Node 20 has no other sign.
    throw transportFault(
      `${from} gave bytes that were transferred. Have it give a copy: bytes.slice()`,
    );
  }
}

function isBuffer(value: unknown): value is ArrayBufferLike {
  return value instanceof ArrayBuffer ||
    typeof SharedArrayBuffer === "function" &&
      value instanceof SharedArrayBuffer;
}

/**
 * A transport whose bytes somebody looks at on their way. Nothing is changed.
 *
 * @param transport The transport, which belongs to the other from now on.
 * @param looking Resolves with what gets the bytes, at once and in order; it
 * must not throw. Undefined where there is nothing after all.
 * @returns The transport to use.
 */
export function watchedTransport(
  transport: Transport,
  looking: Promise<Look | undefined>,
): Transport {
  let ready: Look | undefined | null = null;
  const loaded = looking.then((look) => void (ready = look));
  // What one write does not take comes again with the next one.
  let ahead = 0;
  return {
    get address() {
      return transport.address;
    },
    get local() {
      return transport.local === true;
    },
    get certificate() {
      return transport.certificate;
    },
    async read(isBulk) {
      const chunk = await transport.read(isBulk);
      if (ready === null) await loaded;
      if (chunk !== null) ready?.("received", bytesOf(chunk, "read()"));
      return chunk;
    },
    async write(bytes) {
      if (ready === null) await loaded;
      const { length } = bytes;
      // Before it is written: an answer may be there before this is told.
      if (ahead < length) ready?.("sent", bytes.subarray(ahead));
      const taken = await transport.write(bytes);
      ahead = Math.max(ahead, length) - taken;
      return taken;
    },
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  };
}

/** Gets bytes that pass. */
export type Look = (direction: "sent" | "received", bytes: Uint8Array) => void;

/** The error for a transport that does not do what it has to. */
function transportFault(text: string): WireError {
  return new WireError(
    "invalidArgument",
    `The transport of the wire is at fault: ${text}.`,
  );
}

function brokenPipe(): Error {
  return new Error("The peer closed its end of the memory connection.");
}

function ignore(): void {}

// Where a peer is: hosts and ports as the seed describes them, and how an
// address reads in messages.

/** The address of a peer, or the one that a server listens on. */
export type WireAddress =
  | {
    /** Plain TCP, TLS over it, or a WebSocket. */
    transport: "tcp" | "tls" | "websocket";
    /** A name or an address. */
    hostname: string;
    /** A port, 0 to 65535. */
    port: number;
  }
  | {
    /** A Unix domain socket. */
    transport: "unix";
    /** The path of the socket file. */
    path: string;
  }
  | {
    /** A child process, or the parent of this one. */
    transport: "process";
    /** Its number at the operating system. */
    pid: number;
  }
  | {
    /** A connection to NATS. */
    transport: "nats";
    /** The name that the servers of `serveNats()` share. */
    name: string;
  }
  | {
    /**
     * Two wires in one process, a pair of streams, a port of a Worker; or none:
     * that of a server which does not listen.
     */
    transport: "memory" | "streams" | "port" | "none";
  };

/**
 * How an address reads in a message, whatever a program has put there.
 *
 * @param address The address.
 */
export function formatAddress(address: WireAddress): string {
  switch (address.transport) {
    case "tcp":
    case "tls":
    case "websocket": {
      const { hostname, port } = address;
      const isBare = /^(?!\[).*:/.test(hostname);
      return `${isBare ? `[${hostname}]` : hostname}:${port}`;
    }
    case "unix":
      return address.path;
    case "process":
      return `process ${address.pid}`;
    case "nats":
      return `nats ${address.name}`;
    default:
      return address.transport;
  }
}

/**
 * A host as the seed allows it: a name or an address as a string, or an IPv4
 * address as a 32-bit unsigned integer, a number or a bigint.
 *
 * @param host For instance `"localhost"`, `"::1"`, `0x7f000001` or
 * `0x7f000001n`.
 * @returns The host as a string.
 * @throws {WireError} `invalidArgument` for anything else.
 *
 * An IPv6 address may stand in brackets, as it does in a URL.
 *
 * @example
 * ```ts
 * import { hostName } from "@remote/wire/wire";
 *
 * if (hostName(0x7f000001) !== "127.0.0.1") throw new Error();
 * ```
 */
export function hostName(host: string | number | bigint): string {
  if (typeof host === "string") {
    const name = /^\[([^[\]]*)\]$/.exec(host)?.[1] ?? host;
    const problem = hostProblem(name);
    if (problem === undefined) return name;
    throw new WireError("invalidArgument", problem);
  }
  // No bigint of more bits is made a number, which may round it.
  const isSmall = typeof host === "bigint" && BigInt.asUintN(32, host) === host;
  const bits = isSmall ? Number(host) : host;
  if (typeof bits === "number" && bits >>> 0 === bits) {
    return [bits >>> 24, bits >>> 16 & 255, bits >>> 8 & 255, bits & 255]
      .join(".");
  }
  throw new WireError(
    "invalidArgument",
    `A host is a name, an address, or a 32-bit unsigned integer such as 0x7f000001, not ${
      shown(host)
    }.`,
  );
}

/**
 * Whether only this machine reaches an address.
 *
 * @param hostname An address, or a name; of names it knows `localhost` alone.
 */
export function isLoopback(hostname: string): boolean {
  return /^\[?(localhost|::1|(::ffff:)?127(\.\d{1,3}){3})\]?$/i.test(hostname);
}

/** A secret that is shown to the peer, and whether in the clear. */
export interface ShownSecret {
  /** The secret; undefined where there is none. */
  readonly credential?: string | undefined;
  /** Whether whoever is on the way may read it. */
  readonly insecure?: boolean | undefined;
}

/**
 * Refuses to show a secret to whoever listens on the way.
 *
 * @param options The secret, and whether that is meant.
 * @param address Where it would go.
 * @param cure What to do rather.
 * @throws {WireError} `invalidArgument`.
 */
export function checkClear(
  { credential, insecure }: ShownSecret,
  address: WireAddress,
  cure = "Give the option tls",
): void {
  if (credential === undefined || insecure === true) return;
  if (address.transport !== "tcp" || isLoopback(address.hostname)) return;
  throw new WireError(
    "invalidArgument",
    `The credential would be sent in the clear, for everybody on the way to ${
      formatAddress(address)
    } to read. ${cure}; or, where the network is safe by other means, insecure: true.`,
  );
}

/**
 * The 32-bit unsigned integer that an IPv4 address stands for: the reverse of
 * {@linkcode hostName}.
 *
 * @param address Four numbers with dots between them.
 * @returns The integer.
 * @throws {WireError} `invalidArgument` for anything else.
 *
 * @example
 * ```ts
 * import { hostInteger } from "@remote/wire/wire";
 *
 * if (hostInteger("127.0.0.1") !== 0x7f000001) throw new Error();
 * ```
 */
export function hostInteger(address: string): number {
  const parts = typeof address === "string" ? address.split(".") : [];
  const isAddress = parts.length === 4 &&
    parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
  if (isAddress) {
    return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
  }
  throw new WireError(
    "invalidArgument",
    `An IPv4 address is four numbers up to 255 with dots between them, such as "127.0.0.1", and not ${
      shown(address)
    }.`,
  );
}

/** Why a text is no host; undefined where it may be one. */
function hostProblem(host: string): string | undefined {
  const quoted = shown(host);
  if (host === "") return 'A host is a name or an address, and this is "".';
  if (host.includes("://")) {
    return `A host is a name or an address, and ${quoted} is a URL. Pass its host and its port, as two arguments.`;
  }
  const [, name, port] = /^(\[.*\]|[^:]*):(\d+)$/.exec(host) ?? [];
  if (name !== undefined) {
    return `A host is a name or an address, and ${quoted} has a port, too. Pass two arguments: ${
      shown(name)
    }, ${port}.`;
  }
  if (host.includes("/")) {
    return `A host is a name or an address, and ${quoted} is a path. That of a Unix socket is the option "path".`;
  }
  if (/\s/.test(host)) {
    return `A host is a name or an address, and ${quoted} has a space in it.`;
  }
  return undefined;
}

/**
 * Checks a port.
 *
 * @param port A port.
 * @returns The same port.
 * @throws {WireError} `invalidArgument` unless it is an integer, 0 to 65535.
 */
export function checkPort(port: number): number {
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new WireError(
    "invalidArgument",
    `A port is an integer from 0 to 65535 (0 takes a free one), not ${
      shown(port)
    }.`,
  );
}
