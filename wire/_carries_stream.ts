/**
 * What travels as a stream, and whether values have any among them.
 *
 * @module
 */

import type { RemoteStream } from "./remote_types.ts";

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
  for (const _ of streamsIn(value)) return true;
  return false;
}

/**
 * Ends the streams of something that will not be sent: a `ReadableStream` is
 * cancelled, a generator returns. What somebody reads already is left alone,
 * and so is what would have to be begun first.
 *
 * @param value What was to be sent.
 * @param reason Why it is not.
 */
export function endStreams(value: unknown, reason: unknown): void {
  for (const stream of streamsIn(value)) {
    (async () => await endStream(stream, reason))().catch(nothing);
  }
}

async function endStream(stream: Streamed, reason: unknown): Promise<void> {
  if (stream instanceof ReadableStream) {
    if (!stream.locked) await stream.cancel(reason);
    return;
  }
  const { cancel, next, return: leave } = stream as Partial<
    & Pick<RemoteStream<unknown>, "cancel">
    & AsyncGenerator<unknown, unknown, unknown>
  >;
  if (typeof cancel === "function") await cancel.call(stream, reason);
  else if (typeof next === "function") await leave?.call(stream, undefined);
}

/** The streams among data, at any depth; none where it cannot be looked at. */
function* streamsIn(value: unknown): Generator<Streamed, void> {
  // What is added meanwhile is gone through as well.
  const found = new Set<unknown>([value]);
  try {
    for (const value of found) {
      if (typeof value !== "object" || value === null) continue;
      if (ArrayBuffer.isView(value)) continue;
      if (isStreamed(value)) {
        yield value;
        continue;
      }
      for (const part of partsOf(value)) {
        if (typeof part === "object") found.add(part);
      }
    }
  } catch {
    // A getter threw.
  }
}

function partsOf(value: object): Iterable<unknown> {
  if (value instanceof Map) return [...value.keys(), ...value.values()];
  if (value instanceof Set) return value;
  const parts = Object.values(value);
  if (!(value instanceof Error)) return parts;
  return [...parts, value.cause, (value as Partial<AggregateError>).errors];
}

function nothing(): void {}
