/**
 * How a wire begins, and how it ends gracefully: each side says hello and
 * accepts the other; each says that it makes no further call, and that it has
 * nothing left to do.
 *
 * @module
 */

import { constantTimeEqual } from "../base/checks.ts";
import { afterLimit, afterPatience, BUSY, type Clock } from "../base/clock.ts";
import { LazyMap } from "../base/collections.ts";
import {
  errorMessage,
  isA,
  isThenable,
  malformed,
  Refusal,
  toErrorCode,
  WireError,
  wordsOf,
} from "../base/errors.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { WireLimits } from "../base/limits.ts";
import { callHook, type Report } from "../base/report.ts";
import { type Hello, type PeerLimits, VERSION } from "../codec/messages.ts";
import { type ByteOutput, SMALL_ANSWER } from "../flow/byte_output.ts";
import type { MessageOutput, Output, Ticket } from "../flow/output.ts";
import type { Messaging, Outbound } from "../rpc/messaging.ts";
import {
  formatAddress,
  type PeerCertificate,
  type Transport,
  type WireAddress,
} from "../transport/transport.ts";
import type { CredentialGate } from "./dialect.ts";

/** Output over `sendEnd` may wait for so many milliseconds. */
const SHORT_STALL = 1_000;
/** However patient the limits are, that is seen after so many more. */
const LONGEST_INTERVAL = 2_500;

/** So many pings are answered while output over `sendEnd` does not move. */
const PONGS = 100;

/** What tells of an output whether it makes progress. */
export type WatchedOutput =
  & Pick<
    ByteOutput,
    "busy" | "collected" | "progressAt" | "taken" | "trim" | "waiting"
  >
  & Pick<MessageOutput, "encoder" | "send">;

/** What is watched, and who is told. */
export interface KeepaliveOptions {
  readonly clock: Clock;
  readonly lifetime: Lifetime;
  readonly limits: Readonly<WireLimits>;
  readonly output: WatchedOutput;
  /** Whether the peer has accepted this side, and may be pinged. */
  readonly handshake: { readonly accepted: boolean };
  /** Whether a message was begun and not finished. */
  readonly decoder: { readonly unfinished: boolean; trim?(): void };
  /** Whether what came waits until others have had their turn. */
  readonly turn: { readonly isPaused: boolean };
  /** Ends the wire, with the reason, and says whether to tell the peer. */
  end(reason: WireError, tell: boolean): void;
}

/**
 * The watch over one wire: one timer, which looks at everything.
 *
 * A look that is late shows that this process was busy, and has not read what
 * came meanwhile. That time does not count against the peer.
 */
export class Keepalive {
  /** How many pings it has sent. */
  pings = 0;

  readonly #options: KeepaliveOptions;
  readonly #interval: number;
  /** How late a look may be; what is more was spent busy. */
  readonly #lateness: number;
  #receivedAt: number;
  /** When the peer was pinged, if that was after its last byte. */
  #pingedAt: number | undefined;
  /** Where that ping stands in the output. */
  #ping: Ticket | undefined;
  /** When the next look is due. */
  #dueAt = 0;
  /**
   * When the output last made progress, and how long this side was busy since.
   */
  #progressAt = 0;
  #busySince = 0;
  #stopTimer: (() => void) | undefined;

  /** @param options What to watch. */
  constructor(options: KeepaliveOptions) {
    this.#options = options;
    this.#receivedAt = options.clock.now();
    const { stall, keepaliveIdle, keepaliveDeath, frameProgress } =
      options.limits;
    const shortest = Math.min(
      stall,
      keepaliveIdle,
      keepaliveDeath,
      frameProgress,
    );
    this.#interval = Math.min(LONGEST_INTERVAL, Math.ceil(shortest / 4));
    this.#lateness = Math.min(BUSY, this.#interval);
  }

  /** Begins to look. */
  start(): void {
    const { clock } = this.#options;
    this.#dueAt = clock.now() + this.#interval;
    this.#stopTimer = afterLimit(clock, this.#interval, this.#lookAgain);
  }

  /** Bytes came. */
  received(now: number = this.#options.clock.now()): void {
    this.#receivedAt = now;
    this.#pingedAt = undefined;
  }

  /** The wire ended. */
  end(): void {
    this.#stopTimer?.();
  }

  readonly #lookAgain = (): void => {
    this.#look();
    if (this.#options.lifetime.reason === undefined) this.start();
  };

  #look(): void {
    const options = this.#options;
    const { clock, limits, output, decoder, handshake, turn } = options;
    const now = clock.now();
    // There is more, which is not read yet.
    if (turn.isPaused) this.received(now);
    const wasBusy = this.#forgive(now);
    const silence = now - this.#receivedAt;
    const stalled = output.busy ? now - output.progressAt - this.#busySince : 0;
    const isFull = output.waiting > limits.sendEnd;
    // What came while this side was busy is read first.
    const times = wasBusy ? 2 : 1;
    if (stalled > times * (isFull ? SHORT_STALL : limits.stall)) {
      options.end(stalledBy(output.waiting, stalled), false);
    } else if (output.collected > this.#flood()) {
      options.end(floodedBy(output.collected), false);
    } else if (decoder.unfinished && silence > times * limits.frameProgress) {
      options.end(unfinishedFor(limits.frameProgress), true);
    } else if (handshake.accepted && silence > limits.keepaliveIdle) {
      this.#ask(now, silence, times * limits.keepaliveDeath);
    }
    if (silence <= limits.stall) return;
    output.trim();
    decoder.trim?.();
  }

  /**
   * More than that may not wait: neither calls nor answers come to so much,
   * but what the peer brings forth, and hardly takes. Small answers, and a
   * frame of each kind, always find room.
   */
  #flood(): number {
    const { limits, output } = this.#options;
    const { sendMost, sendEnd, calls } = limits;
    const always = calls * SMALL_ANSWER + 4 * output.encoder.limits.frame;
    return Math.max(sendMost + sendEnd, always);
  }

  /**
   * Leaves out the time in which this side was busy.
   *
   * @returns Whether it was.
   */
  #forgive(now: number): boolean {
    const { progressAt } = this.#options.output;
    if (progressAt !== this.#progressAt) this.#busySince = 0;
    this.#progressAt = progressAt;
    const busy = now - this.#dueAt;
    if (busy <= this.#lateness) return false;
    this.#receivedAt = Math.min(now, this.#receivedAt + busy);
    if (this.#pingedAt !== undefined) {
      this.#pingedAt = Math.min(now, this.#pingedAt + busy);
    }
    this.#busySince += busy;
    return true;
  }

  /** Pings a peer that is silent, once; and ends the wire in the end. */
  #ask(now: number, silence: number, patience: number): void {
    const { output } = this.#options;
    if (this.#pingedAt === undefined) {
      this.#pingedAt = now;
      this.pings++;
      this.#ping = { position: Infinity };
      output.send({ kind: "ping", token: 0 }, this.#ping);
    } else if (output.taken <= this.#ping!.position) {
      // The peer takes what stands before it, or `stall` ends the wire.
      this.#pingedAt = now;
    } else if (now - this.#pingedAt > patience) {
      this.#options.end(
        new WireError(
          "keepalive",
          `The peer was silent for ${
            Math.round(silence)
          } ms, and did not answer a ping.`,
        ),
        false,
      );
    }
  }
}

function stalledBy(waiting: number, milliseconds: number): WireError {
  return new WireError(
    "stalled",
    `The peer takes nothing: ${waiting} bytes have waited for ${
      Math.round(milliseconds)
    } ms.`,
  );
}

function floodedBy(waiting: number): WireError {
  return new WireError(
    "stalled",
    `The peer has this side say more than it takes: ${waiting} bytes wait.`,
  );
}

function unfinishedFor(milliseconds: number): WireError {
  return new WireError(
    "stalled",
    `A message was begun and not finished within ${milliseconds} ms.`,
  );
}

// Signs of life that the program asks for, and those that the peer gets.

/** What pings, and answers to them, are sent with. */
export interface PingsOptions {
  readonly output: WatchedOutput;
  /** Measures the round trip. */
  readonly clock: Clock;
  readonly limits: Pick<WireLimits, "sendEnd">;
}

/** The pings of one wire, in both directions. */
export class Pings {
  readonly #options: PingsOptions;
  readonly #asked = new LazyMap<number, () => void>();
  /** How many pings, and answers to them, came or left. */
  signs = 0;
  #token = 0;
  /** Pings answered since the output last had room or made progress. */
  #pongs = 0;
  #pongedAt = 0;

  /** @param options What they are sent with. */
  constructor(options: PingsOptions) {
    this.#options = options;
  }

  /** Asks the peer; resolves with milliseconds, or when the wire has ended. */
  async ask(): Promise<number> {
    const { clock, output } = this.#options;
    const begun = clock.now();
    await new Promise<void>((resolve) => {
      const token = this.#token = (this.#token + 1) >>> 0;
      this.#asked.set(token, resolve);
      this.signs++;
      output.send({ kind: "ping", token });
    });
    return clock.now() - begun;
  }

  /** The peer has answered. */
  answered(token: number): void {
    this.signs++;
    const resolve = this.#asked.get(token);
    this.#asked.delete(token);
    resolve?.();
  }

  /**
   * Answers the peer, unless it goes on asking and takes nothing.
   *
   * @throws {WireError} `stalled`.
   */
  answer(token: number): void {
    const { output, limits } = this.#options;
    const { progressAt } = output;
    const isFull = output.waiting > limits.sendEnd;
    if (!isFull || progressAt !== this.#pongedAt) this.#pongs = 0;
    this.#pongedAt = progressAt;
    if (++this.#pongs > PONGS && isFull) {
      throw new WireError(
        "stalled",
        `The peer sends pings, and does not take what waits for it: ${output.waiting} bytes.`,
      );
    }
    this.signs += 2;
    output.send({ kind: "pong", token });
  }

  /** The wire has ended. */
  end(): void {
    for (const resolve of this.#asked.values()) resolve();
    this.#asked.clear();
  }
}

/** What a handshake opens. */
export interface Openable {
  /** Where hello and accept go, and what the peer's limits are for. */
  readonly output: Pick<Output, "send" | "greet" | "open" | "linger">;
  readonly messaging: { readonly outbound: Pick<Outbound, "open"> };
  readonly address: WireAddress;
  /** This side has accepted the peer. */
  onWelcome(): void;
  /** The wire has to end; a peer that is no wire is told only if `tell` is set. */
  onBroken(error: unknown, tell?: boolean): void;
}

/** What decides whether two ends get on. */
export interface HandshakeOptions {
  readonly limits: Readonly<WireLimits>;
  readonly clock: Clock;
  /** The secret to show. */
  readonly credential: string;
  /** The secrets of which the peer has to show one. */
  readonly requireCredential: readonly string[] | undefined;
  /** Says who a peer is that shows a secret; undefined where nobody asks. */
  readonly authenticate?: ((shown: string) => unknown) | undefined;
  /** Told who the peer is. */
  readonly onIdentity: (identity: unknown) => void;
  /** Whether to say hello only when the peer has, and has shown its secret. */
  readonly peerFirst?: boolean | undefined;
  /** Counts wrong secrets, where that is done. */
  readonly gate?: CredentialGate | undefined;
  /** What to tell of the contract that is served here. */
  readonly contract: string;
  /** Throws when what the peer tells of its contract is not as expected. */
  readonly checkContract: (told: string) => void;
  /** Decides on the peer, once its hello came. Only true lets it in. */
  readonly confirm: () => boolean | Promise<boolean>;
  /** Told what `confirm` throws. */
  readonly onError: Report;
}

/** What a wire needs until it is open, and forgets then. */
interface Pending {
  readonly options: HandshakeOptions;
  readonly resolve: () => void;
  readonly reject: (reason: WireError) => void;
  readonly stopTimer: () => void;
  /** What the peer told of itself, once it has said hello. */
  peer: PeerLimits | undefined;
}

/**
 * So many microtasks pass between the end of a handshake and the first call of
 * a program that waited for it, with some to spare.
 */
const SOON = 16;

/** The beginning of one wire. */
export class Handshake {
  /** Whether the peer said hello. */
  greeted = false;
  /** Whether this side accepted the peer. */
  welcome = false;
  /** Whether the peer accepted this side. */
  accepted = false;

  /** Resolves when both ends have accepted each other. */
  readonly opened: Promise<void>;

  readonly #wire: Openable;
  #pending: Pending | undefined;
  /** Whether the peer has shown who it is. */
  #isKnown = false;

  /**
   * Says hello, unless the peer has to be first.
   *
   * @param options What to say, and what to ask for.
   * @param wire What it opens.
   */
  constructor(options: HandshakeOptions, wire: Openable) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#wire = wire;
    this.opened = promise;
    promise.catch(() => {});
    const { limits, clock } = options;
    if (!options.peerFirst) sayHello(options, wire);
    const stopTimer = afterPatience(
      clock,
      limits.hello,
      // Who has heard this side's hello is told, whatever it has said itself.
      () => wire.onBroken(this.#lateness(limits), !options.peerFirst),
    );
    this.#pending = {
      options,
      resolve,
      reject,
      stopTimer,
      peer: undefined,
    };
  }

  /** The peer said hello. */
  hello(hello: Hello): void {
    if (this.greeted) throw malformed("A second hello came.");
    if (this.#pending === undefined) return;
    this.greeted = true;
    this.#pending.peer = hello.limits;
    if (hello.version !== VERSION) {
      throw new WireError(
        "unsupportedVersion",
        `The peer speaks version ${hello.version} of the protocol, this side ${VERSION}. Use the same major version of the module at both ends.`,
      );
    }
    const { options } = this.#pending;
    const checked = checkPeer(hello.credential, options);
    if (checked === undefined) return this.#recognized(hello);
    checked.then(() => this.#recognized(hello))
      .catch((error) => this.#wire.onBroken(error));
  }

  /** The peer has shown who it is: nothing is sent to it before. */
  #recognized(hello: Hello): void {
    if (this.#pending === undefined) return;
    this.#isKnown = true;
    const { options } = this.#pending;
    const wire = this.#wire;
    if (options.peerFirst) sayHello(options, wire);
    wire.output.greet(hello);
    options.checkContract(hello.contract);
    this.#openOutput();
    const welcome = options.confirm();
    if (typeof welcome === "boolean") return this.#decide(welcome);
    welcome.then((welcome) => this.#decide(welcome))
      .catch((error) => wire.onBroken(error));
  }

  /** The peer accepted this side. */
  accept(): void {
    if (!this.greeted || this.accepted) {
      throw malformed("The peer accepted out of turn.");
    }
    this.accepted = true;
    this.#openOutput();
    this.#checkOpened();
  }

  #openOutput(): void {
    const peer = this.#pending?.peer;
    if (peer === undefined || !this.accepted || !this.#isKnown) return;
    const { output, messaging } = this.#wire;
    output.open(peer);
    messaging.outbound.open(peer);
  }

  /** The wire ended. */
  end(reason: WireError): void {
    this.#forget()?.reject(reason);
  }

  #forget(): Pending | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.stopTimer();
    return pending;
  }

  #decide(welcome: boolean): void {
    if (this.#pending === undefined) return;
    const wire = this.#wire;
    if (!welcome) {
      wire.onBroken(
        new WireError("refused", "The connection was not accepted."),
      );
      return;
    }
    this.welcome = true;
    wire.onWelcome();
    wire.output.send({ kind: "accept" });
    // Whoever waited for the wire mostly calls at once: one write has both.
    wire.output.linger(SOON);
    this.#checkOpened();
  }

  #checkOpened(): void {
    if (this.welcome && this.accepted) this.#forget()?.resolve();
  }

  #lateness({ hello }: WireLimits): WireError {
    const missing = !this.greeted
      ? "the peer did not say hello"
      : !this.#isKnown
      ? 'the option "authenticate" has not answered'
      : this.accepted
      ? "this side has not accepted the peer"
      : "the peer has not accepted";
    return new WireError(
      "timeout",
      `The wire to ${
        formatAddress(this.#wire.address)
      } was not opened within ${hello} ms: ${missing}.`,
    );
  }
}

function sayHello(
  { limits, credential, contract }: HandshakeOptions,
  { output }: Openable,
): void {
  output.send({
    kind: "hello",
    version: VERSION,
    features: 0,
    limits,
    credential,
    contract,
  });
}

/**
 * What a peer shows of itself, for who decides on it.
 *
 * @example By a certificate, or a secret
 * ```ts
 * import { createRequestServer, type Peer } from "@remote/wire";
 *
 * function nameOf(peer: Peer): string | undefined {
 *   const names = peer.certificate?.names ?? [];
 *   if (names.includes("DNS:backup.example")) return "backup";
 *   return peer.shows(Deno.env.get("ADMIN_SECRET")) ? "admin" : undefined;
 * }
 * await using _server = createRequestServer(0, { authenticate: nameOf });
 * ```
 */
export class Peer {
  /** Where it is. */
  readonly address: WireAddress;
  /**
   * What its certificate says. It is undefined where the server asks for none,
   * by its option `tls.clientCa`, and for a client's server.
   */
  readonly certificate: PeerCertificate | undefined;
  // It is not shown with the rest, in a log for example.
  readonly #credential: string;

  /** Made by the wire. */
  constructor({ address, certificate }: Transport, credential: string) {
    this.address = address;
    this.certificate = certificate;
    this.#credential = credential;
  }

  /** The secret that it shows; undefined where it shows none. */
  get credential(): string | undefined {
    return this.#credential === "" ? undefined : this.#credential;
  }

  /**
   * Compares what it shows with a secret, in a time that does not depend on how
   * much of it is right.
   *
   * @param secret The secret; what is undefined or empty is shown by nobody.
   * @returns Whether it shows that.
   */
  shows(secret: string | undefined): boolean {
    return typeof secret === "string" && secret !== "" &&
      constantTimeEqual(this.#credential, secret);
  }
}

/** What {@linkcode checkPeer} asks. */
type Demands = Pick<
  HandshakeOptions,
  "requireCredential" | "authenticate" | "gate" | "onIdentity" | "onError"
>;

/**
 * Refuses a peer that does not show who it is, or has guessed too often.
 *
 * @param shown The secret that it shows; empty for none.
 * @param demands What it has to show.
 * @returns Undefined where that is decided; or a promise that rejects where the
 * peer is refused.
 * @throws {WireError} `refused` or `busy`, with what the peer may know.
 */
export function checkPeer(
  shown: string,
  demands: Demands,
): Promise<void> | undefined {
  const { requireCredential: secrets, authenticate, gate } = demands;
  if (secrets === undefined && authenticate === undefined) return undefined;
  const refusal = gate?.refusal();
  if (refusal !== undefined) throw refusal;
  if (authenticate !== undefined) return identify(shown, authenticate, demands);
  // None is left out, so that the time does not tell which it was.
  const equal = secrets!.filter((each) => constantTimeEqual(shown, each));
  if (equal.length > 0) return undefined;
  gate?.failed(shown);
  throw new WireError(
    "refused",
    "The credential is missing or wrong.",
  );
}

/** Asks a program who a peer is. Whatever is no clear answer refuses. */
function identify(
  shown: string,
  authenticate: (shown: string) => unknown,
  { gate, onError, onIdentity }: Demands,
): Promise<void> | undefined {
  const failed = (error: unknown): never => {
    const isRefusal = isA(error, Refusal);
    if (!isRefusal) onError(error, "authenticate");
    const { code, message } = isRefusal ? wordsOf(error) : NOT_KNOWN;
    // Who is to come again later has not failed.
    if (code === "busy") throw new WireError(code, message);
    gate?.failed(shown);
    throw new WireError("refused", message, { cause: error });
  };
  const read = (answer: unknown) => {
    if (answer === undefined || answer === null || answer === false) {
      throw new Refusal("refused", NOT_KNOWN.message);
    }
    // An error that was returned, and not thrown, is no identity either.
    if (isA(answer, Error)) throw answer;
    onIdentity(answer);
  };
  try {
    const answer = authenticate(shown);
    if (isThenable(answer)) {
      return Promise.resolve(answer).then(read).catch(failed);
    }
    read(answer);
    return undefined;
  } catch (error) {
    return failed(error);
  }
}

const NOT_KNOWN = {
  code: "refused",
  message: "The peer was not recognized.",
} as const;

// How two ends close: `close` says that this side makes no further call,
// `finish` answers that the other side has nothing left to do either.

/** Calls and messages of both directions, as far as a close waits for them. */
export interface ClosingMessages {
  readonly calls: Pick<Messaging["calls"], "pending">;
  /** The calls of the peer; undefined where none came so far. */
  readonly serving:
    | Pick<Messaging["incoming"], "running" | "forsakeAbandoned">
    | undefined;
  readonly outbound: Pick<Outbound, "waiting" | "whenSettled">;
}

/** What has to be idle before a wire can end, and what ends it. */
export interface GracefulCloseOptions {
  readonly clock: Clock;
  readonly lifetime: Lifetime;
  /** How long it may take. */
  readonly limits: Pick<WireLimits, "close">;
  readonly output: Pick<MessageOutput & ByteOutput, "flush" | "send">;
  readonly messaging: ClosingMessages;
  /** How many streams somebody still wants something of. */
  readonly wantedStreams: number;
  /**
   * Ends the wire, with the reason, and says whether to tell the peer, and
   * whether nothing more comes from it.
   */
  end(reason: WireError, tell: boolean, isOver?: boolean): void;
}

/** The graceful close of one wire. */
export class GracefulClose {
  /** Whether this side has said that nothing follows. */
  sentFinish = false;
  /** Whether the peer has said that. */
  gotFinish = false;
  /** Whether this side has asked for it. */
  isOwn = false;

  readonly #options: GracefulCloseOptions;
  #sentClose = false;
  #gotClose = false;
  #finishing = false;
  #stopTimer: (() => void) | undefined;

  /** @param options What to wait for. */
  constructor(options: GracefulCloseOptions) {
    this.#options = options;
  }

  /** Whether the wire has ended. */
  get #ended(): boolean {
    return this.#options.lifetime.reason !== undefined;
  }

  /**
   * Begins the graceful close, once.
   *
   * @param opened Resolves when the handshake is done.
   */
  async begin(opened: Promise<void>): Promise<void> {
    if (this.isOwn || this.#ended) return;
    this.isOwn = this.#options.lifetime.isDraining = true;
    this.#startTimer();
    await opened.catch(() => {});
    await this.#options.messaging.outbound.whenSettled();
    // The peer was quicker, and nothing may come behind `finish`.
    if (this.#finishing) return;
    await this.#sendLast("close");
    this.#sentClose = true;
    this.#options.messaging.serving?.forsakeAbandoned();
    this.advance();
  }

  /** The peer closes gracefully. */
  gotClose(): void {
    if (this.#gotClose) throw malformed("A second close came.");
    const { messaging, lifetime } = this.#options;
    this.#gotClose = true;
    this.#startTimer();
    // Whoever is told may call no more, and nothing be left to do.
    lifetime.peerDrains();
    messaging.serving?.forsakeAbandoned();
    this.advance();
  }

  /** The peer has nothing left to do. */
  finish(): void {
    if (!this.#sentClose || this.gotFinish) {
      throw malformed("The peer finished out of turn.");
    }
    this.gotFinish = true;
    this.#options.lifetime.peerDrains();
    this.advance();
  }

  /** The wire ended. */
  end(): void {
    this.#stopTimer?.();
  }

  /** Goes on as far as it can. */
  advance(): void {
    // Mostly nobody closes, and this is called with each message.
    if (this.#ended || !this.#gotClose && !this.#sentClose) return;
    const { messaging, wantedStreams } = this.#options;
    const { calls, serving, outbound } = messaging;
    const idle = calls.pending === 0 && !serving?.running &&
      outbound.waiting === 0 && wantedStreams === 0;
    if (!idle) return;
    // What this side says itself goes before: `finish` is the last.
    const isSaid = !this.isOwn || this.#sentClose;
    if (this.#gotClose && isSaid && !this.#finishing) this.#finish();
    if (this.gotFinish && (!this.#gotClose || this.sentFinish)) {
      this.#options.end(closedReason(), false, true);
    }
  }

  /** Says that this side has nothing left to do. */
  async #finish(): Promise<void> {
    this.#finishing = this.#options.lifetime.isDraining = true;
    await this.#sendLast("finish");
    this.sentFinish = true;
    this.advance();
  }

  /** Sends a message behind all others, large ones included. */
  async #sendLast(kind: "close" | "finish"): Promise<void> {
    const { output } = this.#options;
    await output.flush();
    if (!this.#ended) output.send({ kind });
  }

  #startTimer(): void {
    if (this.#stopTimer !== undefined) return;
    const { clock, limits } = this.#options;
    this.#stopTimer = afterPatience(
      clock,
      limits.close,
      () => {
        const { messaging, wantedStreams } = this.#options;
        const { calls, serving, outbound } = messaging;
        this.#options.end(
          new WireError(
            "timeout",
            `Closing took longer than ${limits.close} ms: ${calls.pending} calls had no answer, ${
              serving?.running ?? 0
            } were being served, ${outbound.waiting} messages waited, ${wantedStreams} streams were open.`,
          ),
          true,
        );
      },
    );
  }
}

/** The reason of death of a wire that was closed properly. */
export function closedReason(): WireError {
  return new WireError("closed", "The wire was closed.");
}

/**
 * The peer has ended the wire, and said why.
 *
 * @param code What it named as the reason.
 * @param text What else it said of it.
 */
export function abortedBy(code: string, text: string): WireError {
  const known = toErrorCode(code);
  if (known === "busy") {
    return new WireError("busy", `The peer is busy: ${text}`);
  }
  const isRefusal = known === "refused" || known === "unsupportedVersion" ||
    known === "contractMismatch";
  return isRefusal
    ? new WireError(known, `The peer refused the connection: ${text}`)
    : new WireError("peerAborted", `The peer ended the wire: ${text}`);
}

/** The reason of death of a wire whose connection failed. */
export function lostReason(
  address: WireAddress,
  error: unknown,
  hint = "",
): WireError {
  return new WireError(
    "connectionLost",
    `The connection to ${formatAddress(address)} was lost: ${
      errorMessage(error)
    }${hint && `.${hint}`}`,
    { cause: error },
  );
}

// The end of a connection: output is drained for a short time, and then the
// transport is closed.

/** The longest time for a graceful close, in milliseconds. */
const GRACE = 1_000;

/** What has to come to an end. */
export interface DrainOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly output: Pick<ByteOutput, "flush" | "stop">;
  /** Resolves when the reader has come to the end of the stream. */
  readonly readerDone: Promise<void>;
  /** Tells the reader when the connection was closed. */
  readonly lifetime: Pick<Lifetime, "isCut">;
  /** Whether what waits may still be sent. */
  readonly polite: boolean;
  /** Told what the transport's `close()` throws, or rejects with. */
  readonly onFault: (error: unknown) => void;
}

/**
 * Ends a connection.
 *
 * @param options What has to come to an end.
 * @returns A promise that resolves when it has.
 */
export async function drainAndClose(options: DrainOptions): Promise<void> {
  const { transport, clock, output, readerDone, polite, onFault } = options;
  let isClosed = false;
  const close = () => {
    if (isClosed) return;
    isClosed = options.lifetime.isCut = true;
    callHook(() => transport.close(), onFault);
  };
  if (polite) await beforeLate(clock, finish(options), close);
  output.stop();
  close();
  // A transport whose reads never settle is not to keep the wire from ending.
  await beforeLate(clock, readerDone, () => {});
}

/** Waits, but not for long. */
async function beforeLate(
  clock: Clock,
  done: Promise<void>,
  isLate: () => void,
): Promise<void> {
  const late = Promise.withResolvers<void>();
  const stopTimer = afterPatience(clock, GRACE, () => {
    isLate();
    late.resolve();
  });
  await Promise.race([late.promise, done]);
  stopTimer();
}

async function finish(options: DrainOptions): Promise<void> {
  const { transport, output, readerDone } = options;
  try {
    await output.flush();
    await transport.closeWrite();
    await readerDone;
  } catch {
    // The connection is gone already.
  }
}
