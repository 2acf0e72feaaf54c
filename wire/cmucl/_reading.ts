/**
 * How bytes come in: read as objects by themselves, or by who holds them; and
 * left where they are while too much waits.
 *
 * @module
 */

import type { Clock, Turn } from "../base/clock.ts";
import { WireError } from "../base/errors.ts";
import type { Memory } from "../base/limits.ts";
import type { Lifetime } from "../base/lifetime.ts";
import { ChunkCheck, type Transport } from "../transport/transport.ts";
import type { LispReader, ReceivedObject } from "./reader.ts";

/** What is read, and who gets it. */
export interface ReadingOptions {
  readonly transport: Transport;
  readonly reader: LispReader;
  /** Why nothing more is read; undefined while the wire lives. */
  readonly lifetime: Pick<Lifetime, "reason" | "discard">;
  /** Tells whether it is others' turn. */
  readonly turn: Turn;
  /** Tells the time. */
  readonly clock: Clock;
  /** Whether to begin held. */
  readonly isHeld: boolean;
  /** Told that more has come; says whether to read on at once. */
  readonly memory: Pick<Memory, "tell" | "pause">;
  /** Whether too much waits to read on. */
  readonly isFull: () => boolean;
  /** Told of each chunk, and when a pause is over. */
  readonly onAlive: () => void;
  /** Gets each object. */
  readonly onObject: (received: ReceivedObject) => void;
}

/** The incoming side of one wire. */
export class Reading {
  /** Bytes so far. */
  bytes = 0;
  /** Chunks so far. */
  reads = 0;

  readonly #options: ReadingOptions;
  readonly #chunks = new ChunkCheck();
  #isHeld: boolean;
  /** Who holds it; a wire may begin held, before anybody does. */
  #holder: object | undefined;
  /** How many bytes the holder waits for. */
  #needed = 0;
  #wake: (() => void) | undefined;
  #onBytes: (() => void) | undefined;

  /** @param options What to read. */
  constructor(options: ReadingOptions) {
    this.#options = options;
    this.#isHeld = options.isHeld;
  }

  /** Whether an object was begun that the peer is to finish. */
  get unfinished(): boolean {
    return !this.#isHeld && !this.#mustPause() &&
      this.#options.reader.unfinished;
  }

  /** Whether the stream, where it ends now, cuts an object in two. */
  get isTorn(): boolean {
    return !this.#isHeld && this.#options.reader.unfinished;
  }

  /**
   * Reads to the end of the stream.
   *
   * @returns A promise that rejects with what ends the wire.
   */
  async read(): Promise<void> {
    const { transport, reader: { input }, lifetime, turn, clock } =
      this.#options;
    const { memory, onAlive } = this.#options;
    for (;;) {
      if (turn.begin(clock.now())) await turn.pause();
      while (!this.#takeObjects()) await turn.pause();
      turn.end();
      memory.tell();
      const pause = memory.pause();
      if (pause !== undefined) await pause;
      if (this.#mustPause()) {
        await new Promise<void>((resolve) => this.#wake = resolve);
        onAlive();
        continue;
      }
      input.keep();
      const chunk = this.#chunks.check(await transport.read());
      if (chunk === null) return;
      if (lifetime.reason !== undefined) {
        if (await lifetime.discard()) continue;
        return;
      }
      this.reads++;
      this.bytes += chunk.length;
      onAlive();
      input.feed(chunk);
      this.#tell();
    }
  }

  /** The wire ended: who waits learns of it. */
  end(): void {
    this.#options.turn.stop();
    this.goOn();
    this.#tell();
  }

  /** Goes on where a pause is over. */
  goOn(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Keeps objects from being read until {@linkcode release}. */
  hold(): void {
    if (this.#holder !== undefined) {
      throw new WireError(
        "invalidArgument",
        "Somebody reads this wire's bytes already: dispose of what untagged() returned first.",
      );
    }
    this.#holder = {};
    this.#isHeld = true;
  }

  /** Has objects read again. */
  release(): void {
    this.#holder = undefined;
    this.#isHeld = false;
    this.#needed = 0;
    // Who waits for bytes gets none of those that are objects' again.
    this.#tell();
    this.goOn();
  }

  /** Waits until so many bytes can be read, for who holds them. */
  async need(count: number): Promise<void> {
    const { reader: { input }, lifetime } = this.#options;
    const holder = this.#holder;
    while (input.remaining < count) {
      if (lifetime.reason !== undefined) throw lifetime.reason;
      if (holder === undefined) throw disposedOf();
      this.#needed = count;
      this.goOn();
      await new Promise<void>((resolve) => this.#onBytes = resolve);
      if (this.#holder !== holder) throw disposedOf();
    }
    this.#needed = 0;
  }

  /** Reads the objects that are there; false where there is to be a pause. */
  #takeObjects(): boolean {
    const { reader, lifetime, turn, onObject } = this.#options;
    while (
      !this.#isHeld && lifetime.reason === undefined && !this.#mustPause()
    ) {
      const received = reader.next();
      if (received === undefined) break;
      onObject(received);
      if (turn.spend()) return false;
    }
    return true;
  }

  #mustPause(): boolean {
    const { reader, lifetime, isFull } = this.#options;
    if (lifetime.reason !== undefined) return false;
    if (!this.#isHeld) return isFull();
    const { remaining } = reader.input;
    return remaining > 0 && remaining >= this.#needed;
  }

  #tell(): void {
    const onBytes = this.#onBytes;
    this.#onBytes = undefined;
    onBytes?.();
  }
}

/** The error of who reads bytes of a wire that reads objects by itself again. */
export function disposedOf(): WireError {
  return new WireError(
    "invalidArgument",
    "This was disposed of: the wire reads objects by itself again.",
  );
}
