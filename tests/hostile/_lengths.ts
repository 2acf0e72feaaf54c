/**
 * Lengths and counts that lie: what is announced is not there, or is more than
 * anything may be.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../../wire/base/limits.ts";
import { KIND } from "../../wire/codec/messages.ts";
import { frame } from "../_raw_peer.ts";
import type { Attack, Catalogue } from "./_attack.ts";
import {
  type Bytes,
  firstPiece,
  join,
  nextPiece,
  rawCall,
  rawMessage,
  rawSend,
  text,
  uint32,
  varint,
} from "./_bytes.ts";

/** The largest number that a varint can tell. */
const MOST = [0xff, 0xff, 0xff, 0xff, 0x0f];

function lie(name: string, says: () => Bytes): Attack {
  return { name, says, promise: "malformed" };
}

export const LENGTHS: Catalogue = {
  kind: "lengths and counts that lie",
  about:
    "What is announced and is not there, or is more than anything may be, is found before memory is taken for it.",
  attacks: [
    lie("a frame of no bytes", () => new Uint8Array(4)),
    lie(
      "a frame one byte over the limit",
      () => uint32Bytes(DEFAULT_LIMITS.frame + 1),
    ),
    lie("a frame of 2^32 - 1 bytes", () => uint32Bytes(0xffff_ffff)),
    lie("a frame of 2^31 bytes", () => uint32Bytes(0x8000_0000)),
    lie("a text of 2^32 - 1 bytes", () => rawMessage(0xcd, ...MOST)),
    lie("a text that ends one byte late", () => rawMessage(0x83, 97, 98)),
    lie("bytes that are 2^32 - 1", () => rawMessage(0xce, ...MOST)),
    lie(
      "a view of 2^32 - 8 bytes",
      () => rawMessage(0xcf, 0x0c, 0xf8, 0xff, 0xff, 0xff, 0x0f),
    ),
    lie(
      "a view that is no whole elements",
      () => rawMessage(0xcf, 0x0c, 9, ...Array(9).fill(0)),
    ),
    lie("a list of 2^32 - 1 members", () => rawMessage(0xd1, ...MOST)),
    lie(
      "a list in a list in a list, each of all bytes that are left",
      () =>
        rawMessage(
          0xd1,
          ...varint(90),
          0xd1,
          ...varint(88),
          0xd1,
          ...varint(86),
          ...Array(86).fill(0),
        ),
    ),
    lie("a map of 2^32 - 1 entries", () => rawMessage(0xd4, ...MOST)),
    lie("a set of 2^32 - 1 members", () => rawMessage(0xd5, ...MOST)),
    lie("a dictionary of 2^32 - 1 keys", () => rawMessage(0xd3, ...MOST)),
    lie("a bigint of 2^32 - 1 bytes", () => rawMessage(0xcb, ...MOST)),
    lie(
      "a call of 2^32 - 1 arguments",
      () => frame(KIND.call, 0, 0, 0, ...text("count"), ...MOST),
    ),
    lie(
      "a one-way call whose argument is missing",
      () => frame(KIND.send, 0, 0, ...text("note"), 1),
    ),
    lie(
      "a call with bytes behind its arguments",
      () => frame(...rawCall(0, "echo", [1]).subarray(4), 2),
    ),
    lie(
      "a call with 2^32 - 1 metadata",
      () => frame(KIND.call, 0, 8, 0, ...text("echo"), ...MOST),
    ),
    lie("one-way calls in a row whose last one is cut", () =>
      join(
        frame(KIND.define, 0, ...text("note")),
        frame(KIND.sends, 1, 3, 1, 1, 1, 1),
      )),
    lie("one-way calls in a row of no arguments", () =>
      join(
        frame(KIND.define, 0, ...text("note")),
        frame(KIND.sends, 1, 0),
      )),
    lie("a key set of 2^32 - 2 keys", () => frame(KIND.define, ...MOST)),
    lie("a name of 2^32 - 1 bytes", () => frame(KIND.define, 0, ...MOST)),
    lie(
      "a name of 2^32 - 1 bytes in a call",
      () => frame(KIND.call, 0, 0, 0, ...MOST),
    ),
    lie(
      "a string section of more than there is",
      () => frame(0x90, 0x83, 97, 98, 99, 0x08, 0x00),
    ),
    lie(
      "a string section that nobody takes",
      () => frame(0x90, 0x81, 97, 98, 99, 0, 3),
    ),
    lie(
      "a message in pieces of 2^32 - 1 bytes",
      () => firstPiece(0, 0xffff_ffff, 0x10),
    ),
    lie("a message in pieces of no bytes", () => firstPiece(0, 0, 0x10)),
    lie(
      "more pieces than the message has bytes",
      () =>
        join(
          firstPiece(0, 100, ...Array(90).fill(0)),
          nextPiece(0, ...Array(11).fill(0)),
        ),
    ),
    lie("a piece without a byte", () => firstPiece(0, 100)),
    lie("an overlong varint", () => frame(KIND.cancel, 0x80, 0x00)),
    lie(
      "a varint of six bytes",
      () => frame(KIND.cancel, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01),
    ),
    lie(
      "a varint of 2^32",
      () => frame(KIND.cancel, 0x80, 0x80, 0x80, 0x80, 0x10),
    ),
    lie("an abort whose message is cut", () => frame(KIND.abort, 0, 9)),
    lie("a ping with a token too short", () => frame(KIND.ping, 0, 0, 0)),
    lie(
      "an error with more parts than there are",
      () => rawMessage(0xd6, ...text("E"), ...text(""), 16),
    ),
    {
      name: "a message of 4 MiB, announced 8 times, and one byte of each",
      says: () =>
        join(
          ...Array.from(
            { length: 8 },
            (_, n) => firstPiece(n, 4 * 1024 * 1024, 0x10),
          ),
        ),
      promise: "goes on",
      and: "memory is taken for what came, not for what was announced",
      holds: 1,
    },
    {
      name: "a list of as many members as there are bytes, 1,000 times",
      says: () => join(...Array(1_000).fill(rawSend("note", longList(4_000)))),
      promise: "goes on",
      and:
        "each is a list of 4,000 numbers, and garbage when it was called with",
    },
  ],
};

function uint32Bytes(value: number): Bytes {
  return new Uint8Array(uint32(value));
}

function longList(count: number): number[] {
  return [0xd1, ...varint(count), ...Array(count).fill(7)];
}
