/**
 * Addresses as words of the command line: `HOST:PORT`, `unix:PATH` and the URL
 * of a WebSocket.
 *
 * @module
 */

import { UsageError } from "./_command_line.ts";

/** Where to listen, or to connect to. */
export type Endpoint =
  | {
    readonly kind: "tcp";
    readonly hostname: string;
    readonly port: number;
  }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "websocket"; readonly url: URL };

/** What an address looks like, for messages. */
const FORMS =
  "HOST:PORT, such as localhost:7000, :PORT of this machine, unix:PATH, ws://HOST:PORT/, wss://HOST:PORT/ or, where commands ask a server, nats://HOST:PORT/NAME";

/**
 * Reads an address.
 *
 * @param word The word; a port without a host is one of this machine.
 * @param what What the address is for, as a message begins.
 * @param isListening Whether port 0 is one, which takes a free one.
 * @throws {UsageError} For what is no address.
 */
export function endpoint(
  word: string,
  what: string,
  isListening = false,
): Endpoint {
  if (/^wss?:\/\//i.test(word)) {
    if (!URL.canParse(word)) throw new UsageError(`${word} is no URL.`);
    return { kind: "websocket", url: new URL(word) };
  }
  const path = /^unix:(.+)$/s.exec(word)?.[1];
  if (path !== undefined) return { kind: "unix", path };
  const match = /^(?:\[([^\]]+)\]|([^:\[\]]*)):(\d{1,5})$/.exec(word);
  if (match?.[3] === undefined) {
    const web = /^http(s?):\/\/(.+)$/is.exec(word);
    if (web !== null) {
      throw new UsageError(
        `${what} is no page, and ${word} is one's address. For a WebSocket there write ws${
          web[1]!.toLowerCase()
        }://${web[2]}.`,
      );
    }
    throw new UsageError(`${what} is ${FORMS}, not ${word}.`);
  }
  const port = Number(match[3]);
  const least = isListening ? 0 : 1;
  if (port < least || port > 65535) {
    throw new UsageError(
      `A port is a number from ${least} to 65535, not ${port}.`,
    );
  }
  const here = isListening ? "127.0.0.1" : "localhost";
  return { kind: "tcp", hostname: match[1] ?? (match[2] || here), port };
}

/** An address as a word. */
export function endpointText(endpoint: Endpoint): string {
  switch (endpoint.kind) {
    case "unix":
      return `unix:${endpoint.path}`;
    case "websocket":
      return endpoint.url.href;
    default: {
      const { hostname, port } = endpoint;
      return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
    }
  }
}
