/**
 * Values that take far more memory than bytes, as the bytes of lists of them.
 *
 * @module
 */

/** One kind of value, as often as there is room for. */
export interface ValueKind {
  readonly name: string;
  /** The bytes of one. */
  readonly bytes: readonly number[];
  /** How many values of a message each counts for. */
  readonly counts: number;
}

/** Bytes of a value that is a list. */
const LIST_HEAD = 6;
/** How many values a message may hold. */
const MOST_VALUES = 262_144;

/** The 100 letters "a". */
const LETTERS: readonly number[] = Array(100).fill(0x61);

/** What a peer may fill lists with, the heaviest first. */
export const VALUE_KINDS: readonly ValueKind[] = [
  { name: "errors", bytes: [0xd6, 0, 0, 0], counts: 2 },
  { name: "errors with data", bytes: [0xd6, 0, 0, 8, 0xb0], counts: 3 },
  { name: "empty byte arrays", bytes: [0xce, 0], counts: 1 },
  { name: "empty Float64Arrays", bytes: [0xcf, 12, 0], counts: 1 },
  { name: "empty Maps", bytes: [0xd4, 0], counts: 1 },
  { name: "Maps of one", bytes: [0xd4, 1, 1, 1], counts: 3 },
  { name: "empty Sets", bytes: [0xd5, 0], counts: 1 },
  { name: "empty objects", bytes: [0xb0], counts: 1 },
  { name: "empty dictionaries", bytes: [0xd3, 0], counts: 1 },
  { name: "objects {200: 0}", bytes: [0xd3, 1, 3, 50, 48, 48, 0], counts: 2 },
  { name: "empty lists", bytes: [0xa0], counts: 1 },
  { name: "lists of one", bytes: [0xa1, 1], counts: 2 },
  { name: "nested lists", bytes: [...Array(60).fill(0xa1), 0xa0], counts: 61 },
  { name: "dates", bytes: [0xdb, 0, 0, 0, 0, 0, 0], counts: 1 },
  { name: "bigints", bytes: [0xcb, 1, 1], counts: 1 },
  { name: "strings of 2", bytes: [0x82, 0x61, 0x62], counts: 1 },
  { name: "strings of 1, é", bytes: [0x82, 0xc3, 0xa9], counts: 1 },
  { name: "strings of 100", bytes: [0xcd, 100, ...LETTERS], counts: 1 },
  { name: "floats", bytes: [0xc9, 0x3f, 0, 0, 0], counts: 1 },
  { name: "small integers", bytes: [1], counts: 1 },
];

/** An integer as a varint. */
export function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value >>>= 7) bytes.push(value & 0x7f | 0x80);
  return [...bytes, value];
}

/**
 * A list of values of one kind.
 *
 * @param kind What it is filled with.
 * @param most How many bytes it has at most.
 */
export function listOf(kind: ValueKind, most: number): Uint8Array {
  const { bytes, counts } = kind;
  const count = Math.min(
    Math.floor((most - LIST_HEAD) / bytes.length),
    Math.floor(MOST_VALUES / counts),
  );
  const head = [0xd1, ...varint(count)];
  const list = new Uint8Array(head.length + count * bytes.length);
  list.set(head);
  for (let at = head.length; at < list.length; at += bytes.length) {
    list.set(bytes, at);
  }
  return list;
}
