/**
 * Which functions of an object can be called from afar.
 *
 * @module
 */

import { keyOf, malformed, WireError } from "../base/errors.ts";
import {
  holderOf,
  leafOf,
  ownMembers,
  partsOf,
  refill,
  valueKind,
} from "./value_kinds.ts";

/** A function that is called with whatever came. */
export type Method = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Finds a function of an object that was passed by reference: its own, or one
 * of its class, but neither a getter's nor what all objects or functions have.
 *
 * @param object The object.
 * @param name The function's name; empty for the object itself.
 * @returns The function.
 * @throws {WireError} `noSuchFunction`.
 */
export function methodOf(object: object, name: string): Method {
  if (name === "") {
    if (typeof object === "function") return object as Method;
    throw new WireError(
      "noSuchFunction",
      "The remote object is not a function. Call one of its functions by name.",
    );
  }
  for (
    let holder: object | null = object;
    holder !== null && !isCommon(holder) && name !== "constructor";
    holder = Object.getPrototypeOf(holder)
  ) {
    const property = Object.getOwnPropertyDescriptor(holder, name);
    if (property === undefined) continue;
    if (typeof property.value === "function") return property.value;
    break;
  }
  throw new WireError(
    "noSuchFunction",
    `The remote object has no function ${
      JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name)
    }. Those of its class can be called, and its own.`,
  );
}

function isCommon(holder: object): boolean {
  return holder === Object.prototype || holder === Function.prototype;
}

// What the codec asks about things that are not copied: objects and functions
// that are passed by reference, streams, results that are not there yet.

/** How such a thing travels. */
export type Exported =
  /** An object of the sender. */
  | {
    readonly as: "object";
    readonly isFunction: boolean;
    readonly slot: number;
    readonly nonce: number;
  }
  /** An object of the receiver, which returns to its owner. */
  | { readonly as: "own"; readonly slot: number; readonly nonce: number }
  /** A stream, whose items follow in messages of their own. */
  | { readonly as: "stream"; readonly id: number }
  /** The result of a call that was sent before. */
  | { readonly as: "result"; readonly id: number }
  /** Nothing special after all: a value. */
  | { readonly as: "value"; readonly value: unknown };

/** What travels with a message that is sent. */
export interface SentAttachments {
  /**
   * The message is about to be sent, perhaps long after it was written: asks
   * whether the peer takes the attachments, which count as its own then.
   *
   * @returns Why it does not.
   */
  admit(): WireError | undefined;
  /** The message was sent. */
  sent(): void;
  /**
   * The message will never be sent: undoes what writing it has counted.
   *
   * @param isRetried Whether what it holds will be sent with another message.
   */
  undo(isRetried?: boolean): void;
}

/**
 * Thrown by an exporter when a message has to wait for a result that cannot
 * travel yet.
 */
export class NotReady {
  /** Settles with the result. */
  readonly result: Promise<unknown>;

  /** @param result Settles with the result. */
  constructor(result: Promise<unknown>) {
    this.result = result;
  }
}

/** Says how things travel that are not copied. */
export interface Exporter {
  /**
   * Says how a thing travels.
   *
   * @param value An object or a function that is no data.
   * @returns How, or undefined when it cannot be sent.
   */
  export(value: object): Exported | undefined;
  /** The message is written, or given up: what travels with it. */
  take(): SentAttachments | undefined;
}

/** A stream, at one of its ends, that may belong to a call. */
export interface BoundStream {
  /** The call, as long as that can end it. */
  call: StreamsOfCall | undefined;
  /** Ends it at once; whoever takes it learns the reason. */
  abort(reason: WireError): void;
}

/** The streams that end with a call. */
export interface StreamsOfCall {
  /** One more goes with the call. */
  add(stream: BoundStream): void;
  /** One has ended by itself. */
  remove(stream: BoundStream): void;
  /** An item of one of them, of so many bytes, was sent, or came. */
  moved(of: "streamsSent" | "streamsReceived", bytes: number): void;
}

/** What results are copied for: the arguments of one call. */
export interface Borrower {
  /** How many bytes of results were copied. */
  copied: number;
  /** What the copies take in memory beyond these. */
  excess: number;
  /** Whether nothing is copied any more: the call is answered. */
  isOver: boolean;
}

/** The attachments of a message that came. */
export interface ReceivedAttachments extends Borrower {
  /** Says where it came, for warnings. */
  label(place: string): void;
  /** Nobody wants it: releases everything. */
  drop(): void;
  /** Has the streams that came end with those of a call. */
  bind(call: Pick<StreamsOfCall, "add">): void;
  /** Ends the streams that came. */
  abort(reason: WireError): void;
  /** Cancels the streams that nobody takes. */
  dropUntaken(reason: WireError): void;
  /** Why the message fails by itself; undefined if it does not. */
  readonly failure: WireError | undefined;
  /** Results that arguments are to be, and that are not there yet. */
  readonly awaited: readonly AwaitedResult[];
  /** Whether results of calls are among the values. */
  readonly hasResults: boolean;
  /** What is no data of the message's: objects of this side, results. */
  readonly own: ReadonlySet<object>;
}

/** The moment when a result is there, some turns before its promise tells. */
export class ResultReady {
  #isOver = false;
  #waiting: (() => void)[] = [];

  /** Has a function called then; at once if it is over. */
  listen(listener: () => void): void {
    if (this.#isOver) listener();
    else this.#waiting.push(listener);
  }

  /** The result is there. */
  declare(): void {
    this.#isOver = true;
    for (const listener of this.#waiting.splice(0)) listener();
  }
}

/** Stands in a value for a result that is not there yet. */
export class AwaitedResult {
  /** Resolves with the result. */
  readonly result: Promise<unknown>;
  /** When it is there. */
  readonly ready: ResultReady;

  /**
   * @param result Resolves with the result.
   * @param ready When it is there.
   */
  constructor(result: Promise<unknown>, ready: ResultReady) {
    this.result = result;
    this.ready = ready;
    // The call that needs it may be given up meanwhile.
    result.catch(() => {});
  }
}

/**
 * Puts results in the place of what stood for them.
 *
 * @param args Decoded values, whose results are all there.
 * @param own What is no data of the message's, and left alone.
 */
export async function fill(
  args: unknown[],
  own: ReadonlySet<object>,
): Promise<void> {
  const waiting: object[] = [args];
  for (let holder; (holder = waiting.pop()) !== undefined;) {
    const parts = [...partsOf(holder, ownMembers)];
    let isChanged = false;
    for (const [index, part] of parts.entries()) {
      if (part instanceof AwaitedResult) {
        parts[index] = await part.result;
        isChanged = true;
      } else if (isHolder(part) && !own.has(part)) {
        waiting.push(part);
      }
    }
    if (isChanged) refill(holder, parts);
  }
}

/** Whether decoded data may hold further values. */
function isHolder(value: unknown): value is object {
  return typeof value === "object" && value !== null &&
    holderOf(valueKind(value)) !== undefined;
}

/** Makes of what came by reference what the receiver gets. */
export interface Importer {
  /** An object of the peer. */
  object(slot: number, nonce: number, isFunction: boolean): unknown;
  /** An object of this side. */
  own(slot: number, nonce: number): unknown;
  /** A stream of the peer. */
  stream(id: number): unknown;
  /** The result of a call that the peer made. */
  result(id: number): unknown;
  /**
   * What stands for a value under the key `then`. An object with a function
   * `then` would be called by whoever awaits it.
   */
  asThen(value: unknown): unknown;
  /** A value of a declared type was made: it is no data of the message's. */
  made(value: object): void;
  /** The message is read, or given up: what came with it. */
  take(): ReceivedAttachments | undefined;
}

/** For values by themselves: only data can be sent. */
export const NO_EXPORTER: Exporter = {
  export: () => undefined,
  take: () => undefined,
};

/** For values by themselves. */
export const NO_IMPORTER: Importer = {
  object: noWire,
  own: noWire,
  stream: noWire,
  result: noWire,
  asThen: (value) => value,
  made: nothing,
  take: () => undefined,
};

function noWire(): never {
  throw malformed("References and streams can only be sent over a wire.");
}

// What travels as a stream, and whether values have any among them.

/** Of this realm, whatever a promise has in its place. */
const { then } = Promise.prototype;
/**
 * What marks a reference, and the promise of a call, whichever copy of this
 * module made it; nothing that comes off a wire has it.
 */
export const REFERENCE: unique symbol = Symbol.for(keyOf("reference"));

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
  return findStream(value, (value) => partsOf(value, members), yes);
}

/**
 * Ends the streams of something that will not be sent: a `ReadableStream` is
 * cancelled, a generator returns. What somebody reads already is left alone,
 * and so are what would have to be begun first, and what lies deep in much
 * data. A promise among it, which somebody forgot to await, may fail unheard.
 *
 * @param value What was to be sent.
 * @param reason Why it is not.
 */
export function endStreams(value: unknown, reason: unknown): void {
  let looked = 0;
  const dataOf = (value: object) =>
    // What is of a class, or behind a reference, is more than what was to be
    // sent.
    ++looked < LOOKED_AT && valueKind(value) !== undefined
      ? partsOf(value, ownMembers)
      : [];
  findStream(value, dataOf, (stream) => {
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
      if (leafOf(valueKind(value)) !== undefined) continue;
      // A proxy may claim to have any number of items.
      let count = 0;
      for (const part of partsOf(value)) {
        if (++count > MOST_ITEMS) break;
        if (typeof part === "object") found.add(part);
      }
    }
  } catch {
    // A getter threw.
  }
  return false;
}

/** What an object holds under its keys; getters are asked. */
function members(value: object, hidden: readonly string[]): unknown[] {
  const also = hidden.map((key) => (value as Record<string, unknown>)[key]);
  return [...Object.values(value), ...also];
}

function yes(): true {
  return true;
}

function nothing(): void {}
