/**
 * What travels as a stream, and whether values have any among them.
 *
 * @module
 */

/** What travels as a stream. */
export type Streamed = ReadableStream<unknown> | AsyncIterable<unknown>;

/** Whether something travels as a stream. */
export function isStreamed(value: object): value is Streamed {
  return value instanceof ReadableStream ||
    typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] ===
      "function";
}

/**
 * Looks for a stream, at any depth: it can be sent but once.
 *
 * @param value What is to be sent.
 * @returns Whether there is one. False for what cannot be looked at, and sent.
 */
export function carriesStream(value: unknown): boolean {
  // What is added meanwhile is gone through as well.
  const found = new Set<unknown>([value]);
  try {
    for (const value of found) {
      if (typeof value !== "object" || value === null) continue;
      if (isStreamed(value)) return true;
      if (ArrayBuffer.isView(value)) continue;
      for (const part of partsOf(value)) {
        if (typeof part === "object") found.add(part);
      }
    }
  } catch {
    // A getter threw.
  }
  return false;
}

function partsOf(value: object): Iterable<unknown> {
  if (value instanceof Map) return [...value.keys(), ...value.values()];
  if (value instanceof Set) return value;
  const parts = Object.values(value);
  if (!(value instanceof Error)) return parts;
  return [...parts, value.cause, (value as Partial<AggregateError>).errors];
}
