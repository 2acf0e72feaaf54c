/**
 * The way of bytes out of a wire, whatever they mean: gathered until the end
 * of the tick, written one write at a time, counted until they are taken.
 *
 * @module
 */

import { ByteWriter } from "./bytes.ts";
import type { Clock } from "./clock.ts";
import { checkWritten, type Transport } from "./transport.ts";

/** So much is written without waiting for more. */
const GATHERED = 8 * 1024;
/** So many milliseconds after one write the next may wait for more. */
const JUST_NOW = 0.1;

/** Gathers, counts and writes. */
export class ByteOutput {
  /** Bytes handed to the transport so far. */
  handed = 0;
  /** Writes so far. */
  writes = 0;
  /** When the transport last took something, or was last asked to. */
  progressAt = 0;
  /** Called when room was made. */
  onRoom: () => void = nothing;

  /** Where output gathers; call `schedule()` after writing. */
  protected readonly writer: ByteWriter = new ByteWriter();
  /** How many waiting bytes leave no room. */
  protected readonly pause: number;
  /** How many bytes wait elsewhere, for `next()` to hand them out. */
  protected elsewhere = 0;

  /** Tells the time. */
  readonly clock: Clock;

  readonly #transport: Transport;
  readonly #onFailed: (error: unknown) => void;
  #scheduled = false;
  /** How much had gathered when that was last looked at. */
  #seen = 0;
  #stopped = false;
  /** What the transport is taking, and how much of it is left to take. */
  #writing: Uint8Array<ArrayBuffer> | undefined;
  #left = 0;
  #flushed: (() => void)[] = [];

  /**
   * @param transport Where the bytes go.
   * @param clock Tells when there was progress.
   * @param pause How many waiting bytes leave no room.
   * @param onFailed Called once, when a write failed.
   */
  constructor(
    transport: Transport,
    clock: Clock,
    pause: number,
    onFailed: (error: unknown) => void,
  ) {
    this.#transport = transport;
    this.clock = clock;
    this.pause = pause;
    this.#onFailed = onFailed;
  }

  /** How many bytes wait, or are being taken. */
  get waiting(): number {
    return this.writer.position + this.elsewhere + this.#left;
  }

  /** Whether producers may go on. */
  get hasRoom(): boolean {
    return this.waiting < this.pause;
  }

  /** Whether the transport was asked to take something and has not yet. */
  get busy(): boolean {
    return this.#writing !== undefined;
  }

  /** Resolves when all output so far was taken by the transport. */
  flush(): Promise<void> {
    if (this.#stopped || this.waiting === 0) return Promise.resolve();
    return new Promise((resolve) => this.#flushed.push(resolve));
  }

  /** Gives back memory that a burst of output took. */
  trim(): void {
    if (this.waiting === 0) this.writer.trim();
  }

  /** Stops for good: what waits is dropped. */
  stop(): void {
    this.#stopped = true;
    this.#finishFlush();
  }

  /** Has what was written leave at the end of the tick. */
  protected schedule(): void {
    if (this.#scheduled || this.#writing !== undefined) return;
    this.#scheduled = true;
    queueMicrotask(this.#tick);
  }

  /** What to write next; undefined when there is nothing. */
  protected next(): Uint8Array<ArrayBuffer> | undefined {
    return this.writer.position > 0 ? this.writer.flip() : undefined;
  }

  readonly #tick = (): void => {
    const { position } = this.writer;
    const now = this.clock.now();
    // Somebody may be sending in a row: then what still comes leaves with the
    // same write. What comes alone leaves at once.
    if (
      position > this.#seen && position < GATHERED &&
      now - this.progressAt < JUST_NOW
    ) {
      this.#seen = position;
      queueMicrotask(this.#tick);
      return;
    }
    this.#seen = 0;
    this.#scheduled = false;
    if (this.#writing === undefined) this.#pump(now);
  };

  #pump(now: number): void {
    if (this.#stopped) return;
    const bytes = this.next();
    if (bytes === undefined) return this.#finishFlush();
    this.handed += bytes.length;
    this.#writing = bytes;
    this.#left = bytes.length;
    this.progressAt = now;
    this.#write(bytes);
  }

  #write(bytes: Uint8Array<ArrayBuffer>): void {
    this.writes++;
    try {
      // A transport of somebody else's may answer without a promise.
      Promise.resolve(this.#transport.write(bytes))
        .then(this.#wrote, this.#failed);
    } catch (error) {
      this.#failed(error);
    }
  }

  readonly #wrote = (count: number): void => {
    const writing = this.#writing!;
    try {
      checkWritten(count, writing, this.#left);
    } catch (error) {
      return this.#failed(error);
    }
    this.#left -= count;
    this.progressAt = this.clock.now();
    if (this.#left > 0) {
      if (!this.#stopped) this.#write(writing.subarray(-this.#left));
      return;
    }
    this.#writing = undefined;
    if (this.writer.position > 0) this.schedule();
    else this.#pump(this.progressAt);
    if (!this.busy) this.writer.takeBack();
    if (this.hasRoom && !this.#stopped) this.onRoom();
  };

  readonly #failed = (error: unknown): void => {
    this.#writing = undefined;
    this.#left = 0;
    this.stop();
    this.#onFailed(error);
  };

  #finishFlush(): void {
    const flushed = this.#flushed;
    if (flushed.length === 0) return;
    this.#flushed = [];
    for (const resolve of flushed) resolve();
  }
}

function nothing(): void {}
