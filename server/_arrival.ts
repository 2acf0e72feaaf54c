/**
 * A connection that was accepted, before there is anything of it but bytes: who
 * it counts for, and whether it does anything.
 *
 * @module
 */

import type {
  SocketLike,
  Transport,
  WireAddress,
} from "../wire/transport/transport.ts";

/** What is read ahead of a connection that waits. */
const AHEAD = 256;

/** A connection that was accepted. */
export class Arrival implements SocketLike {
  /** Where the peer is. */
  readonly address: WireAddress;
  /** What it counts for where peers are counted. */
  readonly network: string;
  /** When it came. */
  readonly since: number = performance.now();
  /** Called when the peer's first bytes were read ahead. */
  onSpoken: () => void = ignore;
  /** Called where the peer is gone while it is read ahead. */
  onGone: () => void = ignore;
  readonly #conn: SocketLike;
  /** The buffer that is read ahead into, and what came of it. */
  #ahead: { buffer: Uint8Array; came: Promise<number | null> } | undefined;
  #taken = 0;

  /**
   * @param conn The connection, which belongs to this from now on.
   * @param address Where the peer is.
   * @param network What it counts for.
   */
  constructor(conn: SocketLike, address: WireAddress, network: string) {
    this.#conn = conn;
    this.address = address;
    this.network = network;
  }

  /** Reads before anybody asks, to see whether the peer has to say something. */
  readAhead(): void {
    const buffer = new Uint8Array(AHEAD);
    const came = this.#conn.read(buffer);
    this.#ahead = { buffer, came };
    came.then(
      (count) => count === null ? this.onGone() : this.onSpoken(),
      () => this.onGone(),
    );
  }

  /** What a transport is to stand on: this, where something was read ahead. */
  get socket(): SocketLike {
    return this.#ahead === undefined ? this.#conn : this;
  }

  /** Reads; what was read ahead comes first. */
  read(into: Uint8Array): Promise<number | null> {
    return this.#ahead === undefined
      ? this.#conn.read(into)
      : this.#takeAhead(into);
  }

  /** Writes some of the bytes. */
  write(bytes: Uint8Array): Promise<number> {
    return this.#conn.write(bytes);
  }

  /** Ends the writing direction. */
  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  /** Closes; once more does no harm. */
  close(): void {
    try {
      this.#conn.close();
    } catch {
      // It is closed.
    }
  }

  async #takeAhead(into: Uint8Array): Promise<number | null> {
    const { buffer, came } = this.#ahead!;
    const count = await came;
    if (count === null) return null;
    const rest = buffer.subarray(this.#taken, count);
    const length = Math.min(rest.length, into.length);
    into.set(rest.subarray(0, length));
    this.#taken += length;
    if (this.#taken === count) this.#ahead = undefined;
    return length;
  }
}

function ignore(): void {}

// Who counts as one where peers are told apart by their addresses.

/** Addresses of one link: every machine on it has one of the same /64. */
const LINK_LOCAL = /^fe[89ab]/i;

/**
 * What stands for a peer in counts by address. One who has an IPv6 address
 * mostly has all of its /64, so that counts as one. All peers of a Unix socket
 * count as one, for the operating system tells nothing of them.
 *
 * @param address Where the peer is.
 * @returns An address, or the first half of one.
 */
export function networkOf(address: WireAddress): string {
  return "hostname" in address ? networkOfHost(address.hostname) : "";
}

/** The same of an IP address. */
export function networkOfHost(hostname: string): string {
  const host = hostname.replace(/^\[|\]$/g, "");
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1];
  if (mapped !== undefined) return mapped;
  if (!host.includes(":") || LINK_LOCAL.test(host)) return host;
  const [head = "", tail] = host.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array(Math.max(0, 8 - first.length - last.length)).fill("0");
  return [...first, ...zeros, ...last].slice(0, 4)
    .map((group) => parseInt(group, 16).toString(16)).join(":");
}

// A transport that tells whether its connection does anything.

/** Counts what goes through a transport, and what is waited for. */
export class WatchedTransport implements Transport {
  readonly #transport: Transport;
  /** Reads and writes that were done. */
  #done = 0;
  /** Reads and writes that the peer keeps waiting. */
  #waiting = 0;

  /** @param transport The transport, which belongs to this from now on. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Where the peer is. */
  get address(): WireAddress {
    return this.#transport.address;
  }

  /**
   * A number that changes with every read and write; undefined while the peer
   * is not waited for.
   */
  get activity(): number | undefined {
    return this.#waiting > 0 ? this.#done : undefined;
  }

  /** Reads the next bytes; null at the end of the stream. */
  read(isBulk?: boolean): Promise<Uint8Array | null> {
    this.#waiting++;
    return this.#transport.read(isBulk).then(this.#came, this.#failed);
  }

  /** Writes some of the bytes. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    this.#waiting++;
    return this.#transport.write(bytes).then(this.#came, this.#failed);
  }

  /** Ends this side's direction. */
  closeWrite(): Promise<void> {
    return this.#transport.closeWrite();
  }

  /** Ends both directions at once. */
  close(): void {
    this.#transport.close();
  }

  readonly #came = <R>(result: R): R => {
    this.#waiting--;
    this.#done++;
    return result;
  };

  readonly #failed = (error: unknown): never => {
    this.#waiting--;
    throw error;
  };
}
