/**
 * The loop that accepts connections, for servers of all kinds.
 *
 * @module
 */

import { WireError, type WireLimits } from "../wire/mod.ts";
import type { AnyListener } from "./_listen.ts";

const FIRST_RETRY = 10;
const LAST_RETRY = 1_000;

/**
 * Accepts until the listener is closed. A failure to accept, such as having
 * too many open files, is survived: the loop waits, each time twice as long.
 *
 * @param listener The listener; closing it ends the loop.
 * @param onConnection Gets each connection, and owns it; the next one is
 * accepted when it has returned, or its promise has resolved.
 * @param onError Told of failures that were survived.
 * @returns A promise that resolves when the listener is closed.
 */
export async function acceptAll(
  listener: AnyListener,
  onConnection: (conn: Deno.Conn) => void | Promise<void>,
  onError: (error: unknown) => void,
): Promise<void> {
  let retry = FIRST_RETRY;
  for (;;) {
    let conn: Deno.Conn;
    try {
      conn = await listener.accept();
    } catch (error) {
      if (isClosed(error)) return;
      onError(error);
      await new Promise((resolve) => setTimeout(resolve, retry));
      retry = Math.min(retry * 2, LAST_RETRY);
      continue;
    }
    retry = FIRST_RETRY;
    await onConnection(conn);
  }
}

function isClosed(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted;
}

/** Why a server takes no more connections for now; undefined if it does. */
export function overload(
  limits: Pick<WireLimits, "wires" | "wiresBeforeHello">,
  wires: number,
  beforeHello: number,
): WireError | undefined {
  const [limit, count] = wires + beforeHello >= limits.wires
    ? ["wires", limits.wires]
    : beforeHello >= limits.wiresBeforeHello
    ? ["wiresBeforeHello", limits.wiresBeforeHello]
    : [undefined, 0];
  return limit === undefined ? undefined : new WireError(
    "limit",
    `A connection was turned away: the server has ${count} (its limit "${limit}").`,
  );
}
