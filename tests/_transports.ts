/**
 * Pairs of wires over every transport, so that one suite runs over all.
 *
 * @module
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import {
  type ConnectOptions,
  connectToRemoteServer,
  createRequestServer,
  type RequestServerOptions,
  type Wire,
  type WireOptions,
  wirePair,
} from "../mod.ts";
import { connectWebSocket } from "../transports/websocket.ts";
import { portWire } from "../transports/worker.ts";
import { test } from "./_test.ts";
import { serveWeb } from "./transports/_web.ts";

/** Options that both a pair and a server with its client understand. */
export type EndOptions = Pick<
  WireOptions,
  "clock" | "functions" | "limits" | "onError" | "sendStacks"
>;

/** Reads a file beside the tests. */
export function readText(name: string): string {
  return readFileSync(new URL(name, import.meta.url), "utf8");
}

/** The server's half of TLS in tests. */
export const SERVER_TLS = {
  cert: readText("tls/server.pem"),
  key: readText("tls/server.key"),
};

/** The client's half of TLS in tests. */
export const CLIENT_TLS = { caCerts: [readText("tls/ca.pem")] };

/** Two ends of a wire. */
export interface Pair extends AsyncDisposable {
  /** The end that connected. */
  near: Wire;
  /** The end that the server made. */
  far: Wire;
}

/** Makes a pair over sockets. */
async function socketPair(
  near: EndOptions,
  far: EndOptions,
  where: Pick<RequestServerOptions, "path" | "tls">,
  how: Pick<ConnectOptions, "path" | "tls">,
): Promise<Pair> {
  const made = Promise.withResolvers<Wire>();
  const server = createRequestServer(0, (wire) => {
    made.resolve(wire);
    return true;
  }, { ...far, ...where });
  const port = server.address.transport === "unix" ||
      !("port" in server.address)
    ? 0
    : server.address.port;
  const wire = await connectToRemoteServer("127.0.0.1", port, undefined, {
    ...near,
    ...how,
  });
  return {
    near: wire,
    far: await made.promise,
    async [Symbol.asyncDispose]() {
      wire.abort();
      await wire.closed;
      await server.shutdown();
    },
  };
}

/** The ways to make a pair. */
export const PAIRS: Record<
  string,
  (near?: EndOptions, far?: EndOptions) => Promise<Pair>
> = {
  memory(near = {}, far = {}) {
    const [one, other] = wirePair(near, far);
    return Promise.resolve({
      near: one,
      far: other,
      async [Symbol.asyncDispose]() {
        one.abort();
        await Promise.all([one.closed, other.closed]);
      },
    });
  },
  tcp: (near = {}, far = {}) => socketPair(near, far, {}, {}),
  async websocket(near = {}, far = {}) {
    const made = Promise.withResolvers<Wire>();
    const server = createRequestServer(null, (wire) => {
      made.resolve(wire);
      return true;
    }, far);
    const web = serveWeb(server);
    const wire = await connectWebSocket(web.url, near);
    return {
      near: wire,
      far: await made.promise,
      async [Symbol.asyncDispose]() {
        wire.abort();
        await wire.closed;
        await server.shutdown();
        await web[Symbol.asyncDispose]();
      },
    };
  },
  port(near = {}, far = {}) {
    const { port1, port2 } = new MessageChannel();
    const [one, other] = [portWire(port1, near), portWire(port2, far)];
    return Promise.resolve({
      near: one,
      far: other,
      async [Symbol.asyncDispose]() {
        one.abort();
        await Promise.all([one.closed, other.closed]);
      },
    });
  },
  tls: (near = {}, far = {}) =>
    socketPair(near, far, { tls: SERVER_TLS }, { tls: CLIENT_TLS }),
  async unix(near = {}, far = {}) {
    const folder = mkdtempSync(`${tmpdir()}/wire-`);
    const path = `${folder}/wire.sock`;
    const pair = await socketPair(near, far, { path }, { path });
    return {
      near: pair.near,
      far: pair.far,
      async [Symbol.asyncDispose]() {
        await pair[Symbol.asyncDispose]();
        rmSync(folder, { recursive: true });
      },
    };
  },
};

if (process.platform === "win32") delete PAIRS["unix"];
// The web server of this one is Deno's.
if (!("Deno" in globalThis)) delete PAIRS["websocket"];

/** Defines the same test over every transport. */
export function overEach(
  name: string,
  fn: (pair: Pair) => Promise<void>,
  near: EndOptions = {},
  far: EndOptions = {},
): void {
  for (const [transport, makePair] of Object.entries(PAIRS)) {
    test(`${name} (${transport})`, async () => {
      await using pair = await makePair(near, far);
      await fn(pair);
    });
  }
}
