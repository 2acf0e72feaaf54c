/**
 * A map that takes hardly any memory while it is empty: most maps of an idle
 * wire never hold anything.
 *
 * @module
 */

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
