/**
 * Tables and pieces: what is said once and referred to, and what comes in
 * parts.
 *
 * @module
 */

import { KIND } from "../../wire/codec/messages.ts";
import { frame } from "../_raw_peer.ts";
import { type Attack, type Catalogue, TCP } from "./_attack.ts";
import {
  type Bytes,
  each,
  firstPiece,
  inPieces,
  join,
  nextPiece,
  rawCall,
  rawMessage,
  text,
  times,
  varint,
} from "./_bytes.ts";

const ENTRIES = 1_024;
const MIB = 1024 * 1024;

function define(name: string): Bytes {
  return frame(KIND.define, 0, ...text(name));
}

function keySet(...keys: string[]): Bytes {
  return frame(
    KIND.define,
    ...varint(keys.length + 1),
    ...keys.flatMap((key) => text(key)),
  );
}

function bad(name: string, says: () => Bytes): Attack {
  return { name, says, promise: "malformed" };
}

const reset = frame(KIND.reset);

export const TABLES: Catalogue = {
  kind: "tables and pieces",
  about:
    "Tables and unfinished messages have bounds in counts and in bytes; what refers to nothing ends the wire.",
  attacks: [
    bad(
      "one definition more than a table may have",
      () => each(ENTRIES + 1, (n) => define(`f${n}`)),
    ),
    bad(
      "one byte of names more than tables may have",
      () => each(1_024, (n) => define(`${n}`.padStart(257, "x"))),
    ),
    bad(
      "a key set of 65 keys",
      () => keySet(...Array.from({ length: 65 }, (_, n) => `k${n}`)),
    ),
    bad("a key set with a key twice", () => keySet("a", "b", "a")),
    bad(
      "a call of a name that was not defined",
      () => frame(KIND.call, 0, 0, 9, 0),
    ),
    bad(
      "a call of a name that was defined before a reset",
      () => join(define("echo"), reset, frame(KIND.call, 0, 0, 1, 1, 1)),
    ),
    bad(
      "an object of a key set that was defined before a reset",
      () => join(keySet("a"), reset, rawMessage(0xb0, 1)),
    ),
    bad(
      "a reset under an unfinished message",
      () => join(firstPiece(0, 9, KIND.message), reset),
    ),
    bad("a definition that is cut", () => frame(KIND.define, 0, 9, 97)),
    bad(
      "a definition in pieces",
      () => inPieces(0, define("echo").subarray(4)),
    ),
    bad(
      "a piece in pieces",
      () => inPieces(0, firstPiece(1, 9, 0x10).subarray(4)),
    ),
    bad(
      "one-way calls in a row, in pieces",
      () =>
        join(
          define("note"),
          inPieces(0, frame(KIND.sends, 1, 1, 1).subarray(4)),
        ),
    ),
    bad(
      "a ninth message in pieces",
      () => each(9, (n) => firstPiece(n, 100, KIND.message)),
    ),
    bad(
      "a message in pieces one byte over the limit",
      () => firstPiece(0, 4 * MIB + 1, KIND.message),
    ),
    bad(
      "pieces of a message that was given up, and begins without a size",
      () =>
        join(
          firstPiece(0, 9, 1),
          frame(KIND.piece, 0, 1),
          frame(KIND.piece, 0, 0),
        ),
    ),
    bad(
      "a piece with a flag that there is not",
      () => frame(KIND.piece, 0, 2, 9, 1),
    ),
    {
      name: "tables as full as may be, 20 times",
      says: () =>
        times(
          20,
          join(each(ENTRIES, (n) => define(`${n}`.padStart(200, "x"))), reset),
        ),
      promise: "goes on",
      holds: 2,
      over: TCP,
    },
    {
      name: "key sets as many and as large as may be, with an object of each",
      says: () =>
        each(ENTRIES, (n) =>
          join(
            keySet(
              ...Array.from(
                { length: 64 },
                (_, k) => `${n % 99}${k + 10}`.padStart(4, "k"),
              ),
            ),
            rawCall(0, "drop", [0xd2, ...varint(n), ...Array(64).fill(1)]),
          )),
      run: async (peer) => {
        for (let n = 0; n < ENTRIES; n++) await peer.answer(0);
      },
      promise: "goes on",
      holds: 16,
      over: TCP,
    },
    {
      name: "20,000 resets",
      says: () => times(20_000, reset),
      promise: "goes on",
    },
    {
      name: "definitions that nothing refers to, and resets, in turns",
      says: () => times(5_000, join(define("a"), keySet("b"), reset)),
      promise: "goes on",
    },
    {
      name: "10,000 messages in pieces, each given up",
      says: () =>
        times(
          10_000,
          join(firstPiece(0, MIB, KIND.message, 0x80), frame(KIND.piece, 0, 1)),
        ),
      promise: "goes on",
      holds: 1,
    },
    {
      name: "8 messages in pieces of 4 MiB each, that lack their last byte",
      says: () => {
        const body = new Uint8Array(4 * MIB);
        body.set([KIND.message, 0xce, ...varint(4 * MIB - 6)]);
        return each(8, (n) => allButOne(n, body));
      },
      promise: "goes on",
      and: "32 MiB are held, as `pieces` × `message` says",
      holds: 40,
      over: TCP,
    },
    {
      name: "a message of 20,000 bytes in pieces of one byte",
      says: () => {
        const body = rawCall(0, "drop", [
          0xce,
          ...varint(19_980),
          ...Array(19_980).fill(1),
        ])
          .subarray(4);
        return join(
          firstPiece(7, body.length, body[0]!),
          each(body.length - 1, (n) => nextPiece(7, body[n + 1]!)),
        );
      },
      run: (peer) => peer.answer(0),
      promise: "goes on",
    },
    {
      name: "a message of 4 MiB in pieces of one byte, but for the last",
      says: () => {
        const count = 100_000;
        return join(
          firstPiece(7, 4 * MIB, KIND.message),
          times(count, nextPiece(7, 0x01)),
        );
      },
      promise: "goes on",
      and: "work and memory stay linear in the bytes",
      holds: 2,
      over: TCP,
    },
  ],
};

/** All but the last byte of a body, in pieces. */
function allButOne(number: number, body: Uint8Array): Bytes {
  const pieces = inPieces(number, body.subarray(0, -1));
  // The first of them tells the size of all: behind length, kind and number.
  const at = 4 + 1 + varint(number).length + 1;
  pieces.set(varint(body.length), at);
  return pieces;
}
