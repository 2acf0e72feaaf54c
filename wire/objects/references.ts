/**
 * The objects of this side that the peer knows of.
 *
 * @module
 */

import { LazyMap } from "../base/collections.ts";
import { malformed, WireError } from "../base/errors.ts";
import { callHook, guardedController, type Report } from "../base/report.ts";
import type { Caller } from "../rpc/remote.ts";
import { makeReference, type Referent } from "../rpc/remote_object.ts";
import type { RemoteObject, Remotes } from "../rpc/remote_types.ts";

/** An object that the peer knows of. */
export interface Export {
  /** Where it stands in the table. */
  readonly slot: number;
  /** What makes its reference hard to guess: 32 random bits. */
  readonly nonce: number;
  /** The object; an empty one when it is forgotten. */
  value: object;
  /** How often it was sent, less how often it was released. */
  count: number;
  /** Whether a message that names it was sent, or is about to be. */
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
  setPeerLimits(most: number): void {
    this.#most = most;
  }

  /**
   * A message is about to be sent that names objects of this side.
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

  /** The peer released an object, once or more often. */
  release(slot: number, nonce: number, count: number): void {
    const found = this.#slots[slot];
    if (found?.nonce !== nonce || count === 0 || count > found.count) {
      throw malformed(
        "The peer released an object that it does not have, or more often than it received it.",
      );
    }
    this.decrement(found, count);
  }

  /** An object was released, or was not sent after all. */
  decrement(place: Export, count = 1): void {
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
    // Its slot stays taken until the peer has released it.
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

// The objects of the peer that this side holds references to.

/** What references do over their wire. */
export interface ImportOptions {
  /** How many objects this side holds at most. */
  readonly most: number;
  /** Makes what carries the calls of a reference out. */
  caller(place: Import): Caller;
  /** Releases an object, as often as it came. */
  release(place: Import): void;
  /** Told of references that nobody released. */
  onLost(place: Import): void;
  /** Told what listeners of their signals throw. */
  readonly onError: Report;
}

/** An object of the peer. */
export class Import implements Referent {
  /** Where it stands in the peer's table. */
  readonly slot: number;
  /** What the peer knows it by besides. */
  readonly nonce: number;
  /** How often it came. */
  received = 0;
  /** How often it still has to be released. */
  held = 0;
  /** How often it came to nobody who could release it. */
  #suppressed = 0;
  /** Where it came first, for warnings. */
  place = "a message";
  /** What carries its calls out. */
  readonly caller: Caller;
  /** It is not of this process. */
  readonly local = undefined;
  /** Its three proxies, once they were used. */
  proxies?: Remotes<object>;
  /** Why it can no longer be reached. */
  end: WireError | undefined;
  /** The reference, while somebody has it. */
  handle: WeakRef<RemoteObject<object>> | undefined;
  /** The one that cannot be called itself, where that is another one. */
  uncallable: WeakRef<RemoteObject<object>> | undefined;

  readonly #release: (place: Import) => void;
  readonly #onError: Report;
  #controller: AbortController | undefined;

  /**
   * @param slot Its slot.
   * @param nonce Its nonce.
   * @param options What it does over its wire.
   */
  constructor(slot: number, nonce: number, options: ImportOptions) {
    this.slot = slot;
    this.nonce = nonce;
    this.caller = options.caller(this);
    this.#release = options.release;
    this.#onError = options.onError;
  }

  /** Aborts with the reason why it can no longer be reached. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = guardedController(
        this.#onError,
        "a listener of a reference's signal",
      );
      if (this.end !== undefined) this.#controller.abort(this.end);
    }
    return this.#controller.signal;
  }

  /** Nobody may have asked for one of its references. */
  suppressLeakWarning(): void {
    this.#suppressed++;
  }

  /** Whether somebody should have released it. */
  get isForgotten(): boolean {
    return this.held > this.#suppressed;
  }

  /** Releases it once; the last time frees it. */
  dispose(): void {
    if (this.held === 0 || --this.held > 0) return;
    this.#release(this);
  }

  /** It can no longer be reached. */
  die(reason: WireError): void {
    if (this.end !== undefined) return;
    this.end = reason;
    this.#controller?.abort(reason);
  }
}

/** A table of imported objects, each of which has one reference. */
export class Imports {
  readonly #options: ImportOptions;
  /** By what {@linkcode Imports.#keyOf} makes of their slots. */
  readonly #bySlot = new LazyMap<number, Import>();
  /** An odd number that no peer knows. */
  readonly #secret = crypto.getRandomValues(new Uint32Array(1))[0]! | 1;
  #registry: FinalizationRegistry<Import> | undefined;

  /** @param options What references do over their wire. */
  constructor(options: ImportOptions) {
    this.#options = options;
  }

  /** How many objects are held. */
  get size(): number {
    return this.#bySlot.size;
  }

  /**
   * Counts an object that was received once more.
   *
   * @returns Its place, and its reference: the same while anybody has it.
   * @throws {WireError} `malformed` when the peer sends more than is taken.
   */
  add(
    slot: number,
    nonce: number,
    isFunction: boolean,
  ): { place: Import; handle: RemoteObject<object> } {
    const key = this.#keyOf(slot);
    let place = this.#bySlot.get(key);
    if (place === undefined) {
      const { most } = this.#options;
      if (this.#bySlot.size >= most) {
        throw malformed(
          `At most ${most} objects are held here (limit "objects"), and one more came.`,
        );
      }
      place = new Import(slot, nonce, this.#options);
      this.#bySlot.set(key, place);
    } else if (place.nonce !== nonce) {
      throw malformed("Another object came in the place of one that is held.");
    }
    place.received++;
    place.held++;
    return { place, handle: this.#handle(place, isFunction) };
  }

  /** The peer's object of that place can no longer be reached. */
  forget(slot: number, nonce: number): void {
    const place = this.#bySlot.get(this.#keyOf(slot));
    if (place?.nonce !== nonce) return;
    place.die(
      new WireError(
        "noSuchObject",
        "The object's owner has forgotten it. Ask for it again.",
      ),
    );
  }

  /** Whether a place is one of these, and not released. */
  has(place: Import): boolean {
    return this.#bySlot.get(this.#keyOf(place.slot)) === place;
  }

  /** Takes a place out that was released. */
  remove(place: Import): void {
    if (this.has(place)) this.#bySlot.delete(this.#keyOf(place.slot));
    for (const handle of [place.handle, place.uncallable]) {
      const known = handle?.deref();
      if (known !== undefined) this.#registry?.unregister(known);
    }
    place.die(
      new WireError(
        "released",
        "The reference was disposed of. Ask for the object again.",
      ),
    );
  }

  /** The wire ended. @returns Those that were not released. */
  clear(reason: WireError): Import[] {
    const places = [...this.#bySlot.values()];
    this.#bySlot.clear();
    this.#registry = undefined;
    for (const place of places) place.die(reason);
    return places;
  }

  /**
   * The key of a slot. Slots are numbers that the peer chooses, and the hashes
   * of numbers are known: as they are, they could all be made to collide.
   */
  #keyOf(slot: number): number {
    return Math.imul(slot, this.#secret);
  }

  #handle(place: Import, isFunction: boolean): RemoteObject<object> {
    const known = place.handle?.deref();
    if (known !== undefined) return known;
    const handle = this.#make(place, isFunction);
    place.handle = new WeakRef(handle);
    return handle;
  }

  /** A reference to a function of the peer that cannot be called itself. */
  uncallable(place: Import): RemoteObject<object> {
    const known = place.uncallable?.deref();
    if (known !== undefined) return known;
    const handle = this.#make(place, false);
    place.uncallable = new WeakRef(handle);
    return handle;
  }

  #make(place: Import, isFunction: boolean): RemoteObject<object> {
    const handle = makeReference(place, isFunction);
    this.#registry ??= new FinalizationRegistry((place) => {
      // It may have come again meanwhile, or be held in its other form.
      const isHeld = place.handle?.deref() !== undefined ||
        place.uncallable?.deref() !== undefined;
      if (!isHeld && place.held > 0) this.#options.onLost(place);
    });
    this.#registry.register(handle, place, handle);
    return handle;
  }
}
