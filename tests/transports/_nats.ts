/**
 * A real NATS server, for the tests of wires over NATS.
 *
 * @module
 */

import { connect } from "@nats-io/transport-node";
import type { NatsConnectionLike } from "../../transports/nats.ts";
import { dialNats } from "../../transports/_nats_session.ts";
import { serveNats } from "../../transports/nats.ts";
import type { Transport } from "../../wire/mod.ts";
import { mayTestWith } from "../_programs.ts";
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

const isThere = await mayTestWith("nats-server", ["--version"]);

/** A test with a NATS server, skipped where there is none. */
export const natsTest = (
  name: string,
  run: (server: NatsServer) => Promise<void>,
  config?: string,
): void => {
  if (!isThere) return;
  test(name, async () => {
    await using server = await natsServer(config);
    await run(server);
  });
};

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Starts it, and waits until it takes connections. */
async function start(port: number, path: string): Promise<Deno.ChildProcess> {
  const child = new Deno.Command("nats-server", {
    args: ["-a", "127.0.0.1", "-p", String(port), "-c", path],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  for (;;) {
    try {
      using conn = await Deno.connect({ hostname: "127.0.0.1", port });
      await conn.read(new Uint8Array(1));
      return child;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

async function natsServer(config = ""): Promise<NatsServer> {
  const port = freePort();
  const path = await Deno.makeTempFile({ suffix: ".conf" });
  await Deno.writeTextFile(path, config);
  let child = await start(port, path);
  const connections: Nats[] = [];
  const kill = async () => {
    child.kill("SIGKILL");
    await child.status;
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
      await kill().catch(() => {});
      await Deno.remove(path);
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
export function heldRelay(port: number): HeldRelay {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const released = Promise.withResolvers<void>();
  let isHeld = false;
  const copies: Promise<void>[] = [];
  const copy = async (from: Deno.Conn, to: Deno.Conn, mayHold: boolean) => {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        if (mayHold && isHeld) await released.promise;
        for (let at = 0; at < count;) {
          at += await to.write(buffer.subarray(at, count));
        }
      }
    } catch {
      // Either side has closed it.
    }
    for (const conn of [from, to]) {
      try {
        conn.close();
      } catch {
        // It is closed.
      }
    }
  };
  const accepting = (async () => {
    for await (const client of listener) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port });
      copies.push(copy(client, far, false), copy(far, client, true));
    }
  })();
  return {
    port: listener.addr.port,
    hold: () => void (isHeld = true),
    release: () => released.resolve(),
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await accepting.catch(() => {});
      await Promise.all(copies);
    },
  };
}
