/**
 * A TCP server for those who want streams, not calls.
 *
 * @module
 */

import { formatAddress, type WireAddress } from "../wire/base/address.ts";
import { afterPatience, systemClock } from "../wire/base/clock.ts";
import { errorMessage, WireError } from "../wire/base/errors.ts";
import { isThenable } from "../wire/base/odd_values.ts";
import {
  LineStream,
  type LineStreamOptions,
  resolveLineStreamOptions,
} from "../wire/lines/line_stream.ts";
import type { TlsTransport } from "../wire/transport/node_tls.ts";
import {
  socketTransport,
  type Transport,
} from "../wire/transport/transport.ts";
import { Acceptor } from "./_accept.ts";
import { listenerAddress, peerAddress, type ServerTls } from "./_listen.ts";
import { Newcomers } from "./_newcomers.ts";
import { TlsServer, tlsTrouble } from "./_tls.ts";
import type { ServerProcess } from "./server_process.ts";

/**
 * Called with each connection. The server accepts no further one until it
 * returns. What it returns a promise for goes on by itself, while the server
 * accepts the next, unless the server serves `oneAtATime`; when the promise
 * resolves, the stream is closed. If it returns something else, or nothing, the
 * stream stays open, and is the function's to close. If it throws, or its
 * promise rejects, what it has written leaves, and the stream is broken off.
 *
 * @param stream The connection.
 * @param process The connection's own process, to name it or kill it.
 */
export type StreamFunction = (
  stream: LineStream,
  process: ServerProcess,
) => unknown;

/** What a stream server is made of. */
export interface StreamServerInit {
  /** Listens already. */
  readonly listener: Deno.Listener<Deno.Conn>;
  /** Certificate and key, where it speaks TLS. */
  readonly tls: ServerTls | undefined;
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
  /** Whether the next connection waits for the promise of the last. */
  readonly oneAtATime: boolean;
  /** Told of errors that have no other place to go. */
  readonly onError: (error: unknown, where: string) => void;
}

interface Connection extends ServerProcess {
  readonly stream: LineStream;
}

/** How many TLS handshakes may be under way. */
const HANDSHAKES = 64;
/** The share of their time that they have while others wait. */
const PATIENCE = 1 / 4;

/** A server of streams. `startUpServer()` makes one. */
export class StreamServer implements AsyncDisposable {
  /** Where the server listens; the port is the real one. */
  readonly address: WireAddress;
  /** The port that the server listens on. */
  readonly port: number;
  /** The service, as it was asked for. */
  readonly service: number | string;

  readonly #init: StreamServerInit;
  readonly #process: ServerProcess;
  readonly #connections = new Set<Connection>();
  readonly #tls: TlsServer | undefined;
  readonly #handshakes: Newcomers<TlsTransport>;
  readonly #acceptor: Acceptor;
  readonly #finished = Promise.withResolvers<void>();
  #room = Promise.withResolvers<void>();
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
      since: new Date(),
      kill: () => this.kill(),
    };
    this.#tls = init.tls === undefined ? undefined : new TlsServer(init.tls);
    this.#handshakes = new Newcomers({
      most: HANDSHAKES,
      patience: init.handshake * PATIENCE,
      hasBegun: (transport) => transport.hasBegun,
      end: (transport) => transport.close(),
    });
    this.#acceptor = new Acceptor({
      listener: init.listener,
      ready: init.ready,
      onConnection: (conn) => this.#connected(conn),
      count: () => this.#connections.size + this.#handshakes.size,
      shed: (count, isUrgent) => this.#handshakes.shed(count, isUrgent),
      onError: (error) => this.#report(error, this.#process),
    });
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
      this.#handshakes.close();
      for (const transport of this.#handshakes) transport.close();
      this.#roomMade();
      this.#checkFinished();
    }
    return this.#acceptor.done;
  }

  /** The same as {@linkcode StreamServer.kill}, for `destroyRequestServer()`. */
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

  /** Listening keeps this program alive; so it is at first. */
  ref(): void {
    this.#init.listener.ref();
  }

  /** Listening does not keep this program alive; connections still do. */
  unref(): void {
    this.#init.listener.unref();
  }

  /** What is returned delays the next connection. */
  #connected(conn: Deno.Conn): void | Promise<void> {
    if (this.#killed) return conn.close();
    if ("setNoDelay" in conn) {
      const tcp = conn as Deno.TcpConn;
      tcp.setNoDelay(true);
      tcp.setKeepAlive(true);
    }
    const tls = this.#tls;
    const peer = peerAddress(conn, undefined, tls !== undefined);
    if (tls !== undefined) return this.#shakeHands(tls.transport(conn, peer));
    this.#begin(socketTransport(conn, peer));
    if (!this.#hasRoom) return this.#waitForRoom();
  }

  /** Others go on while a peer and TLS get to know each other. */
  async #shakeHands(transport: TlsTransport): Promise<void> {
    const handshakes = this.#handshakes;
    await handshakes.room();
    if (this.#killed) return transport.close();
    handshakes.add(transport);
    const stopTimer = systemClock.after(
      this.#init.handshake,
      () => transport.close(),
    );
    transport.secured.then(() => true, (error) => this.#noHandshake(error))
      .then(async (isSecure) => {
        stopTimer();
        handshakes.delete(transport);
        await this.#waitForRoom();
        if (isSecure && !this.#killed) this.#begin(transport);
        else transport.close();
      });
    await this.#waitForRoom();
  }

  /** A function gets a connection. */
  #begin(transport: Transport): void {
    const peer = transport.address;
    const stream = new LineStream(transport, this.#init.stream);
    const connection: Connection = {
      kind: "connection",
      name: `${this.#process.name} ${formatAddress(peer)}`,
      peer,
      since: new Date(),
      stream,
      async kill(): Promise<void> {
        stream.abort(killed(connection.name));
        await stream.closed;
      },
    };
    this.#connections.add(connection);
    this.#run(connection).then(() => {
      this.#connections.delete(connection);
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
   * Ends the stream of a function that has failed: what was written leaves,
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

  #roomMade(): void {
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }

  /** Waits until one more connection may be served. */
  async #waitForRoom(): Promise<void> {
    while (!this.#killed && !this.#hasRoom) await this.#room.promise;
  }

  get #hasRoom(): boolean {
    const { maxConnections, oneAtATime } = this.#init;
    return this.#connections.size < maxConnections &&
      !(oneAtATime && this.#running > 0);
  }

  #noHandshake(error: unknown): boolean {
    if (this.#killed) return false;
    const text = errorMessage(error);
    this.#acceptor.note(`TLS ${text}`, (count) => tlsTrouble(count, error));
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
