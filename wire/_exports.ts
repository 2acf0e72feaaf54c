/**
 * The objects of this side that the peer knows of.
 *
 * @module
 */

import { malformed, WireError } from "./errors.ts";
import { LazyMap } from "./_lazy_map.ts";
import { callHook } from "./_report.ts";

/** An object that the peer knows of. */
export interface Export {
  /** Where it stands in the table. */
  readonly slot: number;
  /** What makes its reference hard to guess: 32 random bits. */
  readonly nonce: number;
  /** The object; an empty one when it is forgotten. */
  value: object;
  /** How often it was sent, less how often it was given back. */
  count: number;
  /** Whether a message that names it has left, or is about to. */
  isKnown: boolean;
  /** Whether the peer may reach it no more. */
  isForgotten: boolean;
  /** Called when the peer holds it no more. */
  readonly onRelease: (() => void) | undefined;
}

/** How many random numbers are drawn at once. */
const DRAWN = 64;
const NONE = new Uint32Array(0);
/** How many references that there are not a peer may try. */
const MISSES = 64;

/** A table of exported objects, each of which has one identity. */
export class Exports {
  /** How many objects the peer takes: a guess, until its hello. */
  #most: number;
  #slots: (Export | undefined)[] = [];
  #free: number[] = [];
  readonly #byValue = new LazyMap<object, Export>();
  #nonces = NONE;
  #drawn = 0;
  #misses = 0;
  /** How many objects the peer knows of, or is about to. */
  #known = 0;
  readonly #onError: (error: unknown, where: string) => void;

  /**
   * @param most How many objects the peer takes, perhaps.
   * @param onError Told what `onRelease` throws.
   */
  constructor(
    most: number,
    onError: (error: unknown, where: string) => void,
  ) {
    this.#most = most;
    this.#onError = onError;
  }

  /** How many objects the peer knows of. */
  get size(): number {
    return this.#slots.length - this.#free.length;
  }

  /**
   * The peer has said what it takes. Messages that wait already may name more
   * objects than that: see {@linkcode admit}.
   */
  meet(most: number): void {
    this.#most = most;
  }

  /**
   * A message is about to leave that names objects of this side.
   *
   * @param places Their places in the table.
   * @returns Why the peer does not take them.
   */
  admit(places: readonly Export[]): WireError | undefined {
    const fresh = new Set(places.filter(({ isKnown }) => !isKnown));
    if (fresh.size === 0) return undefined;
    if (this.#known + fresh.size > this.#most) return this.#tooMany();
    this.#known += fresh.size;
    for (const place of fresh) place.isKnown = true;
    return undefined;
  }

  /**
   * Counts one more sending of an object.
   *
   * @param value The object.
   * @param onRelease Called when the peer holds it no more.
   * @returns Its place in the table.
   * @throws {WireError} `limit` when the peer takes no more.
   */
  add(value: object, onRelease?: () => void): Export {
    const known = this.#byValue.get(value);
    if (known !== undefined) {
      known.count++;
      return known;
    }
    if (this.size >= this.#most) throw this.#tooMany();
    const slot = this.#free.pop() ?? this.#slots.length;
    const nonce = this.#nonce();
    const made = {
      slot,
      nonce,
      value,
      count: 1,
      isKnown: false,
      isForgotten: false,
      onRelease,
    };
    this.#slots[slot] = made;
    this.#byValue.set(value, made);
    return made;
  }

  /** The place of an object that the peer can reach. */
  of(value: object): Export | undefined {
    return this.#byValue.get(value);
  }

  /**
   * Finds an object by its reference.
   *
   * @returns Its place, or undefined when the peer has no such object any more.
   * @throws {WireError} `malformed` when the peer seems to guess.
   */
  find(slot: number, nonce: number): Export | undefined {
    const found = this.#slots[slot];
    if (found !== undefined && found.nonce === nonce) {
      return found.isForgotten ? undefined : found;
    }
    if (++this.#misses > MISSES) {
      throw malformed(
        `The peer named ${this.#misses} objects that it does not have.`,
      );
    }
    return undefined;
  }

  /** The peer gave an object back, once or more often. */
  release(slot: number, nonce: number, count: number): void {
    const found = this.#slots[slot];
    if (found?.nonce !== nonce || count === 0 || count > found.count) {
      throw malformed(
        "The peer released an object that it does not have, or more often than it received it.",
      );
    }
    this.leave(found, count);
  }

  /** An object was given back, or did not leave after all. */
  leave(place: Export, count = 1): void {
    place.count -= count;
    if (place.count > 0) return;
    if (place.isKnown) this.#known--;
    this.#slots[place.slot] = undefined;
    this.#free.push(place.slot);
    this.#byValue.delete(place.value);
    this.#released(place);
  }

  /** Tells the object's owner, when what is just going on is over. */
  #released({ onRelease, isForgotten }: Export): void {
    if (onRelease === undefined || isForgotten) return;
    queueMicrotask(() =>
      callHook(onRelease, (error) => this.#onError(error, "onRelease"))
    );
  }

  /** Keeps the peer from reaching an object. */
  forget(value: object): Export | undefined {
    const found = this.#byValue.get(value);
    if (found === undefined) return undefined;
    this.#byValue.delete(value);
    // Its slot stays taken until the peer has given it back.
    found.value = {};
    found.isForgotten = true;
    return found;
  }

  /** The wire ended: nothing is kept any more. */
  clear(): void {
    for (const place of this.#slots) {
      if (place !== undefined) this.#released(place);
    }
    this.#slots = [];
    this.#free = [];
    this.#byValue.clear();
  }

  #tooMany(): WireError {
    return new WireError(
      "limit",
      `The peer holds at most ${this.#most} objects of this side (the limit "objects" of either side). Have it dispose of those that it no longer needs, or raise that limit.`,
    );
  }

  #nonce(): number {
    if (this.#drawn === this.#nonces.length) {
      this.#nonces = crypto.getRandomValues(new Uint32Array(DRAWN));
      this.#drawn = 0;
    }
    return this.#nonces[this.#drawn++]!;
  }
}
