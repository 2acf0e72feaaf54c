/**
 * Node, and Bun, as servers and clients need them: sockets of `node:net`.
 *
 * @module
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import {
  lookup,
  lookupService,
  resolveCname,
  resolvePtr,
} from "node:dns/promises";
import {
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  openSync,
  rmSync,
  statSync,
  unlinkSync,
} from "node:fs";
import net from "node:net";
import { dirname } from "node:path";
import process from "node:process";
import { createSecureContext, rootCertificates } from "node:tls";
import { getSystemErrorName } from "node:util";
import {
  MessageChannel,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";
import {
  closedError,
  type Host,
  type HostAddress,
  type HostConn,
  type HostListener,
  isExhaustion,
  troubleOf,
  waitInThread,
} from "../host/host.ts";
import { NodeStreams } from "../host/node_streams.ts";

/**
 * How many connections wait until the server takes them. Node accepts all that
 * come, whether or not somebody asks; those beyond are closed.
 */
const MOST_WAITING = 512;
/** The longest path that a socket can have on every system. */
const LONGEST_PATH = 103;
/** How long another thread may take to look something up, in milliseconds. */
const THREAD_TIME = 5_000;
/** How often to try for a folder's lock, and how long to wait in between. */
const LOCK_TRIES = 50;
const LOCK_WAIT = 20;

/** What is opened to see whether it can be. */
const SPARE = "/dev/null";

/** A connection of `node:net`. */
class NodeConn extends NodeStreams implements HostConn {
  readonly remoteAddr: HostAddress;
  readonly #socket: net.Socket;

  /**
   * @param socket The socket, of which nobody reads.
   * @param path The path of the socket file, if it has one.
   */
  constructor(socket: net.Socket, path: string | undefined) {
    super(socket, socket);
    this.#socket = socket;
    const { remoteAddress = "", remotePort = 0 } = socket;
    this.remoteAddr = path === undefined
      ? { transport: "tcp", hostname: remoteAddress, port: remotePort }
      : { transport: "unix", path };
  }

  setNoDelay(isOn?: boolean): void {
    this.#socket.setNoDelay(isOn);
  }

  setKeepAlive(isOn?: boolean): void {
    this.#socket.setKeepAlive(isOn);
  }
}

/** What waits for a connection. */
type Waiter = PromiseWithResolvers<HostConn>;

/** A server of `node:net`, which listens already. */
class NodeListener implements HostListener {
  readonly addr: HostAddress;
  readonly #server: net.Server;
  readonly #came: (HostConn | Error)[] = [];
  #waiter: Waiter | undefined;
  #isClosed = false;

  constructor(server: net.Server, path: string | undefined) {
    this.#server = server;
    const { address = "", port = 0 } = path === undefined
      ? server.address() as net.AddressInfo
      : {};
    this.addr = path === undefined
      ? { transport: "tcp", hostname: address, port }
      : { transport: "unix", path };
    server.on("connection", (socket) => {
      const isMany = this.#came.length >= MOST_WAITING;
      if (isMany || this.#isClosed) socket.destroy();
      else this.#give(new NodeConn(socket, path));
    });
    server.on("error", (error) => this.#give(error));
  }

  #give(what: HostConn | Error): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return void this.#came.push(what);
    this.#waiter = undefined;
    if (what instanceof Error) waiter.reject(what);
    else waiter.resolve(what);
  }

  accept(): Promise<HostConn> {
    if (this.#isClosed) {
      return Promise.reject(closedError("this side closed it"));
    }
    const next = this.#came.shift();
    if (next instanceof Error) return Promise.reject(next);
    if (next !== undefined) return Promise.resolve(next);
    this.#waiter = Promise.withResolvers();
    return this.#waiter.promise;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#server.close();
    for (const one of this.#came.splice(0)) {
      if (!(one instanceof Error)) one.close();
    }
    this.#waiter?.reject(closedError("this side closed it"));
  }

  ref(): void {
    this.#server.ref();
  }

  unref(): void {
    this.#server.unref();
  }
}

// Listening, at once. Node looks up even an address asynchronously, but not for
// a socket that is bound already.

/** Where to listen: on TCP, at an address, or on a Unix socket. */
type Where = { host: string; port: number; backlog: number } | { path: string };

/** What Node's own modules bind sockets with; Bun has none, and needs none. */
const { _createServerHandle: bind } = net as unknown as {
  _createServerHandle?: (
    address: string,
    port: number,
    family: number,
  ) => object | number;
};

/** Makes a server that listens, or throws why it does not. */
function listenAt(where: Where): net.Server {
  const server = net.createServer({
    allowHalfOpen: true,
    pauseOnConnect: true,
  });
  const ignore = () => {};
  server.on("error", ignore);
  if (bind !== undefined && "port" in where) {
    const { host, port, backlog } = where;
    const handle = bind(host, port, net.isIP(host));
    if (typeof handle === "number") throw systemError(handle);
    server.listen(handle, backlog);
  } else {
    server.listen(where);
  }
  if (!server.listening) throw whyNot(where);
  server.off("error", ignore);
  return server;
}

/** Why one cannot listen somewhere: the event that tells it comes too late. */
function whyNot(where: Where): Error {
  const { Bun } = globalThis as {
    Bun?: { listen(options: object): { stop(): void } };
  };
  if (Bun !== undefined) {
    const at = "path" in where
      ? { unix: where.path }
      : { hostname: where.host, port: where.port };
    try {
      Bun.listen({ ...at, socket: { data() {} } }).stop();
    } catch (error) {
      return error as Error;
    }
  } else if (bind !== undefined && "path" in where) {
    // The library below says EACCES where there is no directory.
    if (!existsSync(dirname(where.path))) return coded("ENOENT");
    const found = bind(where.path, -1, -1);
    if (typeof found === "number") return systemError(found);
    (found as { close(): void }).close();
  }
  // Whoever is bound, and may not listen, shares the address.
  return coded("EADDRINUSE");
}

function systemError(number: number): Error {
  return coded(getSystemErrorName(number));
}

function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Runs a program in a thread, and waits for what it gives to `tell()`. */
function inThread(program: string, given: unknown): unknown {
  const { port1, port2 } = new MessageChannel();
  let worker: Worker | undefined;
  waitInThread((answer) => {
    worker = new Worker(
      `const { workerData: [given, port, answer] } = require("node:worker_threads");
const tell = (found) => {
  port.postMessage(found);
  Atomics.store(answer, 0, 1);
  Atomics.notify(answer, 0);
};
${program}`,
      {
        eval: true,
        workerData: [given, port2, answer],
        transferList: [port2],
      },
    );
    worker.unref();
  }, THREAD_TIME);
  const found = receiveMessageOnPort(port1)?.message;
  port1.close();
  void worker?.terminate();
  return found;
}

/** The address of a name; that of an address is itself. */
function addressOf(hostname: string): string {
  if (net.isIP(hostname) !== 0) return hostname;
  if (hostname === "localhost") return "127.0.0.1";
  const found = inThread(
    'require("node:dns").lookup(given, (_error, address) => tell(address));',
    hostname,
  );
  if (typeof found === "string") return found;
  throw new Error(`no address of "${hostname}" is known`);
}

/** The longest path of a socket is one of the operating system's limits. */
function checkPath(path: string): void {
  if (process.platform === "win32") return;
  if (new TextEncoder().encode(path).length <= LONGEST_PATH) return;
  throw new Error("path must be shorter than SUN_LEN");
}

function connectTo(
  where: { host: string; port: number } | { path: string },
  signal?: AbortSignal,
): Promise<HostConn> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ ...where, allowHalfOpen: true });
    const onAbort = () => socket.destroy(new Error("given up"));
    const settled = () => {
      socket.off("error", failed);
      signal?.removeEventListener("abort", onAbort);
    };
    const failed = (error: Error) => {
      settled();
      reject(error);
    };
    socket.once("error", failed);
    socket.once("connect", () => {
      settled();
      resolve(
        new NodeConn(socket, "path" in where ? where.path : undefined),
      );
    });
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
  });
}

/** Refuses what are no certificates. */
function checkAuthorities(caCerts: readonly string[]): void {
  for (const text of caCerts) {
    try {
      new X509Certificate(text);
    } catch (cause) {
      throw new Error("Unable to add pem", { cause });
    }
  }
}

/** Refuses a certificate and a key that do not belong together. */
function checkPair(cert: string, key: string): void {
  const isPair = new X509Certificate(cert)
    .checkPrivateKey(createPrivateKey(key));
  if (!isPair) throw new Error("key values mismatch");
}

/** The host of Node and Bun. */
export const nodeHost: Host = {
  isWindows: process.platform === "win32",
  cannotReusePort:
    'this entry point has no way to do it at once, as servers listen; Node\'s "node:cluster" shares a port out in its place',
  listen(hostname, port, backlog) {
    const host = addressOf(hostname);
    return new NodeListener(listenAt({ host, port, backlog }), undefined);
  },
  listenUnix(path) {
    checkPath(path);
    const umask = this.isWindows ? undefined : process.umask(0o177);
    try {
      return new NodeListener(listenAt({ path }), path);
    } finally {
      if (umask !== undefined) process.umask(umask);
    }
  },
  connect(hostname, port, signal) {
    return connectTo({ host: hostname, port }, signal);
  },
  async connectUnix(path) {
    checkPath(path);
    return await connectTo({ path });
  },
  secureContext({ caCerts = [], cert, key }) {
    checkAuthorities(caCerts);
    const isPair = cert !== undefined && key !== undefined;
    if (isPair) checkPair(cert, key);
    const pair = isPair ? { cert, key } : {};
    const made = createSecureContext(pair);
    const { context } = made as {
      context?: { addCACert?(text: string): void };
    };
    if (context?.addCACert === undefined) {
      const ca = [...rootCertificates, ...caCerts];
      return createSecureContext({ ...pair, ca });
    }
    for (const text of caCerts) context.addCACert(text);
    return made;
  },
  fileAt(path, follow) {
    const info = follow ? statSync(path) : lstatSync(path);
    const { dev, ino, birthtimeMs, ctimeMs } = info;
    const id = [dev, ino, birthtimeMs].join();
    return {
      id,
      key: `${id},${ctimeMs}`,
      isSocket: info.isSocket(),
      isDirectory: info.isDirectory(),
    };
  },
  linkFile: linkSync,
  removeFile(path) {
    unlinkSync(path);
  },
  lockFolder(folder) {
    // Node cannot lock a file; but one of two makes it, and not the other.
    const path = `${folder}/.remote-wire.lock`;
    for (let tries = 0; tries < LOCK_TRIES; tries++) {
      try {
        closeSync(openSync(path, "wx"));
        break;
      } catch (error) {
        if ((error as { code?: string }).code !== "EEXIST") return undefined;
        waitInThread(() => {}, LOCK_WAIT);
      }
    }
    // After so long, who made it has ended without removing it.
    return { close: () => rmSync(path, { force: true }) };
  },
  answers(path) {
    return inThread(
      `require("node:net").connect({ path: given })
  .on("connect", () => tell(true))
  .on("error", ({ code }) => tell(code !== "ECONNREFUSED"));`,
      path,
    ) !== false;
  },
  variable(name) {
    return process.env[name];
  },
  canOpen(count) {
    if (this.isWindows) return true;
    const files: number[] = [];
    try {
      while (files.length < count) files.push(openSync(SPARE, "r"));
      return true;
    } catch (error) {
      return !isExhaustion(error);
    } finally {
      for (const file of files) closeSync(file);
    }
  },
  async resolve(name, type) {
    if (type === "CNAME") return await resolveCname(name);
    const family = type === "A" ? 4 : 6;
    const found = await lookup(name, { all: true, family });
    return found.map(({ address }) => address);
  },
  async namesOf(address, reverse) {
    try {
      // The file of hosts has names, too.
      return [(await lookupService(address, 0)).hostname];
    } catch (error) {
      if (troubleOf(error) !== "NotFound") throw error;
      return await resolvePtr(reverse);
    }
  },
};
