/**
 * Says how things travel over a wire that are not copied, and keeps count of
 * what travels along with each message.
 *
 * @module
 */

import { CallPromise } from "./_call_promise.ts";
import { abortContext, type CallContext } from "./context.ts";
import { WireError } from "./errors.ts";
import type { Export, Exports } from "./_exports.ts";
import { Import, type Imports } from "./_imports.ts";
import type { Exporter, Leaving, Passed } from "./_passing.ts";
import { type Referent, referentOf } from "./remote_object.ts";
import type { Source } from "./_stream_source.ts";
import type { Streams } from "./streams.ts";

/** What an exporter works with. */
export interface ExporterOptions {
  readonly exports: Exports;
  readonly imports: Imports;
  readonly streams: Streams;
  /** Says how promises of results travel. */
  passResult(promise: CallPromise): Passed;
}

/** What travels along with one message. */
class Companions implements Leaving {
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

  left(): void {
    this.#streams.admit(this.sources);
    this.#exports.admit(this.places);
    for (const source of this.sources) source.start();
  }

  undo(isRetried = false): void {
    for (const source of this.sources) source.undo(isRetried);
    for (const place of this.places) this.#exports.leave(place);
  }
}

/** The exporter of a wire. */
export class WireExporter implements Exporter {
  /** The call whose answer is being sent: its streams may be cancelled. */
  context: CallContext | undefined;

  readonly #options: ExporterOptions;
  #along: Companions | undefined;

  /** @param options What to work with. */
  constructor(options: ExporterOptions) {
    this.#options = options;
  }

  /** Says how a thing travels. */
  pass(value: object): Passed | undefined {
    if (value instanceof CallPromise) return this.#options.passResult(value);
    const referent = referentOf(value);
    if (referent !== undefined) {
      return referent.local === undefined
        ? this.#home(referent)
        : this.#export(referent.local, referent.onRelease);
    }
    if (typeof value === "function") return this.#export(value);
    const source = this.#options.streams.open(value);
    if (source === undefined) return undefined;
    const { context } = this;
    if (context !== undefined) {
      source.onCancel = (reason) => abortContext(context, reason);
    }
    this.#companions().sources.push(source);
    return { as: "stream", id: source.id };
  }

  /** What travels along with the message that was just written. */
  take(): Leaving | undefined {
    const along = this.#along;
    this.#along = undefined;
    return along;
  }

  #companions(): Companions {
    const { exports, streams } = this.#options;
    return this.#along ??= new Companions(exports, streams);
  }

  #export(value: object, onRelease?: () => void): Passed {
    const place = this.#options.exports.add(value, onRelease);
    this.#companions().places.push(place);
    const { slot, nonce } = place;
    const isFunction = typeof value === "function";
    return { as: "object", slot, nonce, isFunction };
  }

  /** A reference of the peer's own object, if it came over this wire. */
  #home(place: Referent): Passed {
    if (place instanceof Import && this.#options.imports.has(place)) {
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
