/**
 * The objects of the peer that this side holds references to.
 *
 * @module
 */

import { malformed, WireError } from "./errors.ts";
import { guardedController } from "./_guarded_signal.ts";
import { LazyMap } from "./_lazy_map.ts";
import { makeReference, type Referent } from "./remote_object.ts";
import type { Caller } from "./remote.ts";
import type { RemoteObject, Remotes } from "./remote_types.ts";
import type { Report } from "./_report.ts";

/** What references do over their wire. */
export interface ImportOptions {
  /** How many objects this side holds at most. */
  readonly most: number;
  /** Makes what carries the calls of a reference out. */
  caller(place: Import): Caller;
  /** Gives an object back, as often as it came. */
  release(place: Import): void;
  /** Told of references that nobody gave back. */
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
  arrived = 0;
  /** How often it still has to be given back. */
  held = 0;
  /** How often it came to nobody who could give it back. */
  #excused = 0;
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

  /** Nobody may have asked for an arrival of it. */
  excuse(): void {
    this.#excused++;
  }

  /** Whether somebody should have given it back. */
  get isForgotten(): boolean {
    return this.held > this.#excused;
  }

  /** Gives one arrival back; the last one frees it. */
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
   * Counts one more arrival of an object.
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
    place.arrived++;
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

  /** Whether a place is one of these, and not given back. */
  has(place: Import): boolean {
    return this.#bySlot.get(this.#keyOf(place.slot)) === place;
  }

  /** Takes a place out that was given back. */
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

  /** The wire ended. @returns Those that were not given back. */
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
