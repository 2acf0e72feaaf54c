/**
 * What is behind a wire: one read loop that routes what comes, one way out,
 * one place where everything ends.
 *
 * @module
 */

import {
  ChunkCheck,
  formatAddress,
  type Transport,
  type WireAddress,
} from "../transport/transport.ts";
import { rejected } from "../rpc/pending_call.ts";
import type { CallOptions } from "../rpc/context.ts";
import { Calls } from "../rpc/calls.ts";
import { endStreams } from "../codec/passing.ts";
import type { Clock } from "../base/clock.ts";
import { Decoder } from "../codec/codec.ts";
import {
  type Channel,
  type Message,
  notAWire,
  type Target,
} from "../codec/messages.ts";
import type { Session, SessionOptions, WireStats } from "../session/dialect.ts";
import {
  errorMessage,
  OwnTrouble,
  shortText,
  toErrorCode,
  WireError,
} from "../base/errors.ts";
import { IncomingCalls } from "../rpc/incoming_calls.ts";
import { Inbox, ReceiveWindow } from "../flow/windows.ts";
import type { Import } from "../objects/references.ts";
import { Objects } from "../objects/objects.ts";
import { Output } from "../flow/output.ts";
import type { Caller } from "../rpc/remote.ts";
import { failed, type Report, unawaited, unsent } from "../base/report.ts";
import { Streams } from "../streams/streams.ts";
import { isA, looksLikeText } from "../base/shown.ts";
import { callThrough } from "../rpc/middleware.ts";
import {
  closedReason,
  drainAndClose,
  GracefulClose,
  Handshake,
} from "../session/handshake.ts";
import { Lifetime } from "../base/lifetime.ts";
import { Memory } from "../base/limits.ts";
import { Outbound } from "../rpc/outbound.ts";
import { MessageRouter } from "./message_router.ts";
import { Keepalive, Pings } from "../session/keepalive.ts";

/** What middleware around calls has to know of a wire. */
type Mortal = { readonly ended: unknown };

/** So many of a peer's first bytes are shown where they are no hello. */
const FIRST_BYTES = 64;
const NO_BYTES = new Uint8Array(0);

/** The machinery of one end of a wire. */
export class NativeSession implements Session {
  /** The end. */
  readonly lifetime: Lifetime;

  readonly #calls: Calls;
  readonly #incoming: IncomingCalls;
  readonly #inbox: Inbox;
  readonly #objects: Objects;
  readonly #streams: Streams;
  readonly #output: Output;
  readonly #outbound: Outbound;
  readonly #handshake: Handshake;
  readonly #closing: GracefulClose;
  readonly #received = { bytes: 0, reads: 0 };
  readonly #router: MessageRouter;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #onError: Report;
  readonly #decoder: Decoder;
  readonly #memory: Memory;
  readonly #keepalive: Keepalive;
  readonly #sendWindow: ReceiveWindow;
  readonly #messageWindow: ReceiveWindow;
  readonly #pings: Pings;
  readonly #chunks = new ChunkCheck();
  /** What the peer sent first; forgotten once it has said hello. */
  #first: Uint8Array = NO_BYTES;
  readonly #readerDone: Promise<void>;

  /**
   * Begins: says hello, and reads.
   *
   * @param wire What served functions get as `this.wire`.
   * @param transport The connection.
   * @param options Everything else.
   */
  constructor(wire: object, transport: Transport, options: SessionOptions) {
    // What the functions below refer to is kept as long as the wire.
    const { limits, clock, onError, callThrough: middleware } = options;
    this.#onError = onError;
    this.#transport = transport;
    this.#clock = clock;
    this.#decoder = new Decoder(limits, limits.helloFrame);
    this.#decoder.isGreeted = this.#decoder.isOpen = false;
    const memory = new Memory(limits.memory, options.sharedMemory);
    this.#memory = this.#decoder.memory = memory;
    const lifetime = this.lifetime = new Lifetime(onError);
    const output = this.#output = new Output(
      transport,
      clock,
      limits,
      (error) => this.#lost(error),
    );
    output.encoder.sendStacks = options.sendStacks;
    output.encoder.types = this.#decoder.types = options.valueTypes;
    output.onRoom = () => {
      this.#outbound.drain();
      this.#incoming.resume();
      this.#streams.resume();
    };
    const outbound = this.#outbound = new Outbound(output, lifetime, onError);
    const windowOf = (channel: Channel) =>
      new ReceiveWindow(channel, limits.window, output, lifetime);
    this.#sendWindow = windowOf("sends");
    this.#messageWindow = windowOf("messages");
    this.#inbox = new Inbox(this.#messageWindow, lifetime, onError, memory);
    const calls = this.#calls = new Calls(
      output,
      outbound.calls,
      clock,
      lifetime,
      options.recordCallSites,
      true,
    );
    calls.report = onError;
    const incoming = this.#incoming = new IncomingCalls(
      wire,
      output,
      clock,
      lifetime,
      limits,
      this.#sendWindow,
      onError,
      options,
    );
    incoming.memory = memory;
    const streams = this.#streams = new Streams({
      output,
      clock,
      limits,
      memory,
      onError,
      onIdle: () => this.#closing.advance(),
    });
    calls.streams = outbound.streams = streams;
    const objects = this.#objects = new Objects({
      limits,
      streams,
      onError,
      calls,
      incoming,
      caller: (place) =>
        callThrough(
          this.#callerOf(place),
          middleware,
          onError,
          wire as Mortal,
          clock,
          () => place.handle?.deref() ?? place.uncallable?.deref(),
        ),
      sendBehind: (message) => this.#sendBehind(message),
    });
    incoming.objects = objects;
    output.encoder.exporter = objects.exporter;
    this.#decoder.importer = objects.importer;
    const pings = this.#pings = new Pings(output, clock, limits.sendEnd);
    const end = (reason: WireError, tell: boolean) => this.end(reason, tell);
    const patience = limits.close;
    const closing = this.#closing = new GracefulClose({
      clock,
      lifetime,
      patience,
      outbound,
      calls,
      incoming,
      streams,
      end,
    });
    const handshake = this.#handshake = new Handshake(outbound, {
      ...options,
      address: transport.address,
      onWelcome: () => {
        this.#decoder.isOpen = true;
        this.#decoder.frameLimit = limits.frame;
      },
      onFailed: (error) => this.#fail(error),
    });
    this.#keepalive = new Keepalive({
      clock,
      lifetime,
      limits,
      output,
      handshake: this.#handshake,
      decoder: this.#decoder,
      end,
    });
    this.#router = new MessageRouter({
      calls,
      incoming,
      inbox: this.#inbox,
      objects,
      streams,
      outbound,
      handshake,
      closing,
      pings,
      sendWindow: this.#sendWindow,
      messageWindow: this.#messageWindow,
      message: this.#decoder,
      lifetime,
      onHello: () => {
        this.#decoder.isGreeted = true;
        this.#first = NO_BYTES;
      },
      onAborted: (code, text) => this.#aborted(code, text),
    });
    this.#readerDone = this.#read();
    if (transport.local !== true) this.#keepalive.start();
  }

  /** Where the peer is. */
  get address(): WireAddress {
    return this.#transport.address;
  }

  /** Resolves when both ends have accepted each other. */
  get opened(): Promise<void> {
    return this.#handshake.opened;
  }

  /** Serves functions. */
  serve(functions: object): void {
    this.#incoming.serve(functions);
  }

  /** Calls for one value, or for the list of all. */
  call(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options?: CallOptions,
    target?: Target,
  ): Promise<unknown> {
    return this.#calls.call(name, args, wantsValues, options, target);
  }

  /** Calls one way. */
  send(
    name: string,
    args: unknown[],
    options?: CallOptions,
    target?: Target,
  ): Promise<void> {
    return this.#outbound.send(name, args, options, true, target);
  }

  /** What carries the calls of a reference out. */
  #callerOf(place: Import): Caller {
    return {
      call: (name, args, wantsValues, options) =>
        place.end === undefined
          ? this.call(name, args, wantsValues, options, place)
          : rejected(
            unreachable(name, args, place.end),
            this.#onError,
            unawaited(name),
          ),
      send: (name, args, options) =>
        place.end === undefined
          ? this.send(name, args, options, place)
          : failed(
            unreachable(name, args, place.end),
            this.#onError,
            unsent(name),
          ),
    };
  }

  /** Sends a message that must not overtake what was sent before. */
  #sendBehind(message: Message): void {
    const { lifetime } = this;
    if (lifetime.reason !== undefined) return;
    const output = this.#output;
    if (this.#outbound.waiting === 0 && output.large === 0) {
      output.send(message);
      return;
    }
    this.#outbound.whenPassed()
      .then(() => output.whenLargeLeft())
      .then(() => lifetime.reason === undefined && output.send(message))
      .catch((error) => this.#fail(error));
  }

  /** Keeps the peer from reaching an object of this side. */
  forgetRemoteTranslation(value: object): void {
    this.#objects.forget(value);
  }

  /** Sends a typed message. */
  outputObject(value: unknown): Promise<void> {
    return this.#outbound.outputObject(value);
  }

  /** Takes the next typed message. */
  getObject(): Promise<unknown> {
    return this.#inbox.take();
  }

  /** Resolves when all output so far was handed over. */
  async forceOutput(): Promise<void> {
    await this.#outbound.whenPassed();
    await this.#outbound.output.flush();
    if (this.lifetime.reason !== undefined) throw this.lifetime.reason;
  }

  /** Asks for a sign of life; resolves with the round trip in milliseconds. */
  async ping(): Promise<number> {
    await this.opened;
    if (this.lifetime.reason !== undefined) throw this.lifetime.reason;
    const milliseconds = await this.#pings.ask();
    if (this.lifetime.reason !== undefined) throw this.lifetime.reason;
    return milliseconds;
  }

  /** Takes leave. */
  async close(): Promise<void> {
    this.#streams.cancelAll(closedReason());
    await this.#closing.begin(this.opened);
    await this.lifetime.closed;
  }

  /** Counts. */
  stats(): WireStats {
    const received = this.#received;
    const { output } = this.#outbound;
    return {
      bytesReceived: received.bytes,
      bytesSent: output.handed,
      reads: received.reads,
      writes: output.writes,
      messagesReceived: this.#decoder.messages,
      messagesSent: output.messages,
      signsOfLife: this.#pings.signs + this.#keepalive.pings,
      callsMade: this.#calls.made,
      callsServed: this.#incoming.served,
      callsPending: this.#calls.pending,
      callsWaiting: this.#outbound.calls.waiting,
      callsRunning: this.#incoming.running,
      objectsExported: this.#objects.exported,
      objectsImported: this.#objects.imported,
      streamsReceiving: this.#streams.receiving,
      streamsSending: this.#streams.sending,
      inbox: this.#inbox.size,
      memoryHeld: this.#memory.held,
      outputWaiting: output.waiting,
      flow: {
        sent: this.#outbound.bytes,
        received: {
          calls: this.#incoming.held,
          sends: this.#sendWindow.used,
          messages: this.#messageWindow.used,
        },
        streamSpare: this.#streams.spare,
      },
    };
  }

  /**
   * The one place where a wire ends.
   *
   * @param reason Why; the first reason counts.
   * @param tell Whether to tell the peer.
   */
  end(reason: WireError, tell: boolean): void {
    if (!this.lifetime.end(reason)) return;
    this.#keepalive.end();
    this.#closing.end();
    this.#calls.failAll(reason);
    this.#outbound.end(reason);
    this.#incoming.end(reason);
    this.#inbox.end(reason);
    this.#streams.end(reason);
    this.#objects.end(reason, this.#closing.isOwn && reason.code === "closed");
    this.#memory.end();
    this.#pings.end();
    this.#handshake.end(reason);
    this.lifetime.declare();
    this.#takeLeave(reason, tell).then(() => this.lifetime.markClosed());
  }

  async #read(): Promise<void> {
    const received = this.#received;
    try {
      for (;;) {
        const chunk = this.#chunks.check(
          await this.#transport.read(this.#decoder.isBulk),
        );
        if (chunk === null) break;
        // Taking leave: what still comes is for nobody.
        if (this.lifetime.reason !== undefined) continue;
        const isStranger = !this.#handshake.greeted;
        if (isStranger) this.#noteFirst(chunk);
        received.reads++;
        received.bytes += chunk.length;
        this.#keepalive.received();
        this.#decoder.feed(chunk);
        const pause = this.#takeMessages();
        // Mostly the hello has come whole, and nothing is copied.
        if (isStranger) this.#first = this.#first.slice();
        if (pause !== undefined) await pause;
      }
      if (this.lifetime.reason !== undefined) return;
      if (this.#isNoise()) throw notAWire(this.#first, this.#isPiped);
      this.#decoder.finish();
      this.#endOfStream();
    } catch (error) {
      this.#lost(error);
    }
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
    return !this.#handshake.greeted && this.#first.length > 0 &&
      looksLikeText(this.#first);
  }

  /** Whether the connection is a pair of streams, such as a process's pipes. */
  get #isPiped(): boolean {
    return this.address.transport === "streams";
  }

  /** Decodes the messages of a chunk; asynchronous once in a wire's life. */
  #takeMessages(): Promise<void> | undefined {
    if (this.lifetime.reason !== undefined) return undefined;
    this.#incoming.beginChunk();
    try {
      const isAll = this.#decoder.decode(this.#router);
      if (isAll || this.lifetime.reason !== undefined) return undefined;
    } catch (error) {
      this.#fail(error);
      return undefined;
    } finally {
      this.#incoming.finishChunk();
    }
    // Whoever waits for the opening may serve before the first call.
    return turns(16).then(() => {
      this.#router.goOn();
      return this.#takeMessages();
    });
  }

  #aborted(code: string, text: string): void {
    const known = toErrorCode(code);
    if (known === "busy") {
      return this.end(
        new WireError("busy", `The peer is busy: ${text}`),
        false,
      );
    }
    const isRefusal = known === "refused" || known === "unsupportedVersion" ||
      known === "contractMismatch";
    this.end(
      isRefusal
        ? new WireError(known, `The peer refused the connection: ${text}`)
        : new WireError("peerAborted", `The peer ended the wire: ${text}`),
      false,
    );
  }

  #endOfStream(): void {
    if (this.#closing.sentFinish || this.#closing.gotFinish) {
      return this.end(closedReason(), false);
    }
    const text = !this.#handshake.greeted
      ? `The peer at ${
        formatAddress(this.address)
      } closed the connection before its hello.${
        this.address.transport === "tcp"
          ? " If it speaks TLS, give the option tls."
          : ""
      }`
      : "The connection closed without a goodbye: the peer's process may have died.";
    this.end(new WireError("connectionLost", text), false);
  }

  /** Something went wrong on this side, or in what the peer said. */
  #fail(error: unknown): void {
    const reason = isA(error, WireError) ? error : this.#trouble(error);
    const isStranger = !this.#handshake.greeted &&
      this.#received.bytes > 0;
    if (isStranger && reason.code === "malformed") {
      this.end(notAWire(this.#first, this.#isPiped), false);
    } else {
      this.end(reason, !isStranger);
    }
  }

  /** What went wrong is this side's own, and reported here. */
  #trouble(error: unknown): OwnTrouble {
    this.#onError(error, "the wire, which ends");
    return new OwnTrouble(
      "aborted",
      `The wire failed: ${errorMessage(error)}`,
      { cause: error },
    );
  }

  /** The connection failed. */
  #lost(error: unknown): void {
    if (isA(error, WireError)) return this.#fail(error);
    if (this.#closing.sentFinish) return this.end(closedReason(), false);
    this.end(
      new WireError(
        "connectionLost",
        `The connection to ${formatAddress(this.address)} was lost: ${
          errorMessage(error)
        }`,
        { cause: error },
      ),
      false,
    );
  }

  /** Lets what is under way leave, for a short time, and closes. */
  async #takeLeave(reason: WireError, tell: boolean): Promise<void> {
    const { output } = this.#outbound;
    const told = tell && this.#tell(reason);
    await drainAndClose({
      transport: this.#transport,
      clock: this.#clock,
      output,
      readerDone: this.#readerDone,
      polite: told || reason.code === "closed",
      onFault: (error) => this.#onError(error, "closing the connection"),
    });
  }

  /** Tells the peer why; whether that was possible. */
  #tell(reason: WireError): boolean {
    const output = this.#output;
    const isOwn = reason instanceof OwnTrouble;
    const code = isOwn ? "aborted" : reason.code;
    const message = isOwn ? "A fault on its own side." : reason.message;
    try {
      // Before that, the output may have this side's hello.
      if (this.#handshake.accepted) output.drop();
      output.send({ kind: "abort", code, message: shortText(message) });
      return true;
    } catch {
      // A value is just being sent, and one of its getters ended the wire.
      return false;
    }
  }
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

/** Lets other microtasks run: without a promise for each turn. */
function turns(count: number): Promise<void> {
  return new Promise((resolve) => {
    let turn = 0;
    const next = () => ++turn < count ? queueMicrotask(next) : resolve();
    queueMicrotask(next);
  });
}
