/**
 * Tells what values take on the heap, and what they are said to weigh: a line
 * for each kind.
 *
 * @module
 */

import { ByteReader } from "../../../wire/codec/bytes.ts";
import { resolveLimits } from "../../../wire/base/limits.ts";
import { ReceiveTables } from "../../../wire/codec/tables.ts";
import { ValueReader } from "../../../wire/codec/value_reader.ts";

const { gc } = globalThis as unknown as { gc(): void };
const encoder = new TextEncoder();
// So many errors are not very many yet.
const COUNT = 4_000;

function text(value: string): number[] {
  return [value.length, ...encoder.encode(value)];
}

function entries(count: number, key: (index: number) => number[]): number[] {
  return Array.from({ length: count }, (_, index) => [...key(index), 1]).flat();
}

/** The bytes of the n-th value of each kind. */
const KINDS: Record<string, (index: number) => number[]> = {
  "empty list": () => [0xa0],
  "list of one": () => [0xa1, 1],
  "list of ten": () => [0xaa, ...Array(10).fill(1)],
  "nested lists": () => [...Array(20).fill(0xa1), 0xa0],
  "mixed floats": () => [0xa2, 0x81, 0x61, 0xc9, 0x3f, 0, 0, 1],
  "object without keys": () => [0xb0],
  "object of one": () => [0xb1, 1],
  "object of eight": () => [0xb2, ...Array(8).fill(1)],
  "object of an index": () => [0xb3, 1],
  "dictionary without keys": () => [0xd3, 0],
  "dictionary of one key": (index) => [0xd3, 1, ...text(`k${index}`), 1],
  "dictionary of eight keys": (index) => [
    0xd3,
    8,
    ...entries(8, (key) => text(`${"abcdefgh"[key]}${index}`)),
  ],
  "dictionary of index 0": () => [0xd3, 1, ...text("0"), 1],
  "dictionary of index 99": () => [0xd3, 1, ...text("99"), 1],
  "dictionary of index 1000": () => [0xd3, 1, ...text("1000"), 1],
  "dictionary of 20 indices": () => [
    0xd3,
    20,
    ...entries(20, (key) => text(`${1_000 + 40 * key}`)),
  ],
  "byte array": () => [0xce, 3, 1, 2, 3],
  "empty Float64Array": () => [0xcf, 12, 0],
  "empty ArrayBuffer": () => [0xcf, 0, 0],
  "empty Map": () => [0xd4, 0],
  "Map of five": () => [0xd4, 5, ...entries(5, (key) => [key])],
  "Map of nine": () => [0xd4, 9, ...entries(9, (key) => [key])],
  "empty Set": () => [0xd5, 0],
  "Set of five": () => [0xd5, 5, 1, 2, 3, 4, 5],
  "Set of 17": () => [0xd5, 17, ...Array(17).keys()],
  "date": () => [0xdb, 0, 0, 0, 0, 0, 1],
  "URL": (
    index,
  ) => [
    0xdc,
    ...text("URL"),
    0x8c,
    ...text(`http://a.b/${"abcdefgh"[index % 8]}`).slice(1),
  ],
  "bigint": () => [0xcb, 1, 1],
  "bigint of 40 bytes": () => [0xcb, 40, ...Array(40).fill(1)],
  "string of two": (index) => [0x82, 0x61 + index % 20, 0x62],
  "string of 31": () => [0x9f, ...Array(31).fill(0x61)],
  "string of ten €": () => [0x9e, ...Array(10).fill([0xe2, 0x82, 0xac]).flat()],
  "error": () => [0xd6, 0, 0, 0],
  "TypeError": () => [0xd6, ...text("TypeError"), ...text("no number"), 0],
  "error with data": () => [0xd6, 0, 0, 8, 0xb1, 1],
  "AggregateError": () => [0xd6, 0, 0, 4, 0xa0],
};

/** What is kept, so that it is not collected. */
const kept: unknown[] = [];

function heap(): number {
  gc();
  gc();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** What each value of a kind takes, and what it is said to weigh. */
function measure(bytes: Uint8Array): [taken: number, weight: number] {
  const tables = new ReceiveTables();
  const reader = new ByteReader();
  for (const keys of [[], ["a"], [..."abcdefgh"], ["99"]]) {
    const entry = [keys.length + 1, ...keys.flatMap(text)];
    reader.turnTo(new Uint8Array(entry), 0, entry.length);
    tables.readEntry(reader);
  }
  reader.turnTo(bytes, 0, bytes.length);
  const values = new ValueReader(reader, tables, resolveLimits());
  values.begin();
  const list: unknown[] = new Array(COUNT).fill(undefined);
  kept[0] = list;
  const before = heap();
  for (let index = 0; index < COUNT; index++) list[index] = values.read();
  return [(heap() - before) / COUNT, values.weight / COUNT];
}

for (const [kind, make] of Object.entries(KINDS)) {
  const bytes = new Uint8Array(
    Array.from({ length: COUNT }, (_, index) => make(index)).flat(),
  );
  // The engine's own tables grow and shrink meanwhile.
  const [, median] = [1, 2, 3].map(() => measure(bytes))
    .sort(([one], [other]) => one - other);
  console.log(JSON.stringify([kind, ...median!]));
}
