/**
 * The loop that accepts connections, for servers of all kinds.
 *
 * @module
 */

import { errorMessage, WireError } from "../wire/base/errors.ts";
import { Descriptors, isExhaustion, RESERVE } from "./_descriptors.ts";
import type { AnyListener } from "./_listen.ts";
import { Tally } from "./_tally.ts";

const FIRST_RETRY = 10;
const LAST_RETRY = 1_000;
/** After how many connections, or failures, others get their turn. */
const BURST = 32;

/** What accepts, and who gets the connections. */
export interface AcceptOptions {
  /** What is waited for before the first one is accepted; it never rejects. */
  readonly ready?: Promise<unknown> | undefined;
  /** The listener; closing it ends the loop. */
  readonly listener: AnyListener;
  /**
   * Gets each connection, and owns it. The next one is accepted when it has
   * returned, or its promise has resolved.
   */
  readonly onConnection: (conn: Deno.Conn) => void | Promise<void>;
  /** How many connections the server has. */
  readonly count: () => number;
  /**
   * Ends connections that have been silent for long, at most so many; where it
   * is urgent, those that came just now as well.
   */
  readonly shed: (count: number, isUrgent: boolean) => void;
  /** Told of failures, each kind once a second at most. */
  readonly onError: (error: WireError) => void;
}

/** The accepting loop of one server. */
export class Acceptor {
  /** Resolves when the listener is closed and its address is free again. */
  readonly done: Promise<void>;

  readonly #options: AcceptOptions;
  readonly #descriptors = new Descriptors();
  readonly #tally: Tally;
  #retry = FIRST_RETRY;
  /** As many connections as there may be, since there were too many. */
  #ceiling = Infinity;
  /** Failures of no known kind, one behind the other. */
  #failures = 0;
  #isClosed = false;
  #wake: (() => void) | undefined;

  /** @param options What accepts, and who gets the connections. */
  constructor(options: AcceptOptions) {
    this.#options = options;
    this.#tally = new Tally(options.onError);
    this.done = this.#run();
  }

  /** Counts something that went wrong, and tells of it. */
  note(kind: string, make: (count: number) => WireError): void {
    this.#tally.add(kind, make);
  }

  /** Closes the listener. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.listener.close();
    this.#wake?.();
  }

  async #run(): Promise<void> {
    let burst = 0;
    await this.#options.ready;
    while (!this.#isClosed) {
      if (++burst % BURST === 0) await this.#pause(0);
      if (!await this.#hasRoom()) break;
      let conn: Deno.Conn;
      try {
        conn = await this.#options.listener.accept();
      } catch (error) {
        if (isClosed(error)) break;
        if (isExhaustion(error)) await this.#exhausted(error);
        else this.lost(error);
        if (this.#failures > BURST) await this.#pause(FIRST_RETRY);
        continue;
      }
      this.#retry = FIRST_RETRY;
      this.#failures = 0;
      await this.#pass(conn);
    }
    this.#tally.end();
  }

  /** Hands a connection on. One that makes trouble is closed alone. */
  async #pass(conn: Deno.Conn): Promise<void> {
    try {
      const taken = this.#options.onConnection(conn);
      if (taken !== undefined) await taken;
    } catch (error) {
      closeQuietly(conn);
      this.lost(error);
    }
  }

  /** Waits until there is a descriptor for one more; false once it is closed. */
  async #hasRoom(): Promise<boolean> {
    while (!this.#isClosed) {
      const isFull = this.#options.count() >= this.#ceiling;
      if (!isFull && this.#descriptors.take()) return true;
      if (!isFull) {
        this.#options.shed(RESERVE, false);
        this.#noteExhaustion(undefined);
      }
      await this.#pause(this.#retry);
      this.#retry = Math.min(this.#retry * 2, LAST_RETRY);
      // Somebody else may have given some back.
      if (isFull && this.#retry === LAST_RETRY) this.#ceiling++;
    }
    return false;
  }

  /**
   * There was none left. Where the program may not look how many there are,
   * this is how it shows; so the server is content with fewer connections.
   */
  async #exhausted(error: unknown): Promise<void> {
    const { count, shed } = this.#options;
    this.#descriptors.forget();
    this.#noteExhaustion(error);
    shed(RESERVE, true);
    this.#ceiling = Math.max(1, count());
    await this.#pause(this.#retry);
    this.#retry = Math.min(this.#retry * 2, LAST_RETRY);
  }

  #noteExhaustion(cause: unknown): void {
    const why = cause === undefined
      ? `fewer than ${RESERVE} file descriptors are free`
      : errorMessage(cause);
    this.note("exhausted", () =>
      new WireError(
        "limit",
        `No connection is accepted for now, and newcomers wait: ${why}. The server has ${this.#options.count()} connections. Raise the limit of open files (ulimit -n), or lower the limits of the server.`,
      ));
  }

  /** Counts a connection that came to nothing, and tells why. */
  lost(error: unknown): void {
    const text = errorMessage(error);
    if (isGone(error)) {
      return this.note("gone", (count) =>
        new WireError(
          "connectionLost",
          `${counted(count)} closed by the peer before it was accepted.`,
        ));
    }
    this.#failures++;
    this.note(text, (count) =>
      new WireError(
        "aborted",
        `${counted(count)} lost while it was accepted: ${text}`,
      ));
  }

  /** Lets time pass, or less when the listener is closed. */
  async #pause(delay: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, delay);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
  }
}

function counted(count: number): string {
  return count === 1 ? "A connection was" : `${count} connections were each`;
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.BrokenPipe ||
    (error as { code?: unknown } | null)?.code === "EINVAL";
}

function isClosed(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted;
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It is closed.
  }
}
