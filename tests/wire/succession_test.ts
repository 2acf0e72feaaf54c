/**
 * One message behind the other, each of another kind and with a value of
 * another shape, through one encoder and one decoder: nothing of the one is
 * left for the next.
 */

import { assert, assertEquals } from "@std/assert";
import { FRAME_HEADER } from "../../wire/codec/frames.ts";
import { resolveLimits } from "../../wire/base/limits.ts";
import type { Encoder } from "../../wire/codec/codec.ts";
import { KIND, type Message } from "../../wire/codec/messages.ts";
import type { OverLimit } from "../../wire/codec/message_collector.ts";
import { Raw } from "../_raw_values.ts";
import { test } from "../_test.ts";
import { callOf, newDecoder, newEncoder } from "./_codec.ts";
import { exactMessages } from "./_exact.ts";
import { everyRow, OVER, SHAPES, texts } from "./_succession.ts";

const LIMITS = resolveLimits();
const RECEIVES = resolveLimits({ nesting: 8 });

/** Something that is written, and what is to be read. */
interface Step {
  readonly name: string;
  write(encoder: Encoder): void;
  readonly read: readonly string[];
}

type Made = (value: unknown) => Message;

/** Every kind of message that holds values. */
const HOLDS: Readonly<Record<string, Made>> = {
  call: (value) => callOf({ args: [value] }),
  callForAll: (value) => callOf({ args: [1, value, "z"], wantsValues: true }),
  send: (value) => ({ kind: "send", name: "f", args: [value], deadline: 5 }),
  return: (value) => ({ kind: "return", id: 1, value }),
  returnValues: (value) => ({
    kind: "returnValues",
    id: 1,
    values: ["first", value],
  }),
  message: (value) => ({ kind: "message", value }),
  throw: (value) => ({ kind: "throw", id: 1, thrown: value }),
  streamValue: (value) => ({ kind: "streamValue", id: 1, value }),
  streamError: (value) => ({ kind: "streamError", id: 1, thrown: value }),
  streamCancel: (value) => ({ kind: "streamCancel", id: 1, reason: value }),
};

/** What came, as text. */
function said(messages: readonly (Message | OverLimit)[]): string[] {
  return messages.flatMap((message) =>
    message.kind === "overLimit"
      ? [`over a limit: ${message.of}`]
      : exactMessages([message])
  );
}

/** The frame that begins at `start`, as pieces of an eighth of it each. */
function toPieces({ writer }: Encoder, start: number): void {
  const body = writer.written(start + FRAME_HEADER).slice();
  writer.position = start;
  const step = Math.ceil(body.length / 8);
  for (let at = 0; at < body.length; at += step) {
    const frame = writer.position;
    writer.uint32(0);
    writer.byte(KIND.piece);
    writer.varint(3);
    writer.byte(0);
    if (at === 0) writer.varint(body.length);
    writer.bytes(body.subarray(at, at + step));
    writer.view.setUint32(frame, writer.position - frame - FRAME_HEADER);
  }
}

function full(
  kind: string,
  shape: string,
  make: () => unknown,
  isCut = false,
): Step {
  const message = HOLDS[kind]!(make());
  return {
    name: `${kind} of ${shape}${isCut ? " in pieces" : ""}`,
    write(encoder) {
      const start = encoder.writer.position;
      encoder.encode(message);
      if (isCut) toPieces(encoder, start);
    },
    read: make === OVER ? [`over a limit: ${message.kind}`] : said([message]),
  };
}

/** What is written in one go, and read without a message. */
const PLAIN: readonly Step[] = [7, "Grace", "", null].flatMap((value) => [
  {
    name: `plain call of ${value}`,
    write: ({ plain }: Encoder) =>
      void assert(plain!.call(0, false, "f", [value, 1]) > 0),
    read: said([callOf({ args: [value, 1] })]),
  },
  {
    name: `plain answer of ${value}`,
    write: ({ plain }: Encoder) => void assert(plain!.return(1, value) > 0),
    read: said([{ kind: "return", id: 1, value }]),
  },
  {
    name: `row of one-way calls of ${value}`,
    write({ plain }: Encoder) {
      assert(plain!.send("f", [value]) > 0);
      assert(plain!.add("f", ["other"]) > 0);
    },
    read: said(
      [value, "other"].map((value): Message => ({
        kind: "send",
        name: "f",
        args: [value],
        deadline: 0,
      })),
    ),
  },
]);

/** What is refused by its sender, in the middle of a string section. */
function refused(what: string, value: unknown): Step {
  return {
    name: `refused: ${what}`,
    write(encoder) {
      const { position } = encoder.writer;
      let isRefused = false;
      try {
        encoder.encode({ kind: "message", value: [texts(20), value] });
      } catch {
        isRefused = true;
      }
      assert(isRefused, what);
      assertEquals(encoder.writer.position, position);
    },
    read: [],
  };
}

const REFUSED: readonly Step[] = [
  refused("a symbol", Symbol()),
  refused("a lone surrogate", "\ud800"),
  refused("a getter that throws", {
    get x() {
      throw new Error("no");
    },
  }),
  refused("too deep", Array(70).fill(0).reduce((value) => [value], 0)),
];

/** What has no values, or what stands for others. */
const OTHERS: readonly Step[] = [
  { kind: "ping", token: 1 } as const,
  { kind: "fail", id: 1, code: "limit", message: "no" } as const,
  callOf({ args: [texts(9), new Raw({ as: "own", slot: 1, nonce: 2 })] }),
].map((message) => ({
  name: message.kind,
  write: (encoder) => void encoder.encode(message),
  read: said([message]),
}));

/** A getter that sends over the same encoder, and one that gives up. */
const NESTED: readonly Step[] = [{
  name: "a getter that encodes",
  write(encoder) {
    const value = {
      get x() {
        assertEquals(encoder.plain, undefined);
        try {
          encoder.encode({ kind: "message", value: texts(20) });
        } catch {
          return "caught";
        }
        return "sent";
      },
    };
    encoder.encode({ kind: "message", value: [texts(20), value] });
  },
  read: said([{ kind: "message", value: [texts(20), { x: "caught" }] }]),
}];

/**
 * Writes steps in an order, and reads them.
 *
 * @param most How many bytes the decoder gets at once.
 */
function follow(steps: readonly Step[], order: number[], most: number): void {
  const encoder = newEncoder(LIMITS);
  const decoder = newDecoder(RECEIVES);
  const came: (Message | OverLimit)[] = [];
  const past: string[] = [];
  const { writer } = encoder;
  // The peer is to know the name.
  for (const step of [full("call", "short", SHAPES["short"]!), ...order]) {
    const { name, write, read } = typeof step === "number"
      ? steps[step]!
      : step;
    past.push(name);
    came.length = 0;
    const start = writer.position;
    write(encoder);
    if (encoder.tables.hasFresh) encoder.define(start);
    const bytes = writer.flip();
    try {
      for (let at = 0; at < bytes.length; at += most) {
        decoder.feed(bytes.subarray(at, at + most));
        for (let next; (next = decoder.next()) !== undefined;) came.push(next);
      }
      assertEquals(said(came), [...read]);
    } catch (cause) {
      throw new Error(`behind ${past.slice(-4).join(", ")}`, { cause });
    }
  }
}

const shapes = Object.entries(SHAPES);

const ALL: readonly Step[] = [
  ...Object.keys(HOLDS).flatMap((kind) => [
    ...shapes.map(([shape, make]) => full(kind, shape, make)),
    full(kind, "over", OVER),
    full(kind, "texts", SHAPES["texts"]!, true),
    full(kind, "over", OVER, true),
  ]),
  ...PLAIN,
  ...REFUSED,
  ...OTHERS,
  ...NESTED,
];

test("Encoder and Decoder keep nothing of a message for the next one", () => {
  follow(ALL, everyRow(ALL.length, 2), Infinity);
});

/** One of each that leaves something else behind. */
const SOME: readonly Step[] = [
  ...["call", "return", "message"].flatMap((kind) => [
    ...["short", "texts", "foreign", "long"].map((shape) =>
      full(kind, shape, SHAPES[shape]!)
    ),
    full(kind, "over", OVER),
  ]),
  full("message", "texts", SHAPES["texts"]!, true),
  ...PLAIN.slice(3, 6),
  REFUSED[0]!,
  NESTED[0]!,
];

test("Encoder and Decoder keep nothing of two messages for a third", () => {
  for (const most of [Infinity, 11]) {
    follow(SOME, everyRow(SOME.length, 3), most);
  }
});
