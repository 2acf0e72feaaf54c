/**
 * The client's work: files into the archive, and back out of it.
 *
 * @module
 */

import type { CallProgress, RemoteValue, Wire } from "../../mod.ts";
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
 * @param wire Leads to the archive.
 * @param folder The folder of the files.
 * @param files The files.
 * @param progress Counts the bytes.
 * @returns What was put, by path. Digest and size are those of the originals.
 */
export async function putFiles(
  wire: Pick<Wire<Archive>, "remoteValue" | "with">,
  folder: string,
  files: readonly FoundFile[],
  progress: Progress,
): Promise<Map<string, Entry>> {
  const archive = wire.remoteValue;
  const originals = new Map<string, Entry>();
  await atOnce(AT_ONCE, files, async ({ path }) => {
    const hasher = new Hasher();
    const parts: string[] = [];
    let size = 0;
    for await (const part of partsOf(`${folder}/${path}`)) {
      const digest = sha256(part);
      const count = new PartCount(progress, "arguments");
      if (!await archive.has(digest)) {
        await wire.with(count).remoteValue.put(part);
      }
      count.upTo(part.length);
      hasher.add(part);
      parts.push(digest);
      size += part.length;
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
 * @param wire Leads to the archive.
 * @param originals What was put.
 * @param progress Counts the bytes.
 */
export async function getFiles(
  wire: Pick<Wire<Archive>, "remoteValue" | "with">,
  originals: ReadonlyMap<string, Entry>,
  progress: Progress,
): Promise<void> {
  await atOnce(AT_ONCE, [...originals.values()], async ({ path, digest }) => {
    const hasher = new Hasher();
    for (const part of await wire.remoteValue.parts(path)) {
      const count = new PartCount(progress, "result");
      const bytes = await wire.with(count).remoteValue.get(part);
      count.upTo(bytes.length);
      hasher.add(bytes);
    }
    compare(path, digest, hasher.digest());
  });
}

/** Counts the bytes of one part as they travel. */
class PartCount {
  readonly #progress: Progress;
  readonly #of: CallProgress["of"];
  /** How many were counted. */
  #bytes = 0;

  /**
   * @param progress Counts the bytes of all parts.
   * @param of What of its call the part is.
   */
  constructor(progress: Progress, of: CallProgress["of"]) {
    this.#progress = progress;
    this.#of = of;
  }

  /** The option of the call; its message has a few bytes more than the part. */
  readonly onProgress = ({ of, bytes }: CallProgress): void => {
    if (of === this.#of) this.upTo(bytes);
  };

  /** So many bytes of it have travelled. */
  upTo(bytes: number): void {
    this.#progress.value += bytes - this.#bytes;
    this.#bytes = bytes;
  }
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
