/**
 * How many more files and sockets this process can open.
 *
 * @module
 */

/** How many must be free, for whatever a program opens for a connection. */
export const RESERVE = 16;
/** After how many connections it is measured again. */
const EVERY = 8;
const PROBE = "/dev/null";

/**
 * The descriptors that are free. A process that has none left fails in places
 * where nobody expects it, and Deno itself may end; so a server keeps some.
 */
export class Descriptors {
  /** How many connections may come before the next look; the first ones do. */
  #known = EVERY;

  /**
   * Takes one, for a connection.
   *
   * @returns False where too few are free. Where that cannot be told, because
   * the program may not read {@linkcode PROBE}, it is true.
   */
  take(): boolean {
    if (this.#known > 0) {
      this.#known--;
      return true;
    }
    if (!mayProbe()) return true;
    if (!areFree(RESERVE + EVERY)) return areFree(RESERVE + 1);
    this.#known = EVERY - 1;
    return true;
  }

  /** Looks again at the next {@linkcode Descriptors.take}. */
  forget(): void {
    this.#known = 0;
  }
}

/** No permission is asked for: only one that is there is used. */
function mayProbe(): boolean {
  if (Deno.build.os === "windows") return false;
  const { state } = Deno.permissions.querySync({ name: "read", path: PROBE });
  return state === "granted";
}

/** Opens that many files, and closes them. */
function areFree(count: number): boolean {
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < count) files.push(Deno.openSync(PROBE));
    return true;
  } catch (error) {
    // What else goes wrong says nothing of how many are free.
    return !isExhaustion(error);
  } finally {
    for (const file of files) file.close();
  }
}

const EXHAUSTED = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];

/** Whether the process, or the system, is out of descriptors or memory. */
export function isExhaustion(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && EXHAUSTED.includes(code);
}
