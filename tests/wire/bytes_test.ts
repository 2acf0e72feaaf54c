import { assertEquals, assertThrows } from "@std/assert";
import { ByteReader, ByteWriter, varintSize } from "../../wire/codec/bytes.ts";
import { WireError } from "../../wire/base/errors.ts";
import { test } from "../_test.ts";
import { codeOf } from "./_codec.ts";

function written(write: (writer: ByteWriter) => void): number[] {
  const writer = new ByteWriter();
  write(writer);
  return [...writer.written()];
}

function readerOf(bytes: readonly number[]): ByteReader {
  const reader = new ByteReader();
  reader.turnTo(Uint8Array.from(bytes), 0, bytes.length);
  return reader;
}

const encoded = (text: string) => [...new TextEncoder().encode(text)];

const VARINTS: [number, number[]][] = [
  [0, [0]],
  [1, [1]],
  [0x7f, [0x7f]],
  [0x80, [0x80, 0x01]],
  [300, [0xac, 0x02]],
  [0x3fff, [0xff, 0x7f]],
  [0x4000, [0x80, 0x80, 0x01]],
  [0x1fffff, [0xff, 0xff, 0x7f]],
  [0x200000, [0x80, 0x80, 0x80, 0x01]],
  [0xfffffff, [0xff, 0xff, 0xff, 0x7f]],
  [0x10000000, [0x80, 0x80, 0x80, 0x80, 0x01]],
  [0x7fffffff, [0xff, 0xff, 0xff, 0xff, 0x07]],
  [0x80000000, [0x80, 0x80, 0x80, 0x80, 0x08]],
  [0xffffffff, [0xff, 0xff, 0xff, 0xff, 0x0f]],
];

test("varint() writes and reads each size at both of its ends", () => {
  for (const [value, bytes] of VARINTS) {
    assertEquals(written((writer) => writer.varint(value)), bytes, `${value}`);
    assertEquals(varintSize(value), bytes.length, `${value}`);
    const reader = readerOf(bytes);
    assertEquals(reader.varint(), value);
    reader.finish();
  }
});

const BAD_VARINTS: [string, number[]][] = [
  ["nothing", []],
  ["no last byte", [0x80]],
  ["no last byte of five", [0xff, 0xff, 0xff, 0xff]],
  ["0 in two bytes", [0x80, 0x00]],
  ["1 in two bytes", [0x81, 0x00]],
  ["127 in three bytes", [0xff, 0x80, 0x00]],
  ["2^28 - 1 in five bytes", [0xff, 0xff, 0xff, 0xff, 0x00]],
  ["2^32", [0x80, 0x80, 0x80, 0x80, 0x10]],
  ["2^35 - 1", [0xff, 0xff, 0xff, 0xff, 0x7f]],
  ["six bytes", [0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ["endless bytes", Array(64).fill(0xff)],
];

test("varint() refuses what is short, overlong or too large", () => {
  for (const [what, bytes] of BAD_VARINTS) {
    const reader = readerOf(bytes);
    assertEquals(codeOf(() => reader.varint()), "malformed", what);
  }
});

/** Reads of numbers, with what both stand for. */
const NUMBERS: [
  "byte" | "uint16" | "int16" | "uint32" | "int32" | "float32" | "float64",
  number,
  number[],
][] = [
  ["byte", 0xab, [0xab]],
  ["uint16", 0x1234, [0x12, 0x34]],
  ["uint16", 0xfffe, [0xff, 0xfe]],
  ["int16", -2, [0xff, 0xfe]],
  ["uint32", 0xfedcba98, [0xfe, 0xdc, 0xba, 0x98]],
  ["int32", -2, [0xff, 0xff, 0xff, 0xfe]],
  ["float32", 1.5, [0x3f, 0xc0, 0, 0]],
  ["float32", -0, [0x80, 0, 0, 0]],
  ["float64", 0.1, [0x3f, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a]],
  ["float64", NaN, [0x7f, 0xf8, 0, 0, 0, 0, 0, 0]],
];

test("ByteReader reads numbers, the highest byte first", () => {
  for (const [method, value, bytes] of NUMBERS) {
    const reader = readerOf(bytes);
    assertEquals(Object.is(reader[method](), value), true, method);
    reader.finish();
  }
});

test("ByteWriter writes numbers, the highest byte first", () => {
  for (const [method, value, bytes] of NUMBERS) {
    if (!["byte", "uint32"].includes(method)) continue;
    const write = method as "byte" | "uint32";
    assertEquals(written((writer) => writer[write](value)), bytes, method);
  }
  assertEquals(written((writer) => writer.uint32(-2)), [255, 255, 255, 254]);
});

/** Texts around every boundary of the writer and of a length's size. */
const TEXTS: [string, string][] = [
  ["nothing", ""],
  ["a byte order mark", "\ufeffmark"],
  ["NUL", "a\0b"],
  ["beyond ASCII", "Grüße, 世界"],
  ["astral", "𝄞🏳️‍🌈"],
  ["the last code point", "\u{10ffff}"],
  ["a non-character", "\uffff"],
];
for (const length of [31, 32, 63, 64, 65, 127, 128, 129, 16383, 16384, 16385]) {
  TEXTS.push([`${length} of ASCII`, "a".repeat(length)]);
  TEXTS.push([
    `${length}, the last beyond ASCII`,
    `${"a".repeat(length - 1)}é`,
  ]);
  TEXTS.push([`${length}, the first astral`, `𝄞${"a".repeat(length - 2)}`]);
  TEXTS.push([`${length} of three bytes`, "世".repeat(length)]);
}
for (const before of [0, 7, 80, 81, 200, 20_000]) {
  const text = `${"a".repeat(before)}\ufffd`;
  TEXTS.push([`U+FFFD behind ${before}`, text]);
}
TEXTS.push(["many", "aé世𝄞".repeat(50_000)]);

test("text() writes a count and UTF-8, and reads it back", () => {
  for (const [what, text] of TEXTS) {
    const bytes = written((writer) => {
      writer.byte(7);
      writer.text(text);
      writer.byte(9);
    });
    const reader = readerOf(bytes);
    assertEquals(reader.byte(), 7);
    assertEquals(reader.varint(), encoded(text).length, what);
    assertEquals(reader.utf8(reader.remaining - 1) === text, true, what);
    assertEquals(reader.byte(), 9);
    reader.turnTo(reader.buffer, 1, bytes.length - 1);
    assertEquals(reader.text() === text, true, what);
    reader.finish();
  }
});

test("text() keeps short texts at every place of a growing buffer", () => {
  for (const text of ["", "a", "é", "世", "ab", "𝄞", "abc", "abcd", "abcde"]) {
    for (let before = 0; before < 530; before++) {
      const writer = new ByteWriter();
      for (let index = 0; index < before; index++) writer.byte(0xff);
      writer.text(text);
      const bytes = [...writer.written()].slice(before);
      const utf8 = encoded(text);
      assertEquals(bytes.join(), [utf8.length, ...utf8].join(), `${before}`);
    }
  }
});

test("text() refuses a lone surrogate of any position and length", () => {
  for (const lone of ["\ud800", "\udfff"]) {
    for (const before of [0, 1, 31, 63, 64, 16_383, 16_384, 20_000]) {
      for (const after of ["", "b", "世"]) {
        const text = `${"a".repeat(before)}${lone}${after}`;
        const writer = new ByteWriter();
        assertEquals(codeOf(() => writer.text(text)), "unsupportedValue");
      }
    }
  }
});

const BAD_UTF8: [string, number[]][] = [
  ["a lone continuation", [0x80]],
  ["a cut sequence", [0xe4, 0xb8]],
  ["an overlong NUL", [0xc0, 0x80]],
  ["an overlong slash", [0xe0, 0x80, 0xaf]],
  ["a surrogate", [0xed, 0xa0, 0x80]],
  ["a surrogate pair", [0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80]],
  ["beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
  ["a byte that is never there", [0xff]],
];

test("utf8() refuses what is no UTF-8, short and long", () => {
  for (const [what, bad] of BAD_UTF8) {
    for (const before of [0, 7, 8, 120, 127, 128, 200, 20_000]) {
      const bytes = [...Array(before).fill(0x61), ...bad];
      for (const mark of [[], encoded("\ufffd")]) {
        const all = [...mark, ...bytes];
        const reader = readerOf(all);
        assertEquals(codeOf(() => reader.utf8(all.length)), "malformed", what);
      }
    }
  }
});

/** Each read, and how many bytes it needs. */
const READS: [string, number, (reader: ByteReader) => unknown][] = [
  ["byte()", 1, (reader) => reader.byte()],
  ["uint16()", 2, (reader) => reader.uint16()],
  ["int16()", 2, (reader) => reader.int16()],
  ["uint32()", 4, (reader) => reader.uint32()],
  ["int32()", 4, (reader) => reader.int32()],
  ["float32()", 4, (reader) => reader.float32()],
  ["float64()", 8, (reader) => reader.float64()],
  ["take(6)", 6, (reader) => reader.take(6)],
  ["bytes(6)", 6, (reader) => reader.bytes(6)],
  ["utf8(6)", 6, (reader) => reader.utf8(6)],
  ["take(2^32 - 1)", 2 ** 32 - 1, (reader) => reader.take(0xffffffff)],
  ["bytes(2^32 - 1)", 2 ** 32 - 1, (reader) => reader.bytes(0xffffffff)],
  ["utf8(2^32 - 1)", 2 ** 32 - 1, (reader) => reader.utf8(0xffffffff)],
];

test("utf8() takes and refuses what TextDecoder does, around every edge of UTF-8", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const EDGES = [0, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1]
    .concat(0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xf7, 0xf8, 0xff);
  let sequences: number[][] = [[]];
  for (const next of [EDGES, EDGES, EDGES, [0x41, 0x80, 0xbf]]) {
    sequences = sequences.flatMap((some) =>
      next.map((byte) => [...some, byte])
    );
    for (const bytes of sequences) {
      let wanted: string | undefined;
      try {
        wanted = strict.decode(Uint8Array.from(bytes));
      } catch {
        wanted = undefined;
      }
      let found: string | undefined;
      try {
        // What stands behind its end is none of its business.
        const reader = new ByteReader();
        const all = Uint8Array.from([...bytes, 0x80, 0x80, 0x80]);
        reader.turnTo(all, 0, bytes.length);
        found = reader.utf8(bytes.length);
      } catch (error) {
        if ((error as WireError).code !== "malformed") throw error;
        found = undefined;
      }
      if (found !== wanted) assertEquals(found, wanted, `${bytes}`);
    }
  }
});

test("utf8() writes texts of every length and kind as TextEncoder does", () => {
  const KINDS = ["a", "é", "\u07ff", "分", "\uffff", "😀", "a分", "分a😀"];
  for (const kind of KINDS) {
    for (const count of [0, 1, 31, 32, 63, 64, 65, 66, 20_000]) {
      const text = kind.repeat(count);
      const wanted = new TextEncoder().encode(text);
      for (const bound of [Infinity, wanted.length + 3]) {
        const writer = new ByteWriter();
        writer.bytes(Uint8Array.of(1, 2, 3));
        writer.bound = bound;
        assertEquals(writer.utf8(text), wanted.length);
        const same = writer.written(3).every((byte, at) => byte === wanted[at]);
        assertEquals(same, true, `${count} × ${kind}`);
      }
      // The bound is looked at where the buffer has to grow.
      if (wanted.length < 20_000) continue;
      for (const short of [1, 2, 3, 4, 5]) {
        const small = new ByteWriter();
        small.bound = wanted.length - short;
        small.reserve(small.bound);
        assertEquals(codeOf(() => small.utf8(text)), "limit");
      }
    }
  }
});

test("utf8() reads texts of every kind and length, whatever came before", () => {
  const KINDS = ["a", "é", "分", "😀", "aé", "分a", "😀a", "aaa分", "\ufffd"];
  const reader = new ByteReader();
  let last = "";
  for (const kind of KINDS) {
    for (let count = 0; count < 300; count++) {
      // One of many units, one of ASCII, and that before once more.
      for (const text of [kind.repeat(count), "a".repeat(count), last]) {
        const bytes = new TextEncoder().encode(text);
        reader.turnTo(bytes, 0, bytes.length);
        const read = reader.utf8(bytes.length);
        if (read !== text) assertEquals(read, text, `${count} × ${kind}`);
        last = text;
      }
    }
  }
});

test("shortText() takes short texts of every kind, up to the bound", () => {
  const KINDS = ["a", "é", "分", "😀", "aé", "分a", "a分", "分aaaaaaaa"];
  for (const kind of KINDS) {
    for (let length = 0; length <= 31; length++) {
      const text = kind.repeat(length).slice(0, length).toWellFormed();
      const utf8 = encoded(text);
      const head = utf8.length < 32 ? [0x80 + utf8.length] : [1, utf8.length];
      for (let before = 0; before <= 256; before += before < 64 ? 64 : 1) {
        const writer = new ByteWriter();
        for (let index = 0; index < before; index++) writer.byte(7);
        const isAscii = writer.shortText(0x80, 1, text);
        assertEquals(isAscii, utf8.length === text.length);
        const bytes = [...writer.written(before)];
        assertEquals(bytes.join(), [...head, ...utf8].join(), text);
      }
      const exact = head.length + utf8.length;
      for (let left = 0; left <= exact + 2; left++) {
        const writer = new ByteWriter();
        writer.bound = 256;
        writer.bytes(new Uint8Array(256 - left));
        const code = codeOf(() => writer.shortText(0x80, 1, text));
        assertEquals(code, left < exact ? "limit" : undefined, `${left}`);
        const bytes = [...writer.written(256 - left)];
        const wanted = left < exact ? [] : [...head, ...utf8];
        assertEquals(bytes.join(), wanted.join(), text);
      }
    }
  }
});

test("key() gives the same texts however often and in whatever order they come", () => {
  const texts = Array.from({ length: 3_000 }, (_, at) => `key ${at % 1_700}`)
    // The hashes of these two are the same.
    .concat(
      "Aa",
      "BB",
      "Aa",
      "BB",
      "",
      "é".repeat(9),
      "x".repeat(32),
      "x".repeat(33),
      "分".repeat(40),
    );
  const bytes = written((writer) => {
    for (let time = 0; time < 3; time++) {
      for (const text of texts) writer.text(text);
    }
  });
  const reader = readerOf(bytes);
  for (let time = 0; time < 3; time++) {
    for (const text of texts) assertEquals(reader.key(), text);
  }
  assertEquals(reader.remaining, 0);
});

test("ByteReader refuses every read beyond its window", () => {
  const reader = new ByteReader();
  const buffer = new Uint8Array(64);
  for (const [what, size, read] of READS) {
    const short = Math.min(size, 32) - 1;
    reader.turnTo(buffer, 8, 8 + short);
    assertEquals(codeOf(() => read(reader)), "malformed", what);
    if (size > 32) continue;
    reader.turnTo(buffer, 8, 8 + size);
    read(reader);
    reader.finish();
  }
});

test("ByteReader reads within its window of a larger buffer", () => {
  const whole = Uint8Array.from([9, 9, 1, 2, 3, 4, 9, 9]);
  const reader = new ByteReader();
  reader.turnTo(whole.subarray(1), 1, 5);
  assertEquals(reader.remaining, 4);
  assertEquals(reader.uint16(), 0x0102);
  const copy = reader.bytes(2);
  whole.fill(0);
  assertEquals([...copy], [3, 4]);
  reader.finish();
  reader.turnTo(whole.subarray(1), 1, 5);
  reader.byte();
  assertThrows(() => reader.finish(), WireError, "3 bytes");
});

test("ByteWriter grows, and keeps what was written", () => {
  const writer = new ByteWriter();
  for (let index = 0; index < 10_000; index++) writer.byte(index & 0xff);
  writer.bytes(new Uint8Array(70_000).fill(7));
  const all = writer.written();
  assertEquals(all.length, 80_000);
  assertEquals([all[0], all[9_999], all[79_999]], [0, 9_999 & 0xff, 7]);
});

test("ByteWriter copies little while it grows", () => {
  const writer = new ByteWriter();
  let buffers = 0;
  let buffer = writer.buffer;
  for (let index = 0; index < 1_000_000; index++) {
    writer.byte(0);
    if (writer.buffer === buffer) continue;
    buffer = writer.buffer;
    buffers++;
  }
  assertEquals(buffers, 13, "256 bytes, doubled to a million");
});

test("flip() hands out what was written, and goes on elsewhere", () => {
  const writer = new ByteWriter();
  writer.text("one");
  const one = writer.flip();
  writer.text("two");
  assertEquals([...one], [3, ...encoded("one")]);
  const two = writer.flip();
  assertEquals([...two], [3, ...encoded("two")]);
  assertEquals(writer.flip().length, 0);
});

test("takeBack() goes on in the buffer that was handed out, when empty", () => {
  const writer = new ByteWriter();
  writer.byte(1);
  const one = writer.flip();
  writer.takeBack();
  writer.byte(2);
  assertEquals([...one], [2]);
  const two = writer.flip();
  writer.byte(3);
  writer.takeBack();
  writer.byte(4);
  assertEquals([[...two], [...writer.written()]], [[2], [3, 4]]);
});

test("trim() releases large buffers of an empty writer only", () => {
  const writer = new ByteWriter();
  writer.bytes(new Uint8Array(100_000));
  writer.trim();
  assertEquals(writer.written().length, 100_000);
  writer.flip();
  writer.trim();
  assertEquals(writer.buffer.length, 0);
  writer.bytes(new Uint8Array(1_000));
  writer.flip();
  writer.flip();
  writer.trim();
  assertEquals(writer.buffer.length, 1_000, "a small one is kept");
});

test("ByteWriter does not grow beyond its bound", () => {
  const writer = new ByteWriter();
  writer.bytes(new Uint8Array(100));
  writer.bound = 1_000;
  writer.bytes(new Uint8Array(900));
  assertEquals(
    codeOf(() => writer.bytes(new Uint8Array(10_000))),
    "limit",
  );
  assertEquals(writer.position, 1_000);
});
