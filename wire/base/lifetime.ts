/**
 * The end of a wire, as the rest of the world learns of it.
 *
 * @module
 */

import { WireError } from "./errors.ts";
import { guardedController } from "./report.ts";
import { checkHook } from "./checks.ts";
import { callHook } from "./report.ts";

/** Called with the reason of death. */
export type CloseListener = (reason: WireError) => void;

/** The reason of death, and everybody who wants to know it. */
export class Lifetime {
  /** The reason; undefined while the wire lives. */
  reason: WireError | undefined;
  #markClosed: ((reason: WireError) => void) | undefined;
  /** Resolves with the reason when the connection is gone. */
  readonly closed: Promise<WireError> = new Promise((resolve) =>
    this.#markClosed = resolve
  );

  readonly #onError: (error: unknown, where: string) => void;
  #listeners: CloseListener[] = [];
  #controller: AbortController | undefined;

  /** @param onError Told what listeners throw. */
  constructor(onError: (error: unknown, where: string) => void) {
    this.#onError = onError;
  }

  /** Aborts with the reason. Made when it is first asked for. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = guardedController(
        this.#onError,
        "a listener of the signal",
      );
      if (this.reason !== undefined) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  /**
   * Why something can no longer be sent; undefined when it can.
   *
   * @param what A function's name, or a wire's method.
   * @param isLeaving Whether the wire is being closed.
   */
  refusal(what: string, isLeaving: boolean): WireError | undefined {
    const { reason } = this;
    if (reason === undefined && !isLeaving) return undefined;
    const why = reason?.message ?? "the wire is being closed.";
    return new WireError(
      reason?.code ?? "closed",
      `"${what}" was not sent: ${why}`,
      { cause: reason, sent: "notSent" },
    );
  }

  /**
   * Has a function called with the reason; at once if there is one.
   *
   * @throws {WireError} `invalidArgument` for what is no function.
   */
  listen(listener: CloseListener): void {
    checkHook(listener, "What onDeath() is given");
    if (this.reason === undefined) this.#listeners.push(listener);
    else this.#call(listener, this.reason);
  }

  /** The wire ends: tells everybody. */
  declare(reason: WireError): void {
    this.reason = reason;
    this.#controller?.abort(reason);
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) this.#call(listener, reason);
  }

  /** The connection is gone. */
  markClosed(): void {
    if (this.reason !== undefined) this.#markClosed?.(this.reason);
  }

  #call(listener: CloseListener, reason: WireError): void {
    callHook(
      () => listener(reason),
      (error) => this.#onError(error, "onDeath"),
    );
  }
}
