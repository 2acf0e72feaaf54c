/**
 * What the keys of a Map or a Set cost that a peer chose.
 *
 * The engine finds objects, and most strings, by a secret of the process. But
 * numbers, bigints and strings that read like an array's index it finds by a
 * hash that everybody can compute. Keys whose hashes share a bucket of the
 * table cost a walk past all others in it: 32,000 such keys, some seconds. Here
 * the table is imagined beside the real one, and these walks are counted.
 *
 * @module
 */

/** A Map or a Set with fewer keys costs little, whatever they are. */
export const FEW_KEYS = 128;

/** How many keys may be passed for each that is added, all in all. */
const STEPS_PER_KEY = 64;

/** The bits of one number, as two halves; the lower one first. */
const bits = new Uint32Array(2);
const double = new Float64Array(bits.buffer);
const integer = new BigUint64Array(bits.buffer);

/** The keys of one Map or Set, as the engine's table would hold them. */
export class HashCost {
  readonly #hashes: Uint32Array;
  #count = 0;
  #steps = 0;
  /** How many keys each bucket holds. */
  #buckets: Uint32Array = new Uint32Array(FEW_KEYS);

  /** @param count How many keys there will be. */
  constructor(count: number) {
    this.#hashes = new Uint32Array(count);
  }

  /**
   * Adds a key.
   *
   * @returns False when so many share a bucket that they cost too much.
   */
  add(key: unknown): boolean {
    const hash = hashOf(key);
    if (hash < 0) return true;
    if (this.#count >= this.#buckets.length * 2) this.#grow();
    const buckets = this.#buckets;
    this.#steps += buckets[hash & (buckets.length - 1)]!++;
    this.#hashes[this.#count++] = hash;
    return this.#steps <= STEPS_PER_KEY * (this.#count + FEW_KEYS);
  }

  /** Twice the buckets, as the engine has them for more keys. */
  #grow(): void {
    const buckets = new Uint32Array(this.#buckets.length * 2);
    const mask = buckets.length - 1;
    for (let index = 0; index < this.#count; index++) {
      buckets[this.#hashes[index]! & mask]!++;
    }
    this.#buckets = buckets;
  }
}

/** The hash of a key; −1 where no peer can choose it. */
export function hashOf(key: unknown): number {
  switch (typeof key) {
    case "number":
      if ((key | 0) === key) return hashOfInteger(key);
      double[0] = key;
      return hashOfBits(bits[1]!, bits[0]!);
    case "bigint":
      // Only the lowest 64 bits of its magnitude count.
      integer[0] = key < 0n ? -key : key;
      return hashOfBits(bits[1]!, bits[0]!);
    case "string":
      return arrayIndexOf(key);
    default:
      return -1;
  }
}

/**
 * The index that a string reads like, which is its hash, too.
 *
 * @returns −1 for any other string.
 */
export function arrayIndexOf(text: string): number {
  const { length } = text;
  if (length === 0 || length > 10) return -1;
  let index = 0;
  for (let at = 0; at < length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9 || digit === 0 && at === 0) return -1;
    index = index * 10 + digit;
  }
  return index > 0xffff_fffe ? -1 : index >>> 0;
}

/** The engine's hash of an integer of 32 bits. */
function hashOfInteger(key: number): number {
  let hash = ~key + (key << 15) | 0;
  hash ^= hash >>> 12;
  hash = hash + (hash << 2) | 0;
  hash ^= hash >>> 4;
  hash = Math.imul(hash, 2_057);
  hash ^= hash >>> 16;
  return hash & 0x3fff_ffff;
}

/** The engine's hash of 64 bits. */
function hashOfBits(high: number, low: number): number {
  // ~bits + (bits << 18)
  let lower = (~low >>> 0) + (low << 18 >>> 0);
  let upper = ~high + (high << 18 | low >>> 14) + (lower > 0xffff_ffff ? 1 : 0);
  upper >>>= 0;
  lower >>>= 0;
  // ^ >> 31
  lower = (lower ^ (upper << 1 | lower >>> 31)) >>> 0;
  upper = (upper ^ upper >>> 31) >>> 0;
  [upper, lower] = times(upper, lower, 21);
  // ^ >> 11
  lower = (lower ^ (upper << 21 | lower >>> 11)) >>> 0;
  upper = (upper ^ upper >>> 11) >>> 0;
  [upper, lower] = times(upper, lower, 65);
  // ^ >> 22
  lower ^= upper << 10 | lower >>> 22;
  return lower & 0x3fff_ffff;
}

/** 64 bits times a small number. */
function times(high: number, low: number, by: number): [number, number] {
  const lower = low * by;
  const upper = Math.imul(high, by) + Math.floor(lower / 0x1_0000_0000);
  return [upper >>> 0, lower >>> 0];
}
