/**
 * Changes of texts that know the words of their language.
 *
 * @module
 */

import type { Random } from "../simulation/_random.ts";
import { LARGEST, mutateBytes } from "./_mutate.ts";
import type { Bytes } from "./_target.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Where a text may well be cut: at its signs, words and white space. */
function places(text: string): number[] {
  return [...text.matchAll(/\w+|\s+|[^\w\s]/gu)].map(({ index }) => index);
}

/** A part of a text, from one sign or word to another. */
function part(text: string, random: Random): [from: number, to: number] {
  const all = [...places(text), text.length];
  const first = random.int(0, all.length - 1);
  const last = Math.min(all.length - 1, first + random.int(0, 6));
  return [all[first]!, all[last]!];
}

/** A part in brackets that belong together, where there is one. */
function bracketed(text: string, random: Random): [from: number, to: number] {
  const open = [...text.matchAll(/[([{]/g)].map(({ index }) => index);
  if (open.length === 0) return part(text, random);
  const from = random.pick(open);
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (/[([{]/.test(text[at]!)) depth++;
    if (/[)\]}]/.test(text[at]!) && --depth === 0) return [from, at + 1];
  }
  return [from, text.length];
}

function change(
  text: string,
  random: Random,
  other: string,
  words: readonly string[],
): string {
  const find = random.chance(0.5) ? part : bracketed;
  const [from, to] = find(text, random);
  const before = text.slice(0, from);
  const after = text.slice(to);
  const there = text.slice(from, to);
  switch (random.int(0, 6)) {
    case 0:
      return before + after;
    case 1:
      return before + there.repeat(random.pick([2, 3, 30])) + after;
    case 2: {
      const [start, end] = find(other, random);
      return before + other.slice(start, end) + after;
    }
    case 3:
      return before + random.pick(words) + after;
    case 4:
      return before + random.pick(words) + there + random.pick(words) + after;
    case 5:
      return before + random.pick(words).repeat(random.pick([2, 9, 60])) +
        after;
    default:
      return text.slice(0, to);
  }
}

/**
 * Changes the text behind an input's first bytes.
 *
 * @param input The input, which stays as it is.
 * @param random Chance.
 * @param other Another input.
 * @param head How many bytes stand before the text.
 * @param words What means something in the text.
 */
export function mutateText(
  input: Bytes,
  random: Random,
  other: Bytes,
  head: number,
  words: readonly string[],
): Bytes {
  if (random.chance(0.2)) {
    const bytes = words.flatMap((word) => [...encoder.encode(word)]);
    return mutateBytes(input, random, other, bytes, head);
  }
  let text = decoder.decode(input.subarray(head));
  const others = decoder.decode(other.subarray(head));
  for (let times = random.pick([1, 1, 2, 4]); times > 0; times--) {
    text = change(text, random, others, words);
  }
  const bytes = encoder.encode(text);
  const changed = new Uint8Array(Math.min(LARGEST, head + bytes.length));
  changed.set(input.subarray(0, head));
  changed.set(bytes.subarray(0, changed.length - head), head);
  return changed;
}
