/**
 * What a wire needs of a connection, and three ways to get it: from something
 * that reads and writes like a socket, from a pair of streams, or in memory.
 *
 * @module
 */

import type { WireAddress } from "./address.ts";

/** A connection as a wire sees it: bytes in, bytes out. */
export interface Transport {
  /** Where the peer is. */
  readonly address: WireAddress;
  /**
   * True when the peer lives in the same process and cannot fall silent by
   * itself: then it is not pinged.
   */
  readonly local?: boolean;
  /**
   * Reads the next bytes. One read at a time.
   *
   * @param isBulk Whether a large message is under way: then it is well to
   * read as much at once as there is. A transport need not heed it.
   * @returns A chunk that stays as it is until the next read, or null at the
   * end of the stream.
   */
  read(isBulk?: boolean): Promise<Uint8Array | null>;
  /**
   * Writes. One write at a time.
   *
   * @param bytes The bytes; left as they are until the promise settles.
   * @returns How many of them were taken, at least one.
   */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<number>;
  /** Ends this side's direction; the other may go on. */
  closeWrite(): Promise<void>;
  /** Ends both directions at once. What is under way settles. */
  close(): void;
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
 */
export function socketTransport(
  socket: SocketLike,
  address: WireAddress,
): Transport {
  return new SocketTransport(socket, address);
}

class SocketTransport implements Transport {
  readonly address: WireAddress;
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
    if (buffer.length < BULK_READ) this.#buffer = new Uint8Array(BULK_READ);
    return this.#buffer;
  }

  readonly #came = (count: number | null): Uint8Array | null => {
    if (count === null) return null;
    const buffer = this.#buffer;
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

  close(): void {
    try {
      this.#socket.close();
    } catch {
      // It was closed before.
    }
  }
}

/**
 * A transport over a pair of streams.
 *
 * @param duplex The streams. The transport locks, and ends, both.
 * @param address Where the peer is.
 * @returns The transport.
 */
export function streamTransport(
  duplex: ByteDuplex,
  address: WireAddress = { transport: "streams" },
): Transport {
  const reader = duplex.readable.getReader();
  const writer = duplex.writable.getWriter();
  // Whatever goes wrong shows in read() and write() as well.
  reader.closed.catch(ignore);
  writer.closed.catch(ignore);
  return {
    address,
    async read(): Promise<Uint8Array | null> {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return null;
        if (value.length > 0) return value;
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

/**
 * Two transports joined in memory: what one writes, the other reads.
 *
 * @returns The two ends.
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
    this.#giveBack();
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

  #giveBack(): void {
    if (!this.#lent) return;
    this.#lent = false;
    const count = this.#chunk?.length ?? 0;
    this.#chunk = undefined;
    this.#refused = undefined;
    this.#written?.(count);
  }
}

function brokenPipe(): Error {
  return new Error("The peer closed its end of the memory connection.");
}

function ignore(): void {}
