/**
 * What the codec asks about things that are not copied: objects and functions
 * that are passed by reference, streams, results that are not there yet.
 *
 * @module
 */

import { malformed, type WireError } from "./errors.ts";

/** How such a thing travels. */
export type Passed =
  /** An object of the sender. */
  | {
    readonly as: "object";
    readonly isFunction: boolean;
    readonly slot: number;
    readonly nonce: number;
  }
  /** An object of the receiver, which comes home. */
  | { readonly as: "own"; readonly slot: number; readonly nonce: number }
  /** A stream, whose items follow in messages of their own. */
  | { readonly as: "stream"; readonly id: number }
  /** The result of a call that was sent before. */
  | { readonly as: "result"; readonly id: number }
  /** Nothing special after all: a value. */
  | { readonly as: "value"; readonly value: unknown };

/** What travels along with a message that leaves. */
export interface Leaving {
  /**
   * The message is about to leave, perhaps long after it was written: asks
   * whether the peer takes what travels along, which counts as its own then.
   *
   * @returns Why it does not.
   */
  admit(): WireError | undefined;
  /** The message has left. */
  left(): void;
  /**
   * The message will never leave: all is as if it had not been tried.
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
  pass(value: object): Passed | undefined;
  /** The message is written, or given up: what travels with it. */
  take(): Leaving | undefined;
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
}

/** What results are copied for: the arguments of one call. */
export interface Borrower {
  /** How many bytes of results were copied. */
  copied: number;
  /** Whether nothing is copied any more: the call is answered. */
  isOver: boolean;
}

/** What came along with a message. */
export interface Arrived extends Borrower {
  /** Says where it came, for warnings. */
  label(place: string): void;
  /** Nobody wants it: gives everything back. */
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
export class Arrival {
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
  readonly arrival: Arrival;

  /**
   * @param result Resolves with the result.
   * @param arrival When it is there.
   */
  constructor(result: Promise<unknown>, arrival: Arrival) {
    this.result = result;
    this.arrival = arrival;
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
    if (holder instanceof Map || holder instanceof Set) {
      const items: unknown[] = [...holder];
      await fill(items, own);
      holder.clear();
      for (const item of items) {
        if (holder instanceof Set) holder.add(item);
        else holder.set(...item as [unknown, unknown]);
      }
      continue;
    }
    for (const key of Object.getOwnPropertyNames(holder)) {
      if (key === "stack" && holder instanceof Error) continue;
      const item = (holder as Record<string, unknown>)[key];
      if (item instanceof AwaitedResult) {
        const value = await item.result;
        Object.defineProperty(holder, key, { value });
      } else if (isHolder(item) && !own.has(item)) {
        waiting.push(item);
      }
    }
  }
}

/** Whether decoded data may hold further values. */
function isHolder(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || Array.isArray(value) ||
    value instanceof Map || value instanceof Set || value instanceof Error;
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
  /** The message is read, or given up: what came with it. */
  take(): Arrived | undefined;
}

/** For values by themselves: nothing passes but data. */
export const NO_EXPORTER: Exporter = {
  pass: () => undefined,
  take: () => undefined,
};

/** For values by themselves. */
export const NO_IMPORTER: Importer = {
  object: noWire,
  own: noWire,
  stream: noWire,
  result: noWire,
  asThen: (value) => value,
  take: () => undefined,
};

function noWire(): never {
  throw malformed("References and streams only pass over a wire.");
}
