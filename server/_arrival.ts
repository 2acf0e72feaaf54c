/**
 * A connection that was accepted, before there is anything of it but bytes.
 *
 * @module
 */

import type { WireAddress } from "../wire/base/address.ts";
import type { SocketLike } from "../wire/transport/transport.ts";

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
