/**
 * Peers that never read, never grant, never answer and never finish. Time
 * passes for their victim until its limits have run out.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { KIND } from "../../wire/codec/messages.ts";
import { call, frame, framed, hello } from "../_raw_peer.ts";
import type { Arena } from "./_arena.ts";
import { type Attack, type Catalogue, LURED, SERVED } from "./_attack.ts";
import {
  type Bytes,
  each,
  firstPiece,
  join,
  nextPiece,
  rawCall,
  times,
  uint32,
} from "./_bytes.ts";
import type { HostilePeer } from "./_peer.ts";

/** Lets time pass until a victim has closed what it has to close. */
async function untilFew(arena: Arena, descriptors: number): Promise<void> {
  while ((await arena.victim.ask.state(false)).descriptors > descriptors) {
    await arena.pass(200);
  }
}

const stalled: Pick<Attack, "promise" | "isTold" | "reads"> = {
  promise: "stalled",
  isTold: false,
  reads: false,
};

/** A server says nothing to who has not said hello; a client tells why. */
function served(attack: Attack): Attack[] {
  return [
    { ...attack, over: SERVED, isTold: false },
    { ...attack, name: `${attack.name}, to a client`, over: LURED },
  ];
}

/** A call whose answer is so large. */
function fat(id: number, size: number): Bytes {
  return rawCall(id, "fat", [0xc6, ...uint32(size)]);
}

function ping(peer: HostilePeer): Promise<void> {
  return peer.say(frame(KIND.ping, 0, 0, 0, 1));
}

export const STUBBORN: Catalogue = {
  kind: "peers that are stubborn",
  about:
    "Who is silent, or takes nothing, or never finishes, is left when its time is up; what is held for it until then has a limit.",
  takesTime: true,
  attacks: [
    {
      name: "a connection, and no hello",
      before: "hello",
      promise: "timeout",
    },
    ...served({
      name: "half a hello, and nothing more",
      before: "hello",
      says: () => framed(hello()).slice(0, 9),
      promise: "timeout",
    }),
    ...served({
      name: "a hello of which a byte comes now and then",
      before: "hello",
      says: () => framed(hello()).slice(0, 4),
      meanwhile: (peer) =>
        peer.say(framed(hello()).slice(peer.said, peer.said + 1)),
      promise: "timeout",
    }),
    {
      name: "a hello, and never an accept",
      before: "accept",
      promise: "timeout",
    },
    {
      name: "a hello, and pings in the place of an accept",
      before: "accept",
      meanwhile: ping,
      promise: "timeout",
    },
    {
      name: "a connection that is open, and silent",
      promise: "keepalive",
      isTold: false,
    },
    {
      name: "a frame that is begun, and not finished",
      says: () => rawCall(0, "echo", [1]).subarray(0, 9),
      promise: "stalled",
    },
    {
      name: "a frame's length, and nothing of it",
      says: () => new Uint8Array([0, 0, 1, 0]),
      promise: "stalled",
    },
    {
      name: "a message in pieces that is begun, and not finished",
      says: () => firstPiece(0, 1_000, KIND.message),
      promise: "stalled",
    },
    {
      name: "a message in pieces of which a byte comes now and then",
      says: () => firstPiece(0, 1_000, KIND.message),
      meanwhile: (peer) => peer.say(nextPiece(0, 1)),
      promise: "goes on",
      and: "it is held as far as it has come",
    },
    {
      name: "answers of 32 MB, none of which is read",
      says: () => each(32, (id) => fat(id, 1_000_000)),
      ...stalled,
    },
    {
      name: "900 answers of 60,000 bytes, none of which is read",
      says: () => each(900, (id) => fat(id, 60_000)),
      ...stalled,
    },
    {
      name: "pings without end, and no pong is read",
      says: () => times(1_500_000, frame(KIND.ping, 0, 0, 0, 1)),
      ...stalled,
      over: SERVED,
    },
    {
      name: "answers of 32 MB that are read a little at a time",
      says: () => each(32, (id) => fat(id, 1_000_000)),
      reads: false,
      async meanwhile(peer) {
        for (let n = 0; n < 30; n++) await peer.read();
        await ping(peer);
      },
      async alive(peer) {
        peer.listen();
        await peer.checkAlive();
      },
      promise: "goes on",
      and: "it takes something, and that is enough",
    },
    {
      name: "typed messages of 8 MB that it gives no credit for",
      run: (peer) => peer.tell(call(0, "postSoon", 1_000, 8_000)),
      meanwhile: ping,
      promise: "goes on",
      and: "one window of them leaves, the others wait",
    },
    {
      name: "a call of the victim's that is never answered",
      run: (peer) => peer.tell(call(0, "ask", "question")),
      meanwhile: ping,
      promise: "goes on",
      and: "calls have no time limit that nobody set; they end with the wire",
    },
    {
      name: "a close, and calls that never end",
      async run(peer) {
        await peer.say(join(rawCall(0, "waitForEver"), frame(KIND.close)));
      },
      promise: "timeout",
    },
    {
      name: "a close of the victim's that is never answered",
      run: (peer) => peer.tell(call(0, "leave")),
      promise: "timeout",
    },
    {
      name: "a close of the victim's, and pings in the place of an answer",
      run: (peer) => peer.tell(call(0, "leave")),
      meanwhile: ping,
      promise: "timeout",
    },
    {
      name: "an abort that is heard, and a connection that stays open",
      async siege(arena) {
        const { descriptors } = await arena.victim.ask.state(false);
        const peers = await Promise.all(
          SERVED.map((road) => arena.roads.connect(road)),
        );
        for (const peer of peers) {
          // It reads nothing, and ends nothing.
          await peer.say(join(framed(hello()), framed({ kind: "accept" })));
          await peer.say(new Uint8Array(4));
        }
        await untilFew(arena, descriptors);
        for (const peer of peers) peer.close();
        const deaths = await arena.victim.ask.deaths();
        assertEquals(
          deaths.map(({ code }) => code),
          SERVED.map(() => "malformed"),
        );
      },
      promise: "it is closed a second later, whatever its peer does",
    },
    {
      name: "its own direction ended, and reading without end",
      async siege(arena) {
        const { descriptors } = await arena.victim.ask.state(false);
        const peers = await Promise.all(
          ["tcp" as const, "unix" as const].map((road) =>
            arena.roads.connect(road)
          ),
        );
        for (const peer of peers) {
          await peer.open();
          await peer.end();
        }
        await untilFew(arena, descriptors);
        for (const peer of peers) peer.close();
      },
      promise: "it is closed at once",
    },
    {
      name: "hellos and aborts without end, one connection after the other",
      async siege(arena) {
        for (let n = 0; n < 200; n++) {
          const peer = await arena.roads.connect(SERVED[n % 3]!);
          const abort = { kind: "abort", code: "limit", message: "" } as const;
          await peer.say(join(framed(hello()), framed(abort)));
          peer.close();
        }
      },
      promise: "nothing of them stays",
    },
  ],
};
