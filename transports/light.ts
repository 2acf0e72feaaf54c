/**
 * A small wire for pages, Workers and small programs: calls in both directions,
 * whose arguments and results are values.
 *
 * At the other end is any wire: that of `acceptWebSocket()`, a request server's,
 * or one that `makeWire()` made.
 *
 * @example
 * ```ts
 * import { createRequestServer } from "@remote/wire/server";
 * import { connectLight } from "@remote/wire/light";
 * import { acceptWebSocket } from "@remote/wire/websocket";
 *
 * await using server = createRequestServer(null, {
 *   functions: { add: (a: number, b: number) => a + b },
 * });
 * const web = Deno.serve(
 *   { hostname: "127.0.0.1", port: 0, onListen() {} },
 *   (request) => acceptWebSocket(server, request),
 * );
 * const wire = await connectLight(`ws://127.0.0.1:${web.addr.port}/`);
 * if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * await wire.close();
 * await web.shutdown();
 * ```
 *
 * @module
 */

import { checkOptionKeys } from "../wire/base/checks.ts";
import { Attempt, checkAttempt, opened } from "../wire/base/lifetime.ts";
import { DEFAULT_LIMITS } from "../wire/base/limits.ts";
import { WHOLE } from "../wire/codec/small_values.ts";
import {
  checkLight,
  LightWire,
  type LightWireOptions,
} from "../wire/light/light_wire.ts";
import type { AnyFunctions } from "../wire/rpc/remote_types.ts";
import {
  type ByteDuplex,
  checkClear,
  formatAddress,
  type Transport,
  transportOf,
} from "../wire/transport/transport.ts";
import { Dialing, WEBSOCKET_PROTOCOL } from "./_web_socket.ts";

export {
  type LightCallOptions,
  type LightLimits,
  LightWire,
  type LightWireOptions,
} from "../wire/light/light_wire.ts";
export { Refusal, RemoteError, WireError } from "../wire/base/errors.ts";
export { values } from "../wire/rpc/context.ts";

/** What a light wire is connected with. Everything has a default. */
export interface ConnectLightOptions<Local extends object = AnyFunctions>
  extends LightWireOptions<Local> {
  /** Gives up connecting. Once the wire is made, it has no effect. */
  signal?: AbortSignal | undefined;
  /**
   * How long connecting may take, the peer's acceptance included, in
   * milliseconds; `Infinity` is for ever. The handshake has a limit of its own,
   * `limits.hello`.
   *
   * @default {10000}
   */
  timeout?: number | undefined;
  /**
   * The sub-protocols to ask for, where it connects by a WebSocket.
   *
   * @default {["remote-wire"]}
   */
  protocols?: readonly string[] | undefined;
}

const OPTIONS: Readonly<Record<keyof ConnectLightOptions, true>> = {
  functions: true,
  credential: true,
  insecure: true,
  limits: true,
  onDeath: true,
  onError: true,
  clock: true,
  signal: true,
  timeout: true,
  protocols: true,
};

/**
 * Connects a light wire.
 *
 * @typeParam Remote The interface that the peer serves.
 * @typeParam Local The interface of `options.functions`.
 * @param target Where to: a URL, `ws:` or `wss:`, in a page also relative to
 * it; or a transport, or two streams `{ readable, writable }`, which the wire
 * owns from now on.
 * @param options Time limits, and what this side serves.
 * @returns A promise of the wire, once the peer has accepted it.
 * @throws {WireError} As a rejection: what `connectWebSocket()` rejects with.
 *
 * @example The server calls the page
 * ```ts
 * import { makeWire, memoryTransports } from "@remote/wire";
 * import { connectLight } from "@remote/wire/light";
 *
 * interface Page {
 *   show(text: string): void;
 * }
 * const [here, there] = memoryTransports();
 * const server = makeWire<Page>(there);
 * const shown: string[] = [];
 * await using _wire = await connectLight(here, {
 *   functions: { show: (text: string) => void shown.push(text) },
 * });
 * await server.remoteValue.show("hello");
 * if (shown[0] !== "hello") throw new Error();
 * ```
 */
export async function connectLight<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(
  target: string | URL | Transport | ByteDuplex,
  options?: ConnectLightOptions<Local> | null,
): Promise<LightWire<Remote>> {
  options ??= {};
  checkOptionKeys(options, OPTIONS, "connectLight()", WHOLE);
  const {
    timeout = DEFAULT_LIMITS.hello,
    protocols = [WEBSOCKET_PROTOCOL],
    signal,
    onDeath,
    ...rest
  } = options;
  // What is checked is what is used: a getter may answer otherwise again.
  checkLight({ ...rest, onDeath });
  checkAttempt({ timeout, signal });
  let dialing: Dialing | undefined;
  let given: Transport | undefined;
  let where: string;
  // An empty text is a variable that is not set.
  if (
    typeof target === "string" && target !== "" || target instanceof URL
  ) {
    dialing = new Dialing(target, protocols, rest);
    where = dialing.where;
  } else {
    given = transportOf(target as ByteDuplex, "a URL (ws: or wss:), ");
    checkClear(rest, given.address);
    where = formatAddress(given.address);
  }
  // No `using`, which many platforms do not know.
  const attempt = new Attempt(where, { timeout, signal });
  try {
    if (attempt.reason) {
      given?.close();
      throw attempt.reason;
    }
    const transport = given ?? dialing!.open();
    let wire: LightWire<Remote> | undefined;
    try {
      wire = new LightWire<Remote>(transport, rest);
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
  } catch (error) {
    throw dialing?.reason(error) ?? error;
  } finally {
    attempt[Symbol.dispose]();
  }
}
