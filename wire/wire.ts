/**
 * The wire: one read loop, one writer, one end. What comes is routed by its
 * kind to `calls`, `handlers` and `inbox`; what leaves goes through `output`.
 *
 * @module
 */

import { formatAddress, type WireAddress } from "./address.ts";
import { type CallOptions, Calls, checkOptions } from "./calls.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Decoder, notAWire } from "./codec.ts";
import { errorMessage, malformed, toErrorCode, WireError } from "./errors.ts";
import { Handlers } from "./handlers.ts";
import { Inbox } from "./inbox.ts";
import { resolveLimits, type WireLimits } from "./limits.ts";
import {
  type Hello,
  HELLO_LIMITS,
  type Message,
  type OverLimit,
  type PeerLimits,
  VERSION,
} from "./messages.ts";
import { Output, type Ticket } from "./output.ts";
import {
  type AnyFunctions,
  type Caller,
  type Remotes,
  remotes,
  type RemoteSend,
  type RemoteValue,
  type RemoteValues,
  type ServedFunctions,
} from "./remote.ts";
import {
  type ByteDuplex,
  streamTransport,
  type Transport,
} from "./transport.ts";
import { MESSAGE_COST, Turnstile } from "./_turnstile.ts";
import { Window } from "./_window.ts";
import { sameText } from "./_same_text.ts";

/** What a wire is made with. Everything has a default. */
export interface WireOptions<Local extends object = AnyFunctions> {
  /** Limits that differ from the default. */
  limits?: Partial<WireLimits> | undefined;
  /**
   * Functions to serve from the first byte on. What `serve()` adds later may
   * come after the peer's first call.
   */
  functions?: ServedFunctions<Local, Wire> | undefined;
  /** Called once, with the reason, when the wire has ended. */
  onDeath?: ((reason: WireError) => void) | undefined;
  /**
   * Told of errors that have no other place to go: those of one-way calls and
   * of `onDeath`.
   *
   * @default {console.error}
   */
  onError?: ((error: unknown, where: string) => void) | undefined;
  /** Aborts the wire. */
  signal?: AbortSignal | undefined;
  /** The secret to show to the peer. */
  credential?: string | undefined;
  /** The secret that the peer has to show. Compared in constant time. */
  requireCredential?: string | undefined;
  /** Decides on the peer, once its hello came: false ends the wire. */
  confirm?: ((wire: Wire) => boolean | Promise<boolean>) | undefined;
  /**
   * Whether errors that served functions throw take their stacks along. Leave
   * it off where the peer is not to know your code's insides.
   *
   * @default {false}
   */
  sendStacks?: boolean | undefined;
  /**
   * Whether to record where each call is made, for the stack of its error.
   * Without, the stack shows where the call is awaited, which costs nothing;
   * recording costs some 2 µs a call.
   *
   * @default {false}
   */
  recordCallSites?: boolean | undefined;
  /** Where the time comes from. @default {the platform's clock} */
  clock?: Clock | undefined;
}

/** Counts of a wire, all since it was made but the last five. */
export interface WireStats {
  /** Bytes that came. */
  readonly bytesReceived: number;
  /** Bytes handed to the operating system. */
  readonly bytesSent: number;
  /** Chunks in which bytes came. */
  readonly reads: number;
  /** Writes of gathered output. */
  readonly writes: number;
  /** Messages of all kinds that came. */
  readonly messagesReceived: number;
  /** Messages of all kinds that left. */
  readonly messagesSent: number;
  /** Calls made for an answer. */
  readonly callsMade: number;
  /** Calls of the peer that were begun, one-way calls included. */
  readonly callsServed: number;
  /** Now: calls made that have no answer. */
  readonly callsPending: number;
  /** Now: those of them that wait their turn on this side. */
  readonly callsWaiting: number;
  /** Now: calls of the peer that run or wait to. */
  readonly callsRunning: number;
  /** Now: typed messages that wait to be taken. */
  readonly inbox: number;
  /** Now: bytes of output that wait. */
  readonly outputWaiting: number;
}

/** A resolved promise, for what is done already. */
const DONE: Promise<void> = Promise.resolve();

/** Longest time to take leave of a peer, in milliseconds. */
const FAREWELL = 1_000;

/**
 * One end of a connection between two processes. Both ends are the same class:
 * either sends messages, calls the other's functions and serves its own.
 *
 * {@linkcode makeWire}, {@linkcode wirePair}, `connectToRemoteServer` and
 * `createRequestServer` make wires.
 *
 * @typeParam Remote The interface that the peer serves.
 * @typeParam Local The interface that this side serves.
 *
 * @example Calls and messages
 * ```ts
 * import { wirePair } from "@remote/wire";
 *
 * interface Calculator {
 *   add(a: number, b: number): number;
 * }
 * const [near, far] = wirePair<object, Calculator>();
 * far.serve({ add: (a, b) => a + b });
 * if (await near.remoteValue.add(40, 2) !== 42) throw new Error();
 *
 * await far.outputObject({ kind: "tick", at: new Date(0) });
 * const message = await near.getObject() as { kind: string };
 * if (message.kind !== "tick") throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export class Wire<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
> implements Caller, AsyncDisposable {
  readonly #transport: Transport;
  readonly #limits: Readonly<WireLimits>;
  readonly #options: WireOptions<Local>;
  readonly #clock: Clock;
  readonly #decoder: Decoder;
  readonly #output: Output;
  readonly #callTurnstile: Turnstile;
  readonly #sendTurnstile: Turnstile;
  readonly #messageTurnstile: Turnstile;
  readonly #calls: Calls;
  readonly #handlers: Handlers;
  readonly #inbox: Inbox;
  readonly #sendWindow: Window;
  readonly #messageWindow: Window;
  readonly #remotes: Remotes<Remote>;

  #peer: PeerLimits | undefined;
  #welcome = false; // this side accepted the peer
  #accepted = false; // the peer accepted this side
  #closing = false; // close() was called
  #sentClose = false;
  #gotClose = false;
  #finishing = false; // about to finish, or finished
  #sentFinish = false;
  #gotFinish = false;
  #reason: WireError | undefined;
  #controller: AbortController | undefined;
  readonly #opened = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<WireError>();
  #onDeath: ((reason: WireError) => void)[] = [];
  readonly #pings = new Map<number, () => void>();
  #pingToken = 0;
  #pingedAt: number | undefined; // since the last byte came
  #receivedAt: number;
  #bytesReceived = 0;
  #reads = 0;
  #received = 0;
  #stopHelloTimer: (() => void) | undefined;
  #stopCloseTimer: (() => void) | undefined;
  #stopWatch: (() => void) | undefined;
  #readerDone: Promise<void> = DONE;

  /**
   * Use {@linkcode makeWire}.
   *
   * @param transport The connection, which the wire owns from now on.
   * @param options What differs from the default.
   */
  constructor(transport: Transport, options: WireOptions<Local> = {}) {
    const limits = this.#limits = resolveLimits(options.limits);
    const clock = this.#clock = options.clock ?? systemClock;
    this.#transport = transport;
    this.#options = options;
    this.#receivedAt = clock.now();
    this.#decoder = new Decoder(limits, limits.helloFrame);
    const output = this.#output = new Output(
      transport,
      clock,
      limits,
      limits.sendPause,
      (error) => this.#lost(error),
    );
    output.encoder.sendStacks = options.sendStacks ?? false;
    output.mayForget = () =>
      this.#callTurnstile.waiting + this.#sendTurnstile.waiting +
          this.#messageTurnstile.waiting === 0;
    output.onRoom = () => this.#room();
    this.#messageTurnstile = new Turnstile(output, true);
    this.#sendTurnstile = new Turnstile(output, true);
    this.#callTurnstile = new Turnstile(output, false, this.#sendTurnstile);
    this.#calls = new Calls(
      output,
      this.#callTurnstile,
      clock,
      options.recordCallSites ?? false,
    );
    this.#sendWindow = new Window("sends", limits.window, output);
    this.#messageWindow = new Window("messages", limits.window, output);
    this.#handlers = new Handlers(
      this,
      output,
      clock,
      limits,
      this.#sendWindow,
      (error, where) => this.#report(error, where),
    );
    this.#inbox = new Inbox(this.#messageWindow);
    this.#remotes = remotes<Remote>(this);
    this.#opened.promise.catch(() => {});
    if (options.functions !== undefined) {
      this.#handlers.serve(options.functions);
    }
    if (options.onDeath !== undefined) this.#onDeath.push(options.onDeath);
    const advance = () => this.#advanceClose();
    this.#calls.onIdle = this.#handlers.onIdle = advance;
    this.#sendTurnstile.onEmpty = this.#messageTurnstile.onEmpty = advance;
    this.#begin();
  }

  /** Where the peer is. */
  get address(): WireAddress {
    return this.#transport.address;
  }

  /** Resolves when both ends have accepted each other; rejects if not. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /**
   * Resolves when the connection is gone, with the reason: an error whose code
   * is `closed` where both ends took leave properly. It never rejects.
   */
  get closed(): Promise<WireError> {
    return this.#closed.promise;
  }

  /** The reason of death; undefined while the wire lives. */
  get ended(): WireError | undefined {
    return this.#reason;
  }

  /** Aborts with the reason of death. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /**
   * The peer's functions, called one way: no answer travels. The promise
   * resolves when the call may leave, which is at once unless the peer is
   * slow; it rejects when an argument cannot be sent. What the function throws
   * is reported at the peer.
   */
  get remote(): RemoteSend<Remote> {
    return this.#remotes.remote;
  }

  /**
   * The peer's functions, called for one value.
   *
   * The promise rejects with a `RemoteError` for what the function threw, and
   * with a `WireError` for everything else.
   */
  get remoteValue(): RemoteValue<Remote> {
    return this.#remotes.remoteValue;
  }

  /** The peer's functions, called for all the values that `values()` made. */
  get remoteValues(): RemoteValues<Remote> {
    return this.#remotes.remoteValues;
  }

  /**
   * The peer's functions, called with a signal or a deadline.
   *
   * @param options The signal, and the deadline in milliseconds.
   * @returns The same three proxies.
   *
   * @example
   * ```ts
   * import { wirePair } from "@remote/wire";
   *
   * const [near, far] = wirePair();
   * far.serve({ never: () => new Promise(() => {}) });
   * const error = await near.with({ deadline: 10 }).remoteValue.never()
   *   .catch((e: unknown) => e) as { code: string; sent: string };
   * if (error.code !== "deadline") throw error;
   * if (error.sent !== "maybeExecuted") throw error;
   * near.abort();
   * await far.closed;
   * ```
   */
  with(options: CallOptions): Remotes<Remote> {
    return remotes<Remote>(this, options);
  }

  /**
   * Calls a function of the peer by name, for names that the proxies do not
   * have, or that are known only at run time.
   *
   * @param name The function's name.
   * @param args Its arguments.
   * @param wantsValues Whether to get the list of all its values.
   * @param options The call's signal and deadline.
   * @returns The value, or the list of values.
   */
  call(
    name: string,
    args: unknown[],
    wantsValues = false,
    options?: CallOptions,
  ): Promise<unknown> {
    const refusal = this.#refusal(name);
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.#calls.call(name, args, wantsValues, options);
  }

  /**
   * Calls a function of the peer by name, one way.
   *
   * @param name The function's name.
   * @param args Its arguments.
   * @param options The deadline travels along; a signal that is aborted
   * already keeps the call from leaving.
   * @returns A promise that resolves when the call may leave.
   */
  send(name: string, args: unknown[], options?: CallOptions): Promise<void> {
    const refusal = this.#refusal(name);
    if (refusal !== undefined) return handled(Promise.reject(refusal));
    try {
      checkOptions(name, options);
    } catch (error) {
      return Promise.reject(error);
    }
    const deadline = Math.ceil(options?.deadline ?? 0);
    const message: Message = { kind: "send", name, args, deadline };
    return this.#pass(this.#sendTurnstile, message);
  }

  /**
   * Serves functions: own enumerable properties, never inherited ones. Called
   * again, it adds to what is served. Each is called with a `CallContext` as
   * `this`.
   *
   * @param functions The functions by name.
   * @throws {WireError} `invalidArgument` for a property that is no function.
   */
  serve<Served extends object = Local>(
    functions: ServedFunctions<NoInfer<Served>, Wire>,
  ): void {
    this.#handlers.serve(functions);
  }

  /**
   * Sends a typed message. The peer takes it with `getObject()`.
   *
   * @param value Any value that can be sent.
   * @returns A promise that resolves when the message may leave, which is at
   * once unless the peer is slow to take what was sent before.
   * @throws {WireError} `unsupportedValue` or `limit`, as a rejection.
   */
  outputObject(value: unknown): Promise<void> {
    const refusal = this.#refusal("outputObject");
    if (refusal !== undefined) return handled(Promise.reject(refusal));
    return this.#pass(this.#messageTurnstile, { kind: "message", value });
  }

  /**
   * Takes the next typed message.
   *
   * @returns A promise of it; rejected with the reason of death once the wire
   * has ended and all that came was taken.
   */
  getObject(): Promise<unknown> {
    return this.#inbox.take();
  }

  /**
   * Takes typed messages until the peer closes. A wire that ends in any other
   * way ends the iteration with an error.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, void> {
    for (;;) {
      let value: unknown;
      try {
        value = await this.#inbox.take();
      } catch (error) {
        if (error instanceof WireError && error.code === "closed") return;
        throw error;
      }
      yield value;
    }
  }

  /**
   * Resolves when all output so far was handed to the operating system.
   *
   * @throws {WireError} The reason of death, as a rejection.
   */
  async forceOutput(): Promise<void> {
    await Promise.all([
      this.#callTurnstile.whenPassed(),
      this.#sendTurnstile.whenPassed(),
      this.#messageTurnstile.whenPassed(),
    ]);
    await this.#output.flush();
    if (this.#reason !== undefined) throw this.#reason;
  }

  /**
   * Asks the peer for a sign of life.
   *
   * @returns A promise of the round trip's time, in milliseconds.
   */
  async ping(): Promise<number> {
    await this.opened;
    if (this.#reason !== undefined) throw this.#reason;
    const begun = this.#clock.now();
    await new Promise<void>((resolve) => {
      const token = this.#pingToken = (this.#pingToken + 1) >>> 0;
      this.#pings.set(token, resolve);
      this.#output.send({ kind: "ping", token });
    });
    if (this.#reason !== undefined) throw this.#reason;
    return this.#clock.now() - begun;
  }

  /**
   * Takes leave: no further call is made; those under way finish, and answers
   * owed are sent. A peer that is not done within the limit `close` is left.
   *
   * @returns A promise that resolves when the connection is gone.
   */
  async close(): Promise<void> {
    if (!this.#closing && this.#reason === undefined) {
      this.#closing = true;
      this.#startCloseTimer();
      await Promise.all([
        this.#opened.promise.catch(() => {}),
        this.#callTurnstile.whenPassed(),
        this.#sendTurnstile.whenPassed(),
        this.#messageTurnstile.whenPassed(),
      ]);
      await this.#sendLast("close");
      this.#sentClose = true;
      this.#advanceClose();
    }
    await this.closed;
  }

  /**
   * Ends the wire at once. Pending calls fail; the peer is told the reason's
   * message.
   *
   * @param reason Why: an error, or any value that has a text.
   */
  abort(reason?: unknown): void {
    if (this.#reason !== undefined) return;
    const error = reason instanceof WireError ? reason : new WireError(
      "aborted",
      reason === undefined
        ? "The wire was aborted."
        : `The wire was aborted: ${errorMessage(reason)}`,
      { cause: reason },
    );
    this.#end(error, true);
  }

  /**
   * Has a function called when the wire ends; at once if it has.
   *
   * @param listener Called once, with the reason.
   */
  onDeath(listener: (reason: WireError) => void): void {
    if (this.#reason === undefined) this.#onDeath.push(listener);
    else this.#callOnDeath(listener, this.#reason);
  }

  /** The wire's counts. */
  stats(): WireStats {
    return {
      bytesReceived: this.#bytesReceived,
      bytesSent: this.#output.handed,
      reads: this.#reads,
      writes: this.#output.writes,
      messagesReceived: this.#received,
      messagesSent: this.#output.messages,
      callsMade: this.#calls.made,
      callsServed: this.#handlers.served,
      callsPending: this.#calls.pending,
      callsWaiting: this.#callTurnstile.waiting,
      callsRunning: this.#handlers.running,
      inbox: this.#inbox.size,
      outputWaiting: this.#output.waiting,
    };
  }

  /** Closes, as `await using` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // ── Beginning ──────────────────────────────────────────────────────────

  #begin(): void {
    const { signal, credential } = this.#options;
    if (signal !== undefined) {
      const onAbort = () => this.abort(signal.reason);
      if (signal.aborted) queueMicrotask(onAbort);
      else signal.addEventListener("abort", onAbort, { once: true });
      this.#onDeath.unshift(() => signal.removeEventListener("abort", onAbort));
    }
    const limits = Object.fromEntries(
      HELLO_LIMITS.map((name) => [name, this.#limits[name]]),
    ) as PeerLimits;
    this.#output.send({
      kind: "hello",
      version: VERSION,
      features: 0,
      limits,
      credential: credential ?? "",
      contract: "",
    });
    const { hello } = this.#limits;
    this.#stopHelloTimer = this.#clock.after(hello, () =>
      this.#end(
        new WireError(
          "timeout",
          `The wire to ${
            formatAddress(this.address)
          } was not opened within ${hello} ms: ${
            this.#peer === undefined
              ? "the peer did not say hello"
              : this.#accepted
              ? "this side has not accepted the peer"
              : "the peer has not accepted"
          }.`,
        ),
        true,
      ));
    this.#readerDone = this.#read();
    if (this.#transport.local !== true) this.#watch();
  }

  #hello(hello: Hello): void {
    if (this.#peer !== undefined) throw malformed("A second hello came.");
    const peer = this.#peer = hello.limits;
    if (hello.version !== VERSION) {
      throw new WireError(
        "unsupportedVersion",
        `The peer speaks version ${hello.version} of the protocol, this side ${VERSION}. Use the same major version of the module at both ends.`,
      );
    }
    const { requireCredential } = this.#options;
    if (
      requireCredential !== undefined &&
      !sameText(hello.credential, requireCredential)
    ) {
      throw new WireError(
        "refused",
        "The peer did not show the credential that is required.",
      );
    }
    this.#setPeerLimits(peer.helloFrame, peer.helloFrame);
    this.#calls.allowCancels(
      Math.floor(peer.cancels * 0.9),
      peer.cancelsPerSecond * 0.9,
    );
    const welcome = this.#options.confirm?.(this as unknown as Wire) ?? true;
    if (typeof welcome === "boolean") return this.#decide(welcome);
    welcome.then(
      (welcome) => this.#decide(welcome),
      (error) => this.#endWith(error),
    );
  }

  #setPeerLimits(frame: number, message: number): void {
    const { nesting, values, bigint } = this.#peer!;
    const { encoder } = this.#output;
    encoder.limits = { frame, message, nesting, values, bigint };
  }

  #decide(welcome: boolean): void {
    if (this.#reason !== undefined) return;
    if (!welcome) {
      return this.#end(
        new WireError("refused", "The connection was not accepted."),
        true,
      );
    }
    this.#welcome = true;
    this.#decoder.frameLimit = this.#limits.frame;
    this.#output.send({ kind: "accept" });
    this.#checkOpened();
  }

  #accept(): void {
    const peer = this.#peer;
    if (peer === undefined || this.#accepted) {
      throw malformed("The peer accepted out of turn.");
    }
    this.#accepted = true;
    this.#setPeerLimits(peer.frame, peer.message);
    this.#output.pieces = peer.pieces;
    this.#callTurnstile.most = peer.calls;
    this.#callTurnstile.window = peer.window;
    this.#sendTurnstile.window = peer.window;
    this.#messageTurnstile.window = peer.window;
    this.#room();
    this.#checkOpened();
  }

  #checkOpened(): void {
    if (!this.#welcome || !this.#accepted) return;
    this.#stopHelloTimer?.();
    this.#opened.resolve();
  }

  // ── Reading ────────────────────────────────────────────────────────────

  async #read(): Promise<void> {
    try {
      for (;;) {
        const chunk = await this.#transport.read();
        if (chunk === null) break;
        // Taking leave: what still comes is for nobody.
        if (this.#reason !== undefined) continue;
        this.#reads++;
        this.#bytesReceived += chunk.length;
        this.#receivedAt = this.#clock.now();
        this.#pingedAt = undefined;
        const pause = this.#take(chunk);
        if (pause !== undefined) await pause;
      }
      if (this.#reason !== undefined) return;
      this.#decoder.finish();
      this.#endOfStream();
    } catch (error) {
      this.#lost(error);
    }
  }

  /** Routes the messages of a chunk; asynchronous once in a wire's life. */
  #take(chunk: Uint8Array): Promise<void> | undefined {
    this.#decoder.feed(chunk);
    return this.#takeMore();
  }

  #takeMore(): Promise<void> | undefined {
    const decoder = this.#decoder;
    try {
      let message: Message | OverLimit | undefined;
      while ((message = decoder.next()) !== undefined) {
        this.#received++;
        this.#route(message);
        if (this.#reason !== undefined) return undefined;
        // Whoever waits for the opening may serve before the first call.
        if (message.kind === "accept") {
          return turns(16).then(() => this.#takeMore());
        }
      }
    } catch (error) {
      this.#endWith(error);
    }
    return undefined;
  }

  #route(message: Message | OverLimit): void {
    if (!this.#welcome) this.#checkEarly(message);
    switch (message.kind) {
      case "call":
        return this.#handlers.call(message);
      case "return":
        return this.#calls.returned(message.id, message.value);
      case "send": {
        const cost = this.#decoder.size + MESSAGE_COST;
        this.#sendWindow.enter(cost);
        return this.#handlers.send(message, cost);
      }
      case "message":
        return this.#message(message.value, undefined);
      case "returnValues":
        return this.#calls.returnedValues(message.id, message.values);
      case "throw":
        return this.#calls.threw(message.id, message.thrown);
      case "fail":
        return this.#calls.failed(message.id, message.code, message.message);
      case "overLimit":
        return this.#overLimit(message);
      case "cancel":
        return this.#handlers.cancel(message.id);
      case "credit":
        return this.#credit(message.channel, message.amount);
      case "ping":
        this.#output.send({ kind: "pong", token: message.token });
        return;
      case "pong":
        return this.#pong(message.token);
      case "hello":
        return this.#hello(message);
      case "accept":
        return this.#accept();
      case "close":
        if (this.#gotClose) throw malformed("A second close came.");
        this.#gotClose = true;
        this.#startCloseTimer();
        return this.#advanceClose();
      case "finish":
        if (!this.#sentClose || this.#gotFinish) {
          throw malformed("The peer finished out of turn.");
        }
        this.#gotFinish = true;
        return this.#advanceClose();
      case "abort":
        return this.#aborted(message.code, message.message);
      default:
        message satisfies never;
    }
  }

  /** Before the peer is accepted, it may only say hello and answer. */
  #checkEarly(message: Message | OverLimit): void {
    const { kind } = message;
    if (this.#peer === undefined && kind !== "hello" && kind !== "abort") {
      throw notAWire();
    }
    switch (kind === "overLimit" ? message.of : kind) {
      case "call":
      case "send":
      case "message":
      case "close":
      case "cancel":
        throw malformed(`A ${kind} came before this side accepted the peer.`);
    }
  }

  #message(value: unknown, error: Error | undefined): void {
    const cost = this.#decoder.size + MESSAGE_COST;
    this.#messageWindow.enter(cost);
    this.#inbox.put(value, error, cost);
  }

  #overLimit(message: OverLimit): void {
    switch (message.of) {
      case "message":
        return this.#message(undefined, message.error);
      case "call":
        return this.#handlers.overLimit(message, 0);
      case "send": {
        const cost = this.#decoder.size + MESSAGE_COST;
        this.#sendWindow.enter(cost);
        return this.#handlers.overLimit(message, cost);
      }
      default:
        return this.#calls.overLimit(message);
    }
  }

  #credit(channel: "messages" | "sends", amount: number): void {
    const turnstile = channel === "sends"
      ? this.#sendTurnstile
      : this.#messageTurnstile;
    if (amount > turnstile.bytes) {
      throw malformed(`The peer gave credit for more ${channel} than it got.`);
    }
    turnstile.leave(0, amount);
  }

  #pong(token: number): void {
    const resolve = this.#pings.get(token);
    this.#pings.delete(token);
    resolve?.();
  }

  #aborted(code: string, text: string): void {
    const known = toErrorCode(code);
    this.#end(
      known === "refused" || known === "unsupportedVersion"
        ? new WireError(known, `The peer refused the connection: ${text}`)
        : new WireError("peerAborted", `The peer ended the wire: ${text}`),
      false,
    );
  }

  #endOfStream(): void {
    if (this.#sentFinish || this.#gotFinish) return this.#end(closed(), false);
    this.#end(
      this.#peer === undefined
        ? new WireError(
          "connectionLost",
          `The peer at ${
            formatAddress(this.address)
          } closed the connection before its hello.`,
        )
        : new WireError(
          "connectionLost",
          "The connection ended without the peer's leave: its process may have died.",
        ),
      false,
    );
  }

  // ── Sending ────────────────────────────────────────────────────────────

  #pass(turnstile: Turnstile, message: Message): Promise<void> {
    let settle: ((failure?: Error) => void) | undefined;
    const left = (_: Ticket, failure?: Error) => settle?.(failure);
    try {
      const ticket: Ticket = { position: Infinity };
      if (turnstile.pass(message, ticket, left) === undefined) return DONE;
    } catch (error) {
      return Promise.reject(error);
    }
    return handled(
      new Promise((resolve, reject) =>
        settle = (failure) =>
          failure === undefined ? resolve() : reject(failure)
      ),
    );
  }

  #refusal(name: string): WireError | undefined {
    const reason = this.#reason;
    if (reason === undefined && !this.#closing && !this.#finishing) {
      return undefined;
    }
    return new WireError(
      reason?.code ?? "closed",
      `"${name}" came too late: ${
        reason?.message ?? "the wire is being closed."
      }`,
      { cause: reason, sent: "notSent" },
    );
  }

  #room(): void {
    this.#messageTurnstile.drain();
    this.#sendTurnstile.drain();
    this.#callTurnstile.drain();
    this.#handlers.resume();
  }

  // ── Ending ─────────────────────────────────────────────────────────────

  #startCloseTimer(): void {
    if (this.#stopCloseTimer !== undefined) return;
    const { close } = this.#limits;
    this.#stopCloseTimer = this.#clock.after(close, () =>
      this.#end(
        new WireError(
          "timeout",
          `Closing took longer than ${close} ms: ${this.#calls.pending} calls had no answer, ${this.#handlers.running} were being served, ${this.#messageTurnstile.waiting} messages waited.`,
        ),
        true,
      ));
  }

  /** Goes on with the taking of leave as far as it can. */
  #advanceClose(): void {
    if (this.#reason !== undefined) return;
    if (!this.#gotClose && !this.#sentClose) return;
    const idle = this.#calls.pending === 0 && this.#handlers.running === 0 &&
      this.#sendTurnstile.waiting === 0 && this.#messageTurnstile.waiting === 0;
    if (!idle) return;
    if (this.#gotClose && !this.#finishing) {
      this.#finishing = true;
      this.#sendLast("finish").then(() => {
        this.#sentFinish = true;
        this.#advanceClose();
      });
    }
    if (this.#gotFinish && (!this.#gotClose || this.#sentFinish)) {
      this.#end(closed(), false);
    }
  }

  /** Sends a message behind all others, large ones included. */
  async #sendLast(kind: "close" | "finish"): Promise<void> {
    await this.#output.flush();
    if (this.#reason === undefined) this.#output.send({ kind });
  }

  #endWith(error: unknown): void {
    if (this.#peer === undefined && this.#bytesReceived > 0) {
      const isMalformed = error instanceof WireError &&
        error.code === "malformed";
      return this.#end(isMalformed ? notAWire() : asEnd(error), false);
    }
    this.#end(asEnd(error), true);
  }

  #lost(error: unknown): void {
    if (this.#sentFinish) return this.#end(closed(), false);
    const where = formatAddress(this.address);
    this.#end(
      new WireError(
        "connectionLost",
        `The connection to ${where} was lost: ${errorMessage(error)}`,
        { cause: error },
      ),
      false,
    );
  }

  /** The one place where a wire ends. */
  #end(reason: WireError, tell: boolean): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#stopHelloTimer?.();
    this.#stopCloseTimer?.();
    this.#stopWatch?.();
    this.#calls.failAll(reason);
    this.#callTurnstile.clear(reason);
    this.#sendTurnstile.clear(reason);
    this.#messageTurnstile.clear(reason);
    this.#handlers.end(reason);
    this.#inbox.end(reason);
    this.#sendWindow.end();
    this.#messageWindow.end();
    for (const resolve of this.#pings.values()) resolve();
    this.#pings.clear();
    this.#opened.reject(reason);
    this.#controller?.abort(reason);
    const listeners = this.#onDeath;
    this.#onDeath = [];
    for (const listener of listeners) this.#callOnDeath(listener, reason);
    this.#takeLeave(reason, tell).then(() => this.#closed.resolve(reason));
  }

  /** Lets what is under way leave, for a short time, and closes. */
  async #takeLeave(reason: WireError, tell: boolean): Promise<void> {
    const late = Promise.withResolvers<void>();
    const stopTimer = this.#clock.after(FAREWELL, () => {
      this.#transport.close();
      late.resolve();
    });
    if (tell) {
      const { code, message } = reason;
      const text = message.toWellFormed().slice(0, 1_000);
      this.#output.send({ kind: "abort", code, message: text });
    }
    if (tell || reason.code === "closed") {
      await Promise.race([late.promise, this.#sayFarewell()]);
    }
    stopTimer();
    this.#output.stop();
    this.#transport.close();
    await this.#readerDone;
  }

  async #sayFarewell(): Promise<void> {
    try {
      await this.#output.flush();
      await this.#transport.closeWrite();
      await this.#readerDone;
    } catch {
      // The connection is gone already.
    }
  }

  #callOnDeath(
    listener: (reason: WireError) => void,
    reason: WireError,
  ): void {
    try {
      listener(reason);
    } catch (error) {
      this.#report(error, "onDeath");
    }
  }

  #report(error: unknown, where: string): void {
    const { onError } = this.#options;
    if (onError !== undefined) return onError(error, where);
    console.error(`@remote/wire: error in ${where}:`, error);
  }

  // ── Watching ───────────────────────────────────────────────────────────

  /** Looks, now and then, whether the peer is alive and makes progress. */
  #watch(): void {
    const { stall, keepaliveIdle, keepaliveDeath, frameProgress } =
      this.#limits;
    const shortest = Math.min(
      stall,
      keepaliveIdle,
      keepaliveDeath,
      frameProgress,
    );
    this.#stopWatch = this.#clock.after(Math.ceil(shortest / 4), () => {
      this.#look();
      if (this.#reason === undefined) this.#watch();
    });
  }

  #look(): void {
    const now = this.#clock.now();
    const limits = this.#limits;
    const output = this.#output;
    const silence = now - this.#receivedAt;
    const stalled = output.busy ? now - output.progressAt : 0;
    if (
      stalled > limits.stall ||
      (stalled > 1_000 && output.waiting > limits.sendEnd)
    ) {
      return this.#end(
        new WireError(
          "stalled",
          `The peer takes nothing: ${output.waiting} bytes have waited for ${
            Math.round(stalled)
          } ms.`,
        ),
        false,
      );
    }
    if (this.#decoder.unfinished && silence > limits.frameProgress) {
      return this.#end(
        new WireError(
          "stalled",
          `A message was begun and not finished within ${limits.frameProgress} ms.`,
        ),
        true,
      );
    }
    if (this.#accepted && silence > limits.keepaliveIdle) {
      if (this.#pingedAt === undefined) {
        this.#pingedAt = now;
        this.#output.send({ kind: "ping", token: 0 });
      } else if (now - this.#pingedAt > limits.keepaliveDeath) {
        this.#end(
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
    if (silence > limits.stall) output.trim();
  }
}

/**
 * Makes a wire over any connection.
 *
 * @typeParam Remote The interface that the peer serves.
 * @typeParam Local The interface that this side serves.
 * @param connection A transport, or a pair of byte streams such as a child
 * process's output and input. The wire owns it from now on.
 * @param options What differs from the default.
 * @returns The wire. Calls made before the peer's hello wait for it.
 *
 * @example Over a pair of streams
 * ```ts
 * import { makeWire } from "@remote/wire";
 *
 * const there = new TransformStream<Uint8Array, Uint8Array>();
 * const back = new TransformStream<Uint8Array, Uint8Array>();
 * const near = makeWire({ readable: back.readable, writable: there.writable });
 * const far = makeWire({ readable: there.readable, writable: back.writable });
 * far.serve({ greet: (name: string) => `Hello ${name}.` });
 * if (await near.remoteValue.greet("self") !== "Hello self.") throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export function makeWire<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(
  connection: Transport | ByteDuplex,
  options: WireOptions<Local> = {},
): Wire<Remote, Local> {
  const transport = "read" in connection
    ? connection
    : streamTransport(connection);
  return new Wire<Remote, Local>(transport, options);
}

function closed(): WireError {
  return new WireError("closed", "The wire was closed.");
}

function asEnd(error: unknown): WireError {
  return error instanceof WireError ? error : new WireError(
    "aborted",
    `The connection was not accepted: ${errorMessage(error)}`,
    { cause: error },
  );
}

/** Lets other microtasks run. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await undefined;
}

/**
 * Marks a promise as handled: its rejection says that the wire ended, which
 * `onDeath` and `closed` say too, so that nobody has to look at it.
 */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => {});
  return promise;
}
