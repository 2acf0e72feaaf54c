/**
 * A TCP server for those who want streams, not calls.
 *
 * @module
 */

import {
  formatAddress,
  LineStream,
  type LineStreamOptions,
  socketTransport,
  type WireAddress,
  WireError,
} from "../wire/mod.ts";
import { isThenable } from "../wire/_thenable.ts";
import { acceptAll } from "./_accept.ts";
import { listenerAddress, peerAddress } from "./_listen.ts";
import type { ServerProcess } from "./server_process.ts";

/**
 * Called with each connection. The server accepts no further one until it
 * returns. What it returns a promise for goes on by itself, while the server
 * accepts the next; when the promise settles, the stream is closed. If it
 * returns something else, the stream stays open, and is the function's to
 * close.
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
  /** Whether it speaks TLS. */
  readonly isTls: boolean;
  /** The service, as it was asked for. */
  readonly service: number | string;
  /** The name of the server's own process. */
  readonly processName: string;
  /** Called with each connection. */
  readonly function: StreamFunction;
  /** The bounds of the streams. */
  readonly stream: LineStreamOptions;
  /** How many connections there may be at a time. */
  readonly maxConnections: number;
  /** Told of errors that have no other place to go. */
  readonly onError: (error: unknown, where: string) => void;
}

interface Connection extends ServerProcess {
  readonly stream: LineStream;
}

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
  readonly #finished = Promise.withResolvers<void>();
  #room = Promise.withResolvers<void>();
  #killed = false;
  #accepting = true;

  /**
   * Use `startUpServer()`.
   *
   * @param init What the server is made of.
   */
  constructor(init: StreamServerInit) {
    this.#init = init;
    this.address = listenerAddress(init.listener, init.isTls);
    this.port = "port" in this.address ? this.address.port : 0;
    this.service = init.service;
    this.#process = {
      kind: "server",
      name: init.processName,
      peer: undefined,
      since: new Date(),
      kill: () => this.kill(),
    };
    acceptAll(
      init.listener,
      (conn) => this.#connected(conn),
      (error) => this.#report(error, this.#process),
    ).then(() => {
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
   * Kills the server, at once: its port is free again at the next turn of the
   * event loop. Its connections are processes of their own and stay alive;
   * {@linkcode StreamServer.shutdown} ends them too.
   */
  kill(): void {
    if (this.#killed) return;
    this.#killed = true;
    this.#init.listener.close();
    this.#room.resolve();
    this.#checkFinished();
  }

  /** The same as {@linkcode StreamServer.kill}, for `destroyRequestServer()`. */
  destroy(): void {
    this.kill();
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
    const peer = peerAddress(conn, undefined, this.#init.isTls);
    const stream = new LineStream(
      socketTransport(conn, peer),
      this.#init.stream,
    );
    const connection: Connection = {
      kind: "connection",
      name: `${this.#process.name} ${formatAddress(peer)}`,
      peer,
      since: new Date(),
      stream,
      kill: () => stream.abort(killed(connection.name)),
    };
    this.#connections.add(connection);
    this.#run(connection).then(() => {
      this.#connections.delete(connection);
      this.#room.resolve();
      this.#checkFinished();
    });
    return this.#waitForRoom();
  }

  async #run(connection: Connection): Promise<void> {
    const { stream } = connection;
    try {
      const result = this.#init.function(stream, connection);
      if (isThenable(result)) {
        await result;
        await stream.close();
      }
    } catch (error) {
      this.#report(error, connection);
      stream.abort();
    }
    await stream.closed;
  }

  async #waitForRoom(): Promise<void> {
    while (
      !this.#killed && this.#connections.size >= this.#init.maxConnections
    ) {
      this.#room = Promise.withResolvers();
      await this.#room.promise;
    }
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
