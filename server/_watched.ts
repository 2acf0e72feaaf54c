/**
 * A transport that tells whether its connection does anything.
 *
 * @module
 */

import type { WireAddress } from "../wire/base/address.ts";
import type { Transport } from "../wire/transport/transport.ts";

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
