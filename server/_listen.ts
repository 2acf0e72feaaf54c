/**
 * Listening sockets for servers of all kinds, and their errors.
 *
 * @module
 */

import { formatAddress, type WireAddress, WireError } from "../wire/mod.ts";

/** The server's half of TLS. */
export interface ServerTls {
  /** The certificate chain, PEM. */
  cert: string;
  /** Its private key, PEM. */
  key: string;
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

/** How long a process may take to answer on a Unix socket, in milliseconds. */
const PROBE_TIME = 2_000;

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
    if ("path" in target) return listenUnix(target.path);
    const { hostname, port, tls, backlog } = target;
    const options = {
      hostname,
      port,
      ...(backlog === undefined ? {} : { tcpBacklog: backlog }),
    };
    return tls === undefined
      ? Deno.listen(options)
      : Deno.listenTls({ ...options, cert: tls.cert, key: tls.key });
  } catch (error) {
    throw listenError(error, target, who);
  }
}

/** A Unix socket that is never, not for a moment, open to other users. */
function listenUnix(path: string): AnyListener {
  const options = { transport: "unix", path } as const;
  if (Deno.build.os === "windows") return Deno.listen(options);
  const umask = Deno.umask(0o177);
  try {
    return Deno.listen(options);
  } finally {
    Deno.umask(umask);
  }
}

/**
 * Removes a socket file that a dead process left behind.
 *
 * @param path The file.
 * @returns Whether the path is free now; false when somebody answers on it, or
 * it is no socket.
 */
export async function removeStaleSocket(path: string): Promise<boolean> {
  const before = fileIdentity(path);
  if (before === undefined) return true;
  if (!before.isSocket || await answers(path)) return false;
  // Somebody else may have put a living one there in the meantime.
  const now = fileIdentity(path);
  if (now !== undefined && now.key !== before.key) return false;
  try {
    Deno.removeSync(path);
  } catch {
    // It is gone, or somebody else's.
  }
  return true;
}

/** What tells one file at a path from a later one. */
export function fileIdentity(
  path: string,
): { key: string; isSocket: boolean } | undefined {
  try {
    const info = Deno.lstatSync(path);
    return { key: `${info.dev}:${info.ino}`, isSocket: info.isSocket === true };
  } catch {
    return undefined;
  }
}

async function answers(path: string): Promise<boolean> {
  const connecting = Deno.connect({ transport: "unix", path });
  const timeout = Promise.withResolvers<"silent">();
  const timer = setTimeout(() => timeout.resolve("silent"), PROBE_TIME);
  try {
    const first = await Promise.race([connecting, timeout.promise]);
    if (first !== "silent") first.close();
    else connecting.then((conn) => conn.close(), () => {});
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.ConnectionRefused);
  } finally {
    clearTimeout(timer);
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
export function listenError(
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
  if (error instanceof Deno.errors.AddrInUse) {
    return make(
      "addressInUse",
      "the address is in use. Choose another, or port 0 for a free one.",
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
    return make(
      "permissionDenied",
      "the operating system does not allow it. Ports below 1024 are for privileged users; choose a higher one.",
    );
  }
  const text = error instanceof Error ? error.message : String(error);
  if ("tls" in target && target.tls !== undefined) {
    return make(
      "tlsFailed",
      `${text}. Check that cert and key are PEM and belong together.`,
    );
  }
  return make("addressUnavailable", `${text}.`);
}
