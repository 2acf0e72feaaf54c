/**
 * The wire as its users see it. The protocols behind it are `native/` and
 * `cmucl/`.
 *
 * @module
 */

import {
  errorMessage,
  type Refusal,
  setBrand,
  shown,
  WireError,
} from "./base/errors.ts";
import {
  type ByteDuplex,
  checkClear,
  formatAddress,
  isTransport,
  type Look,
  type Transport,
  transportOf,
  watchedTransport,
  type WireAddress,
} from "./transport/transport.ts";
import {
  checkAuthentication,
  checkClock,
  checkCredential,
  checkFlags,
  checkGate,
  checkHooks,
  checkOnDeath,
  checkOptionKeys,
  checkPart,
  checkSignal,
  checkWantsValues,
  decide,
  type Demanded,
  joined,
  mistaken,
  ownArguments,
} from "./base/checks.ts";
import { promised, rejected } from "./rpc/pending_call.ts";
import {
  type CallOptions,
  checkCallOptions,
  unanswered,
  WIRE_CALL_KEYS,
  type WireCallOptions,
} from "./rpc/context.ts";
import { type Clock, systemClock } from "./base/clock.ts";
import { abortReason } from "./base/lifetime.ts";
import type { Contract } from "./contract/contract.ts";
import {
  checkListing,
  type ContractRules,
  type FunctionInfo,
  LIST_FUNCTIONS,
  rulesOf,
  servedEntries,
} from "./rpc/served.ts";
import { resolveLimits, type WireLimits } from "./base/limits.ts";
import { endStreams } from "./codec/passing.ts";
import {
  type AnyValueType,
  resolveValueTypes,
  type ValueTypes,
} from "./codec/value_types.ts";
import type { Direction, TappedMessage } from "./codec/wire_tap.ts";
import {
  callThrough,
  checkMiddleware,
  type Middleware,
  telemetry,
  telemetryTrouble,
} from "./rpc/middleware.ts";
import { type Caller, checkReference, remotes } from "./rpc/remote.ts";
import type {
  AnyFunctions,
  Checked,
  Remotes,
  RemoteSend,
  RemoteValue,
  RemoteValues,
  ServedFunctions,
} from "./rpc/remote_types.ts";
import type {
  Dialect,
  Session,
  SessionOptions,
  WireStats,
} from "./session/dialect.ts";
import type { OnceCaller } from "./once/calling.ts";
import type { ServesOnce } from "./rpc/incoming_calls.ts";
import { NativeSession } from "./native/native_session.ts";
import { Peer } from "./session/handshake.ts";
import {
  callHook,
  failed,
  owned,
  quiet,
  REPORT,
  type Report,
  reporter,
  unawaited,
  unsent,
} from "./base/report.ts";

/**
 * What says who a peer is: see {@linkcode WireOptions.authenticate}.
 *
 * @typeParam Identity What it answers of a peer that it lets in.
 * @param peer What the peer shows of itself.
 * @returns The peer's identity; undefined, null, false or a `Refusal` refuse it.
 *
 * @example
 * ```ts
 * import { type CallContext, type Wire, wirePair } from "@remote/wire";
 *
 * const [near, far] = wirePair({ credential: "open sesame" }, {
 *   authenticate: (peer) => peer.shows("open sesame") ? "Ali" : undefined,
 * });
 * far.serve({
 *   whoAmI(this: CallContext<Wire>) {
 *     return this.identity;
 *   },
 * });
 * if (await near.remoteValue.whoAmI() !== "Ali") throw new Error();
 * await near.close();
 * ```
 */
export type Authenticate<Identity = unknown> = (
  peer: Peer,
) =>
  | Identity
  | Refusal
  | false
  | null
  | undefined
  | PromiseLike<Identity | Refusal | false | null | undefined>;

/**
 * What a wire is made with. Everything has a default.
 *
 * @typeParam Remote The interface that the peer serves.
 * @typeParam Local The interface that this side serves.
 * @typeParam Identity What `authenticate` answers of a peer that it lets in.
 *
 * @example
 * ```ts
 * import { type WireOptions, wirePair } from "@remote/wire";
 *
 * const deaths: string[] = [];
 * const options: WireOptions = {
 *   functions: { add: (a: number, b: number) => a + b },
 *   limits: { calls: 10 },
 *   onDeath: (reason) => deaths.push(reason.code),
 * };
 * const [near, far] = wirePair({}, options);
 * if (await near.remoteValue.add(40, 2) !== 42) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * if (deaths.join() !== "closed") throw new Error();
 * ```
 */
export interface WireOptions<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
  Identity = unknown,
> {
  /** Limits that differ from the default. */
  limits?: Partial<WireLimits> | undefined;
  /**
   * Functions to serve from the first byte on. What `serve()` adds later may
   * come after the peer's first call.
   */
  functions?:
    | ServedFunctions<Local, Wire<AnyFunctions, AnyFunctions, Identity>>
    | undefined;
  /**
   * The contract that this side keeps: the peer is told, and functions of its
   * that are served are put behind it. `functions` must be all of them then.
   */
  // deno-lint-ignore no-explicit-any -- the peer's view of it is not needed
  serves?: Contract<any, any, Local> | undefined;
  /**
   * The contract that the peer is to keep. A peer that tells of another one is
   * refused with `contractMismatch`; results are checked when they come, and
   * declared errors known.
   */
  // deno-lint-ignore no-explicit-any -- the peer's own view is not needed
  expects?: Contract<Remote, any, any> | undefined;
  /** Called once, with the reason, when the wire has ended. */
  onDeath?: ((reason: WireError) => void) | null | undefined;
  /**
   * Told of errors that have no other place to go: those of one-way calls, of
   * promises that nobody awaits, and of hooks such as `onDeath`. What it throws
   * itself is printed.
   *
   * @default {console.error}
   */
  onError?: ((error: unknown, where: string) => void) | undefined;
  /** Aborts the wire. */
  signal?: AbortSignal | undefined;
  /**
   * The secret to show to the peer. Over TCP without TLS it is shown on this
   * machine alone: see `insecure`.
   */
  credential?: string | undefined;
  /**
   * The secret that the peer has to show, or several: any of them will do, so
   * that they can be changed one at a time. Compared in constant time. What is
   * there and undefined, as a variable that is not set, is refused: leave the
   * option out to let everybody in.
   */
  requireCredential?: Demanded;
  /**
   * Says who the peer is, in the place of `requireCredential`: gets its
   * address, its certificate and the secret that it shows; answers its
   * identity, or a promise of it, which the wire then has as `identity`.
   * Undefined, null and false refuse the peer, as does a `Refusal`, thrown or
   * answered, whose text the peer gets. What it throws besides is told to
   * `onError`, not to the peer. It has as long as `limits.hello`. What is there
   * and undefined is refused: leave the option out to let everybody in.
   */
  authenticate?: Authenticate<Identity>;
  /**
   * Whether the secret may be shown over TCP without TLS, beyond this machine,
   * where whoever is on the way can read it.
   *
   * @default {false}
   */
  insecure?: boolean | undefined;
  /**
   * Decides on the peer, once its hello came: only `true`, or a promise of it,
   * lets it in. What `confirm` throws is told to `onError`, not to the peer.
   * What is there and undefined is refused: leave the option out to let
   * everybody in.
   */
  confirm?: (
    wire: Wire<AnyFunctions, AnyFunctions, Identity>,
  ) => boolean | PromiseLike<boolean>;
  /**
   * Whether errors that served functions throw are sent with their stacks. Leave
   * it off where the peer is not to know your code's insides.
   *
   * @default {false}
   */
  sendStacks?: boolean | undefined;
  /**
   * Types of values that are declared, in addition to those that all wires
   * know, and those that the contracts of the wire declare. Give the peer the
   * same: {@linkcode valueType} makes them.
   *
   * @default {[]}
   */
  valueTypes?: readonly AnyValueType[] | undefined;
  /**
   * Whether to record where each call is made, for the stack of its error.
   * Without, the stack shows where the call is awaited, which costs nothing;
   * recording costs some 2 µs a call.
   *
   * @default {false}
   */
  recordCallSites?: boolean | undefined;
  /**
   * The protocol to speak.
   *
   * @default {this module's own}
   */
  dialect?: Dialect | undefined;
  /**
   * What every call of the peer is served through: authorisation, logging,
   * measuring. The first is the outermost. Without any it costs nothing.
   *
   * @default {[]}
   */
  serveThrough?:
    | readonly Middleware<Wire<AnyFunctions, AnyFunctions, Identity>>[]
    | undefined;
  /**
   * What every call that is made goes through, from the first to the last.
   * With any, calls that need results which are still to come wait for these.
   *
   * @default {[]}
   */
  callThrough?:
    | readonly Middleware<Wire<AnyFunctions, AnyFunctions, Identity>>[]
    | undefined;
  /**
   * Whether the peer may ask what is served, with `listFunctions()`.
   *
   * @default {true}
   */
  introspection?: boolean | undefined;
  /**
   * Whether calls make spans and metrics where OpenTelemetry is on when the wire
   * is made, as it is in Deno with `OTEL_DENO=true`. Where it is off, that costs
   * nothing; where it is on, it is a middleware like any other. If it throws,
   * `onError` is told once, and calls go on without it.
   *
   * @default {true}
   */
  telemetry?: boolean | undefined;
  /**
   * Told of each message, sent and received, with the wire: for looking at what
   * travels. It is called before the message goes out, and before what came is
   * acted upon; what is over this wire's limits shows as that, and is not
   * decoded. What it throws is told to `onError`. Without it nothing is
   * looked at, and it costs nothing; with it every message is decoded once
   * more.
   */
  tap?:
    | ((
      message: TappedMessage,
      wire: Wire<AnyFunctions, AnyFunctions, Identity>,
    ) => void)
    | undefined;
  /**
   * What remembers the peer's calls that are to run once, and what came of
   * them. `onceInMemory()` and `onceInKv()` of `./once` make it. Without, such
   * calls fail, and nothing runs.
   */
  once?: ServesOnce | undefined;
  /** Where the time comes from. @default {the platform's clock} */
  clock?: Clock | undefined;
}

/** The names of the options that connecting has as well. */
export const SHARED_KEYS: Readonly<
  Record<Exclude<keyof WireOptions, "confirm">, true>
> = {
  limits: true,
  functions: true,
  serves: true,
  expects: true,
  onDeath: true,
  onError: true,
  signal: true,
  credential: true,
  requireCredential: true,
  authenticate: true,
  insecure: true,
  sendStacks: true,
  valueTypes: true,
  recordCallSites: true,
  dialect: true,
  serveThrough: true,
  callThrough: true,
  introspection: true,
  telemetry: true,
  tap: true,
  once: true,
  clock: true,
};

/** The names of the options, for finding those that are misspelt. */
export const OPTION_KEYS: Readonly<Record<keyof WireOptions, true>> =
  /* @__PURE__ */ joined(SHARED_KEYS, {
    confirm: true,
  });

/**
 * One end of a connection between two processes. Both ends are the same class:
 * either sends messages, calls the other's functions and serves its own.
 *
 * {@linkcode makeWire}, {@linkcode wirePair}, `connectToRemoteServer` and
 * `createRequestServer` make wires.
 *
 * @typeParam Remote The interface that the peer serves.
 * @typeParam Local The interface that this side serves.
 * @typeParam Identity What `authenticate` answered of the peer.
 *
 * @example Calls and messages
 * ```ts
 * import { wirePair } from "@remote/wire";
 *
 * interface Calculator {
 *   add(a: number, b: number): number;
 * }
 * const [near, far] = wirePair<Calculator>();
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
  Identity = unknown,
> implements Caller, AsyncDisposable {
  readonly #session: Session;
  readonly #caller: Caller;
  readonly #dialect: Dialect;
  readonly #report: Report;
  readonly #kept: ContractRules | undefined;
  readonly #clock: Clock;
  #made: Remotes<Remote> | undefined;
  /** What carries calls out that run once; made when there is one. */
  #once: Caller | undefined;
  #onceCaller: OnceCaller | undefined;
  #identity: Identity | undefined;

  /**
   * Use {@linkcode makeWire}.
   *
   * @param transport The connection, which the wire owns from now on.
   * @param options What differs from the default.
   * @param side What servers have beside them: whether the peer shows its
   * secret first, who counts wrong ones, what wires share, print and measure,
   * and who is told once what OpenTelemetry throws.
   * @throws {WireError} `invalidArgument` for what is no transport, and for
   * unusable options.
   */
  constructor(
    transport: Transport,
    options?: WireOptions<Remote, Local, Identity> | null,
    side:
      & Pick<SessionOptions, OfServers>
      & { readonly trouble?: (error: unknown) => void } = {},
  ) {
    options ??= {};
    checkOptions(options);
    if (!isTransport(transport)) {
      throw mistaken("new Wire() takes a transport", transport);
    }
    const { signal, functions, onDeath, serves, expects } = options;
    const { confirm, authenticate } = options;
    const whole = this as unknown as Wire<AnyFunctions, AnyFunctions, Identity>;
    const kept = serves === undefined ? undefined : rulesOf(serves);
    const expected = expects === undefined ? undefined : rulesOf(expects);
    const valueTypes = checkParts(options, expected, kept);
    const clock = this.#clock = options.clock ?? systemClock;
    const limits = resolveLimits(options.limits);
    const requireCredential = checkCredentials(options);
    checkClear(options, transport.address);
    const credential = options.credential ?? "";
    const dialect = this.#dialect = options.dialect ?? native;
    const report = this.#report = reporter(options.onError);
    const { trouble = telemetryTrouble(report), ...shared } = side;
    const isOff = options.telemetry === false;
    const outermost = isOff ? [] : telemetry(clock, trouble);
    const calling = through(outermost, options.callThrough);
    Object.defineProperty(this, REPORT, { value: report });
    const session = this.#session = dialect.open(
      this,
      watched(transport, whole, options, dialect, report, side, limits),
      {
        limits,
        clock,
        credential,
        contract: kept?.summary(limits.helloFrame, credential) ?? "",
        checkContract: (told) => expected?.checkPeer(told),
        requireCredential,
        authenticate: authenticate &&
          ((shown) => authenticate(new Peer(transport, shown))),
        onIdentity: (identity) => this.#identity = identity as Identity,
        ...shared,
        confirm: () => decide(confirm && (() => confirm(whole)), report),
        sendStacks: options.sendStacks ?? false,
        valueTypes,
        recordCallSites: options.recordCallSites ?? false,
        onError: report,
        introspection: options.introspection ?? true,
        once: options.once,
        serveThrough: through(outermost, options.serveThrough),
        callThrough: calling,
      },
    );
    this.#kept = kept;
    this.#caller = callThrough(
      expected?.caller(session, report) ?? session,
      calling,
      report,
      whole as Wire,
      clock,
    );
    if (functions !== undefined) this.#serveFirst(functions);
    if (onDeath) session.lifetime.listen(onDeath);
    if (signal !== undefined) this.#abortOn(signal);
  }

  /**
   * What the calls of a wire go through; undefined for what is no wire.
   *
   * @internal
   */
  static callerOf(wire: object): Caller | undefined {
    return #caller in wire ? wire.#caller : undefined;
  }

  #serveFirst(functions: object): void {
    const session = this.#session;
    try {
      session.serve(this.#kept?.implemented(functions) ?? functions);
    } catch (error) {
      // Nobody gets this wire, and so nobody would end it.
      const text = `The wire was not made: ${errorMessage(error)}`;
      session.end(new WireError("aborted", text, { cause: error }), false);
      throw error;
    }
  }

  /** What carries a call out: for one that is to run once, another. */
  #callerFor(options: WireCallOptions | undefined): Caller {
    if (!runsOnce(options)) return this.#caller;
    return this.#once ??= {
      call: (...call) =>
        promised(this.#callOnce(...call), this.#report, unawaited(call[0])),
      send: (name, args) => {
        const error = unanswered(name);
        endStreams(args, error);
        return failed(error, this.#report, unsent(name));
      },
    };
  }

  async #callOnce(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options: WireCallOptions = {},
  ): Promise<unknown> {
    if (this.#dialect !== native) {
      const error = new WireError(
        "noSuchFunction",
        `The call of ${
          shown(name)
        } was not made: the protocol "${this.#dialect.name}" has no calls that run once.`,
        { sent: "notSent" },
      );
      endStreams(args, error);
      throw error;
    }
    const { OnceCaller } = await import("./once/calling.ts");
    this.#onceCaller ??= new OnceCaller(this.#caller, this.#clock);
    return await this.#onceCaller.call(name, args, wantsValues, options);
  }

  /** Most wires of a server never call their clients. */
  get #remotes(): Remotes<Remote> {
    return this.#made ??= remotes<Remote>(this.#caller);
  }

  #abortOn(signal: AbortSignal): void {
    const onAbort = () => this.abort(signal.reason);
    if (signal.aborted) return queueMicrotask(onAbort);
    signal.addEventListener("abort", onAbort, { once: true });
    this.onDeath(() => signal.removeEventListener("abort", onAbort));
  }

  /** What speaks the wire's protocol, for the functions of a dialect. */
  get session(): Session {
    return this.#session;
  }

  /** Where the peer is. */
  get address(): WireAddress {
    return this.#session.address;
  }

  /**
   * Who the peer is: what the option `authenticate` answered. Undefined where
   * that was not given, and before it has answered.
   */
  get identity(): Identity {
    // Whoever gets the wire before has to do with it as soon as it is.
    return this.#identity as Identity;
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
   * The peer's functions, called one way: no answer travels. The promise
   * resolves when the call may be sent, which is at once unless the peer is
   * slow; it rejects when an argument cannot be sent. It need not be awaited:
   * then `onError` is told of that. What the function throws is reported at
   * the peer.
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
   * The peer's functions, called with a signal, a deadline or metadata, or to
   * run once, or to tell how far they are. Signal and deadline end the streams
   * of a call, too, those of its answer included, unless `streams` is `"free"`.
   *
   * @param options The signal, the deadline in milliseconds, the metadata,
   * whether streams are bound to signal and deadline, what is told of progress,
   * and a key of a call that runs once.
   * @returns The same three proxies.
   * @throws {WireError} `invalidArgument` for an option that there is not.
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
  with(options: WireCallOptions): Remotes<Remote> {
    checkCallOptions(options, WIRE_CALL_KEYS);
    return remotes<Remote>(this.#callerFor(options), options);
  }

  /**
   * Calls a function of the peer by name, for names that the proxies do not
   * have, or that are known only at run time.
   *
   * @param name The function's name; in a namespace, its path: "users.get".
   * @param args Its arguments; none where it is left out.
   * @param wantsValues Whether to get the list of all its values.
   * @param options The call's signal, deadline, metadata and key.
   * @returns The value, or the list of values.
   */
  call(
    name: string,
    args: unknown[] = [],
    wantsValues = false,
    options?: WireCallOptions,
  ): Promise<unknown> {
    let own: unknown[] = [];
    try {
      own = ownArguments(name, args);
      checkWantsValues(wantsValues);
      if (options !== undefined) checkCallOptions(options, WIRE_CALL_KEYS);
    } catch (error) {
      endStreams(own, error);
      return rejected(error, this.#report, unawaited(name));
    }
    return this.#callerFor(options).call(name, own, wantsValues, options);
  }

  /**
   * Calls a function of the peer by name, one way.
   *
   * @param name The function's name.
   * @param args Its arguments; none where it is left out.
   * @param options The deadline and the metadata travel with the call; a signal that is
   * aborted already keeps the call from being sent. Both end streams among the
   * arguments, unless `streams` is `"free"`.
   * @returns A promise that resolves when the call may be sent.
   */
  send(
    name: string,
    args: unknown[] = [],
    options?: CallOptions,
  ): Promise<void> {
    let own: unknown[] = [];
    try {
      own = ownArguments(name, args);
      checkCallOptions(options);
    } catch (error) {
      endStreams(own, error);
      return failed(error, this.#report, unsent(name));
    }
    return this.#caller.send(name, own, options);
  }

  /**
   * Serves functions: own enumerable properties, never inherited ones. Called
   * again, it adds to what is served. Each is called with a `CallContext` as
   * `this`. Those that the contract `serves` knows are put behind it.
   *
   * A plain object among them is a namespace: its functions are called as
   * `users.get(1)`, and their names are paths, "users.get".
   *
   * @param functions The functions by name, and namespaces of functions.
   * @throws {WireError} `invalidArgument` for a property that is neither a
   * function nor a namespace, and for two functions of the same path.
   *
   * @example
   * ```ts
   * import { wirePair } from "@remote/wire";
   *
   * const [near, far] = wirePair();
   * far.serve({ users: { get: (id: number) => `user ${id}` } });
   * const name = await near.remoteValue.users.get(1);
   * if (name !== "user 1") throw new Error();
   * if (await near.call("users.get", [1]) !== name) throw new Error();
   * await Promise.all([near.close(), far.close()]);
   * ```
   */
  serve<Served extends object = Local>(
    functions: ServedFunctions<NoInfer<Served>, Wire>,
  ): void {
    const kept = this.#kept;
    if (kept === undefined) return this.#session.serve(functions);
    servedEntries(functions);
    this.#session.serve(kept.guarded(functions));
  }

  /**
   * Asks the peer what it serves.
   *
   * @param options The call's signal, deadline and metadata.
   * @returns A promise of what is known of each function, in the order of
   * their names.
   * @throws {WireError} As a rejection: `noSuchFunction` where the peer does
   * not tell, and whatever calls fail with.
   *
   * @example
   * ```ts
   * import { wirePair } from "@remote/wire";
   *
   * const [near, far] = wirePair();
   * far.serve({ add: (a: number, b: number) => a + b });
   * const [add] = await near.listFunctions();
   * if (add?.name !== "add" || add.arity !== 2) throw new Error();
   * await near.close();
   * ```
   */
  listFunctions(options?: CallOptions): Promise<FunctionInfo[]> {
    const listing = this.#listFunctions(options);
    return owned(listing, this.#report, unawaited(LIST_FUNCTIONS));
  }

  async #listFunctions(
    options: CallOptions | undefined,
  ): Promise<FunctionInfo[]> {
    checkCallOptions(options);
    if (this.#dialect !== native) throw unlisted(this.#dialect.name);
    try {
      return checkListing(
        await this.#caller.call(LIST_FUNCTIONS, [], false, options),
      );
    } catch (error) {
      const isUnknown = error instanceof WireError &&
        error.code === "noSuchFunction";
      throw isUnknown ? unlisted(undefined) : error;
    }
  }

  /**
   * Sends a typed message. The peer takes it with `getObject()`.
   *
   * @typeParam T The value's type.
   * @param value Any value that can be sent.
   * @returns A promise that resolves when the message may be sent, which is at
   * once unless it is large, or the peer slow to take what was sent before.
   * @throws {WireError} `unsupportedValue` or `limit`, as a rejection.
   */
  outputObject<T>(value: T & NoInfer<Checked<T>>): Promise<void> {
    return this.#session.outputObject(value);
  }

  /**
   * Takes the next typed message.
   *
   * @returns A promise of it; rejected with the reason of death once the wire
   * has ended and all that came was taken.
   */
  getObject(): Promise<unknown> {
    return this.#session.getObject();
  }

  /**
   * Takes typed messages until the peer closes. A wire that ends in any other
   * way ends the iteration with an error.
   */
  [Symbol.asyncIterator](): AsyncGenerator<unknown, void, void> {
    const steps: Promise<unknown>[] = [];
    const messages = this.#messages(steps);
    const next = messages.next.bind(messages);
    messages.next = () => {
      const step = next();
      steps.push(step);
      return step;
    };
    return messages;
  }

  /** @param steps The promises of messages that nobody has got by now. */
  async *#messages(
    steps: Promise<unknown>[],
  ): AsyncGenerator<unknown, void, void> {
    for (;;) {
      let value: unknown;
      try {
        value = await this.#session.getObject();
      } catch (error) {
        if (error instanceof WireError && error.code === "closed") return;
        const [step] = steps;
        if (step !== undefined) quiet(step);
        throw error;
      }
      steps.shift();
      yield value;
    }
  }

  /**
   * Resolves when all output so far was handed to the operating system.
   *
   * @throws {WireError} The reason of death, as a rejection.
   */
  forceOutput(): Promise<void> {
    return quiet(this.#session.forceOutput());
  }

  /**
   * Asks the peer for a sign of life.
   *
   * @returns A promise of the round trip's time, in milliseconds.
   */
  ping(): Promise<number> {
    return quiet(this.#session.ping());
  }

  /**
   * Keeps the peer from reaching an object of this side: the references that
   * it has are void from now on, and their signals abort. CMUCL's wires have
   * `forget-remote-translation`.
   *
   * @param value The object, the function, or what `makeRemoteObject` made of
   * it. Sent again, it is reachable by a new reference.
   *
   * @example
   * ```ts
   * import { wirePair } from "@remote/wire";
   *
   * const [near, far] = wirePair();
   * let call: (() => Promise<string>) | undefined;
   * far.serve({ keep: (f: typeof call) => void (call = f) });
   * const secret = () => "secret";
   * await near.remoteValue.keep(secret);
   * if (await call?.() !== "secret") throw new Error();
   * near.forgetRemoteTranslation(secret);
   * const error = await call?.().catch((e: unknown) => e) as { code?: string };
   * if (error.code !== "noSuchObject") throw error;
   * near.abort();
   * await far.closed;
   * ```
   */
  forgetRemoteTranslation(value: object): void {
    checkReference(value);
    this.#session.forgetRemoteTranslation(value);
  }

  /**
   * Closes gracefully: no further call is made, calls under way finish, and
   * answers are sent. The wire does not wait for functions whose callers have
   * given up, by a signal or a deadline. If the peer is not done within the
   * limit
   * `close`, the wire ends all the same.
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

  /**
   * Has a function called when the wire ends; at once if it has.
   *
   * @param listener Called once, with the reason.
   */
  onDeath(listener: (reason: WireError) => void): void {
    this.#session.lifetime.listen(listener);
  }

  /**
   * Has a function called when the peer closes the wire gracefully, as a server
   * does that shuts down; at once if it has. The peer calls no more, and this
   * side still may, until nothing is under way in either direction: then the
   * wire ends. What is to go on belongs on another wire from then on;
   * `keepConnected` sees to that. It is not called where the wire ends in any
   * other way, nor where this side has asked for the end.
   *
   * @param listener Called once.
   *
   * @example
   * ```ts
   * import { wirePair } from "@remote/wire";
   *
   * const [near, far] = wirePair();
   * const closing = new Promise<void>((resolve) => near.onClosing(resolve));
   * await far.close();
   * await closing;
   * ```
   */
  onClosing(listener: () => void): void {
    this.#session.lifetime.listenClosing?.(listener);
  }

  /** The wire's counts. */
  stats(): WireStats {
    return this.#session.stats();
  }

  /** Closes, as `await using` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  static readonly #brand = /* @__PURE__ */ setBrand(this, "Wire");
}

/**
 * Makes a wire over any connection.
 *
 * @typeParam Remote The interface that the peer serves.
 * @typeParam Local The interface that this side serves.
 * @typeParam Identity What `authenticate` answers of a peer that it lets in.
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
  Identity = unknown,
>(
  connection: Transport | ByteDuplex,
  options?: WireOptions<Remote, Local, Identity> | null,
): Wire<Remote, Local, Identity> {
  options ??= {};
  // Before the streams of a pair are taken; the wire checks them as well.
  if (!isTransport(connection)) checkOptions(options);
  const transport = transportOf(connection);
  return new Wire<Remote, Local, Identity>(transport, options);
}

/** Whether a call is to run once; options that cannot be read fail with it. */
function runsOnce(options: WireCallOptions | undefined): boolean {
  try {
    const once = options?.once;
    return once !== undefined && once !== false;
  } catch {
    return false;
  }
}

/** This module's own protocol. */
const native: Dialect = {
  name: "native",
  open: (wire, transport, options) =>
    new NativeSession(wire, transport, options),
};

/** A transport whose messages are told of, where somebody wants that. */
function watched<Identity>(
  transport: Transport,
  wire: Wire<AnyFunctions, AnyFunctions, Identity>,
  // deno-lint-ignore no-explicit-any -- whatever the interfaces are
  { tap }: Pick<WireOptions<any, any, Identity>, "tap">,
  dialect: Dialect,
  report: Report,
  { debug }: Pick<SessionOptions, "debug">,
  limits: Readonly<WireLimits>,
): Transport {
  if (tap === undefined && !debug) return transport;
  const where = formatAddress(transport.address);
  const see = (message: TappedMessage) => tap?.(message, wire);
  return watchedTransport(
    transport,
    looking(dialect, report, limits, see, debug && { debug, where }),
  );
}

/**
 * Loads what looks at messages, which few wires need.
 *
 * @param dialect What the wire speaks.
 * @param report Told of what goes wrong, which harms nothing else.
 * @param limits What the wire takes of its peer; more is not decoded.
 * @param tap A user's hook.
 * @param printed What is printed, and what it calls the peer.
 */
async function looking(
  dialect: Dialect,
  report: Report,
  limits: Readonly<WireLimits>,
  tap: (message: TappedMessage) => unknown,
  printed: { debug: string; where: string } | "" | undefined,
): Promise<Look | undefined> {
  const failed = (error: unknown) => report(error, "tap");
  try {
    const { lookAt } = await import("./codec/wire_tap.ts");
    const text = printed && await import("./codec/message_text.ts");
    const print = text && text.debugPrinter(printed.debug, printed.where);
    const see = (message: TappedMessage) => {
      if (print) print(message);
      callHook(() => tap(message), failed);
    };
    if (dialect !== native) {
      const make = dialect.decoder &&
        ((direction: Direction) =>
          dialect.decoder!(direction === "received" ? limits : undefined));
      return lookAt(see, make);
    }
    const { MessageTap, TAP_LIMITS } = await import("./codec/message_tap.ts");
    // Before and after the handshake.
    const frame = Math.max(limits.frame, limits.helloFrame);
    const taken = { ...limits, frame };
    return lookAt(
      see,
      (direction) =>
        new MessageTap(direction === "received" ? taken : TAP_LIMITS),
    );
  } catch (error) {
    failed(error);
    return undefined;
  }
}

const NONE: readonly Middleware[] = [];

/** Middleware of the wire's own, and of its user's. */
function through(
  own: readonly Middleware<Wire>[],
  // deno-lint-ignore no-explicit-any -- whatever the identity is
  given: readonly Middleware<Wire<any, any, any>>[] = [],
): readonly Middleware[] {
  if (own.length + given.length === 0) return NONE;
  // What they are told of as their wire is one.
  return [...own, ...given] as Middleware[];
}

/**
 * Checks the secrets among a wire's options.
 *
 * @returns Those of which the peer has to show one.
 */
function checkCredentials(
  options: Pick<
    // deno-lint-ignore no-explicit-any -- whatever the identity is
    WireOptions<any, any, any>,
    "credential" | "requireCredential" | "authenticate" | "insecure"
  >,
): readonly string[] | undefined {
  checkCredential(options.credential, "credential");
  checkFlags(options, ["insecure"]);
  return checkAuthentication(options);
}

/** Checks the names of a wire's options, its hooks and its signal. */
function checkOptions(
  // deno-lint-ignore no-explicit-any -- whatever the interfaces are
  options: WireOptions<any, any, any>,
): void {
  checkOptionKeys(options, OPTION_KEYS, "a wire");
  checkSignal(options.signal);
  checkHooks(options, ["onError", "confirm", "tap"]);
  checkOnDeath(options);
  checkGate(options, "confirm");
}

/** The options that are true or false, the one of secrets aside. */
const FLAGS = [
  "sendStacks",
  "recordCallSites",
  "introspection",
  "telemetry",
] as const;

/** What servers have beside their wires. */
type OfServers =
  | "peerFirst"
  | "gate"
  | "sharedMemory"
  | "quota"
  | "debug"
  | "measure"
  | "share";

/** What {@linkcode checkParts} checks. */
type Parts = Pick<
  // deno-lint-ignore no-explicit-any -- whatever the identity is
  WireOptions<any, any, any>,
  | typeof FLAGS[number]
  | "serveThrough"
  | "callThrough"
  | "dialect"
  | "clock"
  | "once"
  | "valueTypes"
>;

/**
 * Checks what a wire is made with of somebody's own, and what is on or off.
 *
 * @returns The types of values that are declared, for it or by its contracts.
 */
function checkParts(
  options: Parts,
  ...contracts: readonly (ContractRules | undefined)[]
): ValueTypes | undefined {
  const { serveThrough, callThrough, dialect, clock, once, valueTypes } =
    options;
  checkFlags(options, FLAGS);
  checkMiddleware(serveThrough, "serveThrough");
  checkMiddleware(callThrough, "callThrough");
  if (dialect !== undefined) {
    checkPart(dialect, "dialect", ["open"], "what cmucl() makes, say");
  }
  checkClock(clock);
  if (once !== undefined) {
    checkPart(once, "once", ["terms", "serve"], "what onceInMemory() makes");
  }
  const types = resolveValueTypes(
    valueTypes,
    ...contracts.map((rules) => rules?.valueTypes),
  );
  if (types !== undefined && dialect?.hasValueTypes === false) {
    throw new WireError(
      "invalidArgument",
      `The protocol ${
        shown(dialect.name)
      } has no declared types of values. Leave the option "valueTypes" out, of the wire and of its contracts.`,
    );
  }
  return types;
}

/**
 * Checks what wires are to serve and expect, their secrets and their
 * middleware, before there is one.
 *
 * @param options Functions, contracts, secrets and middleware.
 * @throws {WireError} `invalidArgument` for what no wire could be made with.
 */
export function checkServing(
  options: Pick<
    // deno-lint-ignore no-explicit-any -- whatever the interfaces are
    WireOptions<any, any, any>,
    | keyof Parts
    | "functions"
    | "serves"
    | "expects"
    | "credential"
    | "requireCredential"
    | "authenticate"
    | "insecure"
  >,
): void {
  const { functions, serves, expects } = options;
  checkCredentials(options);
  const kept = serves === undefined ? undefined : rulesOf(serves);
  const expected = expects === undefined ? undefined : rulesOf(expects);
  checkParts(options, expected, kept);
  if (functions === undefined) return;
  servedEntries(functions);
  kept?.implemented(functions);
}

/** The error of a peer that does not tell what it serves. */
function unlisted(protocol: string | undefined): WireError {
  return new WireError(
    "noSuchFunction",
    protocol === undefined
      ? "The peer does not tell what it serves: it was made with `introspection: false`."
      : `What the peer serves cannot be asked for: the protocol "${protocol}" has no words for it.`,
  );
}
