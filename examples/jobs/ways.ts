/**
 * How the programs reach the queue: over TCP, or by its name at NATS.
 *
 * @module
 */

import {
  connectToRemoteServer,
  type RequestServer,
  type Wire,
} from "../../mod.ts";
import {
  connectNats,
  type NatsConnectionLike,
  serveNats,
} from "../../transports/nats.ts";
import type { CommandLine } from "../_options.ts";
import type { Queue, Worker } from "./protocol.ts";

/** The name of the queue at NATS. */
const NAME = "primes";

/** A connection to NATS. */
type Nats = NatsConnectionLike & { close(): Promise<void> };

/** What a wire to the queue is made with. */
interface Ends {
  readonly signal: AbortSignal;
  readonly functions?: Worker;
}

/** A way to the queue. */
export interface Way extends AsyncDisposable {
  /** Connects. */
  connect(ends: Ends): Promise<Wire<Queue>>;
}

/**
 * Reads where the queue is.
 *
 * @param told The options `nats`, or `hostname` and `port`.
 * @returns The way to it.
 */
export async function wayToQueue(told: CommandLine): Promise<Way> {
  const servers = told.option("nats");
  if (servers !== undefined) {
    const nats = await natsAt(servers);
    return {
      connect: (ends) => connectNats<Queue, Worker>(nats, NAME, ends),
      [Symbol.asyncDispose]: () => nats.close(),
    };
  }
  const hostname = told.option("hostname") ?? "localhost";
  const port = told.port(1);
  return {
    connect: (ends) =>
      connectToRemoteServer<Queue, Worker>(hostname, port, ends),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Gives a server the queue's name at NATS, until it is shut down.
 *
 * @param server The server.
 * @param servers Where NATS is.
 */
export async function serveAtNats(
  server: RequestServer,
  servers: string,
): Promise<void> {
  const nats = await natsAt(servers);
  await serveNats(server, nats, NAME);
  void server.finished.then(() => nats.close());
}

/** Connects to NATS, whose client is loaded only where it is used. */
async function natsAt(servers: string): Promise<Nats> {
  const { connect } = await import("@nats-io/transport-node");
  return await connect({ servers, maxReconnectAttempts: -1 });
}
