/**
 * A wire for small programs: calls in both directions, as values, and no more.
 * It speaks with every wire; its hello declines what it does not have.
 *
 * @module
 */

import {
  checkCredential,
  checkHook,
  checkHooks,
  checkOnDeath,
} from "../base/checks.ts";
import { afterPatience, type Clock, systemClock } from "../base/clock.ts";
import {
  isA,
  kindOf,
  looksLikeText,
  malformed,
  shortText,
  WireError,
} from "../base/errors.ts";
import { abortReason, Lifetime } from "../base/lifetime.ts";
import { Memory, resolveLimits, type WireLimits } from "../base/limits.ts";
import {
  failed,
  quiet,
  REPORT,
  type Report,
  reporter,
  unawaited,
  unsent,
} from "../base/report.ts";
import {
  type Channel,
  type Hello,
  notAWire,
  type PeerLimits,
  VERSION,
} from "../codec/messages.ts";
import { WHOLE } from "../codec/small_values.ts";
import { type CallOptions, checkCallOptions } from "../rpc/context.ts";
import type { Caller } from "../rpc/remote.ts";
import type {
  AnyFunctions,
  Remotes,
  RemoteSend,
  RemoteValue,
  RemoteValues,
  ServedFunctions,
} from "../rpc/remote_types.ts";
import {
  abortedBy,
  closedReason,
  drainAndClose,
  GracefulClose,
  lostReason,
} from "../session/handshake.ts";
import {
  ChunkCheck,
  formatAddress,
  type Transport,
  type WireAddress,
} from "../transport/transport.ts";
import { LightCalls } from "./_calls.ts";
import { functionsOf } from "./_functions.ts";
import { LightOutput } from "./_output.ts";
import {
  type AnswerKind,
  type Came,
  type CameCall,
  LightReader,
  type LightReceiver,
} from "./_reader.ts";
import { lightEntries, LightServing } from "./_serving.ts";
import { LightWatch } from "./_watch.ts";

/** What a light wire is made with. Everything has a default. */
export interface LightWireOptions<Local extends object = AnyFunctions> {
  /** Functions to serve: the other side may call them, too. */
  functions?: ServedFunctions<Local, LightWire> | undefined;
  /**
   * The secret to show to the peer. Over TCP, and by `ws:`, it is shown on this
   * machine alone: see `insecure`.
   */
  credential?: string | undefined;
  /**
   * Whether the secret may be shown in the clear beyond this machine, where
   * whoever is on the way can read it.
   *
   * @default {false}
   */
  insecure?: boolean | undefined;
  /** Limits that differ from the default. */
  limits?: Partial<LightLimits> | undefined;
  /** Called once, with the reason, when the wire has ended. */
  onDeath?: ((reason: WireError) => void) | null | undefined;
  /**
   * Told of errors that have no other place to go: those of one-way calls, of
   * promises that nobody awaits, and of hooks such as `onDeath`.
   *
   * @default {console.error}
   */
  onError?: ((error: unknown, where: string) => void) | undefined;
  /** Where the time comes from. @default {the platform's clock} */
  clock?: Clock | undefined;
}

/** The limits of a light wire; those of what it does not have are 0. */
export type LightLimits = Omit<
  WireLimits,
  "streams" | "objects" | "tableEntries"
>;

/** What may be said about a call over a light wire. */
export type LightCallOptions = Omit<CallOptions, "streams" | "onProgress">;

const CALL_KEYS: Readonly<Record<keyof LightCallOptions, true>> = {
  signal: true,
  deadline: true,
  metadata: true,
};

/** So many milliseconds may be read without a turn of the event loop. */
const TURN = 25;
/** So many of a peer's first bytes are shown where they are no hello. */
const FIRST_BYTES = 64;

/**
 * Checks what a light wire is to be made with, before there is a connection.
 *
 * @param options What a program passed; their names were checked.
 * @throws {WireError} `invalidArgument`.
 */
export function checkLight(options: LightWireOptions<object>): void {
  checkHooks(options, ["onError"]);
  checkHook((options.clock ?? systemClock).now, "clock.now");
  checkOnDeath(options);
  checkCredential(options.credential, "credential");
  limitsOf(options);
  if (options.functions !== undefined) lightEntries(options.functions);
}

function limitsOf(
  { limits }: Pick<LightWireOptions, "limits">,
): Readonly<WireLimits> {
  const none = { streams: 0, objects: 0, tableEntries: 0 };
  return { ...resolveLimits(limits), ...none };
}

/**
 * One end of a connection that makes calls, and serves them, whose arguments
 * and results are values. `connectLight()` makes it; at the other end is any
 * wire. What it does not have fails with a `WireError` that says where it is:
 * functions and objects by reference, streams, calls on results that are to
 * come, typed messages.
 *
 * @typeParam Remote The interface that the peer serves.
 *
 * @example
 * ```ts
 * import { makeWire, memoryTransports } from "@remote/wire";
 * import { connectLight } from "@remote/wire/light";
 *
 * const [here, there] = memoryTransports();
 * makeWire(there, { functions: { add: (a: number, b: number) => a + b } });
 * const wire = await connectLight<{ add(a: number, b: number): number }>(here);
 * if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * await wire.close();
 * ```
 */
export class LightWire<Remote extends object = AnyFunctions>
  implements Caller, AsyncDisposable {
  readonly #session: LightSession;
  readonly #remotes: Remotes<Remote>;

  /**
   * Use `connectLight()`.
   *
   * @param transport The connection, which the wire owns from now on.
   * @param options Checked by {@linkcode checkLight}.
   */
  constructor(transport: Transport, options: LightWireOptions<object>) {
    const report = reporter(options.onError);
    Object.defineProperty(this, REPORT, { value: report });
    this.#session = new LightSession(this, transport, options, report);
    this.#remotes = this.with({});
  }

  /** Where the peer is. */
  get address(): WireAddress {
    return this.#session.transport.address;
  }

  /** Resolves when both ends have accepted each other; rejects if not. */
  get opened(): Promise<void> {
    return this.#session.opened;
  }

  /**
   * Resolves when the connection is gone, with the reason: an error whose code
   * is `closed` if both ends closed gracefully. It never rejects.
   */
  get closed(): Promise<WireError> {
    return this.#session.lifetime.closed;
  }

  /** The reason of death; undefined while the wire lives. */
  get ended(): WireError | undefined {
    return this.#session.lifetime.reason;
  }

  /** Aborts with the reason of death. */
  get signal(): AbortSignal {
    return this.#session.lifetime.signal;
  }

  /**
   * The peer's functions, called one way: the promise resolves when the call
   * may be sent, and need not be awaited.
   */
  get remote(): RemoteSend<Remote> {
    return this.#remotes.remote;
  }

  /**
   * The peer's functions, called for one value. The promise rejects with a
   * `RemoteError` for what the function threw, and with a `WireError` for
   * everything else.
   */
  get remoteValue(): RemoteValue<Remote> {
    return this.#remotes.remoteValue;
  }

  /** The peer's functions, called for all the values that `values()` made. */
  get remoteValues(): RemoteValues<Remote> {
    return this.#remotes.remoteValues;
  }

  /**
   * The peer's functions, called with a signal, a deadline or metadata.
   *
   * @param options The signal, the deadline in milliseconds, the metadata.
   * @returns The same three proxies.
   * @throws {WireError} `invalidArgument` for an option that there is not.
   *
   * @example
   * ```ts
   * import { makeWire, memoryTransports } from "@remote/wire";
   * import { connectLight } from "@remote/wire/light";
   *
   * const [here, there] = memoryTransports();
   * makeWire(there, { functions: { never: () => new Promise(() => {}) } });
   * const wire = await connectLight(here);
   * const error = await wire.with({ deadline: 10 }).remoteValue.never()
   *   .catch((e: unknown) => e) as { code: string };
   * if (error.code !== "deadline") throw error;
   * wire.abort();
   * ```
   */
  with(options: LightCallOptions): Remotes<Remote> {
    checkCallOptions(options, CALL_KEYS, WHOLE);
    const session = this.#session;
    const called = (wantsValues: boolean) =>
      functionsOf((name) => (...args) =>
        session.call(name, args, wantsValues, options)
      );
    return {
      remote: functionsOf((name) => (...args) =>
        session.send(name, args, options)
      ),
      remoteValue: called(false),
      remoteValues: called(true),
    } as Remotes<Remote>;
  }

  /**
   * Calls a function of the peer by name, for names that the proxies do not
   * have, or that are known only at run time.
   *
   * @param name The function's name; in a namespace, its path: "users.get".
   * @param args Its arguments; none where it is left out.
   * @param wantsValues Whether to get the list of all its values.
   * @param options The call's signal, deadline and metadata.
   * @returns The value, or the list of values.
   */
  call(
    name: string,
    args: unknown[] = [],
    wantsValues = false,
    options?: LightCallOptions,
  ): Promise<unknown> {
    try {
      checkCall(name, args, options);
      return this.#session.call(name, args, wantsValues, options);
    } catch (error) {
      return failed(error, this.#session.report, unawaited(name));
    }
  }

  /**
   * Calls a function of the peer by name, one way.
   *
   * @param name The function's name.
   * @param args Its arguments; none where it is left out.
   * @param options The call's deadline and metadata.
   * @returns A promise that resolves when the call may be sent.
   */
  send(
    name: string,
    args: unknown[] = [],
    options?: LightCallOptions,
  ): Promise<void> {
    try {
      checkCall(name, args, options);
      return this.#session.send(name, args, options);
    } catch (error) {
      return failed(error, this.#session.report, unsent(name));
    }
  }

  /**
   * Has a function called when the wire ends; at once if it has.
   *
   * @param listener Called once, with the reason.
   */
  onDeath(listener: (reason: WireError) => void): void {
    this.#session.lifetime.listen(listener);
  }

  /**
   * Closes gracefully: no further call is made, calls under way finish, and
   * answers are sent.
   *
   * @returns A promise that resolves when the connection is gone.
   */
  close(): Promise<void> {
    return quiet(this.#session.close());
  }

  /**
   * Ends the wire at once. Pending calls fail; the peer is told the reason's
   * message.
   *
   * @param reason Why: an error, or any value that has a text.
   */
  abort(reason?: unknown): void {
    this.#session.end(abortReason(reason), true);
  }

  /** Closes, as `await using` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * The machinery of a light wire.
 *
 * Over 15 fields: its parts, and what is known of the peer.
 */
class LightSession implements Caller, LightReceiver {
  readonly transport: Transport;
  readonly lifetime: Lifetime;
  readonly report: Report;
  /** Resolves when both ends have accepted each other. */
  readonly opened: Promise<void>;
  /** Whether the peer has accepted. */
  accepted = false;

  readonly #limits: Readonly<WireLimits>;
  readonly #clock: Clock;
  readonly #memory: Memory;
  readonly #output: LightOutput;
  readonly #reader: LightReader;
  readonly #calls: LightCalls;
  readonly #serving: LightServing;
  readonly #closing: GracefulClose;
  readonly #watch: LightWatch;
  #peer: PeerLimits | undefined;
  /** What the peer sent first, until it has said hello. */
  #first: number[] = [];
  #onOpened: (() => void) | undefined;
  #onFailed!: (reason: WireError) => void;
  #stopTimer: () => void;
  readonly #readerDone: Promise<void>;

  constructor(
    wire: object,
    transport: Transport,
    options: LightWireOptions<object>,
    report: Report,
  ) {
    const { functions, onDeath, credential = "" } = options;
    const clock = this.#clock = options.clock ?? systemClock;
    const limits = this.#limits = limitsOf(options);
    const lifetime = this.lifetime = new Lifetime(report);
    this.transport = transport;
    this.report = report;
    const end = (reason: WireError, tell: boolean) => this.end(reason, tell);
    const onIdle = () => this.#closing.advance();
    const output = this.#output = new LightOutput({
      transport,
      clock,
      limits,
      onRoom: () => {
        this.#calls.resume();
        this.#serving.resume();
      },
      onFailed: (error) => this.#lost(error),
    });
    const memory = this.#memory = new Memory(limits.memory);
    const reader = this.#reader = new LightReader(limits, memory);
    const onError = report;
    const common = { output, clock, limits, lifetime, onError, onIdle };
    const calls = this.#calls = new LightCalls(common);
    const serving = this.#serving = new LightServing(
      { ...common, wire, memory },
    );
    this.#closing = new GracefulClose({
      ...common,
      messaging: { calls, serving, outbound: calls },
      wantedStreams: 0,
      end,
    });
    this.#watch = new LightWatch({ ...common, reader, handshake: this, end });
    this.opened = quiet(
      new Promise((resolve, reject) => {
        this.#onOpened = resolve;
        this.#onFailed = reject;
      }),
    );
    if (functions !== undefined) serving.serve(functions);
    if (onDeath) lifetime.listen(onDeath);
    this.#stopTimer = afterPatience(clock, limits.hello, () => {
      const missing = this.#peer ? "accepted" : "said hello";
      const text = `The wire to ${
        formatAddress(transport.address)
      } was not opened within ${limits.hello} ms: the peer has not ${missing}.`;
      this.end(new WireError("timeout", text), true);
    });
    output.hello(limits, credential);
    if (transport.local !== true) this.#watch.start();
    this.#readerDone = this.#read();
  }

  call(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options?: CallOptions,
  ): Promise<unknown> {
    const wanted = wantsValues ? "values" : "value";
    return this.#calls.make(name, args, wanted, options);
  }

  send(name: string, args: unknown[], options?: CallOptions): Promise<void> {
    return this.#calls.make(name, args, "nothing", options) as Promise<void>;
  }

  async close(): Promise<void> {
    await this.#closing.begin(this.opened);
    await this.lifetime.closed;
  }

  /** The one place where the wire ends; the first reason counts. */
  end(reason: WireError, tell: boolean): void {
    const { lifetime, transport } = this;
    if (!lifetime.end(reason)) return;
    this.#stopTimer();
    this.#watch.end();
    this.#closing.end();
    this.#calls.end(reason);
    this.#serving.end(reason);
    this.#memory.end();
    this.#onFailed(reason);
    lifetime.declare();
    const output = this.#output;
    const polite = tell || reason.code === "closed";
    // What its callers were told is not sent is not sent.
    if (!polite) output.stop();
    if (tell) {
      // Before that, there may be this side's hello.
      if (this.accepted) output.drop();
      const { code, message } = reason;
      output.send({ kind: "abort", code, message: shortText(message) });
    }
    // A transport may fail at once, when there is no promise of the reader.
    Promise.resolve().then(() =>
      drainAndClose({
        transport,
        clock: this.#clock,
        output,
        readerDone: this.#readerDone,
        lifetime,
        polite,
        onFault: (error) => this.report(error, "closing the connection"),
      })
    ).then(() => lifetime.markClosed());
  }

  async #read(): Promise<void> {
    const chunks = new ChunkCheck();
    const { transport, lifetime } = this;
    const clock = this.#clock;
    const reader = this.#reader;
    let spent = 0;
    try {
      for (;;) {
        const chunk = chunks.check(await transport.read(reader.unfinished));
        if (chunk === null) break;
        if (lifetime.reason !== undefined) {
          if (await lifetime.discard()) continue;
          return;
        }
        const now = clock.now();
        this.#watch.received();
        this.#take(chunk);
        spent += clock.now() - now;
        if (spent <= TURN) continue;
        // Others have their turn.
        spent = 0;
        await new Promise<void>((resolve) => clock.after(0, resolve));
      }
      if (lifetime.reason !== undefined) return;
      if (!reader.isHailed && looksLikeText(Uint8Array.from(this.#first))) {
        throw notAWire(Uint8Array.from(this.#first));
      }
      reader.finish();
      this.#endOfStream();
    } catch (error) {
      this.#lost(error);
    }
  }

  #take(chunk: Uint8Array): void {
    if (!this.#reader.isHailed) {
      this.#first.push(...chunk.subarray(0, FIRST_BYTES - this.#first.length));
    }
    try {
      this.#reader.read(chunk, this);
    } catch (error) {
      this.#fail(error);
    }
  }

  #endOfStream(): void {
    if (this.#closing.sentFinish || this.#closing.gotFinish) {
      return this.end(closedReason(), false);
    }
    const text = this.#peer === undefined
      ? `The peer at ${
        formatAddress(this.transport.address)
      } closed the connection before its hello.`
      : "The connection closed without a goodbye: the peer's process may have died.";
    this.end(new WireError("connectionLost", text), false);
  }

  /** Something went wrong in what the peer said. */
  #fail(error: unknown): void {
    const isStranger = !this.#reader.isHailed && this.#first.length > 0;
    const { code } = error as WireError;
    if (isStranger && (code === "malformed" || code === "notAWire")) {
      return this.end(notAWire(Uint8Array.from(this.#first)), false);
    }
    if (isA(error, WireError)) return this.end(error, !isStranger);
    this.report(error, "the wire, which ends");
    this.end(new WireError("aborted", "A fault on its own side."), true);
  }

  /** The connection failed. */
  #lost(error: unknown): void {
    if (isA(error, WireError)) return this.#fail(error);
    const { address } = this.transport;
    const isOver = this.#closing.sentFinish;
    this.end(isOver ? closedReason() : lostReason(address, error), false);
  }

  // What comes.

  get isOver(): boolean {
    return this.lifetime.reason !== undefined;
  }

  hello({ version, limits }: Hello): void {
    this.#peer = limits;
    if (version !== VERSION) {
      throw new WireError(
        "unsupportedVersion",
        `The peer speaks version ${version} of the protocol, this side ${VERSION}. Use the same major version of the module at both ends.`,
      );
    }
    this.#reader.open();
    this.#output.greet(limits);
    this.#output.send({ kind: "accept" });
  }

  accept(): void {
    if (this.accepted) throw malformed("The peer accepted out of turn.");
    this.accepted = true;
    this.#stopTimer();
    this.#output.open(this.#peer!);
    this.#calls.open(this.#peer!);
    this.#onOpened!();
  }

  message(cost: number): void {
    this.#checkLast();
    this.#serving.message(cost);
  }

  sendCame(call: CameCall): void {
    this.#checkLast();
    this.#serving.send(call);
  }

  callCame(id: number, call: CameCall): void {
    this.#checkLast();
    this.#serving.call(id, call);
  }

  answer(id: number, kind: AnswerKind, values: Came): void {
    this.#calls.answered(id, kind, values);
  }

  fail(id: number, code: string, message: string): void {
    this.#calls.failed(id, code, message);
  }

  cancel(id: number): void {
    this.#checkTaken();
    this.#serving.cancel(id);
  }

  credit(channel: Channel, amount: number): void {
    this.#calls.credit(channel, amount);
  }

  ping(token: number): void {
    this.#checkTaken();
    this.#output.send({ kind: "pong", token });
  }

  closeCame(): void {
    this.#closing.gotClose();
  }

  finish(): void {
    this.#closing.finish();
  }

  abort(code: string, message: string): void {
    this.end(abortedBy(code, message), false);
  }

  /** What is answered at once must not pile up for who takes nothing. */
  #checkTaken(): void {
    const { sendMost, sendEnd } = this.#limits;
    if (this.#output.waiting <= sendMost + sendEnd) return;
    throw new WireError(
      "stalled",
      "The peer does not take what waits for it.",
    );
  }

  #checkLast(): void {
    if (!this.lifetime.isPeerDraining) return;
    throw malformed(
      "A call or message came behind the peer's close.",
    );
  }
}

/** Checks what a program calls by name. */
function checkCall(
  name: unknown,
  args: unknown,
  options: LightCallOptions | undefined,
): void {
  checkCallOptions(options, CALL_KEYS, WHOLE);
  if (typeof name === "string" && Array.isArray(args)) return;
  throw new WireError(
    "invalidArgument",
    `A function is called by its name, a text, with an array of arguments, and not with ${
      kindOf(name)
    } and ${kindOf(args)}.`,
  );
}
