/**
 * What servers and clients need of the runtime they are in: to listen, to
 * connect, to look at socket files, to trust. `deno_host.ts` has it of Deno,
 * `node/node_host.ts` of Node and Bun; all else stands once.
 *
 * @module
 */

import { printBy } from "../wire/base/report.ts";
import type { SocketLike } from "../wire/transport/transport.ts";

/** Where a socket is, as the runtime tells it. */
export interface HostAddress {
  /** `"tcp"`, or `"unix"`, which has a path instead of the other two. */
  readonly transport: string;
  /** An address. */
  readonly hostname?: string;
  /** A port. */
  readonly port?: number;
  /** The path of a socket file. */
  readonly path?: string;
}

/** A connection; `Deno.Conn` is one. */
export interface HostConn extends SocketLike {
  /** Where the peer is. */
  readonly remoteAddr: HostAddress;
  /** TCP sends small writes at once. */
  setNoDelay?(isOn?: boolean): void;
  /** TCP asks a silent peer from time to time whether it is still there. */
  setKeepAlive?(isOn?: boolean): void;
}

/** What listens; `Deno.Listener` does. */
export interface HostListener {
  /** Where. */
  readonly addr: HostAddress;
  /** Gives the next connection; rejects when it is closed. */
  accept(): Promise<HostConn>;
  /** Ends listening. */
  close(): void;
  /** Keeps the process alive. */
  ref(): void;
  /** Does not keep it alive. */
  unref(): void;
}

/** What is at a path. */
export interface HostFile {
  /** Another one for another file. */
  readonly id: string;
  /** The same, and another one once mode or owner have changed. */
  readonly key: string;
  /** Whether it is a socket. Unknown on some systems. */
  readonly isSocket: boolean | undefined;
  /** Whether it is a directory. */
  readonly isDirectory: boolean;
}

/** Whom a client trusts, and what it shows. */
export interface ClientCertificates {
  /** Authorities to trust. */
  readonly caCerts?: readonly string[] | undefined;
  /** A certificate to show. */
  readonly cert?: string | undefined;
  /** Its key. */
  readonly key?: string | undefined;
}

/**
 * What servers and clients need of a runtime. What fails throws an error of the
 * runtime's own: {@linkcode troubleOf} tells what it means.
 */
export interface Host {
  /** Whether socket files have modes, and other things of POSIX. */
  readonly isWindows: boolean;
  /**
   * Why several processes cannot listen on one port here, and what to do;
   * undefined where they can.
   */
  readonly cannotReusePort: string | undefined;
  /**
   * Listens on TCP, at once; with `reusePort` beside other processes that do
   * the same.
   */
  listen(
    hostname: string,
    port: number,
    backlog: number,
    reusePort: boolean,
  ): HostListener;
  /** Listens on a Unix socket, at once; the file is the user's own. */
  listenUnix(path: string): HostListener;
  /**
   * Connects by TCP. The signal gives up, and leaves nothing open; nobody else
   * asks its `throwIfAborted()` from now on.
   */
  connect(
    hostname: string,
    port: number,
    signal: AbortSignal,
  ): Promise<HostConn>;
  /** Connects to a Unix socket. */
  connectUnix(path: string): Promise<HostConn>;
  /**
   * What TLS is spoken with: authorities to trust in addition to those that the
   * runtime trusts, and a certificate and its key to show, all PEM. Throws for
   * what is none, and for a pair that does not belong together; it needs no
   * permission. Gives a `SecureContext` of `node:tls`.
   */
  secureContext(own: ClientCertificates): object;
  /**
   * What is at a path, of a link itself unless it is to be followed; throws
   * where there is nothing, or one may not look.
   */
  fileAt(path: string, follow: boolean): HostFile;
  /** Gives a file another name. Throws rather than ask for a permission. */
  linkFile(from: string, to: string): void;
  /** Removes a file. */
  removeFile(path: string): void;
  /**
   * Takes a lock that all servers which replace a socket file of a folder
   * take; undefined where there is none to have.
   */
  lockFolder(folder: string): { close(): void } | undefined;
  /** Whether somebody listens on a Unix socket; true where that is in doubt. */
  answers(path: string): boolean;
  /** Whether so many more files could be opened; true where it cannot tell. */
  canOpen(count: number): boolean;
  /**
   * A variable of the environment, as it was when it was first read; undefined
   * where it is not set, or may not be read without asking.
   */
  variable(name: string): string | undefined;
  /** Looks up a name's addresses, or the name that it stands for. */
  resolve(name: string, type: "A" | "AAAA" | "CNAME"): Promise<string[]>;
  /** Looks up an address's names; the domain name system has it as `reverse`. */
  namesOf(address: string, reverse: string): Promise<string[]>;
}

/** The variable that says what wires print of their messages. */
export const DEBUG_VARIABLE = "REMOTE_WIRE_DEBUG";

/** What Deno calls the errors that POSIX, or a resolver, calls so. */
const TROUBLES: Readonly<Record<string, string>> = {
  EACCES: "PermissionDenied",
  EADDRINUSE: "AddrInUse",
  EADDRNOTAVAIL: "AddrNotAvailable",
  EAGAIN: "WouldBlock",
  ECONNABORTED: "ConnectionAborted",
  ECONNREFUSED: "ConnectionRefused",
  ECONNRESET: "ConnectionReset",
  ENODATA: "NotFound",
  ENOENT: "NotFound",
  ENOTCONN: "NotConnected",
  ENOTDIR: "NotADirectory",
  ENOTFOUND: "NotFound",
  EPERM: "PermissionDenied",
  EPIPE: "BrokenPipe",
};

/**
 * What went wrong, as Deno names its errors.
 *
 * @param error An error of any runtime.
 * @returns For instance `"ConnectionRefused"`; `""` for what is no error.
 */
export function troubleOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const { code } = error as { code?: unknown };
  return typeof code === "string" && Object.hasOwn(TROUBLES, code)
    ? TROUBLES[code]!
    : error.name;
}

/** The error of what this side has closed, with the name that Deno gives it. */
export function closedError(text: string): Error {
  return Object.assign(new Error(text), { name: "BadResource" });
}

const EXHAUSTED = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];

/** Whether the process, or the system, is out of descriptors or memory. */
export function isExhaustion(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && EXHAUSTED.includes(code);
}

/**
 * Lets a timer keep no process alive.
 *
 * @param timer What `setTimeout()` gave: a number in Deno, an object in Node.
 */
export function unrefTimer(timer: unknown): void {
  if (typeof timer === "number") Deno.unrefTimer(timer);
  else (timer as { unref(): void }).unref();
}

/**
 * Waits in this thread until another one has set a number.
 *
 * @param start Has another thread set and notify it.
 * @param most How long to wait, in milliseconds.
 * @returns The number; 0 if it was not set in time.
 */
export function waitInThread(
  start: (answer: Int32Array<SharedArrayBuffer>) => void,
  most: number,
): number {
  const answer = new Int32Array(new SharedArrayBuffer(4));
  start(answer);
  Atomics.wait(answer, 0, 0, most);
  return Atomics.load(answer, 0);
}

/** So many bytes may wait; what is beyond them is counted, and not printed. */
const MOST_WAITING = 64 * 1024;

const encoder = new TextEncoder();
const { error: original } = console;
/** A program may have its own from the beginning, or have it later. */
const isOriginal = original.name === "error" &&
  /\[native code\]/.test(Function.prototype.toString.call(original));
const waiting: Uint8Array[] = [];
let count = 0;

/** The error output of the runtime; undefined in a browser. */
const stderr = typeof Deno === "object"
  ? {
    isTerminal: Deno.stderr.isTerminal(),
    /**
     * `deno test` reads what a test prints, and fails a test that ends before
     * all is written. In other programs its function is a stub of this name.
     */
    isTest: !/^(noopTest)?$/.test(Deno.test?.name ?? ""),
    write: (bytes: Uint8Array) => Deno.stderr.write(bytes),
  }
  : nodeStderr();

/** That of Node, whose own stream waits for who reads a pipe. */
function nodeStderr() {
  const { process } = globalThis as { process?: NodeJS.Process };
  const fs = process?.getBuiltinModule?.("node:fs");
  if (fs === undefined) return undefined;
  return {
    isTerminal: process?.stderr.isTTY === true,
    isTest: false,
    write: (bytes: Uint8Array) =>
      new Promise<number>((resolve, reject) =>
        fs.write(2, bytes, (error, count) => {
          if (error === null) resolve(count);
          else reject(error);
        })
      ),
  };
}

/** Whether reports go to the console: a terminal's, or one that is replaced. */
function hasConsole(): boolean {
  return !isOriginal || console.error !== original || stderr!.isTerminal ||
    stderr!.isTest ||
    // What is logged is exported.
    Symbol.for("opentelemetry.js.api.1") in globalThis;
}

/**
 * Has reports printed so, from now on. Servers and clients do that; an import
 * alone does nothing, so that a bundler may leave this out.
 */
export function printToStderr(): void {
  if (stderr !== undefined) printBy(print);
}

function print(text: string): boolean {
  if (hasConsole()) {
    console.error(text);
    return true;
  }
  const bytes = encoder.encode(`${text}\n`);
  if (count + bytes.length > MOST_WAITING) return false;
  waiting.push(bytes);
  count += bytes.length;
  if (count === bytes.length) void drain();
  return true;
}

async function drain(): Promise<void> {
  while (waiting.length > 0) {
    const bytes = waiting.shift()!;
    try {
      for (let at = 0; at < bytes.length;) {
        at += await stderr!.write(bytes.subarray(at));
      }
    } catch {
      // There is nobody to read it.
    }
    count -= bytes.length;
  }
}
