/**
 * Fuzzes values: by themselves, with the key sets that they need, and in
 * messages with the tables of a wire.
 *
 * @module
 */

import { ByteReader } from "../../wire/codec/bytes.ts";
import { WireError } from "../../wire/base/errors.ts";
import { resolveLimits } from "../../wire/base/limits.ts";
import type { Message } from "../../wire/codec/messages.ts";
import {
  CollectingDecoder,
  type OverLimit,
} from "../../wire/codec/message_collector.ts";
import { decodeValue, encodeValue } from "../../wire/codec/codec.ts";
import { ReceiveTables } from "../../wire/codec/tables.ts";
import { skipValues } from "../../wire/codec/value_reader.ts";
import { exactly, exactMessages } from "../wire/_exact.ts";
import { RAW } from "../_raw_values.ts";
import { footprint } from "./_footprint.ts";
import { mutateBytes, mutateHead } from "./_mutate.ts";
import { MESSAGE_WORDS, mutateFrames } from "./_mutate_frames.ts";
import {
  about,
  type Bytes,
  checkHeld,
  chunks,
  Fault,
  inRoom,
  kindOf,
  outcome,
  type Target,
} from "./_target.ts";

const SMALL = {
  nesting: 4,
  values: 40,
  bigint: 8,
  message: 4_096,
  pieces: 2,
};
const LIMITS = [resolveLimits(), resolveLimits(SMALL)];

/** What comes of a value by itself. */
function single(bytes: Bytes, isSmall: boolean): string {
  let value: unknown;
  try {
    value = decodeValue(bytes, isSmall ? SMALL : {});
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    if (error.code === "limit") passedOver(bytes);
    return kindOf(error);
  }
  checkHeld(footprint(value), bytes.length, "a value");
  // Whoever skips it finds the same end.
  if (passedOver(bytes) !== bytes.length) {
    throw new Fault("skipping a value ends elsewhere than reading it");
  }
  const text = exactly(value);
  const again = exactly(decodeValue(encodeValue(value)));
  if (again !== text) throw new Fault(`${text} became ${again}`);
  return `${Object.prototype.toString.call(value)} ${about(text.length)}`;
}

/** Where a value ends; undefined where skipping it finds it malformed. */
function passedOver(bytes: Bytes): number | undefined {
  const tables = new ReceiveTables();
  const reader = new ByteReader();
  reader.turnTo(bytes, 0, bytes.length);
  const count = reader.varint();
  for (let entry = 0; entry < count; entry++) tables.readEntry(reader);
  try {
    // References stand only in messages.
    skipValues(reader, tables, 1, () => {
      throw new WireError("malformed", "A reference came.");
    });
    return reader.position;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** What comes of a stream of messages, and how it ends. */
function read(
  parts: Iterable<Bytes>,
  isSmall: boolean,
): { messages: string[]; end: WireError | undefined; held: number } {
  const limits = LIMITS[isSmall ? 1 : 0]!;
  const decoder = new CollectingDecoder(limits, { importer: RAW });
  const came: (Message | OverLimit)[] = [];
  let end: WireError | undefined;
  try {
    for (const chunk of parts) {
      decoder.feed(chunk);
      for (let one; (one = decoder.next()) !== undefined;) came.push(one);
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    end = error;
  }
  return { messages: exactMessages(came), end, held: footprint(came) };
}

/** Messages come the same however they are cut. */
function stream(bytes: Bytes, isSmall: boolean, cut: number): string {
  const whole = read([bytes], isSmall);
  if (cut !== 0) compare(whole, read(chunks(bytes, cut), isSmall));
  const { messages, end, held } = whole;
  checkHeld(held, bytes.length + 64 * messages.length, "messages");
  const kinds = messages.map((text) => /"kind":"(\w+)"/.exec(text)?.[1]);
  const about = [...new Set(kinds)].sort().join();
  return `${about} ${end === undefined ? "" : kindOf(end)}`;
}

type Read = ReturnType<typeof read>;

function compare(one: Read, other: Read): void {
  const isSame = one.end?.code === other.end?.code &&
    one.messages.join() === other.messages.join();
  if (isSame) return;
  const shown = ({ messages, end }: Read) => `${messages} ${end?.message}`;
  throw new Fault(
    `messages come in chunks as ${shown(other)}, not as ${shown(one)}`,
  );
}

/**
 * The first byte chooses limits, and whether the others are a value by itself
 * (see `encodeValue()`) or a stream of messages; the second how that is cut.
 */
export const values: Target = {
  name: "values",

  mutate(input, random, other) {
    if (random.chance(0.05)) return mutateHead(input, random, 2);
    return (input[0]! & 2) === 0
      ? mutateBytes(input, random, other, MESSAGE_WORDS, 2)
      : mutateFrames(input, random, other, 2);
  },

  run(input, isCounted) {
    const [mode = 0, cut = 0] = input;
    const isSmall = (mode & 1) !== 0;
    const bytes = input.slice(2);
    const isSingle = (mode & 2) === 0;
    if (isCounted) {
      // What compares them makes texts and bytes of its own.
      inRoom(bytes.length, true, () => {
        if (!isSingle) return void read([bytes], isSmall);
        outcome(() => `${decodeValue(bytes, isSmall ? SMALL : {}) === null}`);
      });
    }
    return isSingle ? single(bytes, isSmall) : stream(bytes, isSmall, cut);
  },
};
