import { assert, assertEquals } from "@std/assert";
import { ByteReader } from "../../wire/codec/bytes.ts";
import { resolveLimits } from "../../wire/base/limits.ts";
import { KIND, type Message } from "../../wire/codec/messages.ts";
import { CollectingDecoder } from "../../wire/codec/message_collector.ts";
import { PIECE, Pieces } from "../../wire/codec/frames.ts";
import { test } from "../_test.ts";
import { codeOf, concat, decodeAll, encodeAll, frameOf } from "./_codec.ts";
import { bytesAllocated, bytesCopied } from "./_counting.ts";
import { exactly, exactMessages } from "./_exact.ts";

/** Gives pieces their pieces. */
function take(pieces: Pieces, ...bytes: number[]): Uint8Array | undefined {
  const reader = new ByteReader();
  reader.turnTo(Uint8Array.from(bytes), 0, bytes.length);
  return pieces.take(reader);
}

test("PIECE has the flags of the protocol", () => {
  assertEquals({ ...PIECE }, { part: 0, abandoned: 1 });
});

test("take() puts the pieces of a message together", () => {
  const pieces = new Pieces({ message: 100, pieces: 2 });
  assertEquals(take(pieces, 0, 0, 5, 1, 2), undefined);
  assertEquals(pieces.count, 1);
  assertEquals(take(pieces, 0, 0, 3), undefined);
  assertEquals([...take(pieces, 0, 0, 4, 5)!], [1, 2, 3, 4, 5]);
  assertEquals(pieces.count, 0);
  assertEquals([...take(pieces, 0, 0, 1, 6)!], [6], "the same number again");
});

test("take() keeps messages apart by their numbers", () => {
  const pieces = new Pieces({ message: 100, pieces: 3 });
  const far = [0xff, 0xff, 0xff, 0xff, 0x0f];
  take(pieces, 1, 0, 3, 11);
  take(pieces, 2, 0, 2, 21);
  take(pieces, ...far, 0, 2, 31);
  take(pieces, 1, 0, 12);
  assertEquals([...take(pieces, 2, 0, 22)!], [21, 22]);
  assertEquals([...take(pieces, 1, 0, 13)!], [11, 12, 13]);
  assertEquals([...take(pieces, ...far, 0, 32)!], [31, 32]);
});

test("take() forgets a message that was abandoned", () => {
  const pieces = new Pieces({ message: 100, pieces: 1 });
  take(pieces, 1, 0, 2, 5);
  assertEquals(take(pieces, 1, 1), undefined);
  assertEquals(pieces.count, 0);
  assertEquals([...take(pieces, 1, 0, 1, 6)!], [6], "it begins afresh");
  assertEquals(take(pieces, 9, 1), undefined, "nothing was there to forget");
});

/** Pieces that no sender makes; of message 1, one byte of three has come. */
const BAD: [string, number[]][] = [
  ["nothing", []],
  ["no flag", [1]],
  ["an overlong number", [0x80, 0, 0, 1, 5]],
  ["an unknown flag", [1, 2, 5]],
  ["a high flag", [1, 0xff, 5]],
  ["bytes of an abandoned message", [1, 1, 5]],
  ["no byte of a message", [1, 0]],
  ["more bytes than were announced", [1, 0, 5, 6, 7]],
  ["no size", [2, 0]],
  ["an overlong size", [2, 0, 0x81, 0, 5]],
  ["a size of 0", [2, 0, 0]],
  ["a size of 0, and a byte", [2, 0, 0, 5]],
  ["a size over the limit", [2, 0, 101, 5]],
  ["a size far over the limit", [2, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 5]],
  ["a size, and no byte", [2, 0, 3]],
  ["more bytes than the size", [2, 0, 1, 5, 6]],
];

test("take() refuses pieces that no sender makes", () => {
  for (const [what, bytes] of BAD) {
    const pieces = new Pieces({ message: 100, pieces: 2 });
    take(pieces, 1, 0, 3, 4);
    assertEquals(codeOf(() => take(pieces, ...bytes)), "malformed", what);
  }
});

test("take() takes so many unfinished messages, and no more", () => {
  for (const limit of [1, 2, 8]) {
    const pieces = new Pieces({ message: 100, pieces: limit });
    for (let number = 0; number < limit; number++) {
      take(pieces, number, 0, 2, 1);
    }
    assertEquals(codeOf(() => take(pieces, limit, 0, 2, 1)), "malformed");
    take(pieces, 0, 0, 2);
    take(pieces, limit, 0, 2, 1);
    assertEquals(pieces.count, limit);
  }
});

test("take() takes a message of the limit's size", () => {
  const pieces = new Pieces({ message: 5, pieces: 2 });
  take(pieces, 1, 0, 5, 1, 2, 3);
  assertEquals(take(pieces, 1, 0, 4, 5)!.length, 5);
  assertEquals(take(pieces, 2, 0, 5, 1, 2, 3, 4, 5)!.length, 5);
  assertEquals(codeOf(() => take(pieces, 1, 0, 6, 1)), "malformed");
});

/** The size 4,000,000 as a varint. */
const FOUR_MILLION = [0x80, 0x92, 0xf4, 0x01];

test("take() copies each byte a few times, however small the pieces", () => {
  const pieces = new Pieces({ message: 4_000_000, pieces: 1 });
  const copied = bytesCopied(() => {
    take(pieces, 0, 0, ...FOUR_MILLION, 1);
    for (let index = 1; index < 100_000; index++) take(pieces, 0, 0, index);
  });
  assert(copied <= 300_000, `${copied} of 100,000`);
});

test("take() takes memory for bytes that came, not for a size", () => {
  const pieces = new Pieces({ message: 4_000_000, pieces: 8 });
  const allocated = bytesAllocated(() => {
    for (let number = 0; number < 8; number++) {
      take(pieces, number, 0, ...FOUR_MILLION, 1, 2, 3);
    }
  });
  // Sixteen times 11 bytes each; and what this test itself asks for, 72.
  assert(allocated <= 16 * 8 * 11 + 72, `${allocated} bytes`);
  assertEquals(pieces.count, 8);
});

test("take() makes room for sixteen times what came", () => {
  const pieces = new Pieces({ message: 4_000_000, pieces: 8 });
  const part = new Array(10_000).fill(0);
  const allocated = bytesAllocated(() => {
    take(pieces, 0, 0, ...FOUR_MILLION, ...part);
  });
  // And the bytes that come, which this test itself asks for.
  assert(allocated <= 17 * 10_010, `${allocated} bytes`);
});

/** A message as frames of pieces. */
function inPieces(
  message: Message,
  number: number,
  size: number,
): Uint8Array[] {
  const body = encodeAll([message]).subarray(4);
  const length = [body.length & 0x7f | 0x80, body.length >> 7 & 0x7f | 0x80];
  const frames: Uint8Array[] = [];
  for (let start = 0; start < body.length; start += size) {
    frames.push(frameOf([
      KIND.piece,
      number,
      PIECE.part,
      ...(start === 0 ? [...length, body.length >> 14].slice(0, 3) : []),
      ...body.subarray(start, start + size),
    ]));
  }
  return frames;
}

const LARGE: Message = { kind: "return", id: 5, value: "l".repeat(17_000) };
const OTHER: Message = {
  kind: "throw",
  id: 6,
  thrown: ["o".repeat(16_500), 1n],
};
const SMALL: Message = { kind: "ping", token: 9 };

test("Decoder makes a message of its pieces, with others in between", () => {
  for (const size of [1, 2, 1_000, 20_000]) {
    const frames = inPieces(LARGE, 0, size);
    const other = inPieces(OTHER, 1, size);
    const mixed = frames.flatMap((frame, index) => [
      ...other.slice(index, index + 1),
      ...(index === 0 ? [encodeAll([SMALL])] : []),
      frame,
    ]);
    const decoder = new CollectingDecoder(resolveLimits());
    const messages = decodeAll([concat(mixed)], decoder);
    const texts = exactMessages(messages).sort();
    const expected = exactMessages([LARGE, OTHER, SMALL]).sort();
    assert(texts.join() === expected.join(), `pieces of ${size}`);
    assertEquals(decoder.unfinished, false);
  }
});

test("Decoder tells the size of a message in pieces as a whole", () => {
  const decoder = new CollectingDecoder(resolveLimits());
  decodeAll([concat(inPieces(LARGE, 0, 7))], decoder);
  assertEquals(decoder.size, encodeAll([LARGE]).length - 4);
  assertEquals(decoder.unfinished, false);
});

test("Decoder says that a message in pieces is unfinished", () => {
  const frames = inPieces(LARGE, 0, 1_000);
  const decoder = new CollectingDecoder(resolveLimits());
  assertEquals(decodeAll(frames.slice(0, -1), decoder), []);
  assertEquals(decoder.unfinished, true);
  decoder.finish();
  assertEquals(decodeAll(frames.slice(-1), decoder).length, 1);
  assertEquals(decoder.unfinished, false);
});

test("Decoder gives bytes of a message in pieces that stay as they are", () => {
  const bytes = Uint8Array.from({ length: 60_000 }, (_, index) => index * 7);
  const small = Uint8Array.of(1, 2, 3);
  const message: Message = { kind: "message", value: [bytes, small, 42] };
  const decoder = new CollectingDecoder(resolveLimits());
  const chunk = concat(inPieces(message, 0, 30_000));
  const [first] = decodeAll([chunk], decoder) as { value: unknown }[];
  chunk.fill(0xee);
  decodeAll([concat(inPieces(LARGE, 0, 1_000))], decoder);
  assert(exactly(first!.value) === exactly(message.value));
});

/** Bodies in pieces that are no message. */
const NO_MESSAGES: [string, number[]][] = [
  ["a piece in pieces", [KIND.piece, 0, 0, 1, KIND.accept]],
  ["a definition in pieces", [KIND.define, 0, 1, 0x66]],
  ["a reset in pieces", [KIND.reset]],
  ["an unknown kind", [0x7f]],
  ["a message with a trailing byte", [KIND.message, 1, 2]],
  ["a message that is cut", [KIND.message, 0xa1]],
];

test("Decoder refuses pieces that make no message", () => {
  for (const [what, body] of NO_MESSAGES) {
    const head = [KIND.piece, 0, PIECE.part, body.length];
    const whole = frameOf([...head, ...body]);
    assertEquals(codeOf(() => decodeAll([whole])), "malformed", what);
  }
});

test("Decoder refuses a reset while pieces are unfinished", () => {
  const [first] = inPieces(LARGE, 0, 100);
  const reset = frameOf([KIND.reset]);
  assertEquals(codeOf(() => decodeAll([first!, reset])), "malformed");
  const abandoned = frameOf([KIND.piece, 0, PIECE.abandoned]);
  assertEquals(decodeAll([first!, abandoned, reset]), []);
});
