/**
 * What was thrown at one end, as the other end sees it.
 *
 * @module
 */

import { errorMessage, RemoteError, shortText, WireError } from "./errors.ts";

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
 * Sends something thrown, or what is left of it when it cannot be sent.
 *
 * @param thrown What was thrown.
 * @param send Sends it; throws when it cannot be sent.
 * @param unreadable Called, where it is there, for what has no text either.
 */
export function sendThrown(
  thrown: unknown,
  send: (thrown: unknown) => void,
  unreadable?: () => void,
): void {
  try {
    return send(thrown);
  } catch {
    // Less of it may do.
  }
  if (unreadable !== undefined && !isReadable(thrown)) return unreadable();
  send(plainError(thrown));
}

/** Whether something can be looked at. */
function isReadable(thrown: unknown): boolean {
  try {
    if (thrown instanceof Error) void thrown.message;
    else if (typeof thrown === "object" && thrown !== null) {
      void (thrown as { constructor: unknown }).constructor;
    }
    return true;
  } catch {
    return false;
  }
}

/**
 * Something thrown, as long as it can be looked at.
 *
 * @param thrown What was thrown.
 * @returns The same, or an `unsupportedValue` in its place.
 */
export function readable(thrown: unknown): unknown {
  return isReadable(thrown) ? thrown : new WireError(
    "unsupportedValue",
    "The function threw a value that cannot be looked at.",
  );
}
