/**
 * The one writer of a wire: messages become frames here, and large ones leave
 * in pieces.
 *
 * @module
 */

import { ByteOutput } from "./_byte_output.ts";
import type { Clock } from "./clock.ts";
import { Encoder, type EncoderLimits } from "./codec.ts";
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
}

/** What the rest of a wire asks of an output, whatever the protocol. */
export type MessageOutput =
  & Pick<
    Output,
    | "abandon"
    | "busy"
    | "dropLarge"
    | "encode"
    | "flush"
    | "handed"
    | "hasRoom"
    | "mayForget"
    | "messages"
    | "pieces"
    | "progressAt"
    | "send"
    | "sendBody"
    | "stop"
    | "trim"
    | "waiting"
    | "wasHanded"
    | "writes"
  >
  & { readonly encoder: Pick<Encoder, "limits"> };

/** A message that travels in pieces. */
interface Large {
  readonly body: Body;
  readonly ticket: Ticket;
  /** Called when all of it is in the output. */
  readonly sent: () => void;
  readonly number: number;
  /** How many bytes are in the output. */
  offset: number;
  /** The part that comes next, and where in it. */
  part: number;
  partOffset: number;
}

/** Encodes messages, gathers their frames, and writes. */
export class Output extends ByteOutput {
  /** Turns messages into bytes. */
  readonly encoder: Encoder;
  /** Frames of whole messages, and messages in pieces, so far. */
  messages = 0;
  /** How many large messages may be under way at once; the peer's limit. */
  pieces = 1;

  /** Large messages: the first `pieces` of them take turns. */
  #large: Large[] = [];
  #turn = 0;
  #number = 0;

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
    super(transport, clock, pause, onFailed);
    this.encoder = new Encoder(this.writer, limits);
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
    sent: () => void = nothing,
  ): number {
    const writer = this.writer;
    this.#forgetTables();
    const start = writer.position;
    const size = this.encoder.encode(message);
    if (size > this.encoder.limits.frame) {
      const body = this.#takeBody(start, size);
      this.#define(start);
      this.#enqueue(body, ticket, sent);
    } else {
      ticket.position = this.handed + start;
      this.messages++;
      this.#define(start);
    }
    this.schedule();
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
    const start = this.writer.position;
    return this.#takeBody(start, this.encoder.encode(message));
  }

  /** Sends a body that {@linkcode encode} made. See {@linkcode send}. */
  sendBody(body: Body, ticket: Ticket, sent: () => void): void {
    const writer = this.writer;
    this.#define(writer.position);
    this.schedule();
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
    const large = this.#large[index]!;
    this.#large.splice(index, 1);
    this.elsewhere -= large.body.size - large.offset;
    if (large.offset > 0) {
      this.#pieceHeader(large, PIECE.abandoned, 0);
      this.schedule();
    }
    return true;
  }

  /** Drops the large messages that have not left. */
  dropLarge(failure: Error): void {
    const dropped = this.#large;
    this.#large = [];
    this.elsewhere = 0;
    for (const { ticket } of dropped) ticket.left?.(failure);
  }

  /** Takes a message that was just encoded out of the writer. */
  #takeBody(start: number, size: number): Body {
    const writer = this.writer;
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
    return { size, parts };
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

  #enqueue(body: Body, ticket: Ticket, sent: () => void): void {
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
    this.elsewhere += body.size;
  }

  /** Puts pieces of the large messages behind what waits, in turns. */
  protected override fill(): void {
    const writer = this.writer;
    while (this.#large.length > 0 && writer.position < PIECES_PER_WRITE) {
      const among = Math.min(this.#large.length, this.pieces);
      const index = this.#turn % among;
      const large = this.#large[index]!;
      this.#piece(large);
      if (large.offset < large.body.size) {
        this.#turn = index + 1;
        continue;
      }
      this.#large.splice(index, 1);
      this.messages++;
      large.sent();
      large.ticket.left?.();
    }
  }

  /** Puts the next piece of a large message behind what waits. */
  #piece(large: Large): void {
    const writer = this.writer;
    const { body, ticket } = large;
    const most = this.encoder.limits.frame - PIECE_HEADER;
    let count = Math.min(body.size - large.offset, most);
    if (large.offset === 0) ticket.position = this.handed + writer.position;
    this.#pieceHeader(large, PIECE.part, count);
    large.offset += count;
    this.elsewhere -= count;
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
    const writer = this.writer;
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

function nothing(): void {}
