/**
 * What an attacker sends, as bytes: batches that follow each other as fast as
 * the victim takes them.
 *
 * @module
 */

import { KIND } from "../../wire/codec/messages.ts";
import { listOf, VALUE_KINDS, varint } from "../memory/_values.ts";

/** One kind of flood. */
export interface Flood {
  /** What it is called in the table. */
  readonly name: string;
  /** The bytes of the first batch, if it is another than those that follow. */
  readonly first?: () => Uint8Array;
  /** The bytes of each batch. The last of its messages has to be a ping. */
  readonly batch: () => Uint8Array;
  /** How many answers each has to have before the next one is sent. */
  readonly answers?: number;
  /** Whether each batch is another. */
  readonly isNew?: boolean;
}

const FRAME = 65_536;
const MESSAGE = 4_194_304;

const encoder = new TextEncoder();

function join(parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function frame(
  ...parts: readonly (Uint8Array | readonly number[])[]
): Uint8Array {
  const body = join(parts);
  const header = new Uint8Array(4);
  new DataView(header.buffer).setUint32(0, body.length);
  return join([header, body]);
}

function text(text: string): number[] {
  const bytes = encoder.encode(text);
  return [...varint(bytes.length), ...bytes];
}

/** A call with one argument, or with none. */
function call(
  id: number,
  name: string,
  ...args: (Uint8Array | readonly number[])[]
): Uint8Array {
  const head = [KIND.call, ...varint(id), 0, 0, ...text(name), args.length];
  return frame(head, ...args);
}

function each(count: number, make: (n: number) => Uint8Array): Uint8Array {
  return join(Array.from({ length: count }, (_, n) => make(n)));
}

const PING = frame([KIND.ping, 0, 0, 0, 1]);

/** Batches that are all alike. */
function same(name: string, make: () => Uint8Array): Flood {
  return { name, batch: () => join([make(), PING]) };
}

/** Lists of one kind of value, each an argument as large as a frame. */
function listsOf(kind: string): Flood {
  const found = VALUE_KINDS.find(({ name }) => name === kind)!;
  const list = listOf(found, FRAME - 64);
  return same(
    `lists of ${kind}`,
    () => each(4, (n) => call(n, "drop", list)),
  );
}

/** A message that is larger than a frame, in pieces. */
function inPieces(body: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.length;) {
    const head = [KIND.piece, 0, 0, ...(at === 0 ? varint(body.length) : [])];
    const some = body.subarray(at, at + FRAME - head.length);
    parts.push(frame(head, some));
    at += some.length;
  }
  return join(parts);
}

/** A call with one argument of 4 MiB. */
function large(name: string, argument: Uint8Array): Flood {
  const body = call(0, "drop", argument).subarray(4);
  return same(name, () => inPieces(body));
}

/** As many times the same text as there is room for in a message. */
function longText(unit: string): Uint8Array {
  const bytes = encoder.encode(unit);
  const length = Math.floor((MESSAGE - 64) / bytes.length) * bytes.length;
  const all = new Uint8Array(length);
  for (let at = 0; at < length; at += bytes.length) all.set(bytes, at);
  return join([[0xcd, ...varint(length)], all]);
}

/** A key set that is used just often enough to be worth generated code. */
function keySets(): Uint8Array {
  const parts: Uint8Array[] = [frame([KIND.reset])];
  for (let set = 0; set < 1_000; set++) {
    parts.push(frame([KIND.define, 3], text(`a${set}`), text("b")));
    const objects = Array(8).fill([0xd2, ...varint(set), 1, 1]).flat();
    parts.push(call(set % 500, "drop", [0xd1, 8, ...objects]));
  }
  return join(parts);
}

/** A record of about 1 KB. */
const RECORD: readonly number[] = [
  0xd3,
  20,
  ...Array.from(
    { length: 20 },
    (_, n) => [...text(`property ${n}`), 0xcd, ...text("x".repeat(40))],
  ).flat(),
];

/** How many items each of a flood's streams has. */
const ITEMS = 200;
let stream = 0;

/** A stream that is read, with small items; each batch has another one. */
function oneStream(): Uint8Array {
  const number = stream % 500;
  const id = varint(stream++);
  const item = frame([KIND.streamValue, ...id, 1]);
  return join([
    call(number, "read", [0xd9, ...id]),
    each(ITEMS, () => item),
    frame([KIND.streamEnd, ...id]),
  ]);
}

/** All floods over one wire. */
export const FLOODS: readonly Flood[] = [
  same("plain calls", () => each(1_000, (id) => call(id, "echo", [1]))),
  {
    ...same(
      "calls of an asynchronous function",
      () => each(500, (id) => call(id, "later", [1])),
    ),
    answers: 500,
  },
  same("calls that throw", () => each(500, (id) => call(id, "fail"))),
  same(
    "calls that take 1 ms each",
    () => each(100, (id) => call(id, "busy", [1])),
  ),
  {
    name: "one-way calls in rows",
    first: () => frame([KIND.define, 0], text("drop")),
    batch: () =>
      join([
        frame([KIND.sends, 1, 1], Array(20_000).fill(1)),
        PING,
      ]),
  },
  same(
    "one-way calls",
    () => each(5_000, () => frame([KIND.send, 0, 0], text("drop"), [0])),
  ),
  same("typed messages", () => each(5_000, () => frame([KIND.message, 1]))),
  same("pings", () => each(5_000, () => PING)),
  same("records of 1 KB", () => each(200, (id) => call(id, "echo", RECORD))),
  {
    name: "items of streams",
    batch: () => join([each(10, oneStream), PING]),
    isNew: true,
  },
  same("new key sets", keySets),
  listsOf("errors"),
  listsOf("empty Maps"),
  listsOf("empty byte arrays"),
  listsOf("bigints"),
  listsOf("small integers"),
  large("4 MiB of bytes", longBytes()),
  large("4 MiB of text", longText("x")),
  large("4 MiB of text with é", longText("é")),
  large("4 MiB of integers", listOf(VALUE_KINDS.at(-1)!, MESSAGE - 64)),
  same(
    "answers of 1 MB",
    () => each(8, (id) => call(id, "fat", [0xc6, 0, 15, 66, 64])),
  ),
];

function longBytes(): Uint8Array {
  const length = MESSAGE - 64;
  return join([[0xce, ...varint(length)], new Uint8Array(length)]);
}
