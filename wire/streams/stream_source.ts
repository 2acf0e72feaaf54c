/**
 * The producing end of a stream: takes items from an iterable of this side as
 * far as the consumer's credit goes.
 *
 * @module
 */

import { errorMessage, malformed, Refusal, WireError } from "../base/errors.ts";
import {
  type BoundStream,
  endStreams,
  type Streamed,
  type StreamsOfCall,
} from "../codec/passing.ts";
import { type Message, MESSAGE_OVERHEAD } from "../codec/messages.ts";
import type { MessageOutput, Ticket } from "../flow/output.ts";
import { isA, rawBytes, wordsOf } from "../base/shown.ts";
import { refusalIn, sendThrown } from "../rpc/thrown.ts";
import { changed } from "../codec/value_writer.ts";

/** Byte arrays travel in parts of at most this size. */
const PART = 64 * 1024;
/** What the header of such a part takes at most. */
const PART_HEADER = 16;
/** More credit than any window is worth is a mistake. */
const MOST_CREDIT = 2 ** 31;

/** Something that gives items one after the other, and can be stopped. */
export interface Producer {
  next(): Promise<IteratorResult<unknown, unknown>>;
  stop(reason: unknown): Promise<unknown>;
  /** Nothing was taken: it can be sent again. */
  release(): void;
}

/** What a source works with. */
export interface SourceOptions {
  readonly output: MessageOutput;
  /** Told of the call to which the streams belong that are just announced. */
  readonly opening: { call: Pick<StreamsOfCall, "add"> | undefined };
  /** How many bytes the consumer takes at first. */
  readonly first: () => number;
  /** How many bytes it takes of an item. */
  readonly most: () => number;
  /** Resolves when the output has room again, or the wire has ended. */
  readonly room: () => Promise<void>;
  /** Called when the stream is over on this side. */
  readonly onOver: (source: Source) => void;
  /** Told what has no other place to go. */
  readonly onError: (error: unknown, where: string) => void;
}

/** One stream that is sent. */
export class Source implements BoundStream {
  /** Its number in this direction of the wire. */
  readonly id: number;
  /** Whether a message that announces it was sent, or is about to be. */
  isAnnounced = false;
  /** Called when the consumer wants no more. */
  onCancel: ((reason: WireError) => void) | undefined;
  /** The call that ends it, if one of this side does. */
  call: StreamsOfCall | undefined;

  readonly #options: SourceOptions;
  readonly #producer: Producer;
  #credit = 0;
  /** Whether the message that announces it was sent. */
  #isStarted = false;
  #isOver = false;
  /** Whether the producer was told to stop. */
  #isStopped = false;
  #goOn: (() => void) | undefined;
  /** Settles when the item that travels in pieces was sent. */
  #sending: Promise<void> | undefined;
  /** Why this side has ended it. */
  #reason: WireError | undefined;

  /**
   * @param id Its number.
   * @param producer Gives the items.
   * @param options What to work with.
   */
  constructor(id: number, producer: Producer, options: SourceOptions) {
    this.id = id;
    this.#producer = producer;
    this.#options = options;
  }

  /** Whether its consumer wants no more, or it has ended. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** The message that announces it was sent: items may follow. */
  start(): void {
    this.#isStarted = true;
    if (this.#reason !== undefined) return this.#tell(this.#reason);
    this.#credit += this.#options.first();
    this.#run();
  }

  /**
   * The message that was to announce it will not be sent.
   *
   * @param isRetried Whether it will be sent again with another message.
   */
  undo(isRetried: boolean): void {
    this.#over();
    if (this.#isStopped) return;
    if (!isRetried) {
      return void this.#stop(
        new WireError("cancelled", "The stream was never sent."),
      );
    }
    this.#isStopped = true;
    this.#producer.release();
  }

  /** The consumer gives credit. */
  more(amount: number): void {
    if (amount === 0) throw malformed("A stream was given credit of 0 bytes.");
    this.#credit += amount;
    if (this.#credit > MOST_CREDIT) {
      throw malformed(
        `The credit of a stream may be ${MOST_CREDIT} bytes at most, and adds up to ${this.#credit}.`,
      );
    }
    this.#wake();
  }

  /** The consumer wants no more. */
  cancel(reason: unknown): void {
    if (this.#isStopped) return;
    const error = refusalIn(reason) ?? new WireError(
      "cancelled",
      `The stream's consumer wants no more${
        reason instanceof Error ? `: ${reason.message}` : "."
      }`,
      { cause: reason },
    );
    this.call?.remove(this);
    this.onCancel?.(error);
    // Its end must not overtake the pieces of its last item.
    Promise.all([this.#stop(error), this.#sending]).then(() =>
      this.#finish({ kind: "streamEnd", id: this.id })
    );
  }

  /** Ends it at once, whatever the producer still does. */
  abort(reason: WireError): void {
    if (this.#isStopped) return;
    this.#reason = reason;
    this.#stop(reason);
    if (this.#isStarted) this.#tell(reason);
  }

  /** Tells the consumer why this side has ended it, behind the last item. */
  #tell(reason: WireError): void {
    Promise.resolve(this.#sending).then(() =>
      this.#finish(this.#failure(wordsOf(reason)))
    );
  }

  /** The wire ended. */
  end(reason: WireError): void {
    if (this.#isOver) return;
    this.#over();
    this.onCancel?.(reason);
    this.#stop(reason);
  }

  async #run(): Promise<void> {
    const { id } = this;
    while (await this.#mayGoOn()) {
      let step: IteratorResult<unknown, unknown>;
      try {
        step = await this.#producer.next();
      } catch (thrown) {
        return this.#finish(
          isA(thrown, Refusal)
            ? this.#failure(wordsOf(thrown))
            : { kind: "streamError", id, thrown },
        );
      }
      if (this.#isStopped) return;
      let value: unknown;
      try {
        // Whatever a program's iterator gives, or has getters for.
        if (step.done) return this.#finish({ kind: "streamEnd", id });
        value = step.value;
        await this.#put(value);
      } catch (error) {
        endStreams(value, error);
        const code = isA(error, WireError) ? error.code : "unsupportedValue";
        const message = `An item of a stream could not be sent: ${
          errorMessage(error)
        }`;
        this.#finish(this.#failure(wordsOf({ code, message })));
        return this.#stop(error);
      }
    }
  }

  /** Waits for credit and for room; false when nothing more is wanted. */
  async #mayGoOn(): Promise<boolean> {
    while (!this.#isStopped) {
      if (this.#credit <= 0) await this.#creditComes();
      else if (!this.#options.output.hasRoom) await this.#options.room();
      else return true;
    }
    return false;
  }

  /** Sends an item, whole, before the next one may follow. */
  async #put(value: unknown): Promise<void> {
    const { id } = this;
    const { output } = this.#options;
    // Other streams may have filled the output meanwhile.
    while (!output.hasRoom) if (!await this.#mayGoOn()) return;
    if (!(value instanceof Uint8Array)) {
      return this.#send({ kind: "streamValue", id, value });
    }
    const { frame } = output.encoder.limits;
    const most = Math.min(frame, this.#most) - PART_HEADER;
    const part = Math.max(1, Math.min(PART, most));
    const whole = rawBytes(value);
    const count = whole.length;
    for (let from = 0; from === 0 || from < count; from += part) {
      if (from > 0) {
        do if (!await this.#mayGoOn()) return; while (!output.hasRoom);
      }
      if (whole.length !== count) throw changed("byte array");
      const bytes = whole.subarray(from, from + part);
      await this.#send({ kind: "streamBytes", id, bytes });
    }
  }

  /** How many bytes an item may have. */
  get #most(): number {
    const { output, most } = this.#options;
    return Math.min(most(), output.encoder.limits.message);
  }

  #send(message: Message): Promise<void> | undefined {
    const { output, opening } = this.#options;
    const ticket: Ticket = { position: Infinity };
    let size: number;
    opening.call = this.call;
    try {
      size = output.send(message, ticket, undefined, this.#most);
    } finally {
      opening.call = undefined;
    }
    this.#credit -= MESSAGE_OVERHEAD + size;
    if (ticket.position !== Infinity) return undefined;
    return this.#sending = new Promise((resolve) =>
      ticket.onSettled = () => resolve()
    );
  }

  /** What the wire itself says of the stream's end. */
  #failure({ code, message }: { code: string; message: string }): Message {
    return { kind: "streamFail", id: this.id, code, message };
  }

  /** Says how the stream ended. */
  #finish(last: Message): void {
    if (this.#isOver) return;
    this.#isStopped = true;
    this.#over();
    const { output } = this.#options;
    if (last.kind !== "streamError") return void output.send(last);
    sendThrown(
      last.thrown,
      output.encoder,
      (thrown) => output.send({ ...last, thrown }),
    );
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.call?.remove(this);
    this.#options.onOver(this);
  }

  /** Stops the producer, whose `finally` then runs. */
  async #stop(reason: unknown): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    try {
      await this.#producer.stop(reason);
    } catch (error) {
      // What the same signal has ended need not be reported.
      if (reason instanceof WireError && error === reason.cause) return;
      this.#options.onError(error, "the end of a stream");
    }
  }

  #creditComes(): Promise<void> {
    return new Promise((resolve) => this.#goOn = resolve);
  }

  #wake(): void {
    const goOn = this.#goOn;
    this.#goOn = undefined;
    goOn?.();
  }
}

/**
 * What gives the items of something that streams.
 *
 * @param value A stream.
 * @throws {WireError} `unsupportedValue` for one that is taken already.
 */
export function producerOf(value: Streamed): Producer {
  if (value instanceof ReadableStream) {
    if (value.locked) {
      throw new WireError(
        "unsupportedValue",
        "The ReadableStream to be sent is locked: somebody reads it already. Send it before you read it, or send one branch of its tee().",
      );
    }
    const reader = value.getReader();
    return {
      next: () => reader.read() as Promise<IteratorResult<unknown>>,
      stop: (reason) => reader.cancel(reason),
      release: () => reader.releaseLock(),
    };
  }
  const iterator = value[Symbol.asyncIterator]();
  return {
    next: async () => await iterator.next(),
    stop: async () => await iterator.return?.(),
    release: () => {},
  };
}
