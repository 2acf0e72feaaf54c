/**
 * The loop that accepts connections, for servers of all kinds: as long as there
 * are descriptors, and what goes wrong is told by the dozen.
 *
 * @module
 */

import { errorMessage, WireError } from "../wire/base/errors.ts";
import {
  type Host,
  type HostConn,
  type HostListener,
  isExhaustion,
  troubleOf,
  unrefTimer,
} from "../host/host.ts";

const FIRST_RETRY = 10;
const LAST_RETRY = 1_000;
/**
 * After how many failures others get their turn; and what a connection counts
 * for, which takes a part of a millisecond that those wait who are served.
 */
const BURST = 32;
const CONNECTION = 8;

/** What accepts, and who gets the connections. */
interface AcceptOptions {
  /** What it runs in. */
  readonly host: Host;
  /** What is waited for before the first one is accepted; it never rejects. */
  readonly ready?: Promise<unknown> | undefined;
  /** The listener; closing it ends the loop. */
  readonly listener: Pick<HostListener, "accept" | "close">;
  /**
   * Gets each connection, and owns it. The next one is accepted when it has
   * returned, or its promise has resolved.
   */
  readonly onConnection: (conn: HostConn) => void | Promise<void>;
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
  readonly #descriptors: Descriptors;
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
    this.#descriptors = new Descriptors(options.host);
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
      if (burst >= BURST) {
        burst = 0;
        await this.#pause(0);
      }
      if (!await this.#hasRoom()) break;
      let conn: HostConn;
      try {
        conn = await this.#options.listener.accept();
      } catch (error) {
        if (isClosed(error)) break;
        if (isExhaustion(error)) await this.#exhausted(error);
        else this.lost(error);
        burst++;
        if (this.#failures > BURST) await this.#pause(FIRST_RETRY);
        continue;
      }
      this.#retry = FIRST_RETRY;
      this.#failures = 0;
      burst += CONNECTION;
      await this.#pass(conn);
    }
    this.#tally.end();
  }

  /** Hands a connection on. One that makes trouble is closed alone. */
  async #pass(conn: HostConn): Promise<void> {
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

const GONE = [
  "NotConnected",
  "ConnectionReset",
  "ConnectionAborted",
  "BrokenPipe",
];

function isGone(error: unknown): boolean {
  return GONE.includes(troubleOf(error)) ||
    (error as { code?: unknown } | null)?.code === "EINVAL";
}

function isClosed(error: unknown): boolean {
  return ["BadResource", "Interrupted"].includes(troubleOf(error));
}

function closeQuietly(conn: HostConn): void {
  try {
    conn.close();
  } catch {
    // It is closed.
  }
}

// How many more files and sockets this process can open.

/** How many must be free, for whatever a program opens for a connection. */
const RESERVE = 16;
/** After how many connections it is measured again. */
const EVERY = 8;

/**
 * The descriptors that are free. A process that has none left fails in places
 * where nobody expects it, and Deno itself may end; so a server keeps some.
 */
export class Descriptors {
  /** How many connections may come before the next look; the first ones do. */
  #known = EVERY;
  readonly #host: Pick<Host, "canOpen">;

  /** @param host Tells how many there are. */
  constructor(host: Pick<Host, "canOpen">) {
    this.#host = host;
  }

  /**
   * Takes one, for a connection.
   *
   * @returns False where too few are free; true where that cannot be told.
   */
  take(): boolean {
    if (this.#known > 0) {
      this.#known--;
      return true;
    }
    const host = this.#host;
    if (!host.canOpen(RESERVE + EVERY)) return host.canOpen(RESERVE + 1);
    this.#known = EVERY - 1;
    return true;
  }

  /** Looks again at the next {@linkcode Descriptors.take}. */
  forget(): void {
    this.#known = 0;
  }
}

// Troubles that may come by the hundred, told by the dozen.

/** How often one kind of trouble is told of, in milliseconds. */
const PERIOD = 1_000;

/** What came of one kind since it was told last. */
interface Count {
  timer: ReturnType<typeof setTimeout>;
  count: number;
  make: (count: number) => WireError;
}

/** Counts troubles by kind, and tells of each kind once a second at most. */
export class Tally {
  readonly #counts = new Map<string, Count>();
  readonly #report: (error: WireError) => void;
  #isOver = false;

  /** @param report Told; it must not throw. */
  constructor(report: (error: WireError) => void) {
    this.#report = report;
  }

  /**
   * Something happened. The first of a kind is told at once.
   *
   * @param kind Of which kind it was.
   * @param make Makes the error of so many of them.
   */
  add(kind: string, make: (count: number) => WireError): void {
    if (this.#isOver) return;
    const known = this.#counts.get(kind);
    if (known !== undefined) {
      known.count++;
      known.make = make;
      return;
    }
    this.#counts.set(kind, { timer: this.#after(kind), count: 0, make });
    this.#report(make(1));
  }

  /** Tells what was not told yet. What comes later is of no interest. */
  end(): void {
    this.#isOver = true;
    for (const [kind, { timer, count, make }] of this.#counts) {
      clearTimeout(timer);
      this.#counts.delete(kind);
      if (count > 0) this.#report(make(count));
    }
  }

  /** Such a timer keeps no process alive. */
  #after(kind: string): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => this.#tell(kind), PERIOD);
    unrefTimer(timer);
    return timer;
  }

  #tell(kind: string): void {
    const { count, make } = this.#counts.get(kind)!;
    this.#counts.delete(kind);
    if (count === 0) return;
    this.#counts.set(kind, { timer: this.#after(kind), count: 0, make });
    this.#report(make(count));
  }
}
