/**
 * Unix sockets: files that outlive a process that was killed.
 *
 * @module
 */

import { WireError } from "../wire/base/errors.ts";

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
export function listenUnix(path: string, who: string): Deno.Listener {
  const options = { transport: "unix", path } as const;
  if (Deno.build.os === "windows") return Deno.listen(options);
  const found = fileAt(path);
  // Two servers that start at a time must not take each other's for stale.
  const lock = found === undefined ? undefined : lockFolder(path);
  let umask: number | undefined;
  try {
    if (found !== undefined) removeStale(path, who);
    umask = Deno.umask(0o177);
    return Deno.listen(options);
  } finally {
    if (umask !== undefined) Deno.umask(umask);
    lock?.close();
  }
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
): { key: string; isSocket: boolean; isDirectory: boolean } | undefined {
  try {
    const info = Deno.lstatSync(path);
    // A file system may give a new file the number of one just removed.
    const { dev, ino, birthtime, ctime } = info;
    return {
      key: [dev, ino, birthtime?.getTime(), ctime?.getTime()].join(),
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
