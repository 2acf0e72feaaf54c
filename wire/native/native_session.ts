/**
 * What is behind a wire: one read loop that routes what comes, one way out,
 * one place where everything ends.
 *
 * @module
 */

import { mistaken } from "../base/checks.ts";
import { NO_BYTES } from "../base/collections.ts";
import { type Clock, Turn } from "../base/clock.ts";
import {
  errorMessage,
  isA,
  looksLikeText,
  malformed,
  OwnTrouble,
  shortText,
  WireError,
} from "../base/errors.ts";
import { Lifetime } from "../base/lifetime.ts";
import {
  excessOf,
  type Holder,
  Memory,
  type PassingQuota,
  TAKES,
  type WireLimits,
} from "../base/limits.ts";
import { failed, type Report, unawaited, unsent } from "../base/report.ts";
import { Decoder, type LastMessage } from "../codec/codec.ts";
import { FRAME_HEADER, frameLength } from "../codec/frames.ts";
import type {
  CallExtras,
  MessageExtras,
  MessageReceiver,
} from "../codec/message_receiver.ts";
import {
  type Channel,
  type Hello,
  type Message,
  MESSAGE_OVERHEAD,
  notAWire,
  type Target,
} from "../codec/messages.ts";
import { endStreams } from "../codec/passing.ts";
import type { ValueTypes } from "../codec/value_types.ts";
import type { OutputListener } from "../flow/byte_output.ts";
import { Output } from "../flow/output.ts";
import type { ReceiveWindow } from "../flow/windows.ts";
import {
  type Import,
  Objects,
  type ObjectsOptions,
} from "../objects/objects.ts";
import type { Calls } from "../rpc/calls.ts";
import type { CallOptions } from "../rpc/context.ts";
import type { IncomingCalls, ServesOnce } from "../rpc/incoming_calls.ts";
import { DONE, Messaging, type MessagingOptions } from "../rpc/messaging.ts";
import { callThrough, type Middleware } from "../rpc/middleware.ts";
import { rejected } from "../rpc/pending_call.ts";
import type { Caller } from "../rpc/remote.ts";
import type { Session, SessionOptions, WireStats } from "../session/dialect.ts";
import {
  abortedBy,
  closedReason,
  drainAndClose,
  GracefulClose,
  type GracefulCloseOptions,
  Handshake,
  Keepalive,
  type KeepaliveOptions,
  lostReason,
  type Openable,
  Pings,
} from "../session/handshake.ts";
import {
  spareOf,
  type StreamLimits,
  Streams,
  type StreamsOptions,
} from "../streams/streams.ts";
import {
  ChunkCheck,
  type Delivering,
  formatAddress,
  type Transport,
  type WireAddress,
} from "../transport/transport.ts";

/** How much of the peer's allowance of cancels is used: clocks differ. */
const CANCEL_SHARE = 0.9;

/** From so many bytes on, a reader is waited for that may bring a buffer. */
const LONG = 4096;

/** Where messages go. */
export interface MessageRoutes {
  readonly messaging: Messaging;
  readonly objects: Objects;
  readonly streams: Streams;
  readonly handshake: Handshake;
  readonly closing: GracefulClose;
  readonly pings: Pings;
  /** What is known of the message that is routed. */
  readonly decoder: LastMessage;
  /** Tells whether anything is still wanted. */
  readonly lifetime: Lifetime;
  /** Tells whether it is others' turn. */
  readonly turn: Turn;
  /** The peer has said its hello, with what it takes. */
  onHello(limits: StreamLimits): void;
  /** The peer has nothing left to do. */
  onFinished(): void;
  /** The peer has ended the wire. */
  onAborted(code: string, message: string): void;
}

/** The receiver of one wire's messages. */
export class MessageRouter implements MessageReceiver {
  readonly #routes: MessageRoutes;
  // What most messages need is at hand.
  readonly #calls: Calls;
  #incoming: IncomingCalls | undefined;
  #sendWindow: ReceiveWindow | undefined;
  readonly #lifetime: Lifetime;
  readonly #message: LastMessage;
  readonly #turn: Turn;
  /** Whether the wire was just accepted: see {@linkcode goOn}. */
  isOpening = false;
  /** Whether a reader of bytes may be about to bring its next buffer. */
  isServing = false;

  /** @param routes Where messages go. */
  constructor(routes: MessageRoutes) {
    this.#routes = routes;
    this.#calls = routes.messaging.calls;
    this.#lifetime = routes.lifetime;
    this.#message = routes.decoder;
    this.#turn = routes.turn;
  }

  /**
   * Whether the wire has ended, or was just accepted, or others have their turn
   * first. It is asked once for each message, and counts them.
   */
  get isPaused(): boolean {
    return this.#turn.spend() || this.isOpening || this.isServing ||
      this.#lifetime.reason !== undefined;
  }

  /** Those that wait for the opening, or for bytes, have had their turns. */
  goOn(): void {
    this.isOpening = this.isServing = false;
  }

  hello(hello: Hello): void {
    const { objects, handshake } = this.#routes;
    const { limits } = hello;
    this.#calls.allowCancels(
      Math.floor(limits.cancels * CANCEL_SHARE),
      limits.cancelsPerSecond * CANCEL_SHARE,
    );
    objects.setPeerLimits(limits.objects);
    this.#routes.onHello(limits);
    handshake.hello(hello);
  }

  accept(): void {
    this.isOpening = true;
    this.#routes.handshake.accept();
  }

  message(value: unknown, size: number, extras?: MessageExtras): void {
    this.#checkLast("message");
    const { inbox, messageWindow } = this.#routes.messaging;
    const cost = size + MESSAGE_OVERHEAD;
    messageWindow.received(cost);
    const excess = excessOf(this.#message.weight, cost);
    const keeper = extras === undefined ? this.#message : undefined;
    inbox.put(value, extras?.failure, cost, excess, keeper);
  }

  send(name: string, args: unknown[], size: number, extras?: CallExtras): void {
    if (this.#isTooLate(extras)) return;
    this.#checkLast("one-way call");
    const cost = size + MESSAGE_OVERHEAD;
    const { messaging } = this.#routes;
    (this.#sendWindow ??= messaging.sendWindow).received(cost);
    const excess = this.#excessOver(cost);
    (this.#incoming ??= messaging.incoming)
      .send(name, args, cost, extras, excess);
  }

  call(
    id: number,
    name: string,
    args: unknown[],
    size: number,
    extras?: CallExtras,
  ): void {
    if (this.#isTooLate(extras)) return;
    this.#checkLast("call");
    const cost = size + MESSAGE_OVERHEAD;
    (this.#incoming ??= this.#routes.messaging.incoming)
      .call(id, name, args, cost, extras, this.#excessOver(cost));
  }

  /** Whether the wire was ended by what made a value of a declared type. */
  #isTooLate(extras: CallExtras | undefined): boolean {
    return extras?.attachments !== undefined &&
      this.#lifetime.reason !== undefined;
  }

  /** What the arguments of a call take in memory beyond its cost. */
  #excessOver(cost: number): number {
    const { weight } = this.#message;
    return weight > cost ? weight - cost : 0;
  }

  return(id: number, value: unknown, extras?: MessageExtras): void {
    this.#calls.returned(id, value, extras);
  }

  returnValues(id: number, values: unknown[], extras?: MessageExtras): void {
    this.#calls.returnedValues(id, values, extras);
  }

  throw(id: number, thrown: unknown, extras?: MessageExtras): void {
    this.#calls.threw(id, thrown, extras);
  }

  fail(id: number, code: string, message: string): void {
    this.#calls.failed(id, code, message);
  }

  answerPart(id: number, bytes: number, size: number): void {
    this.#calls.answerPart(id, bytes, size);
  }

  cancel(id: number): void {
    this.#routes.messaging.incoming.cancel(id);
  }

  credit(channel: Channel, amount: number): void {
    const sendQueue = this.#routes.messaging.outbound[channel];
    if (amount > sendQueue.bytes) {
      throw malformed(`The peer gave credit for more ${channel} than it got.`);
    }
    sendQueue.settled(0, amount);
  }

  ping(token: number): void {
    this.#routes.pings.answer(token);
  }

  pong(token: number): void {
    this.#routes.pings.answered(token);
  }

  close(): void {
    this.#routes.closing.gotClose();
  }

  finish(): void {
    this.#routes.closing.finish();
    this.#routes.onFinished();
  }

  abort(code: string, message: string): void {
    this.#routes.onAborted(code, message);
  }

  release(slot: number, nonce: number, count: number): void {
    this.#routes.objects.released(slot, nonce, count);
  }

  forget(slot: number, nonce: number): void {
    this.#routes.objects.forgotten(slot, nonce);
  }

  streamValue(
    id: number,
    value: unknown,
    _size: number,
    extras?: MessageExtras,
  ): void {
    this.#routes.streams.item(id, value, this.#message, extras);
  }

  streamRoom(id: number, count: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#routes.streams.room(id, count);
  }

  streamBytes(
    id: number,
    bytes: Uint8Array,
    _size: number,
    extras?: MessageExtras,
  ): void {
    const isServed = this.#routes.streams.item(
      id,
      bytes,
      this.#message,
      extras,
    );
    this.isServing = isServed && bytes.length >= LONG;
  }

  streamEnd(id: number): void {
    this.#routes.streams.ended(id);
  }

  streamError(id: number, thrown: unknown, extras?: MessageExtras): void {
    const { weight, size } = this.#message;
    const held = extras?.failure === undefined ? weight + size : 0;
    this.#routes.streams.failed(id, thrown, held, extras);
  }

  streamFail(id: number, code: string, message: string): void {
    this.#routes.streams.refused(id, code, message);
  }

  streamCancel(id: number, reason: unknown, extras?: MessageExtras): void {
    this.#routes.streams.cancelled(id, reason, extras);
  }

  streamCredit(id: number, amount: number): void {
    this.#routes.streams.credit(id, amount);
  }

  /** Refuses what the peer has said that it would not send any more. */
  #checkLast(what: string): void {
    if (!this.#lifetime.isPeerDraining) return;
    throw malformed(
      `A ${what} came behind the peer's close, which says that there is none.`,
    );
  }
}

/** What middleware around calls has to know of a wire. */
type Mortal = { readonly ended: unknown };

/**
 * The machinery of one end of a wire. Each part keeps it as its options, in the
 * view that it needs, and so do they find each other: to make objects and
 * functions of its own for each part would take more memory than the parts.
 *
 * Over 15 fields: all parts, and all options that they need.
 */
export class NativeSession
  implements
    Session,
    Holder,
    KeepaliveOptions,
    GracefulCloseOptions,
    MessageRoutes,
    MessagingOptions,
    ObjectsOptions,
    Openable,
    OutputListener,
    ReadLoopOptions,
    StreamsOptions {
  /** What served functions get as `this.wire`. */
  readonly wire: object;
  /** The connection. */
  readonly transport: Transport;
  // Of the options, those that are needed again; the others, such as the
  // credential, are forgotten once it is open.
  readonly limits: Readonly<WireLimits>;
  readonly clock: Clock;
  readonly onError: Report;
  readonly quota: PassingQuota | undefined;
  readonly recordCallSites: boolean;
  readonly valueTypes: ValueTypes | undefined;
  readonly serveThrough: readonly Middleware[];
  readonly introspection: boolean;
  readonly once: ServesOnce | undefined;
  readonly measure: SessionOptions["measure"];
  readonly share: SessionOptions["share"];
  readonly #callThrough: readonly Middleware[];

  /** Calls may be of results that are not there yet. */
  readonly pipelines = true;

  /** The end. */
  readonly lifetime: Lifetime;
  /** Accounts for what it holds. */
  readonly memory: Memory;
  /** What is passed by reference. */
  readonly objects: Objects;
  /** The way out. */
  readonly output: Output;
  /** What the peer takes: this side's own limits, until its hello. */
  peerLimits: StreamLimits;
  #streams: Streams | undefined;
  /** Its calls and messages. */
  readonly messaging: Messaging;
  #pings: Pings | undefined;
  /** The graceful close. */
  readonly closing: GracefulClose;
  /** Makes messages of what comes. */
  readonly decoder: Decoder;
  /** The beginning. */
  readonly handshake: Handshake;
  /** Tells whether it is others' turn. */
  readonly turn: Turn;
  /** The watch over it. */
  readonly keepalive: Keepalive;
  /** Gets each message that comes. */
  readonly router: MessageRouter;
  readonly #reading: ReadLoop;

  /**
   * Begins: says hello, and reads.
   *
   * @param wire What served functions get as `this.wire`.
   * @param transport The connection.
   * @param options Everything else.
   */
  constructor(wire: object, transport: Transport, options: SessionOptions) {
    const { limits, clock, onError } = options;
    this.wire = wire;
    this.transport = transport;
    this.limits = this.peerLimits = limits;
    this.clock = clock;
    this.onError = onError;
    this.quota = options.quota;
    this.recordCallSites = options.recordCallSites;
    const types = this.valueTypes = options.valueTypes;
    this.serveThrough = options.serveThrough;
    this.introspection = options.introspection;
    this.once = options.once;
    this.measure = options.measure;
    this.share = options.share;
    this.#callThrough = options.callThrough;
    this.lifetime = new Lifetime(onError);
    const memory = this.memory = new Memory(
      limits.memory,
      options.sharedMemory,
    );
    const { exporter, importer } = this.objects = new Objects(this);
    const { sendStacks } = options;
    const sending = { exporter, types, sendStacks };
    this.output = new Output(
      transport,
      clock,
      limits,
      this,
      sending,
    );
    this.messaging = new Messaging(this);
    this.closing = new GracefulClose(this);
    this.decoder = new Decoder(limits, {
      importer,
      types,
      memory,
      awaitsHello: true,
    });
    this.handshake = new Handshake(options, this);
    this.turn = new Turn(clock, transport.local === true);
    this.keepalive = new Keepalive(this);
    memory.enter(this);
    this.router = new MessageRouter(this);
    this.#reading = new ReadLoop(this);
    // A transport may fail at once, which ends all that has begun.
    if (transport.local !== true) this.keepalive.start();
    this.#reading.start();
  }

  // Parts that most wires do not need are made when they are.

  /** Its streams. */
  get streams(): Streams {
    if (this.#streams === undefined) {
      const streams = this.#streams = new Streams(this);
      if (this.closing.isOwn) streams.cancelAll(closedReason);
    }
    return this.#streams;
  }

  /** How many streams somebody still wants something of. */
  get wantedStreams(): number {
    return this.#streams?.wanted ?? 0;
  }

  /** Signs of life. */
  get pings(): Pings {
    return this.#pings ??= new Pings(this);
  }

  // What its parts tell it.

  /** A part has nothing left to do. */
  onIdle(): void {
    this.closing.advance();
  }

  /** The output has room again: what waited for it goes on. */
  onRoom(): void {
    this.messaging.resume();
    this.#streams?.resume();
  }

  /** It takes more memory than before. */
  onGrown(): void {
    this.memory.tell();
  }

  /** The peer has said its hello, with what it takes. */
  onHello({ streams, streamWindow, window }: StreamLimits): void {
    this.peerLimits = { streams, streamWindow, window };
    this.decoder.greet();
    this.#reading.forgetFirst();
  }

  /** This side has accepted the peer. */
  onWelcome(): void {
    this.decoder.open();
  }

  /** The peer has nothing left to do. */
  onFinished(): void {
    this.decoder.finished();
  }

  /** The peer has ended the wire. */
  onAborted(code: string, text: string): void {
    this.end(abortedBy(code, text), false);
  }

  /** The peer has ended its direction. */
  onEnd(): void {
    if (this.closing.sentFinish || this.closing.gotFinish) {
      return this.end(closedReason(), false, true);
    }
    const reason = this.handshake.greeted
      ? goneWithoutGoodbye()
      : goneBeforeHello(this.address);
    this.end(reason, false);
  }

  /** Something went wrong on this side, or in what the peer said. */
  onBroken(error: unknown, tell = false): void {
    const reason = isA(error, WireError) ? error : this.#trouble(error);
    const isStranger = !this.decoder.isHailed && this.#reading.bytes > 0;
    if (isStranger && reason.code === "malformed") {
      this.end(this.#reading.notAWire(), false);
    } else {
      this.end(reason, tell || !isStranger);
    }
  }

  /** What went wrong is this side's own, and reported here. */
  #trouble(error: unknown): OwnTrouble {
    this.onError(error, "the wire, which ends");
    return new OwnTrouble(
      "aborted",
      `The wire failed: ${errorMessage(error)}`,
      { cause: error },
    );
  }

  /** The connection failed. */
  onFailed(error: unknown): void {
    if (isA(error, WireError)) return this.onBroken(error);
    const reason = this.closing.sentFinish
      ? closedReason()
      : this.handshake.greeted
      ? lostReason(this.address, error)
      : lostReason(this.address, error, hintOf(this.address));
    this.end(reason, false);
  }

  /** What it holds in memory, about. */
  total(): number {
    const { total } = this.output;
    // What came can still be taken, and is the program's.
    if (this.lifetime.reason !== undefined) return total;
    const { exported, imported } = this.objects;
    return total + this.messaging.total + (this.#streams?.total ?? 0) +
      this.memory.held + this.decoder.total +
      (exported + imported) * TAKES.reference;
  }

  /** Releases what it keeps to use it again. */
  trim(): void {
    this.output.trim();
    this.decoder.trim();
  }

  /** Where the peer is. */
  get address(): WireAddress {
    return this.transport.address;
  }

  /** Resolves when both ends have accepted each other. */
  get opened(): Promise<void> {
    return this.handshake.opened;
  }

  /** Serves functions. */
  serve(functions: object): void {
    this.messaging.incoming.serve(functions);
  }

  /** Calls for one value, or for the list of all. */
  call(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options?: CallOptions,
    target?: Target,
  ): Promise<unknown> {
    return this.messaging.calls.call(
      name,
      args,
      wantsValues,
      options,
      target,
    );
  }

  /** Calls one way. */
  send(
    name: string,
    args: unknown[],
    options?: CallOptions,
    target?: Target,
  ): Promise<void> {
    return this.messaging.outbound.send(name, args, options, true, target);
  }

  /** What carries the calls of a reference out. */
  callerOf(place: Import): Caller {
    const caller: Caller = {
      call: (name, args, wantsValues, options) =>
        place.end === undefined
          ? this.call(name, args, wantsValues, options, place)
          : rejected(
            unreachable(name, args, place.end),
            this.onError,
            unawaited(name),
          ),
      send: (name, args, options) =>
        place.end === undefined
          ? this.send(name, args, options, place)
          : failed(
            unreachable(name, args, place.end),
            this.onError,
            unsent(name),
          ),
    };
    return callThrough(
      caller,
      this.#callThrough,
      this.onError,
      this.wire as Mortal,
      this.clock,
      () => place.handle?.deref() ?? place.uncallable?.deref(),
    );
  }

  /** Sends a message that must not overtake what was sent before. */
  sendBehind(message: Message): void {
    const { lifetime } = this;
    if (lifetime.reason !== undefined) return;
    const output = this.output;
    if (output.encoder.isBusy) {
      // What is just written may be large, and have what a getter releases.
      return queueMicrotask(() => this.sendBehind(message));
    }
    const { outbound } = this.messaging;
    if (outbound.waiting === 0 && output.large === 0) {
      output.send(message);
      return;
    }
    outbound.whenSettled()
      .then(() => output.whenLargeLeft())
      .then(() => lifetime.reason === undefined && output.send(message))
      .catch((error) => this.onBroken(error));
  }

  /** Keeps the peer from reaching an object of this side. */
  forgetRemoteTranslation(value: object): void {
    if (Object(value) !== value) {
      throw mistaken(
        "forgetRemoteTranslation() takes an object or a function",
        value,
      );
    }
    this.objects.forget(value);
  }

  /** Sends a typed message. */
  outputObject(value: unknown): Promise<void> {
    return this.messaging.outbound.outputObject(value);
  }

  /** Takes the next typed message. */
  getObject(): Promise<unknown> {
    return this.messaging.inbox.take();
  }

  /** Resolves when all output so far was handed over. */
  async forceOutput(): Promise<void> {
    await this.messaging.outbound.whenSettled();
    await this.output.flush();
    if (this.lifetime.reason !== undefined) throw this.lifetime.reason;
  }

  /** Asks for a sign of life; resolves with the round trip in milliseconds. */
  async ping(): Promise<number> {
    await this.opened;
    if (this.lifetime.reason !== undefined) throw this.lifetime.reason;
    const milliseconds = await this.pings.ask();
    if (this.lifetime.reason !== undefined) throw this.lifetime.reason;
    return milliseconds;
  }

  /** Closes gracefully. */
  async close(): Promise<void> {
    this.#streams?.cancelAll(closedReason);
    await this.closing.begin(this.opened);
    await this.lifetime.closed;
  }

  /** Counts. */
  stats(): WireStats {
    const { flow, ...counts } = this.messaging.counts();
    const output = this.output;
    const streams = this.#streams;
    return {
      bytesReceived: this.#reading.bytes,
      bytesSent: output.handed,
      reads: this.#reading.reads,
      writes: output.writes,
      messagesReceived: this.decoder.messages,
      messagesSent: output.messages,
      signsOfLife: (this.#pings?.signs ?? 0) + this.keepalive.pings,
      ...counts,
      objectsExported: this.objects.exported,
      objectsImported: this.objects.imported,
      streamsReceiving: streams?.receiving ?? 0,
      streamsSending: streams?.sending ?? 0,
      memoryHeld: this.memory.held,
      outputWaiting: output.waiting,
      flow: { ...flow, streamSpare: streams?.spare ?? spareOf(this.limits) },
    };
  }

  /**
   * The one place where a wire ends.
   *
   * @param reason Why; the first reason counts.
   * @param tell Whether to tell the peer.
   * @param isOver Whether nothing more comes from the peer, which was told all
   * that does not wait yet.
   */
  end(reason: WireError, tell = true, isOver = false): void {
    if (!this.lifetime.end(reason)) return;
    this.keepalive.end();
    this.#reading.end();
    this.closing.end();
    this.messaging.end(reason);
    this.output.dropLarge(reason);
    this.#streams?.end(reason);
    this.objects.end(reason, this.closing.isOwn && reason.code === "closed");
    this.memory.end();
    this.#pings?.end();
    this.handshake.end(reason);
    this.lifetime.declare();
    const gone = () => {
      this.memory.leave();
      this.lifetime.markClosed();
    };
    if (isOver && !this.output.waiting && this.#mayCut) {
      this.lifetime.isCut = true;
      this.#reading.isStopped = true;
      this.transport.close();
      gone();
    } else this.#takeLeave(reason, tell).then(gone);
  }

  /** Whether the connection can be closed at once, and nothing is lost. */
  get #mayCut(): boolean {
    // TLS tells by itself that it ends, where the peer has not.
    const isTold = this.address.transport !== "tls" || this.#reading.hasEnded;
    return isTold && (this.transport as Delivering).delivers === true;
  }

  /** Drains the output for a short time, and closes. */
  async #takeLeave(reason: WireError, tell: boolean): Promise<void> {
    const told = tell && this.#tell(reason);
    await drainAndClose({
      transport: this.transport,
      clock: this.clock,
      output: this.output,
      readerDone: this.#reading.done,
      lifetime: this.lifetime,
      polite: told || reason.code === "closed",
      onFault: (error) => this.onError(error, "closing the connection"),
    });
  }

  /** Tells the peer why; whether that was possible. */
  #tell(reason: WireError): boolean {
    const output = this.output;
    const isOwn = reason instanceof OwnTrouble;
    const code = isOwn ? "aborted" : reason.code;
    const message = isOwn ? "A fault on its own side." : reason.message;
    try {
      // Before that, the output may have this side's hello.
      if (this.handshake.accepted) output.drop();
      output.send({ kind: "abort", code, message: shortText(message) });
      return true;
    } catch {
      // A value is just being sent, and one of its getters ended the wire.
      return false;
    }
  }
}

/** The first half of a chunk has to cost so much, in bytes, to be worth a write. */
const LEAST_HALF = 10 * 1024;
/** A message costs as much as so many bytes, besides its own. */
const FRAME_COST = 112;
/** Chunks with fewer bytes than this are not looked at. */
const LEAST_CHUNK = 1024;
/** So many large chunks are left whole at first: a burst takes one write. */
const BURST = 7;
/** And so many after one that was divided in vain. */
const IN_VAIN = 3;
/** After so many turns of promises, asynchronous functions have answered. */
const FOLLOWS = 8;

/**
 * Which chunks are taken in two halves. If all that is under way is in one
 * write, the two ends take turns, and one of two cores is idle. So what follows
 * from the first half of a large chunk is written before the second is decoded.
 * A peer on another core works meanwhile, and what it sends comes in halves
 * from then on. Where both ends share a core, it reads both at once, and the
 * next chunk is as large as before: then the following ones are left whole.
 */
export class Halves {
  /** How many large chunks are to be left whole. */
  #left = BURST;
  /** How many bytes the last chunk had, if it was divided. */
  #divided = 0;

  /**
   * Looks at a chunk.
   *
   * @param chunk All that one read brought; it begins with a frame.
   * @returns Where its second half begins; 0 to take it whole.
   */
  of(chunk: Uint8Array): number {
    const { length } = chunk;
    if (this.#divided > 0) {
      this.#left = length > this.#divided * 3 / 4 ? IN_VAIN : 0;
      this.#divided = 0;
    }
    if (length < LEAST_CHUNK) return 0;
    let at = 0;
    let frames = 0;
    for (; at < length / 2; frames++) {
      at += FRAME_HEADER + frameLength(chunk, at);
    }
    if (at + frames * FRAME_COST < LEAST_HALF || at >= length) return 0;
    if (this.#left > 0) {
      this.#left--;
      return 0;
    }
    this.#divided = length;
    return at;
  }
}

/** So many of a peer's first bytes are shown where they are no hello. */
const FIRST_BYTES = 64;

/** What is read, and who is told. */
interface ReadLoopOptions {
  readonly transport: Transport;
  readonly decoder: Decoder;
  /** Gets each message. */
  readonly router: MessageRouter;
  /** Tells whether what comes is still for somebody. */
  readonly lifetime: Lifetime;
  /** Whether the peer has said hello. */
  readonly handshake: { readonly greeted: boolean };
  /** Told where the messages of a chunk begin and end. */
  readonly messaging: Pick<Messaging, "isInChunk" | "finishChunk" | "serving">;
  /** Writes what follows from half a chunk. */
  readonly output: Output;
  /** Told of each chunk. */
  readonly keepalive: Keepalive;
  /** Tells when a chunk came. */
  readonly clock: Clock;
  /** Tells whether it is others' turn. */
  readonly turn: Turn;
  /** Told that more has come; says whether to read on at once. */
  readonly memory: Pick<Memory, "tell" | "pause">;
  /** What the peer said breaks the protocol, or this side failed. */
  onBroken(error: unknown): void;
  /** Nothing more can be read. */
  onFailed(error: unknown): void;
  /** The stream has ended where it may. */
  onEnd(): void;
}

/** The way in: chunks of bytes, read one after the other and decoded. */
class ReadLoop {
  /** Bytes so far. */
  bytes = 0;
  /** Chunks so far. */
  reads = 0;
  /** Resolves at the end of the stream. */
  done: Promise<void> = Promise.resolve();
  /** Whether the peer has ended its direction. */
  hasEnded = false;
  /** Whether it reads no more: the connection is closed, and nothing will come. */
  isStopped = false;

  readonly #options: ReadLoopOptions;
  readonly #chunks = new ChunkCheck();
  /** Made for the first large chunk. */
  #halves: Halves | undefined;
  /** The second half of a chunk, as long as the first is taken. */
  #secondHalf: Uint8Array | undefined;
  /** Whether asynchronous functions are to answer the first half. */
  #isHalfway = false;
  /** What the peer sent first; forgotten once it has said hello. */
  #first: Uint8Array = NO_BYTES;

  constructor(options: ReadLoopOptions) {
    this.#options = options;
  }

  /** Begins to read. */
  start(): void {
    this.done = this.#read();
  }

  /** Waits no longer for its turn. */
  end(): void {
    this.#options.turn.stop();
  }

  /** The peer has said hello: its first bytes need not be shown. */
  forgetFirst(): void {
    this.#first = NO_BYTES;
  }

  /** Why a peer whose first bytes are no hello is left. */
  notAWire(): WireError {
    const { address } = this.#options.transport;
    // A pair of streams, such as a process's pipes, has no port.
    const { transport } = address;
    const isPipe = transport === "streams" || transport === "process";
    return notAWire(this.#first, isPipe);
  }

  async #read(): Promise<void> {
    const { transport, decoder, lifetime, handshake, keepalive, clock, turn } =
      this.#options;
    const { memory } = this.#options;
    try {
      for (;;) {
        const chunk = this.#chunks.check(await transport.read(decoder.isBulk));
        if (chunk === null) break;
        if (lifetime.reason !== undefined) {
          if (await lifetime.discard()) continue;
          return;
        }
        const isStranger = !handshake.greeted;
        if (isStranger) this.#noteFirst(chunk);
        this.reads++;
        this.bytes += chunk.length;
        const now = clock.now();
        keepalive.received(now);
        if (turn.begin(now)) await turn.pause();
        this.#feed(chunk);
        while (!this.#takeMessages()) await this.#pause();
        // Mostly the hello has come whole, and nothing is copied.
        if (this.#first.length > 0) this.#first = this.#first.slice();
        turn.end();
        memory.tell();
        const pause = memory.pause();
        if (pause !== undefined) await pause;
        // To read what is closed would fail, and take longer than a call.
        if (this.isStopped) return;
      }
      this.hasEnded = true;
      if (lifetime.reason !== undefined) return;
      if (this.#isNoise()) throw this.notAWire();
      decoder.finish();
      this.#options.onEnd();
    } catch (error) {
      this.#options.onFailed(error);
    }
  }

  /** Gives the decoder a chunk, or the first half of it. */
  #feed(chunk: Uint8Array): void {
    const { decoder, transport } = this.#options;
    // Both ends of a local wire are on one core.
    if (chunk.length >= LEAST_CHUNK && transport.local !== true) {
      this.#halves ??= new Halves();
    }
    const half = this.#halves === undefined || decoder.unfinished
      ? 0
      : this.#halves.of(chunk);
    this.#secondHalf = half > 0 ? chunk.subarray(half) : undefined;
    decoder.feed(half > 0 ? chunk.subarray(0, half) : chunk);
  }

  /** Notes the first bytes of a peer, to say what they were if no hello. */
  #noteFirst(chunk: Uint8Array): void {
    const noted = this.#first;
    const more = chunk.subarray(0, FIRST_BYTES - noted.length);
    if (noted.length === 0) {
      this.#first = more;
    } else if (more.length > 0) {
      const first = this.#first = new Uint8Array(noted.length + more.length);
      first.set(noted);
      first.set(more, noted.length);
    }
  }

  /** Whether a peer's first bytes are no hello that was cut short. */
  #isNoise(): boolean {
    return !this.#options.handshake.greeted && this.#first.length > 0 &&
      looksLikeText(this.#first);
  }

  /** Decodes the messages of a chunk; false where there is to be a pause. */
  #takeMessages(): boolean {
    const { decoder, router, lifetime, messaging } = this.#options;
    messaging.isInChunk = true;
    try {
      if (lifetime.reason !== undefined) return true;
      while (decoder.decode(router)) {
        if (this.#secondHalf === undefined) return true;
        this.#takeSecondHalf(this.#secondHalf);
        if (this.#isHalfway) return false;
        // The write may have failed.
        if (lifetime.reason !== undefined) return true;
      }
      return lifetime.reason !== undefined;
    } catch (error) {
      this.#options.onBroken(error);
      return true;
    } finally {
      // Calls in the second half may take results of the first.
      if (!this.#isHalfway) messaging.finishChunk();
    }
  }

  /** Goes on to it, once what follows from the first half is written. */
  #takeSecondHalf(half: Uint8Array): void {
    const { decoder, messaging, output } = this.#options;
    this.#secondHalf = undefined;
    this.#isHalfway = !output.isDue &&
      (messaging.serving?.running ?? 0) > 0;
    output.writeNow();
    decoder.feed(half);
  }

  /** Waits until the next message may be decoded. */
  async #pause(): Promise<void> {
    const { router, turn } = this.#options;
    if (this.#isHalfway) {
      this.#isHalfway = false;
      await turns(FOLLOWS);
    } else if (router.isOpening || router.isServing) {
      // Whoever waits for the opening may serve before the first call, and who
      // waits for bytes may bring a buffer for the next.
      await turns(16);
      router.goOn();
    } else {
      await turn.pause();
    }
  }
}

/** The stream ended before the peer's hello. */
function goneBeforeHello(address: WireAddress): WireError {
  return new WireError(
    "connectionLost",
    `The peer at ${
      formatAddress(address)
    } closed the connection before its hello.${hintOf(address)}`,
  );
}

/** What a peer may want that closes the connection before its hello. */
function hintOf({ transport }: WireAddress): string {
  if (transport === "tcp") return " If it speaks TLS, give the option tls.";
  return transport === "tls"
    ? " If it demands a certificate of its clients, give one that it trusts, as tls.cert and tls.key."
    : "";
}

/** The stream ended, and the peer had not said that it would. */
function goneWithoutGoodbye(): WireError {
  return new WireError(
    "connectionLost",
    "The connection closed without a goodbye: the peer's process may have died.",
  );
}

/** The error of a call of an object that can no longer be reached. */
function unreachable(
  name: string,
  args: unknown[],
  { code, message }: WireError,
): WireError {
  const error = new WireError(
    code,
    `"${name}" was called on a reference that is no longer valid: ${message}`,
    { sent: "notSent" },
  );
  endStreams(args, error);
  return error;
}

/** Lets other microtasks run. In Deno, then() takes half the memory of others. */
function turns(count: number): Promise<void> {
  return new Promise((resolve) => {
    let turn = 0;
    const next = (): void => {
      if (++turn < count) DONE.then(next);
      else resolve();
    };
    DONE.then(next);
  });
}
