/**
 * Request servers, after CMUCL's WIRE package: they accept connections and
 * make a wire of each.
 *
 * @module
 */

import {
  checkPort,
  formatAddress,
  type WireAddress,
} from "../wire/base/address.ts";
import {
  checkDemand,
  checkGate,
  checkHooks,
  checkSignal,
  hookAndOptions,
  type HookForms,
} from "../wire/base/checks.ts";
import { errorMessage, WireError } from "../wire/base/errors.ts";
import { resolveLimits, type WireLimits } from "../wire/base/limits.ts";
import { isThenable } from "../wire/base/odd_values.ts";
import { callHook, type Report, reporter } from "../wire/base/report.ts";
import { shown } from "../wire/base/shown.ts";
import type { Contract } from "../wire/contract/contract.ts";
import type { Middleware } from "../wire/rpc/middleware.ts";
import type {
  AnyFunctions,
  ServedFunctions,
} from "../wire/rpc/remote_types.ts";
import type { Dialect } from "../wire/session/dialect.ts";
import { TlsTransport } from "../wire/transport/node_tls.ts";
import {
  socketTransport,
  type Transport,
} from "../wire/transport/transport.ts";
import { checkServing, Wire } from "../wire/wire.ts";
import { Acceptor } from "./_accept.ts";
import { type ConnectAnswer, readAnswer } from "./_connect_answer.ts";
import {
  type AnyListener,
  checkTarget,
  listen,
  listenerAddress,
  type ListenTarget,
  peerAddress,
  type ServerTls,
} from "./_listen.ts";
import { Newcomers } from "./_newcomers.ts";
import { TlsServer, tlsTrouble } from "./_tls.ts";

/**
 * Called for each connection whose peer said hello.
 *
 * @typeParam Remote The interface that clients serve.
 * @param wire The new wire. It can serve and call already; the peer's calls
 * arrive when it has been accepted.
 * @param address Where the peer is.
 */
export type OnConnect<Remote extends object = AnyFunctions> = (
  wire: Wire<Remote>,
  address: WireAddress,
) => ConnectAnswer | PromiseLike<ConnectAnswer>;

/**
 * What a request server is made with. Everything has a default.
 *
 * @typeParam Remote The interface that clients serve.
 * @typeParam Local The interface that the server serves on every wire.
 */
export interface RequestServerOptions<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
> {
  /**
   * The name or address to listen on.
   *
   * @default {"127.0.0.1"}
   */
  hostname?: string | undefined;
  /** The path of a Unix socket to listen on; the port is not looked at then. */
  path?: string | undefined;
  /** Certificate and key, both PEM: the server speaks TLS then. */
  tls?: ServerTls | undefined;
  /** Functions to serve on every wire. */
  functions?: ServedFunctions<Local, Wire> | undefined;
  /**
   * The contract that this side keeps on every wire: clients are told, and
   * functions of its that are served are put behind it.
   */
  // deno-lint-ignore no-explicit-any -- the client's view of it is not needed
  serves?: Contract<any, any, Local> | undefined;
  /** The contract that clients are to keep, where the server calls them. */
  // deno-lint-ignore no-explicit-any -- the client's own view is not needed
  expects?: Contract<Remote, any, any> | undefined;
  /** Limits that differ from the default. */
  limits?: Partial<WireLimits> | undefined;
  /**
   * The secret that a client has to show. What is there and undefined, as a
   * variable that is not set, is refused: leave the option out to let
   * everybody in.
   */
  requireCredential?: string;
  /**
   * The secret that the server shows to clients which have shown theirs, for
   * clients that require one. It is refused where `requireCredential` is not
   * given: a secret that everybody is shown is none.
   */
  credential?: string | undefined;
  /** Whether errors take their stacks to the client. @default {false} */
  sendStacks?: boolean | undefined;
  /**
   * The protocol to speak.
   *
   * @default {this module's own}
   */
  dialect?: Dialect | undefined;
  /**
   * What every call of a client is served through; the first is the
   * outermost.
   *
   * @default {[]}
   */
  serveThrough?: readonly Middleware<Wire>[] | undefined;
  /**
   * What every call of a client's functions goes through.
   *
   * @default {[]}
   */
  callThrough?: readonly Middleware<Wire>[] | undefined;
  /**
   * Whether clients may ask what is served.
   *
   * @default {true}
   */
  introspection?: boolean | undefined;
  /**
   * Whether calls make spans where OpenTelemetry is on.
   *
   * @default {true}
   */
  telemetry?: boolean | undefined;
  /**
   * Called with each new wire and its peer's address; answers whether to accept
   * it, and what to call at the connection's death. Null accepts all. What is
   * there and undefined is refused: leave the option out to let everybody in.
   */
  onConnect?: OnConnect<Remote> | null;
  /** Shuts the server down, gracefully. */
  signal?: AbortSignal | undefined;
  /** Called when the server listens, with its address. */
  onListen?: ((address: WireAddress) => void) | undefined;
  /**
   * Told of errors that have no other place to go.
   *
   * @default {console.error}
   */
  onError?: ((error: unknown, where: string) => void) | undefined;
}

/** The names of the options, for finding those that are misspelt. */
const OPTION_KEYS: Readonly<Record<keyof RequestServerOptions, true>> = {
  hostname: true,
  path: true,
  tls: true,
  functions: true,
  serves: true,
  expects: true,
  limits: true,
  requireCredential: true,
  credential: true,
  sendStacks: true,
  dialect: true,
  serveThrough: true,
  callThrough: true,
  introspection: true,
  telemetry: true,
  onConnect: true,
  signal: true,
  onListen: true,
  onError: true,
};

const FORMS: HookForms = {
  what: "createRequestServer()",
  hook: "onConnect",
  known: OPTION_KEYS,
};

/** How many clients are told at a time that there is no room. */
const FAREWELLS = 64;
/** The share of the limit `hello` that a silent one has while others wait. */
const PATIENCE = 1 / 4;

/**
 * A server that makes wires. {@linkcode createRequestServer} makes one.
 */
export class RequestServer implements AsyncDisposable {
  readonly #options: RequestServerOptions;
  readonly #limits: Readonly<WireLimits>;
  readonly #onConnect: OnConnect | undefined;
  readonly #report: Report;
  /** The wires that were accepted. */
  readonly #wires = new Set<Wire>();
  /** Those that were not yet: their peers said no hello, or are decided on. */
  readonly #handshake = new Map<Wire, Transport>();
  /** Those of them whose peers said no hello: they take nobody's place. */
  readonly #newcomers: Newcomers<Wire>;
  /** Those of them whose peers did. */
  readonly #deciding = new Set<Wire>();
  /** Those whose peers are told that there is no room. */
  readonly #leaving = new Set<Wire>();
  readonly #finished = Promise.withResolvers<void>();
  readonly #listener: AnyListener;
  readonly #tls: TlsServer | undefined;
  readonly #acceptor: Acceptor;
  readonly #address: WireAddress;
  #destroyed = false;
  #accepting = true;
  #turnedAway = 0;

  /**
   * Use {@linkcode createRequestServer}.
   *
   * @param port The port.
   * @param first What differs from the default, or `onConnect`.
   * @param second What differs from the default, beside `onConnect`.
   */
  constructor(
    port: number,
    first?: RequestServerOptions | OnConnect | null,
    second?: RequestServerOptions | null,
  ) {
    const { hook, options } = hookAndOptions<OnConnect, RequestServerOptions>(
      first,
      second,
      FORMS,
    );
    if (hook === undefined) checkGate(options, "onConnect");
    checkSignal(options.signal);
    checkServing(options);
    checkDemand(options);
    checkHooks(options, ["onListen", "onError"]);
    this.#options = options;
    this.#onConnect = hook;
    this.#limits = resolveLimits(options.limits);
    const target = checkTarget(targetOf(port, options));
    const { tls, signal } = options;
    const listener = listen(target, "The request server");
    // Whatever goes wrong from here on, the address is free again.
    using unlessMade = new DisposableStack();
    unlessMade.defer(() => listener.close());
    this.#listener = listener;
    this.#address = listenerAddress(this.#listener, tls !== undefined);
    this.#report = this.#reporter();
    this.#tls = tls === undefined ? undefined : new TlsServer(tls);
    this.#newcomers = new Newcomers({
      most: this.#limits.wiresBeforeHello,
      patience: this.#limits.hello * PATIENCE,
      hasBegun: (wire) => hasBegun(this.#handshake.get(wire)),
      end: (wire) => this.#endSilent(wire),
    });
    this.#acceptor = new Acceptor({
      listener: this.#listener,
      onConnection: (conn) => this.#connected(conn),
      count: () => this.#wires.size + this.#handshake.size + this.#leaving.size,
      shed: (count, isUrgent) => this.#newcomers.shed(count, isUrgent),
      onError: (error) => this.#report(error, "accepting connections"),
    });
    this.#acceptor.done.then(() => {
      this.#accepting = false;
      this.#checkFinished();
    });
    if (signal !== undefined) this.#shutDownAt(signal);
    const { onListen } = options;
    if (onListen !== undefined) {
      callHook(
        () => onListen(this.#address),
        (error) => this.#report(error, "onListen"),
      );
    }
    unlessMade.move();
  }

  /** Where the server listens; the port is the real one. */
  get address(): WireAddress {
    return this.#address;
  }

  /** The port that it listens on; 0 where that is a Unix socket. */
  get port(): number {
    return "port" in this.#address ? this.#address.port : 0;
  }

  /** The wires that were accepted and have not ended. */
  get wires(): ReadonlySet<Wire> {
    return this.#wires;
  }

  /** Resolves when the server listens; it does as soon as it is made. */
  get ready(): Promise<void> {
    return Promise.resolve();
  }

  /** Resolves when the server no longer listens and its last wire has ended. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** How many connections were turned away because there was no room. */
  get turnedAway(): number {
    return this.#turnedAway;
  }

  /** Listening keeps the process alive; so it is at first. */
  ref(): void {
    this.#listener.ref();
  }

  /** Listening does not keep the process alive; open wires still do. */
  unref(): void {
    this.#listener.unref();
  }

  /**
   * Ends listening, at once: further connection attempts fail, existing wires
   * stay alive. {@linkcode destroyRequestServer} is the seed's name for it.
   *
   * @returns A promise that resolves when the address is free again. Nobody has
   * to wait for it; it never rejects.
   */
  destroy(): Promise<void> {
    if (!this.#destroyed) {
      this.#destroyed = true;
      this.#newcomers.close();
      this.#acceptor.close();
    }
    return this.#acceptor.done;
  }

  /**
   * Ends gracefully: no further connection is accepted, and every wire is
   * closed, which lets calls under way finish.
   *
   * @returns A promise that resolves when all is done.
   */
  async shutdown(): Promise<void> {
    this.destroy();
    for (const wire of this.#handshake.keys()) {
      wire.abort(shuttingDown());
    }
    await Promise.all([...this.#wires].map((wire) => wire.close()));
    await this.finished;
  }

  /** Shuts down, as `await using` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  /** A connection came. What is returned delays the next. */
  #connected(conn: Deno.Conn): void | Promise<void> {
    const mayWait = this.#newcomers.size >= this.#limits.wiresBeforeHello ||
      this.#isOver;
    if (!mayWait) return this.#begin(conn);
    return this.#wait().then(() => this.#begin(conn));
  }

  /** Waits until one more connection may be begun. */
  async #wait(): Promise<void> {
    if (!this.#isOver) await this.#newcomers.room();
    while (this.#isOver && this.#leaving.size >= FAREWELLS) {
      await Promise.race([...this.#leaving].map((wire) => wire.closed));
    }
  }

  /** Whether there are as many wires as there may be. */
  get #isOver(): boolean {
    return this.#wires.size + this.#deciding.size >= this.#limits.wires;
  }

  #begin(conn: Deno.Conn): void {
    if (this.#destroyed) return conn.close();
    const { path } = this.#options;
    if ("setNoDelay" in conn) (conn as Deno.TcpConn).setNoDelay(true);
    const address = peerAddress(conn, path, this.#tls !== undefined);
    const transport = this.#transport(conn, address);
    const wire = this.#makeWire(transport);
    this.#handshake.set(wire, transport);
    if (this.#isOver) this.#turnAwayForRoom(wire);
    else this.#newcomers.add(wire);
    wire.onDeath(() => {
      this.#newcomers.delete(wire);
      this.#deciding.delete(wire);
    });
    wire.closed.then(() => {
      this.#newcomers.delete(wire);
      this.#handshake.delete(wire);
      this.#leaving.delete(wire);
      this.#wires.delete(wire);
      this.#checkFinished();
    });
  }

  #makeWire(transport: Transport): Wire {
    const { functions, credential, requireCredential, sendStacks } =
      this.#options;
    const { dialect, serves, expects } = this.#options;
    const { serveThrough, callThrough, introspection, telemetry } =
      this.#options;
    return new Wire(transport, {
      limits: this.#limits,
      functions,
      serves,
      expects,
      sendStacks,
      dialect,
      serveThrough,
      callThrough,
      introspection,
      telemetry,
      onError: this.#options.onError,
      credential,
      ...(requireCredential === undefined ? {} : { requireCredential }),
      confirm: (wire) => this.#confirm(wire),
      // A secret that every stranger is shown is none.
    }, credential !== undefined);
  }

  #transport(conn: Deno.Conn, address: WireAddress): Transport {
    if (this.#tls === undefined) return socketTransport(conn, address);
    const transport = this.#tls.transport(conn, address);
    transport.secured.catch((error) => {
      // Whoever closed it knows.
      if (error instanceof Deno.errors.BadResource) return;
      this.#acceptor.note(
        `TLS ${errorMessage(error)}`,
        (count) => tlsTrouble(count, error),
      );
    });
    return transport;
  }

  /** There is no room for a connection: its peer is told so. */
  #turnAway(wire: Wire, why: string, told: string): void {
    this.#turnedAway++;
    this.#handshake.delete(wire);
    this.#leaving.add(wire);
    wire.abort(new WireError("busy", why));
    this.#acceptor.note(told, (count) =>
      new WireError(
        "busy",
        `The server turned ${
          count === 1 ? "a connection" : `${count} connections`
        } away. ${told}.`,
      ));
  }

  #turnAwayForRoom(wire: Wire): void {
    const { wires } = this.#limits;
    this.#turnAway(
      wire,
      `the server has ${wires} wires (its limit "wires"). Try again later.`,
      "It has as many wires as it may",
    );
  }

  /** Others wait, and this one says nothing. */
  #endSilent(wire: Wire): void {
    const { wiresBeforeHello } = this.#limits;
    const transport = this.#handshake.get(wire);
    // Nothing can be told before TLS stands; and not to everybody at a time.
    const isDeaf = transport instanceof TlsTransport && !transport.isSecure;
    const isCrowded = this.#leaving.size >= FAREWELLS;
    this.#turnAway(
      wire,
      "no hello came in time, and others wait. Try again later.",
      `They said no hello while others waited; it holds ${wiresBeforeHello} such connections (its limit "wiresBeforeHello"), and fewer when it runs out of file descriptors`,
    );
    if (isDeaf || isCrowded) transport?.close();
  }

  #confirm(wire: Wire): boolean | Promise<boolean> {
    this.#newcomers.delete(wire);
    if (this.#destroyed) {
      wire.abort(shuttingDown());
      return false;
    }
    // There was room when it came, and others were faster.
    if (this.#isOver) {
      this.#turnAwayForRoom(wire);
      return false;
    }
    this.#deciding.add(wire);
    const failed = (error: unknown) => {
      this.#report(error, "onConnect");
      return false;
    };
    const answered = (answer: unknown) => {
      try {
        return this.#answered(wire, answer);
      } catch (error) {
        return failed(error);
      }
    };
    try {
      const answer = this.#onConnect === undefined
        ? true
        : this.#onConnect(wire, wire.address);
      return isThenable(answer)
        ? Promise.resolve(answer).then(answered, failed)
        : answered(answer);
    } catch (error) {
      return failed(error);
    }
  }

  #answered(wire: Wire, answer: unknown): boolean {
    const { accept, onDeath } = readAnswer(answer);
    if (!accept) return false;
    if (onDeath !== undefined) wire.onDeath(onDeath);
    // It may have ended in the meantime.
    if (wire.ended === undefined) {
      this.#handshake.delete(wire);
      this.#deciding.delete(wire);
      this.#wires.add(wire);
    }
    return true;
  }

  #shutDownAt(signal: AbortSignal): void {
    const onAbort = () => void this.shutdown();
    if (signal.aborted) queueMicrotask(onAbort);
    else signal.addEventListener("abort", onAbort, { once: true });
    this.finished.then(() => signal.removeEventListener("abort", onAbort));
  }

  #reporter(): Report {
    const { onError } = this.#options;
    const report = reporter(onError);
    if (onError !== undefined) return report;
    // The console does not tell servers apart.
    return (error, where) =>
      report(error, `${where} at ${formatAddress(this.address)}`);
  }

  #checkFinished(): void {
    const wires = this.#wires.size + this.#handshake.size + this.#leaving.size;
    if (this.#destroyed && !this.#accepting && wires === 0) {
      this.#finished.resolve();
    }
  }
}

/** Whether a peer has begun to shake hands, as far as that can be told. */
function hasBegun(transport: Transport | undefined): boolean {
  return transport instanceof TlsTransport && transport.hasBegun;
}

/** Where the options say to listen. */
function targetOf(
  port: number,
  { path, hostname = "127.0.0.1", tls }: RequestServerOptions,
): ListenTarget {
  if (path !== undefined) return { path };
  return { hostname, port: checkPort(port), tls };
}

/**
 * Makes this process accept connections.
 *
 * As in CMUCL: "sets up the current Lisp to accept connections on the given
 * port", and signals an error at once if the port is unavailable. Wires are
 * made as connections come; `onConnect` confirms them.
 *
 * @typeParam Remote The interface that clients serve, for calls of the server.
 * @typeParam Local The interface that the server serves: its `functions`.
 * @param port A port, 0 to 65535; 0 takes a free one, which `port` and `address` tell.
 * @param options Where to listen, what to serve, whom to accept, and limits;
 * or, as in CMUCL, `onConnect` itself. Null is neither, and accepts all.
 * @returns The server.
 * @throws {WireError} `invalidArgument`, `addressInUse`, `addressUnavailable`,
 * `permissionDenied` or `tlsFailed`.
 *
 * @example
 * ```ts
 * import { connectToRemoteServer, createRequestServer } from "@remote/wire";
 *
 * const server = createRequestServer(0, (wire, address) => {
 *   wire.serve({ add: (a: number, b: number) => a + b });
 *   return { accept: true, onDeath: (reason) => void [address, reason.code] };
 * });
 * const wire = await connectToRemoteServer("localhost", server.port);
 * if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * await wire.close();
 * await server.shutdown();
 * ```
 */
export function createRequestServer<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(
  port: number,
  options?: RequestServerOptions<Remote, Local> | OnConnect<Remote> | null,
): RequestServer;
/**
 * Makes this process accept connections, with `onConnect` in its place in
 * CMUCL and options behind it.
 *
 * @typeParam Remote The interface that clients serve, for calls of the server.
 * @typeParam Local The interface that the server serves: its `functions`.
 * @param port A port, 0 to 65535; 0 takes a free one.
 * @param onConnect Called with each new wire and its peer's address; answers
 * whether to accept, and what to call at the connection's death. Null accepts
 * all.
 * @param options Where to listen, what to serve, and limits.
 * @returns The server.
 * @throws {WireError} As in the other form; and `invalidArgument` where
 * `onConnect` is among the options, too.
 */
export function createRequestServer<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(
  port: number,
  onConnect: OnConnect<Remote> | null | undefined,
  options:
    | Omit<RequestServerOptions<Remote, Local>, "onConnect">
    | null
    | undefined,
): RequestServer;
export function createRequestServer(
  port: number,
  first?: RequestServerOptions | OnConnect | null,
  second?: Omit<RequestServerOptions, "onConnect"> | null,
): RequestServer {
  return new RequestServer(port, first, second);
}

/** No refusal: a peer may try again, and find the next server. */
function shuttingDown(): WireError {
  return new WireError("aborted", "The server is shutting down.");
}

/**
 * Ends a server: further connection attempts fail, existing wires stay alive,
 * and so do existing connections of a stream server.
 *
 * @param server What {@linkcode createRequestServer} or `startUpServer()`
 * returned.
 * @returns A promise that resolves when the address is free again. Nobody has
 * to wait for it.
 * @throws {WireError} `invalidArgument` for what is no server.
 *
 * @example
 * ```ts
 * import { createRequestServer, destroyRequestServer } from "@remote/wire";
 *
 * const server = createRequestServer(0);
 * await destroyRequestServer(server);
 * const next = createRequestServer(server.port);
 * await destroyRequestServer(next);
 * ```
 */
export function destroyRequestServer(
  server: { destroy(): void | Promise<void> },
): Promise<void> {
  if (
    typeof (server as Partial<typeof server> | null)?.destroy !== "function"
  ) {
    throw new WireError(
      "invalidArgument",
      `destroyRequestServer() takes what createRequestServer() or startUpServer() returned, not ${
        shown(server)
      }.`,
    );
  }
  return Promise.resolve(server.destroy());
}
