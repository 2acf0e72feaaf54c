/**
 * The lifetime of a wire: whether it is open, being closed, or ended, and why.
 * That is stored here alone, and all parts of a wire ask.
 *
 * @module
 */

import { checkHook } from "./checks.ts";
import { type Report, WireError } from "./errors.ts";
import { callHook, guardedController } from "./report.ts";

/** Called with the reason of death. */
export type CloseListener = (reason: WireError) => void;

/** After so many chunks that nobody wants the event loop turns. */
const DISCARDED = 256;

/** Whether a wire lives, the reason of its end, and who wants to know it. */
export class Lifetime {
  /** Whether this side makes no further call: the wire is being closed. */
  isDraining = false;
  /** Whether the peer has said that it makes no further call. */
  isPeerDraining = false;

  /** Whether the connection was closed: nothing is read any more. */
  isCut = false;

  readonly #onError: Report;
  #discarded = 0;
  #reason: WireError | undefined;
  #markClosed: ((reason: WireError) => void) | undefined;
  /** Resolves with the reason when the connection is gone. */
  readonly closed: Promise<WireError> = new Promise((resolve) =>
    this.#markClosed = resolve
  );
  #listeners: CloseListener[] = [];
  #controller: AbortController | undefined;

  /** @param onError Told what listeners throw. */
  constructor(onError: Report) {
    this.#onError = onError;
  }

  /** Why it ended; undefined while it lives. */
  get reason(): WireError | undefined {
    return this.#reason;
  }

  /** Whether one side has said that it makes no further call. */
  get isClosing(): boolean {
    return this.isDraining || this.isPeerDraining;
  }

  /** Aborts with the reason. Made when it is first asked for. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = guardedController(
        this.#onError,
        "a listener of the signal",
      );
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /**
   * Why something can no longer be sent; undefined when it can.
   *
   * @param what A function's name, or a wire's method.
   */
  refusal(what: string): WireError | undefined {
    const reason = this.#reason;
    if (reason === undefined && !this.isDraining) return undefined;
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
    if (this.#reason === undefined) this.#listeners.push(listener);
    else this.#call(listener, this.#reason);
  }

  /**
   * The wire ends: from now on every part of it that asks gets the reason.
   * What waits in them is to fail next; then {@linkcode declare} tells others.
   *
   * @returns Whether it lived until now: the first reason counts.
   */
  end(reason: WireError): boolean {
    if (this.#reason !== undefined) return false;
    this.#reason = reason;
    return true;
  }

  /** Tells everybody who listens that it has ended. */
  declare(): void {
    const reason = this.#reason!;
    this.#controller?.abort(reason);
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) this.#call(listener, reason);
  }

  /**
   * Something came though it has ended, and is discarded. Others have their
   * turn meanwhile, however much comes.
   *
   * @returns Whether to read on: until the connection was closed.
   */
  async discard(): Promise<boolean> {
    if (++this.#discarded % DISCARDED === 0) {
      await new Promise((resolve) => setTimeout(resolve));
    }
    return !this.isCut;
  }

  /** The connection is gone. */
  markClosed(): void {
    if (this.#reason !== undefined) this.#markClosed?.(this.#reason);
  }

  #call(listener: CloseListener, reason: WireError): void {
    callHook(
      () => listener(reason),
      (error) => this.#onError(error, "onDeath"),
    );
  }
}
