/**
 * A first-in, first-out queue with constant cost at both ends.
 *
 * @module
 */

/**
 * A list with one more item. An empty array that something is pushed to takes
 * room for 17, and most lists of a wire hold one.
 *
 * @param list The list, which grows; undefined for an empty one.
 * @param item What is added at its end.
 * @returns The list.
 */
export function added<T>(list: T[] | undefined, item: T): T[] {
  if (list === undefined || list.length === 0) return [item];
  list.push(item);
  return list;
}

/** A queue. It takes hardly any memory while it is empty. */
export class Queue<T> {
  /** How many items wait. A field, as it is asked for with each message. */
  size = 0;
  /** Those that wait, behind the places of those that were taken. */
  #items: (T | undefined)[] | undefined;

  /** The next item, left where it is. */
  peek(): T | undefined {
    const items = this.#items;
    return items === undefined ? undefined : items[items.length - this.size];
  }

  /** Adds an item at the end. */
  push(item: T): void {
    this.#items = added(this.#items, item);
    this.size++;
  }

  /** Takes the next item. */
  shift(): T | undefined {
    const items = this.#items;
    if (items === undefined) return undefined;
    const { length } = items;
    const head = length - this.size--;
    const item = items[head];
    items[head] = undefined;
    if (this.size === 0) this.#items = undefined;
    else if (head >= 1024 && this.size < length / 2) {
      this.#items = items.slice(-this.size);
    }
    return item;
  }
}

// Maps and sets that take hardly any memory while they are empty: most of an
// idle wire's never hold anything.

const NONE: ReadonlyMap<never, never> = new Map<never, never>();

/** A map that is made when something is first put into it. */
export class LazyMap<K, V> {
  #map: Map<K, V> | undefined;

  /** How many entries there are. */
  get size(): number {
    return this.#map === undefined ? 0 : this.#map.size;
  }

  /** Whether there is an entry of that key. */
  has(key: K): boolean {
    return this.#map !== undefined && this.#map.has(key);
  }

  /** The value of a key; undefined where there is none. */
  get(key: K): V | undefined {
    return this.#map === undefined ? undefined : this.#map.get(key);
  }

  /** Sets the value of a key. */
  set(key: K, value: V): void {
    (this.#map ??= new Map()).set(key, value);
  }

  /** Takes an entry away; tells whether there was one. */
  delete(key: K): boolean {
    return this.#map !== undefined && this.#map.delete(key);
  }

  /** Takes all entries away. */
  clear(): void {
    this.#map = undefined;
  }

  /** The values, in the order in which they were set. */
  values(): Iterable<V> {
    return (this.#map ?? NONE).values();
  }

  /** Keys with their values, in the order in which they were set. */
  [Symbol.iterator](): Iterator<[K, V]> {
    return (this.#map ?? NONE)[Symbol.iterator]();
  }
}

/** A set that is made when something is first put into it. */
export class LazySet<T> {
  #set: Set<T> | undefined;

  /** How many items there are. */
  get size(): number {
    return this.#set === undefined ? 0 : this.#set.size;
  }

  /** Adds an item. */
  add(item: T): void {
    (this.#set ??= new Set()).add(item);
  }

  /** Takes an item away; tells whether there was one. */
  delete(item: T): boolean {
    return this.#set !== undefined && this.#set.delete(item);
  }

  /** Takes all items away. */
  clear(): void {
    this.#set = undefined;
  }

  /** The items, in the order in which they were added. */
  [Symbol.iterator](): Iterator<T> {
    return (this.#set ?? NONE).values() as Iterator<T>;
  }
}

// Buffers that bytes are copied into and from.

/** No bytes. No program may get it: it could transfer the buffer of all. */
export const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** From so many bytes on, a buffer is large. */
const LARGE = 16_384;
/** Large buffers lie so far within their memory, at both ends. */
const APART = 2048;

/**
 * Makes a buffer that is copied into, or from. Some processors copy 20 times as
 * slowly where the target begins 1 to 31 bytes further in its page of 4 KiB than
 * the source. Memory of round sizes mostly begins where a page does, and a
 * header has a few bytes. So a large buffer begins in the middle of a page.
 *
 * @param length How many bytes.
 * @returns So many bytes, all of them 0.
 */
export function newBuffer(length: number): Uint8Array<ArrayBuffer> {
  return length < LARGE
    ? new Uint8Array(length)
    : new Uint8Array(new ArrayBuffer(length + 2 * APART), APART, length);
}

// Large buffers that are used again: to get a new one is dearer than to fill
// it, for it has to be cleared first, and collected later.

/** So many are kept at the most. */
const MOST = 4;
/** And so many bytes. */
const MOST_BYTES = 8 * 1024 * 1024;

/** A few buffers that nobody uses just now. */
export class SpareBuffers {
  #buffers: ArrayBuffer[] | undefined;

  /**
   * Takes a buffer, a spare one where one is large enough.
   *
   * @param length How many bytes are needed.
   * @returns So many bytes, which may hold anything.
   */
  take(length: number): Uint8Array<ArrayBuffer> {
    const buffers = this.#buffers ?? [];
    let best = -1;
    for (const [index, { byteLength }] of buffers.entries()) {
      const isBetter = best < 0 || byteLength < buffers[best]!.byteLength;
      if (byteLength >= length && isBetter) best = index;
    }
    if (best < 0) return new Uint8Array(length);
    const [buffer] = buffers.splice(best, 1);
    return new Uint8Array(buffer!, 0, length);
  }

  /** Keeps a buffer that is used no more; the oldest ones make room for it. */
  give(buffer: ArrayBuffer): void {
    const buffers = this.#buffers ??= [];
    buffers.push(buffer);
    let { bytes } = this;
    while (buffers.length > MOST || bytes > MOST_BYTES) {
      bytes -= buffers.shift()!.byteLength;
    }
  }

  /** How many bytes those have that are kept. */
  get bytes(): number {
    let bytes = 0;
    for (const { byteLength } of this.#buffers ?? []) bytes += byteLength;
    return bytes;
  }

  /** Keeps none. */
  clear(): void {
    this.#buffers = undefined;
  }
}

// Times and how often they came, in little memory.

/** So many buckets for each doubling: a quantile is 5 % off at the most. */
const PER_DOUBLING = 8;
/** The first bucket, and the last: 2 ** -10 ms, and about 11 days. */
const FIRST = -10 * PER_DOUBLING;
const LAST = 30 * PER_DOUBLING;

/** What the quantiles of times are, in milliseconds. */
export interface Latency {
  /** How many times there were. */
  readonly count: number;
  /** Their sum, in milliseconds. */
  readonly total: number;
  /** Half of them are no longer, in milliseconds; 0 where there are none. */
  readonly p50: number;
  /** 90 % of them are no longer. */
  readonly p90: number;
  /** 99 % of them are no longer. */
  readonly p99: number;
  /** The longest. */
  readonly max: number;
}

/** How often times came, by their length: 2.5 KiB for any number of them. */
export class Histogram {
  readonly #counts = new Float64Array(LAST - FIRST + 1);
  #count = 0;
  #total = 0;
  #max = 0;

  /** Counts a time in milliseconds. */
  add(time: number): void {
    this.#count++;
    this.#total += time;
    if (time > this.#max) this.#max = time;
    // The logarithm of 0 is -Infinity.
    const bucket = Math.ceil(Math.log2(time) * PER_DOUBLING);
    this.#counts[Math.min(Math.max(bucket, FIRST), LAST) - FIRST]!++;
  }

  /**
   * What so large a part of the times does not exceed, in milliseconds.
   *
   * @param part From 0 to 1.
   */
  quantile(part: number): number {
    let left = part * this.#count;
    for (const [index, count] of this.#counts.entries()) {
      left -= count;
      if (count === 0 || left > 0) continue;
      // The middle of the bucket.
      const middle = 2 ** ((index + FIRST - 0.5) / PER_DOUBLING);
      return Math.min(middle, this.#max);
    }
    return this.#max;
  }

  /** Times, in milliseconds, and how many are at most so long, but no less. */
  buckets(): [upTo: number, count: number][] {
    return Array.from(this.#counts, (count, index): [number, number] => [
      2 ** ((index + FIRST) / PER_DOUBLING),
      count,
    ]).filter(([, count]) => count > 0);
  }

  /** Its quantiles. */
  get latency(): Latency {
    return {
      count: this.#count,
      total: this.#total,
      p50: this.quantile(0.5),
      p90: this.quantile(0.9),
      p99: this.quantile(0.99),
      max: this.#max,
    };
  }
}
