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

function linkOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    // That of the folder itself.
    return "";
  }
}
