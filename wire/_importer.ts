/**
 * Makes of what came by reference what the receiver gets, and keeps count of
 * what came along with each message.
 *
 * @module
 */

import { WireError } from "./errors.ts";
import type { Exports } from "./_exports.ts";
import { Import, type Imports } from "./_imports.ts";
import {
  Arrival,
  type Arrived,
  AwaitedResult,
  type Borrower,
  type Importer,
  type StreamsOfCall,
} from "./_passing.ts";
import { localReference, referentOf, resolvable } from "./remote_object.ts";
import { FailedResult } from "./_results.ts";
import type { Sink } from "./_stream_sink.ts";
import type { Streams } from "./streams.ts";

/** What an importer works with. */
export interface ImporterOptions {
  readonly exports: Exports;
  readonly imports: Imports;
  readonly streams: Streams;
  /** The result of a call of the peer, as an argument of another. */
  argument(id: number, borrower: Borrower): unknown;
  /** What was copied of results is no longer held. */
  giveBack(borrower: Borrower): void;
}

/** What came along with one message. */
class Arrivals implements Arrived {
  readonly places: Import[] = [];
  readonly sinks: Sink[] = [];
  readonly awaited: AwaitedResult[] = [];
  readonly own: Set<object> = new Set();
  hasResults = false;
  failure: WireError | undefined;
  copied = 0;
  isOver = false;
  readonly #options: ImporterOptions;

  constructor(options: ImporterOptions) {
    this.#options = options;
  }

  label(place: string): void {
    for (const sink of this.sinks) sink.place = place;
    for (const arrived of this.places) {
      if (arrived.arrived === 1) arrived.place = place;
    }
  }

  drop(): void {
    for (const place of this.places) place.dispose();
    for (const sink of this.sinks) sink.cancel();
    this.#options.giveBack(this);
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
  readonly #options: ImporterOptions;
  #along: Arrivals | undefined;

  /** @param options What to work with. */
  constructor(options: ImporterOptions) {
    this.#options = options;
  }

  /** An object of the peer. */
  object(slot: number, nonce: number, isFunction: boolean): unknown {
    const { imports } = this.#options;
    const { place, handle } = imports.add(slot, nonce, isFunction);
    this.#arrivals().places.push(place);
    return handle;
  }

  /** An object of this side that comes home. */
  own(slot: number, nonce: number): unknown {
    const found = this.#options.exports.find(slot, nonce);
    const arrivals = this.#arrivals();
    if (found === undefined) {
      arrivals.failure ??= new WireError(
        "noSuchObject",
        "A reference came to an object that is gone: its owner has forgotten it, or it was released.",
      );
      return undefined;
    }
    const value = resolvable(found.value);
    arrivals.own.add(value);
    return value;
  }

  /** A stream of the peer. */
  stream(id: number): unknown {
    const { sink, stream } = this.#options.streams.receive(id);
    this.#arrivals().sinks.push(sink);
    return stream;
  }

  /** The result of a call of the peer. */
  result(id: number): unknown {
    const arrivals = this.#arrivals();
    arrivals.hasResults = true;
    if (arrivals.failure !== undefined) return undefined;
    try {
      const result = this.#options.argument(id, arrivals);
      if (result instanceof AwaitedResult) arrivals.awaited.push(result);
      else if (typeof result === "object" && result !== null) {
        arrivals.own.add(result);
      }
      return result;
    } catch (error) {
      if (error instanceof FailedResult) {
        // The call fails as the one did whose result it needs.
        const arrival = new Arrival();
        arrival.declare();
        const failed = new AwaitedResult(Promise.reject(error), arrival);
        arrivals.awaited.push(failed);
        return failed;
      }
      if (!(error instanceof WireError)) throw error;
      arrivals.failure ??= error;
      return undefined;
    }
  }

  /** A function under the key `then` becomes an object that calls it. */
  asThen(value: unknown): unknown {
    if (value instanceof AwaitedResult) {
      return new AwaitedResult(
        value.result.then((result) => this.asThen(result)),
        value.arrival,
      );
    }
    if (typeof value !== "function") return value;
    const referent = referentOf(value);
    return referent instanceof Import
      ? this.#options.imports.uncallable(referent)
      : localReference(referent?.local ?? value, false);
  }

  /** What came along with the message that was just read. */
  take(): Arrived | undefined {
    const along = this.#along;
    this.#along = undefined;
    return along;
  }

  #arrivals(): Arrivals {
    return this.#along ??= new Arrivals(this.#options);
  }
}
