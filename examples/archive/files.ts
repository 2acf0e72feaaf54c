/**
 * The files to archive, and their bytes in parts.
 *
 * @module
 */

import { PART } from "./archive.ts";

/** A file to archive. */
export interface FoundFile {
  /** Its path inside the folder, with slashes. */
  readonly path: string;
  /** Its size in bytes, when it was found. */
  readonly size: number;
}

/** Folders that a walk does not enter. */
const SKIPPED = new Set([".git", "node_modules"]);

/**
 * Finds the files of a folder: those that git tracks; where git is not there
 * or tracks none, all but those in `.git` and `node_modules`. Links and other
 * things that are no plain files are left out.
 *
 * @param folder The folder.
 * @returns The files.
 */
export async function findFiles(folder: string): Promise<FoundFile[]> {
  const tracked = await trackedPaths(folder);
  const paths = tracked.length > 0
    ? tracked
    : await Array.fromAsync(walk(folder, ""));
  const files: FoundFile[] = [];
  for (const path of paths) {
    const info = await Deno.lstat(`${folder}/${path}`).catch((error) => {
      // Git still tracks what was deleted a moment ago.
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
    if (info?.isFile) files.push({ path, size: info.size });
  }
  return files;
}

/** The paths that git tracks; none where there is no git. */
async function trackedPaths(folder: string): Promise<string[]> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["-C", folder, "ls-files", "-z"],
      stderr: "null",
    }).output();
    if (!success) return [];
    return new TextDecoder().decode(stdout).split("\0").filter(Boolean);
  } catch {
    return []; // no git, or no permission to run it
  }
}

async function* walk(folder: string, inside: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (!isDirectory) yield inside + name;
    else if (!SKIPPED.has(name)) {
      yield* walk(`${folder}/${name}`, `${inside}${name}/`);
    }
  }
}

/**
 * Reads a file in parts, so that none is too large for a message.
 *
 * @param file The file.
 * @returns Its parts, all of `PART` bytes but the last; none if it is empty.
 */
export async function* partsOf(file: string): AsyncGenerator<Uint8Array> {
  using handle = await Deno.open(file);
  const { size } = await handle.stat();
  for (;;) {
    // One byte more than is expected shows whether the file has grown.
    const part = new Uint8Array(Math.min(PART, size + 1));
    let filled = 0;
    while (filled < part.length) {
      const count = await handle.read(part.subarray(filled));
      if (count === null) break;
      filled += count;
    }
    if (filled > 0) yield part.subarray(0, filled);
    if (filled < part.length) return;
  }
}
