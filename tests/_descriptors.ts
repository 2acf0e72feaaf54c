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
 * @param kinds What counts, as the links in `/proc/self/fd` begin.
 * @returns How many there are; 0 where that cannot be told.
 */
export function openSockets(kinds: RegExp = /^(socket|pipe):/): number {
  if (Deno.build.os !== "linux") return 0;
  const nameless = new Set<string>();
  for (const line of Deno.readTextFileSync("/proc/net/unix").split("\n")) {
    const [, , , , , , inode, path] = line.trim().split(/ +/);
    if (path === undefined) nameless.add(`socket:[${inode}]`);
  }
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    const what = linkOf(`/proc/self/fd/${name}`);
    if (kinds.test(what) && !nameless.has(what)) count++;
  }
  return count;
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
  const rowsOf = (table: string) =>
    Deno.readTextFileSync(`/proc/net/${table}`).split("\n")
      .map((line) => line.trim().split(/ +/));
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
  return [...Deno.readDirSync("/proc/self/fd")]
    .filter(({ name }) => inodes.has(linkOf(`/proc/self/fd/${name}`))).length;
}

function linkOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    // That of the folder itself.
    return "";
  }
}
