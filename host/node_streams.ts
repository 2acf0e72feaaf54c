/**
 * Streams of Node as something that reads and writes like a socket.
 *
 * @module
 */

import type { Readable, Writable } from "node:stream";
import type { SocketLike } from "../wire/transport/transport.ts";
import { closedError } from "./host.ts";

/** What is written at a time, so that a slow peer is seen to take some. */
export const LARGEST_WRITE = 64 * 1024;

/** One stream to read and one to write, or a socket, which is both. */
export class NodeStreams implements SocketLike {
  readonly #readable: Readable;
  readonly #writable: Writable;
  #readFailure: Error | undefined;
  #writeFailure: Error | undefined;
  #isEnded = false;
  #wake: (() => void) | undefined;

  /**
   * @param readable What to read, of which nobody else reads.
   * @param writable What to write to.
   */
  constructor(readable: Readable, writable: Writable) {
    this.#readable = readable;
    this.#writable = writable;
    const wake = () => this.#wake?.();
    const failRead = (error: Error) => {
      this.#readFailure ??= error;
      wake();
    };
    const failWrite = (error: Error) => void (this.#writeFailure ??= error);
    readable.on("readable", wake);
    readable.on("end", () => {
      this.#isEnded = true;
      wake();
    });
    readable.on("error", failRead);
    readable.on("close", () => failRead(closed()));
    writable.on("error", failWrite);
    writable.on("close", () => failWrite(closed()));
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const readable = this.#readable;
    for (;;) {
      const count = Math.min(readable.readableLength, buffer.length);
      // At the end of all, it is this that says so.
      const chunk: Uint8Array | null = readable.read(count || undefined);
      if (chunk !== null) {
        buffer.set(chunk);
        return chunk.length;
      }
      if (this.#isEnded) return null;
      if (this.#readFailure !== undefined) throw this.#readFailure;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    const some = bytes.subarray(0, LARGEST_WRITE);
    return new Promise((resolve, reject) => {
      if (this.#writeFailure !== undefined) return reject(this.#writeFailure);
      this.#writable.write(some, (error) => {
        if (error) reject(this.#writeFailure ?? error);
        else resolve(some.length);
      });
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#writeFailure !== undefined) return reject(this.#writeFailure);
      this.#writable.once("close", resolve);
      this.#writable.end(resolve);
    });
  }

  close(): void {
    this.#readFailure ??= closed();
    this.#writeFailure ??= closed();
    this.#readable.destroy();
    this.#writable.destroy();
    this.#wake?.();
  }
}

function closed(): Error {
  return closedError("this side closed it");
}
