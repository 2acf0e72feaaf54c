/**
 * The codec without a wire: messages to bytes and back, for tests.
 *
 * @module
 */

import { ByteWriter } from "../../wire/codec/bytes.ts";
import { Encoder } from "../../wire/codec/codec.ts";
import { resolveLimits, type WireLimits } from "../../wire/base/limits.ts";
import type { SendingOptions } from "../../wire/codec/value_writer.ts";
import type { Message } from "../../wire/codec/messages.ts";
import {
  CollectingDecoder,
  type OverLimit,
} from "../../wire/codec/message_collector.ts";
import { RAW } from "../_raw_values.ts";
import { exactly } from "./_exact.ts";

/** Limits under which one frame takes all that a test sends. */
export const WIDE = resolveLimits({
  frame: 16 * 1024 * 1024,
  message: 16 * 1024 * 1024,
});

/** An encoder with a buffer of its own. */
export function newEncoder(
  limits: Readonly<WireLimits> = WIDE,
  options: SendingOptions = {},
): Encoder {
  return new Encoder(new ByteWriter(), limits, { exporter: RAW, ...options });
}

/** A decoder of its own. */
export function newDecoder(
  limits: Readonly<WireLimits> = WIDE,
): CollectingDecoder {
  return new CollectingDecoder(limits, { importer: RAW });
}

/** A call, whose parts are of no account but those given. */
export function callOf(changes: object = {}): Message {
  return {
    kind: "call",
    id: 0,
    name: "f",
    args: [],
    deadline: 0,
    wantsValues: false,
    ...changes,
  } as Message;
}

/** Messages as framed bytes, behind the definitions that they need. */
export function encodeAll(
  messages: readonly Message[],
  encoder: Encoder = newEncoder(),
): Uint8Array<ArrayBuffer> {
  const { writer } = encoder;
  const before = writer.position;
  for (const message of messages) {
    const start = writer.position;
    encoder.encode(message);
    if (encoder.tables.hasFresh) encoder.define(start);
  }
  return writer.written(before).slice();
}

/**
 * What chunks of bytes decode to.
 *
 * @param chunks The bytes.
 * @param decoder Decodes them.
 */
export function decodeAll(
  chunks: Iterable<Uint8Array>,
  decoder: CollectingDecoder = newDecoder(),
): (Message | OverLimit)[] {
  const messages: (Message | OverLimit)[] = [];
  for (const chunk of chunks) {
    decoder.feed(chunk);
    for (let next; (next = decoder.next()) !== undefined;) messages.push(next);
  }
  return messages;
}

/** The value of the one typed message that came. */
export function valueOf(messages: readonly (Message | OverLimit)[]): unknown {
  const [message] = messages;
  if (messages.length !== 1 || message?.kind !== "message") {
    throw new Error(`One message was sent, and ${exactly(messages)} came.`);
  }
  return message.value;
}

/** A value that went through the codec. */
export function roundTrip(value: unknown): unknown {
  return valueOf(decodeAll([encodeAll([{ kind: "message", value }])]));
}

/** One frame with that body. */
export function frameOf(body: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, 4);
  return bytes;
}

/** Bytes in chunks of one size; each chunk is a copy. */
export function* chunksOf(
  bytes: Uint8Array,
  size: number,
): Iterable<Uint8Array<ArrayBuffer>> {
  for (let start = 0; start < bytes.length; start += size) {
    yield bytes.slice(start, start + size) as Uint8Array<ArrayBuffer>;
  }
}

/** Byte arrays as one. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}

/** The code of the WireError that a function throws; undefined for none. */
export function codeOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof Error && error.name === "WireError") {
      return (error as Error & { code: string }).code;
    }
    throw error;
  }
}

/** Numbers that look random and are the same each time. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  // A 32-bit linear congruence, of which the upper bits are used.
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
