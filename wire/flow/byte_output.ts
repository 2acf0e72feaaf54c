/**
 * The way of bytes out of a wire, whatever they mean: collected until the end
 * of the tick, written one write at a time, counted until they are taken.
 *
 * @module
 */

import { ByteWriter, type GrowthListener, varintSize } from "../codec/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { WireError } from "../base/errors.ts";
import type { Report } from "../base/report.ts";
import type { WireLimits } from "../base/limits.ts";
import { checkWritten, type Transport } from "../transport/transport.ts";

/** So much is written without waiting for more. */
const COLLECTED = 8_192;
/** So many milliseconds after one write the next may wait for more. */
const JUST_NOW = 0.1;
/** An answer of so many bytes always finds room: each call has to have one. */
export const SMALL_ANSWER = 1024;

/** A message on its way. */
export interface Ticket {
  /**
   * Where its first byte stands among all that is collected; Infinity until it
   * has a place, and before the beginning for a large message of which a part
   * was handed over.
   */
  position: number;
  /**
   * Called when all of it is in the output, or with the reason why it never
   * will be; but only if that is later than the sending.
   */
  onSettled?: ((failure?: Error) => void) | undefined;
  /** Called when so many bytes of a large message, of all, were handed over. */
  onPart?(bytes: number, total: number): void;
}

/** How much output may wait. */
export type OutputLimits = Pick<WireLimits, "sendPause" | "sendMost">;

/** An answer finds no room in the output. */
export class NoRoom extends WireError {
  /** How many bytes it has. */
  readonly size: number;

  /**
   * @param size How many bytes it has.
   * @param held How many wait already.
   * @param most How many may.
   */
  constructor(size: number, held: number, most: number) {
    super(
      "limit",
      `It has ${size} bytes, and ${held} wait already for the peer, which takes them too slowly (limit "sendMost": ${most}). Have less under way at a time, or raise that limit.`,
    );
    this.size = size;
  }
}

// What waits at the send queues of a wire: bounded, for whoever sends without
// waiting until it was sent.

/** What a message that waits counts for beyond its bytes. */
const WAITING_COST = 512;

/** Counts what waits, and refuses what is too much. */
export class Backlog {
  /** How many messages wait. */
  waiting = 0;
  /** What they count for, in bytes. */
  held = 0;
  /** How many waiting bytes leave no room: the limit `sendPause`. */
  readonly pause: number;
  /** How many may wait at all, one large message aside. */
  readonly most: number;

  /** The last refusal. */
  #refusal: WireError | undefined;
  /** Whether a refusal was told since there was room. */
  #isTold = false;
  readonly #listener: GrowthListener | undefined;

  /**
   * @param limits How much may wait.
   * @param listener Told when more waits.
   */
  constructor(
    { sendPause, sendMost }: OutputLimits,
    listener?: GrowthListener,
  ) {
    this.pause = sendPause;
    this.most = Math.max(sendPause, sendMost);
    this.#listener = listener;
  }

  /**
   * Refuses a message that is to wait where too much waits.
   *
   * @param size How many bytes it has.
   * @param output How many bytes wait in the output.
   * @throws {WireError} `limit`; nothing of it was sent.
   */
  admit(size: number, output: number): void {
    const { held, most, pause } = this;
    if (held < pause || held + output + size + WAITING_COST <= most) return;
    throw this.#refusal = new WireError(
      "limit",
      `It was not sent: calls and messages of ${held} bytes (${WAITING_COST} added for each) wait already for the peer to take them (limit "sendMost": ${most}). Await what you send, make fewer calls at a time, or raise that limit.`,
      { sent: "notSent" },
    );
  }

  /** A message of so many bytes waits. */
  add(size: number): void {
    this.waiting++;
    this.held += size + WAITING_COST;
    this.#listener?.onGrown?.();
  }

  /** It waits no longer. */
  remove(size: number): void {
    this.waiting--;
    this.held -= size + WAITING_COST;
    if (this.held * 2 < this.most) this.#isTold = false;
  }

  /**
   * Who is told of a failure that nobody awaits. Where too much waits, one
   * call after the other fails: the first is told, until there is room again.
   *
   * @param error What a call or a message failed with.
   * @param report Told of it otherwise.
   */
  reportOf(error: unknown, report: Report | undefined): Report | undefined {
    if (error !== this.#refusal) return report;
    const wasTold = this.#isTold;
    this.#isTold = true;
    return wasTold ? undefined : report;
  }
}

/** Who is told of what becomes of an output. */
export interface OutputListener extends GrowthListener {
  /** Room was made. */
  onRoom(): void;
  /** A write failed. Called once. */
  onFailed(error: unknown): void;
}

/**
 * Collects, counts and writes.
 *
 * Over 15 fields: what is collected, what is being written, and who waits for
 * either, all of which each message changes.
 */
export class ByteOutput {
  /** Bytes handed to the transport so far. */
  handed = 0;
  /** Writes so far. */
  writes = 0;
  /**
   * When the transport was last asked to take something, or took something while
   * more waited.
   */
  progressAt = 0;

  /**
   * Where the first byte in the writer stands: so many bytes that were collected
   * were handed over. Large messages are not counted, which may go before.
   */
  protected base = 0;
  /** Where output is collected; call `schedule()` after writing. */
  protected readonly writer: ByteWriter;
  /** What waits in front of this, and how much may. */
  readonly backlog: Backlog;

  /** How many bytes wait elsewhere, for `next()` to hand them out. */
  protected elsewhere = 0;

  /** Tells the time. */
  readonly clock: Clock;

  /** Told of what becomes of it. */
  protected readonly listener: OutputListener;

  readonly #transport: Transport;
  /** For how many microtasks the next write still waits; −1 without one. */
  #due = -1;
  /** How much there was when that was last looked at. */
  #seen = 0;
  #stopped = false;
  /** What the transport is taking, and how much of it is left to take. */
  #writing: Uint8Array<ArrayBuffer> | undefined;
  #left = 0;
  /** Whether that was collected, and is no part of a large message. */
  #isCollected = false;
  /** Who waits until what stands before a place was taken. */
  #flushed: { readonly place: number; readonly resolve: () => void }[] = [];

  /**
   * @param transport Where the bytes go.
   * @param clock Tells when there was progress.
   * @param limits How much may wait.
   * @param listener Told of what becomes of it.
   */
  constructor(
    transport: Transport,
    clock: Clock,
    limits: OutputLimits,
    listener: OutputListener,
  ) {
    this.#transport = transport;
    this.clock = clock;
    this.writer = new ByteWriter(listener);
    this.backlog = new Backlog(limits, listener);
    this.listener = listener;
  }

  /** How many bytes wait, or are being taken. */
  get waiting(): number {
    return this.writer.position + this.elsewhere + this.#left;
  }

  /** How many of them are no large messages. */
  get collected(): number {
    return this.base + this.writer.position - this.taken;
  }

  /** How many of the bytes that were collected the transport has taken. */
  get taken(): number {
    return this.base - (this.#isCollected ? this.#left : 0);
  }

  /** How many bytes wait here and in front of this. */
  get held(): number {
    return this.waiting + this.backlog.held;
  }

  /** What it takes in memory, buffers included. */
  get total(): number {
    return this.writer.room + this.elsewhere + this.backlog.held;
  }

  /** Whether producers may go on. */
  get hasRoom(): boolean {
    return this.waiting < this.backlog.pause;
  }

  /**
   * Checks that what was just written may be added to what waits.
   *
   * @param start Where it begins in the writer.
   * @param size How many bytes it has.
   * @throws {NoRoom} Where too much waits; the writer is as it was before.
   */
  protected findRoom(start: number, size: number): void {
    const { writer, backlog: { most } } = this;
    const end = writer.position;
    writer.position = start;
    const isFine = size <= SMALL_ANSWER || this.hasRoom ||
      this.held + size <= most;
    if (!isFine) throw new NoRoom(size, this.held, most);
    writer.position = end;
  }

  /** Whether the transport was asked to take something and has not yet. */
  get busy(): boolean {
    return this.#writing !== undefined;
  }

  /** Whether a write is due at the end of the tick. */
  get isDue(): boolean {
    return this.#due >= 0;
  }

  /** Whether the bytes of a ticket were, perhaps, handed over. */
  wasHanded(ticket: Ticket): boolean {
    return ticket.position < this.base;
  }

  /**
   * Resolves when all output so far was taken by the transport. What comes
   * meanwhile is not waited for: that may have no end.
   */
  flush(): Promise<void> {
    if (this.#stopped || this.waiting === 0) return Promise.resolve();
    const place = this.base + this.writer.position;
    return new Promise((resolve) => this.#flushed.push({ place, resolve }));
  }

  /** Releases memory that a burst of output took. */
  trim(): void {
    if (this.waiting === 0) this.writer.trim();
  }

  /** Stops for good: what waits is dropped. */
  stop(): void {
    this.#stopped = true;
    this.#finishFlush();
  }

  /**
   * Has the write that is due wait for whoever is about to send more, in the
   * same tick: for so many microtasks.
   */
  linger(microtasks: number): void {
    if (this.#due >= 0) this.#due = microtasks;
  }

  /** Writes at once what is due at the end of the tick, if that can be. */
  writeNow(): void {
    if (!this.isDue || this.busy) return;
    this.#seen = 0;
    this.#due = -1;
    this.#pump(this.clock.now());
  }

  /** Has what was written sent at the end of the tick. */
  protected schedule(): void {
    if (this.#due >= 0 || this.#writing !== undefined) return;
    this.#due = 0;
    queueMicrotask(this.#tick);
  }

  /** What to write next; undefined when there is nothing. */
  protected next(): Uint8Array<ArrayBuffer> | undefined {
    if (this.writer.position === 0) return undefined;
    const bytes = this.writer.flip();
    this.base += bytes.length;
    return bytes;
  }

  readonly #tick = (): void => {
    if (this.#due > 0) {
      this.#due--;
      queueMicrotask(this.#tick);
      return;
    }
    const { position } = this.writer;
    const now = this.clock.now();
    // Somebody may be sending in a row: then what still comes is sent with the
    // same write. What comes alone is sent at once.
    if (
      position > this.#seen && position < COLLECTED &&
      now - this.progressAt < JUST_NOW
    ) {
      this.#seen = position;
      queueMicrotask(this.#tick);
      return;
    }
    this.#seen = 0;
    this.#due = -1;
    if (this.#writing === undefined) this.#pump(now);
  };

  #pump(now: number): void {
    if (this.#stopped) return;
    let bytes: Uint8Array<ArrayBuffer> | undefined;
    const { base } = this;
    try {
      bytes = this.next();
    } catch (error) {
      return this.#failed(error);
    }
    if (bytes === undefined) {
      // What is large may still wait for the peer to accept.
      if (this.waiting === 0) this.#finishFlush();
      return;
    }
    this.handed += bytes.length;
    this.#isCollected = this.base > base;
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
    if (this.#left > 0) {
      this.progressAt = this.clock.now();
      if (!this.#stopped) this.#write(writing.subarray(-this.#left));
      return;
    }
    this.#writing = undefined;
    if (this.#flushed.length > 0) {
      this.#finishFlush(this.waiting > 0 ? this.base : undefined);
    }
    if (this.writer.position > 0) {
      this.progressAt = this.clock.now();
      this.schedule();
    } else if (this.elsewhere > 0 || !this.#isCollected) {
      // A large message goes on, or its buffer is used no more.
      this.#pump(this.clock.now());
    }
    if (!this.busy) this.writer.takeBack();
    if (this.hasRoom && !this.#stopped) this.listener.onRoom();
  };

  readonly #failed = (error: unknown): void => {
    this.#writing = undefined;
    this.#left = 0;
    this.stop();
    this.listener.onFailed(error);
  };

  /** What stands before a place was taken, or nothing will be any more. */
  #finishFlush(before = Infinity): void {
    this.#flushed = this.#flushed.filter(({ place, resolve }) => {
      if (place > before) return true;
      resolve();
      return false;
    });
  }
}

// The deadline of a call that is encoded already, and waits.

/** The bytes of a message that waits. */
interface Body {
  size: number;
  bytes: Uint8Array<ArrayBuffer>;
}

/** What stands in a message about its deadline, and goes on while it waits. */
export class QueuedDeadline {
  readonly #name: string;
  readonly #milliseconds: number;
  readonly #clock: Clock;
  readonly #until: number;
  readonly #at: number;

  /**
   * @param name The function's name.
   * @param milliseconds What the message says.
   * @param clock Tells the time.
   * @param at Where it says that, in the message's body.
   */
  constructor(name: string, milliseconds: number, clock: Clock, at: number) {
    this.#name = name;
    this.#milliseconds = milliseconds;
    this.#clock = clock;
    this.#until = clock.now() + milliseconds;
    this.#at = at;
  }

  /**
   * Has a message that is sent say what is left.
   *
   * @param body The message's. It may lose some bytes.
   * @returns Why it is not sent any more, where its deadline has passed.
   */
  update(body: Body): WireError | undefined {
    const now = this.#clock.now();
    if (now >= this.#until) return this.#passed();
    const written = this.#milliseconds;
    const left = Math.min(written, Math.ceil(this.#until - now));
    const { bytes, size } = body;
    const at = this.#at;
    const less = varintSize(written) - varintSize(left);
    if (less > 0) {
      bytes.copyWithin(at, at + less, size);
      body.size = size - less;
      body.bytes = bytes.subarray(0, body.size);
    }
    putVarint(bytes, at, left);
    return undefined;
  }

  #passed(): WireError {
    return new WireError(
      "deadline",
      `"${this.#name}" was not sent within ${this.#milliseconds} ms, its deadline: it waited to be sent.`,
      { sent: "notSent" },
    );
  }
}

/**
 * Writes a varint.
 *
 * @param bytes Where.
 * @param at At which position.
 * @param value An unsigned integer below 2^32.
 * @returns The position behind it.
 */
export function putVarint(
  bytes: Uint8Array,
  at: number,
  value: number,
): number {
  for (; value >= 0x80; value >>>= 7) bytes[at++] = value & 0x7f | 0x80;
  bytes[at++] = value;
  return at;
}
