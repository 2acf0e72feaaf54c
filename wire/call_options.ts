/**
 * What may be said about a single call.
 *
 * @module
 */

import { errorMessage, WireError } from "./errors.ts";
import type { Metadata } from "./messages.ts";
import { isA } from "./_odd_values.ts";

/** What may be said about a single call. */
export interface CallOptions {
  /**
   * Cancels the call: here at once, and at the peer. It ends the call's
   * streams, too, those of the answer included.
   */
  signal?: AbortSignal | undefined;
  /**
   * How long to wait for the answer, in milliseconds. The peer is told, and
   * its function's signal aborts then too. Streams of the call, those of the
   * answer included, that have not ended by then are ended.
   *
   * @default {undefined} for ever
   */
  deadline?: number | undefined;
  /**
   * Texts by name that travel with the call: a trace, a request's number, a
   * tenant. At most 64 of them with 8,192 UTF-16 units together.
   *
   * A served function that calls on with `this.wire.with(this)` passes its
   * caller's metadata on too. Where they are not for that peer's eyes, pick
   * what is: `with({ signal, deadline })`.
   */
  metadata?: Metadata | undefined;
  /**
   * Whether the signal and the deadline end streams of a call that is
   * answered: `"bound"`, they do until each stream has come to its end;
   * `"free"`, they are done with the call, and its streams go on. Until there
   * is an answer they end those in its arguments in any case.
   *
   * @default {"bound"}
   */
  streams?: "bound" | "free" | undefined;
}

/**
 * Refuses a call that is too late already.
 *
 * @param name The function's name.
 * @param options The call's signal and deadline.
 * @throws {WireError} `deadline`, `cancelled`, `invalidArgument`, or
 * `unsupportedValue` for what throws when it is looked at.
 */
export function checkOptions(
  name: string,
  options: CallOptions | undefined,
): void {
  if (options === undefined) return;
  try {
    check(name, options);
  } catch (error) {
    if (isA(error, WireError)) throw error;
    throw new WireError(
      "unsupportedValue",
      `The options of the call of "${name}" cannot be used: ${
        errorMessage(error)
      }`,
      { cause: error },
    );
  }
}

function check(name: string, options: CallOptions): void {
  const { deadline, signal, metadata, streams } = options;
  if (metadata !== undefined) checkMetadata(metadata);
  if (streams !== undefined && streams !== "bound" && streams !== "free") {
    throw new WireError(
      "invalidArgument",
      `The option "streams" of a call is "bound" or "free", not ${
        typeof streams === "string"
          ? JSON.stringify(streams)
          : errorMessage(streams)
      }.`,
    );
  }
  if (deadline !== undefined && !(deadline > 0 && deadline < 2 ** 31)) {
    if (deadline <= 0) {
      throw new WireError(
        "deadline",
        `The deadline of "${name}" had passed before it was called.`,
        { sent: "notSent" },
      );
    }
    throw new WireError(
      "invalidArgument",
      `A deadline is a number of milliseconds below 2^31, not ${deadline}.`,
    );
  }
  if (signal?.aborted) {
    throw new WireError(
      "cancelled",
      `The call of "${name}" was cancelled by its caller's signal before it was made.`,
      { cause: signal.reason, sent: "notSent" },
    );
  }
}

function checkMetadata(metadata: Metadata): void {
  if (
    typeof metadata !== "object" || metadata === null || Array.isArray(metadata)
  ) {
    throw new WireError(
      "invalidArgument",
      'The metadata of a call are an object of texts, such as { tenant: "blue" }.',
    );
  }
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value === "string") continue;
    throw new WireError(
      "invalidArgument",
      `The metadata of a call are texts, and its "${key}" is a ${typeof value}. Use String(value), or pass it as an argument.`,
    );
  }
}
