/**
 * Changes of streams of frames: frames change places, are repeated, cut into
 * pieces; and what is in them changes with their lengths kept true, mostly.
 *
 * @module
 */

import { KIND } from "../../wire/codec/messages.ts";
import { TAG } from "../../wire/codec/value_kinds.ts";
import type { Random } from "../simulation/_random.ts";
import { LARGEST, mutateBytes, uint32, varint } from "./_mutate.ts";
import type { Bytes } from "./_target.ts";

/** Bytes that mean something in messages. */
export const MESSAGE_WORDS: readonly number[] = [
  ...Object.values(KIND),
  ...Object.values(KIND).map((kind) => kind | 0x80),
  ...Object.values(TAG),
  0,
  1,
  2,
  3,
  4,
  8,
];

/** The bodies of frames; what is no whole frame is the last one. */
export function bodiesOf(stream: Bytes): Bytes[] {
  const bodies: Bytes[] = [];
  const view = new DataView(stream.buffer, stream.byteOffset, stream.length);
  for (let at = 0; at < stream.length;) {
    const left = stream.length - at;
    const length = left < 4 ? left : view.getUint32(at);
    const start = left < 4 ? at : at + 4;
    bodies.push(stream.slice(start, start + length));
    at = start + length;
  }
  return bodies;
}

/** Frames with those bodies. */
export function framesOf(bodies: readonly ArrayLike<number>[]): Bytes {
  const size = bodies.reduce((sum, { length }) => sum + 4 + length, 0);
  const stream = new Uint8Array(size);
  let at = 0;
  for (const body of bodies) {
    stream.set(uint32(body.length), at);
    stream.set(body, at + 4);
    at += 4 + body.length;
  }
  return stream;
}

/** A message in pieces, or some of them. */
function pieces(body: Bytes, random: Random): ArrayLike<number>[] {
  const number = random.pick([0, 0, 1, 7]);
  const list: number[][] = [];
  for (let at = 0; at < body.length || at === 0;) {
    const end = at + random.int(1, Math.max(1, body.length));
    const size = at === 0 ? varint(body.length) : [];
    const part = body.subarray(at, end);
    list.push([KIND.piece, ...varint(number), 0, ...size, ...part]);
    at = end;
  }
  if (random.chance(0.2)) list.pop();
  if (random.chance(0.2)) list.push([KIND.piece, ...varint(number), 1]);
  return list;
}

function changeFrames(
  bodies: ArrayLike<number>[],
  random: Random,
  others: readonly Bytes[],
  words: readonly number[],
): ArrayLike<number>[] {
  const at = random.int(0, bodies.length - 1);
  const body = Uint8Array.from(bodies[at]!);
  switch (random.int(0, 9)) {
    case 0:
      return bodies.toSpliced(at, 1);
    case 1:
      return bodies.toSpliced(random.int(0, bodies.length), 0, body);
    case 2:
      return bodies.toSpliced(at, 1).toSpliced(
        random.int(0, bodies.length - 1),
        0,
        body,
      );
    case 3:
    case 4:
      return bodies.toSpliced(at, random.int(0, 1), random.pick(others));
    case 5:
      return bodies.toSpliced(at, 1, ...pieces(body, random));
    default: {
      const other = random.pick(others);
      const changed = mutateBytes(body, random, other, words);
      return bodies.with(at, changed);
    }
  }
}

/**
 * Changes a stream of frames behind an input's first bytes.
 *
 * @param input The input, which stays as it is.
 * @param random Chance.
 * @param other Another input.
 * @param head How many bytes stand before the stream.
 * @param words Bytes that mean something in frames.
 */
export function mutateFrames(
  input: Bytes,
  random: Random,
  other: Bytes,
  head: number,
  words: readonly number[] = MESSAGE_WORDS,
): Bytes {
  if (random.chance(0.1)) {
    return mutateBytes(input, random, other, words, head);
  }
  let bodies: ArrayLike<number>[] = bodiesOf(input.slice(head));
  const others = bodiesOf(other.slice(head));
  if (others.length === 0) others.push(Uint8Array.of(KIND.ping, 0, 0, 0, 0));
  for (let times = random.pick([1, 1, 2, 4]); times > 0; times--) {
    if (bodies.length === 0) bodies = [random.pick(others)];
    bodies = changeFrames(bodies, random, others, words);
  }
  const stream = framesOf(bodies);
  const changed = new Uint8Array(Math.min(LARGEST, head + stream.length));
  changed.set(input.subarray(0, head));
  changed.set(stream.subarray(0, changed.length - head), head);
  return changed;
}
