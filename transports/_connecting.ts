/**
 * What connections of all kinds are made with, and how a wire comes of one.
 *
 * @module
 */

import { checkHooks, checkOnDeath, joined } from "../wire/base/checks.ts";
import { Attempt, checkAttempt, opened } from "../wire/base/lifetime.ts";
import { connectingLimits, DEFAULT_LIMITS } from "../wire/base/limits.ts";
import type { AnyFunctions } from "../wire/rpc/remote_types.ts";
import type { Transport } from "../wire/transport/transport.ts";
import {
  checkServing,
  makeWire,
  SHARED_KEYS,
  type Wire,
  type WireOptions,
} from "../wire/wire.ts";

/** What a connection is made with. Everything has a default. */
export interface Connecting<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
> extends Omit<WireOptions<Remote, Local>, "confirm" | "signal"> {
  /** Gives up connecting. Once the wire is made, it has no effect. */
  signal?: AbortSignal | undefined;
  /**
   * How long connecting may take, the peer's acceptance included, in
   * milliseconds; `Infinity` is for ever. More than the limit `hello` holds for
   * the handshake, too, where `limits` has no `hello` of its own.
   *
   * @default {10000}
   */
  timeout?: number | undefined;
}

/** The names of the options. */
export const CONNECT_KEYS: Readonly<Record<keyof Connecting, true>> =
  /* @__PURE__ */ joined(SHARED_KEYS, {
    timeout: true,
  });

/**
 * Makes a wire, and waits until both ends have accepted each other.
 *
 * @param where Where to, for messages.
 * @param options What the wire is made with; their names were checked.
 * @param open Makes the connection, once the options are fine.
 * @returns A promise of the wire.
 */
export async function connectOver<
  Remote extends object,
  Local extends object,
>(
  where: string,
  options: Connecting<Remote, Local>,
  open: () => Transport | Promise<Transport>,
): Promise<Wire<Remote, Local>> {
  const { timeout = DEFAULT_LIMITS.hello, signal, onDeath, ...rest } = options;
  checkServing(rest);
  checkHooks(rest, ["onError", "tap"]);
  checkOnDeath({ onDeath });
  checkAttempt({ timeout, signal });
  const limits = connectingLimits(timeout, rest.limits);
  // No `using`, which many platforms do not know.
  const attempt = new Attempt(where, { timeout, signal });
  try {
    if (attempt.reason) throw attempt.reason;
    const transport = await open();
    let wire: Wire<Remote, Local> | undefined;
    try {
      wire = makeWire<Remote, Local>(transport, { ...rest, limits });
      await opened(wire, attempt, where);
    } catch (error) {
      // Who does not answer is not waited for; and nothing is left of it.
      if (attempt.reason || wire === undefined) transport.close();
      await wire?.closed;
      throw error;
    }
    // Who hears of a connection that never stood is the caller.
    if (onDeath) wire.onDeath(onDeath);
    return wire;
  } finally {
    attempt[Symbol.dispose]();
  }
}
