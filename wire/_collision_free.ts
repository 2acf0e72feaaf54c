/**
 * A Map and a Set whose cost does not depend on which keys a peer chose: each
 * primitive key is found by a text that the engine hashes with a secret. They
 * take the place of the engine's own where too many keys collide in those.
 *
 * Both pass for what they stand for: `instanceof`, all methods, iteration. What
 * needs the engine's own, such as `structuredClone()`, refuses them.
 *
 * @module
 */

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
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** Keys with their values, in the order in which they were added. */
class Places<K, V> {
  readonly #places = new Map<unknown, [key: K, value: V]>();
  /** Functions cannot be cloned, so that this is not taken for a plain object. */
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

  [INSPECT](): string {
    return `Map(${this.size}) { keys that collide }`;
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

  [INSPECT](): string {
    return `Set(${this.size}) { items that collide }`;
  }
}

inherit(FreeMap.prototype, Map);
inherit(FreeSet.prototype, Set);

/**
 * Has a class inherit from one of the engine's own, behind what all places
 * have. What the engine's own are made of, its objects lack.
 */
function inherit(prototype: object, own: typeof Map | typeof Set): void {
  const { constructor: _, ...places } = Object.getOwnPropertyDescriptors(
    Places.prototype,
  );
  Object.setPrototypeOf(prototype, Object.create(own.prototype, places));
  Object.defineProperty(prototype, "constructor", { value: own });
}

function iterated<T>(iterator: Iterator<T>): Iterable<T> {
  return { [Symbol.iterator]: () => iterator };
}

function setOf<T>(...lists: Iterable<T>[]): FreeSet<T> {
  const made = new FreeSet<T>();
  for (const list of lists) for (const item of list) made.add(item);
  return made;
}

/** A Map of those entries, whose keys may collide. */
export function collisionFreeMap<K, V>(
  entries: Iterable<[K, V]>,
): Map<K, V> {
  const made = new FreeMap<K, V>();
  for (const [key, value] of entries) made.set(key, value);
  return made as unknown as Map<K, V>;
}

/** A Set of those items, which may collide. */
export function collisionFreeSet<T>(items: Iterable<T>): Set<T> {
  return setOf(items) as unknown as Set<T>;
}
