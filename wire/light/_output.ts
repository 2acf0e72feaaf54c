/**
 * What a light wire sends: messages as frames or, one after the other, in
 * pieces. It is collected until the end of the tick, and written one write at a
 * time.
 *
 * @module
 */

import { NO_BYTES } from "../base/collections.ts";
import type { Clock } from "../base/clock.ts";
import { isA, WireError } from "../base/errors.ts";
import type { WireLimits } from "../base/limits.ts";
import { FRAME_HEADER, PIECE } from "../codec/frames.ts";
import {
  CHANNELS,
  FEATURE,
  HELLO_LIMITS,
  KIND,
  MAGIC,
  type Message,
  type PeerLimits,
  VERSION,
} from "../codec/messages.ts";
import { SmallWriter } from "../codec/small_values.ts";
import { unreadable } from "../codec/value_writer.ts";
import { checkWritten, type Transport } from "../transport/transport.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What stands in front of the bytes of a piece, at most. */
const PIECE_HEADER = 8;
/** An answer of so many bytes always finds room: each call has to have one. */
const SMALL_ANSWER = 1_024;

/** What every peer takes before it has told. */
const UNTOLD = {
  frame: 4_096,
  message: 4_096,
  nesting: 1,
  values: 1,
  bigint: 1,
} as const;

/** The messages that hold no values, but a hello. */
type Control = Extract<
  Message,
  {
    readonly kind:
      | ("accept" | "close" | "finish")
      | ("ping" | "pong")
      | ("cancel" | "credit" | "fail" | "abort");
  }
>;

/** What a light output is made with. */
interface LightOutputOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly limits: Readonly<WireLimits>;
  /** Room was made. */
  readonly onRoom: () => void;
  /** A write failed. Called once. */
  readonly onFailed: (error: unknown) => void;
}

/** The way out of a light wire. */
export class LightOutput {
  /** What the peer takes. */
  peer: Pick<WireLimits, keyof typeof UNTOLD> = UNTOLD;
  /** How many bytes were handed to the transport. */
  handed = 0;
  /** How many wait, or are being taken. */
  waiting = 0;
  /** When the transport last took something, or was asked to. */
  progressAt = 0;
  /** Whether something is being written, or about to be. */
  busy = false;

  readonly #options: LightOutputOptions;
  #isOpen = false;
  #isStopped = false;
  /** What waits to be handed over: as many of these bytes as `#size` says. */
  #buffer: Bytes = NO_BYTES;
  #size = 0;
  /** Messages that are too large until the peer has accepted. */
  #held: Bytes[] = [];
  #flushed: (() => void)[] = [];

  /** @param options Where the bytes go, and who is told what becomes of it. */
  constructor(options: LightOutputOptions) {
    this.#options = options;
  }

  /** Whether calls may begin, and be made. */
  get hasRoom(): boolean {
    return this.waiting < this.#options.limits.sendPause;
  }

  /** Resolves when all output so far was taken by the transport. */
  flush(): Promise<void> {
    if (!this.busy || this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => this.#flushed.push(resolve));
  }

  /** Stops for good: what waits is dropped. */
  stop(): void {
    this.#isStopped = true;
    this.drop();
    for (const resolve of this.#flushed.splice(0)) resolve();
  }

  /** The peer has told its limits. */
  greet(peer: PeerLimits): void {
    const { helloFrame, frame, message, pieces } = peer;
    this.peer = {
      ...peer,
      frame: Math.min(helloFrame, frame),
      message: pieces === 0 ? Math.min(frame, message) : message,
    };
  }

  /** The peer has accepted, and takes frames of any size. */
  open({ frame }: PeerLimits): void {
    this.peer = { ...this.peer, frame };
    this.#isOpen = true;
    for (const message of this.#held.splice(0)) {
      this.waiting -= message.length;
      this.put(message);
    }
  }

  /** Drops what was not begun to be written. */
  drop(): void {
    this.waiting -= this.#size;
    this.#size = 0;
    this.#buffer = NO_BYTES;
  }

  /**
   * Encodes a message.
   *
   * @param write Writes its body.
   * @param most How many bytes that may have.
   * @returns The body, with room for the length of its frame in front of it.
   * @throws {WireError} `unsupportedValue` or `limit`.
   */
  encode(
    write: (writer: SmallWriter) => void,
    most: number = this.peer.message,
  ): Bytes {
    const writer = new SmallWriter(
      this.peer,
      FRAME_HEADER,
      most + FRAME_HEADER,
    );
    try {
      write(writer);
    } catch (error) {
      throw isA(error, WireError) ? error : unreadable(error);
    }
    return writer.buffer.subarray(0, writer.position);
  }

  /**
   * Sends what {@linkcode encode} made.
   *
   * @param message The message.
   * @param frame How large a frame the peer takes.
   * @returns At which position of the output it begins.
   */
  put(message: Bytes, frame: number = this.peer.frame): number {
    const start = this.handed + this.#size;
    const size = message.length - FRAME_HEADER;
    if (size <= frame) {
      new DataView(message.buffer).setUint32(0, size);
      this.#add(message);
    } else if (this.#isOpen) {
      this.#cut(message.subarray(FRAME_HEADER), frame);
    } else {
      this.#held.push(message);
      this.waiting += message.length;
    }
    return start;
  }

  #add(part: Bytes): void {
    if (this.#isStopped) return;
    const at = this.#size;
    this.#size += part.length;
    this.waiting += part.length;
    // In one buffer: many small parts would take a multiple of their bytes.
    if (this.#size > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(this.#size, 2 * at));
      grown.set(this.#buffer.subarray(0, at));
      this.#buffer = grown;
    }
    this.#buffer.set(part, at);
    if (this.busy) return;
    this.busy = true;
    this.progressAt = this.#options.clock.now();
    queueMicrotask(() => this.#write());
  }

  /** All pieces are sent in a row, so that each message may have the number 0. */
  #cut(body: Bytes, frame: number): void {
    const step = frame - PIECE_HEADER;
    for (let at = 0; at < body.length; at += step) {
      const part = body.subarray(at, at + step);
      const header = new SmallWriter(this.peer, FRAME_HEADER, frame);
      header.byte(KIND.piece);
      header.varint(0);
      header.byte(PIECE.part);
      if (at === 0) header.varint(body.length);
      const { view, position } = header;
      view.setUint32(0, position - FRAME_HEADER + part.length);
      this.#add(header.buffer.subarray(0, position));
      this.#add(part);
    }
  }

  async #write(): Promise<void> {
    const { transport, clock, onRoom, onFailed } = this.#options;
    try {
      while (this.#size > 0 && !this.#isStopped) {
        let bytes = this.#take();
        while (bytes.length > 0) {
          const { length } = bytes;
          const count = checkWritten(
            await transport.write(bytes),
            bytes,
            length,
          );
          if (this.#isStopped) return;
          this.progressAt = clock.now();
          this.waiting -= count;
          bytes = bytes.subarray(count);
        }
        if (this.hasRoom) onRoom();
      }
      this.busy = false;
      for (const resolve of this.#flushed.splice(0)) resolve();
    } catch (error) {
      this.busy = false;
      this.stop();
      onFailed(error);
    }
  }

  /** Takes all that waits. */
  #take(): Bytes {
    const bytes = this.#buffer.subarray(0, this.#size);
    this.handed += this.#size;
    this.#size = 0;
    this.#buffer = NO_BYTES;
    return bytes;
  }

  /** Sends an answer: it fails where too much waits. */
  answer(message: Bytes): void {
    const { length } = message;
    const { sendMost } = this.#options.limits;
    if (
      length <= SMALL_ANSWER || this.hasRoom ||
      this.waiting + length <= sendMost
    ) return void this.put(message);
    throw new WireError(
      "limit",
      `It has ${length} bytes, and ${this.waiting} bytes wait already for the peer (limit "sendMost": ${sendMost}).`,
    );
  }

  /**
   * Says what this side takes, and shows a secret.
   *
   * @param limits This side's limits.
   * @param credential The secret; empty for none.
   */
  hello(limits: PeerLimits, credential: string): void {
    const hello = this.encode((writer) => {
      writer.byte(KIND.hello);
      for (const unit of MAGIC) writer.byte(unit.charCodeAt(0));
      writer.byte(VERSION);
      writer.varint(FEATURE.simple);
      writer.varint(HELLO_LIMITS.length);
      for (const name of HELLO_LIMITS) writer.varint(limits[name]);
      writer.text(credential);
      // It serves by no contract.
      writer.text("");
    }, Infinity);
    // However long the secret is: only the peer knows what it takes.
    this.put(hello, hello.length);
  }

  /** Sends a message that holds no values. */
  send(message: Control): number {
    return this.put(this.encode((writer) => {
      writer.byte(KIND[message.kind]);
      switch (message.kind) {
        case "ping":
        case "pong":
          return writer.uint32(message.token);
        case "cancel":
          return writer.varint(message.id);
        case "credit":
          writer.byte(CHANNELS.indexOf(message.channel));
          return writer.varint(message.amount);
        case "fail":
          writer.varint(message.id);
          writer.text(message.code);
          return writer.text(message.message);
        case "abort":
          writer.text(message.code);
          return writer.text(message.message);
        default:
          message.kind satisfies "accept" | "close" | "finish";
      }
    }));
  }
}
