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

import { checkOptionKeys, joined } from "../wire/base/checks.ts";
import {
  errorMessage,
  shown,
  WireError,
  type WireErrorCode,
} from "../wire/base/errors.ts";
import type { AnyFunctions } from "../wire/rpc/remote_types.ts";
import type { Transport, WireAddress } from "../wire/transport/transport.ts";
import { checkClear, type Wire } from "../wire/wire.ts";
import { CONNECT_KEYS, type Connecting, connectOver } from "./_connecting.ts";
import { type Channel, MessageTransport } from "./_message_transport.ts";

export type { Connecting } from "./_connecting.ts";

/**
 * The sub-protocol of a wire over a WebSocket.
 *
 * @example
 * ```ts
 * import { WEBSOCKET_PROTOCOL } from "@remote/wire/websocket";
 *
 * if (WEBSOCKET_PROTOCOL !== "remote-wire") throw new Error();
 * ```
 */
export const WEBSOCKET_PROTOCOL = "remote-wire";

/** What a wire is to be told of a WebSocket; the standard's class has it. */
export interface WebSocketLike {
  /** How binary messages arrive; a transport sets it to `"arraybuffer"`. */
  binaryType: string;
  /** 0 while it connects, 1 while it is open. */
  readonly readyState: number;
  /** Sends a message. */
  send(message: string | Uint8Array<ArrayBuffer>): void;
  /** Closes. */
  close(code?: number, reason?: string): void;
  /** Listens to `open`, `message`, `error` and `close`. */
  addEventListener(
    type: "open" | "message" | "error" | "close",
    // deno-lint-ignore no-explicit-any -- the events of each platform
    listener: (event: any) => void,
  ): void;
}

/** States of a WebSocket. */
const CONNECTING = 0;
const OPEN = 1;
/** Closes the connection as meant. */
const NORMAL = 1000;
/** Codes of those who closed as meant, and of whoever gave none. */
const MEANT: readonly number[] = [NORMAL, 1005];
/** What a code of the other end, or of the platform, says. */
const MEANINGS: Readonly<Record<number, string>> = {
  0: "it was cut without a goodbye",
  1001: "it went away: the page was left, or the server stopped",
  1006: "it was cut without a goodbye",
  1009: "a message was too large for it",
  1011: "it failed",
  1012: "it starts again",
};

/**
 * A transport over a WebSocket, for servers of other kinds, such as those of
 * the package `ws`; in Deno, {@linkcode acceptWebSocket} does the whole.
 *
 * @param socket The WebSocket, open or about to be. The transport closes it.
 * @param address Where the peer is.
 * @returns The transport, for `server.adopt()` or `makeWire()`.
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
  return overSocket(socket, address, true);
}

function overSocket(
  socket: WebSocketLike,
  address: WireAddress,
  isAccepted: boolean,
): MessageTransport {
  const close = () => socket.close(NORMAL);
  // That of the platform takes a copy; others may keep what they are given.
  const copies = typeof WebSocket === "function" && socket instanceof WebSocket;
  const channel: Channel = {
    send: (bytes) => socket.send(copies ? bytes : bytes.slice()),
    tell(units) {
      // Some platforms throw where it is being closed.
      if (socket.readyState === OPEN) socket.send(String(units));
    },
    close() {
      // Deno's server forgets a socket that is closed before it is open.
      if (socket.readyState !== CONNECTING) return close();
      if (isAccepted) socket.addEventListener("open", close);
      else close();
    },
  };
  const transport = new MessageTransport({
    address,
    channel,
    isOpen: socket.readyState === OPEN,
    // The other end's TCP may collect what is small.
    isPrompt: isAccepted,
  });
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => transport.opened());
  socket.addEventListener("message", ({ data }: { data: unknown }) => {
    if (typeof data === "string") transport.told(countOf(data));
    else if (data instanceof ArrayBuffer) {
      transport.received(new Uint8Array(data));
    } else {
      transport.failed(
        new WireError(
          "invalidArgument",
          `A message of the WebSocket came as ${
            shown(data)
          }, and not as an ArrayBuffer: leave its binaryType alone.`,
        ),
      );
    }
  });
  socket.addEventListener("error", (event) => {
    const text = eventText(event);
    // Where it says nothing, the code that the socket is closed with says more.
    if (text !== "") transport.failed(new Error(text));
  });
  socket.addEventListener("close", ({ code, reason }) => {
    if (MEANT.includes(code)) return transport.over();
    const meaning = reason || MEANINGS[code];
    transport.failed(
      new Error(
        `the WebSocket was closed with code ${code}${
          meaning ? ` (${meaning})` : ""
        }`,
      ),
    );
  });
  return transport;
}

/** What a message of text says; NaN for anything but a count. */
function countOf(text: string): number {
  return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : NaN;
}

/** What an event says of an error, which in browsers is nothing. */
function eventText(event: unknown): string {
  const { message } = Object(event);
  return typeof message === "string" ? message : "";
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
  const { protocols = [WEBSOCKET_PROTOCOL], ...rest } = options;
  const where = String(url);
  let refusal: WireError | undefined;
  try {
    return await connectOver<Remote, Local>(where, rest, () => {
      checkWay(url, rest);
      const socket = dial(url, protocols);
      const transport = overSocket(socket, addressOf(socket.url), false);
      let hasOpened = false;
      socket.addEventListener("open", () => hasOpened = true);
      socket.addEventListener("error", (event) => {
        if (!hasOpened) refusal = refusedBy(where, eventText(event));
      });
      return transport;
    });
  } catch (error) {
    // Whether there was a server at all is told by the socket alone.
    const isLost = error instanceof WireError &&
      error.code === "connectionLost";
    throw isLost && refusal !== undefined ? refusal : error;
  }
}

/** Refuses to show a secret to whoever listens on the way. */
function checkWay(
  url: string | URL,
  options: Parameters<typeof checkClear>[0],
): void {
  // In a page, it may be relative to that.
  const base: string | undefined = globalThis.location?.href;
  if (!URL.canParse(url, base)) return;
  const { protocol, hostname, port } = new URL(url, base);
  if (protocol === "wss:" || protocol === "https:") return;
  const address = { transport: "tcp", hostname, port: Number(port) || 80 };
  checkClear(options, address as WireAddress, "Connect to wss:");
}

/** Makes the WebSocket, which begins to connect. */
function dial(url: string | URL, protocols: readonly string[]): WebSocket {
  if (typeof WebSocket === "undefined") {
    throw new WireError(
      "connectFailed",
      `Cannot connect to ${
        shown(String(url))
      }: this runtime has no WebSocket; Node has one since version 22. One of a package, such as ws, makes a wire by makeWire(webSocketTransport(socket, address)).`,
    );
  }
  try {
    return new WebSocket(url, [...protocols]);
  } catch (error) {
    const isForbidden = /^Not(Capable|Allowed)|^Security/.test(
      (error as Error).name,
    );
    throw new WireError(
      isForbidden ? "permissionDenied" : "invalidArgument",
      `Cannot connect to ${shown(String(url))}: ${errorMessage(error)}`,
      { cause: error },
    );
  }
}

/** The error of a WebSocket that never opened. */
function refusedBy(where: string, text: string): WireError {
  const code: WireErrorCode = /refused|tcp connect error/i.test(text)
    ? "connectionRefused"
    : "connectFailed";
  return new WireError(
    code,
    `Cannot connect to ${where}: ${
      text || "the WebSocket failed, and the platform does not tell why"
    }. Check the address, that the server runs, and that it lets this origin in.`,
  );
}

function addressOf(url: string): WireAddress {
  const { hostname, port, protocol } = new URL(url);
  return {
    transport: "websocket",
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? protocol === "wss:" ? 443 : 80 : Number(port),
  };
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
   * server's limits count by address.
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
 * @throws {WireError} `invalidArgument` for unusable options, or outside Deno,
 * where `server.adopt(webSocketTransport(socket, address))` does the same.
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
