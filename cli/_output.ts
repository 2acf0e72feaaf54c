/**
 * What is printed: written whole, and no more once nobody reads it.
 *
 * @module
 */

/** Whoever read the output has gone, as `head` does when it has enough. */
export class OutputClosed extends Error {}

/**
 * Writes bytes to the standard output.
 *
 * @param bytes The bytes.
 * @throws {OutputClosed} When nobody reads them.
 * @throws {Error} When they cannot be written, as to a disk that is full.
 */
export async function write(bytes: Uint8Array): Promise<void> {
  try {
    for (let written = 0; written < bytes.length;) {
      written += await Deno.stdout.write(bytes.subarray(written));
    }
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
    throw new Error(`The output cannot be written: ${text(error)}.`, {
      cause: error,
    });
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Writes a line to the standard output.
 *
 * @param text The line.
 * @throws {OutputClosed} When nobody reads it.
 */
export function printLine(text: string): Promise<void> {
  return write(new TextEncoder().encode(`${text}\n`));
}
