/**
 * The writing half of a line stream: text is gathered until the end of the
 * tick, and counted until it was handed over.
 *
 * @module
 */

import { WireError } from "./errors.ts";
import { checkWritten, type Transport } from "./transport.ts";

/** Somebody who waits until this many bytes were handed over. */
interface Waiter {
  readonly until: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers, counts and writes. */
export class LineOutput {
  readonly #transport: Pick<Transport, "write">;
  readonly #pause: number;
  readonly #most: number;
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #queued = 0;
  #handed = 0;
  #waiters: Waiter[] = [];
  #running = false;
  #failure: { error: unknown } | undefined;

  /**
   * @param transport Where the bytes go.
   * @param pause Above so many waiting bytes a write makes its caller wait.
   * @param most Above so many waiting bytes a further write fails.
   */
  constructor(
    transport: Pick<Transport, "write">,
    pause: number,
    most: number,
  ) {
    this.#transport = transport;
    this.#pause = pause;
    this.#most = most;
  }

  /** How many bytes wait, or are being taken. */
  get waiting(): number {
    return this.#queued - this.#handed;
  }

  /**
   * Puts bytes behind what waits. They must stay as they are.
   *
   * @returns A promise that resolves when there is room for more.
   */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#failure !== undefined) return this.#rejected();
    if (this.waiting > this.#most) {
      this.fail(
        new WireError(
          "stalled",
          `The peer does not take the output: more than ${this.#most} bytes wait. Await writeLine(), which waits for it.`,
        ),
      );
      return this.#rejected();
    }
    if (bytes.length > 0) {
      this.#chunks.push(bytes);
      this.#queued += bytes.length;
      this.#schedule();
    }
    return this.#until(this.#queued - this.#pause);
  }

  /** Resolves when all output so far was taken. */
  flush(): Promise<void> {
    return this.#failure === undefined
      ? this.#until(this.#queued)
      : this.#rejected();
  }

  /** Drops what waits; everybody who waits, and every later write, fails. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#chunks = [];
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters = [];
  }

  #until(position: number): Promise<void> {
    if (this.#handed >= position) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ until: position, resolve, reject });
    });
  }

  #rejected(): Promise<never> {
    return Promise.reject(this.#failure?.error);
  }

  #schedule(): void {
    if (this.#running) return;
    this.#running = true;
    queueMicrotask(() => this.#run());
  }

  async #run(): Promise<void> {
    try {
      while (this.#chunks.length > 0) {
        let bytes = joined(this.#chunks);
        this.#chunks = [];
        while (bytes.length > 0 && this.#failure === undefined) {
          const { length } = bytes;
          const count = checkWritten(
            await this.#transport.write(bytes),
            bytes,
            length,
          );
          bytes = bytes.subarray(count);
          this.#handed += count;
          this.#wake();
        }
      }
    } catch (error) {
      this.fail(
        error instanceof WireError
          ? error
          : new WireError("connectionLost", "The connection was lost.", {
            cause: error,
          }),
      );
    } finally {
      this.#running = false;
    }
  }

  #wake(): void {
    const ready = this.#waiters.filter((one) => one.until <= this.#handed);
    if (ready.length === 0) return;
    this.#waiters = this.#waiters.filter((one) => one.until > this.#handed);
    for (const waiter of ready) waiter.resolve();
  }
}

function joined(
  chunks: readonly Uint8Array<ArrayBuffer>[],
): Uint8Array<ArrayBuffer> {
  if (chunks.length === 1) return chunks[0]!;
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const bytes = new Uint8Array(length);
  let position = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, position);
    position += chunk.length;
  }
  return bytes;
}
