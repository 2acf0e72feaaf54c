/**
 * Bytes that no encoder makes.
 *
 * @module
 */

import { uint32, varint } from "../fuzz/_mutate.ts";
import { frame } from "../_raw_peer.ts";
import { KIND } from "../../wire/codec/messages.ts";

export { uint32, varint } from "../fuzz/_mutate.ts";

/** What may be sent. */
export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();

/** The UTF-8 of a text. */
export function utf8(text: string): Bytes {
  return encoder.encode(text);
}

/** A text as it stands in a body: its length, and its UTF-8. */
export function text(text: string): number[] {
  const bytes = utf8(text);
  return [...varint(bytes.length), ...bytes];
}

/** All of them, one behind the other. */
export function join(...parts: Uint8Array[]): Bytes {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The same bytes so many times. */
export function times(count: number, bytes: Uint8Array): Bytes {
  const all = new Uint8Array(count * bytes.length);
  for (let n = 0; n < count; n++) all.set(bytes, n * bytes.length);
  return all;
}

/** Frames that are different each. */
export function each(
  count: number,
  make: (n: number) => Uint8Array,
): Bytes {
  return join(...Array.from({ length: count }, (_, n) => make(n)));
}

/** A call whose name is in full, so that no table matters. */
export function rawCall(id: number, name: string, ...args: number[][]): Bytes {
  const list = args.flat();
  return frame(
    KIND.call,
    ...varint(id),
    0,
    0,
    ...text(name),
    ...varint(args.length),
    ...list,
  );
}

/** The same one way. */
export function rawSend(name: string, ...args: number[][]): Bytes {
  const list = args.flat();
  return frame(
    KIND.send,
    0,
    0,
    ...text(name),
    ...varint(args.length),
    ...list,
  );
}

/** A typed message. */
export function rawMessage(...value: number[]): Bytes {
  return frame(KIND.message, ...value);
}

/** The first piece of a message. */
export function firstPiece(
  number: number,
  size: number,
  ...bytes: number[]
): Bytes {
  return frame(KIND.piece, ...varint(number), 0, ...varint(size), ...bytes);
}

/** A further piece. */
export function nextPiece(number: number, ...bytes: number[]): Bytes {
  return frame(KIND.piece, ...varint(number), 0, ...bytes);
}

/** What one piece takes of a message. */
const PIECE = 60_000;

/** A message that is larger than a frame, in pieces. */
export function inPieces(number: number, body: Uint8Array): Bytes {
  const parts: Uint8Array[] = [];
  const size = varint(body.length);
  for (let at = 0; at < body.length; at += PIECE) {
    const some = body.subarray(at, at + PIECE);
    const head = [KIND.piece, ...varint(number), 0, ...(at === 0 ? size : [])];
    const length = uint32(head.length + some.length);
    parts.push(new Uint8Array([...length, ...head]), some);
  }
  return join(...parts);
}
