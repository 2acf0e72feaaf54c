/**
 * The message that a server gives when it has started.
 *
 * @module
 */

/**
 * Who gets the start-up message: standard output for `true`, a stream of
 * bytes such as `Deno.stderr.writable`, or a function.
 */
export type Announce =
  | boolean
  | WritableStream<Uint8Array>
  | ((message: string) => void);

/**
 * Gives the message.
 *
 * @param to Who gets it; nobody for `false`.
 * @param message One line, without its end.
 * @returns A promise that resolves when it was taken.
 */
export async function announce(to: Announce, message: string): Promise<void> {
  if (typeof to === "function") return to(message);
  if (to === true) return console.log(message);
  if (to === false) return;
  const writer = to.getWriter();
  try {
    await writer.write(new TextEncoder().encode(message + "\n"));
  } finally {
    writer.releaseLock();
  }
}
