/**
 * A connection that speaks CMUCL's protocol, behind the same wire: one read
 * loop, one way out, one place where everything ends.
 *
 * @module
 */

import { isA, setBrand, WireError } from "../base/errors.ts";
import type { Transport, WireAddress } from "../transport/transport.ts";
import type { CallOptions } from "../rpc/context.ts";
import { afterPatience, Turn } from "../base/clock.ts";
import type { Session, SessionOptions, WireStats } from "../session/dialect.ts";
import { Lifetime } from "../base/lifetime.ts";
import type { Report } from "../base/report.ts";
import {
  checkPeer,
  closedReason,
  drainAndClose,
  Keepalive,
  lostReason,
} from "../session/handshake.ts";
import { type Holder, Memory } from "../base/limits.ts";
import { Messaging } from "../rpc/messaging.ts";
import { Names } from "./_names.ts";
import { type CallMode, LispOutput } from "./_output.ts";
import { Reading } from "./_reading.ts";
import { Requests } from "./_requests.ts";
import { LispReader, type ReceivedObject } from "./reader.ts";
import type { RemoteObjects } from "./remote_objects.ts";
import type { LispWriter } from "./writer.ts";

/** What is special to a wire of this dialect. */
export interface LispSetup {
  /** The objects of this process that have a number. */
  readonly objects: RemoteObjects;
  /** The package of names without one. */
  readonly packageName: string;
  /** Whether to begin without reading objects. */
  readonly untagged: boolean;
}

/** The machinery of one end of a wire that speaks CMUCL's protocol. */
export class CmuclSession implements Session {
  /** The end. */
  readonly lifetime: Lifetime;

  readonly #transport: Transport;
  readonly #options: SessionOptions;
  readonly #setup: LispSetup;
  readonly #names: Names;
  readonly #output: LispOutput;
  readonly #messaging: Messaging;
  readonly #memory: Memory;
  readonly #requests: Requests;
  readonly #reader: LispReader;
  readonly #reading: Reading;
  readonly #keepalive: Keepalive;
  readonly #opened = Promise.withResolvers<void>();
  readonly #readerDone: Promise<void>;
  #closeTimer: (() => void) | undefined;

  /**
   * Begins: has the peer confirmed, and reads.
   *
   * @param wire What served functions get as `this.wire`.
   * @param transport The connection.
   * @param options The wire's options.
   * @param setup The dialect's.
   */
  constructor(
    wire: object,
    transport: Transport,
    options: SessionOptions,
    setup: LispSetup,
  ) {
    const { limits, clock, onError, recordCallSites } = options;
    const { serveThrough, measure } = options;
    this.#transport = transport;
    this.#options = options;
    this.#setup = setup;
    const lifetime = this.lifetime = new Lifetime(onError);
    const names = this.#names = new Names(setup.packageName);
    const output = this.#output = this.#makeOutput();
    const memory = this.#memory = new Memory(
      limits.memory,
      options.sharedMemory,
      () => this.#reading.goOn(),
    );
    const messaging = this.#messaging = new Messaging({
      ...{ wire, output, clock, limits, lifetime, onError, recordCallSites },
      pipelines: false,
      serveThrough,
      measure,
      memory,
      onIdle: () => this.#advance(),
    });
    this.#requests = new Requests({
      output,
      messaging,
      memory,
      nesting: limits.nesting,
      servedName: (symbol) => names.served(symbol),
      onError,
      onBroken: (error) => this.#fail(error),
      onFree: () => this.#reading.goOn(),
    });
    this.#reader = new LispReader(limits);
    const turn = new Turn(clock, transport.local === true);
    this.#reading = new Reading({
      transport,
      turn,
      clock,
      reader: this.#reader,
      lifetime,
      memory,
      isHeld: setup.untagged,
      isFull: () => this.#isFull(),
      onAlive: () => this.#keepalive.received(),
      onObject: (received) => {
        const { size, weight } = this.#reader;
        this.#requests.take(received, size, weight);
      },
    });
    this.#keepalive = new Keepalive({
      ...{ clock, lifetime, limits, output },
      end: (reason, tell) => this.end(reason, tell),
      handshake: { accepted: false },
      decoder: this.#reading,
      turn,
    });
    this.#opened.promise.catch(() => {});
    memory.enter(this.#asHolder());
    // A transport may fail at once, which ends all that has begun.
    if (transport.local !== true) this.#keepalive.start();
    this.#readerDone = this.#open();
  }

  #makeOutput(): LispOutput {
    const { limits, clock } = this.#options;
    return new LispOutput(this.#transport, clock, limits, {
      objects: this.#setup.objects,
      readName: (name) => this.#names.read(name),
      onAnswer: (answer) => this.#requests.settle(answer),
      onCredit: () => this.#reading.goOn(),
      onRoom: () => {
        this.#messaging.resume();
        this.#requests.resume();
        this.#reading.goOn();
      },
      onFailed: (error) => this.#fail(error),
      onGrown: () => this.#memory.tell(),
    });
  }

  /** What an account has to know of it. */
  #asHolder(): Holder {
    return {
      total: () => this.#total,
      trim: () => this.#output.trim(),
      end: (reason) => this.end(reason, false),
    };
  }

  /** What it holds in memory, about. */
  get #total(): number {
    const { total } = this.#output;
    // What came can still be taken, and is the program's.
    if (this.lifetime.reason !== undefined) return total;
    return total + this.#messaging.total + this.#requests.owedBytes +
      this.#memory.held + this.#reader.total;
  }

  /** Where the peer is. */
  get address(): WireAddress {
    return this.#transport.address;
  }

  /** Resolves when this side has accepted the peer: nobody else asks. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** Serves functions. */
  serve(functions: object): void {
    const named = this.#names.name(functions);
    this.#messaging.incoming.serve(named);
    this.#names.add(named);
  }

  /** Calls for one value, or for the list of all. */
  call(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options?: CallOptions,
  ): Promise<unknown> {
    return this.callFor({}, name, args, wantsValues, options);
  }

  /** Calls as only this dialect can. */
  callFor(
    mode: CallMode,
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options?: CallOptions,
  ): Promise<unknown> {
    this.#output.mode = mode;
    try {
      return this.#messaging.calls.call(name, args, wantsValues, options);
    } finally {
      this.#output.mode = {};
      // What was not read for want of room may have to be read now.
      this.#reading.goOn();
    }
  }

  /** Calls one way. */
  send(name: string, args: unknown[], options?: CallOptions): Promise<void> {
    return this.#messaging.outbound.send(name, args, options, false);
  }

  /** Sends an object. */
  outputObject(value: unknown): Promise<void> {
    return this.#messaging.outbound.outputObject(value);
  }

  /** Takes the next object that is data. */
  getObject(): Promise<unknown> {
    return this.#messaging.inbox.take();
  }

  /** Resolves when all output so far was handed over. */
  async forceOutput(): Promise<void> {
    await this.#messaging.outbound.whenSettled();
    await this.#output.flush();
    if (this.lifetime.reason !== undefined) throw this.lifetime.reason;
  }

  /** Has the peer send a number back; no function is called. */
  async ping(): Promise<number> {
    const { clock } = this.#options;
    await this.opened;
    const begun = clock.now();
    await this.callFor({ isPing: true }, "ping", [], false);
    return clock.now() - begun;
  }

  /** Forgets the number of an object. */
  forgetRemoteTranslation(value: object): void {
    this.#setup.objects.forget(value);
  }

  /** Closes gracefully: calls under way finish, and answers owed are sent. */
  async close(): Promise<void> {
    const { lifetime } = this;
    if (!lifetime.isDraining && lifetime.reason === undefined) {
      lifetime.isDraining = true;
      this.#closeTimer = afterPatience(
        this.#options.clock,
        this.#options.limits.close,
        () => this.end(this.#lateness(), false),
      );
      await this.opened.catch(() => {});
      await this.#messaging.outbound.whenSettled();
      this.#advance();
    }
    await this.lifetime.closed;
  }

  /** Counts. The protocol has no credit: the peer's bytes are left where they are. */
  stats(): WireStats {
    const { flow, ...counts } = this.#messaging.counts();
    const output = this.#output;
    return {
      bytesReceived: this.#reading.bytes,
      bytesSent: output.handed,
      reads: this.#reading.reads,
      writes: output.writes,
      messagesReceived: this.#reader.objects,
      messagesSent: output.messages,
      signsOfLife: 0,
      ...counts,
      objectsExported: 0,
      objectsImported: 0,
      streamsReceiving: 0,
      streamsSending: 0,
      memoryHeld: this.#memory.held,
      outputWaiting: output.waiting,
      flow: { ...flow, streamSpare: 0 },
    };
  }

  /**
   * The one place where a wire ends. The peer is not told: the protocol has
   * no words for it.
   *
   * @param reason Why; the first reason counts.
   */
  end(reason: WireError, _tell: boolean): void {
    if (!this.lifetime.end(reason)) return;
    this.#keepalive.end();
    this.#closeTimer?.();
    this.#messaging.end(reason);
    this.#requests.end(reason);
    this.#memory.end();
    this.#opened.reject(reason);
    this.lifetime.declare();
    this.#reading.end();
    drainAndClose({
      transport: this.#transport,
      clock: this.#options.clock,
      output: this.#output,
      readerDone: this.#readerDone,
      lifetime: this.lifetime,
      polite: reason.code === "closed",
      onFault: (error) =>
        this.#options.onError(error, "closing the connection"),
    }).then(() => {
      this.#memory.leave();
      this.lifetime.markClosed();
    });
  }

  /** All limits. */
  get limits(): SessionOptions["limits"] {
    return this.#options.limits;
  }

  /** Told what has no other place to go. */
  get report(): Report {
    return this.#options.onError;
  }

  /** The incoming side, for who holds it. */
  get reading(): Reading {
    return this.#reading;
  }

  /** What it reads with. */
  get reader(): LispReader {
    return this.#reader;
  }

  /** Writes bytes, for who speaks beside the objects. */
  write(write: (lisp: LispWriter) => void): void {
    const refusal = this.lifetime.refusal("output");
    if (refusal !== undefined) throw refusal;
    this.#output.answer(write);
  }

  /** Performs an object, for who holds the wire. */
  evaluate(received: ReceivedObject): Promise<unknown> {
    return this.#requests.evaluate(received, this.#reader.size);
  }

  /** Asks whether the peer is welcome, and reads what it says. */
  async #open(): Promise<void> {
    const { clock, confirm, credential, requireCredential, limits } =
      this.#options;
    // Who made the wire has it in hand first.
    await undefined;
    if (credential !== "" || requireCredential !== undefined) {
      this.#fail(withoutCredential());
    }
    const late = () => this.#fail(undecided());
    const stopTimer = afterPatience(clock, limits.hello, late);
    const dead = new Promise<boolean>((resolve) =>
      this.lifetime.listen(() => resolve(false))
    );
    try {
      if (this.lifetime.reason === undefined) {
        const known = checkPeer("", this.#options);
        const welcome = known === undefined ? confirm() : known.then(confirm);
        const isWelcome = await Promise.race([welcome, dead]);
        if (!isWelcome) {
          throw new WireError("refused", "The connection was not accepted.");
        }
        // A CMUCL tells no limits, and gives no credit.
        const peer = { ...limits, window: Infinity };
        this.#messaging.outbound.open(peer);
        this.#opened.resolve();
        // Whoever waits for the opening may serve before the first call.
        for (let turn = 0; turn < 16; turn++) await undefined;
      }
    } catch (error) {
      this.#fail(error);
    }
    stopTimer();
    try {
      await this.#reading.read();
      this.#endOfStream();
    } catch (error) {
      this.#fail(error);
    }
  }

  /**
   * Whether to leave the peer's bytes where they are. They are read all the
   * same while this side waits for the peer, for they may be its answer.
   */
  #isFull(): boolean {
    const { calls, sendWindow, messageWindow } = this.#messaging;
    if (calls.pending > 0) return false;
    const requests = this.#requests;
    const room = this.#options.limits.window / 2;
    return this.#memory.isTight || requests.blocked > 0 ||
      requests.owedBytes > room ||
      sendWindow.held > room || messageWindow.held > room;
  }

  /** Ends a wire that is being closed, once nothing is left to do. */
  #advance(): void {
    const { isDraining, reason } = this.lifetime;
    if (!isDraining || reason !== undefined) return;
    const { calls, incoming, outbound } = this.#messaging;
    const isIdle = calls.wanted === 0 && incoming.running === 0 &&
      outbound.waiting === 0;
    if (isIdle) this.end(closedReason(), false);
  }

  #lateness(): WireError {
    const { calls, incoming } = this.#messaging;
    return new WireError(
      "timeout",
      `Closing took longer than ${this.#options.limits.close} ms: ${calls.wanted} calls had no answer, ${incoming.running} were being served.`,
    );
  }

  #endOfStream(): void {
    if (this.lifetime.reason !== undefined) return;
    const { isTorn } = this.#reading;
    if (!isTorn && this.#messaging.calls.pending === 0) {
      return this.end(
        new WireError("closed", "The peer closed the connection."),
        false,
      );
    }
    this.end(
      new WireError(
        "connectionLost",
        isTorn
          ? "The connection ended within an object: the peer may have died."
          : "The connection ended before the peer had answered: it may have died.",
      ),
      false,
    );
  }

  /** Something went wrong on this side, or in what the peer said. */
  #fail(error: unknown): void {
    const reason = isA(error, WireError)
      ? error
      : lostReason(this.address, error);
    this.end(reason, false);
  }

  static readonly #brand = /* @__PURE__ */ setBrand(this, "CmuclSession");
}

function withoutCredential(): WireError {
  return new WireError(
    "invalidArgument",
    "CMUCL's protocol has no place for a credential. Leave it out, and let nobody connect who may not: by the address that is listened on, or by TLS.",
  );
}

function undecided(): WireError {
  return new WireError(
    "timeout",
    "It was not decided in time whether to accept the connection.",
  );
}
