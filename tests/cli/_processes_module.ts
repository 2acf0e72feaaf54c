/**
 * A module that a test has served by several processes.
 *
 * @module
 */

/** Which process it is. */
export function pid(): number {
  return Deno.pid;
}

/** Answers once the caller has. */
export async function hold(
  ask: (() => Promise<void>) & Disposable,
): Promise<string> {
  using held = ask;
  await held();
  return "done";
}
