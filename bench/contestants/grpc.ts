/**
 * grpc-js, with JSON in the place of protobuf: no code is generated, and JSON
 * is as fast on these values.
 *
 * @module
 */

import { load } from "../_packages.ts";
import type { Client, Contestant } from "../_workload.ts";
import { FUNCTIONS } from "./_common.ts";
import { COMMON_WORKLOADS, commonClient } from "./_common_client.ts";

type Done<T> = (error: Error | null, value?: T) => void;

interface Grpc {
  Server: new () => {
    addService(methods: object, functions: object): void;
    bindAsync(address: string, credentials: unknown, done: Done<number>): void;
  };
  ServerCredentials: { createInsecure(): unknown };
  credentials: { createInsecure(): unknown };
  makeGenericClientConstructor(methods: object, name: string): new (
    address: string,
    credentials: unknown,
    options: object,
  ) => {
    add(args: [number, number], done: Done<number>): void;
    echo(value: unknown, done: Done<unknown>): void;
    close(): void;
  };
}

async function toJson(): Promise<object> {
  const { Buffer } = await import("node:buffer");
  const serialize = (value: unknown) => Buffer.from(JSON.stringify(value));
  const deserialize = (bytes: Uint8Array) => JSON.parse(String(bytes));
  return {
    requestStream: false,
    responseStream: false,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  };
}

async function methods(): Promise<object> {
  const json = await toJson();
  return {
    add: { path: "/Bench/Add", ...json },
    echo: { path: "/Bench/Echo", ...json },
  };
}

async function serve(): Promise<number> {
  const { Server, ServerCredentials } = await load<Grpc>("grpc-js");
  const server = new Server();
  server.addService(await methods(), {
    add(
      { request: [a, b] }: { request: [number, number] },
      done: Done<number>,
    ) {
      done(null, FUNCTIONS.add(a, b));
    },
    echo({ request }: { request: unknown }, done: Done<unknown>) {
      done(null, FUNCTIONS.echo(request));
    },
  });
  return await settle((done) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), done)
  );
}

async function connect(port: number): Promise<Client> {
  const { credentials, makeGenericClientConstructor } = await load<Grpc>(
    "grpc-js",
  );
  const Bench = makeGenericClientConstructor(await methods(), "Bench");
  const client = new Bench(
    `127.0.0.1:${port}`,
    credentials.createInsecure(),
    // Each client is to have a connection of its own.
    { "grpc.use_local_subchannel_pool": 1 },
  );
  return commonClient({
    add: (a, b) => settle((done) => client.add([a, b], done)),
    echo: (value) => settle((done) => client.echo(value, done)),
  }, () => client.close());
}

/** Makes a promise of what a callback gets. */
function settle<T>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) =>
    start((error, value) => error ? reject(error) : resolve(value as T))
  );
}

/** grpc-js. */
export const grpc: Contestant = {
  name: "grpc-js",
  workloads: COMMON_WORKLOADS,
  serve,
  connect,
};
