/**
 * Wires over WebSockets: a page's end, or that of any program, and a server's.
 *
 * @example
 * ```ts
 * import { createRequestServer } from "@remote/wire/server";
 * import { acceptWebSocket, connectWebSocket } from "@remote/wire/websocket";
 *
 * await using server = createRequestServer(null, {
 *   functions: { add: (a: number, b: number) => a + b },
 * });
 * const web = Deno.serve(
 *   { hostname: "127.0.0.1", port: 0, onListen() {} },
 *   (request) => acceptWebSocket(server, request),
 * );
 * const wire = await connectWebSocket(`ws://127.0.0.1:${web.addr.port}/`);
 * if (await wire.remoteValue.add(40, 2) !== 42) throw new Error();
 * await wire.close();
 * await web.shutdown();
 * ```
 *
 * @module
 */

import {
  checkFunctions,
  checkOptionKeys,
  joined,
  mistaken,
} from "../wire/base/checks.ts";
import { shown, WireError } from "../wire/base/errors.ts";
import type { AnyFunctions } from "../wire/rpc/remote_types.ts";
import type { Transport, WireAddress } from "../wire/transport/transport.ts";
import type { Wire } from "../wire/wire.ts";
import { CONNECT_KEYS, type Connecting, connectOver } from "./_connecting.ts";
import {
  Dialing,
  overSocket,
  WEBSOCKET_PROTOCOL,
  type WebSocketLike,
} from "./_web_socket.ts";

export type { Connecting } from "./_connecting.ts";
export { WEBSOCKET_PROTOCOL, type WebSocketLike } from "./_web_socket.ts";

/**
 * A transport over a WebSocket, for servers of other kinds, such as those of
 * the package `ws`; in Deno, {@linkcode acceptWebSocket} does the whole.
 *
 * @param socket The WebSocket, open or about to be. The transport closes it.
 * @param address Where the peer is.
 * @returns The transport, for `server.adopt()`, `makeWire()` or
 * `connectLight()`.
 * @throws {WireError} `invalidArgument` for what is no WebSocket, or no address.
 *
 * @example In the place of `acceptWebSocket()`
 * ```ts
 * import { createRequestServer } from "@remote/wire/server";
 * import { connectWebSocket, webSocketTransport } from "@remote/wire/websocket";
 *
 * await using server = createRequestServer(null);
 * const web = Deno.serve(
 *   { hostname: "127.0.0.1", port: 0, onListen() {} },
 *   (request, { remoteAddr: { hostname, port } }) => {
 *     const { socket, response } = Deno.upgradeWebSocket(request);
 *     const address = { transport: "websocket", hostname, port } as const;
 *     server.adopt(webSocketTransport(socket, address));
 *     return response;
 *   },
 * );
 * const url = `ws://127.0.0.1:${web.addr.port}/`;
 * const wire = await connectWebSocket(url, { protocols: [] });
 * await wire.close();
 * await web.shutdown();
 * ```
 */
export function webSocketTransport(
  socket: WebSocketLike,
  address: WireAddress,
): Transport {
  const { transport, hostname } = Object(address);
  // A field that is missing would be found out when the address is shown.
  const isAddress = typeof transport === "string" &&
    (transport !== "websocket" || typeof hostname === "string");
  if (!isAddress) {
    throw new WireError(
      "invalidArgument",
      `The address of a WebSocket is such as { transport: "websocket", hostname: "192.0.2.1", port: 443 }, and this one has ${
        typeof transport === "string"
          ? `the hostname ${shown(hostname)}`
          : `the transport ${shown(transport)}`
      }.`,
    );
  }
  checkFunctions(
    socket,
    ["send", "close", "addEventListener"],
    "webSocketTransport() takes a WebSocket",
  );
  return overSocket(socket, address, true);
}

/** What a connection by WebSocket is made with. Everything has a default. */
export interface ConnectWebSocketOptions<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
> extends Connecting<Remote, Local> {
  /**
   * The sub-protocols to ask for.
   *
   * @default {["remote-wire"]}
   */
  protocols?: readonly string[] | undefined;
}

const CONNECT_OPTIONS: Readonly<Record<keyof ConnectWebSocketOptions, true>> =
  /* @__PURE__ */ joined(CONNECT_KEYS, {
    protocols: true,
  });

/**
 * Connects to a server by a WebSocket: from a page, a Worker, Deno, Node 22 or
 * Bun.
 *
 * @typeParam Remote The interface that the server serves.
 * @typeParam Local The interface of `options.functions`.
 * @param url Where to, `ws:` or `wss:`; in a page also relative to it.
 * @param options Time limits, and what this side serves.
 * @returns A promise of the wire, once the server has accepted it. What
 * `keepConnected` is given may be a function that returns this.
 * @throws {WireError} As a rejection that names the address: `invalidArgument`,
 * `connectionRefused`, `connectFailed`, `permissionDenied`, `timeout`,
 * `cancelled`, and what `connectToRemoteServer` rejects with once there is a
 * connection.
 *
 * @example
 * ```ts
 * import { connectWebSocket } from "@remote/wire/websocket";
 *
 * try {
 *   await using wire = await connectWebSocket("ws://127.0.0.1:1/");
 *   await wire.forceOutput();
 * } catch (error) {
 *   if ((error as { code: string }).code !== "connectionRefused") throw error;
 * }
 * ```
 */
export async function connectWebSocket<
  Remote extends object = AnyFunctions,
  Local extends object = AnyFunctions,
>(
  url: string | URL,
  options?: ConnectWebSocketOptions<Remote, Local> | null,
): Promise<Wire<Remote, Local>> {
  options ??= {};
  checkOptionKeys(options, CONNECT_OPTIONS, "connectWebSocket()");
  checkUrl(url);
  const { protocols = [WEBSOCKET_PROTOCOL], ...rest } = options;
  const dialing = new Dialing(url, protocols, rest);
  try {
    return await connectOver<Remote, Local>(
      dialing.where,
      rest,
      () => dialing.open(),
    );
  } catch (error) {
    throw dialing.reason(error);
  }
}

/** A URL, or a text; what a page has for its place has a text, too. */
function checkUrl(url: unknown): void {
  if (typeof url === "string" || typeof Object(url).href === "string") return;
  throw mistaken("connectWebSocket() takes a URL (ws: or wss:)", url);
}

/** What takes connections; a request server does. */
export interface Adopter {
  /** Takes one. */
  adopt(connection: Transport, address?: WireAddress): void;
}

/** Whom a server lets in by WebSocket, and what it knows of them. */
export interface AcceptWebSocketOptions {
  /**
   * The origins whose pages may connect, such as `"https://example.com"`, or
   * `"*"` for every one. What is no browser sends no origin, and is let in. By
   * default pages of the host that the request names.
   */
  origins?: readonly string[] | undefined;
  /**
   * Where the peer is, as the second argument of a handler of `Deno.serve()` has
   * it in `remoteAddr`. Without, all peers count as one address where the
   * server's limits count by address, and none may come in where the server
   * has `allow` or `deny`.
   */
  address?: { readonly hostname: string; readonly port: number } | undefined;
  /**
   * After how many seconds Deno closes the WebSocket of a silent peer, which it
   * has pinged after half of them; 0 is never. A wire has its own pings, and
   * ends by those. But only Deno can close a connection whose peer does not
   * answer: with 0, a peer that is gone without a goodbye keeps its descriptor
   * until the operating system gives it up. On the other hand, where sending
   * fails, a timer of Deno's keeps the process alive for half of that time,
   * which matters to those alone that have nothing else to do.
   *
   * @default {30}
   */
  idleTimeout?: number | undefined;
}

const ACCEPT_OPTIONS: Readonly<Record<keyof AcceptWebSocketOptions, true>> = {
  origins: true,
  address: true,
  idleTimeout: true,
};

/**
 * Answers a request with a WebSocket, whose connection a request server adopts.
 * It is let in, or not, as any other connection is.
 *
 * @param server The server, such as `createRequestServer(null, …)`.
 * @param request The request. One that is no WebSocket's is answered with 426,
 * one of another origin with 403.
 * @param options Whom to let in.
 * @returns The response, for `Deno.serve()`.
 * @throws {WireError} `invalidArgument` for what is no server or no request,
 * for unusable options, or outside Deno, where
 * `server.adopt(webSocketTransport(socket, address))` does the same.
 *
 * @example A handler for `Deno.serve()`
 * ```ts
 * import { createRequestServer } from "@remote/wire/server";
 * import { acceptWebSocket } from "@remote/wire/websocket";
 *
 * await using server = createRequestServer(null);
 * const handler = (request: Request) =>
 *   acceptWebSocket(server, request, { origins: ["https://example.com"] });
 * const { status } = handler(new Request("https://example.com/wire"));
 * if (status !== 426) throw new Error("It asked for a WebSocket?");
 * ```
 */
export function acceptWebSocket(
  server: Adopter,
  request: Request,
  options: AcceptWebSocketOptions = {},
): Response {
  checkOptionKeys(options, ACCEPT_OPTIONS, "acceptWebSocket()");
  const { origins, address, idleTimeout = 30 } = options;
  if (origins !== undefined && !Array.isArray(origins)) {
    throw new WireError(
      "invalidArgument",
      `The option "origins" is a list, such as ["https://example.com"], and not ${
        shown(origins)
      }.`,
    );
  }
  if (typeof idleTimeout !== "number" || !(idleTimeout >= 0)) {
    throw mistaken(
      'The option "idleTimeout" is a number of seconds, or 0',
      idleTimeout,
    );
  }
  if (address !== undefined && (typeof address !== "object" || !address)) {
    throw mistaken('The option "address" is { hostname, port }', address);
  }
  checkFunctions(
    server,
    ["adopt"],
    "acceptWebSocket() takes a request server, such as createRequestServer(null)",
  );
  checkFunctions(
    Object(request).headers,
    ["get"],
    "acceptWebSocket() takes a Request, and looks at its headers",
  );
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return new Response("This address speaks WebSocket.", {
      status: 426,
      headers: { upgrade: "websocket", connection: "Upgrade" },
    });
  }
  if (!isWelcome(request, origins)) {
    return new Response("Pages of this origin may not connect.", {
      status: 403,
    });
  }
  const upgrade = globalThis.Deno?.upgradeWebSocket;
  if (upgrade === undefined) {
    throw new WireError(
      "invalidArgument",
      "acceptWebSocket() is for Deno.serve(). Elsewhere pass server.adopt() what webSocketTransport(socket, address) makes of a WebSocket.",
    );
  }
  const asked = request.headers.get("sec-websocket-protocol") ?? "";
  const isOurs = asked.split(",").some((name) =>
    name.trim() === WEBSOCKET_PROTOCOL
  );
  const { socket, response } = upgrade(request, {
    idleTimeout,
    ...(isOurs ? { protocol: WEBSOCKET_PROTOCOL } : {}),
  });
  const { hostname = "", port = 0 } = address ?? {};
  const at = { transport: "websocket", hostname, port } as const;
  server.adopt(webSocketTransport(socket, at));
  return response;
}

/** Whether a page of this origin may connect. */
function isWelcome(
  request: Request,
  origins: readonly string[] | undefined,
): boolean {
  const origin = request.headers.get("origin");
  if (origin === null) return true;
  if (origins !== undefined) {
    return origins.includes("*") || origins.includes(origin);
  }
  const host = request.headers.get("host") ?? new URL(request.url).host;
  return URL.canParse(origin) && new URL(origin).host === host;
}
