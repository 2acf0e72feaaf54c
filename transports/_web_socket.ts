/**
 * A WebSocket as a transport, and how one is connected.
 *
 * @module
 */

import {
  errorMessage,
  shown,
  WireError,
  type WireErrorCode,
} from "../wire/base/errors.ts";
import {
  checkClear,
  type ShownSecret,
  type Transport,
  type WireAddress,
} from "../wire/transport/transport.ts";
import { type Channel, MessageTransport } from "./_message_transport.ts";

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
 * A transport over a WebSocket.
 *
 * @param socket The WebSocket, open or about to be.
 * @param address Where the peer is.
 * @param isAccepted Whether this is the server's end.
 */
export function overSocket(
  socket: WebSocketLike,
  address: WireAddress,
  isAccepted: boolean,
): MessageTransport {
  const close = () => socket.close(NORMAL);
  // That of the platform takes a copy. Others may keep what they are given,
  // also where a program has put their class in its place.
  const copies = typeof WebSocket === "function" &&
    socket instanceof WebSocket && socket instanceof EventTarget;
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
    isHeldBack: !isAccepted && copies && "Deno" in globalThis,
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

/** An attempt to connect by a WebSocket. */
export class Dialing {
  /** Where to, for messages. */
  readonly where: string;

  readonly #url: string | URL;
  readonly #protocols: readonly string[];
  readonly #secret: ShownSecret;
  #refusal: WireError | undefined;

  /**
   * @param url Where to; in a page also relative to it.
   * @param protocols The sub-protocols to ask for.
   * @param secret What is shown to the server.
   */
  constructor(
    url: string | URL,
    protocols: readonly string[],
    secret: ShownSecret,
  ) {
    this.where = String(url);
    this.#url = url;
    this.#protocols = protocols;
    this.#secret = secret;
  }

  /**
   * Begins to connect.
   *
   * @throws {WireError} `invalidArgument`, `permissionDenied`, `connectFailed`.
   */
  open(): Transport {
    checkWay(this.#url, this.#secret);
    const socket = dial(this.#url, this.#protocols);
    const transport = overSocket(socket, addressOf(socket.url), false);
    let hasOpened = false;
    socket.addEventListener("open", () => hasOpened = true);
    socket.addEventListener("error", (event) => {
      if (!hasOpened) this.#refusal = refusedBy(this.where, eventText(event));
    });
    return transport;
  }

  /**
   * Why there is no wire.
   *
   * @param error What the wire says. Whether there was a server at all is told
   * by the socket alone.
   */
  reason(error: unknown): unknown {
    const isLost = error instanceof WireError &&
      error.code === "connectionLost";
    return isLost && this.#refusal !== undefined ? this.#refusal : error;
  }
}

/** Refuses to show a secret to whoever listens on the way. */
function checkWay(
  url: string | URL,
  secret: ShownSecret,
): void {
  // In a page, it may be relative to that.
  const base: string | undefined = globalThis.location?.href;
  if (!URL.canParse(url, base)) return;
  const { protocol, hostname, port } = new URL(url, base);
  if (protocol === "wss:" || protocol === "https:") return;
  const address = { transport: "tcp", hostname, port: Number(port) || 80 };
  checkClear(secret, address as WireAddress, "Connect to wss:");
}

/** Makes the WebSocket, which begins to connect. */
function dial(url: string | URL, protocols: readonly string[]): WebSocket {
  if (typeof WebSocket === "undefined") {
    throw new WireError(
      "connectFailed",
      `Cannot connect to ${
        shown(String(url))
      }: this runtime has no WebSocket; Node has one since version 22. Before, set globalThis.WebSocket = (await import("ws")).WebSocket.`,
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
