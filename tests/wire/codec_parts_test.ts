/** Parts that some messages have: flags, targets, metadata, references. */

import { assertEquals } from "@std/assert";
import { ByteWriter } from "../../wire/codec/bytes.ts";
import { KIND } from "../../wire/codec/messages.ts";
import { CollectingDecoder } from "../../wire/codec/message_collector.ts";
import { test } from "../_test.ts";
import {
  callOf,
  codeOf,
  decodeAll,
  encodeAll,
  frameOf,
  WIDE,
} from "./_codec.ts";

test("Decoder refuses flags that calls do not have", () => {
  for (const kind of [KIND.call, KIND.send]) {
    const id = kind === KIND.call ? [0] : [];
    for (let flags = 0; flags < 256; flags++) {
      const target = flags & 4 ? [0, 0, 0, 0, 0, 0] : [];
      const deadline = flags & 2 ? [9] : [];
      const metadata = flags & 8 ? [1, 1, 0x6b, 0] : [];
      const name = [0, 1, 0x66];
      const bytes = frameOf(
        [kind, ...id, flags, ...target, ...name, ...deadline, ...metadata, 0],
      );
      const isFine = flags < 16 && (kind === KIND.call || flags % 2 === 0);
      const expected = isFine ? undefined : "malformed";
      assertEquals(codeOf(() => decodeAll([bytes])), expected, `${flags}`);
    }
  }
});

test("Decoder refuses targets that calls do not have", () => {
  for (let target = 0; target < 256; target++) {
    const object = [4, target, ...target === 0 ? [1, 0, 0, 0, 2] : [1]];
    const rest = [0, 1, 0x66, 0];
    const call = frameOf([KIND.call, 0, ...object, ...rest]);
    const send = frameOf([KIND.send, ...object, ...rest]);
    const expected = (most: number) => target <= most ? undefined : "malformed";
    assertEquals(codeOf(() => decodeAll([call])), expected(1), `${target}`);
    assertEquals(codeOf(() => decodeAll([send])), expected(0), `${target}`);
  }
});

/** Metadata of that many keys, of a text of that many units each. */
function metadataOf(count: number, units: number): object {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `${index}`.padStart(2, "0"),
      "é".repeat(units - 2),
    ]),
  );
}

test("Encoder keeps the bounds of metadata, and Decoder does", () => {
  const bounds: [number, number, boolean][] = [
    [0, 2, true],
    [64, 128, true],
    [65, 2, false],
    [1, 8_192, true],
    [1, 8_193, false],
    [64, 129, false],
  ];
  for (const [count, units, isFine] of bounds) {
    const metadata = metadataOf(count, units);
    const what = `${count} × ${units}`;
    const code = codeOf(() => encodeAll([callOf({ metadata })]));
    assertEquals(code, isFine ? undefined : "limit", what);
    const writer = new ByteWriter();
    for (const byte of [KIND.call, 0, 8, 0, 1, 0x66]) writer.byte(byte);
    const entries = Object.entries(metadata);
    writer.varint(entries.length);
    for (const [key, value] of entries) {
      writer.text(key);
      writer.text(value);
    }
    writer.varint(0);
    const decoded = codeOf(() => decodeAll([frameOf(writer.written())]));
    assertEquals(decoded, isFine ? undefined : "malformed", what);
  }
});

test("Decoder refuses references and streams without a wire", () => {
  const values = [
    [0xd7, 0, 0, 0, 0, 0, 0],
    [0xd8, 0, 0, 0, 0, 0],
    [0xd9, 0],
    [0xda, 0],
  ];
  for (const value of values) {
    const bytes = frameOf([KIND.message, ...value]);
    assertEquals(decodeAll([bytes]).length, 1);
    const code = codeOf(() => decodeAll([bytes], new CollectingDecoder(WIDE)));
    assertEquals(code, "malformed", `${value}`);
  }
});

test("Decoder refuses references with flags that there are not", () => {
  for (let flags = 0; flags < 256; flags++) {
    const bytes = frameOf([KIND.message, 0xd7, flags, 0, 0, 0, 0, 0]);
    const expected = flags < 2 ? undefined : "malformed";
    assertEquals(codeOf(() => decodeAll([bytes])), expected, `${flags}`);
  }
});
