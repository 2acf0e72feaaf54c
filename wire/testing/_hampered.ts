/**
 * Transports that do what they may, but do it awkwardly; and such that break.
 *
 * @module
 */

import type { Transport, WireAddress } from "../transport/transport.ts";
import { pause } from "./_expect.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** In what way a transport is awkward. */
export interface Hampering {
  /** What a chunk that came becomes, one read for each. */
  readonly chunks?: (chunk: Uint8Array) => Iterable<unknown>;
  /** The most that one write takes, in bytes. */
  readonly most?: number;
  /** The largest value that is sent over it, in bytes, where it is slow. */
  readonly largest?: number;
  /** Whether a write settles only after the event loop has turned. */
  readonly isLate?: boolean;
  /** Whether a chunk is gone with the next read. */
  readonly isFleeting?: boolean;
  /** After how many bytes of its output it is closed. */
  readonly cutAfter?: number;
  /** What read() or write() throws, and when, counted in calls of it. */
  readonly throws?: { readonly at: "read" | "write"; readonly after: number };
}

/** What a transport that breaks throws. */
export const BROKEN = "The case broke the transport.";

/** A transport on top of another, which it makes awkward. */
export class Hampered implements Transport {
  readonly #on: Transport;
  readonly #how: Hampering;
  /** What is still to be given of the last chunk. */
  #rest: Iterator<unknown> = [].values();
  #given: Bytes | undefined;
  #sent = 0;
  readonly #calls = { read: 0, write: 0 };

  /**
   * @param on The transport, which belongs to this from now on.
   * @param how In what way it is to be awkward.
   */
  constructor(on: Transport, how: Hampering) {
    this.#on = on;
    this.#how = how;
  }

  /** Where the peer is. */
  get address(): WireAddress {
    return this.#on.address;
  }

  /** How many bytes it has sent. */
  get sent(): number {
    return this.#sent;
  }

  /** Reads the next bytes. */
  async read(isBulk?: boolean): Promise<Uint8Array | null> {
    this.#count("read");
    const { chunks = (chunk) => [chunk], isFleeting } = this.#how;
    this.#given?.fill(0xa5);
    this.#given = undefined;
    for (;;) {
      const { done, value } = this.#rest.next();
      if (done !== true) {
        const chunk = value as Uint8Array;
        return isFleeting === true
          ? this.#given = new Uint8Array(chunk)
          : chunk;
      }
      const chunk = await this.#on.read(isBulk);
      if (chunk === null) return null;
      this.#rest = chunks(chunk)[Symbol.iterator]();
    }
  }

  /** Writes some of the bytes. */
  async write(bytes: Bytes): Promise<number> {
    this.#count("write");
    const { most = Infinity, cutAfter = Infinity, isLate } = this.#how;
    const room = Math.min(most, cutAfter - this.#sent);
    if (room <= 0) {
      this.close();
      throw new Error(BROKEN);
    }
    const taken = await this.#on.write(bytes.subarray(0, room));
    this.#sent += taken;
    if (this.#sent >= cutAfter) this.close();
    if (isLate === true) await pause(0);
    return taken;
  }

  /** Ends this side's direction. */
  closeWrite(): Promise<void> {
    return this.#on.closeWrite();
  }

  /** Ends both directions at once. */
  close(): void {
    this.#on.close();
  }

  #count(what: "read" | "write"): void {
    const { throws } = this.#how;
    if (throws?.at !== what || this.#calls[what]++ < throws.after) return;
    throw new Error(BROKEN);
  }
}

/** The ways to be awkward under which everything has to work. */
export const HAMPERINGS: Readonly<Record<string, Hampering>> = {
  "as it is": {},
  "read byte by byte": {
    // Two frames.
    largest: 100_000,
    *chunks(chunk) {
      for (let at = 0; at < chunk.length; at++) {
        yield chunk.subarray(at, at + 1);
      }
    },
  },
  "writes of one byte": { most: 1, largest: 10_000 },
  "writes of some bytes": { most: 1_021 },
  "writes that settle late": { isLate: true },
  "chunks that are gone with the next read": { isFleeting: true },
  "empty chunks in between": {
    chunks: (chunk) => [new Uint8Array(), chunk, new Uint8Array()],
  },
  "chunks that are an ArrayBuffer": {
    chunks: (chunk) => [new Uint8Array(chunk).buffer],
  },
  "chunks that are a DataView": {
    chunks: (chunk) => {
      const bytes = new Uint8Array(chunk.length + 2);
      bytes.set(chunk, 1);
      return [new DataView(bytes.buffer, 1, chunk.length)];
    },
  },
};
