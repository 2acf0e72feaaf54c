/**
 * TLS that is none, or that never comes to its end: at servers, and at clients
 * that came to the wrong one.
 *
 * @module
 */

import tls from "node:tls";
import net from "node:net";
import { framed, hello } from "../_raw_peer.ts";
import type { Arena } from "./_arena.ts";
import type { Attack, Catalogue, Road } from "./_attack.ts";
import { type Bytes, join, times, utf8 } from "./_bytes.ts";
import { CLIENT_TLS } from "../_transports.ts";

const BARE: readonly Road[] = ["bare tls", "bare lines tls"];
const LURED: readonly Road[] = ["client bare tls"];

/** A record of TLS. */
function record(type: number, ...body: number[]): Bytes {
  const { length } = body;
  return new Uint8Array([type, 3, 3, length >> 8, length & 255, ...body]);
}

/** What a client says first that means it. */
async function clientHello(): Promise<Bytes> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const connecting = Deno.connectTls({ hostname: "127.0.0.1", port });
  using conn = await listener.accept();
  const shaking = connecting.then(async (tls) => {
    await tls.handshake().catch(() => {});
    tls.close();
  });
  const buffer = new Uint8Array(4_096);
  const count = await conn.read(buffer);
  await conn.closeWrite();
  await shaking;
  return buffer.slice(0, count ?? 0);
}

/** Bytes in the place of a handshake: the connection is closed. */
function bad(name: string, says: () => Bytes): Attack {
  return { name, says, before: "hello", over: BARE, promise: "closes" };
}

/** The same, of a server; its client says `tlsFailed`. */
function lured(name: string, says: () => Bytes): Attack {
  return {
    name: `${name}, from a server`,
    says,
    before: "hello",
    over: LURED,
    promise: "closes",
    lured: "tlsFailed",
  };
}

/** A client of TLS that has shaken hands, and the connection below it. */
async function secured(arena: Arena): Promise<
  { plain: net.Socket; secure: tls.TLSSocket; over: Promise<void> }
> {
  const plain = net.connect(arena.victim.ports.tls!, "127.0.0.1");
  const secure = tls.connect({
    socket: plain,
    ca: CLIENT_TLS.caCerts,
    servername: "localhost",
  });
  secure.resume();
  const over = Promise.withResolvers<void>();
  for (const socket of [plain, secure]) {
    for (const end of ["error", "close", "end"]) socket.on(end, over.resolve);
  }
  await new Promise((resolve) => secure.once("secureConnect", resolve));
  return { plain, secure, over: over.promise };
}

export const HANDSHAKES: Catalogue = {
  kind: "TLS handshakes",
  about:
    "What is no TLS is closed; a handshake that does not come to its end goes when its time is up.",
  victim: { doors: ["tls", "lines tls"] },
  takesTime: true,
  attacks: [
    bad("nothing at all, in the place of a handshake", () => new Uint8Array(0)),
    bad("one byte of a handshake", () => new Uint8Array([22])),
    bad(
      "a record whose end never comes",
      () => record(22, ...Array(100).fill(1)).slice(0, 60),
    ),
    bad(
      "a record of 65,535 bytes",
      () => join(new Uint8Array([22, 3, 3, 255, 255]), new Uint8Array(65_535)),
    ),
    bad("20,000 records of no bytes", () => times(20_000, record(22))),
    bad(
      "a ClientHello that says it is 16 MiB long, and 1 MiB of it",
      () =>
        join(
          record(22, 1, 255, 255, 255, ...Array(16_000).fill(0)),
          times(64, record(22, ...Array(16_000).fill(0))),
        ),
    ),
    bad("a fatal alert", () => record(21, 2, 40)),
    bad("20,000 warnings", () => times(20_000, record(21, 1, 0))),
    bad("a change of ciphers before there are any", () => record(20, 1)),
    bad("data before a handshake", () => record(23, ...utf8("WIRE"))),
    bad(
      "a heartbeat that asks for more than it brings",
      () => new Uint8Array([24, 3, 2, 0, 3, 1, 64, 0]),
    ),
    bad(
      "a ClientHello of SSL 2",
      () =>
        new Uint8Array([
          128,
          46,
          1,
          0,
          2,
          0,
          21,
          0,
          0,
          0,
          16,
          ...Array(37).fill(1),
        ]),
    ),
    bad(
      "the greeting of a wire, without TLS",
      () => join(framed(hello()), framed({ kind: "accept" })),
    ),
    {
      name: "a ClientHello, and nothing more",
      before: "hello",
      over: BARE,
      run: async (peer) => await peer.say(await clientHello()),
      promise: "closes",
    },
    {
      name: "a ClientHello in one-byte writes, and nothing more",
      before: "hello",
      over: BARE,
      async run(peer) {
        for (const byte of await clientHello()) {
          await peer.say(new Uint8Array([byte]));
        }
      },
      promise: "closes",
    },
    {
      name: "a ClientHello, and NULs in the place of the rest",
      before: "hello",
      over: BARE,
      run: async (peer) =>
        await peer.say(join(await clientHello(), new Uint8Array(10_000))),
      promise: "closes",
    },
    {
      name: "a ClientHello twice",
      before: "hello",
      over: BARE,
      run: async (peer) => await peer.say(times(2, await clientHello())),
      promise: "closes",
    },
    {
      name: "a byte of a ClientHello now and then",
      before: "hello",
      over: BARE,
      says: () => new Uint8Array([22, 3, 1, 2, 0]),
      meanwhile: (peer) => peer.say(new Uint8Array([1])),
      promise: "closes",
    },
    lured("HTTP", () => utf8("HTTP/1.1 400 Bad Request\r\n\r\n")),
    lured("the greeting of a wire", () => framed(hello())),
    lured("a fatal alert", () => record(21, 2, 40)),
    lured(
      "a record of 65,535 bytes",
      () => join(new Uint8Array([22, 3, 3, 255, 255]), new Uint8Array(65_535)),
    ),
    lured(
      "a ServerHello that is none",
      () => record(22, 2, 0, 0, 60, 3, 3, ...Array(58).fill(9)),
    ),
    {
      name: "nothing at all, from a server",
      before: "hello",
      over: LURED,
      promise: "closes",
      lured: "timeout",
    },
    {
      name: "a record whose end never comes, from a server",
      before: "hello",
      over: LURED,
      says: () => new Uint8Array([22, 3, 3, 1, 0, 2]),
      promise: "closes",
      lured: "timeout",
    },
    {
      name: "NULs without TLS behind a handshake that was right",
      async siege(arena) {
        const { plain, secure, over } = await secured(arena);
        plain.write(new Uint8Array(10_000));
        await over;
        secure.destroy();
        plain.destroy();
      },
      promise: "the connection is closed",
    },
    {
      name: "300 handshakes, each ended in the middle",
      async siege(arena) {
        const bytes = await clientHello();
        const one = async () => {
          const conn = await arena.roads.open("bare tls");
          await conn.write(bytes);
          await conn.read(new Uint8Array(100));
          conn.close();
        };
        for (let n = 0; n < 10; n++) {
          await Promise.all(Array.from({ length: 30 }, one));
        }
      },
      promise: "nothing of them stays",
    },
  ],
};
