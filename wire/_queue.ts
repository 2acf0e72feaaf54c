/**
 * A first-in, first-out queue with constant cost at both ends.
 *
 * @module
 */

/** A queue. It takes hardly any memory while it is empty. */
export class Queue<T> {
  #items: (T | undefined)[] | undefined;
  #head = 0;

  /** How many items wait. */
  get size(): number {
    return this.#items === undefined ? 0 : this.#items.length - this.#head;
  }

  /** The next item, left where it is. */
  peek(): T | undefined {
    return this.#items === undefined ? undefined : this.#items[this.#head];
  }

  /** Adds an item at the end. */
  push(item: T): void {
    if (this.#items === undefined) this.#items = [item];
    else this.#items.push(item);
  }

  /** Takes the next item. */
  shift(): T | undefined {
    const items = this.#items;
    if (items === undefined) return undefined;
    const item = items[this.#head];
    items[this.#head++] = undefined;
    if (this.#head === items.length) {
      this.#items = undefined;
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > items.length) {
      this.#items = items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
