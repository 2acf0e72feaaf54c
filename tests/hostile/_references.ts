/**
 * References and results: objects that are not there, keys that are guessed,
 * places that are taken twice, and calls that wait for one another.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { KIND } from "../../wire/codec/messages.ts";
import { call, frame, Raw } from "../_raw_peer.ts";
import { type Attack, type Catalogue, TCP } from "./_attack.ts";
import {
  type Bytes,
  each,
  join,
  rawCall,
  rawSend,
  text,
  times,
  uint32,
  varint,
} from "./_bytes.ts";
import type { HostilePeer } from "./_peer.ts";

/** How many references may be tried that there are not. */
const MISSES = 64;
const OBJECTS = 10_000;

/** A place in a table, and its nonce. */
interface Place {
  readonly slot: number;
  readonly nonce: number;
}

/** An object of the sender, as it stands in a value. */
function mine(slot: number, nonce = 7, isFunction = 0): number[] {
  return [0xd7, isFunction, ...varint(slot), ...uint32(nonce)];
}

/** One of the receiver, which returns to its owner. */
function yours({ slot, nonce }: Place): number[] {
  return [0xd8, ...varint(slot), ...uint32(nonce)];
}

/** A call of an object. */
function callOf({ slot, nonce }: Place, id: number, name: string): Bytes {
  return frame(
    KIND.call,
    ...varint(id),
    4,
    0,
    ...varint(slot),
    ...uint32(nonce),
    0,
    ...text(name),
    0,
  );
}

/** A call of the result of another one. */
function callOfResult(id: number, of: number, name: string): Bytes {
  return frame(
    KIND.call,
    ...varint(id),
    4,
    1,
    ...varint(of),
    0,
    ...text(name),
    0,
  );
}

/** A call with the result of another one, and that so often. */
function callWithResult(id: number, of: number, count: number): Bytes {
  const results = times(count, new Uint8Array([0xda, ...varint(of)]));
  return frame(
    KIND.call,
    ...varint(id),
    0,
    0,
    ...text("count"),
    ...varint(count),
    ...results,
  );
}

function release({ slot, nonce }: Place, count: number): Bytes {
  return frame(
    KIND.release,
    ...varint(slot),
    ...uint32(nonce),
    ...varint(count),
  );
}

/** Has the victim give an object. */
async function given(peer: HostilePeer, name = "give"): Promise<Place> {
  await peer.tell(call(0, name));
  const { passed } = await peer.value(0) as Raw;
  if (passed.as !== "object") throw new Error(`It is ${passed.as}.`);
  return passed;
}

/** Has it do so, and then says something. */
function holder(
  name: string,
  says: (place: Place) => Bytes,
  promise: Attack["promise"] = "malformed",
): Attack {
  return {
    name,
    run: async (peer) => await peer.say(says(await given(peer))),
    promise,
  };
}

function bad(name: string, says: () => Bytes): Attack {
  return { name, says, promise: "malformed" };
}

export const REFERENCES: Catalogue = {
  kind: "references and results",
  about:
    "A reference is a key: guessing ends the wire, what is gone fails its call, and nothing but functions of the object itself can be called.",
  attacks: [
    bad(
      "65 calls of objects that are not there",
      () => each(MISSES + 1, (n) => callOf({ slot: n, nonce: 7 }, n, "use")),
    ),
    bad(
      "65 objects of the receiver that it never sent",
      () =>
        each(
          MISSES + 1,
          (n) => rawCall(n, "echo", yours({ slot: n, nonce: 7 })),
        ),
    ),
    bad(
      "another object in a place that is held",
      () => rawSend("keep", mine(3, 7), mine(3, 8)),
    ),
    bad(
      "a reference with flags that there are not",
      () => rawSend("keep", mine(3, 7, 2)),
    ),
    bad(
      "one object more than may be held",
      () =>
        each((OBJECTS + 100) / 100, (n) =>
          rawSend(
            "keep",
            ...Array.from({ length: 100 }, (_, k) => mine(100 * n + k)),
          )),
    ),
    bad(
      "a one-way call of a result",
      () => frame(KIND.send, 4, 1, 0, 0, ...text("use"), 0),
    ),
    bad(
      "a target that there is not",
      () => frame(KIND.call, 0, 4, 2, 0, 0, ...text("use"), 0),
    ),
    holder("a release of more than was given", (place) => release(place, 2)),
    holder("a release of none", (place) => release(place, 0)),
    holder("a release twice", (place) => times(2, release(place, 1))),
    holder(
      "a release with another nonce",
      ({ slot, nonce }) => release({ slot, nonce: nonce ^ 1 }, 1),
    ),
    {
      name: "64 guesses of one object's nonce",
      async run(peer) {
        const { slot, nonce } = await given(peer);
        await peer.say(
          each(
            MISSES,
            (n) => callOf({ slot, nonce: nonce ^ (n + 1) }, n, "use"),
          ),
        );
        for (let n = 0; n < MISSES; n++) {
          assertEquals(await peer.failure(n), "noSuchObject");
        }
        await peer.say(callOf({ slot, nonce }, 0, "use"));
        await peer.value(0);
      },
      promise: "goes on",
      and: "each fails with `noSuchObject`, the next one would end the wire",
    },
    {
      name: "calls of what every object has, on an object",
      async run(peer) {
        const place = await given(peer);
        const names = [
          "constructor",
          "__proto__",
          "toString",
          "hasOwnProperty",
        ];
        names.push("__defineGetter__", "valueOf", "");
        await peer.say(each(names.length, (n) => callOf(place, n, names[n]!)));
        for (const id of names.keys()) {
          assertEquals(await peer.failure(id), "noSuchFunction");
        }
      },
      promise: "goes on",
      and: "each fails with `noSuchFunction`",
    },
    {
      name: "calls of what every function has, on a function",
      async run(peer) {
        const place = await given(peer, "giveFunction");
        const names = ["constructor", "call", "apply", "bind", "toString"];
        await peer.say(each(names.length, (n) => callOf(place, n, names[n]!)));
        for (const id of names.keys()) {
          assertEquals(await peer.failure(id), "noSuchFunction");
        }
      },
      promise: "goes on",
      and: "each fails with `noSuchFunction`",
    },
    {
      name: "a call of an object behind its release",
      async run(peer) {
        const place = await given(peer);
        await peer.say(join(release(place, 1), callOf(place, 1, "use")));
        assertEquals(await peer.failure(1), "noSuchObject");
      },
      promise: "goes on",
      and: "it fails with `noSuchObject`",
    },
    {
      name: "10,000 objects that are asked for, and never released",
      async run(peer) {
        for (let n = 0; n < OBJECTS; n += 500) {
          await peer.say(each(500, (id) => rawCall(id, "give")));
          for (let id = 0; id < 500; id++) await peer.value(id);
        }
        await peer.say(rawCall(0, "give"));
        assertEquals(await peer.failure(0), "limit");
      },
      promise: "goes on",
      and: "one more fails with `limit`",
      holds: 12,
      over: TCP,
    },
    {
      name: "10,000 objects that are kept by the program",
      says: () =>
        each(
          OBJECTS / 100,
          (n) =>
            rawSend(
              "keep",
              ...Array.from({ length: 100 }, (_, k) => mine(100 * n + k)),
            ),
        ),
      promise: "goes on",
      holds: 16,
      over: TCP,
    },
    {
      name: "one object 50,000 times",
      says: () =>
        each(
          500,
          (n) =>
            rawCall(n, "drop", ...Array.from({ length: 100 }, () => mine(1))),
        ),
      run: async (peer) => {
        for (let id = 0; id < 500; id++) await peer.answer(id);
      },
      promise: "goes on",
      holds: 4,
    },
    {
      name: "an object in place after place, each forgotten at once",
      says: () =>
        each(9_000, (n) =>
          join(
            rawSend("note", mine(n)),
            frame(KIND.forget, ...varint(n), ...uint32(7)),
          )),
      promise: "goes on",
      and: "a place is taken until it is released",
      over: TCP,
    },
    {
      name: "a call back that is answered with a call back, 30 deep",
      async run(peer) {
        const fn = new Raw({
          as: "object",
          slot: 0,
          nonce: 7,
          isFunction: true,
        });
        await peer.tell(call(0, "call", fn, 1));
        for (let depth = 0; depth < 30; depth++) {
          await peer.hear("call");
          await peer.tell(call(depth + 1, "call", fn, 1));
        }
      },
      promise: "goes on",
    },
    {
      name: "an answer to a call back that is the same function again",
      async run(peer) {
        const fn = new Raw({
          as: "object",
          slot: 0,
          nonce: 7,
          isFunction: true,
        });
        await peer.tell(call(0, "call", fn, 1));
        const { id } = (await peer.hear("call"))!;
        await peer.tell({ kind: "return", id, value: fn });
        await peer.answer(0);
      },
      promise: "goes on",
    },
    {
      name: "a call that needs its own result",
      async run(peer) {
        await peer.say(callWithResult(5, 5, 1));
        assertEquals(await peer.failure(5), "resultGone");
        await peer.say(callOfResult(5, 5, "use"));
        assertEquals(await peer.failure(5), "resultGone");
      },
      promise: "goes on",
      and: "it fails with `resultGone`",
    },
    {
      name: "a call that needs the result of a call that never was",
      async run(peer) {
        await peer.say(callWithResult(1, 0xffff_ffff, 1));
        assertEquals(await peer.failure(1), "resultGone");
      },
      promise: "goes on",
      and: "it fails with `resultGone`",
    },
    {
      name: "900 calls in a chain, the first of which never ends",
      async run(peer) {
        await peer.say(join(
          rawCall(0, "wait"),
          each(900, (n) => callOfResult(n + 1, n, "use")),
        ));
        await peer.sync();
        await peer.say(frame(KIND.cancel, 0));
        for (let id = 0; id <= 900; id++) await peer.answer(id);
      },
      promise: "goes on",
      and: "they wait, and fail when it does",
      holds: 6,
    },
    {
      name: "900 calls that each name one large result 1,000 times",
      async run(peer) {
        await peer.say(join(
          rawCall(0, "fat", [0xc6, ...uint32(100_000)]),
          rawCall(1, "later", [0xda, 0]),
          each(900, (n) => callWithResult(n + 2, 0, 1_000)),
        ));
        for (let id = 2; id < 902; id++) await peer.answer(id);
      },
      promise: "goes on",
      and:
        "copies have a limit in bytes; what is beyond fails with `resultGone`",
      holds: 24,
      over: TCP,
    },
    {
      name: "a result that is named in a message",
      says: () => frame(KIND.message, 0xda, 3),
      promise: "goes on",
      and: "the message fails by itself",
    },
  ],
};
