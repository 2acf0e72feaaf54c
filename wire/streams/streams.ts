/**
 * The streams of one wire, in both directions.
 *
 * @module
 */

import {
  CallStreams,
  type ProgressTeller,
  streamsCancelled,
  streamsTooLong,
} from "../rpc/pending_call.ts";
import type { CallOptions } from "../rpc/context.ts";
import { isStreamed, type StreamsOfCall } from "../codec/passing.ts";
import { type Clock, whenGivenUp } from "../base/clock.ts";
import { malformed, type Report, WireError } from "../base/errors.ts";
import { LazyMap, LazySet } from "../base/collections.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { LastMessage } from "../codec/codec.ts";
import {
  excessOf,
  Holdings,
  type Memory,
  type PassingQuota,
  TAKES,
  type WireLimits,
} from "../base/limits.ts";
import type { MessageOutput } from "../flow/output.ts";
import type { MessageExtras } from "../codec/message_receiver.ts";
import type { RemoteStream } from "../rpc/remote_types.ts";
import {
  type Failure,
  producerOf,
  Sink,
  SinkStream,
  Source,
} from "./stream_ends.ts";
import { remoteError, sendThrown } from "../rpc/thrown.ts";
import { MESSAGE_OVERHEAD } from "../codec/messages.ts";

/** The limits that streams have to do with. */
export type StreamLimits = Pick<
  WireLimits,
  "streams" | "streamWindow" | "window"
>;

/** What streams work with. */
export interface StreamsOptions {
  readonly output: MessageOutput;
  readonly clock: Clock;
  readonly limits: StreamLimits;
  /** What the peer takes: a guess, until its hello. */
  readonly peerLimits: StreamLimits;
  /** Why the wire has ended, if it has. */
  readonly lifetime: Pick<Lifetime, "reason">;
  /** Accounts for what waits to be taken, beyond its bytes. */
  readonly memory?: Memory;
  /** Bounds how many there are, together with other wires. */
  readonly quota?: PassingQuota | undefined;
  readonly onError: Report;
  /** Called when fewer streams are wanted. */
  onIdle(): void;
}

/**
 * How many bytes of a stream may be under way before the first credit: half of
 * the wire's window is shared out to all streams that there may be, the other
 * half is for those to grow whose consumer keeps up.
 */
function firstCredit({ streams, streamWindow, window }: StreamLimits): number {
  const share = Math.floor(window / 2 / streams);
  return Math.min(streamWindow, Math.max(1, share));
}

/** How many bytes are left at first for windows to grow. */
export function spareOf({ window }: StreamLimits): number {
  return Math.floor(window / 2);
}

/** So many numbers that were skipped are remembered. */
const SKIPPED = 256;

/**
 * The numbers that a peer has used for streams, in a little memory. They come
 * about in order: a number may be skipped, and come later or never.
 */
class UsedNumbers {
  /** All from here on are free. */
  #next = 0;
  /** Below that, nothing is known any more. */
  #known = 0;
  readonly #skipped = new LazySet<number>();

  /**
   * Uses a number.
   *
   * @returns False for one that is known to have been used.
   */
  use(number: number): boolean {
    if (number < this.#next) {
      return this.#skipped.delete(number) || number < this.#known;
    }
    const skipped = number - this.#next;
    if (this.#skipped.size + skipped > SKIPPED) {
      this.#skipped.clear();
      this.#known = number;
    } else {
      for (let n = this.#next; n < number; n++) this.#skipped.add(n);
    }
    this.#next = number + 1;
    return true;
  }
}

/** Opens, feeds and ends streams. */
export class Streams {
  /** The call whose arguments are just being sent, where it ends streams. */
  call: Pick<StreamsOfCall, "add"> | undefined;
  /** How many bytes are left for their windows to grow. */
  spare: number;

  readonly #options: StreamsOptions;
  readonly #sources = new LazyMap<number, Source>();
  readonly #sinks = new LazyMap<number, Sink>();
  /**
   * Streams that are over, and of which a call's signal may end the reading.
   */
  readonly #unread = new LazySet<Sink>();
  /** What came and was not taken. */
  readonly #holdings: Holdings;
  #nextId = 0;
  /** The numbers of those that came. */
  readonly #numbers = new UsedNumbers();
  /** How many streams of this side the peer knows of, or is about to. */
  #announced = 0;
  #room: PromiseWithResolvers<void> | undefined;
  #registry: FinalizationRegistry<Sink> | undefined;
  /** What streams fail with that come while this side closes. */
  #closing: (() => WireError) | undefined;

  /** @param options What to work with. */
  constructor(options: StreamsOptions) {
    this.#options = options;
    this.#holdings = new Holdings(options.memory);
    this.spare = spareOf(options.limits);
  }

  /** How many streams of this side are open. */
  get sending(): number {
    return this.#sources.size;
  }

  /** How many streams of the peer are open. */
  get receiving(): number {
    return this.#sinks.size;
  }

  /** What they take in memory, beyond what is made of what came. */
  get total(): number {
    const streams = this.#sources.size + this.#sinks.size + this.#unread.size;
    return this.#holdings.bytes + streams * TAKES.stream;
  }

  /** How many streams somebody still wants something of. */
  get wanted(): number {
    let count = 0;
    for (const source of this.#sources.values()) if (!source.isStopped) count++;
    for (const sink of this.#sinks.values()) if (!sink.isDone) count++;
    return count;
  }

  /**
   * How many may be sent: the peer's word is no limit of this side's memory.
   * Messages that waited for its hello may announce more than it takes: see
   * {@linkcode admit}.
   */
  get #most(): number {
    const { limits, peerLimits } = this.#options;
    return Math.min(peerLimits.streams, limits.streams);
  }

  /**
   * A message is about to be sent that announces streams of this side.
   *
   * @param sources The streams.
   * @returns Why the peer does not take them.
   */
  admit(sources: readonly Source[]): WireError | undefined {
    const fresh = sources.filter(({ isAnnounced }) => !isAnnounced);
    if (fresh.length === 0) return undefined;
    if (this.#announced + fresh.length > this.#most) {
      return this.#tooMany();
    }
    this.#announced += fresh.length;
    for (const source of fresh) source.isAnnounced = true;
    return undefined;
  }

  /**
   * Announces a stream of this side.
   *
   * @param value Anything.
   * @returns Undefined for what is no stream.
   * @throws {WireError} `limit` when the peer takes no more streams; and why the
   * wire has ended, where a getter of what is just being sent has ended it.
   */
  open(value: object): Source | undefined {
    if (!isStreamed(value)) return undefined;
    const { reason } = this.#options.lifetime;
    if (reason !== undefined) throw unsentStream(reason);
    if (this.#sources.size >= this.#most) throw this.#tooMany();
    const { output, onError, quota } = this.#options;
    const refusal = quota?.refusal("streams", 1);
    if (refusal !== undefined) throw refusal;
    const source = new Source(this.#id(), producerOf(value), {
      output,
      opening: this,
      onError,
      first: () => firstCredit(this.#options.peerLimits),
      most: () => this.#options.peerLimits.streamWindow,
      room: () => this.#whenRoom(),
      onOver: ({ id, isAnnounced }) => {
        if (isAnnounced) this.#announced--;
        this.#closed(this.#sources, id);
      },
    });
    this.#sources.set(source.id, source);
    this.call?.add(source);
    return source;
  }

  /**
   * Sends a one-way call whose streams end with its signal and its deadline.
   *
   * @param name The function's name.
   * @param options The call's.
   * @param progress Tells how far it is.
   * @param send Sends it.
   * @returns What that returns.
   */
  sendBound<T>(
    name: string,
    options: CallOptions,
    progress: ProgressTeller | undefined,
    send: () => T,
  ): T {
    const { deadline, signal, streams } = options;
    const isFree = streams === "free";
    const mayEnd = deadline !== undefined || signal !== undefined;
    if (progress === undefined && (isFree || !mayEnd)) return send();
    const call = new CallStreams(isFree, progress);
    // A getter among the arguments may call, too.
    const outer = this.call;
    this.call = call;
    try {
      return send();
    } finally {
      this.call = outer;
      if (call.size > 0) this.#guard(call, name, options);
    }
  }

  /** Sets up what may end the streams of a one-way call. */
  #guard(call: CallStreams, name: string, options: CallOptions): void {
    const cancel = (reason: unknown) =>
      call.end(streamsCancelled(name, reason));
    const stop = whenGivenUp(
      this.#options.clock,
      options,
      (deadline) => call.end(streamsTooLong(name, deadline)),
      cancel,
    );
    call.settled(stop);
    const { signal } = options;
    // A getter among the arguments may have aborted it.
    if (signal?.aborted) cancel(signal.reason);
  }

  /** A stream of the peer is announced. */
  receive(id: number): { sink: Sink; stream: RemoteStream<unknown> } {
    const { limits, output } = this.#options;
    if (this.#sinks.size >= limits.streams) {
      throw malformed(
        `At most ${limits.streams} streams are taken at a time (limit "streams"), and one more came.`,
      );
    }
    if (!this.#numbers.use(id)) {
      throw malformed(
        `The stream ${id} was announced again; each has a number of its own.`,
      );
    }
    const sink = new Sink(id, {
      first: firstCredit(limits),
      most: limits.streamWindow,
      grow: (wanted) => {
        const extra = Math.min(wanted, this.spare);
        this.spare -= extra;
        return extra;
      },
      credit: (id, amount) => output.send({ kind: "streamCredit", id, amount }),
      cancel: (id, reason) => this.#cancel(id, reason),
      onRead: (sink) => this.#unread.delete(sink),
      holdings: this.#holdings,
    });
    this.#sinks.set(id, sink);
    const stream = new SinkStream(sink);
    this.#registry ??= new FinalizationRegistry((sink) => this.#lost(sink));
    this.#registry.register(stream, sink);
    if (this.#closing !== undefined) this.#discard(sink, this.#closing());
    return { sink, stream };
  }

  /** Where the bytes of an item go; undefined where memory is to be made. */
  room(id: number, count: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#sinks.get(id)?.room(count);
  }

  /**
   * An item came, in a message.
   *
   * @returns Whether it was put where a reader had room; see {@linkcode Sink}.
   */
  item(
    id: number,
    value: unknown,
    message: LastMessage,
    extras?: MessageExtras,
  ): boolean {
    const sink = this.#sink(id);
    const cost = message.size + MESSAGE_OVERHEAD;
    const error = extras?.failure;
    if (error === undefined) {
      const excess = excessOf(message.weight, cost);
      return sink.put(
        { value, attachments: extras?.attachments, cost, excess },
        message,
      );
    }
    // Over a limit: the stream ends here.
    sink.spend(cost);
    if (sink.isDone) return false;
    sink.end({ error });
    this.#cancel(id, error);
    return false;
  }

  /** The producer has finished. */
  ended(id: number): void {
    const sink = this.#sink(id);
    this.#drop(sink);
    this.#end(sink);
  }

  /**
   * The producer has failed.
   *
   * @param weight What its reason takes in memory, which no window counts.
   */
  failed(
    id: number,
    thrown: unknown,
    weight: number,
    extras?: MessageExtras,
  ): void {
    const attachments = extras?.attachments;
    const sink = this.#sink(id);
    attachments?.label(`the failure of ${sink.place}`);
    this.#drop(sink);
    this.#end(sink, {
      error: remoteError(sink.place, extras?.failure ?? thrown),
      attachments,
      weight,
    });
  }

  /** The producer's side has ended it, or it refused to go on. */
  refused(id: number, code: string, message: string): void {
    const sink = this.#sink(id);
    this.#drop(sink);
    // Its call was given up, and with it what came and was not taken.
    const isSudden = code === "cancelled" || code === "deadline";
    this.#end(sink, { error: new WireError(code, message), isSudden });
  }

  /** The consumer gives credit. */
  credit(id: number, amount: number): void {
    this.#source(id)?.more(amount);
  }

  /** The consumer wants no more. */
  cancelled(id: number, reason: unknown, extras?: MessageExtras): void {
    const attachments = extras?.attachments;
    const source = this.#source(id);
    if (source === undefined || source.isStopped) return attachments?.drop();
    attachments?.label("the reason of a cancel");
    source.cancel(extras?.failure ?? reason);
    this.#options.onIdle();
  }

  /** The output has room again. */
  resume(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  /**
   * This side is closing: what comes from now on is discarded.
   *
   * @param reason Makes the reason; mostly there are no streams.
   */
  cancelAll(reason: () => WireError): void {
    this.#closing = reason;
    for (const sink of this.#sinks.values()) this.#discard(sink, reason());
  }

  #discard(sink: Sink, reason: WireError): void {
    if (sink.isDone) return;
    this.#cancel(sink.id, reason);
    sink.end({ error: reason });
  }

  /** The wire ended. */
  end(reason: WireError): void {
    const [sinks, sources] = [this.#sinks, this.#sources];
    for (const sink of [...sinks.values()]) {
      sink.end({ error: reason });
      sink.call?.remove(sink);
    }
    sinks.clear();
    for (const sink of this.#unread) sink.call?.remove(sink);
    this.#unread.clear();
    for (const source of [...sources.values()]) source.end(reason);
    sources.clear();
    this.#registry = undefined;
    this.resume();
  }

  #cancel(id: number, reason: unknown): void {
    const { output } = this.#options;
    const tell = () =>
      sendThrown(
        reason,
        output.encoder,
        (reason) => output.send({ kind: "streamCancel", id, reason }),
      );
    try {
      tell();
    } catch {
      // A getter of what is just being sent has aborted a signal.
      queueMicrotask(() => this.#sinks.has(id) && tell());
    }
    this.#options.onIdle();
  }

  /** Nobody has the stream any more, and nobody has ended it. */
  #lost(sink: Sink): void {
    if (sink.isDone) return void sink.cancel();
    const error = new WireError(
      "released",
      `A stream that came as ${sink.place} was never read to its end. Read it in a loop, or cancel() it.`,
    );
    sink.cancel(error);
    this.#options.onError(error, "a stream");
  }

  #sink(id: number): Sink {
    const sink = this.#sinks.get(id);
    if (sink !== undefined) return sink;
    throw malformed(`Something came for the stream ${id}, and there is none.`);
  }

  /** The source of a number; undefined when it has ended meanwhile. */
  #source(id: number): Source | undefined {
    const source = this.#sources.get(id);
    if (source === undefined && id >= this.#nextId) {
      throw malformed(`There was never a stream ${id}.`);
    }
    return source;
  }

  #tooMany(): WireError {
    return new WireError(
      "limit",
      this.#most === 0
        ? 'The peer takes no streams (the limit "streams" of either side is 0; a light wire takes none). Send a list.'
        : `At most ${this.#most} streams go to the peer at a time (the limit "streams" of either side). Let some of them end first, or raise that limit.`,
    );
  }

  /** A stream is over; its call has to do with it until all was read. */
  #end(sink: Sink, failure?: Failure): void {
    sink.end(failure);
    if (sink.call !== undefined) this.#unread.add(sink);
  }

  #drop(sink: Sink): void {
    this.spare += sink.grown;
    this.#closed(this.#sinks, sink.id);
  }

  #closed(table: { delete(id: number): boolean }, id: number): void {
    table.delete(id);
    this.#options.onIdle();
  }

  #id(): number {
    const id = this.#nextId;
    if (id === 0xffff_ffff) {
      throw new WireError(
        "limit",
        `A wire carries ${id} streams in its life. Open another one.`,
      );
    }
    this.#nextId++;
    return id;
  }

  #whenRoom(): Promise<void> {
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }
}

/** The error of a stream that is to be sent over a wire that has ended. */
function unsentStream(reason: WireError): WireError {
  const { code, message } = reason;
  return new WireError(code, `A stream was not sent: ${message}`, {
    cause: reason,
    sent: "notSent",
  });
}
