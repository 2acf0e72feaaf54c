/**
 * A NATS server of our own, and connections to it.
 *
 * @module
 */

import { connected, type Nats } from "./server.ts";

/** The NATS server, with one connection to it. */
export interface Broker extends AsyncDisposable {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
  /** A connection; closed at the end. */
  readonly nats: Nats;
}

/** A free port, for NATS. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Connects as soon as it is there. */
async function untilConnected(port: number): Promise<Nats> {
  for (;;) {
    try {
      return await connected(port);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/**
 * Starts `nats-server`.
 *
 * @returns It, with a connection.
 * @throws {Deno.errors.NotFound} If there is none.
 */
export async function startBroker(): Promise<Broker> {
  const port = freePort();
  const broker = new Deno.Command("nats-server", {
    args: ["-a", "127.0.0.1", "-p", String(port)],
    stderr: "null",
  }).spawn();
  const nats = await untilConnected(port);
  return {
    port,
    nats,
    async [Symbol.asyncDispose](): Promise<void> {
      await nats.close();
      broker.kill();
      await broker.status;
    },
  };
}

/** A process that serves at NATS. */
export interface NatsPeer extends AsyncDisposable {
  /** The process. */
  readonly pid: number;
  /** Where it takes wires over TCP, on 127.0.0.1. */
  readonly port: number;
}

/**
 * Starts `server.ts`.
 *
 * @param port Where NATS listens.
 * @returns The process, once it serves.
 */
export async function startNatsPeer(port: number): Promise<NatsPeer> {
  const peer = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-config",
      `${import.meta.dirname}/server.ts`,
      `${port}`,
    ],
    stdout: "piped",
  }).spawn();
  const lines = peer.stdout.pipeThrough(new TextDecoderStream()).getReader();
  return {
    pid: peer.pid,
    port: Number((await lines.read()).value),
    async [Symbol.asyncDispose](): Promise<void> {
      peer.kill();
      await Promise.all([lines.cancel(), peer.status]);
    },
  };
}
