/**
 * Request servers, after CMUCL's WIRE package: they accept connections and
 * make a wire of each.
 *
 * @module
 */

import {
  type AnyContract,
  type AnyFunctions,
  checkPort,
  type Contract,
  type Dialect,
  formatAddress,
  type Middleware,
  resolveLimits,
  type ServedFunctions,
  socketTransport,
  Wire,
  type WireAddress,
  WireError,
  type WireLimits,
} from "../wire/mod.ts";
import { checkOptionKeys } from "../wire/_option_keys.ts";
import { reporter } from "../wire/_report.ts";
import { checkServing } from "../wire/wire.ts";
import { acceptAll, overload } from "./_accept.ts";
import {
  type AnyListener,
  fileIdentity,
  listen,
  listenerAddress,
  type ListenTarget,
  peerAddress,
  removeStaleSocket,
  type ServerTls,
} from "./_listen.ts";

/**
 * What `onConnect` answers: whether to accept, or that and what to call when
 * the connection ends. Both parts of the object may be left out; a connection
 * is accepted unless `accept` is false.
 */
export type ConnectAnswer = boolean | {
  /** Whether to accept. @default {true} */
  accept?: boolean | undefined;
  /** Called once, with the reason, when the connection has ended. */
  onDeath?: ((reason: WireError) => void) | undefined;
};

/**
 * Called for each connection whose peer said hello.
 *
 * @param wire The new wire. It can serve and call already; the peer's calls
 * arrive when it has been accepted.
 * @param address Where the peer is.
 */
export type OnConnect = (
  wire: Wire,
  address: WireAddress,
) => ConnectAnswer | Promise<ConnectAnswer>;

/** What a request server is made with. Everything has a default. */
export interface RequestServerOptions<Local extends object = AnyFunctions> {
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
  expects?: AnyContract | undefined;
  /** Limits that differ from the default. */
  limits?: Partial<WireLimits> | undefined;
  /** The secret that a client has to show. */
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
  credential: true,
  sendStacks: true,
  dialect: true,
  serveThrough: true,
  callThrough: true,
  introspection: true,
  telemetry: true,
  signal: true,
  onListen: true,
  onError: true,
};

/**
 * A server that makes wires. {@linkcode createRequestServer} makes one.
 */
export class RequestServer implements AsyncDisposable {
  readonly #target: ListenTarget;
  readonly #options: RequestServerOptions;
  readonly #limits: Readonly<WireLimits>;
  readonly #onConnect: OnConnect | undefined;
  readonly #wires = new Set<Wire>();
  readonly #opening = new Set<Wire>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #finished = Promise.withResolvers<void>();
  #listener: AnyListener | undefined;
  #address: WireAddress;
  #isRef = true;
  #destroyed = false;
  #accepting = false;
  #turnedAway = 0;

  /**
   * Use {@linkcode createRequestServer}.
   *
   * @param port The port.
   * @param onConnect Called for each connection.
   * @param options What differs from the default.
   */
  constructor(
    port: number,
    onConnect: OnConnect | undefined,
    options: RequestServerOptions,
  ) {
    if (onConnect !== undefined && typeof onConnect !== "function") {
      throw new WireError(
        "invalidArgument",
        "onConnect, the second argument, is a function or undefined. Options are the third.",
      );
    }
    checkOptionKeys(options, OPTION_KEYS, "createRequestServer()");
    checkServing(options);
    this.#options = options;
    this.#onConnect = onConnect;
    this.#limits = resolveLimits(options.limits);
    const { path, tls, hostname = "127.0.0.1", signal } = options;
    if (path === undefined) {
      this.#target = { hostname, port: checkPort(port), tls };
      this.#address = { transport: tls ? "tls" : "tcp", hostname, port };
    } else {
      this.#target = { path };
      this.#address = { transport: "unix", path };
    }
    this.#ready.promise.catch(() => {});
    this.#finished.promise.catch(() => {});
    const isTaken = path !== undefined && fileIdentity(path) !== undefined;
    if (isTaken) this.#replaceStale(path);
    else this.#listen();
    if (signal !== undefined) {
      const onAbort = () => void this.shutdown();
      if (signal.aborted) queueMicrotask(onAbort);
      else signal.addEventListener("abort", onAbort, { once: true });
      const forget = () => signal.removeEventListener("abort", onAbort);
      this.#finished.promise.then(forget, forget);
    }
  }

  /** Where the server listens; the port is the real one. */
  get addr(): WireAddress {
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

  /**
   * Resolves when the server listens. That is at once, except on a Unix socket
   * whose file exists: then it rejects with `addressInUse` when somebody
   * answers on it.
   */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Resolves when the server no longer listens and its last wire has ended. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** How many connections were turned away over a limit. */
  get turnedAway(): number {
    return this.#turnedAway;
  }

  /** Listening keeps the process alive; so it is at first. */
  ref(): void {
    this.#isRef = true;
    this.#listener?.ref();
  }

  /** Listening does not keep the process alive; open wires still do. */
  unref(): void {
    this.#isRef = false;
    this.#listener?.unref();
  }

  /**
   * Ends listening, at once: further connection attempts fail, existing wires
   * stay alive. {@linkcode destroyRequestServer} is the seed's name for it.
   */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#listener?.close();
    this.#checkFinished();
  }

  /**
   * Ends gracefully: no further connection is accepted, and every wire is
   * closed, which lets calls under way finish.
   *
   * @returns A promise that resolves when all is done.
   */
  async shutdown(): Promise<void> {
    this.destroy();
    for (const wire of this.#opening) {
      wire.abort(shuttingDown());
    }
    await Promise.all([...this.#wires].map((wire) => wire.close()));
    await this.finished;
  }

  /** Shuts down, as `await using` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #listen(): void {
    const listener = listen(this.#target, "The request server");
    this.#listener = listener;
    if (!this.#isRef) listener.unref();
    const { tls, onListen } = this.#options;
    this.#address = listenerAddress(listener, tls !== undefined);
    this.#accepting = true;
    acceptAll(
      listener,
      (conn) => this.#connected(conn),
      (error) => this.#report(error, "accepting a connection"),
    ).then(() => {
      this.#accepting = false;
      this.#checkFinished();
    });
    this.#ready.resolve();
    onListen?.(this.#address);
  }

  async #replaceStale(path: string): Promise<void> {
    this.#accepting = true;
    const isFree = await removeStaleSocket(path);
    this.#accepting = false;
    try {
      if (this.#destroyed) {
        throw new WireError("aborted", "The server was destroyed.");
      }
      if (!isFree) {
        throw new WireError(
          "addressInUse",
          `The request server cannot listen on ${path}: a server answers there, or it is no socket. Choose another path, or end that server.`,
        );
      }
      this.#listen();
    } catch (error) {
      this.#ready.reject(error);
      if (!this.#destroyed) this.#report(error, "listening");
      this.#destroyed = true;
      this.#checkFinished();
    }
  }

  #connected(conn: Deno.Conn): void {
    const refusal = overload(
      this.#limits,
      this.#wires.size,
      this.#opening.size,
    );
    if (refusal !== undefined) {
      this.#turnedAway++;
      conn.close();
      return;
    }
    const { path, tls, functions, credential, sendStacks, onError } =
      this.#options;
    const { dialect, serves, expects } = this.#options;
    const { serveThrough, callThrough, introspection, telemetry } =
      this.#options;
    if ("setNoDelay" in conn) (conn as Deno.TcpConn).setNoDelay(true);
    const address = peerAddress(conn, path, tls !== undefined);
    const wire = new Wire(socketTransport(conn, address), {
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
      onError,
      requireCredential: credential,
      confirm: (wire) => this.#confirm(wire),
    });
    this.#opening.add(wire);
    wire.closed.then(() => {
      this.#opening.delete(wire);
      this.#wires.delete(wire);
      this.#checkFinished();
    });
  }

  #confirm(wire: Wire): boolean | Promise<boolean> {
    if (this.#destroyed) {
      wire.abort(shuttingDown());
      return false;
    }
    const refuse = (error: unknown) => {
      this.#report(error, "onConnect");
      return false;
    };
    try {
      const answer = this.#onConnect === undefined
        ? true
        : this.#onConnect(wire, wire.address);
      return answer instanceof Promise
        ? answer.then((answer) => this.#answered(wire, answer)).catch(refuse)
        : this.#answered(wire, answer);
    } catch (error) {
      return refuse(error);
    }
  }

  #answered(wire: Wire, answer: ConnectAnswer): boolean {
    const parts = typeof answer === "boolean" ? { accept: answer } : answer;
    if (typeof parts !== "object" || parts === null) {
      throw new WireError(
        "invalidArgument",
        `onConnect must answer true, false or { accept, onDeath }, and it answered ${parts}.`,
      );
    }
    const { accept = true, onDeath }: Exclude<ConnectAnswer, boolean> = parts;
    if (onDeath !== undefined) wire.onDeath(onDeath);
    if (accept && wire.ended === undefined) {
      this.#opening.delete(wire);
      this.#wires.add(wire);
    }
    return accept;
  }

  #report(error: unknown, where: string): void {
    const { onError } = this.#options;
    const place = onError === undefined
      ? `${where} at ${formatAddress(this.addr)}`
      : where;
    reporter(onError)(error, place);
  }

  #checkFinished(): void {
    const wires = this.#wires.size + this.#opening.size;
    if (this.#destroyed && !this.#accepting && wires === 0) {
      this.#finished.resolve();
    }
  }
}

/**
 * Makes this process accept connections.
 *
 * As in CMUCL: "sets up the current Lisp to accept connections on the given
 * port", and signals an error at once if the port is unavailable. Wires are
 * made as connections come; `onConnect` confirms them.
 *
 * @typeParam Local The interface of `options.functions`.
 * @param port A port, 0 to 65535; 0 takes a free one, which `addr` tells.
 * @param onConnect Called with each new wire and its peer's address; answers
 * whether to accept, and what to call at the connection's death. Without it,
 * all connections are accepted.
 * @param options Where to listen, what to serve, and limits.
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
export function createRequestServer<Local extends object = AnyFunctions>(
  port: number,
  onConnect?: OnConnect,
  options: RequestServerOptions<Local> = {},
): RequestServer {
  return new RequestServer(
    port,
    onConnect,
    options as unknown as RequestServerOptions,
  );
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
 *
 * @example
 * ```ts
 * import { createRequestServer, destroyRequestServer } from "@remote/wire";
 *
 * const server = createRequestServer(0);
 * destroyRequestServer(server);
 * await server.finished;
 * ```
 */
export function destroyRequestServer(server: { destroy(): void }): void {
  server.destroy();
}
