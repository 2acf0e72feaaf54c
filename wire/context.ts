/**
 * What a served function knows of the call it is serving.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import type { WireError } from "./errors.ts";
import type { Metadata } from "./messages.ts";

const NO_METADATA: Metadata = Object.freeze(Object.create(null));

/** Aborts the signal of a context; for the wire alone. */
export let abortContext: (context: CallContext, reason: WireError) => void;

/** Gives a context other metadata; for middleware alone. */
export let replaceMetadata: (context: CallContext, metadata: Metadata) => void;
/** Whether a context was aborted; for the wire alone. */
export let hasAborted: (context: CallContext) => boolean;

/**
 * The `this` of a served function. It has what `wire.with()` takes, so that
 * `this.wire.with(this)` passes the caller's deadline, cancel and metadata on.
 *
 * @typeParam W The wire's type.
 *
 * @example A function that stops when its caller does
 * ```ts
 * import { type CallContext, wirePair } from "@remote/wire";
 *
 * const [near, far] = wirePair();
 * far.serve({
 *   async wait(this: CallContext) {
 *     await new Promise((resolve) => this.signal.onabort = resolve);
 *     return this.signal.reason.code;
 *   },
 * });
 * const error = await near.with({ deadline: 20 }).remoteValue.wait()
 *   .catch((e: unknown) => e) as { code: string };
 * if (error.code !== "deadline") throw error;
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export class CallContext<W = unknown> {
  /** The wire that the call came over. */
  readonly wire: W;
  /** The name under which the function was called. */
  readonly functionName: string;
  readonly #clock: Clock;
  readonly #deadlineAt: number | undefined;
  #controller: AbortController | undefined;
  #reason: WireError | undefined;
  #metadata: Metadata;

  /**
   * Made by the wire.
   *
   * @param wire The wire.
   * @param functionName The function's name.
   * @param clock Tells the time left.
   * @param deadline The caller's deadline in milliseconds from now; 0 for none.
   * @param metadata What the caller said besides.
   */
  constructor(
    wire: W,
    functionName: string,
    clock: Clock,
    deadline: number,
    metadata: Metadata = NO_METADATA,
  ) {
    this.wire = wire;
    this.functionName = functionName;
    this.#metadata = metadata;
    this.#clock = clock;
    this.#deadlineAt = deadline > 0 ? clock.now() + deadline : undefined;
  }

  /** What the caller said besides: texts by name. Empty where it said none. */
  get metadata(): Metadata {
    return this.#metadata;
  }

  /**
   * Aborts when the caller cancels, when its deadline passes and when the
   * wire ends; the reason is a `WireError`.
   */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Milliseconds until the caller's deadline; undefined where it has none. */
  get deadline(): number | undefined {
    return this.#deadlineAt === undefined
      ? undefined
      : this.#deadlineAt - this.#clock.now();
  }

  static {
    hasAborted = (context: CallContext): boolean =>
      context.#reason !== undefined;
    abortContext = (context: CallContext, reason: WireError): void => {
      if (context.#reason !== undefined) return;
      context.#reason = reason;
      context.#controller?.abort(reason);
    };
    replaceMetadata = (context: CallContext, metadata: Metadata): void => {
      context.#metadata = metadata;
    };
  }
}
