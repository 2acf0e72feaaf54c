/**
 * A transport over what carries messages, and neither waits nor can be made to
 * wait: a WebSocket, or a port of a Worker. So both ends count: the receiver
 * tells how much it has dealt with, and the sender has no more under way than
 * the receiver wants to hold.
 *
 * @module
 */

import { WireError } from "../wire/base/errors.ts";
import type { Transport, WireAddress } from "../wire/transport/transport.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** So much may be under way, in units: bytes, and some more for each message. */
const WINDOW = 1024 * 1024;
/** What a message counts for beyond its bytes. */
const OVERHEAD = 64;
/** So much the receiver lets come together before it tells. */
const TOLD_AT = WINDOW / 4;
/** What is larger is sent in parts: the most that one message has. */
const LARGEST = WINDOW / 4 - OVERHEAD;

/** What is larger than this may be held back, so that it is sent in parts. */
const PART = 1024;
/** What is as large as this is held back no more. */
const BULK = 64 * 1024;
/** So many turns of promises after a part, an answer to it is written. */
const FOLLOWS = 4;

/** What carries messages. */
export interface Channel {
  /** Sends bytes, or a copy of them; none are the end of this direction. */
  send(bytes: Bytes): void;
  /** Tells the peer of how much was dealt with, in units. */
  tell(units: number): void;
  /** Closes. What was sent before arrives if the channel can see to it. */
  close(): void;
  /**
   * Whether it takes more now, where several channels share one connection.
   *
   * @param again Where it does not: to be called when it may.
   */
  hasRoom?(again: () => void): boolean;
}

/** What a transport over messages is made with. */
export interface MessageTransportOptions {
  /** Where the peer is. */
  readonly address: WireAddress;
  /** What carries the messages. */
  readonly channel: Channel;
  /** Whether messages may be sent at once; otherwise `opened()` says when. */
  readonly isOpen: boolean;
  /** How many bytes a message may have at most, where that is little. */
  readonly largest?: number;
  /**
   * Whether to tell soon of little, where nothing else is sent: a peer whose
   * TCP collects small messages sends the next one only then.
   */
  readonly isPrompt?: boolean;
  /**
   * Whether the platform writes the head of a message above 1 KiB by itself. Its
   * TCP may then hold the rest back until the peer says something, which it does
   * after 40 ms. So it is sent in parts of 1 KiB, and the peer answers each, or
   * tells of it at once.
   */
  readonly isHeldBack?: boolean;
}

/** What came, and how much of it the peer was not told of, in units. */
class Arrived {
  /** How much of it was taken. */
  taken = 0;
  /** Whether what was taken last may be a part of more. */
  isPart = false;
  #held = 0;
  #chunks: Uint8Array[] = [];
  /** Those in front of it were taken. */
  #next = 0;

  /** Adds a message; false where that is too much. */
  add(bytes: Uint8Array): boolean {
    this.#held += bytes.length + OVERHEAD;
    this.#chunks.push(bytes);
    return this.#held <= WINDOW;
  }

  /** Takes the next; undefined where there is none. */
  take(): Uint8Array | undefined {
    const bytes = this.#chunks[this.#next];
    if (bytes === undefined) return undefined;
    if (++this.#next === this.#chunks.length) this.clear();
    this.taken += bytes.length + OVERHEAD;
    this.isPart = bytes.length === PART;
    return bytes;
  }

  /** Forgets all that was not taken. */
  clear(): void {
    this.#chunks = [];
    this.#next = 0;
  }

  /**
   * The peer is told of what was taken.
   *
   * @param kept How many units it is told of later.
   * @returns How much that is.
   */
  settle(kept: number): number {
    const units = this.taken - kept;
    this.#held -= units;
    this.taken = kept;
    return units;
  }
}

/** Messages as a transport; who has the channel tells it what comes. */
export class MessageTransport implements Transport {
  /** Where the peer is. */
  readonly address: WireAddress;

  readonly #channel: Channel;
  readonly #options: MessageTransportOptions;
  readonly #largest: number;
  #isOpen: boolean;
  readonly #came = new Arrived();
  /** How much more may be sent, in units. */
  #credit = WINDOW;
  #hasSent = false;
  #endSent = false;
  #endCame = false;
  #isClosed = false;
  #failure: Error | undefined;
  #reader: PromiseWithResolvers<Uint8Array | null> | undefined;
  #writer: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param options Its channel, and where that leads. */
  constructor(options: MessageTransportOptions) {
    this.address = options.address;
    this.#channel = options.channel;
    this.#isOpen = options.isOpen;
    this.#options = options;
    this.#largest = Math.min(LARGEST, options.largest ?? LARGEST);
  }

  /** Reads the next bytes; null at the end. */
  read(): Promise<Uint8Array | null> {
    this.#tellOfTaken();
    const bytes = this.#came.take();
    if (bytes !== undefined) return Promise.resolve(bytes);
    if (this.#isClosed || this.#endCame) return Promise.resolve(null);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  /** Writes what may be under way; gives how much that is. */
  async write(bytes: Bytes): Promise<number> {
    const part = bytes.subarray(0, this.#nextLength(bytes.length));
    while (this.#mayWrite() && !this.#hasRoom(part.length + OVERHEAD)) {
      await new Promise<void>((resolve) => this.#writer = resolve);
    }
    if (!this.#mayWrite()) throw this.#failure ?? closed();
    this.#credit -= part.length + OVERHEAD;
    this.#hasSent = true;
    this.#channel.send(part);
    return part.length;
  }

  /** How much of so many bytes the next message has. */
  #nextLength(length: number): number {
    const isHeldBack = this.#options.isHeldBack === true && length < BULK;
    return Math.min(length, isHeldBack ? PART : this.#largest);
  }

  /** Ends this side's direction. */
  async closeWrite(): Promise<void> {
    while (this.#mayWrite() && !this.#isOpen) {
      await new Promise<void>((resolve) => this.#writer = resolve);
    }
    if (!this.#mayWrite()) return;
    this.#endSent = true;
    this.#channel.send(new Uint8Array());
    if (this.#endCame) this.#channel.close();
  }

  /** Ends both directions at once. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#came.clear();
    this.#channel.close();
    this.#settle();
  }

  /** The channel is open. */
  opened(): void {
    this.#isOpen = true;
    this.#wake();
  }

  /** Bytes came; none are the end of the peer's direction. */
  received(bytes: Uint8Array): void {
    if (this.#isClosed || this.#endCame || this.#failure !== undefined) return;
    if (bytes.length === 0) {
      this.#endCame = true;
      if (this.#endSent) this.#channel.close();
      this.#settle();
      return;
    }
    if (!this.#came.add(bytes)) {
      return this.failed(
        new WireError(
          "limit",
          `The peer sent more than ${WINDOW} units (a byte, and ${OVERHEAD} for each message) of which it was not told that they were read.`,
        ),
      );
    }
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.resolve(this.#came.take()!);
  }

  /** The peer has dealt with so much. */
  told(units: number): void {
    const credit = this.#credit + units;
    const isFine = Number.isInteger(units) && units > 0 && credit <= WINDOW;
    if (!isFine) {
      return this.failed(
        new WireError(
          "malformed",
          `The peer says that it has read ${units} units, of ${
            WINDOW - this.#credit
          } that were sent.`,
        ),
      );
    }
    this.#credit = credit;
    this.#wake();
    // What the peer sends next may be held back until this end says something.
    if (this.#options.isPrompt === true) this.#tellSoon(0);
  }

  /** Nothing more will come, and nothing can be sent. */
  over(): void {
    this.#endCame = this.#endSent = true;
    this.#settle();
  }

  /**
   * The channel broke, or the peer breaks the rules. What came before can be
   * read; who reads on learns why, and closes.
   *
   * @param error Why; a `WireError` is what the wire ends with.
   */
  failed(error: Error): void {
    if (this.#isClosed || this.#failure !== undefined) return;
    this.#failure = error;
    this.#settle();
  }

  /** Whether so much may be under way now; whoever waits is woken then. */
  #hasRoom(units: number): boolean {
    return this.#isOpen && this.#credit >= units &&
      (this.#channel.hasRoom?.(this.#wakeWriter) ?? true);
  }

  #mayWrite(): boolean {
    return !this.#isClosed && !this.#endSent && this.#failure === undefined;
  }

  /** What was read is dealt with when the next is asked for. */
  #tellOfTaken(): void {
    const isOver = this.#isClosed || this.#endCame ||
      this.#failure !== undefined;
    const { taken, isPart } = this.#came;
    const { isPrompt } = this.#options;
    // One unit is kept, so that there is always something to say.
    const kept = isPrompt === true ? 1 : 0;
    if (isOver || taken <= kept) return;
    if (taken >= TOLD_AT) return this.#tell(kept);
    if (isPrompt !== true) return;
    if (isPart) return this.#tellSoon(kept);
    this.#hasSent = false;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#tellUnlessSent(kept);
    });
  }

  /** Tells of what was taken, unless what follows from it is sent. */
  #tellSoon(kept: number): void {
    this.#hasSent = false;
    const wait = (turns: number): void => {
      if (turns === 0) this.#tellUnlessSent(kept);
      else queueMicrotask(() => wait(turns - 1));
    };
    wait(FOLLOWS);
  }

  #tellUnlessSent(kept: number): void {
    // Whatever is sent says by itself that something has come.
    if (!this.#hasSent && this.#mayWrite() && this.#came.taken > kept) {
      this.#tell(kept);
    }
  }

  #tell(kept: number): void {
    this.#channel.tell(this.#came.settle(kept));
  }

  /** Whoever waits learns that it is over. */
  #settle(): void {
    clearTimeout(this.#timer);
    this.#wake();
    const reader = this.#reader;
    this.#reader = undefined;
    if (this.#failure === undefined) reader?.resolve(null);
    else reader?.reject(this.#failure);
  }

  readonly #wakeWriter = (): void => this.#wake();

  #wake(): void {
    const writer = this.#writer;
    this.#writer = undefined;
    writer?.();
  }
}

function closed(): Error {
  return new Error("The connection was closed.");
}
