/**
 * Follows a log as it grows, is renamed, or cut off.
 *
 * @module
 */

import type { LogFolder, OpenLog } from "./folder.ts";
import { pause } from "./pause.ts";
import type { From, Item, Position } from "./protocol.ts";

/** How much is read at a time, in bytes. */
const CHUNK = 64 * 1024;
/** How often to look whether there is more, in milliseconds. */
const INTERVAL = 50;
/** How often to look for a log at first: one that is being rotated has no file. */
const LOOKS = 10;

/** What to follow, and for how long. */
export interface FollowOptions {
  readonly folder: LogFolder;
  /** The log's name. */
  readonly name: string;
  /** Where to begin. */
  readonly from: From;
  /** Ends following. */
  readonly signal: AbortSignal;
  /** Told of each reading: how many bytes. */
  readonly onRead: (count: number) => void;
}

/**
 * Follows a log. It reads no further than its consumer takes; when the
 * consumer leaves, or the signal aborts, it closes the file.
 *
 * A log that is cut off is read from its start again. One that is cut off and
 * grows beyond its former size between two looks looks as if it had grown.
 *
 * @param options What to follow.
 */
export async function* follow(
  options: FollowOptions,
): AsyncGenerator<Item, void, void> {
  const { folder, name, signal, onRead } = options;
  const begin = await firstPlace(options);
  if (begin === undefined) return;
  let { log } = begin;
  let next: OpenLog | undefined;
  let at: Position = { file: log.id, offset: begin.offset };
  try {
    await log.file.seek(at.offset, Deno.SeekMode.Start);
    yield at;
    while (!signal.aborted) {
      const bytes = await read(log.file, at.offset);
      if (bytes === "cut off") {
        at = { file: log.id, offset: 0 };
        await log.file.seek(0, Deno.SeekMode.Start);
        yield at;
      } else if (bytes !== undefined) {
        at = { file: log.id, offset: at.offset + bytes.length };
        onRead(bytes.length);
        yield bytes;
      } else if (next !== undefined) {
        // Nothing more came before it went on elsewhere.
        log[Symbol.dispose]();
        [log, next] = [next, undefined];
        at = { file: log.id, offset: 0 };
        yield at;
      } else {
        next = await folder.next(name, log.id);
        if (next === undefined) await pause(INTERVAL, signal);
      }
    }
  } finally {
    log[Symbol.dispose]();
    next?.[Symbol.dispose]();
  }
}

/** Where to begin; undefined when the signal aborts before there is a file. */
async function firstPlace(
  { folder, name, from, signal }: FollowOptions,
): Promise<{ log: OpenLog; offset: number } | undefined> {
  if (typeof from === "string") {
    let log = await folder.open(name);
    for (let look = 1; log === undefined; look++) {
      if (signal.aborted) return undefined;
      if (look === LOOKS) throw new RangeError(`There is no log ${name}.`);
      await pause(INTERVAL, signal);
      log = await folder.open(name);
    }
    const offset = from === "end" ? (await log.file.stat()).size : 0;
    return { log, offset };
  }
  const known = await folder.find(from.file);
  if (known !== undefined) return { log: known, offset: from.offset };
  for (; !signal.aborted; await pause(INTERVAL, signal)) {
    const log = await folder.next(name, from.file) ?? await folder.open(name);
    if (log !== undefined) return { log, offset: 0 };
  }
  return undefined;
}

/** Reads what is there; undefined for nothing. */
async function read(
  file: Deno.FsFile,
  offset: number,
): Promise<Uint8Array | "cut off" | undefined> {
  const { size } = await file.stat();
  if (size < offset) return "cut off";
  if (size === offset) return undefined;
  const bytes = new Uint8Array(Math.min(CHUNK, size - offset));
  const count = await file.read(bytes) ?? 0;
  return count > 0 ? bytes.subarray(0, count) : undefined;
}

/** Refuses what is no place to begin at. */
export function checkFrom(from: unknown): asserts from is From {
  if (from === "start" || from === "end") return;
  const { file, offset } = (from ?? {}) as Partial<Position>;
  if (typeof file === "string" && Number.isSafeInteger(offset)) {
    if (offset! >= 0) return;
  }
  throw new TypeError(
    'A tail begins at "start", at "end", or at a place that an earlier one told.',
  );
}
