/**
 * Listening sockets for servers of all kinds, their socket files and their TLS,
 * and their errors.
 *
 * @module
 */

import {
  closedError,
  type Host,
  type HostAddress,
  type HostConn,
  type HostFile,
  type HostListener,
  isExhaustion,
  troubleOf,
  unrefTimer,
} from "../host/host.ts";
import { checkFlags, checkGate, checkOptionKeys } from "../wire/base/checks.ts";
import { systemClock, TokenBucket } from "../wire/base/clock.ts";
import { errorMessage, kindOf, shown, WireError } from "../wire/base/errors.ts";
import type { TlsTransport } from "../wire/transport/node_tls.ts";
import {
  formatAddress,
  type Transport,
  type WireAddress,
} from "../wire/transport/transport.ts";
import type { TlsServer } from "./_tls.ts";

const FIRST_RETRY = 10;
const LAST_RETRY = 1_000;
/**
 * After how many failures others get their turn; and what a connection counts
 * for, which takes a part of a millisecond that those wait who are served.
 */
const BURST = 32;
const CONNECTION = 8;
/**
 * So many turns, and so many a second, are taken as soon as others had theirs.
 * A flood of connections waits for a timer after that, so that those who are
 * served have most of the time.
 */
const QUICK = 256;
const QUICK_PER_SECOND = 64;

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
  /** Calls a function when others have had their turn. */
  readonly afterTurn?: ((callback: () => void) => void) | undefined;
}

/** The accepting loop of one server. */
export class Acceptor {
  /** Resolves when the listener is closed and its address is free again. */
  readonly done: Promise<void>;

  readonly #options: AcceptOptions;
  readonly #descriptors: Descriptors;
  readonly #tally: Tally;
  readonly #quick = new TokenBucket(systemClock, QUICK, QUICK_PER_SECOND);
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
        await this.#turned();
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

  /** Lets others have their turn. A timer takes a millisecond or two. */
  #turned(): Promise<void> {
    if (!this.#quick.take()) return this.#pause(0);
    return new Promise(this.#options.afterTurn ?? systemClock.afterTurn!);
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
/** After how many connections it is measured again, at first and at most. */
const EVERY = 8;
const SELDOM = 64;

/**
 * The descriptors that are free. A process that has none left fails in places
 * where nobody expects it, and Deno itself may end; so a server keeps some.
 */
export class Descriptors {
  /** How many connections may come before the next look; the first ones do. */
  #known = EVERY;
  /** For how many connections the next look is; more, where many are free. */
  #next = EVERY;
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
    if (!host.canOpen(RESERVE + this.#next)) {
      this.#next = EVERY;
      return host.canOpen(RESERVE + 1);
    }
    this.#known = this.#next - 1;
    this.#next = Math.min(this.#next * 2, SELDOM);
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

/**
 * The server's half of TLS.
 *
 * @example What is no certificate is refused at once
 * ```ts
 * import { createRequestServer, type ServerTls, WireError } from "@remote/wire";
 *
 * // As a rule: { cert: Deno.readTextFileSync("server.pem"), key: … }
 * const tls: ServerTls = { cert: "no certificate", key: "no key" };
 * try {
 *   createRequestServer(0, { tls });
 *   throw new Error("A server was made.");
 * } catch (error) {
 *   if (!(error instanceof WireError) || error.code !== "tlsFailed") throw error;
 * }
 * ```
 */
export interface ServerTls {
  /** The certificate chain, PEM. */
  cert: string;
  /** Its private key, PEM. */
  key: string;
  /**
   * Certificates, PEM, of the authorities of which a client has to show a
   * certificate, for clients: who shows none is refused during the handshake.
   * What is there and undefined is refused: leave it out to ask for none.
   */
  clientCa?: string[];
}

/** Where to listen. */
export type ListenTarget =
  | { readonly path: string }
  | {
    readonly hostname: string;
    readonly port: number;
    readonly tls?: ServerTls | undefined;
    readonly backlog?: number | undefined;
    readonly reusePort?: boolean | undefined;
  };

/** What a server has that does not listen: nobody comes until it is closed. */
export class NoListener implements Pick<HostListener, "accept" | "close"> {
  readonly #closed = Promise.withResolvers<never>();

  /** Waits until it is closed. */
  accept(): Promise<never> {
    return this.#closed.promise;
  }

  /** Ends the waiting. */
  close(): void {
    this.#closed.promise.catch(() => {});
    this.#closed.reject(closedError("It was closed."));
  }
}

/**
 * How many connections wait until they are accepted, while a server is busy or
 * has newcomers enough. The operating system may have a limit of its own.
 */
const BACKLOG = 4_096;

/**
 * Listens.
 *
 * @param host What it runs in.
 * @param target Where.
 * @param who What the message of an error calls the server.
 * @returns The listener.
 * @throws {WireError} `addressInUse`, `addressUnavailable`,
 * `permissionDenied`, `tlsFailed` or `connectFailed`; `invalidArgument` where
 * no port can be shared.
 */
export function listen(
  host: Host,
  target: ListenTarget,
  who: string,
): HostListener {
  try {
    if ("path" in target) return listenUnix(host, target.path, who);
    const { hostname, port, tls, backlog = BACKLOG } = target;
    const { reusePort = false } = target;
    if (reusePort && host.cannotReusePort !== undefined) {
      throw new WireError(
        "invalidArgument",
        `${who} cannot share a port with other processes: ${host.cannotReusePort}. Leave "reusePort" out.`,
      );
    }
    if (tls !== undefined) {
      checkPair(host, tls, `${who} cannot listen on ${placeOf(target)}`);
    }
    return host.listen(hostname, port, backlog, reusePort);
  } catch (error) {
    if (error instanceof WireError) throw error;
    throw listenError(error, target, who);
  }
}

const TLS_KEYS = { cert: true, key: true, clientCa: true } as const;

/**
 * Checks where a server is to listen.
 *
 * @param target What a program asks for; a hostname may have the brackets of a
 * URL.
 * @returns Where to listen.
 * @throws {WireError} `invalidArgument`.
 */
export function checkTarget(target: ListenTarget): ListenTarget {
  if ("path" in target) {
    const { path } = target;
    if (typeof path === "string" && path !== "" && !path.includes("\0")) {
      return target;
    }
    throw new WireError(
      "invalidArgument",
      `The option "path" is the path of a socket file, not ${
        shown(path)
      }. Leave it out to listen on TCP.`,
    );
  }
  checkFlags(target, ["reusePort"]);
  const { hostname, tls } = target;
  if (typeof hostname !== "string" || hostname === "") {
    throw new WireError(
      "invalidArgument",
      `A server listens on a name or an address, such as 127.0.0.1, not ${
        hostname === "" ? '""' : kindOf(hostname)
      }.`,
    );
  }
  if (tls !== undefined) checkTls(tls);
  return { ...target, hostname: hostname.replace(/^\[(.*)\]$/, "$1") };
}

/** Checks the server's half of TLS, as far as that shows from outside. */
function checkTls(tls: ServerTls): void {
  checkOptionKeys(tls, TLS_KEYS, "tls");
  checkPem(tls.cert, "tls.cert");
  checkPem(tls.key, "tls.key");
  checkNoPath(tls);
  checkGate(tls, "clientCa", "tls.clientCa");
  const { clientCa } = tls;
  if (clientCa === undefined) return;
  const isList = Array.isArray(clientCa) && clientCa.length > 0 &&
    clientCa.every((text: unknown) =>
      typeof text === "string" && text.includes("-----BEGIN CERTIFICATE-----")
    );
  if (isList) return;
  throw new WireError(
    "invalidArgument",
    'tls.clientCa is a list of certificates, as texts that have "-----BEGIN CERTIFICATE-----" (PEM): [Deno.readTextFileSync(path)].',
  );
}

/**
 * Checks what is to replace the certificate of a server.
 *
 * @param host What it runs in.
 * @param tls The new one.
 * @param who What the message of an error calls the server.
 * @throws {WireError} `invalidArgument` or `tlsFailed`.
 */
function checkRenewal(host: Host, tls: ServerTls, who: string): void {
  checkTls(tls);
  checkPair(host, tls, `${who} keeps the certificate that it has`);
}

/** Checks that TLS can be spoken with what was given. */
function checkPair(host: Host, tls: ServerTls, what: string): void {
  const { cert, key, clientCa } = tls;
  try {
    host.secureContext({ cert, key, caCerts: clientCa });
  } catch (error) {
    throw new WireError(
      "tlsFailed",
      `${what}: ${tlsCure(tls, errorMessage(error))}`,
      { cause: error },
    );
  }
}

function checkPem(text: unknown, name: string): void {
  if (typeof text === "string") return;
  throw new WireError(
    "invalidArgument",
    `${name} is the text of a PEM file, not ${kindOf(text)}.`,
  );
}

/** Refuses a path where the text of a file is meant. Neither is shown. */
function checkNoPath({ cert, key }: ServerTls): void {
  for (const [name, value] of [["tls.cert", cert], ["tls.key", key]] as const) {
    if (value.includes("-----BEGIN")) continue;
    if (!/^[^\n]*[/.\\][^\n]*$/.test(value)) continue;
    throw new WireError(
      "invalidArgument",
      `${name} looks like a path, and the text of the file is expected. Read it first, such as with Deno.readTextFileSync().`,
    );
  }
}

/** What a listener's address is, as wires tell it. */
export function listenerAddress(
  listener: HostListener,
  isTls: boolean,
): WireAddress {
  const { addr } = listener;
  return addr.transport === "unix"
    ? { transport: "unix", path: addr.path! }
    : socketAddress(addr, isTls);
}

/** What the address of a connection's peer is, as wires tell it. */
export function peerAddress(
  conn: HostConn,
  path: string | undefined,
  isTls: boolean,
): WireAddress {
  const { remoteAddr } = conn;
  return remoteAddr.transport === "unix"
    ? { transport: "unix", path: path ?? "" }
    : socketAddress(remoteAddr, isTls);
}

function socketAddress(addr: HostAddress, isTls: boolean): WireAddress {
  const { hostname, port } = addr;
  const transport = isTls ? "tls" : "tcp";
  return { transport, hostname: hostname!, port: port! };
}

/** Where something was to listen, as text. */
function placeOf(target: ListenTarget): string {
  return "path" in target
    ? target.path
    : formatAddress({ transport: "tcp", ...target });
}

/** A typed error for a failure to listen. */
function listenError(
  error: unknown,
  target: ListenTarget,
  who: string,
): WireError {
  const make = (
    code: ConstructorParameters<typeof WireError>[0],
    text: string,
  ) =>
    new WireError(code, `${who} cannot listen on ${placeOf(target)}: ${text}`, {
      cause: error,
    });
  const isPath = "path" in target;
  if (troubleOf(error) === "AddrInUse") {
    return make(
      "addressInUse",
      isPath
        ? "there is something already. Choose another path."
        : "the address is in use. Choose another, or port 0 for a free one.",
    );
  }
  if (troubleOf(error) === "AddrNotAvailable") {
    return make(
      "addressUnavailable",
      "this machine has no such address. Choose one of its own, such as 127.0.0.1.",
    );
  }
  if (troubleOf(error) === "NotCapable") {
    return make("permissionDenied", `${errorMessage(error)}.`);
  }
  if (troubleOf(error) === "PermissionDenied") {
    const isLow = !isPath && target.port > 0 && target.port < 1024;
    return make(
      "permissionDenied",
      isPath
        ? "the operating system does not let this user make a file there. Choose a directory of its own."
        : `the operating system does not allow it.${
          isLow
            ? " Ports below 1024 are for privileged users; choose a higher one."
            : ""
        }`,
    );
  }
  const text = errorMessage(error);
  return make(
    "addressUnavailable",
    isPath ? pathCure(error, text) : `${text}.`,
  );
}

function pathCure(error: unknown, text: string): string {
  if (troubleOf(error) === "NotFound") {
    return "its directory does not exist. Make that first.";
  }
  return /SUN_LEN|too long/i.test(text)
    ? "the path is too long for a socket: about 100 bytes are the most. Choose a shorter one."
    : `${text}.`;
}

/** What is wrong with certificate and key. Neither is shown. */
function tlsCure({ cert, key }: ServerTls, text: string): string {
  if (/Unable to add pem|pem file/i.test(text)) {
    return `tls.clientCa holds what is no certificate in PEM (${text}).`;
  }
  if (!/-----BEGIN ([A-Z0-9]+ )*CERTIFICATE-----/.test(cert)) {
    return `tls.cert has no "-----BEGIN CERTIFICATE-----" (${text}).`;
  }
  if (!/-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----/.test(key)) {
    return `tls.key has no "-----BEGIN PRIVATE KEY-----" (${text}).`;
  }
  return /mismatch|consistent/i.test(text)
    ? `cert and key do not belong together (${text}).`
    : `${text}. Check that cert and key are PEM and belong together.`;
}

// Unix sockets: files that outlive a process that was killed.

/**
 * Listens on a Unix socket. A socket file that a dead process left behind is
 * replaced. The new one is never, not for a moment, open to other users.
 *
 * @param host What it runs in.
 * @param path The file.
 * @param who What the message of an error calls the server.
 * @returns The listener.
 * @throws {WireError} `addressInUse` when somebody listens there, or when the
 * file is no socket; and whatever the host throws.
 */
function listenUnix(host: Host, path: string, who: string): HostListener {
  if (host.isWindows) return host.listenUnix(path);
  const found = fileAt(host, path);
  // Two servers that start at a time must not take each other's for stale.
  const lock = found === undefined ? undefined : lockFolder(host, path);
  try {
    if (found !== undefined) removeStale(host, path, who);
    return sparingOthers(host, host.listenUnix(path), path);
  } finally {
    lock?.close();
  }
}

/**
 * The runtime removes the file of a listener that is closed, whosever it is by then:
 * where ours was deleted, another server may have the path. Its file is put
 * back.
 */
function sparingOthers(
  host: Host,
  listener: HostListener,
  path: string,
): HostListener {
  const own = fileAt(host, path)?.id;
  const [accept, close] = [listener.accept, listener.close];
  let accepting = 0;
  let putBack: (() => void) | undefined;
  listener.accept = async () => {
    accepting++;
    try {
      return await accept.call(listener);
    } catch (error) {
      // By now the file is removed.
      putBack?.();
      throw error;
    } finally {
      accepting--;
    }
  };
  listener.close = () => {
    const found = fileAt(host, path);
    const isOthers = own !== undefined && found !== undefined &&
      found.id !== own;
    if (isOthers) putBack = keepFile(host, path);
    close.call(listener);
    if (accepting === 0) putBack?.();
  };
  return listener;
}

/** Keeps a file under another name; what it returns puts it back, once. */
function keepFile(host: Host, path: string): (() => void) | undefined {
  const other = `${path}.${crypto.randomUUID()}`;
  try {
    host.linkFile(path, other);
  } catch {
    // A folder that is not ours, or files that cannot have two names.
    return undefined;
  }
  let isBack = false;
  return () => {
    if (isBack) return;
    isBack = true;
    try {
      host.linkFile(other, path);
    } catch {
      // It was not removed, or a third server has the path.
    }
    try {
      host.removeFile(other);
    } catch {
      // Somebody else did.
    }
  };
}

/** Removes a socket file on which nobody answers. */
function removeStale(host: Host, path: string, who: string): void {
  const before = fileAt(host, path);
  if (before === undefined) return;
  const problem = before.isDirectory
    ? "there is a directory. Give the path of a file in it, such as"
    : !before.isSocket
    ? "there is a file that is no socket. It was left alone: choose another path, or remove it"
    : host.answers(path)
    ? "a server answers there. Choose another path, or end that server"
    : undefined;
  if (problem !== undefined) {
    const example = before.isDirectory
      ? ` ${path.replace(/\/+$/, "")}/wire.sock`
      : "";
    throw new WireError(
      "addressInUse",
      `${who} cannot listen on ${path}: ${problem}${example}.`,
    );
  }
  // Somebody else may have put a living one there in the meantime.
  if (fileAt(host, path)?.key !== before.key) return;
  try {
    host.removeFile(path);
  } catch {
    // It is gone, or somebody else's: listening will tell.
  }
}

/** What is at a path; undefined for nothing, and where one may not look. */
function fileAt(host: Host, path: string): HostFile | undefined {
  try {
    return host.fileAt(path, false);
  } catch {
    return undefined;
  }
}

/** Takes the lock of the folder that a path is in. */
function lockFolder(host: Host, path: string): { close(): void } | undefined {
  const folder = path.replace(/\/*[^/]*$/, "") ||
    (path.startsWith("/") ? "/" : ".");
  try {
    return host.lockFolder(folder);
  } catch {
    return undefined;
  }
}

// TLS, whose code is loaded by servers that speak it.

/** The server's half of TLS, once its code is there. */
export class TlsLoader {
  /** Resolves when it is there; it never rejects. */
  readonly ready: Promise<void>;
  #tls: Readonly<ServerTls>;
  #make: (new (tls: ServerTls) => TlsServer) | undefined;
  #loaded: TlsServer | undefined;
  #failure: unknown;
  readonly #host: Host;

  /**
   * @param host What it runs in.
   * @param tls Certificate and key, which {@linkcode listen} has tried.
   */
  constructor(host: Host, tls: ServerTls) {
    this.#host = host;
    this.#tls = { ...tls };
    this.ready = import("./_tls.ts").then(({ TlsServer }) => {
      this.#make = TlsServer;
      this.#loaded = new TlsServer(this.#tls);
    }).catch((error) => void (this.#failure = error));
  }

  /**
   * Replaces certificate and key, for handshakes that begin from now on.
   *
   * @param tls The new ones; authorities of clients that are left out stay.
   * @param who What the message of an error calls the server.
   * @throws {WireError} `invalidArgument` or `tlsFailed`; nothing has changed
   * then.
   */
  replace(tls: ServerTls, who: string): void {
    checkRenewal(this.#host, tls, who);
    const { clientCa } = this.#tls;
    const next = { ...(clientCa === undefined ? {} : { clientCa }), ...tls };
    if (this.#make !== undefined) this.#loaded = new this.#make(next);
    this.#tls = next;
  }

  /**
   * What speaks TLS.
   *
   * @throws Why it could not be loaded; nothing is served in clear then.
   */
  get server(): TlsServer {
    if (this.#loaded === undefined) throw this.#failure;
    return this.#loaded;
  }
}

/**
 * Replaces the certificate of a server, where it has one.
 *
 * @param loader The server's half of TLS.
 * @param tls The new certificate and key.
 * @param who What the message of an error calls the server.
 * @throws {WireError} `invalidArgument` or `tlsFailed`.
 */
export function replaceCertificate(
  loader: TlsLoader | undefined,
  tls: ServerTls,
  who: string,
): void {
  if (loader !== undefined) return loader.replace(tls, who);
  throw new WireError(
    "invalidArgument",
    `${who} has no certificate to replace: it was made without the option tls, and does not speak TLS.`,
  );
}

/** Whether a transport speaks TLS. */
export function isTls(
  transport: Transport | undefined,
): transport is TlsTransport {
  return transport !== undefined && "isSecure" in transport;
}
