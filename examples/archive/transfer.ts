/**
 * The client's work: files into the archive, and back out of it.
 *
 * @module
 */

import type { RemoteValue } from "../../mod.ts";
import type { Archive, Entry } from "./archive.ts";
import { atOnce } from "./at_once.ts";
import { Hasher, sha256 } from "./digest.ts";
import { type FoundFile, partsOf } from "./files.ts";
import type { Progress } from "./report.ts";

/** How many files travel at once, all over the same wire. */
export const AT_ONCE = 16;

/**
 * Puts files into the archive. What it has already does not travel again.
 *
 * @param archive The archive.
 * @param folder The folder of the files.
 * @param files The files.
 * @param progress Counts the bytes.
 * @returns What was put, by path. Digest and size are those of the originals.
 */
export async function putFiles(
  archive: RemoteValue<Archive>,
  folder: string,
  files: readonly FoundFile[],
  progress: Progress,
): Promise<Map<string, Entry>> {
  const originals = new Map<string, Entry>();
  await atOnce(AT_ONCE, files, async ({ path }) => {
    const hasher = new Hasher();
    const parts: string[] = [];
    let size = 0;
    for await (const part of partsOf(`${folder}/${path}`)) {
      const digest = sha256(part);
      if (!await archive.has(digest)) await archive.put(part);
      hasher.add(part);
      parts.push(digest);
      size += part.length;
      progress.value += part.length;
    }
    const original = { path, digest: hasher.digest(), size };
    const { digest } = await archive.enter(path, parts);
    compare(path, original.digest, digest);
    originals.set(path, original);
  });
  return originals;
}

/**
 * Gets files back from the archive, and checks each against its original.
 *
 * @param archive The archive.
 * @param originals What was put.
 * @param progress Counts the bytes.
 */
export async function getFiles(
  archive: RemoteValue<Archive>,
  originals: ReadonlyMap<string, Entry>,
  progress: Progress,
): Promise<void> {
  await atOnce(AT_ONCE, [...originals.values()], async ({ path, digest }) => {
    const hasher = new Hasher();
    for (const part of await archive.parts(path)) {
      const bytes = await archive.get(part);
      hasher.add(bytes);
      progress.value += bytes.length;
    }
    compare(path, digest, hasher.digest());
  });
}

/**
 * Lists the whole archive, page by page, and looks for what was put.
 *
 * @param archive The archive.
 * @param originals What was put.
 * @returns All its files.
 */
export async function listFiles(
  archive: RemoteValue<Archive>,
  originals: ReadonlyMap<string, Entry>,
): Promise<Entry[]> {
  const all: Entry[] = [];
  for (;;) {
    const page = await archive.list(all.length);
    if (page.length === 0) break;
    all.push(...page);
  }
  const digests = new Map(all.map(({ path, digest }) => [path, digest]));
  for (const { path, digest } of originals.values()) {
    compare(path, digest, digests.get(path) ?? "not");
  }
  return all;
}

function compare(path: string, expected: string, digest: string): void {
  if (digest === expected) return;
  throw new Error(
    `${path} has the SHA-256 ${expected} here, and is ${digest} in the archive.`,
  );
}
