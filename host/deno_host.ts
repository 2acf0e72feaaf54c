/**
 * Deno, as servers and clients need it.
 *
 * @module
 */

import { WireError } from "../wire/base/errors.ts";
import { type Host, isExhaustion, waitInThread } from "./host.ts";

/** How long to wait for a sign of who has a socket file, in milliseconds. */
const PROBE_TIME = 5_000;
/** How often to try for a folder's lock, and how long to wait in between. */
const LOCK_TRIES = 50;
const LOCK_WAIT = 20;
/** What is opened to see whether it can be. */
const SPARE = "/dev/null";

const ANSWERED = 1;
const REFUSED = 2;

/** What the thread runs that connects to a socket file. */
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

/** Variables that were read: each connection asks for one. */
const variables = new Map<string, { readonly value: string | undefined }>();

const host: Host = {
  get isWindows(): boolean {
    return Deno.build.os === "windows";
  },
  get cannotReusePort(): string | undefined {
    if (Deno.build.os !== "linux") {
      return `connections are shared out by Linux only, and this is ${Deno.build.os}`;
    }
    // Without the flag, Deno ends the process; this function goes with the flag.
    return "listenDatagram" in Deno
      ? undefined
      : 'Deno needs the flag --unstable-net for that, as in "deno run --unstable-net"';
  },
  listen(hostname, port, backlog, reusePort) {
    // The types of Deno have the last one with the flag only.
    const options: Deno.TcpListenOptions & { reusePort: boolean } = {
      hostname,
      port,
      tcpBacklog: backlog,
      reusePort,
    };
    return Deno.listen(options);
  },
  listenUnix(path) {
    const options = { transport: "unix", path } as const;
    if (this.isWindows) return Deno.listen(options);
    const umask = Deno.umask(0o177);
    try {
      return Deno.listen(options);
    } finally {
      Deno.umask(umask);
    }
  },
  connect(hostname, port, signal) {
    // A connection that stands when the signal aborts is given to nobody by
    // Deno, which asks this last of all, and stays open for good. Without an
    // answer from here it is handed over, and can be closed.
    signal.throwIfAborted = () => {};
    return Deno.connect({ hostname, port, signal });
  },
  connectUnix(path) {
    return Deno.connect({ transport: "unix", path });
  },
  secureContext({ caCerts = [], cert, key }) {
    // deno-lint-ignore no-process-global
    const { createSecureContext } = process.getBuiltinModule("node:tls");
    const pair = cert !== undefined && key !== undefined ? { cert, key } : {};
    const made = createSecureContext(pair);
    // Nobody else says what is wrong with any of it.
    Deno.createHttpClient({ caCerts: [...caCerts], ...pair }).close();
    if (caCerts.length === 0) return made;
    // Given as an option, they would replace all others.
    const { context } = made as {
      context: { addCACert(text: string): void };
    };
    for (const text of caCerts) context.addCACert(text);
    return made;
  },
  fileAt(path, follow) {
    const info = follow ? Deno.statSync(path) : Deno.lstatSync(path);
    // A file system may give a new file the number of one just removed.
    const { dev, ino, birthtime, ctime } = info;
    const id = [dev, ino, birthtime?.getTime()].join();
    return {
      id,
      key: `${id},${ctime?.getTime()}`,
      isSocket: info.isSocket ?? undefined,
      isDirectory: info.isDirectory,
    };
  },
  linkFile(from, to) {
    const isAllowed = [from, to].every((path) =>
      isGranted("read", path) && isGranted("write", path)
    );
    if (!isAllowed) throw new Error("there is no permission for that");
    Deno.linkSync(from, to);
  },
  removeFile(path) {
    Deno.removeSync(path);
  },
  lockFolder(folder) {
    // It goes with the process, and leaves no file.
    if (!isGranted("read", folder)) return undefined;
    const file = Deno.openSync(folder);
    for (let tries = 0; tries < LOCK_TRIES; tries++) {
      if (file.tryLockSync(true)) return file;
      waitInThread(() => {}, LOCK_WAIT);
    }
    // Somebody else uses that lock for something of their own.
    return file;
  },
  answers(path) {
    // Deno connects asynchronously only, and this has to be known at once: so
    // another thread connects.
    const worker = new Worker(
      `data:application/javascript,${encodeURIComponent(PROBE)}`,
      { type: "module" },
    );
    try {
      const found = waitInThread(
        (answer) => worker.postMessage([answer, path]),
        PROBE_TIME,
      );
      return found !== REFUSED;
    } finally {
      worker.terminate();
    }
  },
  canOpen(count) {
    if (this.isWindows || !isGranted("read", SPARE)) return true;
    const files: Deno.FsFile[] = [];
    try {
      while (files.length < count) files.push(Deno.openSync(SPARE));
      return true;
    } catch (error) {
      // What else goes wrong says nothing of how many are free.
      return !isExhaustion(error);
    } finally {
      for (const file of files) file.close();
    }
  },
  variable(name) {
    const known = variables.get(name);
    if (known !== undefined) return known.value;
    const asked = { name: "env", variable: name } as const;
    if (Deno.permissions.querySync(asked).state !== "granted") return undefined;
    const value = Deno.env.get(name);
    variables.set(name, { value });
    return value;
  },
  resolve(name, type) {
    return Deno.resolveDns(name, type);
  },
  namesOf(_address, reverse) {
    return Deno.resolveDns(reverse, "PTR");
  },
};

/** No permission is asked for: only one that is there is used. */
function isGranted(name: "read" | "write", path: string): boolean {
  return Deno.permissions.querySync({ name, path }).state === "granted";
}

/**
 * The host that this entry point is for.
 *
 * @param what What needs it, for the message of the error.
 * @throws {WireError} `invalidArgument` outside of Deno; the message says
 * which entry point to import.
 */
export function denoHost(what: string): Host {
  if (typeof Deno === "object") return host;
  throw new WireError(
    "invalidArgument",
    `${what} of this entry point needs Deno, and this is another runtime. Import it from "@remote/wire/node" in Node and in Bun. In a browser there are no sockets: "@remote/wire/wire" makes wires of other connections.`,
  );
}
