/**
 * Peers that make their victim print: on an error output that nobody reads,
 * which is full after a moment.
 *
 * @module
 */

import { KIND } from "../../wire/codec/messages.ts";
import { frame } from "../_raw_peer.ts";
import { type Catalogue, LURED, SERVED, type Siege } from "./_attack.ts";
import {
  type Bytes,
  each,
  rawCall,
  rawSend,
  text,
  times,
  utf8,
} from "./_bytes.ts";

/** What moves a cursor, sets a title, turns writing, and forges a report. */
const EVIL =
  "\x00\x07\x08\x1b[2J\x1b]0;title\x07\x7f\x9b31m\u202e\u2066\u2028\r\n@remote/wire: error in onConnect: none\n\n";
const LONG = EVIL + "x".repeat(20_000);

/** A text as a value. */
function textValue(said: string): number[] {
  return [0xcd, ...text(said)];
}

/** The end of its wire, as a peer tells it. */
function abort(message: string): Bytes {
  return frame(KIND.abort, ...text("closed"), ...text(message));
}

/** Hundreds of wires, each of which has its victim print once. */
function many(name: string, says: () => Bytes): Siege {
  return {
    name: `100 wires, one after the other: ${name}`,
    async siege(arena) {
      for (let n = 0; n < 100; n++) {
        const peer = await arena.roads.connect("tcp");
        peer.listen();
        await peer.open();
        await peer.say(says());
        await peer.checkAlive();
        peer.close();
      }
    },
    promise: "the process prints no more than it does for a few",
  };
}

export const PRINTED: Catalogue = {
  kind: "peers that have errors printed",
  about:
    "What is printed of peers is harmless, short and little, and a full pipe stops nobody.",
  prints: true,
  victim: { doors: ["tcp", "tls", "unix", "lines"] },
  over: [...SERVED, ...LURED],
  attacks: [
    {
      name: "5,000 one-way calls whose names move cursors and forge lines",
      says: () => times(5_000, rawSend(EVIL)),
      promise: "goes on",
    },
    {
      name: "500 one-way calls of long names, each another",
      says: () => each(500, (n) => rawSend(`${n}${EVIL.repeat(20)}`)),
      promise: "goes on",
    },
    {
      name: "100 one-way calls that throw what their caller says",
      says: () => times(100, rawSend("failWith", textValue(LONG))),
      promise: "goes on",
    },
    {
      name: "calls of the victim's that nobody awaits, and that fail so",
      async run(peer) {
        await peer.say(
          rawCall(1, "askSoon", textValue("a\n@remote/wire: b"), [100]),
        );
        for (let n = 0; n < 100; n++) {
          const call = await peer.hear("call");
          if (call === undefined) throw new Error("The wire ended.");
          await peer.tell({
            kind: "fail",
            id: call.id,
            code: "limit",
            message: LONG,
          });
        }
      },
      promise: "goes on",
    },
    {
      name: "an end of the wire that says what is not so",
      says: () => abort(EVIL),
      promise: "peerAborted",
      isTold: false,
    },
    many(
      "a one-way call that throws",
      () => rawSend("failWith", textValue(LONG)),
    ),
    many("a one-way call of what is not served", () => rawSend(EVIL)),
    {
      name: "100 strangers, one after the other",
      async siege(arena) {
        for (let n = 0; n < 100; n++) {
          const peer = await arena.roads.connect("tcp");
          await peer.say(utf8(`GET /${EVIL} HTTP/1.1\r\n\r\n`));
          await peer.hearAllBytes();
          peer.close();
        }
      },
      promise: "they are counted, and told of together",
    },
    {
      name: "100 streams of lines whose functions throw what they were sent",
      async siege(arena) {
        const said = utf8(`fail \x1b[2J\u202e\r${"x".repeat(10_000)}\n`);
        for (let n = 0; n < 100; n++) {
          const peer = await arena.roads.connect("lines");
          await peer.say(said);
          await peer.hearAllBytes();
          peer.close();
        }
      },
      promise: "the process prints no more than it does for a few",
    },
  ],
};
