/**
 * The errors of a wire: one class with a stable code for what the wire itself
 * reports, one class for what a remote function threw.
 *
 * @module
 */

import { setBrand } from "./brand.ts";

/**
 * Why a wire, a call or a server failed. The codes are stable: programs may
 * compare them. `docs/errors.md` lists each with its cause and cure.
 */
export type WireErrorCode =
  | "aborted"
  | "addressInUse"
  | "addressUnavailable"
  | "busy"
  | "cancelled"
  | "closed"
  | "connectFailed"
  | "connectionLost"
  | "connectionRefused"
  | "contractMismatch"
  | "deadline"
  | "invalidArgument"
  | "invalidResult"
  | "keepalive"
  | "limit"
  | "malformed"
  | "noSuchFunction"
  | "noSuchObject"
  | "notAWire"
  | "peerAborted"
  | "permissionDenied"
  | "refused"
  | "released"
  | "resultGone"
  | "stalled"
  | "timeout"
  | "tlsFailed"
  | "unknownHost"
  | "unknownService"
  | "unsupportedValue"
  | "unsupportedVersion";

/**
 * Any code that a {@linkcode WireError} may have: one of this module's; or one
 * of a peer's own, which its {@linkcode Refusal} was made with.
 */
export type AnyErrorCode = WireErrorCode | (string & Record<never, never>);

/** Every code, for checking those that come off a wire. */
const CODES: Readonly<Record<WireErrorCode, true>> = {
  aborted: true,
  addressInUse: true,
  addressUnavailable: true,
  busy: true,
  cancelled: true,
  closed: true,
  connectFailed: true,
  connectionLost: true,
  connectionRefused: true,
  contractMismatch: true,
  deadline: true,
  invalidArgument: true,
  invalidResult: true,
  keepalive: true,
  limit: true,
  malformed: true,
  noSuchFunction: true,
  noSuchObject: true,
  notAWire: true,
  peerAborted: true,
  permissionDenied: true,
  refused: true,
  released: true,
  resultGone: true,
  stalled: true,
  timeout: true,
  tlsFailed: true,
  unknownHost: true,
  unknownService: true,
  unsupportedValue: true,
  unsupportedVersion: true,
};

/**
 * A code that came off a wire with its end; `peerAborted` where a newer peer
 * says more.
 */
export function toErrorCode(code: string): WireErrorCode {
  return Object.hasOwn(CODES, code) ? code as WireErrorCode : "peerAborted";
}

/**
 * What is known about a call that failed because its wire ended, or because
 * its caller gave up: `"notSent"`, no byte of it was handed to the operating
 * system, so that repeating it is safe; `"maybeExecuted"`, the peer may have
 * run it, wholly or in part.
 */
export type CallFate = "notSent" | "maybeExecuted";

/** What a {@linkcode WireError} is made of beyond its code and message. */
export interface WireErrorOptions {
  /** The error behind this one. */
  cause?: unknown;
  /** For a failed call: whether the peer may have run it. */
  sent?: CallFate;
}

/**
 * Whatever a wire, a server or a client reports of its own accord. What a
 * remote function threw arrives as a {@linkcode RemoteError} instead.
 *
 * @example Telling failures apart
 * ```ts
 * import { WireError, wirePair } from "@remote/wire";
 *
 * const [near, far] = wirePair();
 * try {
 *   await near.remoteValue.nothing();
 * } catch (error) {
 *   if (!(error instanceof WireError)) throw error;
 *   if (error.code !== "noSuchFunction") throw error;
 * }
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export class WireError extends Error {
  /** Always `"WireError"`. */
  override readonly name = "WireError";
  /** The stable code of the failure; for a refusal, whatever the peer chose. */
  readonly code: AnyErrorCode;
  /**
   * For a call that failed because its wire ended or its caller gave up:
   * whether the peer may have run it. Otherwise undefined.
   */
  declare readonly sent: CallFate | undefined;

  /**
   * Makes an error of the wire.
   *
   * @param code The stable code.
   * @param message What was expected, what came, and what to do.
   * @param options The cause, and a call's fate.
   */
  constructor(
    code: AnyErrorCode,
    message: string,
    options: WireErrorOptions = {},
  ) {
    super(
      message,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    // Absent where it says nothing: errors are shown with all that they have.
    if (options.sent !== undefined) this.sent = options.sent;
  }

  static {
    setBrand(this, "WireError");
  }
}

/**
 * What a middleware, or a served function, throws to refuse a call. Its caller
 * gets a {@linkcode WireError} with the same code and message, in the place of
 * a {@linkcode RemoteError}. The code may be one of this module's, or any other.
 *
 * @example
 * ```ts
 * import { Refusal, WireError, wirePair } from "@remote/wire";
 *
 * const [near, far] = wirePair();
 * far.serve({
 *   open(door: string) {
 *     throw new Refusal("permissionDenied", `The ${door} is not for you.`);
 *   },
 * });
 * const error = await near.remoteValue.open("cellar").catch((e: unknown) => e);
 * if (!(error instanceof WireError)) throw error;
 * if (error.code !== "permissionDenied") throw error;
 * await near.close();
 * ```
 */
export class Refusal extends WireError {
  static {
    setBrand(this, "Refusal");
  }
}

/** The refusal of a call whose function has not run, and never will. */
export class Unfit extends Refusal {
  static {
    setBrand(this, "Unfit");
  }

  /** What went wrong here, of which the peer learns nothing. */
  trouble: unknown = undefined;
}

/** What arrives of an error thrown by a remote function. */
export interface RemoteErrorInit {
  /** The remote error's own name, for instance `"RangeError"`. */
  name: string;
  /** The remote error's message. */
  message: string;
  /** The name of the function that was called. */
  functionName: string;
  /** The own enumerable properties of the error, or the value thrown. */
  data?: unknown;
  /** The remote error's cause. */
  cause?: unknown;
  /** The errors of a remote AggregateError. */
  errors?: readonly unknown[] | undefined;
  /** The remote stack, where the peer chose to send it. */
  remoteStack?: string | undefined;
}

/**
 * What a remote function threw. `name` and `message` are the remote error's
 * own; `stack` is the local one, with the place that awaits the call.
 *
 * @example Reading what a remote function threw
 * ```ts
 * import { RemoteError, wirePair } from "@remote/wire";
 *
 * const [near, far] = wirePair();
 * far.serve({
 *   half(n: number) {
 *     if (n % 2) throw Object.assign(new RangeError("odd"), { n });
 *     return n / 2;
 *   },
 * });
 * const error = await near.remoteValue.half(3).catch((e: unknown) => e);
 * if (!(error instanceof RemoteError)) throw error;
 * if (error.name !== "RangeError" || error.message !== "odd") throw error;
 * if ((error.data as { n: number }).n !== 3) throw error;
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export class RemoteError extends Error {
  /** The name of the remote function that threw. */
  readonly functionName: string;
  /**
   * The own enumerable properties of the remote error as a plain object, or
   * the thrown value where it was no error; otherwise undefined.
   */
  declare readonly data: unknown;
  /** The errors of a remote AggregateError; otherwise undefined. */
  declare readonly errors: readonly unknown[] | undefined;
  /** The remote stack; undefined unless the peer serves with `sendStacks`. */
  declare readonly remoteStack: string | undefined;

  /**
   * Makes the local image of a remote error.
   *
   * @param init What came of it.
   */
  constructor(init: RemoteErrorInit) {
    super(
      init.message,
      init.cause === undefined ? undefined : { cause: init.cause },
    );
    Object.defineProperty(this, "name", {
      value: init.name,
      configurable: true,
      writable: true,
    });
    this.functionName = init.functionName;
    if (init.data !== undefined) this.data = init.data;
    if (init.errors !== undefined) this.errors = init.errors;
    if (init.remoteStack !== undefined) this.remoteStack = init.remoteStack;
  }

  static {
    setBrand(this, "RemoteError");
  }
}

/**
 * The message of anything thrown, for use inside another message.
 *
 * @param error What was thrown.
 * @returns Its message, or the value as text; never throws.
 */
export function errorMessage(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return "a value that has no text";
  }
}

/** How many units of a text surely fit in any message. */
const SHORT = 1_000;

/**
 * A text that surely fits in a message, whatever the peer's limits are. What is
 * no text, as a program's error may have in the place of one, becomes one.
 */
export function shortText(text: unknown): string {
  const whole = typeof text === "string" ? text : errorMessage(text);
  const short = whole.slice(0, SHORT).toWellFormed();
  // What is not ASCII may take three bytes for each unit.
  // deno-lint-ignore no-control-regex -- ASCII is what is meant
  return /^[\x00-\x7f]*$/.test(short) ? short : short.slice(0, SHORT / 3)
    .toWellFormed();
}

/** Told of an error that has no other place to go, and of where it arose. */
export type Report = (error: unknown, where: string) => void;

/** Shorthand for the error that ends a wire: the peer broke the protocol. */
export function malformed(message: string): WireError {
  return new WireError("malformed", message);
}

// What goes wrong on one's own side, and is nobody else's business.

/**
 * A wire ends because something of this side's own went wrong, such as a hook
 * that threw. The peer learns that, but nothing of the text.
 */
export class OwnTrouble extends WireError {}
