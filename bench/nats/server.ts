/**
 * The server of calls over TCP, over NATS, and of NATS's own requests.
 *
 *     deno run -A bench/nats/server.ts PORT-OF-NATS
 *
 * @module
 */

import process from "node:process";
import { createRequestServer } from "../../mod.ts";
import { type NatsConnectionLike, serveNats } from "../../transports/nats.ts";
import { load } from "../_packages.ts";
import { Answers } from "../media/_exchange.ts";

/** What is used of a message. */
interface Message {
  readonly data: Uint8Array;
  json<T>(): T;
  respond(payload: Uint8Array | string): boolean;
}

/** What is used of NATS's client. */
export interface Nats extends NatsConnectionLike {
  request(
    subject: string,
    payload: Uint8Array | string,
    options: { timeout: number },
  ): Promise<Message>;
  close(): Promise<void>;
}

const FUNCTIONS = {
  add: (a: number, b: number) => a + b,
  echo: (bytes: Uint8Array) => bytes,
  /** What this process has used of the processor, in microseconds. */
  used: () => used(),
};

/** What this process has used of the processor, in microseconds. */
export function used(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Connects to NATS. */
export async function connected(port: number): Promise<Nats> {
  const { connect } = await load<{
    connect(options: object): Promise<Nats>;
  }>("nats");
  return await connect({ servers: `127.0.0.1:${port}` });
}

/** The server's process. */
async function serve(port: number): Promise<void> {
  const nats = await connected(port);
  const subscribe = (
    subject: string,
    answer: (message: Message) => Uint8Array | string,
  ) =>
    nats.subscribe(subject, {
      queue: "bench",
      callback: (_, message) =>
        (message as Message).respond(answer(message as Message)),
    });
  subscribe("bench.add", (message) => {
    const [a, b] = message.json<[number, number]>();
    return JSON.stringify(a + b);
  });
  subscribe("bench.echo", ({ data }) => data);
  const answers = new Answers((bytes) =>
    nats.publish("bench.raw.answer", bytes)
  );
  nats.subscribe("bench.raw", {
    callback: (_, { data }) => answers.take(data),
  });
  const server = createRequestServer(0, { functions: FUNCTIONS });
  await serveNats(server, nats, "bench");
  console.log(server.port);
}

if (import.meta.main) await serve(Number(Deno.args[0]));
