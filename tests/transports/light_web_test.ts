/** Light wires over WebSockets, TCP, ports and streams. */

import { assert, assertEquals } from "@std/assert";
import {
  createRequestServer,
  type RequestServerOptions,
  socketTransport,
  type WireError,
} from "../../mod.ts";
import { connectLight, type LightWire } from "../../transports/light.ts";
import { portTransport, portWire } from "../../transports/worker.ts";
import { makeWire, memoryTransports } from "../../wire/mod.ts";
import { test } from "../_test.ts";
import { randomNumbers } from "../wire/_codec.ts";
import { exactly } from "../wire/_exact.ts";
import { randomValue } from "../wire/_random_values.ts";
import { serveWeb } from "./_web.ts";

// deno-lint-ignore no-explicit-any -- whatever is called
type Any = any;

const QUIET = { onError() {} };
const echo = (x: unknown) => x;
const large = Uint8Array.from({ length: 1_000_000 }, (_, n) => n);

/** A server, and what its wires ended with. */
function serve(options: RequestServerOptions = {}) {
  const codes: string[] = [];
  const server = createRequestServer(null, (wire) => {
    wire.serve({
      echo,
      ask: (x: unknown) => (wire as Any).remoteValue.echo(x),
      never: () => new Promise(() => {}),
    });
    return { accept: true, onDeath: ({ code }) => void codes.push(code) };
  }, { ...QUIET, ...options });
  return { server, codes };
}

test("connectLight() connects by a WebSocket, both ways", async () => {
  const { server, codes } = serve({ requireCredential: "sesame" });
  await using web = serveWeb(server);
  const wire: LightWire<Any> = await connectLight<Any>(web.url, {
    credential: "sesame",
    functions: { echo },
  });
  assertEquals(wire.address, {
    transport: "websocket",
    hostname: "127.0.0.1",
    port: web.port,
  });
  const value = { list: [1, "two"], at: new Date(0), of: new Map([[1, null]]) };
  assertEquals(await wire.remoteValue.echo(value), value);
  assertEquals(await wire.remoteValue.ask(large), large);
  await wire.close();
  assertEquals((await wire.closed).code, "closed");

  const refused = await connectLight(new URL(web.url), { credential: "x" })
    .catch((error: WireError) => error);
  assertEquals((refused as WireError).code, "refused");
  const { url } = web;
  assert((refused as WireError).message.includes(url));
  await server.shutdown();
  assertEquals(codes, ["closed"]);
});

test("a light wire carries random values, both ways", async () => {
  const [here, there] = memoryTransports();
  const whole: Any = makeWire(there, { functions: { echo } });
  const light = await connectLight<Any>(here, { functions: { echo } });
  for (let seed = 1; seed <= 100; seed++) {
    const value = randomValue(randomNumbers(seed));
    const exact = exactly(value);
    const [there, here] = await Promise.all([
      light.remoteValue.echo(value),
      whole.remoteValue.echo(value),
    ]);
    assert(exactly(there) === exact && exactly(here) === exact, `${seed}`);
  }
  await light.close();
  await whole.closed;
});

test("a light wire ends with its server's shutdown", async () => {
  const { server } = serve();
  await using web = serveWeb(server);
  const deaths: string[] = [];
  const wire = await connectLight<Any>(web.url, {
    onDeath: ({ code }) => void deaths.push(code),
  });
  assertEquals(await wire.remoteValue.echo(1), 1);
  await server.shutdown();
  assertEquals((await wire.closed).code, "closed");
  assertEquals(deaths, ["closed"]);
});

test("connectLight() tells why there is no wire", async () => {
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(() => "a wire", ({ code }: WireError) => code);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  assertEquals(
    await codeOf(connectLight(`ws://127.0.0.1:${port}/`)),
    "connectionRefused",
  );
  assertEquals(await codeOf(connectLight("not a url")), "invalidArgument");
  const secret = { credential: "a" };
  assertEquals(
    await codeOf(connectLight("ws://example.com/", secret)),
    "invalidArgument",
  );
});

test("connectLight() takes a connection by TCP", async () => {
  await using server = createRequestServer(0, {
    functions: { echo },
    limits: { frame: 1_024 },
  });
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const address = {
    transport: "tcp",
    hostname: "127.0.0.1",
    port: server.port,
  } as const;
  await using wire = await connectLight<Any>(socketTransport(conn, address));
  assertEquals(await wire.remoteValue.echo(large), large);
});

test("connectLight() takes a port, and two streams", async () => {
  const { port1, port2 } = new MessageChannel();
  const far = portWire(port2, { functions: { echo } });
  const near = await connectLight<Any>(portTransport(port1));
  assertEquals(await near.remoteValue.echo(large), large);
  await near.close();
  await far.closed;

  const there = new TransformStream<Uint8Array, Uint8Array>();
  const back = new TransformStream<Uint8Array, Uint8Array>();
  const whole = makeWire(
    { readable: there.readable, writable: back.writable },
    { functions: { echo } },
  );
  const { writable } = there;
  const light = await connectLight<Any>({ readable: back.readable, writable });
  assertEquals(await light.remoteValue.echo("by streams"), "by streams");
  await light.close();
  await whole.closed;
});
