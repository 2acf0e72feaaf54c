/**
 * The one writer of a wire: everything that leaves goes through here, is
 * gathered until the end of the tick, and counted until it is handed over.
 *
 * @module
 */

import { ByteWriter } from "./bytes.ts";
import type { Clock } from "./clock.ts";
import { Encoder, type EncoderLimits, tooLarge } from "./codec.ts";
import { WireError } from "./errors.ts";
import { FRAME_HEADER } from "./frames.ts";
import { KIND, type Message } from "./messages.ts";
import { PIECE } from "./_pieces.ts";
import type { Transport } from "./transport.ts";

/** How much of large messages one write takes along. */
const PIECES_PER_WRITE = 256 * 1024;
/** What stands before the bytes of a piece, at most. */
const PIECE_HEADER = 12;

/** A message on its way. */
export interface Ticket {
  /** The offset of its first byte in the output; Infinity until it has one. */
  position: number;
  /**
   * Called when all of it is in the output, or with the reason why it never
   * will be; but only if that is later than the sending.
   */
  left?: ((failure?: Error) => void) | undefined;
}

/** A message that is encoded. */
export interface Body {
  /** How many bytes it has. */
  readonly size: number;
  /** The bytes. */
  readonly parts: readonly Uint8Array[];
  /** How many each part had when it was encoded. */
  readonly lengths: readonly number[];
}

/** Called when a large message has left, or could not; with its size. */
export type Sent = (size: number, failure?: Error) => void;

/** A message that travels in pieces. */
interface Large {
  readonly body: Body;
  readonly ticket: Ticket;
  /** Called when all of it is in the output, or when it cannot be sent. */
  readonly sent: Sent;
  readonly number: number;
  /** How many bytes are in the output. */
  offset: number;
  /** The part that comes next, and where in it. */
  part: number;
  partOffset: number;
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
  /** Whether messages larger than a frame may leave: not before acceptance. */
  mayCut = false;
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
  #large: Large[] = [];
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
   * @param ticket Learns its position, and when a large message has left.
   * @param sent Called when a large message has left, before the ticket.
   * @returns The size of its body in bytes.
   * @throws {WireError} `unsupportedValue` or `limit`; then nothing is sent.
   */
  send(
    message: Message,
    ticket: Ticket = { position: Infinity },
    sent: Sent = nothing,
  ): number {
    this.encoder.checkIdle();
    const writer = this.#writer;
    this.#forgetTables();
    const start = writer.position;
    const size = this.encoder.encode(message);
    const { frame } = this.encoder.limits;
    if (size > frame) {
      const body = this.#takeBody(start, size);
      if (!this.mayCut) throw tooLarge(size, frame);
      this.#define(start);
      this.#enqueue(body, ticket, sent);
    } else {
      ticket.position = this.handed + start;
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
  encode(message: Message): Body {
    const start = this.#writer.position;
    return this.#takeBody(start, this.encoder.encode(message));
  }

  /** Sends a body that {@linkcode encode} made. See {@linkcode send}. */
  sendBody(body: Body, ticket: Ticket, sent: Sent): void {
    this.encoder.checkIdle();
    const writer = this.#writer;
    this.#define(writer.position);
    this.#schedule();
    if (body.size > this.encoder.limits.frame) {
      return this.#enqueue(body, ticket, sent);
    }
    ticket.position = this.handed + writer.position;
    this.messages++;
    writer.uint32(body.size);
    for (const part of body.parts) writer.bytes(part);
  }

  /**
   * Gives up a large message whose ticket this is.
   *
   * @returns Whether the peer will never see the whole of it.
   */
  abandon(ticket: Ticket): boolean {
    const index = this.#large.findIndex((large) => large.ticket === ticket);
    if (index < 0) return false;
    this.encoder.checkIdle();
    this.#drop(index);
    this.#schedule();
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

  /** Drops the large messages that have not left. */
  dropLarge(failure: Error): void {
    const dropped = this.#large;
    this.#large = [];
    this.#largeBytes = 0;
    for (const { ticket } of dropped) ticket.left?.(failure);
  }

  /** Stops for good: what waits is dropped. */
  stop(): void {
    this.#stopped = true;
    this.#finishFlush();
  }

  /** Takes a message that was just encoded out of the writer. */
  #takeBody(start: number, size: number): Body {
    const writer = this.#writer;
    const from = start + FRAME_HEADER;
    const copied = writer.written(from).slice();
    const parts: Uint8Array[] = [];
    let at = 0;
    for (const { bytes, position } of writer.externals) {
      if (position - from > at) {
        parts.push(copied.subarray(at, position - from));
      }
      parts.push(bytes);
      at = position - from;
    }
    if (copied.length > at) parts.push(copied.subarray(at));
    writer.position = start;
    return { size, parts, lengths: parts.map((part) => part.length) };
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

  #enqueue(body: Body, ticket: Ticket, sent: Sent): void {
    this.#large.push({
      body,
      ticket,
      sent,
      number: this.#number,
      offset: 0,
      part: 0,
      partOffset: 0,
    });
    this.#number = (this.#number + 1) % 0x1_0000_0000;
    this.#largeBytes += body.size;
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
    while (this.#large.length > 0 && writer.position < PIECES_PER_WRITE) {
      const among = Math.min(this.#large.length, this.pieces);
      const index = this.#turn % among;
      const large = this.#large[index]!;
      const failure = changedPart(large);
      if (failure === undefined) {
        this.#piece(large);
        if (large.offset < large.body.size) {
          this.#turn = index + 1;
          continue;
        }
        this.messages++;
        this.#large.splice(index, 1);
      } else {
        this.#drop(index);
      }
      large.sent(large.body.size, failure);
      large.ticket.left?.(failure);
    }
  }

  /** Takes a large message out, and tells the peer if it has seen of it. */
  #drop(index: number): void {
    const [large] = this.#large.splice(index, 1);
    this.#largeBytes -= large!.body.size - large!.offset;
    if (large!.offset > 0) this.#pieceHeader(large!, PIECE.abandoned, 0);
  }

  /** Puts the next piece of a large message behind what waits. */
  #piece(large: Large): void {
    const writer = this.#writer;
    const { body, ticket } = large;
    const most = this.encoder.limits.frame - PIECE_HEADER;
    let count = Math.min(body.size - large.offset, most);
    if (large.offset === 0) ticket.position = this.handed + writer.position;
    this.#pieceHeader(large, PIECE.part, count);
    large.offset += count;
    this.#largeBytes -= count;
    writer.reserve(count);
    while (count > 0) {
      const part = body.parts[large.part]!;
      const from = large.partOffset;
      const to = Math.min(part.length, from + count);
      writer.bytes(part.subarray(from, to));
      count -= to - from;
      large.partOffset = to;
      if (to === part.length) {
        large.part++;
        large.partOffset = 0;
      }
    }
  }

  #pieceHeader(large: Large, flag: number, count: number): void {
    const writer = this.#writer;
    const start = writer.position;
    writer.reserve(FRAME_HEADER);
    writer.position += FRAME_HEADER;
    writer.byte(KIND.piece);
    writer.varint(large.number);
    writer.byte(flag);
    // The first piece tells how large the whole is.
    if (flag === PIECE.part && large.offset === 0) {
      writer.varint(large.body.size);
    }
    const length = writer.position - start - FRAME_HEADER + count;
    writer.view.setUint32(start, length);
  }
}

/** Why a large message cannot go on; undefined when it can. */
function changedPart({ body }: Large): WireError | undefined {
  const { parts, lengths } = body;
  const isWhole = parts.every((part, index) => part.length === lengths[index]);
  if (isWhole) return undefined;
  return new WireError(
    "unsupportedValue",
    "A byte array was transferred or resized before it had left. Leave large byte arrays alone until the promise of the call or message has settled.",
  );
}

function nothing(): void {}
