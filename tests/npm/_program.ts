/**
 * A user's program: servers and clients of each kind, from the package.
 *
 * @module
 */

import { createRequestServer as inDenoOnly } from "@remote/wire";
import {
  connectToRemoteServer,
  createRequestServer,
  lookupHostEntry,
  openTcpStream,
  startUpServer,
  WireError,
} from "@remote/wire/node";
import { deepStrictEqual, ok, rejects, throws } from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import process from "node:process";

/** What the servers of this program serve. */
interface Functions {
  add(a: number, b: number): number;
  echo(bytes: Uint8Array): Uint8Array;
  count(to: number): AsyncIterable<number>;
}

const functions: Functions = {
  add: (a, b) => a + b,
  echo: (bytes) => bytes,
  async *count(to) {
    for (let n = 0; n < to; n++) yield n;
  },
};

const [, , certificates = ""] = process.argv;
const read = (name: string) => readFileSync(`${certificates}/${name}`, "utf8");
const folder = mkdtempSync(`${tmpdir()}/wire-program-`);
const path = `${folder}/wire.sock`;

/** Has a code. */
const coded = (code: string, text = /./) => (error: unknown) =>
  error instanceof WireError && error.code === code && text.test(error.message);

const serverTls = { cert: read("server.pem"), key: read("server.key") };
for (
  const { server: where, client: how } of [
    { server: {}, client: {} },
    { server: { path }, client: { path } },
    {
      server: { tls: serverTls },
      client: { tls: { caCerts: [read("ca.pem")] } },
    },
  ]
) {
  const server = createRequestServer<object, Functions>(0, {
    functions,
    ...where,
  });
  if (server.port === 0) ok((statSync(path).mode & 0o777) === 0o600);
  const wire = await connectToRemoteServer<Functions>(
    "127.0.0.1",
    server.port,
    how,
  );
  deepStrictEqual(await wire.remoteValue.add(40, 2), 42);
  const bytes = Uint8Array.from({ length: 3_000_000 }, (_, at) => at % 251);
  deepStrictEqual(await wire.remoteValue.echo(bytes), bytes);
  let sum = 0;
  for await (const n of await wire.remoteValue.count(1_000)) sum += n;
  deepStrictEqual(sum, 499_500);
  await wire.close();
  await server.shutdown();
}

// Clients that have to show a certificate: one of their authority, none, and
// one that nobody vouches for.
const door = createRequestServer<object, Functions>(0, {
  functions,
  tls: { ...serverTls, clientCa: [read("client_ca.pem")] },
  onError() {},
});
const showing = (own: { cert?: string; key?: string }) =>
  connectToRemoteServer<Functions>("127.0.0.1", door.port, {
    tls: { caCerts: [read("ca.pem")], ...own },
  });
const known = await showing({
  cert: read("client.pem"),
  key: read("client.key"),
});
deepStrictEqual(await known.remoteValue.add(40, 2), 42);
await rejects(showing({}), WireError);
await rejects(
  showing({ cert: read("self_signed.pem"), key: read("self_signed.key") }),
  WireError,
);
deepStrictEqual(door.wires.size, 1);
await known.close();
await door.shutdown();

const lines = startUpServer({
  service: 0,
  function: async (stream) => {
    for await (const line of stream) await stream.writeLine(line.toUpperCase());
  },
});
const stream = await openTcpStream("localhost", lines.port);
await stream.writeLine("hello");
deepStrictEqual(await stream.readLine(), "HELLO");
await stream.close();

const at = (port: number) => () => createRequestServer(port);
throws(at(lines.port), coded("addressInUse"));
throws(
  () => createRequestServer(0, { hostname: "192.0.2.1" }),
  coded("addressUnavailable"),
);
throws(
  () => createRequestServer(0, { hostname: "no-host.invalid" }),
  coded("addressUnavailable", /no-host\.invalid/),
);
throws(
  () => createRequestServer(0, { path: `${folder}/none/wire.sock` }),
  coded("addressUnavailable", /directory does not exist/),
);
throws(
  () => createRequestServer(0, { path: `${folder}/${"long".repeat(30)}` }),
  coded("addressUnavailable", /too long/),
);
throws(
  () =>
    createRequestServer(0, {
      tls: { cert: serverTls.cert, key: read("self_signed.key") },
    }),
  coded("tlsFailed", /do not belong together/),
);
await lines.shutdown();
await rejects(
  connectToRemoteServer("127.0.0.1", lines.port),
  coded("connectionRefused"),
);
await rejects(
  connectToRemoteServer("no-host.invalid", 7000),
  coded("unknownHost"),
);
await rejects(
  connectToRemoteServer("", 0, { path }),
  coded("connectFailed", /no such socket file/),
);

// A silent server: the attempt is given up, and leaves nothing open.
const silent = createServer((socket) => socket.resume()).listen(0, "127.0.0.1");
await new Promise((resolve) => silent.once("listening", resolve));
const { port } = silent.address() as { port: number };
await rejects(
  connectToRemoteServer("127.0.0.1", port, { timeout: 50 }),
  coded("timeout"),
);
await new Promise((resolve) => silent.close(resolve));

// A server that was killed leaves its file; a living one keeps it.
const first = createRequestServer(0, { path });
throws(
  () => createRequestServer(0, { path }),
  coded("addressInUse", /answers/),
);
await first.shutdown();
rmSync(folder, { recursive: true });

deepStrictEqual((await lookupHostEntry("127.0.0.1")).integers, [0x7f000001]);

// What needs Deno says what to import instead.
throws(() => inDenoOnly(0), coded("invalidArgument", /@remote\/wire\/node/));
throws(
  // deno-lint-ignore no-explicit-any -- the types refuse it, too
  () => startUpServer({ service: 0 } as any),
  coded("invalidArgument", /only Deno has it/),
);

console.log("all is well");
