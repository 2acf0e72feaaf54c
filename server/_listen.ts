/**
 * Listening sockets for servers of all kinds, their socket files and their TLS,
 * and their errors.
 *
 * @module
 */

import {
  formatAddress,
  type Transport,
  type WireAddress,
} from "../wire/transport/transport.ts";
import { checkGate, checkOptionKeys } from "../wire/base/checks.ts";
import { errorMessage, WireError } from "../wire/base/errors.ts";
import { kindOf, shown } from "../wire/base/shown.ts";
import type { TlsTransport } from "../wire/transport/node_tls.ts";
import type { TlsServer } from "./_tls.ts";

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
  };

/** A listener, whatever it listens on. */
export type AnyListener = Deno.Listener<Deno.Conn>;

/** What a server has that does not listen: nobody comes until it is closed. */
export class NoListener implements Pick<AnyListener, "accept" | "close"> {
  readonly #closed = Promise.withResolvers<never>();

  /** Waits until it is closed. */
  accept(): Promise<never> {
    return this.#closed.promise;
  }

  /** Ends the waiting. */
  close(): void {
    this.#closed.promise.catch(() => {});
    this.#closed.reject(new Deno.errors.BadResource("It was closed."));
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
 * @param target Where.
 * @param who What the message of an error calls the server.
 * @returns The listener.
 * @throws {WireError} `addressInUse`, `addressUnavailable`,
 * `permissionDenied`, `tlsFailed` or `connectFailed`.
 */
export function listen(target: ListenTarget, who: string): AnyListener {
  try {
    if ("path" in target) return listenUnix(target.path, who);
    const { hostname, port, tls, backlog = BACKLOG } = target;
    const options = { hostname, port, tcpBacklog: backlog };
    if (tls !== undefined) {
      // What is wrong with certificate and key, nobody says as well.
      Deno.listenTls({ ...options, cert: tls.cert, key: tls.key }).close();
      Deno.createHttpClient({ caCerts: tls.clientCa ?? [] }).close();
    }
    return Deno.listen(options);
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
 * @param tls The new one.
 * @param who What the message of an error calls the server.
 * @throws {WireError} `invalidArgument` or `tlsFailed`.
 */
function checkRenewal(tls: ServerTls, who: string): void {
  checkTls(tls);
  const { cert, key, clientCa } = tls;
  try {
    // The one thing that needs no permission and looks at all of it.
    Deno.createHttpClient({ cert, key, caCerts: clientCa ?? [] }).close();
  } catch (error) {
    throw new WireError(
      "tlsFailed",
      `${who} keeps the certificate that it has: ${
        tlsCure(tls, errorMessage(error))
      }`,
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
  listener: AnyListener,
  isTls: boolean,
): WireAddress {
  const { addr } = listener;
  return addr.transport === "unix"
    ? { transport: "unix", path: (addr as Deno.UnixAddr).path }
    : socketAddress(addr as Deno.NetAddr, isTls);
}

/** What the address of a connection's peer is, as wires tell it. */
export function peerAddress(
  conn: Deno.Conn,
  path: string | undefined,
  isTls: boolean,
): WireAddress {
  const { remoteAddr } = conn;
  return remoteAddr.transport === "unix"
    ? { transport: "unix", path: path ?? "" }
    : socketAddress(remoteAddr as Deno.NetAddr, isTls);
}

function socketAddress(addr: Deno.NetAddr, isTls: boolean): WireAddress {
  const { hostname, port } = addr;
  return { transport: isTls ? "tls" : "tcp", hostname, port };
}

/** A typed error for a failure to listen. */
function listenError(
  error: unknown,
  target: ListenTarget,
  who: string,
): WireError {
  const where = "path" in target
    ? target.path
    : formatAddress({ transport: "tcp", ...target });
  const make = (
    code: ConstructorParameters<typeof WireError>[0],
    text: string,
  ) =>
    new WireError(code, `${who} cannot listen on ${where}: ${text}`, {
      cause: error,
    });
  const isPath = "path" in target;
  if (error instanceof Deno.errors.AddrInUse) {
    return make(
      "addressInUse",
      isPath
        ? "there is something already. Choose another path."
        : "the address is in use. Choose another, or port 0 for a free one.",
    );
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return make(
      "addressUnavailable",
      "this machine has no such address. Choose one of its own, such as 127.0.0.1.",
    );
  }
  if (error instanceof Deno.errors.NotCapable) {
    return make("permissionDenied", `${error.message}.`);
  }
  if (error instanceof Deno.errors.PermissionDenied) {
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
  if (isPath) return make("addressUnavailable", pathCure(error, text));
  if (target.tls !== undefined && isAboutTls(error)) {
    return make("tlsFailed", tlsCure(target.tls, text));
  }
  return make("addressUnavailable", `${text}.`);
}

function pathCure(error: unknown, text: string): string {
  if (error instanceof Deno.errors.NotFound) {
    return "its directory does not exist. Make that first.";
  }
  return /SUN_LEN|too long/i.test(text)
    ? "the path is too long for a socket: about 100 bytes are the most. Choose a shorter one."
    : `${text}.`;
}

function isAboutTls(error: unknown): boolean {
  return error instanceof Deno.errors.InvalidData ||
    /key|certificate|PEM/i.test(errorMessage(error));
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

/** How long to wait for a sign of who has a socket file, in milliseconds. */
const PROBE_TIME = 5_000;
/** How often to try for a folder's lock, and how long to wait in between. */
const LOCK_TRIES = 50;
const LOCK_WAIT = 20;

/**
 * Listens on a Unix socket. A socket file that a dead process left behind is
 * replaced. The new one is never, not for a moment, open to other users.
 *
 * @param path The file.
 * @param who What the message of an error calls the server.
 * @returns The listener.
 * @throws {WireError} `addressInUse` when somebody listens there, or when the
 * file is no socket; and whatever `Deno.listen` throws.
 */
function listenUnix(path: string, who: string): Deno.Listener {
  const options = { transport: "unix", path } as const;
  if (Deno.build.os === "windows") return Deno.listen(options);
  const found = fileAt(path);
  // Two servers that start at a time must not take each other's for stale.
  const lock = found === undefined ? undefined : lockFolder(path);
  let umask: number | undefined;
  try {
    if (found !== undefined) removeStale(path, who);
    umask = Deno.umask(0o177);
    return sparingOthers(Deno.listen(options), path);
  } finally {
    if (umask !== undefined) Deno.umask(umask);
    lock?.close();
  }
}

/**
 * Deno removes the file of a listener that is closed, whosever it is by then:
 * where ours was deleted, another server may have the path. Its file is put
 * back.
 */
function sparingOthers(listener: Deno.Listener, path: string): Deno.Listener {
  const own = fileAt(path)?.id;
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
    const found = fileAt(path);
    const isOthers = own !== undefined && found !== undefined &&
      found.id !== own;
    if (isOthers) putBack = keepFile(path);
    close.call(listener);
    if (accepting === 0) putBack?.();
  };
  return listener;
}

/** Keeps a file under another name; what it returns puts it back, once. */
function keepFile(path: string): (() => void) | undefined {
  const other = `${path}.${crypto.randomUUID()}`;
  // Nobody is asked for a permission.
  const isAllowed = [path, other].every((path) =>
    (["read", "write"] as const).every((name) =>
      Deno.permissions.querySync({ name, path }).state === "granted"
    )
  );
  if (!isAllowed) return undefined;
  try {
    Deno.linkSync(path, other);
  } catch {
    // A folder that is not ours, or files that cannot have two names.
    return undefined;
  }
  let isBack = false;
  return () => {
    if (isBack) return;
    isBack = true;
    try {
      Deno.linkSync(other, path);
    } catch {
      // It was not removed, or a third server has the path.
    }
    try {
      Deno.removeSync(other);
    } catch {
      // Somebody else did.
    }
  };
}

/** Removes a socket file on which nobody answers. */
function removeStale(path: string, who: string): void {
  const before = fileAt(path);
  if (before === undefined) return;
  const problem = before.isDirectory
    ? "there is a directory. Give the path of a file in it, such as"
    : !before.isSocket
    ? "there is a file that is no socket. It was left alone: choose another path, or remove it"
    : answers(path)
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
  if (fileAt(path)?.key !== before.key) return;
  try {
    Deno.removeSync(path);
  } catch {
    // It is gone, or somebody else's: listening will tell.
  }
}

/** What is at a path; undefined for nothing, and where one may not look. */
function fileAt(
  path: string,
):
  | { id: string; key: string; isSocket: boolean; isDirectory: boolean }
  | undefined {
  try {
    const info = Deno.lstatSync(path);
    // A file system may give a new file the number of one just removed.
    const { dev, ino, birthtime, ctime } = info;
    const id = [dev, ino, birthtime?.getTime()].join();
    return {
      id,
      // It changes with its mode and its owner, too.
      key: `${id},${ctime?.getTime()}`,
      isSocket: info.isSocket === true,
      isDirectory: info.isDirectory,
    };
  } catch {
    return undefined;
  }
}

/**
 * Takes the lock of the folder that a path is in. It goes with the process,
 * and leaves no file.
 */
function lockFolder(path: string): Deno.FsFile | undefined {
  const folder = path.replace(/\/*[^/]*$/, "") ||
    (path.startsWith("/") ? "/" : ".");
  const { state } = Deno.permissions.querySync({ name: "read", path: folder });
  if (state !== "granted") return undefined;
  try {
    const file = Deno.openSync(folder);
    for (let tries = 0; tries < LOCK_TRIES; tries++) {
      if (file.tryLockSync(true)) return file;
      const never = new Int32Array(new SharedArrayBuffer(4));
      Atomics.wait(never, 0, 0, LOCK_WAIT);
    }
    // Somebody else uses that lock for something of their own.
    return file;
  } catch {
    return undefined;
  }
}

const ANSWERED = 1;
const REFUSED = 2;

/**
 * Whether somebody listens on a Unix socket. Deno connects asynchronously only,
 * and this has to be known at once: so another thread connects.
 */
function answers(path: string): boolean {
  const answer = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(
    `data:application/javascript,${encodeURIComponent(PROBE)}`,
    { type: "module" },
  );
  try {
    worker.postMessage([answer, path]);
    Atomics.wait(answer, 0, 0, PROBE_TIME);
    // Whoever is in doubt leaves the file alone.
    return Atomics.load(answer, 0) !== REFUSED;
  } finally {
    worker.terminate();
  }
}

const PROBE = `onmessage = async ({ data: [answer, path] }) => {
  let found = ${ANSWERED};
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) found = ${REFUSED};
  }
  Atomics.store(answer, 0, found);
  Atomics.notify(answer, 0);
};`;

// TLS, whose code is loaded by servers that speak it.

/** The server's half of TLS, once its code is there. */
export class TlsLoader {
  /** Resolves when it is there; it never rejects. */
  readonly ready: Promise<void>;
  #tls: Readonly<ServerTls>;
  #make: (new (tls: ServerTls) => TlsServer) | undefined;
  #loaded: TlsServer | undefined;
  #failure: unknown;

  /** @param tls Certificate and key, which {@linkcode listen} has tried. */
  constructor(tls: ServerTls) {
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
    checkRenewal(tls, who);
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
