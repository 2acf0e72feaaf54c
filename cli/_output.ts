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
    throw new Error(unwritable(error), { cause: error });
  }
}

function unwritable(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `The output cannot be written: ${reason}.`;
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

/**
 * Says something by the way, on the error output. A program goes on, and ends
 * as it would, where nobody can be told, as on a disk that is full.
 *
 * @param text What to say; it does no harm to a terminal.
 */
export function tell(text: string): void {
  try {
    console.error(text);
  } catch {
    // There is no other place to say so.
  }
}

/**
 * The same on the standard output. Where that fails, the error output says why.
 *
 * @param text What to say.
 * @returns Whether it was said.
 */
export function announce(text: string): boolean {
  try {
    console.log(text);
    return true;
  } catch (error) {
    tell(unwritable(error));
    return false;
  }
}

/** How large a terminal is that does not know. */
const USUAL = { columns: 80, rows: 24 };

/** How large the terminal is. */
export function screenSize(): { columns: number; rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    // One that nobody has told its size has none.
    return {
      columns: columns || USUAL.columns,
      rows: rows || USUAL.rows,
    };
  } catch {
    return USUAL;
  }
}
