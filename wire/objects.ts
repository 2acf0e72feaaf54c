/**
 * The objects that pass over one wire by reference, in both directions, and
 * how long they are kept.
 *
 * @module
 */

import type { CallPromise } from "./_call_promise.ts";
import type { Calls } from "./calls.ts";
import type { CallContext } from "./context.ts";
import { WireError } from "./errors.ts";
import { type ExporterOptions, WireExporter } from "./_exporter.ts";
import { Exports } from "./_exports.ts";
import type { Handlers, ServedObjects } from "./handlers.ts";
import { type ImporterOptions, WireImporter } from "./_importer.ts";
import { type Import, Imports } from "./_imports.ts";
import type { WireLimits } from "./limits.ts";
import type { Message } from "./messages.ts";
import type { Borrower, Passed } from "./_passing.ts";
import type { Caller } from "./remote.ts";
import { referentOf } from "./remote_object.ts";
import type { Streams } from "./streams.ts";

/** How many places a warning lists. */
const LISTED = 10;

/** What objects work with. */
export interface ObjectsOptions {
  readonly limits: Readonly<WireLimits>;
  readonly streams: Streams;
  /** Say how promises of results travel. */
  readonly calls: Pick<Calls, "pass">;
  /** Have the results of the peer's calls. */
  readonly handlers: Pick<Handlers, "argument" | "giveBack">;
  /** Makes what carries the calls of a reference out. */
  readonly caller: (place: Import) => Caller;
  /** Sends a message behind all that was sent before. */
  readonly sendBehind: (message: Message) => void;
  readonly onError: (error: unknown, where: string) => void;
}

/** The objects of one wire. Their tables are made when the first one passes. */
export class Objects
  implements ServedObjects, ExporterOptions, ImporterOptions {
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
    this.exporter = new WireExporter(this);
    this.importer = new WireImporter(this);
  }

  /** The streams of the wire. */
  get streams(): Streams {
    return this.#options.streams;
  }

  /** Says how the promise of a result travels. */
  passResult(promise: CallPromise): Passed {
    return this.#options.calls.pass(promise);
  }

  /** The result of a call of the peer, as an argument of another. */
  argument(id: number, borrower: Borrower): unknown {
    return this.#options.handlers.argument(id, borrower);
  }

  /** What was copied of results is no longer held. */
  giveBack(borrower: Borrower): void {
    this.#options.handlers.giveBack(borrower);
  }

  /** The objects of this side that the peer knows of. */
  get exports(): Exports {
    return this.#exports ??= new Exports(this.#most, this.#options.onError);
  }

  /** The objects of the peer. */
  get imports(): Imports {
    return this.#imports ??= new Imports({
      most: this.#options.limits.objects,
      caller: this.#options.caller,
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
  meet(most: number): void {
    // The peer's word is no limit of this side's memory.
    this.#most = Math.min(most, this.#options.limits.objects);
    this.#exports?.meet(this.#most);
  }

  /** Whether the peer has a reference to an object. */
  isExported(object: object): boolean {
    return this.#exports?.of(object) !== undefined;
  }

  /** The object of a reference; undefined when there is none any more. */
  find(slot: number, nonce: number): object | undefined {
    return this.exports.find(slot, nonce)?.value;
  }

  /** The peer gave an object back. */
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

  /** Gives an object of the peer back. */
  #release(place: Import): void {
    // What came along with a message may have been given back as lost.
    if (!this.imports.has(place)) return;
    const { slot, nonce, arrived } = place;
    this.imports.remove(place);
    this.#options.sendBehind({ kind: "release", slot, nonce, count: arrived });
  }

  /** Nobody has the reference any more, and nobody gave it back. */
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
