/**
 * Values of every shape that matters to a codec with a memory, and orders in
 * which each comes behind each.
 *
 * @module
 */

import type { Transport } from "../../wire/mod.ts";

/** Short texts, as many as that. */
export function texts(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `item ${at} of a list`);
}

/** Makes a list within a list, as deep as that, around texts. */
function nested(depth: number): unknown {
  let value: unknown = texts(20);
  for (let level = 1; level < depth; level++) value = [value, "level"];
  return value;
}

/** Values by what they do to the codec. */
export const SHAPES: Readonly<Record<string, () => unknown>> = {
  nothing: () => undefined,
  plain: () => 70_000,
  short: () => "Grace",
  texts: () => texts(20),
  foreign: () => [...texts(20), "ünïcode"],
  rows: () => texts(12).map((t) => ({ t, u: t + "!" })),
  map: () => new Map(texts(12).map((t) => [t, new Set([t])])),
  error: () =>
    Object.assign(new RangeError("gone", { cause: texts(20) }), { code: "E" }),
  long: () => "x".repeat(300),
  pieces: () => [texts(20), "y".repeat(5_000), texts(3)],
  textPieces: () => [texts(20), Array(3_000).fill(9)],
  bytes: () => new Uint8Array(3_000).fill(7),
};

/** Deeper than the receiver takes, which says so of the message alone. */
export const OVER: () => unknown = () => nested(12);

/**
 * An order of indices below `count` in which each row of `length` of them
 * comes once, beginning anywhere and going round: a de Bruijn sequence.
 */
export function everyRow(count: number, length: number): number[] {
  const order: number[] = [];
  const word: number[] = Array(count * length).fill(0);
  const extend = (at: number, period: number) => {
    if (at > length) {
      if (length % period === 0) order.push(...word.slice(1, period + 1));
      return;
    }
    word[at] = word[at - period]!;
    extend(at + 1, period);
    for (let next = word[at - period]! + 1; next < count; next++) {
      word[at] = next;
      extend(at + 1, at);
    }
  };
  extend(1, 1);
  // What goes round begins again.
  return [...order, ...order.slice(0, length - 1)];
}

/** A transport whose reader gets chunks of at most so many bytes. */
export function cut(transport: Transport, most: number): Transport {
  let left = new Uint8Array(0);
  return {
    address: transport.address,
    local: true,
    async read(isBulk) {
      if (left.length === 0) {
        const chunk = await transport.read(isBulk);
        if (chunk === null) return null;
        left = chunk.slice();
      }
      const part = left.subarray(0, most);
      left = left.subarray(part.length);
      return part;
    },
    write: (bytes) => transport.write(bytes),
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
  };
}
