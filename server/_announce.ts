/**
 * The message that a server gives when it has started.
 *
 * @module
 */

import { WireError } from "../wire/base/errors.ts";
import { kindOf } from "../wire/base/shown.ts";

/** What writes bytes, perhaps some of them at a time; `Deno.stdout` does. */
export interface ByteWriterLike {
  /** Writes; tells how many bytes were taken, where it tells anything. */
  write(bytes: Uint8Array): unknown;
}

/**
 * Who gets the start-up message: standard output for `true`, a stream of
 * bytes such as `Deno.stderr.writable`, what has a `write` such as
 * `Deno.stdout`, or a function.
 */
export type Announce =
  | boolean
  | WritableStream<Uint8Array>
  | ByteWriterLike
  | ((message: string) => void);

/**
 * Checks that a message can be given.
 *
 * @param to Who is to get it.
 * @throws {WireError} `invalidArgument` for what takes no message.
 */
export function checkAnnounce(to: unknown): void {
  if (typeof to === "boolean" || typeof to === "function") return;
  if (isStream(to) || isWriter(to)) return;
  throw new WireError(
    "invalidArgument",
    `The option "announce" is true, false, a WritableStream of bytes, what has a function "write" such as Deno.stdout, or a function, not ${
      kindOf(to)
    }.`,
  );
}

/**
 * Gives the message.
 *
 * @param to Who gets it; nobody for `false`.
 * @param message One line, without its end.
 * @returns A promise that resolves when it was taken.
 */
export async function announce(to: Announce, message: string): Promise<void> {
  if (typeof to === "function") return await to(message);
  if (to === true) return console.log(message);
  if (to === false) return;
  const bytes = new TextEncoder().encode(message + "\n");
  if (!isStream(to)) return await writeAll(to, bytes);
  const writer = to.getWriter();
  try {
    await writer.write(bytes);
  } finally {
    writer.releaseLock();
  }
}

async function writeAll(to: ByteWriterLike, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    const taken = await to.write(bytes.subarray(sent));
    // Not everybody tells: what does not takes all.
    if (typeof taken !== "number") return;
    if (!Number.isInteger(taken) || taken < 1) {
      throw new WireError(
        "invalidArgument",
        `write() must take at least one byte, and told that it took ${taken}.`,
      );
    }
    sent += taken;
  }
}

function isStream(to: unknown): to is WritableStream<Uint8Array> {
  return has(to, "getWriter");
}

function isWriter(to: unknown): to is ByteWriterLike {
  return has(to, "write");
}

/** A value that cannot be looked at has nothing. */
function has(to: unknown, name: string): boolean {
  try {
    return typeof to === "object" && to !== null &&
      typeof (to as Record<string, unknown>)[name] === "function";
  } catch {
    return false;
  }
}
