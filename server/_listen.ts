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
import {
  closedError,
  type Host,
  type HostAddress,
  type HostConn,
  type HostFile,
  type HostListener,
  troubleOf,
} from "../host/host.ts";
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
 * `permissionDenied`, `tlsFailed` or `connectFailed`.
 */
export function listen(
  host: Host,
  target: ListenTarget,
  who: string,
): HostListener {
  try {
    if ("path" in target) return listenUnix(host, target.path, who);
    const { hostname, port, tls, backlog = BACKLOG } = target;
    if (tls !== undefined) {
      host.checkCertificate(tls.cert, tls.key);
      host.secureContext({ caCerts: tls.clientCa });
    }
    return host.listen(hostname, port, backlog);
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
 * @param host What it runs in.
 * @param tls The new one.
 * @param who What the message of an error calls the server.
 * @throws {WireError} `invalidArgument` or `tlsFailed`.
 */
function checkRenewal(host: Host, tls: ServerTls, who: string): void {
  checkTls(tls);
  const { cert, key, clientCa } = tls;
  try {
    // This needs no permission, and looks at all of it.
    host.secureContext({ cert, key, caCerts: clientCa });
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
  if (isPath) return make("addressUnavailable", pathCure(error, text));
  if (target.tls !== undefined && isAboutTls(error)) {
    return make("tlsFailed", tlsCure(target.tls, text));
  }
  return make("addressUnavailable", `${text}.`);
}

function pathCure(error: unknown, text: string): string {
  if (troubleOf(error) === "NotFound") {
    return "its directory does not exist. Make that first.";
  }
  return /SUN_LEN|too long/i.test(text)
    ? "the path is too long for a socket: about 100 bytes are the most. Choose a shorter one."
    : `${text}.`;
}

function isAboutTls(error: unknown): boolean {
  return troubleOf(error) === "InvalidData" ||
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
