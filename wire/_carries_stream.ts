/**
 * What travels as a stream, and whether values have any among them.
 *
 * @module
 */

import { keyOf } from "./_brand.ts";
import { isPlain } from "./_method.ts";

/** Of this realm, whatever a promise has in its place. */
const { then } = Promise.prototype;
/** What promises of calls have. */
const REFERENCE = Symbol.for(keyOf("reference"));

/** Streams stand near the top: below so many objects nobody looks for them. */
const LOOKED_AT = 10_000;
/** Nor behind so many items of one collection. */
const MOST_ITEMS = 1_000_000;

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
  return findStream(value, partsOf, yes);
}

/**
 * Ends the streams of something that will not be sent: a `ReadableStream` is
 * cancelled, a generator returns. What somebody reads already is left alone,
 * and so are what would have to be begun first, and what lies deep in much data.
 * A promise among it, which somebody forgot to await, may fail unheard.
 *
 * @param value What was to be sent.
 * @param reason Why it is not.
 */
export function endStreams(value: unknown, reason: unknown): void {
  let looked = 0;
  const partsOf = (value: object) => ++looked < LOOKED_AT ? dataOf(value) : [];
  findStream(value, partsOf, (stream) => {
    endStream(stream, reason).catch(nothing);
    return false;
  }, (promise) => {
    // Somebody forgot to await it. What was to carry it says so; its own
    // failure is nobody's, and is not to end the process.
    if (!(REFERENCE in promise)) void then.call(promise, undefined, nothing);
  });
}

async function endStream(stream: Streamed, reason: unknown): Promise<void> {
  if (stream instanceof ReadableStream) {
    if (!stream.locked) await stream.cancel(reason);
    return;
  }
  const { cancel, next } = stream as { cancel?: unknown; next?: unknown };
  if (typeof cancel !== "function" && typeof next !== "function") return;
  // One of a wire throws here where somebody takes it already.
  await stream[Symbol.asyncIterator]().return?.();
}

/**
 * Goes through data for streams, at any depth.
 *
 * @param value The data.
 * @param partsOf Tells what an object holds.
 * @param isEnough Gets each stream; true ends the search.
 * @param isPromise Gets each promise, where one is of interest.
 * @returns Whether something was enough. False for what cannot be looked at.
 */
function findStream(
  value: unknown,
  partsOf: (value: object) => Iterable<unknown>,
  isEnough: (stream: Streamed) => boolean,
  isPromise?: (promise: Promise<unknown>) => void,
): boolean {
  // What is added meanwhile is gone through as well.
  const found = new Set<unknown>([value]);
  try {
    for (const value of found) {
      if (typeof value !== "object" || value === null) continue;
      if (isStreamed(value)) {
        if (isEnough(value)) return true;
        continue;
      }
      if (value instanceof Promise) {
        isPromise?.(value);
        continue;
      }
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
  if (value instanceof Map) {
    return [...firstOf(value.keys()), ...firstOf(value.values())];
  }
  if (value instanceof Set) return firstOf(value);
  const parts = Object.values(value);
  if (!(value instanceof Error)) return parts;
  return [...parts, value.cause, (value as Partial<AggregateError>).errors];
}

/**
 * The same of what is sent as data, without asking getters. What is of a class,
 * or behind a reference, is more than what was to be sent.
 */
function dataOf(value: object): Iterable<unknown> {
  if (value instanceof Map || value instanceof Set) return partsOf(value);
  if (Array.isArray(value)) return firstOf(value);
  if (!isPlain(value) && !(value instanceof Error)) return [];
  const properties = Object.values(Object.getOwnPropertyDescriptors(value));
  return properties.map((property) => property.value);
}

/** What is in a collection: a proxy may claim to have any number of items. */
function* firstOf(items: Iterable<unknown>): Iterable<unknown> {
  let count = 0;
  for (const item of items) {
    if (++count > MOST_ITEMS) return;
    yield item;
  }
}

function yes(): true {
  return true;
}

function nothing(): void {}
