/**
 * What a served function knows of the call it is serving.
 *
 * @module
 */

import { isInstance, setBrand } from "./_brand.ts";
import type { Clock } from "./clock.ts";
import type { WireError } from "./errors.ts";
import { guardedController } from "./_guarded_signal.ts";
import type { Metadata } from "./messages.ts";
import { REPORT, type Report, reportToConsole } from "./_report.ts";

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
  /** What most calls never need. */
  #more: More | undefined;

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
    metadata?: Metadata,
  ) {
    this.wire = wire;
    this.functionName = functionName;
    this.#more = deadline > 0 || metadata !== undefined
      ? new More(clock, deadline, metadata)
      : undefined;
  }

  /** What the caller said besides: texts by name. Empty where it said none. */
  get metadata(): Metadata {
    return this.#more?.metadata ?? NO_METADATA;
  }

  /**
   * Aborts when the caller cancels, when its deadline passes and when the
   * wire ends; the reason is a `WireError`.
   */
  get signal(): AbortSignal {
    const more = this.#more ??= new More();
    if (more.controller === undefined) {
      const { [REPORT]: report } = this.wire as { [REPORT]?: Report };
      more.controller = guardedController(
        report ?? reportToConsole,
        `a listener of the signal of "${this.functionName}"`,
      );
      if (more.reason !== undefined) more.controller.abort(more.reason);
    }
    return more.controller.signal;
  }

  /** Milliseconds until the caller's deadline; undefined where it has none. */
  get deadline(): number | undefined {
    return this.#more?.left();
  }

  /**
   * Has `instanceof` know those that another copy of this module made, too.
   *
   * @param value Anything.
   * @returns Whether it is one.
   */
  static [Symbol.hasInstance](value: unknown): boolean {
    return isInstance(this, value);
  }

  static {
    setBrand(this, "CallContext");
    hasAborted = (context: CallContext): boolean =>
      context.#more?.reason !== undefined;
    abortContext = (context: CallContext, reason: WireError): void => {
      const more = context.#more ??= new More();
      if (more.reason !== undefined) return;
      more.reason = reason;
      more.controller?.abort(reason);
    };
    replaceMetadata = (context: CallContext, metadata: Metadata): void => {
      (context.#more ??= new More()).metadata = metadata;
    };
  }
}

/** What a context knows beyond the names of its wire and its function. */
class More {
  metadata: Metadata | undefined;
  reason: WireError | undefined = undefined;
  controller: AbortController | undefined = undefined;
  readonly #clock: Clock | undefined;
  readonly #deadlineAt: number;

  constructor(clock?: Clock, deadline = 0, metadata?: Metadata) {
    this.metadata = metadata;
    const hasDeadline = clock !== undefined && deadline > 0;
    this.#clock = hasDeadline ? clock : undefined;
    this.#deadlineAt = hasDeadline ? clock.now() + deadline : 0;
  }

  /** Milliseconds until the deadline; undefined where there is none. */
  left(): number | undefined {
    return this.#clock === undefined
      ? undefined
      : this.#deadlineAt - this.#clock.now();
  }
}
