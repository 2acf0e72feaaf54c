/**
 * Crowds at the door: thousands that say nothing, half of something, or what
 * everybody says, and then stay.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { connectToRemoteServer, type WireError } from "../../mod.ts";
import { framed, hello } from "../_raw_peer.ts";
import type { Arena } from "./_arena.ts";
import type { Catalogue, Road, Siege } from "./_attack.ts";
import { type Bytes, join, utf8 } from "./_bytes.ts";
import { doorOf } from "./_roads.ts";
import { Crowd, hasTwoAddresses } from "../server/_crowd.ts";

/** How many connections at a time are on their way. */
const ABREAST = 32;
/** Descriptors that this process needs for other things. */
const OTHERS = 500;

/** As many connections as this process may hold, of those that are wanted. */
async function atMost(wanted: number): Promise<number> {
  if (Deno.build.os === "windows") return Math.min(wanted, 1_000);
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", "ulimit -n"],
  }).output();
  const limit = Number(new TextDecoder().decode(stdout)) || Infinity;
  const most = Math.min(wanted, limit - OTHERS);
  if (most < wanted) {
    console.log(`${most} connections, not ${wanted}: see ulimit -n.`);
  }
  return most;
}

/** Comes in numbers. Each says something, and stays. */
async function crowd(
  arena: Arena,
  road: Road,
  wanted: number,
  says?: Bytes,
): Promise<Deno.Conn[]> {
  const count = await atMost(wanted);
  const conns: Deno.Conn[] = [];
  let next = 0;
  const bring = async () => {
    while (next++ < count) {
      const conn = await patient(() => arena.roads.open(road));
      conns.push(conn);
      if (says !== undefined) await conn.write(says).catch(() => 0);
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, bring));
  return conns;
}

/** Connects; the queue of a Unix socket may be full for a while. */
async function patient(connect: () => Promise<Deno.Conn>): Promise<Deno.Conn> {
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** Thousands that say nothing, and somebody new from the same address. */
function silent(name: string, road: Road, count: number): Siege {
  return {
    name: `${count.toLocaleString("en")} ${name}`,
    async siege(arena) {
      const conns = await crowd(arena, road, count);
      await arena.newcomer(road);
      for (const conn of conns) conn.close();
    },
    promise: "a newcomer from the same address gets in at once",
  };
}

/** Hundreds that begin to speak, and somebody new from another address. */
function begun(
  name: string,
  road: Road,
  count: number,
  says: () => Bytes,
): Siege {
  return {
    name: `${count.toLocaleString("en")} ${name}`,
    async siege(arena) {
      await using crowd = new Crowd();
      // Without another address, it is as many as there are places for one.
      const most = hasTwoAddresses ? count : 60;
      await crowd.come(arena.victim.ports[doorOf(road)!]!, most, says());
      await arena.newcomer(road);
    },
    promise: "a newcomer from another address gets in at once",
  };
}

const GREETING = () => join(framed(hello()), framed({ kind: "accept" }));
/** A ClientHello that is whole, as far as its lengths go. */
const CLIENT_HELLO = () =>
  new Uint8Array([22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3, ...Array(194).fill(7)]);

export const CROWDS: Catalogue = {
  kind: "crowds at the door",
  about:
    "However many come, who has something to say gets in, and those that were in notice nothing.",
  victim: { doors: ["tcp", "tls", "unix", "lines", "lines tls"] },
  attacks: [
    silent("connections that never say hello", "tcp", 10_000),
    silent("connections that never say hello, to a Unix socket", "unix", 2_000),
    silent("connections that never shake hands", "bare tls", 2_000),
    begun(
      "connections with half a hello",
      "tcp",
      500,
      () => GREETING().slice(0, 20),
    ),
    begun(
      "connections with the first bytes of a TLS handshake",
      "bare tls",
      500,
      () => CLIENT_HELLO().slice(0, 6),
    ),
    begun(
      "TLS handshakes that stall half-way",
      "bare tls",
      300,
      () => CLIENT_HELLO().slice(0, 100),
    ),
    begun("ClientHellos that are none", "bare tls", 300, CLIENT_HELLO),
    begun(
      "requests of HTTP",
      "tcp",
      1_000,
      () => utf8("GET / HTTP/1.1\r\n\r\n"),
    ),
    silent("streams that say nothing", "lines", 900),
    silent("streams that never shake hands", "bare lines tls", 1_000),
    {
      name: "1,000 hellos that are never followed by an accept",
      async siege(arena) {
        const conns = await crowd(arena, "tcp", 990, framed(hello()));
        await arena.newcomer("tcp");
        for (const conn of conns) conn.close();
      },
      promise: "a newcomer gets in while there are places for wires",
    },
    {
      name: "2,000 connections that are reset as soon as they are there",
      async siege(arena) {
        for (let n = 0; n < 2_000; n += 500) {
          const conns = await crowd(arena, "tcp", 500, GREETING());
          // What was not read makes it a reset.
          for (const conn of conns) conn.close();
        }
        await arena.newcomer("tcp");
      },
      promise: "nothing of them stays",
    },
    {
      name: "1,100 wires of one address, that say hello and stay",
      async siege(arena) {
        const conns = await crowd(arena, "tcp", 1_100, GREETING());
        await arena.gatherWires(1_000);
        const codes: string[] = [];
        const wire = await connectToRemoteServer(
          "127.0.0.1",
          arena.victim.ports.tcp!,
        ).catch((error: WireError) => void codes.push(error.code));
        assertEquals([wire, codes], [undefined, ["busy"]]);
        for (const conn of conns.splice(0, 500)) conn.close();
        await arena.settleWires(700);
        await arena.newcomer("tcp");
        for (const conn of conns) conn.close();
      },
      promise: "one address has no more than its share; the others get `busy`",
    },
  ],
};

/** Guesses at a secret. */
export const GUESSES: Catalogue = {
  kind: "guesses at a secret",
  about:
    "Wrong credentials are counted by address, and few a second are looked at.",
  victim: { credential: "correct horse battery staple" },
  attacks: [
    {
      name: "500 wrong credentials",
      async siege(arena) {
        const codes = new Map<string, number>();
        for (let n = 0; n < 500; n++) {
          const peer = await arena.roads.connect("tcp");
          peer.listen();
          const said = { ...hello(), credential: `guess ${n}` };
          await peer.tell(said as ReturnType<typeof hello>);
          const code = (await peer.hearAbort())?.code ?? "";
          codes.set(code, 1 + (codes.get(code) ?? 0));
          peer.close();
        }
        assert(codes.get("refused")! < 100, JSON.stringify([...codes]));
        assert(codes.get("busy")! > 400, JSON.stringify([...codes]));
      },
      promise: "ten are refused, and one a second; the others hear `busy`",
    },
  ],
};
