/**
 * What was thrown at one end, as the other end sees it.
 *
 * @module
 */

import {
  errorMessage,
  RemoteError,
  shortText,
  toErrorCode,
  WireError,
} from "./errors.ts";
import { isReadable } from "./_odd_values.ts";
import { sendable, type SendLimits } from "./_sendable.ts";

/** The name of an error that stands for what a wire itself has to say. */
const REFUSAL = "Refusal";

/**
 * The local image of what a remote function threw.
 *
 * @param functionName Which function it was.
 * @param thrown What came of it.
 */
export function remoteError(
  functionName: string,
  thrown: unknown,
): RemoteError {
  if (!(thrown instanceof Error)) {
    const message = `"${functionName}" threw ${
      typeof thrown === "string" ? thrown : "a value that is no error"
    }`;
    return new RemoteError({
      name: "Error",
      message,
      functionName,
      data: thrown,
    });
  }
  const { name, message, cause } = thrown;
  const entries = Object.entries(thrown);
  const stack = thrown.stack ?? "";
  return new RemoteError({
    name,
    message,
    functionName,
    data: entries.length > 0 ? Object.fromEntries(entries) : undefined,
    cause,
    errors: thrown instanceof AggregateError ? thrown.errors : undefined,
    remoteStack: stack === `${name}: ${message}` ? undefined : stack,
  });
}

/**
 * What is left of something thrown when it cannot be sent: its name and its
 * message, whatever its getters do.
 *
 * @param thrown What was thrown.
 */
function plainError(thrown: unknown): Error {
  const plain = new Error(shortText(errorMessage(thrown)));
  try {
    if (thrown instanceof Error) plain.name = shortText(String(thrown.name));
  } catch {
    // It stays an Error.
  }
  return plain;
}

/**
 * Sends something thrown. Where a part of it cannot be sent, it goes without
 * that part; where nothing else helps, its name and message go.
 *
 * @param thrown What was thrown.
 * @param limits What the peer takes.
 * @param send Sends it; throws when it cannot be sent.
 * @param unreadable Called, where it is there, for what has no text either.
 */
export function sendThrown(
  thrown: unknown,
  limits: SendLimits,
  send: (thrown: unknown) => void,
  unreadable?: () => void,
): void {
  try {
    return send(thrown);
  } catch {
    // A part of it cannot be sent.
  }
  if (unreadable !== undefined && !isReadable(thrown)) return unreadable();
  for (const isShort of [false, true]) {
    try {
      return send(sendable(thrown, limits, isShort));
    } catch {
      // What is short holds less.
    }
  }
  const plain = plainError(thrown);
  try {
    send(plain);
  } catch {
    // A peer may take but a single value.
    send(plain.message);
  }
}

/**
 * What a wire itself has to say of a stream, as it travels among what is
 * thrown: see "Streams" in `docs/protocol.md`.
 *
 * @param code The code.
 * @param message The message.
 */
export function refusal(code: string, message: string): Error {
  const error = new Error(shortText(message));
  return Object.assign(error, { name: REFUSAL, code });
}

/**
 * What a wire itself had to say; undefined for what a program threw.
 *
 * @param thrown What came.
 */
export function refusalIn(thrown: unknown): WireError | undefined {
  if (!(thrown instanceof Error) || thrown.name !== REFUSAL) return undefined;
  const { code } = thrown as { code?: unknown };
  if (typeof code !== "string") return undefined;
  return new WireError(toErrorCode(code), thrown.message);
}
