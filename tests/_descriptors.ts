/**
 * Counts what this process has open, so that a test can tell whether something
 * was left behind.
 *
 * @module
 */

/**
 * Sockets and pipes that are open. Deno opens files of its own when it likes,
 * and pairs of nameless Unix sockets.
 *
 * @returns How many there are; 0 where that cannot be told.
 */
export function openSockets(): number {
  if (Deno.build.os !== "linux") return 0;
  const nameless = new Set<string>();
  for (const [, , , , , , inode, path] of rowsOf("unix")) {
    if (path === undefined) nameless.add(`socket:[${inode}]`);
  }
  return descriptors()
    .filter((what) => /^(socket|pipe):/.test(what) && !nameless.has(what))
    .length;
}

/**
 * Sockets of connections to and from some places, and of who listens there.
 * Tests of other files may run beside this one in the same process.
 *
 * @param places Ports of 127.0.0.1, 0 for none, and paths, "" for none.
 * @returns How many there are; 0 where that cannot be told.
 */
export function socketsAt(
  places: readonly { readonly port: number; readonly path: string }[],
): number {
  if (Deno.build.os !== "linux") return 0;
  const inodes = new Set<string>();
  const ports = places.map(({ port }) => port).filter((port) => port > 0);
  for (const [, local = "", remote = "", , , , , , , inode] of rowsOf("tcp")) {
    const isThere = [local, remote].some((address) =>
      ports.includes(parseInt(address.split(":")[1] ?? "", 16))
    );
    if (isThere) inodes.add(`socket:[${inode}]`);
  }
  const paths = places.map(({ path }) => path).filter((path) => path !== "");
  for (const [, , , , , , inode, path = ""] of rowsOf("unix")) {
    if (paths.includes(path)) inodes.add(`socket:[${inode}]`);
  }
  return descriptors().filter((what) => inodes.has(what)).length;
}

/** The rows of a table of the system's sockets. */
function rowsOf(table: "tcp" | "unix"): string[][] {
  return Deno.readTextFileSync(`/proc/net/${table}`).split("\n")
    .map((line) => line.trim().split(/ +/));
}

/** What this process has open. */
function descriptors(): string[] {
  return [...Deno.readDirSync("/proc/self/fd")]
    .map(({ name }) => linkOf(`/proc/self/fd/${name}`));
}

function linkOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    // That of the folder itself.
    return "";
  }
}
