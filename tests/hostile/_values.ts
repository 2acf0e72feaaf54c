/**
 * Values that are none, that are too much, or that would do harm if they were
 * made as they stand.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { hashOf } from "../../wire/codec/_objects.ts";
import { KIND } from "../../wire/codec/messages.ts";
import { call, frame } from "../_raw_peer.ts";
import { ALL, type Attack, type Catalogue, type Road, TCP } from "./_attack.ts";
import {
  type Bytes,
  inPieces,
  join,
  rawCall,
  rawMessage,
  text,
  utf8,
  varint,
} from "./_bytes.ts";

const DEEPEST = 64;

function bad(name: string, ...value: number[]): Attack {
  return { name, says: () => rawMessage(...value), promise: "malformed" };
}

/** A call whose arguments are over a limit fails by itself. */
function tooMuch(
  name: string,
  says: () => Bytes,
  over: readonly Road[] = ALL,
): Attack {
  return {
    name,
    says,
    over,
    run: async (peer) => assertEquals(await peer.failure(0), "limit"),
    promise: "goes on",
    and: "the call fails with `limit`",
  };
}

/** A large call of one argument, whose bytes are given. */
function largeCall(name: string, value: Uint8Array): Bytes {
  const head = rawCall(0, name).subarray(4, -1);
  return inPieces(0, join(head, new Uint8Array([1]), value));
}

/** A set of numbers whose hashes end in the same bits. */
function colliding(count: number): Bytes {
  const members = new Uint8Array(count * 5);
  const view = new DataView(members.buffer);
  for (let n = 1, at = 0; at < members.length; n++) {
    if ((hashOf(n) & 0x3ff) !== 5) continue;
    members[at] = 0xc6;
    view.setUint32(at + 1, n);
    at += 5;
  }
  return join(new Uint8Array([0xd5, ...varint(count)]), members);
}

/** Keys that would do harm where they were looked up. */
const EVIL_KEYS = ["__proto__", "constructor", "then", "toString", "length"];

export const VALUES: Catalogue = {
  kind: "values",
  about:
    "Bytes that are no value end the wire; values over a limit fail their call alone; no key, name or tag reaches code.",
  attacks: [
    bad("a tag that there is not", 0xdd),
    bad("text that is no UTF-8", 0x82, 0xc3, 0x28),
    bad("a surrogate in UTF-8", 0x83, 0xed, 0xa0, 0x80),
    bad("overlong UTF-8", 0x82, 0xc0, 0xaf),
    bad("a character beyond U+10FFFF", 0x84, 0xf4, 0x90, 0x80, 0x80),
    bad("a dictionary with a key twice", 0xd3, 2, 1, 97, 1, 1, 97, 2),
    bad("a map with a key twice", 0xd4, 2, 1, 1, 1, 2),
    bad("a map with 1 in two forms", 0xd4, 2, 1, 1, 0xc4, 1, 2),
    bad("a set with 0 and -0", 0xd5, 2, 0, 0xca, 0x80, 0, 0, 0, 0, 0, 0, 0),
    bad(
      "a set with NaN twice",
      0xd5,
      2,
      0xc9,
      0x7f,
      0xc0,
      0,
      0,
      0xc9,
      0x7f,
      0xc0,
      0,
      1,
    ),
    bad("a bigint with a zero in front", 0xcb, 2, 0, 1),
    bad("a view of no kind", 0xcf, 0x0d, 0),
    bad(
      "an error whose errors are no list",
      0xd6,
      ...text("E"),
      ...text(""),
      4,
      1,
    ),
    bad(
      "an error whose data is no object",
      0xd6,
      ...text("E"),
      ...text(""),
      8,
      1,
    ),
    bad(
      "an error whose data has a stack",
      0xd6,
      ...text("E"),
      ...text(""),
      8,
      0xd3,
      1,
      ...text("stack"),
      1,
    ),
    bad("an object of a key set that there is not", 0xb3),
    bad("a value behind the value", 1, 2),
    bad("no value at all"),
    { name: "an unknown kind", says: () => frame(0x7f), promise: "malformed" },
    {
      name: "a string section in a message that has no values",
      says: () => frame(0x80 | KIND.ping, 0, 0, 0, 0, 97, 0, 1),
      promise: "malformed",
    },
    tooMuch(
      "lists that nest one too deep",
      () => rawCall(0, "echo", [...Array(DEEPEST).fill(0xa1), 0xa0]),
    ),
    tooMuch(
      "lists that nest 60,000 deep",
      () => rawCall(0, "echo", [...Array(60_000).fill(0xa1), 0xa0]),
    ),
    tooMuch(
      "lists that nest 4,000,000 deep",
      () =>
        largeCall(
          "echo",
          new Uint8Array(4_000_000).fill(0xa1, 0, -1).fill(0xa0, -1),
        ),
      TCP,
    ),
    tooMuch(
      "errors that are each other's cause, 1,000 deep",
      () =>
        rawCall(0, "echo", [
          ...Array.from({ length: 1_000 }, () => [0xd6, 1, 69, 0, 2]).flat(),
          0,
        ]),
    ),
    tooMuch(
      "one value more than a message may hold",
      () =>
        largeCall(
          "echo",
          join(
            new Uint8Array([0xd1, ...varint(262_144)]),
            new Uint8Array(262_144),
          ),
        ),
      TCP,
    ),
    tooMuch(
      "a bigint one byte too large",
      () =>
        rawCall(0, "echo", [0xcb, ...varint(8_193), ...Array(8_193).fill(255)]),
    ),
    {
      name: "a set of 20,000 numbers that collide",
      says: () => largeCall("drop", colliding(20_000)),
      run: (peer) => peer.answer(0),
      over: TCP,
      promise: "goes on",
      and: "the work stays linear in the bytes",
    },
    {
      name: "a hundred bigints as large as may be",
      says: () =>
        largeCall(
          "drop",
          join(
            new Uint8Array([0xd1, 100]),
            ...Array(100).fill(
              new Uint8Array([
                0xcb,
                ...varint(8_192),
                ...Array(8_192).fill(255),
              ]),
            ),
          ),
        ),
      run: (peer) => peer.answer(0),
      over: TCP,
      promise: "goes on",
    },
    {
      name: "keys such as __proto__, then and constructor",
      async run(peer) {
        for (const [id, key] of EVIL_KEYS.entries()) {
          const sent = [0xd3, 1, ...text(key), 0xd3, 1, ...text("evil"), 1];
          await peer.say(rawCall(id, "echo", sent));
          const value = await peer.value(id) as object;
          assertEquals(Object.keys(value), [key]);
          assertEquals(Object.getPrototypeOf(value), Object.prototype);
        }
      },
      promise: "goes on",
      and: "they are properties like any other",
    },
    {
      name: "calls of what every object has",
      async run(peer) {
        for (
          const [id, name] of [...EVIL_KEYS, "valueOf", "", "\0"].entries()
        ) {
          await peer.tell(call(id, name));
          assertEquals(await peer.failure(id), "noSuchFunction");
        }
      },
      promise: "goes on",
      and: "each fails with `noSuchFunction`",
    },
    {
      name: "an error that calls itself a WireError, with a code",
      async run(peer) {
        const error = [
          0xd6,
          ...text("WireError"),
          ...text("forged"),
          8,
          0xd3,
          1,
          ...text("code"),
          0x80 + 6,
          ...utf8("closed"),
        ];
        await peer.tell(call(1, "ask", "forge"));
        const { id } = (await peer.hear("call"))!;
        await peer.say(frame(KIND.throw, ...varint(id), ...error));
        assertEquals(await peer.value(1), { code: "WireError: forged" });
      },
      promise: "goes on",
      and: "who asked gets an error that is no WireError, and has no such code",
    },
    {
      name: "text that would colour a terminal, as a function's name",
      async run(peer) {
        await peer.tell(call(1, "\x1b[31m\x07\u202e"));
        assertEquals(await peer.failure(1), "noSuchFunction");
      },
      promise: "goes on",
    },
  ],
};
