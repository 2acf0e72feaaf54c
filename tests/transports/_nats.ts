/**
 * A real NATS server, for the tests of wires over NATS.
 *
 * @module
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import {
  type AddressInfo,
  createConnection,
  createServer,
  type Socket,
} from "node:net";
import { tmpdir } from "node:os";
import process from "node:process";
import { connect } from "@nats-io/transport-node";
import type { NatsConnectionLike } from "../../transports/nats.ts";
import { dialNats } from "../../transports/_nats_session.ts";
import { serveNats } from "../../transports/nats.ts";
import type { Transport } from "../../wire/mod.ts";
import { test } from "../_test.ts";

/** What tests use of a connection beyond what wires do. */
export interface Nats extends NatsConnectionLike {
  request(
    subject: string,
    payload?: string,
    options?: { timeout: number },
  ): Promise<{ json<T>(): T; data: Uint8Array }>;
  close(): Promise<void>;
  drain(): Promise<void>;
  reconnect(): Promise<void>;
}

/** A NATS server of a test's own. */
export interface NatsServer extends AsyncDisposable {
  readonly port: number;
  /** Connects to it; the connection is closed with the server. */
  connect(options?: object): Promise<Nats>;
  /** Ends the server, without a goodbye. */
  kill(): Promise<void>;
  /** Starts it again where it was. */
  restart(): Promise<void>;
}

const isThere = process.env["REMOTE_WIRE_PEERS"] === "required" ||
  spawnSync("nats-server", ["--version"]).status === 0;
if (!isThere) {
  console.warn("SKIPPED for want of nats-server: the tests with it");
}

/**
 * A test with a NATS server; where there is none, it is ignored. In its
 * configuration, `$FOLDER` is a folder of the test's own.
 */
export const natsTest = (
  name: string,
  run: (server: NatsServer) => Promise<void>,
  config?: string,
): void => {
  if (!isThere) {
    // What lists the tests finds it all the same.
    if ("Deno" in globalThis) Deno.test.ignore(name, () => {});
    return;
  }
  test(name, async () => {
    await using server = await natsServer(config);
    await run(server);
  });
};

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, "close");
  return port;
}

/** Starts it, and waits until it takes connections. */
async function start(port: number, path: string): Promise<ChildProcess> {
  const child = spawn(
    "nats-server",
    ["-a", "127.0.0.1", "-p", String(port), "-c", path],
    { stdio: "ignore" },
  );
  for (;;) {
    const socket = createConnection(port, "127.0.0.1");
    try {
      await once(socket, "data");
      return child;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    } finally {
      socket.destroy();
    }
  }
}

async function natsServer(config = ""): Promise<NatsServer> {
  const port = await freePort();
  const folder = mkdtempSync(`${tmpdir()}/wire-nats-`);
  const path = `${folder}/server.conf`;
  writeFileSync(path, config.replaceAll("$FOLDER", folder));
  let child = await start(port, path);
  const connections: Nats[] = [];
  const kill = async () => {
    if (child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  return {
    port,
    kill,
    restart: async () => void (child = await start(port, path)),
    connect: async (options = {}) => {
      const connection = await connect({
        servers: `127.0.0.1:${port}`,
        reconnectTimeWait: 20,
        maxReconnectAttempts: -1,
        ...options,
      }) as unknown as Nats;
      connections.push(connection);
      return connection;
    },
    [Symbol.asyncDispose]: async () => {
      for (const connection of connections) await connection.close();
      await kill();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Two ends of one session. */
export async function natsTransports(
  near: Nats,
  far: Nats,
): Promise<[Transport, Transport]> {
  const name = `pair-${crypto.randomUUID()}`;
  const adopted = Promise.withResolvers<Transport>();
  const adopt = (transport: Transport) => adopted.resolve(transport);
  const service = await serveNats({ adopt }, far, name);
  const here = dialNats(near, name, { probe: 400, inboxPrefix: "_INBOX" });
  const there = await adopted.promise;
  await service.stop();
  return [here, there];
}

/** What stands between a client and a port, and can hold what comes from there. */
export interface HeldRelay extends AsyncDisposable {
  readonly port: number;
  /** Passes on nothing more to clients. */
  hold(): void;
  release(): void;
}

/** Relays connections to a port of this machine. */
export async function heldRelay(port: number): Promise<HeldRelay> {
  const far = new Set<Socket>();
  let isHeld = false;
  const listener = createServer((client) => {
    const server = createConnection(port, "127.0.0.1");
    far.add(server);
    client.pipe(server);
    server.on("data", (bytes) => client.write(bytes));
    if (isHeld) server.pause();
    for (const [one, other] of [[client, server], [server, client]] as const) {
      one.on("error", () => {});
      one.on("close", () => other.destroy());
    }
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    port: (listener.address() as AddressInfo).port,
    hold() {
      isHeld = true;
      for (const server of far) server.pause();
    },
    release() {
      isHeld = false;
      for (const server of far) server.resume();
    },
    [Symbol.asyncDispose]: async () => {
      for (const server of far) server.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}
