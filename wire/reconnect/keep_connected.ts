/**
 * Connections that are made again when they are lost, and the calls that
 * outlive them.
 *
 * @example
 * ```ts
 * import { keepConnected } from "@remote/wire/reconnect";
 * import { wirePair } from "@remote/wire/wire";
 *
 * const kept = keepConnected(() => {
 *   const [near, far] = wirePair();
 *   far.serve({ greet: (name: string) => `Hello ${name}.` });
 *   return Promise.resolve(near);
 * });
 * if (await kept.remoteValue.greet("self") !== "Hello self.") throw new Error();
 * await kept.close();
 * ```
 *
 * @module
 */

import { ownArguments } from "../base/checks.ts";
import { rejected } from "../rpc/pending_call.ts";
import { checkCallOptions, KEPT_CALL_KEYS } from "../rpc/context.ts";
import { errorMessage, isA, OwnTrouble, WireError } from "../base/errors.ts";
import {
  type Connect,
  type KeepConnectedOptions,
  type KeptCallOptions,
  resolveKeepOptions,
  Supervisor,
} from "./_supervisor.ts";
import { type Caller, remotes } from "../rpc/remote.ts";
import type {
  AnyFunctions,
  Checked,
  Remotes,
  RemoteSend,
  RemoteValue,
  RemoteValues,
} from "../rpc/remote_types.ts";
import type { Wire } from "../wire.ts";
import {
  failed,
  quiet,
  type Report,
  unawaited,
  unsent,
} from "../base/report.ts";
import { Lifetime } from "../base/lifetime.ts";
import { KeptCalls } from "./_kept_calls.ts";

export type {
  BackoffOptions,
  Connect,
  ConnectedInfo,
  KeepConnectedOptions,
  KeptCallOptions,
  LostInfo,
} from "./_supervisor.ts";

/** Counts of a kept connection. All but the last add up. */
export interface KeptStats {
  /** Attempts to connect. */
  readonly attempts: number;
  /** Attempts that led to a wire. */
  readonly connections: number;
  /** Calls and messages that a wire never sent, and that waited for another. */
  readonly moved: number;
  /** Times that an idempotent call was repeated. */
  readonly repeated: number;
  /** Now: calls and messages that wait for a wire. */
  readonly waiting: number;
}

/**
 * Calls a peer over one wire after another. {@linkcode keepConnected} makes
 * it.
 *
 * What is called while there is no wire waits for the next one, and is sent in
 * the order in which it was called. What was given to a wire that died goes to
 * the next if no byte of it was sent; if the peer may have run it, it fails
 * (`error.sent` is `"maybeExecuted"`), unless it is marked as idempotent. Until
 * a call is settled its arguments must not be changed: they may be sent again.
 *
 * One-way calls and messages that a wire has taken are never repeated, and a
 * wire that dies loses them: use calls where that matters.
 *
 * @typeParam Remote The interface that the peer serves.
 * @typeParam Local The interface that this side serves.
 *
 * @example A call after the server was lost
 * ```ts
 * import { keepConnected } from "@remote/wire/reconnect";
 * import { type Wire, wirePair } from "@remote/wire/wire";
 *
 * const servers: Wire[] = [];
 * const kept = keepConnected(() => {
 *   const [near, far] = wirePair();
 *   far.serve({ count: () => servers.length });
 *   servers.push(far);
 *   return Promise.resolve(near);
 * }, { backoff: { least: 1 } });
 * if (await kept.remoteValue.count() !== 1) throw new Error();
 * servers[0]?.abort();
 * await kept.wire?.closed;
 * if (await kept.remoteValue.count() !== 2) throw new Error();
 * if (kept.stats().connections !== 2) throw new Error();
 * await kept.close();
 * ```
 */
export class KeptConnection<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
> implements Caller, AsyncDisposable {
  readonly #supervisor: Supervisor<Remote, Local>;
  readonly #onError: Report;
  readonly #calls: KeptCalls;
  readonly #lifetime: Lifetime;
  readonly #remotes: Remotes<Remote>;
  readonly #opened = Promise.withResolvers<void>();

  /**
   * Use {@linkcode keepConnected}.
   *
   * @param connect Makes a connection.
   * @param options What differs from the default.
   */
  constructor(
    connect: Connect<Remote, Local>,
    options?: KeepConnectedOptions<Remote, Local> | null,
  ) {
    if (typeof connect !== "function") {
      throw new WireError(
        "invalidArgument",
        "keepConnected() takes a function that connects, for it connects again and again: () => connectToRemoteServer(host, port).",
      );
    }
    const resolved = resolveKeepOptions(options ?? {});
    const { onDeath, onError, signal } = resolved;
    this.#onError = onError;
    const lifetime = this.#lifetime = new Lifetime(onError);
    const supervisor = this.#supervisor = new Supervisor(connect, resolved, {
      connected: (wire) => {
        this.#calls.connected(wire);
        this.#opened.resolve();
      },
      disconnected: () => this.#calls.disconnected(),
      gaveUp: (reason) => this.#end(reason),
      waiting: () => this.#calls.waiting,
    });
    this.#calls = new KeptCalls(
      resolved,
      lifetime,
      () => supervisor.lastFailure,
    );
    this.#remotes = remotes<Remote>(this);
    quiet(this.#opened.promise);
    if (onDeath) this.onDeath(onDeath);
    if (signal !== undefined) this.#abortOn(signal);
    supervisor.run().catch((error) => this.abort(ownTrouble(error)));
  }

  #abortOn(signal: AbortSignal): void {
    const onAbort = () => this.abort(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    this.onDeath(() => signal.removeEventListener("abort", onAbort));
  }

  /**
   * The wire that takes calls; undefined while there is none. One that its
   * server closes is none, though calls under way still finish there.
   */
  get wire(): Wire<Remote, Local> | undefined {
    return this.#supervisor.wire;
  }

  /**
   * `"connecting"` while an attempt is under way, `onConnected` included;
   * `"waiting"` between attempts; `"closed"` once no further attempt is made.
   */
  get state(): "connecting" | "connected" | "waiting" | "closed" {
    return this.#supervisor.state;
  }

  /** Resolves when it is connected for the first time; rejects if never. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /**
   * Resolves with the reason when all is over: an error whose code is `closed`
   * after `close()`, else that of the last failure. It never rejects.
   */
  get closed(): Promise<WireError> {
    return this.#lifetime.closed;
  }

  /** The reason of the end; undefined while it connects again. */
  get ended(): WireError | undefined {
    return this.#lifetime.reason;
  }

  /** Aborts with the reason of the end, not with the end of each wire. */
  get signal(): AbortSignal {
    return this.#lifetime.signal;
  }

  /** The peer's functions, called one way. See `Wire.remote`. */
  get remote(): RemoteSend<Remote> {
    return this.#remotes.remote;
  }

  /** The peer's functions, called for one value. See `Wire.remoteValue`. */
  get remoteValue(): RemoteValue<Remote> {
    return this.#remotes.remoteValue;
  }

  /** The peer's functions, called for all values. See `Wire.remoteValues`. */
  get remoteValues(): RemoteValues<Remote> {
    return this.#remotes.remoteValues;
  }

  /**
   * The peer's functions, called with a signal, a deadline (which runs while a
   * call waits, too) or a mark.
   *
   * @param options What holds for every call.
   * @returns The same three proxies.
   */
  with(options: KeptCallOptions): Remotes<Remote> {
    checkCallOptions(options, KEPT_CALL_KEYS);
    return remotes<Remote>(this, options);
  }

  /**
   * Calls a function of the peer by name. See `Wire.call`.
   *
   * @param name The function's name.
   * @param args Its arguments; none where it is left out.
   * @param wantsValues Whether to get the list of all its values.
   * @param options The call's signal, deadline and mark.
   * @returns The value, or the list of values.
   */
  call(
    name: string,
    args: unknown[] = [],
    wantsValues = false,
    options?: KeptCallOptions,
  ): Promise<unknown> {
    let own: unknown[];
    try {
      own = ownArguments(name, args);
      if (options !== undefined) checkCallOptions(options, KEPT_CALL_KEYS);
    } catch (error) {
      return rejected(error, this.#onError, unawaited(name));
    }
    return this.#calls.make(
      wantsValues ? "values" : "value",
      name,
      own,
      options,
    );
  }

  /**
   * Calls a function of the peer by name, one way. See `Wire.send`.
   *
   * @param name The function's name.
   * @param args Its arguments; none where it is left out.
   * @param options The call's signal, deadline and mark.
   * @returns A promise that resolves when the call may be sent.
   */
  send(
    name: string,
    args: unknown[] = [],
    options?: KeptCallOptions,
  ): Promise<void> {
    let own: unknown[];
    try {
      own = ownArguments(name, args);
      checkCallOptions(options, KEPT_CALL_KEYS);
    } catch (error) {
      return failed(error, this.#onError, unsent(name));
    }
    return this.#calls.make("send", name, own, options) as Promise<void>;
  }

  /**
   * Sends a typed message. See `Wire.outputObject`. What the peer sends is
   * taken from each wire, in `onConnected`.
   *
   * @typeParam T The value's type.
   * @param value Any value that can be sent.
   * @returns A promise that resolves when the message may be sent.
   */
  outputObject<T>(value: T & NoInfer<Checked<T>>): Promise<void> {
    return this.#calls.make("message", "outputObject", [value]) as Promise<
      void
    >;
  }

  /**
   * Ends. Calls under way finish, calls that wait for a wire fail with
   * `closed`, and no further attempt is made.
   *
   * @returns A promise that resolves when all connections are gone.
   */
  async close(): Promise<void> {
    const lifetime = this.#lifetime;
    if (!lifetime.isDraining && lifetime.reason === undefined) {
      lifetime.isDraining = true;
      const { wires } = this.#supervisor;
      const reason = closedReason();
      this.#supervisor.stop(reason);
      this.#calls.end(reason);
      await Promise.all(wires.map((wire) => wire.close()));
      this.#end(reason);
    }
    await this.closed;
  }

  /**
   * Ends at once: the wire is aborted, and all calls fail.
   *
   * @param reason Why: an error, or any value that has a text.
   */
  abort(reason?: unknown): void {
    const error = abortReason(reason);
    const { wires } = this.#supervisor;
    this.#end(error);
    for (const wire of wires) wire.abort(error);
  }

  /**
   * Has a function called when it ends for good; at once if it has.
   *
   * @param listener Called once, with the reason.
   */
  onDeath(listener: (reason: WireError) => void): void {
    this.#lifetime.listen(listener);
  }

  /** Counts. */
  stats(): KeptStats {
    const { attempts, connections } = this.#supervisor;
    const { moved, repeated, waiting } = this.#calls;
    return { attempts, connections, moved, repeated, waiting };
  }

  /** Closes, as `await using` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The one place where it ends. */
  #end(reason: WireError): void {
    if (!this.#lifetime.end(reason)) return;
    this.#supervisor.stop(reason);
    this.#calls.end(reason);
    this.#opened.reject(reason);
    this.#lifetime.declare();
    const markClosed = () => this.#lifetime.markClosed();
    this.#supervisor.finished().then(markClosed, markClosed);
  }
}

/**
 * Keeps a connection: connects, and connects again with a growing, jittered
 * wait whenever the wire is lost, until it is closed or a failure is final.
 * Nothing of that is silent for who listens: `onConnected` and `onLost` are
 * called each time.
 *
 * @typeParam Remote The interface that the peer serves.
 * @typeParam Local The interface that this side serves.
 * @param connect Makes a connection: any function that promises a wire.
 * @param options What is told, repeated and waited for.
 * @returns The kept connection, at once; calls wait until it stands.
 * @throws {WireError} `invalidArgument` for an option out of its range.
 *
 * @example
 * ```ts
 * import { keepConnected, wirePair } from "@remote/wire";
 *
 * interface Calculator {
 *   add(a: number, b: number): number;
 * }
 * // With a server: () => connectToRemoteServer("localhost", 7000)
 * const connect = () => {
 *   const [near, far] = wirePair<Calculator>();
 *   far.serve({ add: (a, b) => a + b });
 *   return Promise.resolve(near);
 * };
 * const lost: string[] = [];
 * await using kept = keepConnected(connect, {
 *   onLost: (reason) => lost.push(reason.message),
 *   idempotent: ["add"],
 * });
 * if (await kept.remoteValue.add(40, 2) !== 42) throw new Error();
 *
 * kept.wire?.abort("a cable was pulled");
 * if (await kept.remoteValue.add(1, 1) !== 2) throw new Error();
 * if (lost.length !== 1) throw new Error();
 * ```
 */
export function keepConnected<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(
  connect: Connect<Remote, Local>,
  options?: KeepConnectedOptions<Remote, Local> | null,
): KeptConnection<Remote, Local> {
  return new KeptConnection(connect, options);
}

function closedReason(): WireError {
  return new WireError("closed", "The kept connection was closed.");
}

function abortReason(reason: unknown): WireError {
  if (isA(reason, WireError)) return reason;
  const why = reason === undefined ? "." : `: ${errorMessage(reason)}`;
  return new WireError("aborted", `The kept connection was aborted${why}`, {
    cause: reason,
  });
}

/** A hook failed where nothing else catches it. */
function ownTrouble(error: unknown): WireError {
  return isA(error, WireError) ? error : new OwnTrouble(
    "aborted",
    `The kept connection failed: ${errorMessage(error)}`,
    { cause: error },
  );
}
