/**
 * Values that came over a wire, as trees that a page can show. What they show
 * is copied: the values may change later.
 *
 * @module
 */

import { valueText } from "../wire/codec/mod.ts";
import type { ValueNode } from "./_inspection.ts";

/** A tree has so many nodes, */
const MOST_NODES = 4_000;
/** … so many units of text, */
const MOST_TEXT = 64 * 1024;
/** … so many of the bytes of an array, */
const MOST_BYTES = 1_024;
/** … and so many levels. */
const DEEPEST = 64;
/** A value with parts has so many units of text in short. */
const SHORT = 80;
/** A line of bytes. */
const LINE = 16;

/** Makes the trees of one message. */
export class ValueTree {
  /** How much memory it takes, about, in units of text. */
  weight = 0;
  /** The numbers of the streams that were announced. */
  readonly streams: number[] = [];
  #nodes = 0;
  #text = 0;

  /**
   * What a dictionary holds.
   *
   * @param fields What a message holds.
   * @returns A node for each member.
   */
  members(fields: Readonly<Record<string, unknown>>): ValueNode[] {
    // What a message may have, and has not, is undefined.
    const there = Object.entries(fields)
      .filter(([key, value]) => value !== undefined || key === "value");
    const nodes = this.#list(there, 0);
    this.weight = this.#nodes * 64 + this.#text;
    return nodes.items;
  }

  #list(
    entries: Iterable<readonly [string, unknown]>,
    depth: number,
    length = 0,
  ): { items: ValueNode[]; left?: number } {
    const items: ValueNode[] = [];
    for (const [label, value] of entries) {
      if (this.#isFull || depth > DEEPEST) {
        return { items, left: Math.max(1, length - items.length) };
      }
      items.push(this.#node(label, value, depth));
    }
    return { items };
  }

  get #isFull(): boolean {
    return this.#nodes >= MOST_NODES || this.#text >= MOST_TEXT;
  }

  #node(label: string, value: unknown, depth: number): ValueNode {
    this.#nodes++;
    label = this.#cut(label);
    if (typeof value === "string") {
      const text = this.#cut(value);
      const left = value.length - text.length;
      const type = "text";
      return left > 0 ? { label, text, type, left } : { label, text, type };
    }
    if (typeof value !== "object" || value === null) {
      const isNumber = typeof value === "number" || typeof value === "bigint";
      const text = this.#cut(valueText(value, MOST_TEXT));
      return { label, text, type: isNumber ? "number" : "word" };
    }
    return this.#object(label, value, depth);
  }

  #object(label: string, value: object, depth: number): ValueNode {
    const bytes = bytesOf(value);
    if (bytes !== undefined) return this.#bytes(label, value, bytes);
    const text = this.#short(value);
    const below = depth + 1;
    if (Object.getPrototypeOf(value) === null) {
      const { reference, id, data } = value as Record<string, unknown>;
      if (typeof reference === "string" && typeof id === "number") {
        if (reference === "stream") this.streams.push(id);
        return { label, text, type: "special" };
      }
      if ("valueType" in value) {
        const items = [this.#node("data", data, below)];
        return { label, text, type: "special", items };
      }
    }
    const parts = partsOf(value);
    if (parts === undefined) return { label, text, type: "special" };
    const [entries, length] = parts;
    const list = this.#list(entries, below, length);
    return { label, text, type: "holder", ...list };
  }

  #bytes(label: string, value: object, bytes: Uint8Array): ValueNode {
    const shown = bytes.subarray(0, MOST_BYTES);
    const hex = hexDump(shown);
    this.#text += hex.length;
    const text = `${value.constructor.name}, ${bytes.length} B`;
    const left = bytes.length - shown.length;
    const node = { label, text, type: "bytes", hex } as const;
    return left > 0 ? { ...node, left } : node;
  }

  #short(value: object): string {
    return this.#cut(valueText(value, SHORT));
  }

  #cut(text: string): string {
    const most = Math.max(0, MOST_TEXT - this.#text);
    // A copy does not keep the text that it is cut from.
    const kept = text.length > most ? text.slice(0, most) : text;
    this.#text += kept.length;
    return kept;
  }
}

/** Views of numbers show as numbers; all others as bytes. */
function bytesOf(value: object): Uint8Array | undefined {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (!ArrayBuffer.isView(value)) return undefined;
  const isNumbers = !(value instanceof Uint8Array) && Symbol.iterator in value;
  if (isNumbers) return undefined;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/** What a value holds, and how many; undefined for one that is whole. */
function partsOf(
  value: object,
): [Iterable<readonly [string, unknown]>, number] | undefined {
  if (Array.isArray(value)) return [elements(value), value.length];
  if (ArrayBuffer.isView(value)) {
    const numbers = value as unknown as ArrayLike<number>;
    return [placed(Array.prototype.values.call(numbers)), numbers.length];
  }
  if (value instanceof Set) return [placed(value), value.size];
  if (value instanceof Map) return [pairs(value), value.size];
  if (value instanceof Error) {
    const { name, message, cause } = value;
    const own: [string, unknown][] = [
      ["name", name],
      ["message", message],
      ...Object.entries(value),
    ];
    if (cause !== undefined) own.push(["cause", cause]);
    if (value instanceof AggregateError) own.push(["errors", value.errors]);
    return [own, own.length];
  }
  const isPlain = [Object.prototype, null].includes(
    Object.getPrototypeOf(value),
  );
  const entries = Object.entries(value);
  return isPlain || entries.length > 0 ? [entries, entries.length] : undefined;
}

/** The elements of an array; its holes take no time. */
function* elements(array: readonly unknown[]): Generator<[string, unknown]> {
  for (let index = 0; index < array.length; index++) {
    if (!(index in array)) {
      const rest = Object.entries(array);
      return yield* rest.filter(([key]) => Number(key) > index);
    }
    yield [String(index), array[index]];
  }
}

function* placed(values: Iterable<unknown>): Generator<[string, unknown]> {
  let index = 0;
  for (const value of values) yield [String(index++), value];
}

function* pairs(map: Map<unknown, unknown>): Generator<[string, unknown]> {
  for (const [key, value] of map) {
    yield [typeof key === "string" ? key : valueText(key, SHORT), value];
  }
}

/** Bytes as lines: where they stand, in hexadecimal digits, as text. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += LINE) {
    const line = [...bytes.subarray(at, at + LINE)];
    const digits = line.map((byte) => byte.toString(16).padStart(2, "0"));
    const signs = line.map((byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "."
    );
    const place = at.toString(16).padStart(4, "0");
    const hex = digits.join(" ").padEnd(3 * LINE - 1);
    lines.push(`${place}  ${hex}  ${signs.join("")}`);
  }
  return lines.join("\n");
}
