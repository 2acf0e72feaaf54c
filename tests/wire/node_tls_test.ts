/** TLS over a connection that stays in hand. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import net from "node:net";
import tls from "node:tls";
import { TlsServer } from "../../server/_tls.ts";
import { test } from "../_test.ts";
import { CLIENT_TLS, SERVER_TLS } from "../_transports.ts";

test("TlsTransport.write() tells of what a slow peer takes bit by bit", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const connecting = Deno.connectTls({
    hostname: "127.0.0.1",
    port,
    ...CLIENT_TLS,
  });
  const conn = await listener.accept();
  const transport = new TlsServer(SERVER_TLS)
    .transport(conn, { transport: "memory" });
  const client = await connecting;
  await client.handshake();
  await transport.secured;
  // More than the operating system keeps for a peer that reads nothing yet.
  const bytes = new Uint8Array(32 * 1024 * 1024);
  const taken = await transport.write(bytes);
  assert(taken > 0 && taken <= 64 * 1024, `${taken}`);
  // What it says is taken comes, and nothing else.
  const rest = transport.write(bytes.subarray(0, 10)).then(() =>
    transport.closeWrite()
  );
  let count = 0;
  const buffer = new Uint8Array(64 * 1024);
  while (count < taken + 10) count += (await client.read(buffer)) ?? Infinity;
  assertEquals(count, taken + 10);
  client.close();
  await rest;
  transport.close();
  listener.close();
});

test("TlsTransport.read() fails on what is no TLS behind the handshake", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const plain = net.connect(listener.addr.port, "127.0.0.1");
  const client = tls.connect({
    socket: plain,
    ca: CLIENT_TLS.caCerts,
    servername: "localhost",
  });
  const secured = new Promise((resolve) =>
    client.once("secureConnect", resolve)
  );
  const ended = new Promise((resolve) => {
    for (const end of ["error", "end", "close"]) client.on(end, resolve);
  });
  const closed = new Promise((resolve) => plain.once("close", resolve));
  const transport = new TlsServer(SERVER_TLS)
    .transport(await listener.accept(), { transport: "memory" });
  await Promise.all([secured, transport.secured]);
  client.resume();
  client.write("in");
  assertEquals((await transport.read())?.length, 2);
  // Below TLS.
  plain.write(new Uint8Array(10));
  await assertRejects(() => transport.read(), Error, "corrupt");
  await ended;
  client.destroy();
  plain.destroy();
  await closed;
});
