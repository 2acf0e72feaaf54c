/** TLS over a connection that stays in hand. */

import { assert, assertEquals } from "@std/assert";
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
