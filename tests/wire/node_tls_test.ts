/** TLS over a connection that stays in hand. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import net from "node:net";
import tls from "node:tls";
import { TlsServer } from "../../server/_tls.ts";
import type { SocketLike } from "../../wire/mod.ts";
import type { TlsTransport } from "../../wire/transport/node_tls.ts";
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

/** A client of Node's, and the connection below its TLS. */
function connect(listener: Deno.TcpListener) {
  const plain = net.connect(listener.addr.port, "127.0.0.1");
  const client = tls.connect({
    socket: plain,
    ca: CLIENT_TLS.caCerts,
    servername: "localhost",
  });
  const closed = new Promise((resolve) => plain.once("close", resolve));
  return { plain, client, closed };
}

test("TlsTransport.read() fails on what is no TLS behind the handshake", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { plain, client, closed } = connect(listener);
  const secured = new Promise((resolve) =>
    client.once("secureConnect", resolve)
  );
  const ended = new Promise((resolve) => {
    for (const end of ["error", "end", "close"]) client.on(end, resolve);
  });
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

/** More than all that operating systems keep for who does not read. */
const MUCH = 24 * 1024 * 1024;
/** More than what is held of what nobody reads, and less than four times that. */
const MOST_HELD = 512 * 1024;

/** Sees what is read of a connection. */
class Watched implements SocketLike {
  readonly #conn: Deno.Conn;
  /** How many bytes were read. */
  count = 0;
  /** How many reads are under way. */
  reading = 0;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    this.reading++;
    try {
      const count = await this.#conn.read(buffer);
      this.count += count ?? 0;
      return count;
    } finally {
      this.reading--;
    }
  }

  write = (bytes: Uint8Array) => this.#conn.write(bytes);
  closeWrite = () => this.#conn.closeWrite();
  close = () => this.#conn.close();
}

/** A client of TLS that has shaken hands, and the server's end. */
async function pair() {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connecting = Deno.connectTls({
    hostname: "127.0.0.1",
    port: listener.addr.port,
    ...CLIENT_TLS,
  });
  const below = new Watched(await listener.accept());
  const transport = new TlsServer(SERVER_TLS)
    .transport(below, { transport: "memory" });
  const client = await connecting;
  await client.handshake();
  await transport.secured;
  return { below, transport, client };
}

/** Writes all of it; the numbers are such that no part is like another. */
async function pour(client: Deno.TlsConn, length: number): Promise<void> {
  const bytes = new Uint8Array(length).map((_, n) => n % 251);
  for (let at = 0; at < length;) {
    at += await client.write(bytes.subarray(at, at + 60_000));
  }
}

/** Waits until nothing more is read of the connection below. */
async function untilParked(below: Watched): Promise<void> {
  while (below.count < MOST_HELD / 2 || below.reading > 0) {
    await new Promise((resolve) => setTimeout(resolve));
    assert(below.count < MOST_HELD, `${below.count} bytes were read`);
  }
}

/** Reads to the end; fails if anything is not as it was poured. */
async function readAll(transport: TlsTransport): Promise<number> {
  let count = 0;
  for (let chunk; (chunk = await transport.read()) !== null;) {
    for (const byte of chunk) {
      if (byte !== count++ % 251) throw new Error(`byte ${count} is ${byte}`);
    }
  }
  return count;
}

test("TlsTransport takes little that nobody reads, and goes on when it is read", async () => {
  const { below, transport, client } = await pair();
  const length = MUCH;
  const poured = pour(client, length).then(() => client.closeWrite());
  await untilParked(below);
  // As long as nobody reads, it stays so.
  for (let n = 0; n < 20; n++) await untilParked(below);
  // One read makes room, and no more than that.
  assert((await transport.read())!.length < MOST_HELD);
  transport.close();
  await poured.catch(() => {});
  client.close();
});

test("TlsTransport.read() gives all that waited below, and the end", async () => {
  const { below, transport, client } = await pair();
  const length = MUCH;
  const poured = pour(client, length).then(() => client.closeWrite());
  await untilParked(below);
  assertEquals(await readAll(transport), length);
  await poured;
  // The other direction is still open.
  const answer = new Uint8Array([1, 2, 3]);
  assertEquals(await transport.write(answer), 3);
  const heard = new Uint8Array(10);
  assertEquals(await client.read(heard), 3);
  await transport.closeWrite();
  assertEquals(await client.read(heard), null);
  transport.close();
  client.close();
});

test("TlsTransport.read() counts records of one byte as one byte each", async () => {
  const { transport, client } = await pair();
  // Below, they are more than what may be unread, many times over.
  const length = 60_000;
  const poured = (async () => {
    for (let n = 0; n < length; n++) {
      await client.write(new Uint8Array([n % 251]));
    }
    await client.closeWrite();
  })();
  assertEquals(await readAll(transport), length);
  await poured;
  transport.close();
  client.close();
});

test("TlsTransport.read() fails when a peer that was not read is gone", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { plain, client, closed } = connect(listener);
  client.on("error", () => {});
  client.on("secureConnect", () => client.write(Buffer.alloc(MUCH)));
  const below = new Watched(await listener.accept());
  const transport = new TlsServer(SERVER_TLS)
    .transport(below, { transport: "memory" });
  await transport.secured;
  await untilParked(below);
  // TLS does not say that this is the end.
  plain.destroy();
  await assertRejects(async () => {
    while (await transport.read() !== null);
  }, Error);
  assertEquals(below.reading, 0);
  client.destroy();
  transport.close();
  await closed;
});

test("TlsTransport.close() ends what waits for a reader", async () => {
  const { below, transport, client } = await pair();
  const poured = pour(client, MUCH);
  await untilParked(below);
  transport.close();
  await assertRejects(() => poured, Error);
  await assertRejects(() => readAll(transport), Error, "closed");
  client.close();
});
