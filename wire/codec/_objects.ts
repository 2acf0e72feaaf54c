/**
 * Objects, Maps and Sets whose keys a peer chose. Objects of one key set are
 * made and read by code that is generated once; where a page's policy forbids
 * that, it is done key by key. Keys that collide cost no more than others.
 *
 * @module
 */

/** The platform has refused to compile. */
let isForbidden = false;

/**
 * Compiles the text of a function. A platform that has refused once is not
 * asked again: a page's policy reports each attempt.
 *
 * @param parts The names of the parameters, and the text.
 * @returns The function.
 * @throws {Error} Where generated code is forbidden.
 */
export function compiled(...parts: string[]): unknown {
  if (isForbidden) throw new EvalError("Generated code is forbidden here.");
  try {
    return Function(...parts);
  } catch (error) {
    isForbidden = true;
    throw error;
  }
}

/** From so many objects of the first key set on, generated code deals with them. */
export const MANY = 8;
/**
 * And from so many more for each key set that has such code already. To generate
 * it, and to run it until the engine has compiled it, takes as long as to make a
 * thousand objects by their keys; and a peer may change its key sets all the time.
 */
export const MANY_MORE = 64;

/** Reads one value, nested so deeply. */
export interface ReadsValues {
  /** Reads the next value. */
  read(depth: number): unknown;
  /** Reads the next value, which is that of a key `then`. */
  readThen(depth: number): unknown;
}

/** Makes an object from the values that come next. */
export type ObjectDecoder = (
  values: ReadsValues,
  depth: number,
) => Record<string, unknown>;

/**
 * Generates the code that makes objects of a key set.
 *
 * No key becomes code: each is a string literal, as JSON writes it. In the
 * brackets of a computed name even `__proto__` is an ordinary one.
 *
 * @param keys The keys.
 * @param compile What compiles the text of a function, or throws.
 * @returns The decoder.
 */
export function objectDecoderOf(
  keys: readonly string[],
  compile: (...parts: string[]) => unknown = compiled,
): ObjectDecoder {
  const members = keys.map((key) => {
    const read = key === "then" ? "readThen" : "read";
    return `${nameOf(key)}: values.${read}(depth)`;
  });
  try {
    return compile(
      "values",
      "depth",
      `return { ${members.join(", ")} };`,
    ) as ObjectDecoder;
  } catch {
    return (values, depth) => decodeByKey(keys, values, depth);
  }
}

/** A key as the name of a property in generated code. */
function nameOf(key: string): string {
  const name = JSON.stringify(key);
  return key === "__proto__" ? `[${name}]` : name;
}

/** Makes an object from the values of its keys. */
export type ObjectBuilder = (
  values: readonly unknown[],
) => Record<string, unknown>;

/**
 * Generates the code that makes objects of many keys from a list of their
 * values: the engine is done with it sooner than with a call for each.
 *
 * @param keys The keys.
 * @param compile What compiles the text of a function, or throws.
 * @returns The builder; undefined where generated code is forbidden.
 */
export function objectBuilderOf(
  keys: readonly string[],
  compile: (...parts: string[]) => unknown = compiled,
): ObjectBuilder | undefined {
  const members = keys.map((key, index) => `${nameOf(key)}: values[${index}]`);
  try {
    return compile(
      "values",
      `return { ${members.join(", ")} };`,
    ) as ObjectBuilder;
  } catch {
    return undefined;
  }
}

/** Writes one value, nested so deeply. */
interface WritesValues {
  /** Writes a value. */
  write(value: unknown, depth: number): void;
  /** Writes a value that is a number. */
  writeNumber(value: number): void;
  /** Writes a value that is a string. */
  writeText(value: string): void;
}

/** Writes the values of an object that has the keys. */
export type ObjectEncoder = (
  values: WritesValues,
  object: Record<string, unknown>,
  depth: number,
) => void;

/**
 * Mirrors {@linkcode objectDecoderOf}: generates the code that writes the
 * values of an object, in the order of the keys. No key becomes code here
 * either.
 *
 * @param keys The keys.
 * @param compile What compiles the text of a function, or throws.
 * @returns The encoder.
 */
export function objectEncoderOf(
  keys: readonly string[],
  compile: (...parts: string[]) => unknown = compiled,
): ObjectEncoder {
  const lines = keys.map((key) =>
    `value = object[${JSON.stringify(key)}];
    if (typeof value === "number") values.writeNumber(value);
    else if (typeof value === "string") values.writeText(value);
    else values.write(value, depth);`
  );
  try {
    return compile(
      "values",
      "object",
      "depth",
      // Nobody passes it: it is a variable.
      "value",
      lines.join("\n"),
    ) as ObjectEncoder;
  } catch {
    return (values, object, depth) => encodeByKey(keys, values, object, depth);
  }
}

/**
 * Encodes an object without generated code.
 *
 * @param names Where each key goes, in front of its value.
 */
export function encodeByKey(
  keys: readonly string[],
  values: WritesValues,
  object: Record<string, unknown>,
  depth: number,
  names?: { text(key: string): void },
): void {
  let index = 0;
  // In such a loop the engine finds the values without looking for each; but
  // array indices, which come first, it would put in order once more.
  if (arrayIndexOf(keys[0] ?? "") < 0) {
    for (const key in object) {
      // It leaves out what a getter took away, and goes on with what is inherited.
      if (key !== keys[index]) break;
      names?.text(key);
      values.write(object[key], depth);
      index++;
    }
  }
  for (; index < keys.length; index++) {
    const key = keys[index]!;
    names?.text(key);
    values.write(object[key], depth);
  }
}

/** Decodes an object without generated code. */
export function decodeByKey(
  keys: readonly string[],
  values: ReadsValues,
  depth: number,
): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  let isSparse = false;
  for (const key of keys) {
    isSparse ||= decodeSparse(object, key);
    const value = key === "then" ? values.readThen(depth) : values.read(depth);
    setOwn(object, key, value);
  }
  return object;
}

/** A key that no peer's object is kept waiting for: the last array index. */
const LAST_INDEX = "4294967294";

/**
 * Readies an object for a key that looks like an array index of three digits
 * or more. Left to itself the engine makes room for all indices up to that:
 * 12 KB for `{1000: 0}`. Once a far index was there, it keeps a table of those
 * that it has.
 *
 * @param object An object that has no such key yet.
 * @param key The key that it will get.
 * @returns Whether the key is one of those: no need to ask again.
 */
export function decodeSparse(
  object: Record<string, unknown>,
  key: string,
): boolean {
  const first = key.charCodeAt(0);
  if (key.length < 3 || first < 0x30 || first > 0x39) return false;
  object[LAST_INDEX] = 0;
  delete object[LAST_INDEX];
  return true;
}

/** Sets a property that no setter or prototype takes notice of. */
export function setOwn(object: object, key: string, value: unknown): void {
  if (key === "__proto__") define(object, key, value, true);
  else (object as Record<string, unknown>)[key] = value;
}

/** Defines a property that can be changed. */
export function define(
  object: object,
  key: string,
  value: unknown,
  enumerable = false,
): void {
  Object.defineProperty(object, key, {
    value,
    enumerable,
    configurable: true,
    writable: true,
  });
}

// What the keys of a Map or a Set cost that a peer chose.
//
// The engine finds objects, and most strings, by a secret of the process. But
// numbers, bigints and strings that read like an array's index it finds by a
// hash that everybody can compute. Keys whose hashes share a bucket of the
// table cost a walk past all others in it: 32,000 such keys, some seconds. Here
// the table is imagined beside the real one, and these walks are counted.

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

// A Map and a Set whose cost does not depend on which keys a peer chose: each
// primitive key is found by a text that the engine hashes with a secret. They
// take the place of the engine's own where too many keys collide in those.
//
// Both pass for what they stand for: `instanceof`, all methods, iteration. What
// needs the engine's own, such as `structuredClone()`, refuses them.

/** What a key is found by. */
function placeOf(key: unknown): unknown {
  switch (typeof key) {
    case "number":
      return `n${key}`;
    case "bigint":
      // Of all radices, the one that costs least.
      return `b${key.toString(16)}`;
    case "string":
      return `s${key}`;
    default:
      return key;
  }
}

/** What a console shows. */
const INSPECT = /* @__PURE__ */ Symbol.for("nodejs.util.inspect.custom");

/** Keys with their values, in the order in which they were added. */
class Places<K, V> {
  readonly #places = new Map<unknown, [key: K, value: V]>();
  /**
   * Functions cannot be cloned, so that this is not taken for a plain object.
   */
  readonly toClone = () => [...this.entries()];

  get size(): number {
    return this.#places.size;
  }

  has(key: K): boolean {
    return this.#places.has(placeOf(key));
  }

  delete(key: K): boolean {
    return this.#places.delete(placeOf(key));
  }

  clear(): void {
    this.#places.clear();
  }

  protected find(key: K): V | undefined {
    return this.#places.get(placeOf(key))?.[1];
  }

  protected put(key: K, value: V): void {
    const place = placeOf(key);
    const found = this.#places.get(place);
    if (found === undefined) this.#places.set(place, [key, value]);
    else found[1] = value;
  }

  *keys(): Generator<K, undefined> {
    for (const [key] of this.#places.values()) yield key;
  }

  *values(): Generator<V, undefined> {
    for (const [, value] of this.#places.values()) yield value;
  }

  *entries(): Generator<[K, V], undefined> {
    for (const [key, value] of this.#places.values()) yield [key, value];
  }

  forEach(
    visit: (value: V, key: K, holder: this) => void,
    self?: unknown,
  ): void {
    for (const [key, value] of this.#places.values()) {
      visit.call(self, value, key, this);
    }
  }
}

/** A Map. */
class FreeMap<K, V> extends Places<K, V> {
  get(key: K): V | undefined {
    return this.find(key);
  }

  set(key: K, value: V): this {
    this.put(key === 0 ? 0 as K : key, value);
    return this;
  }

  getOrInsert(key: K, value: V): V {
    if (!this.has(key)) this.set(key, value);
    return this.find(key)!;
  }

  getOrInsertComputed(key: K, make: (key: K) => V): V {
    if (!this.has(key)) this.set(key, make(key));
    return this.find(key)!;
  }

  [Symbol.iterator](): Iterator<[K, V]> {
    return this.entries();
  }
}

/** A Set. */
class FreeSet<T> extends Places<T, T> {
  add(item: T): this {
    // −0 and 0 are one item, and it is 0.
    const kept = item === 0 ? 0 as T : item;
    this.put(kept, kept);
    return this;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.keys();
  }

  union(other: ReadonlySetLike<T>): FreeSet<T> {
    return setOf(this.keys(), iterated(other.keys()));
  }

  intersection(other: ReadonlySetLike<unknown>): FreeSet<T> {
    return setOf([...this.keys()].filter((item) => other.has(item)));
  }

  difference(other: ReadonlySetLike<unknown>): FreeSet<T> {
    return setOf([...this.keys()].filter((item) => !other.has(item)));
  }

  symmetricDifference(other: ReadonlySetLike<T>): FreeSet<T> {
    const others = [...iterated(other.keys())].filter((item) =>
      !this.has(item)
    );
    return setOf(this.difference(other).keys(), others);
  }

  isSubsetOf(other: ReadonlySetLike<unknown>): boolean {
    return this.intersection(other).size === this.size;
  }

  isSupersetOf(other: ReadonlySetLike<unknown>): boolean {
    return [...iterated(other.keys())].every((item) => this.has(item as T));
  }

  isDisjointFrom(other: ReadonlySetLike<unknown>): boolean {
    return this.intersection(other).size === 0;
  }
}

const InheritingMap = /* @__PURE__ */ inheriting(FreeMap, Map, "keys");
const InheritingSet = /* @__PURE__ */ inheriting(FreeSet, Set, "items");

/**
 * Has a class inherit from one of the engine's own, behind what all places
 * have. What the engine's own are made of, its objects lack.
 */
function inheriting<Class extends { readonly prototype: object }>(
  made: Class,
  own: typeof Map | typeof Set,
  parts: string,
): Class {
  const { prototype } = made;
  const { constructor: _, ...places } = Object.getOwnPropertyDescriptors(
    Places.prototype,
  );
  Object.setPrototypeOf(prototype, Object.create(own.prototype, places));
  Object.defineProperty(prototype, "constructor", { value: own });
  Object.defineProperty(prototype, INSPECT, {
    value(this: { readonly size: number }): string {
      return `${own.name}(${this.size}) { ${parts} that collide }`;
    },
  });
  return made;
}

function iterated<T>(iterator: Iterator<T>): Iterable<T> {
  return { [Symbol.iterator]: () => iterator };
}

function setOf<T>(...lists: Iterable<T>[]): FreeSet<T> {
  const made = new InheritingSet<T>();
  for (const list of lists) for (const item of list) made.add(item);
  return made;
}

/** A Map of those entries, whose keys may collide. */
export function collisionFreeMap<K, V>(
  entries: Iterable<[K, V]>,
): Map<K, V> {
  const made = new InheritingMap<K, V>();
  for (const [key, value] of entries) made.set(key, value);
  return made as unknown as Map<K, V>;
}

/** A Set of those items, which may collide. */
export function collisionFreeSet<T>(items: Iterable<T>): Set<T> {
  return setOf(items) as unknown as Set<T>;
}
