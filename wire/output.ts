/**
 * The one writer of a wire: everything that leaves goes through here, is
 * gathered until the end of the tick, and counted until it is handed over.
 *
 * @module
 */

import { ByteWriter } from "./bytes.ts";
import type { Clock } from "./clock.ts";
import { Encoder, type EncoderLimits } from "./codec.ts";
import { FRAME_HEADER } from "./frames.ts";
import { KIND, type Message } from "./messages.ts";
import { PIECE } from "./_pieces.ts";
import type { Transport } from "./transport.ts";

/** How much of large messages one write takes along. */
const PIECES_PER_WRITE = 256 * 1024;
/** What stands before the bytes of a piece, at most. */
const PIECE_HEADER = 8;

/** A message on its way: where it begins in the output, once that is known. */
export interface Ticket {
  /** The offset of its first byte; Infinity until it has one. */
  position: number;
}

/** A message that travels in pieces. */
export interface LargeMessage extends Ticket {
  readonly body: Uint8Array;
  readonly sent: () => void;
  offset: number;
  number: number;
}

/** Gathers, counts and writes. */
export class Output {
  /** Turns messages into bytes. */
  readonly encoder: Encoder;
  /** Bytes handed to the transport so far. */
  handed = 0;
  /** Writes so far. */
  writes = 0;
  /** Frames of whole messages, and messages in pieces, so far. */
  messages = 0;
  /** When the transport last took something, or was last asked to. */
  progressAt = 0;
  /** How many large messages may be under way at once; the peer's limit. */
  pieces = 1;
  /** Called when room was made. */
  onRoom: () => void = () => {};

  readonly #writer = new ByteWriter();
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #onFailed: (error: unknown) => void;
  readonly #pause: number;
  #scheduled = false;
  #stopped = false;
  /** What the transport is taking, and how much of it was taken. */
  #writing: Uint8Array<ArrayBuffer> | undefined;
  #taken = 0;
  /** Large messages: the first `pieces` of them take turns. */
  #large: LargeMessage[] = [];
  #largeBytes = 0;
  #turn = 0;
  #number = 0;
  #flushed: (() => void)[] = [];

  /**
   * @param transport Where the bytes go.
   * @param clock Tells when there was progress.
   * @param limits The peer's limits, or a guess.
   * @param pause How many waiting bytes leave no room.
   * @param onFailed Called once, when a write failed.
   */
  constructor(
    transport: Transport,
    clock: Clock,
    limits: EncoderLimits,
    pause: number,
    onFailed: (error: unknown) => void,
  ) {
    this.#transport = transport;
    this.#clock = clock;
    this.#pause = pause;
    this.#onFailed = onFailed;
    this.encoder = new Encoder(this.#writer, limits);
  }

  /** How many bytes wait, or are being taken. */
  get waiting(): number {
    const writing = this.#writing;
    return this.#writer.position + this.#largeBytes +
      (writing === undefined ? 0 : writing.length - this.#taken);
  }

  /** Whether producers may go on. */
  get hasRoom(): boolean {
    return this.waiting < this.#pause;
  }

  /** Whether the transport was asked to take something and has not yet. */
  get busy(): boolean {
    return this.#writing !== undefined;
  }

  /** Whether the bytes of a ticket were, perhaps, handed over. */
  wasHanded(ticket: Ticket): boolean {
    return ticket.position < this.handed;
  }

  /**
   * Sends a message.
   *
   * @param message The message.
   * @param ticket Gets its position.
   * @param sent Called when all of it is in the output, but only if that is
   * not so when this returns.
   * @returns The size of its body in bytes.
   * @throws {WireError} `unsupportedValue` or `limit`; then nothing is sent.
   */
  send(message: Message, ticket?: Ticket, sent: () => void = nothing): number {
    const writer = this.#writer;
    this.#forgetTables();
    const start = writer.position;
    const size = this.encoder.encode(message);
    if (size > this.encoder.limits.frame) {
      const body = writer.written(start + FRAME_HEADER).slice();
      writer.position = start;
      this.#define(start);
      this.#enqueue(body, ticket, sent);
    } else {
      if (ticket !== undefined) ticket.position = this.handed + start;
      this.messages++;
      this.#define(start);
    }
    this.#schedule();
    return size;
  }

  /**
   * Encodes a message that has to wait.
   *
   * @param message The message.
   * @returns Its body, for {@linkcode sendBody}.
   * @throws {WireError} `unsupportedValue` or `limit`.
   */
  encode(message: Message): Uint8Array {
    const writer = this.#writer;
    const start = writer.position;
    this.encoder.encode(message);
    const body = writer.written(start + FRAME_HEADER).slice();
    writer.position = start;
    return body;
  }

  /** Sends a body that {@linkcode encode} made. See {@linkcode send}. */
  sendBody(body: Uint8Array, ticket: Ticket, sent: () => void): boolean {
    const writer = this.#writer;
    const start = writer.position;
    this.#define(start);
    this.#schedule();
    if (body.length > this.encoder.limits.frame) {
      this.#enqueue(body, ticket, sent);
      return false;
    }
    ticket.position = this.handed + writer.position;
    this.messages++;
    writer.uint32(body.length);
    writer.bytes(body);
    return true;
  }

  /**
   * Gives up a large message whose ticket this is.
   *
   * @returns Whether the peer will never see the whole of it.
   */
  abandon(ticket: Ticket): boolean {
    const index = this.#large.indexOf(ticket as LargeMessage);
    if (index < 0) return false;
    const large = this.#large[index]!;
    this.#large.splice(index, 1);
    this.#largeBytes -= large.body.length - large.offset;
    if (large.offset > 0) {
      this.#pieceHeader(large, PIECE.abandoned, 0);
      this.#schedule();
    }
    return true;
  }

  /** Resolves when all output so far was taken by the transport. */
  flush(): Promise<void> {
    if (this.#stopped || this.waiting === 0) return Promise.resolve();
    return new Promise((resolve) => this.#flushed.push(resolve));
  }

  /** Gives back memory that a burst of output took. */
  trim(): void {
    if (this.waiting === 0) this.#writer.trim();
  }

  /** Stops for good: what waits is dropped. */
  stop(): void {
    this.#stopped = true;
    this.#large = [];
    this.#largeBytes = 0;
    this.#finishFlush();
  }

  #define(start: number): void {
    if (this.encoder.tables.hasFresh) this.encoder.define(start);
  }

  /** Begins new tables where the old are full and nothing refers to them. */
  #forgetTables(): void {
    const { tables } = this.encoder;
    if (tables.full && this.#large.length === 0 && this.mayForget()) {
      this.encoder.reset();
    }
  }

  /** Whether no encoded message waits elsewhere. */
  mayForget: () => boolean = () => true;

  #enqueue(
    body: Uint8Array,
    ticket: Ticket | undefined,
    sent: () => void,
  ): void {
    const large = Object.assign(ticket ?? { position: Infinity }, {
      body,
      sent,
      offset: 0,
      number: this.#number,
    });
    this.#number = (this.#number + 1) % 0x1_0000_0000;
    this.#large.push(large);
    this.#largeBytes += body.length;
  }

  #schedule(): void {
    if (this.#scheduled || this.#writing !== undefined) return;
    this.#scheduled = true;
    queueMicrotask(this.#tick);
  }

  readonly #tick = (): void => {
    this.#scheduled = false;
    if (this.#writing === undefined) this.#pump();
  };

  #pump(): void {
    if (this.#stopped) return;
    this.#fillPieces();
    if (this.#writer.position === 0) return this.#finishFlush();
    const bytes = this.#writer.flip();
    this.handed += bytes.length;
    this.#writing = bytes;
    this.#taken = 0;
    this.progressAt = this.#clock.now();
    this.#write(bytes);
  }

  #write(bytes: Uint8Array<ArrayBuffer>): void {
    this.writes++;
    this.#transport.write(bytes).then(this.#wrote, this.#failed);
  }

  readonly #wrote = (count: number): void => {
    const writing = this.#writing!;
    this.#taken += count;
    this.progressAt = this.#clock.now();
    if (this.#taken < writing.length) {
      if (!this.#stopped) this.#write(writing.subarray(this.#taken));
      return;
    }
    this.#writing = undefined;
    this.#pump();
    if (this.hasRoom && !this.#stopped) this.onRoom();
  };

  readonly #failed = (error: unknown): void => {
    this.#writing = undefined;
    this.stop();
    this.#onFailed(error);
  };

  #finishFlush(): void {
    const flushed = this.#flushed;
    if (flushed.length === 0) return;
    this.#flushed = [];
    for (const resolve of flushed) resolve();
  }

  /** Puts pieces of the large messages behind what waits, in turns. */
  #fillPieces(): void {
    const writer = this.#writer;
    const most = this.encoder.limits.frame - PIECE_HEADER;
    while (this.#large.length > 0 && writer.position < PIECES_PER_WRITE) {
      const among = Math.min(this.#large.length, this.pieces);
      const index = this.#turn % among;
      const large = this.#large[index]!;
      const { body, offset } = large;
      const end = Math.min(body.length, offset + most);
      const last = end === body.length;
      if (offset === 0) large.position = this.handed + writer.position;
      this.#pieceHeader(large, last ? PIECE.last : PIECE.more, end - offset);
      writer.bytes(body.subarray(offset, end));
      large.offset = end;
      this.#largeBytes -= end - offset;
      if (last) {
        this.#large.splice(index, 1);
        this.messages++;
        large.sent();
      } else {
        this.#turn = index + 1;
      }
    }
  }

  #pieceHeader(large: LargeMessage, flag: number, count: number): void {
    const writer = this.#writer;
    const start = writer.position;
    writer.reserve(FRAME_HEADER);
    writer.position += FRAME_HEADER;
    writer.byte(KIND.piece);
    writer.varint(large.number);
    writer.byte(flag);
    const length = writer.position - start - FRAME_HEADER + count;
    writer.view.setUint32(start, length);
  }
}

function nothing(): void {}
