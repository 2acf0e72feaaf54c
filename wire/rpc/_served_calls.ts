/**
 * What is said of calls that are served, and of those that fail.
 *
 * @module
 */

import { errorMessage, Unfit, WireError } from "../base/errors.ts";
import type { Message, OverLimit } from "../codec/messages.ts";
import { isA, shown } from "../base/shown.ts";
import { FailedResult } from "./results.ts";

type Call = Extract<Message, { kind: "call" }>;

/** Under what is noted how large its answers are: methods share one entry. */
export function keyOf(call: Call | OverLimit): string {
  return call.kind === "call" && call.target === undefined ? call.name : "";
}

/**
 * A call has failed. What came along with it was for its function, and all of
 * it for nobody where that has not run; who has failed takes no streams.
 */
export function dropUnused(
  { arrived }: Pick<Call, "arrived">,
  error: unknown,
): void {
  if (arrived === undefined) return;
  if (isA(error, Unfit)) return arrived.drop();
  const message = "The function that was to take the stream has failed.";
  arrived.dropUntaken(new WireError("cancelled", message));
}

/** What went wrong on this side, of which the peer learns nothing. */
export function troubleOf(error: unknown): unknown {
  return isA(error, Unfit) ? error.trouble : undefined;
}

/** Where an error came from. */
export function oneWay(name: string): string {
  return `one-way call of ${shown(name)}`;
}

/** Why a result is for nobody. */
export function gone(): WireError {
  return new WireError("cancelled", "The wire ended before the answer.");
}

/** Why there is no object to call. */
export function noSuchObject(): FailedResult {
  return new FailedResult(
    undefined,
    new WireError(
      "noSuchObject",
      "The object is gone: its owner has forgotten it, or it was released. Ask for it again.",
    ),
  );
}

/** Why there is no function to call. */
export function noSuchFunction(name: string): WireError {
  const shown = name.length > 100 ? `${name.slice(0, 100)}…` : name;
  return new WireError(
    "noSuchFunction",
    `The peer serves no function ${
      JSON.stringify(shown)
    }. Check its name, and that the peer has called serve() by now.`,
  );
}

/** What the peer is told of an error of this side. */
export function asWireError(error: unknown): WireError {
  return isA(error, WireError)
    ? error
    : new WireError("unsupportedValue", errorMessage(error));
}
