/**
 * TCP servers of streams, after LispWorks' `start-up-server`, and the message
 * that one gives when it has started.
 *
 * @module
 */

import { denoHost } from "../host/deno_host.ts";
import {
  type Host,
  type HostConn,
  type HostListener,
  printToStderr,
} from "../host/host.ts";
import {
  checkDemanded,
  checkFlags,
  checkGate,
  checkHooks,
  checkOptionKeys,
  checkSignal,
} from "../wire/base/checks.ts";
import { afterPatience, checkTime, systemClock } from "../wire/base/clock.ts";
import {
  errorMessage,
  isThenable,
  kindOf,
  shown,
  WireError,
} from "../wire/base/errors.ts";
import { reporter } from "../wire/base/report.ts";
import {
  LineStream,
  type LineStreamOptions,
  localServicePort,
  resolveLineStreamOptions,
} from "../wire/lines/line_stream.ts";
import type { TlsTransport } from "../wire/transport/node_tls.ts";
import {
  formatAddress,
  socketTransport,
  type Transport,
  type WireAddress,
} from "../wire/transport/transport.ts";
import {
  AddressLists,
  type AddressOptions,
  Arrival,
  auditor,
  networkOf,
  type OnAudit,
  Seats,
  WatchedTransport,
} from "./_admission.ts";
import {
  Acceptor,
  checkTarget,
  listen,
  listenerAddress,
  peerAddress,
  replaceCertificate,
  type ServerTls,
  TlsLoader,
} from "./_listen.ts";
import { Newcomers } from "./_newcomers.ts";
import type { Listener, ListenerInit } from "./listener/listener.ts";
import {
  checkSafety,
  type ListenerOptions,
  resolveListenerLimits,
  sessionCommand,
} from "./listener/options.ts";
import type { ServerProcess } from "./server_process.ts";

/**
 * Called with each connection. The server accepts no further one until it
 * returns. What it returns a promise for goes on by itself, while the server
 * accepts the next, unless the server serves `oneAtATime`; when the promise
 * resolves, the stream is closed. If it returns something else, or nothing, the
 * stream stays open, and is the function's to close. If it throws, or its
 * promise rejects, what it has written is sent, and the stream is broken off.
 *
 * @param stream The connection.
 * @param process The connection's own process, to name it or kill it.
 *
 * @example
 * ```ts
 * import {
 *   openTcpStream,
 *   startUpServer,
 *   type StreamFunction,
 * } from "@remote/wire";
 *
 * const greet: StreamFunction = async (stream, process) => {
 *   await stream.writeLine(`${process.kind}: hello.`);
 * };
 * await using server = startUpServer({ service: 0, function: greet });
 * await using stream = await openTcpStream("127.0.0.1", server.port);
 * if (await stream.readLine() !== "connection: hello.") throw new Error();
 * if (await stream.readLine() !== null) throw new Error();
 * ```
 */
export type StreamFunction = (
  stream: LineStream,
  process: ServerProcess,
) => unknown;

/** What a stream server is made of. */
export interface StreamServerInit {
  /** What it runs in. */
  readonly host: Host;
  /** Listens already. */
  readonly listener: HostListener;
  /** Certificate and key, where it speaks TLS. */
  readonly tls: ServerTls | undefined;
  /** Why an address may not connect; undefined where it may. */
  readonly refusal: (address: WireAddress) => WireError | undefined;
  /** Told of each connection that is refused. */
  readonly onRefused: (reason: WireError, address: WireAddress) => void;
  /** How long a TLS handshake may take, in milliseconds. */
  readonly handshake: number;
  /** The service, as it was asked for. */
  readonly service: number | string;
  /** The name of the server's own process. */
  readonly processName: string;
  /** Called with each connection. */
  readonly function: StreamFunction;
  /** What is waited for before the first connection; it never rejects. */
  readonly ready?: Promise<unknown> | undefined;
  /** The bounds of the streams. */
  readonly stream: LineStreamOptions;
  /** How many connections there may be at a time. */
  readonly maxConnections: number;
  /** How many of them may be of one address. */
  readonly connectionsPerAddress: number;
  /** How long one has done nothing when it has to go, in milliseconds. */
  readonly yieldAfter: number;
  /** Whether the next connection waits for the promise of the last. */
  readonly oneAtATime: boolean;
  /** Gets what tells of troubles that may come by the hundred. */
  readonly onStart?:
    | ((
      note: (kind: string, make: (count: number) => WireError) => void,
    ) => void)
    | undefined;
  /** Told of errors that have no other place to go. */
  readonly onError: (error: unknown, where: string) => void;
}

interface Connection extends ServerProcess {
  readonly stream: LineStream;
  readonly transport: WatchedTransport;
}

/** How many TLS handshakes may be under way, and how many of one network. */
const HANDSHAKES = 128;
const HANDSHAKES_OF_NETWORK = 64;
/** Between two looks whether there is a seat for who has shaken hands. */
const READY_LOOK = 250;
/** The share of their time that they have while others wait. */
const PATIENCE = 1 / 4;

/**
 * A server of streams. `startUpServer()` makes one.
 *
 * @example
 * ```ts
 * import { openTcpStream, startUpServer, type StreamServer } from "@remote/wire";
 *
 * await using server: StreamServer = startUpServer({
 *   service: 0,
 *   function: (stream) => stream.writeLine(`This is port ${server.port}.`),
 * });
 * await using stream = await openTcpStream("127.0.0.1", server.port);
 * if (await stream.readLine() !== `This is port ${server.port}.`) {
 *   throw new Error();
 * }
 * ```
 */
export class StreamServer implements AsyncDisposable {
  // Over 15 fields: each of its parts is one, and each place of connections.
  /** Where the server listens; the port is the real one. */
  readonly address: WireAddress;
  /** The port that the server listens on. */
  readonly port: number;
  /** The service, as it was asked for. */
  readonly service: number | string;

  readonly #init: StreamServerInit;
  readonly #process: ServerProcess;
  readonly #connections = new Set<Connection>();
  /** Their places. */
  readonly #seats: Seats<Connection>;
  readonly #tls: TlsLoader | undefined;
  /** TLS handshakes, and connections that wait for a seat. */
  readonly #newcomers: Newcomers<TlsTransport>;
  /** Those that others were faster than, while they shook hands. */
  readonly #ready = new Set<Transport>();
  /** Handshakes that had to go for others; that was told. */
  readonly #displaced = new WeakSet<TlsTransport>();
  #readyTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #acceptor: Acceptor;
  readonly #finished = Promise.withResolvers<void>();
  #turn = Promise.withResolvers<void>();
  /** How many functions have not returned, or their promises not settled. */
  #running = 0;
  #killed = false;
  #accepting = true;

  /**
   * Use `startUpServer()`.
   *
   * @param init What the server is made of.
   */
  constructor(init: StreamServerInit) {
    this.#init = init;
    this.address = listenerAddress(init.listener, init.tls !== undefined);
    this.port = "port" in this.address ? this.address.port : 0;
    this.service = init.service;
    this.#process = {
      kind: "server",
      name: init.processName,
      peer: undefined,
      certificate: undefined,
      since: new Date(),
      kill: () => this.kill(),
    };
    this.#tls = init.tls === undefined
      ? undefined
      : new TlsLoader(init.host, init.tls);
    this.#newcomers = this.#makeNewcomers();
    this.#seats = new Seats({
      most: init.maxConnections,
      perNetwork: init.connectionsPerAddress,
      yieldAfter: init.yieldAfter,
      activity: ({ transport }) => transport.activity,
      end: (connection, idle) => this.#endIdle(connection, idle),
    });
    this.#acceptor = new Acceptor({
      host: init.host,
      listener: init.listener,
      ready: Promise.all([init.ready, this.#tls?.ready]),
      onConnection: (conn) => this.#connected(conn),
      count: () =>
        this.#connections.size + this.#newcomers.size +
        this.#newcomers.waiting + this.#ready.size,
      shed: (count, isUrgent) => this.#shed(count, isUrgent),
      onError: (error) => this.#report(error, this.#process),
    });
    init.onStart?.((...told) => this.#acceptor.note(...told));
    this.#acceptor.done.then(() => {
      this.#accepting = false;
      this.#checkFinished();
    });
  }

  /** The name of the server's own process. */
  get processName(): string {
    return this.#process.name;
  }

  /**
   * The processes at this moment: the server, unless it was killed, and its
   * connections, the oldest first.
   */
  get processes(): ServerProcess[] {
    const server = this.#killed ? [] : [this.#process];
    return [...server, ...this.#connections];
  }

  /** Resolves when the server was killed and its last connection is over. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /**
   * Kills the server, at once. Its connections are processes of their own and
   * stay alive; {@linkcode StreamServer.shutdown} ends them too.
   *
   * @returns A promise that resolves when the port is free again. Nobody has to
   * wait for it; it never rejects.
   */
  kill(): Promise<void> {
    if (!this.#killed) {
      this.#killed = true;
      this.#acceptor.close();
      this.#newcomers.close();
      const all = [...this.#newcomers, ...this.#ready];
      for (const transport of all) transport.close();
      this.#ready.clear();
      clearTimeout(this.#readyTimer);
      this.#roomMade();
      this.#checkFinished();
    }
    return this.#acceptor.done;
  }

  /**
   * The same as {@linkcode StreamServer.kill}, for `destroyRequestServer()`.
   */
  destroy(): Promise<void> {
    return this.kill();
  }

  /**
   * Kills the server and every connection.
   *
   * @returns A promise that resolves when all functions have come to an end.
   */
  async shutdown(): Promise<void> {
    this.kill();
    for (const connection of this.#connections) connection.kill();
    await this.finished;
  }

  /** Shuts down, as `await using` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  /**
   * Replaces the certificate: connections that come from now on get the new
   * one. Those that are open live on.
   *
   * @param tls The new certificate and key, PEM. The authorities of clients
   * stay, unless there are new ones, too.
   * @throws {WireError} `invalidArgument` or `tlsFailed` for what is no
   * certificate with its key, and where the server does not speak TLS. The
   * server keeps the one that it has then.
   */
  replaceCertificate(tls: ServerTls): void {
    replaceCertificate(this.#tls, tls, `Process "${this.processName}"`);
  }

  /** Listening keeps this program alive; so it is at first. */
  ref(): void {
    this.#init.listener.ref();
  }

  /** Listening does not keep this program alive; connections still do. */
  unref(): void {
    this.#init.listener.unref();
  }

  #makeNewcomers(): Newcomers<TlsTransport> {
    const { handshake, tls } = this.#init;
    return new Newcomers({
      most: HANDSHAKES,
      perNetwork: HANDSHAKES_OF_NETWORK,
      patience: handshake * PATIENCE,
      longestWait: tls === undefined ? Infinity : handshake,
      // Who is to speak first, nobody knows but the function.
      readsAhead: tls !== undefined,
      mayBegin: (network) => this.#mayBegin(network),
      begin: (arrival) => this.#arrived(arrival),
      hasSpoken: (transport) => transport.hasBegun,
      end: (transport) => {
        this.#displaced.add(transport);
        transport.close();
        this.#noteTurnedAway(transport.address);
      },
      turnAway: (arrival) => {
        arrival.close();
        this.#noteTurnedAway(arrival.address);
      },
    });
  }

  /** What is returned delays the next connection. */
  #connected(conn: HostConn): void | Promise<void> {
    if (this.#killed) return conn.close();
    conn.setNoDelay?.(true);
    conn.setKeepAlive?.(true);
    const peer = peerAddress(conn, undefined, this.#tls !== undefined);
    const refusal = this.#init.refusal(peer);
    if (refusal !== undefined) {
      conn.close();
      return this.#init.onRefused(refusal, peer);
    }
    this.#newcomers.enter(new Arrival(conn, peer, networkOf(peer)));
    if (!this.#isTurn) return this.#waitForTurn();
  }

  /** Makes room in the process. */
  #shed(count: number, isUrgent: boolean): void {
    // Without TLS, who waits does so because the seats are taken.
    const mayShed = isUrgent || this.#tls !== undefined;
    const ended = mayShed ? this.#newcomers.shed(count, isUrgent) : 0;
    this.#seats.shed(count - ended);
  }

  /** Whether one more connection of a network may be served, or shake hands. */
  #mayBegin(network: string): boolean {
    if (this.#killed || !this.#isTurn) return false;
    if (this.#tls === undefined) return this.#seats.makeRoom(network);
    let ready = 0;
    for (const { address } of this.#ready) {
      if (networkOf(address) === network) ready++;
    }
    return this.#ready.size < HANDSHAKES && ready < HANDSHAKES_OF_NETWORK;
  }

  /** A connection's turn has come: it is served, or shakes hands first. */
  #arrived(arrival: Arrival): TlsTransport | undefined {
    const { address, socket } = arrival;
    if (this.#tls === undefined) {
      this.#begin(socketTransport(socket, address));
      return undefined;
    }
    let transport: TlsTransport;
    try {
      transport = this.#tls.server.transport(socket, address);
    } catch (error) {
      arrival.close();
      this.#acceptor.lost(error);
      return undefined;
    }
    const stopTimer = systemClock.after(
      this.#init.handshake,
      () => transport.close(),
    );
    transport.secured.then(
      () => true,
      (error) => this.#noHandshake(error, transport),
    )
      .then((isSecure) => {
        stopTimer();
        if (isSecure && !this.#killed) this.#ready.add(transport);
        else transport.close();
        this.#newcomers.left(transport);
        this.#serveReady();
      });
    return transport;
  }

  /** Serves those that have shaken hands, as far as there are seats. */
  #serveReady(): void {
    clearTimeout(this.#readyTimer);
    for (const transport of this.#ready) {
      const network = networkOf(transport.address);
      if (!this.#isTurn || !this.#seats.makeRoom(network)) continue;
      this.#ready.delete(transport);
      this.#begin(transport);
    }
    // Somebody may have done nothing for long enough by then.
    if (this.#ready.size > 0) {
      this.#readyTimer = setTimeout(() => this.#serveReady(), READY_LOOK);
    }
  }

  /** A function gets a connection. */
  #begin(connected: Transport): void {
    const peer = connected.address;
    const transport = new WatchedTransport(connected);
    const stream = new LineStream(transport, this.#init.stream);
    const connection: Connection = {
      kind: "connection",
      name: `${this.#process.name} ${formatAddress(peer)}`,
      peer,
      certificate: connected.certificate,
      since: new Date(),
      stream,
      transport,
      async kill(): Promise<void> {
        stream.abort(killed(connection.name));
        await stream.closed;
      },
    };
    this.#connections.add(connection);
    this.#seats.take(connection, networkOf(peer));
    this.#run(connection).then(() => {
      this.#connections.delete(connection);
      this.#seats.leave(connection);
      this.#roomMade();
      this.#checkFinished();
    });
  }

  async #run(connection: Connection): Promise<void> {
    const { stream } = connection;
    try {
      this.#running++;
      let result: unknown;
      let isAsync: boolean;
      try {
        result = this.#init.function(stream, connection);
        isAsync = isThenable(result);
        if (isAsync) await result;
      } finally {
        this.#running--;
        this.#roomMade();
      }
      if (isAsync) await stream.close();
    } catch (error) {
      this.#report(error, connection);
      await this.#breakOff(stream);
    }
    await stream.closed;
  }

  /**
   * Ends the stream of a function that has failed: what was written is sent,
   * but nothing says that this was all.
   */
  async #breakOff(stream: LineStream): Promise<void> {
    const { closeTimeout } = resolveLineStreamOptions(this.#init.stream);
    const stopTimer = afterPatience(
      systemClock,
      closeTimeout,
      () => stream.abort(),
    );
    try {
      await stream.forceOutput();
    } catch {
      // There is nobody left to send it to.
    } finally {
      stopTimer();
    }
    stream.abort();
  }

  /** A seat is free, or it is the next one's turn. */
  #roomMade(): void {
    this.#turn.resolve();
    this.#turn = Promise.withResolvers();
    if (this.#killed) return;
    this.#serveReady();
    this.#newcomers.advance();
  }

  /** Accepts no further connection before its turn. */
  async #waitForTurn(): Promise<void> {
    while (!this.#killed && !this.#isTurn) await this.#turn.promise;
  }

  /** Whether no function stands in the way of the next. */
  get #isTurn(): boolean {
    return !(this.#init.oneAtATime && this.#running > 0);
  }

  /** Others wait for a seat, and this one does nothing with its own. */
  #endIdle(connection: Connection, idle: number): void {
    const { maxConnections, connectionsPerAddress, yieldAfter } = this.#init;
    connection.stream.abort(
      new WireError(
        "busy",
        `Nothing came from ${
          formatAddress(connection.stream.address)
        }, or went there, for ${
          Math.round(idle / 1000)
        } s, and others wait for its place.`,
      ),
    );
    this.#acceptor.note("idle", (count) =>
      new WireError(
        "busy",
        `${
          count === 1 ? "A connection" : `${count} connections`
        } had to go for others, after nothing came or went for ${yieldAfter} ms: there are ${maxConnections} ("maxConnections"), ${connectionsPerAddress} of one address ("connectionsPerAddress").`,
      ));
  }

  #noteTurnedAway(address: WireAddress): void {
    const trouble = (count: number) =>
      new WireError(
        "busy",
        `${
          count === 1 ? "A connection" : `${count} connections`
        } had to go before being served: too many waited, or for too long.`,
      );
    this.#acceptor.note("turned away", trouble);
    this.#init.onRefused(trouble(1), address);
  }

  #noHandshake(error: unknown, transport: TlsTransport): boolean {
    if (this.#killed || this.#displaced.has(transport)) return false;
    const text = errorMessage(error);
    const reason = this.#tls!.server.trouble(1, error);
    this.#init.onRefused(reason, transport.address);
    this.#acceptor.note(
      `TLS ${text}`,
      (count) => this.#tls!.server.trouble(count, error),
    );
    return false;
  }

  #report(error: unknown, process: ServerProcess): void {
    // Whoever killed a connection knows why it failed.
    if (error instanceof Killed) return;
    const peer = process.peer === undefined
      ? ""
      : `, peer ${formatAddress(process.peer)}`;
    this.#init.onError(
      error,
      `process "${process.name}" at ${formatAddress(this.address)}${peer}`,
    );
  }

  #checkFinished(): void {
    if (this.#killed && !this.#accepting && this.#connections.size === 0) {
      this.#finished.resolve();
    }
  }
}

/** What the reads of a killed connection fail with. */
class Killed extends WireError {}

function killed(name: string): Killed {
  return new Killed("aborted", `The process "${name}" was killed.`);
}

/**
 * What a stream server is started with. Everything has a default.
 *
 * @example
 * ```ts
 * import {
 *   openTcpStream,
 *   startUpServer,
 *   type StartUpServerOptions,
 * } from "@remote/wire";
 *
 * const options: StartUpServerOptions = {
 *   service: 0,
 *   processName: "upper case",
 *   stream: { maxLineLength: 1_000 },
 *   function: async (stream) => {
 *     for await (const line of stream) stream.writeLine(line.toUpperCase());
 *   },
 * };
 * await using server = startUpServer(options);
 * await using stream = await openTcpStream("127.0.0.1", server.port);
 * stream.writeLine("hello");
 * if (await stream.readLine() !== "HELLO") throw new Error();
 * ```
 */
export interface StartUpServerOptions extends AddressOptions {
  /**
   * Called with each connection. The listener runs where this option is left
   * out; whatever is given and is no function is refused, undefined as well.
   *
   * @default {the listener, which evaluates what its clients send}
   */
  function?: StreamFunction;
  /**
   * Who gets the start-up message: standard output for `true`, a stream of
   * bytes, what has a `write` such as `Deno.stdout`, or a function. Null is
   * nobody, as is `false`.
   *
   * @default {false}
   */
  announce?: Announce | null | undefined;
  /**
   * A port, where 0 takes a free one; or the name of a service that the
   * operating system knows, which takes permission to read its services file.
   *
   * @default {"lispworks"}
   */
  service?: number | string | undefined;
  /**
   * The name of the server's process.
   *
   * @default {the service, and "server"}
   */
  processName?: string | undefined;
  /** The name or address to listen on. @default {"127.0.0.1"} */
  address?: string | undefined;
  /**
   * How many connections the operating system keeps waiting, which has a bound
   * of its own.
   *
   * @default {4096}
   */
  backlog?: number | undefined;
  /**
   * Certificate and key, both PEM: the server speaks TLS then. With `clientCa`,
   * clients have to show a certificate, too, and the process of a connection
   * tells what it says.
   */
  tls?: ServerTls | undefined;
  /**
   * Told of every connection that is refused, with the reason: by `allow` and
   * `deny`, in the TLS handshake, for lack of room, or by the listener for its
   * credential.
   */
  onAudit?: OnAudit | undefined;
  /** The bounds of the streams. */
  stream?: LineStreamOptions | undefined;
  /**
   * How many connections there may be at a time; further ones wait.
   *
   * @default {2000}
   */
  maxConnections?: number | undefined;
  /**
   * How many of them may be of one address, or of one /64 of IPv6.
   *
   * @default {1000, or `maxConnections` where only that is given}
   */
  connectionsPerAddress?: number | undefined;
  /**
   * How long nothing has come or gone over a connection whose function waits
   * for its client, in milliseconds, when it has to end because others wait and
   * there is no place left.
   *
   * @default {30000}
   */
  yieldAfter?: number | undefined;
  /**
   * Whether the server accepts no further connection until the promise that
   * `function` returned has settled; others wait. That is how LispWorks' words
   * read for asynchronous functions.
   *
   * @default {false}
   */
  oneAtATime?: boolean | undefined;
  /**
   * How long a TLS handshake may take, in milliseconds. It may take a quarter
   * of that while others wait: 64 of an address are under way at a time, and
   * 128 in all.
   *
   * @default {10000}
   */
  handshakeTimeout?: number | undefined;
  /** What the listener allows. It is not looked at beside `function`. */
  listener?: ListenerOptions | undefined;
  /** Kills the server and its connections. */
  signal?: AbortSignal | undefined;
  /**
   * Told of errors that have no other place to go, such as those that
   * `function` throws.
   *
   * @default {console.error}
   */
  onError?: ((error: unknown, where: string) => void) | undefined;
}

const LOOPBACK = "127.0.0.1";
const MAX_CONNECTIONS = 2_000;
const CONNECTIONS_PER_ADDRESS = 1_000;
const YIELD_AFTER = 30_000;
const HANDSHAKE_TIMEOUT = 10_000;

/** The names of the options, for finding those that are misspelt. */
const OPTION_KEYS: Readonly<Record<keyof StartUpServerOptions, true>> = {
  function: true,
  announce: true,
  service: true,
  processName: true,
  address: true,
  backlog: true,
  tls: true,
  stream: true,
  maxConnections: true,
  connectionsPerAddress: true,
  yieldAfter: true,
  oneAtATime: true,
  handshakeTimeout: true,
  listener: true,
  signal: true,
  allow: true,
  deny: true,
  onAudit: true,
  onError: true,
};

/**
 * Starts a TCP server.
 *
 * As in LispWorks: "when a connection is made function is called", "the server
 * does not accept more connections until function returns", and "if function
 * is not specified the built-in listener server is used". Read
 * `docs/listener.md` before you use that one.
 *
 * @param options What differs from the default.
 * @returns The server; it listens already.
 * @throws {WireError} `invalidArgument`, `unknownService`, `addressInUse`,
 * `addressUnavailable`, `permissionDenied` or `tlsFailed`, naming address,
 * service and process.
 *
 * @example
 * ```ts
 * import { openTcpStream, startUpServer } from "@remote/wire";
 *
 * const server = startUpServer({
 *   service: 0,
 *   processName: "shouting",
 *   announce: (message) => void message,
 *   function: async (stream) => {
 *     for await (const line of stream) stream.writeLine(line.toUpperCase());
 *   },
 * });
 * const stream = await openTcpStream("127.0.0.1", server.port);
 * stream.writeLine("hello");
 * if (await stream.readLine() !== "HELLO") throw new Error();
 * await stream.close();
 * await server.shutdown();
 * ```
 */
export function startUpServer(
  options?: StartUpServerOptions | null,
): StreamServer {
  return startUpServerOn(denoHost("startUpServer()"), options);
}

/** Starts a TCP server on any host. */
export function startUpServerOn(
  host: Host,
  options?: StartUpServerOptions | null,
): StreamServer {
  printToStderr();
  options ??= {};
  checkOptionKeys(options, OPTION_KEYS, "startUpServer()");
  const { service = "lispworks", address = LOOPBACK, signal } = options;
  const { tls, backlog, processName = nameOf(service) } = options;
  checkProcessName(processName);
  checkSignal(signal);
  const who = `Process "${processName}", service ${shown(service)},`;
  const onError = reporter(options.onError);
  const audit = auditor(options.onAudit, onError);
  const onRefused: StreamServerInit["onRefused"] = (reason, address) =>
    audit({ refused: "connection", reason, address });
  const { served, target, stream, addresses } = inName(who, () => {
    checkOptions(options);
    const served: Served = options.function === undefined
      ? listenerFunction(options, onRefused)
      : { function: options.function };
    const stream = resolveLineStreamOptions(options.stream);
    const port = localServicePort(service);
    return {
      served,
      stream,
      addresses: new AddressLists(options),
      target: checkTarget({ hostname: address, port, tls, backlog }),
    };
  });
  const listener = listen(host, target, who);
  // Whatever goes wrong from here on, the address is free again.
  using unlessMade = new DisposableStack();
  unlessMade.defer(() => listener.close());
  const { hostname = "", port } = listener.addr;
  // A name may lead elsewhere than it promises.
  inName(who, () => checkReach(options, hostname));
  const server = new StreamServer({
    host,
    listener,
    tls,
    refusal: (address) => addresses.refusal(address),
    onRefused,
    handshake: options.handshakeTimeout ?? HANDSHAKE_TIMEOUT,
    oneAtATime: options.oneAtATime ?? false,
    service,
    processName: service === 0 && options.processName === undefined
      ? `${port} server`
      : processName,
    ...served,
    stream,
    maxConnections: options.maxConnections ?? MAX_CONNECTIONS,
    connectionsPerAddress: options.connectionsPerAddress ??
      options.maxConnections ?? CONNECTIONS_PER_ADDRESS,
    yieldAfter: options.yieldAfter ?? YIELD_AFTER,
    onError,
  });
  killWith(server, signal);
  tell(server, options.announce ?? false, onError);
  unlessMade.move();
  return server;
}

/** What serves the connections. */
type Served = Pick<StreamServerInit, "function" | "ready" | "onStart">;

/** What the process of a service is called. */
function nameOf(service: unknown): string {
  const name = typeof service === "string" ? service : shown(service);
  return `${name} server`;
}

function checkProcessName(name: unknown): void {
  if (typeof name === "string") return;
  throw new WireError(
    "invalidArgument",
    `The option "processName" is a text, not ${shown(name)}.`,
  );
}

/** What is wrong with the options shows before there is a server. */
function checkOptions(options: StartUpServerOptions): void {
  const { listener = {} } = options;
  if (
    Object.hasOwn(options, "function") &&
    typeof options.function !== "function"
  ) {
    throw new WireError(
      "invalidArgument",
      `The option "function" is a function, not ${
        kindOf(options.function)
      }. Leave it out only for the listener, which evaluates what its clients send.`,
    );
  }
  checkHooks(options, ["onError", "onAudit"]);
  checkAnnounce(options.announce ?? false);
  checkOptionKeys(listener, LISTENER_KEYS, "listener");
  const gate = "listener.requireCredential";
  checkDemanded(listener.requireCredential, gate);
  checkGate(listener, "requireCredential", gate);
  checkCount(options.maxConnections, "maxConnections");
  checkCount(options.connectionsPerAddress, "connectionsPerAddress");
  checkCount(options.backlog, "backlog");
  for (const name of ["handshakeTimeout", "yieldAfter"] as const) {
    if (options[name] !== undefined) checkTime(options[name], name);
  }
  checkFlags(options, ["oneAtATime"]);
}

const LISTENER_KEYS: Readonly<Record<keyof ListenerOptions, true>> = {
  requireCredential: true,
  permissions: true,
  limits: true,
  deno: true,
};

function checkCount(count: unknown, name: string): void {
  if (count === undefined) return;
  const isCount = Number.isInteger(count) && (count as number) > 0 &&
    (count as number) < 2 ** 31;
  if (isCount) return;
  throw new WireError(
    "invalidArgument",
    `The option "${name}" must be an integer from 1 to ${2 ** 31 - 1}, not ${
      shown(count)
    }.`,
  );
}

/**
 * The listener, for servers that were given no function. What may be wrong
 * with its options shows at once; its code is loaded then, because most programs
 * never need it.
 */
function listenerFunction(
  options: StartUpServerOptions,
  onRefused: ListenerInit["onRefused"],
): Served {
  checkReach(options, options.address ?? LOOPBACK);
  const { requireCredential, limits, ...rest } = options.listener ?? {};
  let note: Acceptor["note"] = () => {};
  const init: ListenerInit = {
    secrets: checkDemanded(requireCredential, "listener.requireCredential"),
    onRefused,
    limits: resolveListenerLimits(limits),
    command: sessionCommand(rest),
    note: (...told) => note(...told),
  };
  let loading: Promise<Listener> | undefined;
  const load = () => {
    loading ??= import("./listener/listener.ts")
      .then(({ Listener }) => new Listener(init));
    // Files that could not be opened now may well be later.
    loading.catch(() => loading = undefined);
    return loading;
  };
  return {
    async function(stream, process) {
      await (await load()).serve(stream, process);
    },
    onStart: (given) => note = given,
    // Before strangers take the descriptors that this needs.
    ready: load().catch(() => {}),
  };
}

/** Refuses an address where the listener would not be safe. */
function checkReach(options: StartUpServerOptions, hostname: string): void {
  if (options.function !== undefined) return;
  checkSafety(options.listener ?? {}, hostname, options.tls !== undefined);
}

/** Adds the process and the service to what an error says. */
function inName<T>(who: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new WireError(error.code, `${who} cannot start: ${error.message}`, {
      cause: error.cause,
    });
  }
}

function killWith(server: StreamServer, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const onAbort = () => void server.shutdown();
  if (signal.aborted) return onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  server.finished.then(() => signal.removeEventListener("abort", onAbort));
}

function tell(
  server: StreamServer,
  to: Announce,
  onError: (error: unknown, where: string) => void,
): void {
  const { processName, address, service } = server;
  const message = `Process "${processName}", service ${
    JSON.stringify(service)
  }: listening on ${formatAddress(address)}`;
  announce(to, message).catch((error) =>
    onError(error, `announcing process "${processName}"`)
  );
}

// The message that a server gives when it has started.

/** What writes bytes, perhaps some of them at a time; `Deno.stdout` does. */
export interface ByteWriterLike {
  /** Writes; tells how many bytes were taken, where it tells anything. */
  write(bytes: Uint8Array): unknown;
}

/**
 * Who gets the start-up message: standard output for `true`, a stream of
 * bytes such as `Deno.stderr.writable`, what has a `write` such as
 * `Deno.stdout`, or a function.
 */
export type Announce =
  | boolean
  | WritableStream<Uint8Array>
  | ByteWriterLike
  | ((message: string) => void);

/**
 * Checks that a message can be given.
 *
 * @param to Who is to get it.
 * @throws {WireError} `invalidArgument` for what takes no message.
 */
function checkAnnounce(to: unknown): void {
  if (typeof to === "boolean" || typeof to === "function") return;
  if (isStream(to) || isWriter(to)) return;
  throw new WireError(
    "invalidArgument",
    `The option "announce" is true, false, a WritableStream of bytes, what has a function "write" such as Deno.stdout, or a function, not ${
      kindOf(to)
    }.`,
  );
}

/**
 * Gives the message.
 *
 * @param to Who gets it; nobody for `false`.
 * @param message One line, without its end.
 * @returns A promise that resolves when it was taken.
 */
async function announce(to: Announce, message: string): Promise<void> {
  if (typeof to === "function") return await to(message);
  if (to === true) return console.log(message);
  if (to === false) return;
  const bytes = new TextEncoder().encode(message + "\n");
  if (!isStream(to)) return await writeAll(to, bytes);
  const writer = to.getWriter();
  try {
    await writer.write(bytes);
  } finally {
    writer.releaseLock();
  }
}

async function writeAll(to: ByteWriterLike, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    const taken = await to.write(bytes.subarray(sent));
    // Not everybody tells: what does not takes all.
    if (typeof taken !== "number") return;
    if (!Number.isInteger(taken) || taken < 1) {
      throw new WireError(
        "invalidArgument",
        `write() must take at least one byte, and told that it took ${taken}.`,
      );
    }
    sent += taken;
  }
}

function isStream(to: unknown): to is WritableStream<Uint8Array> {
  return has(to, "getWriter");
}

function isWriter(to: unknown): to is ByteWriterLike {
  return has(to, "write");
}

/** A value that cannot be looked at has nothing. */
function has(to: unknown, name: string): boolean {
  try {
    return typeof to === "object" && to !== null &&
      typeof (to as Record<string, unknown>)[name] === "function";
  } catch {
    return false;
  }
}
