/**
 * The consuming end of a stream: holds what came and was not taken, and gives
 * credit for what was.
 *
 * @module
 */

import { Queue } from "../base/collections.ts";
import {
  errorMessage,
  isA,
  malformed,
  rawBytes,
  Refusal,
  shown,
  WireError,
  wordsOf,
} from "../base/errors.ts";
import { type Holdings, isHeavy } from "../base/limits.ts";
import { quiet } from "../base/report.ts";
import { type Keeper, Kept, KeptBytes } from "../codec/codec.ts";
import { type Message, MESSAGE_OVERHEAD } from "../codec/messages.ts";
import {
  type BoundStream,
  endStreams,
  type ReceivedAttachments,
  type Streamed,
  type StreamsOfCall,
} from "../codec/passing.ts";
import { changed } from "../codec/value_writer.ts";
import type { MessageOutput, Ticket } from "../flow/output.ts";
import type { RemoteStream } from "../rpc/remote_types.ts";
import { refusal, refusalIn, sendThrown } from "../rpc/thrown.ts";

/** What a sink works with. */
export interface SinkOptions {
  /** How many bytes the producer may send at first. */
  readonly first: number;
  /** How many bytes may be on their way at most. */
  readonly most: number;
  /** Takes from what is left for windows to grow: as much as there is. */
  readonly grow: (wanted: number) => number;
  /** Gives the producer credit. */
  readonly credit: (id: number, amount: number) => void;
  /** Tells the producer that no more is wanted. */
  readonly cancel: (id: number, reason: unknown) => void;
  /** Called once nobody reads any more of it. */
  readonly onRead?: (sink: Sink) => void;
  /** Accounts for what waits to be taken. */
  readonly holdings: Holdings;
}

/** What came, and what it takes in memory beyond its cost. */
export interface Item {
  readonly value: unknown;
  readonly attachments?: ReceivedAttachments | undefined;
  readonly cost: number;
  readonly excess: number;
}

interface PendingRead {
  /** Where bytes are to go, if they fit. */
  readonly room: Uint8Array<ArrayBuffer> | undefined;
  resolve: (step: IteratorResult<unknown, undefined>) => void;
  reject: (error: unknown) => void;
  promise?: Promise<unknown>;
}

/** Why a stream failed, and the attachments of that. */
export interface Failure {
  readonly error: unknown;
  readonly attachments?: ReceivedAttachments | undefined;
  /** What the reason takes in memory. */
  readonly weight?: number;
  /** Whether what came before it and was not taken is discarded. */
  readonly isSudden?: boolean;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** One stream that comes. */
export class Sink implements BoundStream {
  /** Its number in the peer's direction of the wire. */
  readonly id: number;
  /** Where it came, for warnings. */
  place = "a message";
  /** How much its window has grown. */
  grown = 0;
  /** Whether somebody takes it: it can be taken once. */
  isTaken = false;
  /** The call that ends it, if one of this side does. */
  call: StreamsOfCall | undefined;

  readonly #options: SinkOptions;
  readonly #items = new Queue<Item>();
  readonly #reads = new Queue<PendingRead>();
  /** What the producer may still send. */
  #left: number;
  /** What was taken and the producer has no credit for yet. */
  #owed = 0;
  #isCancelled = false;
  #isOver = false;
  /** Why it failed, until somebody has heard. */
  #failure: Failure | undefined;
  #over: PromiseWithResolvers<void> | undefined;
  /** Where items are kept that take much more memory than their bytes. */
  #bytes: KeptBytes | undefined;

  /**
   * @param id Its number.
   * @param options What to work with.
   */
  constructor(id: number, options: SinkOptions) {
    this.id = id;
    this.#options = options;
    this.#left = options.first;
  }

  /** Whether nothing more is wanted, or comes. */
  get isDone(): boolean {
    return this.#isCancelled || this.#isOver;
  }

  /** Where the next item's bytes go, if somebody waits with room for them. */
  room(count: number): Uint8Array<ArrayBuffer> | undefined {
    const room = this.#reads.peek()?.room;
    return room === undefined || room.length < count ? undefined : room;
  }

  /**
   * An item came.
   *
   * @param item The item.
   * @param keeper Keeps it as its bytes, where it has no attachments.
   * @returns Whether it was put where a reader had room, who may bring some
   * for the next one as soon as promises have had their turns.
   * @throws {WireError} `malformed` when it is beyond the producer's credit.
   */
  put(item: Item, keeper?: Keeper): boolean {
    const { value, attachments, cost, excess } = item;
    this.spend(cost);
    if (this.isDone) {
      attachments?.drop();
      return false;
    }
    attachments?.label(`an item of ${this.place}`);
    if (this.call !== undefined) {
      attachments?.bind(this.call);
      const size = cost - MESSAGE_OVERHEAD;
      this.call.moved(
        "streamsReceived",
        value instanceof Uint8Array ? value.length : size,
      );
    }
    const read = this.#reads.shift();
    if (read !== undefined) {
      read.resolve({ done: false, value });
      this.#taken(cost);
      return read.room !== undefined;
    }
    if (attachments === undefined && keeper && isHeavy(excess, cost)) {
      const kept = keeper.keep(this.#bytes ??= new KeptBytes());
      this.#options.holdings.hold(cost, 0);
      this.#items.push({ value: kept, cost, excess: 0 });
      return false;
    }
    this.#options.holdings.hold(cost, excess);
    this.#items.push(item);
    return false;
  }

  /**
   * Takes an item off the producer's credit.
   *
   * @throws {WireError} `malformed` when it is beyond that.
   */
  spend(cost: number): void {
    if (this.#left <= 0) {
      throw malformed("An item of a stream came beyond its credit.");
    }
    this.#left -= cost;
  }

  /** The producer has finished, or failed. */
  end(failure?: Failure): void {
    if (this.isDone) failure?.attachments?.drop();
    else {
      if (failure?.isSudden) this.#drop();
      this.#failure = failure;
      this.#options.holdings.hold(0, failure?.weight ?? 0);
    }
    this.#isOver = true;
    this.#over?.resolve();
    this.#answerTakers();
    this.#checkEnd();
  }

  /** Ends it at once: what came and was not taken is discarded. */
  abort(reason: WireError): void {
    if (this.#isCancelled) return;
    const wasDone = this.#isOver;
    if (wasDone && this.#isEmpty) return;
    this.#drop();
    this.#failure = { error: reason };
    this.#isCancelled = true;
    if (!wasDone) {
      const { code, message } = reason;
      this.#options.cancel(this.id, refusal(code, message));
    }
    this.#answerTakers();
    this.#leaveCall();
  }

  /** Those who wait for an item get what is left, which is its end. */
  #answerTakers(): void {
    for (let read; (read = this.#reads.shift()) !== undefined;) {
      if (read.promise !== undefined) quiet(read.promise);
      this.take().then(read.resolve, read.reject);
    }
  }

  /** Whether nobody will learn anything more of it than that it is over. */
  get #isEmpty(): boolean {
    return this.#items.size === 0 && this.#failure === undefined;
  }

  /** The call has nothing left to end when all that came was taken. */
  #checkEnd(): void {
    if (this.#isOver && this.#items.size === 0) this.#leaveCall();
  }

  #leaveCall(): void {
    this.#options.onRead?.(this);
    this.call?.remove(this);
  }

  /** What came is released. */
  #drop(): void {
    for (let item; (item = this.#items.shift()) !== undefined;) {
      this.#options.holdings.give(item.cost, item.excess);
      item.attachments?.drop();
      if (item.value instanceof Kept) item.value.drop();
    }
    this.#failure?.attachments?.drop();
    this.#forgetFailure();
  }

  #forgetFailure(): void {
    this.#options.holdings.give(0, this.#failure?.weight ?? 0);
    this.#failure = undefined;
  }

  /**
   * Takes the next item, or waits for it.
   *
   * @param room Where its bytes are to go, if they come later and fit.
   */
  take(
    room?: Uint8Array<ArrayBuffer>,
  ): Promise<IteratorResult<unknown, undefined>> {
    const item = this.#items.shift();
    if (item !== undefined) {
      const { value, cost, excess } = item;
      this.#options.holdings.give(cost, excess);
      this.#taken(cost);
      this.#checkEnd();
      return Promise.resolve({
        done: false,
        value: value instanceof Kept ? value.take() : value,
      });
    }
    const failure = this.#failure;
    if (failure !== undefined) {
      this.#forgetFailure();
      return quiet(Promise.reject(failure.error));
    }
    if (this.isDone) return Promise.resolve(DONE);
    let read!: PendingRead;
    const promise = new Promise<IteratorResult<unknown, undefined>>((
      resolve,
      reject,
    ) => read = { room, resolve, reject });
    read.promise = promise;
    this.#reads.push(read);
    return promise;
  }

  /** No more is wanted; resolves when the producer has finished. */
  cancel(reason?: unknown): Promise<void> {
    this.#drop();
    this.#leaveCall();
    if (!this.isDone) {
      this.#isCancelled = true;
      for (let read; (read = this.#reads.shift()) !== undefined;) {
        read.resolve(DONE);
      }
      this.#options.cancel(this.id, reason);
    }
    if (this.#isOver) return Promise.resolve();
    this.#over ??= Promise.withResolvers<void>();
    return this.#over.promise;
  }

  #taken(cost: number): void {
    this.#owed += cost;
    const { first, most, grow, credit, holdings } = this.#options;
    const window = first + this.grown;
    if (this.#owed * 2 < window || this.isDone) return;
    const { isTight } = holdings;
    // Where memory is short, what waits is taken before more may come; and who
    // waits for the next item gets it, so that nothing stands still.
    if (isTight && this.#items.size > 0) return;
    let amount = this.#owed;
    this.#owed = 0;
    if (this.#items.size === 0 && window < most && !isTight) {
      // All was taken as it came: more may be on its way.
      const extra = grow(Math.min(window, most - window));
      this.grown += extra;
      amount += extra;
    }
    this.#left += amount;
    credit(this.id, amount);
  }
}

/** What the receiver of a stream gets. */
export class SinkStream implements RemoteStream<unknown> {
  readonly #sink: Sink;

  /** @param sink What is behind it. */
  constructor(sink: Sink) {
    this.#sink = sink;
  }

  get readable(): ReadableStream<unknown> {
    const take = this.#take();
    return new ReadableStream<unknown>({
      pull: async (controller) => {
        const { done, value } = await take();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => this.cancel(reason),
    }, { highWaterMark: 0 });
  }

  get bytes(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return byteStream(this.#take(), (reason) => this.cancel(reason));
  }

  cancel(reason?: unknown): Promise<void> {
    return this.#sink.cancel(reason);
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown, undefined, undefined> {
    const take = this.#take();
    return {
      // What a caller passes is no room for bytes.
      next: () => take(),
      // The consumer does not wait, whatever the producer still does.
      return: () => {
        this.cancel();
        return Promise.resolve(DONE);
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    return Promise.resolve();
  }

  #take(): Take {
    if (this.#sink.isTaken) {
      throw new WireError(
        "invalidArgument",
        "A stream can be read once: by one loop, or by its readable. Use the readable's tee() for two readers.",
      );
    }
    this.#sink.isTaken = true;
    return (room) => this.#sink.take(room);
  }
}

/** Takes the next item; its bytes go where there is room, if they are to come. */
type Take = (
  room?: Uint8Array<ArrayBuffer>,
) => Promise<IteratorResult<unknown, undefined>>;

/** The items of a stream, if they are bytes, as a byte stream. */
function byteStream(
  take: Take,
  cancel: (reason: unknown) => Promise<void>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  /** What came and found no room. */
  let rest: Uint8Array<ArrayBuffer> | undefined;
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      // Some engines have it for readers that bring a buffer alone.
      const room = roomOf(controller.byobRequest);
      while (rest === undefined) {
        const { done, value } = await take(room);
        if (done) {
          controller.close();
          // Whoever waits with a buffer gets it back.
          controller.byobRequest?.respond(0);
          return;
        }
        const chunk = bytesOf(value, cancel);
        // A chunk of nothing is none.
        if (chunk.length > 0) rest = chunk;
      }
      const chunk = rest;
      rest = undefined;
      if (room === undefined) {
        // The stream takes the buffer, and no more of it than this chunk.
        const { buffer, byteLength } = chunk;
        const isWhole = byteLength === buffer.byteLength;
        return controller.enqueue(isWhole ? chunk : chunk.slice());
      }
      const count = Math.min(chunk.length, room.length);
      if (chunk.buffer !== room.buffer) room.set(chunk.subarray(0, count));
      if (count < chunk.length) rest = chunk.subarray(count);
      controller.byobRequest!.respond(count);
    },
    cancel,
  }, { highWaterMark: 0 });
}

/** Where the one who reads wants the bytes; undefined where they may be anywhere. */
function roomOf(
  request: ReadableStreamBYOBRequest | null,
): Uint8Array<ArrayBuffer> | undefined {
  const view = request?.view;
  if (view === undefined || view === null) return undefined;
  const { buffer, byteOffset, byteLength } = view;
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** @throws {WireError} `invalidArgument` for an item that is something else. */
function bytesOf(
  value: unknown,
  cancel: (reason: unknown) => Promise<void>,
): Uint8Array<ArrayBuffer> {
  if (value instanceof Uint8Array) return value as Uint8Array<ArrayBuffer>;
  const error = new WireError(
    "invalidArgument",
    `The items of this stream are not bytes: one is ${
      shown(value)
    }. Read it by a loop, or by its readable.`,
  );
  cancel(error);
  throw error;
}

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
  /** Whether its consumer wants no more, or it has ended. */
  isStopped = false;
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
    if (this.isStopped) return;
    if (!isRetried) {
      return void this.#stop(
        new WireError("cancelled", "The stream was never sent."),
      );
    }
    this.isStopped = true;
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
    if (this.isStopped) return;
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
    if (this.isStopped) return;
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
      if (this.isStopped) return;
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
    while (!this.isStopped) {
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
    const whole = rawBytes(value);
    const count = whole.length;
    // As few parts as may be, of about the same size: where a little less fits
    // into a frame, it would be followed by a part of a few bytes.
    const parts = Math.ceil(count / Math.max(1, Math.min(PART, most)));
    const part = Math.ceil(count / parts) || 1;
    for (let from = 0; from === 0 || from < count; from += part) {
      // Parts that need not wait share a write.
      while (from > 0 && (this.#credit <= 0 || !output.hasRoom)) {
        if (!await this.#mayGoOn()) return;
      }
      if (whole.length !== count) throw changed("byte array");
      const bytes = whole.subarray(from, from + part);
      const sending = this.#send({ kind: "streamBytes", id, bytes });
      if (sending !== undefined) await sending;
      if (this.isStopped) return;
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
    this.call?.moved(
      "streamsSent",
      message.kind === "streamBytes" ? message.bytes.length : size,
    );
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
    this.isStopped = true;
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
    this.isStopped = true;
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
