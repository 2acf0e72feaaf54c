/**
 * The objects that are sent over one wire by reference, in both directions, and
 * how long they are kept.
 *
 * @module
 */

import { LazyMap } from "../base/collections.ts";
import { malformed, WireError } from "../base/errors.ts";
import type { PassingQuota, WireLimits } from "../base/limits.ts";
import { callHook, guardedController, type Report } from "../base/report.ts";
import type { Message } from "../codec/messages.ts";
import {
  AwaitedResult,
  type Exported,
  type Exporter,
  type Importer,
  type ReceivedAttachments,
  ResultReady,
  type SentAttachments,
  type StreamsOfCall,
} from "../codec/passing.ts";
import { abortContext, type CallContext } from "../rpc/context.ts";
import type { Calls } from "../rpc/calls.ts";
import type { IncomingCalls, ServedObjects } from "../rpc/incoming_calls.ts";
import { CallPromise } from "../rpc/pending_call.ts";
import {
  type Caller,
  localReference,
  makeReference,
  type Referent,
  referentOf,
  resolvable,
} from "../rpc/remote.ts";
import type { RemoteObject, Remotes } from "../rpc/remote_types.ts";
import { FailedResult } from "../rpc/results.ts";
import type { Sink, Source } from "../streams/stream_ends.ts";
import type { Streams } from "../streams/streams.ts";

/** How many places a warning lists. */
const LISTED = 10;

/** What objects work with. */
export interface ObjectsOptions {
  readonly limits: Readonly<WireLimits>;
  /** The streams of the wire. They need its output, which needs objects. */
  readonly streams: Streams;
  /** Its calls in both directions: results of theirs travel, too. */
  readonly messaging: {
    readonly calls: Pick<Calls, "exportResult">;
    readonly incoming: Pick<IncomingCalls, "argument">;
    readonly serving: Pick<IncomingCalls, "releaseBorrowed"> | undefined;
  };
  /** Makes what carries the calls of a reference out. */
  callerOf(place: Import): Caller;
  /** Sends a message behind all that was sent before. */
  sendBehind(message: Message): void;
  /** Bounds what passes, together with other wires. */
  readonly quota?: PassingQuota | undefined;
  readonly onError: Report;
}

/** The objects of one wire. Their tables are made when the first one is sent. */
export class Objects implements ServedObjects {
  /** Says how things travel that are not copied. */
  readonly exporter: WireExporter;
  /** Makes of what came what the receiver gets. */
  readonly importer: WireImporter;

  readonly #options: ObjectsOptions;
  #exports: Exports | undefined;
  #imports: Imports | undefined;
  /** How many objects the peer takes: a guess, until its hello. */
  #most: number;

  /** @param options What to work with. */
  constructor(options: ObjectsOptions) {
    this.#options = options;
    this.#most = options.limits.objects;
    this.exporter = new WireExporter(this, options);
    this.importer = new WireImporter(this, options);
  }

  /** The objects of this side that the peer knows of. */
  get exports(): Exports {
    return this.#exports ??= new Exports(this.#most, this.#options.onError);
  }

  /** The objects of the peer. */
  get imports(): Imports {
    return this.#imports ??= new Imports({
      most: this.#options.limits.objects,
      caller: (place) => this.#options.callerOf(place),
      release: (place) => this.#release(place),
      onLost: (place) => this.#lost(place),
      onError: this.#options.onError,
    });
  }

  /** How many objects of this side the peer holds. */
  get exported(): number {
    return this.#exports?.size ?? 0;
  }

  /** How many objects of the peer this side holds. */
  get imported(): number {
    return this.#imports?.size ?? 0;
  }

  /** The call whose answer is being sent. */
  set context(context: CallContext | undefined) {
    this.exporter.context = context;
  }

  /** The peer has said how many objects it takes. */
  setPeerLimits(most: number): void {
    // The peer's word is no limit of this side's memory.
    this.#most = Math.min(most, this.#options.limits.objects);
    this.#exports?.setPeerLimits(this.#most);
  }

  /** Whether the peer has a reference to an object. */
  isExported(object: object): boolean {
    return this.#exports?.of(object) !== undefined;
  }

  /** The object of a reference; undefined when there is none any more. */
  find(slot: number, nonce: number): object | undefined {
    return this.exports.find(slot, nonce)?.value;
  }

  /** The peer released an object. */
  released(slot: number, nonce: number, count: number): void {
    this.exports.release(slot, nonce, count);
  }

  /** The peer has forgotten one of its objects. */
  forgotten(slot: number, nonce: number): void {
    this.#imports?.forget(slot, nonce);
  }

  /** Keeps the peer from reaching an object of this side. */
  forget(value: object): void {
    const place = this.#exports?.forget(referentOf(value)?.local ?? value);
    if (place === undefined) return;
    const { slot, nonce } = place;
    this.#options.sendBehind({ kind: "forget", slot, nonce });
  }

  /**
   * The wire ended.
   *
   * @param reason Why.
   * @param isReported Whether references that are left are worth a warning.
   */
  end(reason: WireError, isReported: boolean): void {
    this.#exports?.clear();
    const left = this.#imports?.clear(reason)
      .filter(({ isForgotten }) => isForgotten) ?? [];
    if (!isReported || left.length === 0) return;
    const places = left.slice(0, LISTED).map(({ place }) => place);
    if (left.length > LISTED) places.push("…");
    this.#options.onError(
      new WireError(
        "released",
        `${left.length} ${
          left.length === 1 ? "reference was" : "references were"
        } not disposed of before the wire was closed: ${
          places.join(", ")
        }. Take each with "using", or call its [Symbol.dispose]().`,
      ),
      "closing",
    );
  }

  /** Releases an object of the peer. */
  #release(place: Import): void {
    // The attachments of a message may have been released as lost.
    if (!this.imports.has(place)) return;
    const { slot, nonce, received } = place;
    this.imports.remove(place);
    this.#options.sendBehind({ kind: "release", slot, nonce, count: received });
  }

  /** Nobody has the reference any more, and nobody released it. */
  #lost(place: Import): void {
    if (!this.imports.has(place)) return;
    const where = place.place;
    const { isForgotten } = place;
    this.#release(place);
    if (!isForgotten) return;
    this.#options.onError(
      new WireError(
        "released",
        `A reference that came as ${where} was never disposed of; the garbage collector found it. Take it with "using", or call its [Symbol.dispose]().`,
      ),
      "a reference",
    );
  }
}

// Says how things travel over a wire that are not copied, and keeps count of
// the attachments of each message.

/** The tables of what passed, which are made when something does. */
type Tables = Pick<Objects, "exports" | "imports">;

/** The attachments of a message that is sent. */
class OutgoingAttachments implements SentAttachments {
  readonly sources: Source[] = [];
  readonly places: Export[] = [];
  readonly #exports: Exports;
  readonly #streams: Streams;

  constructor(exports: Exports, streams: Streams) {
    this.#exports = exports;
    this.#streams = streams;
  }

  admit(): WireError | undefined {
    return this.#streams.admit(this.sources) ??
      this.#exports.admit(this.places);
  }

  sent(): void {
    this.#streams.admit(this.sources);
    this.#exports.admit(this.places);
    for (const source of this.sources) source.start();
  }

  undo(isRetried = false): void {
    for (const source of this.sources) source.undo(isRetried);
    for (const place of this.places) this.#exports.decrement(place);
  }
}

/** The exporter of a wire. */
export class WireExporter implements Exporter {
  /** The call whose answer is being sent: its streams may be cancelled. */
  context: CallContext | undefined;

  readonly #tables: Tables;
  readonly #options: ObjectsOptions;
  #attachments: OutgoingAttachments | undefined;

  /**
   * @param tables What passed.
   * @param options What to work with.
   */
  constructor(tables: Tables, options: ObjectsOptions) {
    this.#tables = tables;
    this.#options = options;
  }

  /** Says how a thing travels. */
  export(value: object): Exported | undefined {
    if (value instanceof CallPromise) {
      return this.#options.messaging.calls.exportResult(value);
    }
    const referent = referentOf(value);
    if (referent !== undefined) {
      return referent.local === undefined
        ? this.#home(referent)
        : this.#exportObject(referent.local, referent.onRelease);
    }
    if (typeof value === "function") return this.#exportObject(value);
    const source = this.#options.streams.open(value);
    if (source === undefined) return undefined;
    const { context } = this;
    if (context !== undefined) {
      source.onCancel = (reason) => abortContext(context, reason);
    }
    this.#outgoing().sources.push(source);
    return { as: "stream", id: source.id };
  }

  /** The attachments of the message that was just written. */
  take(): SentAttachments | undefined {
    const attachments = this.#attachments;
    this.#attachments = undefined;
    return attachments;
  }

  #outgoing(): OutgoingAttachments {
    return this.#attachments ??= new OutgoingAttachments(
      this.#tables.exports,
      this.#options.streams,
    );
  }

  #exportObject(value: object, onRelease?: () => void): Exported {
    const { exports } = this.#tables;
    const { quota } = this.#options;
    if (quota !== undefined && exports.of(value) === undefined) {
      const refusal = quota.refusal("references", 1);
      if (refusal !== undefined) throw refusal;
    }
    const place = exports.add(value, onRelease);
    this.#outgoing().places.push(place);
    const { slot, nonce } = place;
    const isFunction = typeof value === "function";
    return { as: "object", slot, nonce, isFunction };
  }

  /** A reference of the peer's own object, if it came over this wire. */
  #home(place: Referent): Exported {
    if (place instanceof Import && this.#tables.imports.has(place)) {
      return { as: "own", slot: place.slot, nonce: place.nonce };
    }
    throw new WireError(
      "unsupportedValue",
      place.end === undefined
        ? "The reference belongs to another wire, and is not valid on this one. Pass a function of your own that calls it."
        : `The reference can no longer be sent: ${place.end.message}`,
    );
  }
}

// Makes of what came by reference what the receiver gets, and keeps count of
// the attachments of each message.

/** The attachments of a message that came. */
class IncomingAttachments implements ReceivedAttachments {
  readonly places: Import[] = [];
  readonly sinks: Sink[] = [];
  readonly awaited: AwaitedResult[] = [];
  readonly own: Set<object> = new Set();
  hasResults = false;
  failure: WireError | undefined;
  copied = 0;
  excess = 0;
  isOver = false;
  readonly #options: ObjectsOptions;

  constructor(options: ObjectsOptions) {
    this.#options = options;
  }

  label(place: string): void {
    for (const sink of this.sinks) sink.place = place;
    for (const imported of this.places) {
      if (imported.received === 1) imported.place = place;
    }
  }

  drop(): void {
    for (const place of this.places) place.dispose();
    for (const sink of this.sinks) sink.cancel();
    this.#options.messaging.serving?.releaseBorrowed(this);
  }

  bind(call: Pick<StreamsOfCall, "add">): void {
    for (const sink of this.sinks) call.add(sink);
  }

  abort(reason: WireError): void {
    for (const sink of this.sinks) sink.abort(reason);
  }

  dropUntaken(reason: WireError): void {
    for (const sink of this.sinks) if (!sink.isTaken) sink.cancel(reason);
  }
}

/** The importer of a wire. */
export class WireImporter implements Importer {
  readonly #tables: Tables;
  readonly #options: ObjectsOptions;
  #attachments: IncomingAttachments | undefined;

  /**
   * @param tables What passed.
   * @param options What to work with.
   */
  constructor(tables: Tables, options: ObjectsOptions) {
    this.#tables = tables;
    this.#options = options;
  }

  /** An object of the peer. */
  object(slot: number, nonce: number, isFunction: boolean): unknown {
    const { quota } = this.#options;
    const { place, handle } = this.#tables.imports.add(slot, nonce, isFunction);
    const incoming = this.#incoming();
    incoming.places.push(place);
    // One that was held before takes nothing more.
    if (place.received === 1) {
      incoming.failure ??= quota?.refusal("references", 0);
    }
    return handle;
  }

  /** An object of this side that returns to its owner. */
  own(slot: number, nonce: number): unknown {
    const found = this.#tables.exports.find(slot, nonce);
    const incoming = this.#incoming();
    if (found === undefined) {
      incoming.failure ??= new WireError(
        "noSuchObject",
        "A reference came to an object that is gone: its owner has forgotten it, or it was released.",
      );
      return undefined;
    }
    const value = resolvable(found.value);
    incoming.own.add(value);
    return value;
  }

  /** A stream of the peer. */
  stream(id: number): unknown {
    const { streams, quota } = this.#options;
    const { sink, stream } = streams.receive(id);
    const incoming = this.#incoming();
    incoming.sinks.push(sink);
    incoming.failure ??= quota?.refusal("streams", 0);
    return stream;
  }

  /** The result of a call of the peer. */
  result(id: number): unknown {
    const incoming = this.#incoming();
    incoming.hasResults = true;
    if (incoming.failure !== undefined) return undefined;
    try {
      const calls = this.#options.messaging.incoming;
      const result = calls.argument(id, incoming);
      if (result instanceof AwaitedResult) incoming.awaited.push(result);
      else if (typeof result === "object" && result !== null) {
        incoming.own.add(result);
      }
      return result;
    } catch (error) {
      if (error instanceof FailedResult) {
        // The call fails as the one did whose result it needs.
        const ready = new ResultReady();
        ready.declare();
        const failed = new AwaitedResult(Promise.reject(error), ready);
        incoming.awaited.push(failed);
        return failed;
      }
      if (!(error instanceof WireError)) throw error;
      incoming.failure ??= error;
      return undefined;
    }
  }

  /** A value of a declared type was made. */
  made(value: object): void {
    this.#incoming().own.add(value);
  }

  /** A function under the key `then` becomes an object that calls it. */
  asThen(value: unknown): unknown {
    if (value instanceof AwaitedResult) {
      return new AwaitedResult(
        value.result.then((result) => this.asThen(result)),
        value.ready,
      );
    }
    if (typeof value !== "function") return value;
    const referent = referentOf(value);
    return referent instanceof Import
      ? this.#tables.imports.uncallable(referent)
      : localReference(referent?.local ?? value, false);
  }

  /** The attachments of the message that was just read. */
  take(): ReceivedAttachments | undefined {
    const attachments = this.#attachments;
    this.#attachments = undefined;
    return attachments;
  }

  #incoming(): IncomingAttachments {
    return this.#attachments ??= new IncomingAttachments(this.#options);
  }
}

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
      this.#most === 0
        ? 'The peer takes no functions or objects by reference (the limit "objects" of either side is 0; a light wire takes none). Send values.'
        : `The peer holds at most ${this.#most} objects of this side (the limit "objects" of either side). Have it dispose of those that it no longer needs, or raise that limit.`,
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
