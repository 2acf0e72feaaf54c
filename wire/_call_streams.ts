/**
 * The streams that one call carries, in its arguments and in its answer: its
 * signal and its deadline end them.
 *
 * @module
 */

import { WireError } from "./errors.ts";
import type { BoundStream, StreamsOfCall } from "./_passing.ts";

/** The streams of one call that are open. */
export class CallStreams implements StreamsOfCall {
  readonly #open = new Set<BoundStream>();
  readonly #isFree: boolean;
  /** Why they were ended. */
  #reason: WireError | undefined;
  /** Stops what may end them. */
  #cleanup: (() => void) | undefined;

  /** @param isFree Whether they are ended no more once the call is settled. */
  constructor(isFree = false) {
    this.#isFree = isFree;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** One more goes with the call; it ends at once where the others have. */
  add(stream: BoundStream): void {
    if (this.#reason !== undefined) return stream.abort(this.#reason);
    stream.call = this;
    this.#open.add(stream);
  }

  /** One has ended by itself. */
  remove(stream: BoundStream): void {
    stream.call = undefined;
    this.#open.delete(stream);
    if (this.#open.size === 0) this.#stop();
  }

  /** The call's signal aborted, or its deadline has passed. */
  end(reason: WireError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    for (const stream of this.#open) {
      stream.call = undefined;
      stream.abort(reason);
    }
    this.#open.clear();
    this.#stop();
  }

  /**
   * The call is settled.
   *
   * @param cleanup Stops what may end the streams: called when all have ended.
   */
  settled(cleanup: () => void): void {
    this.#cleanup = cleanup;
    if (this.#isFree) {
      for (const stream of this.#open) stream.call = undefined;
      this.#open.clear();
    }
    if (this.#open.size === 0) this.#stop();
  }

  #stop(): void {
    const cleanup = this.#cleanup;
    this.#cleanup = undefined;
    cleanup?.();
  }
}

/** Why streams end at the signal of a call that needs no answer any more. */
export function streamsCancelled(name: string, cause: unknown): WireError {
  return new WireError(
    "cancelled",
    `The streams of "${name}" were ended by its caller's signal.`,
    { cause },
  );
}

/** Why streams end at the deadline of such a call. */
export function streamsTooLong(name: string, deadline: number): WireError {
  return new WireError(
    "deadline",
    `The streams of "${name}" did not end within ${deadline} ms, the deadline of the call. Give it more time, or let them go on with the call's option { streams: "free" }.`,
  );
}
