/**
 * Results of calls that were served, for calls of the same peer that need
 * them: as what they are of, or as an argument.
 *
 * A peer may name the result of a call as soon as it has sent the call. What
 * it names may be still to come, or be answered already: then it is there for
 * the calls that came with it; and, where it is small or a reference, until
 * the call's id is used again.
 *
 * @module
 */

import { errorMessage, WireError } from "../base/errors.ts";
import { LazyMap } from "../base/collections.ts";
import {
  DEFAULT_LIMITS,
  excessOf,
  type Memory,
  type WireLimits,
} from "../base/limits.ts";
import {
  AwaitedResult,
  type Borrower,
  type Method,
  methodOf,
  ResultReady,
} from "../codec/passing.ts";
import { isPlain } from "../codec/value_kinds.ts";
import { referentOf, resolvable } from "./remote.ts";
import { decodeWeighed, encode } from "../codec/codec.ts";
import type { ValueTypes } from "../codec/value_types.ts";

/** Longer texts are not kept beyond the calls that came with them. */
const SHORT = 1_000;

/** There is no such result any more: the peer has it, and sends its value. */
const GONE = Symbol("gone");

/** A call failed whose result was needed. */
export class FailedResult {
  /** What it threw; undefined where the wire itself refused it. */
  readonly thrown: unknown;
  /** Why the wire refused it. */
  readonly refusal: WireError | undefined;

  /**
   * @param thrown What it threw.
   * @param refusal Why the wire refused it.
   */
  constructor(thrown: unknown, refusal?: WireError) {
    this.thrown = thrown;
    this.refusal = refusal;
  }
}

/** Data of which copies are made, all as it is when the first one is made. */
class Copyable {
  readonly value: object;
  #bytes: Uint8Array | undefined;
  #isTaken = false;

  constructor(value: object) {
    this.value = value;
  }

  /**
   * Its bytes.
   *
   * @param types The types of values that are declared.
   * @returns Undefined where it cannot be copied.
   */
  bytes(types: ValueTypes | undefined): Uint8Array | undefined {
    if (this.#isTaken) return this.#bytes;
    this.#isTaken = true;
    try {
      this.#bytes = encode(this.value, DEFAULT_LIMITS, types);
    } catch {
      // Not everything that is sent over a wire is data.
    }
    return this.#bytes;
  }
}

/** The functions that a plain object holds, each of which goes by reference. */
export class HeldFunctions {
  readonly #functions = new Map<string, Method>();

  /** @param object The object. */
  constructor(object: object) {
    const properties = Object.getOwnPropertyDescriptors(object);
    for (const [name, { value }] of Object.entries(properties)) {
      if (typeof value === "function") this.#functions.set(name, value);
    }
  }

  /**
   * One of them.
   *
   * @throws {WireError} `noSuchFunction`.
   */
  find(name: string): Method {
    const found = this.#functions.get(name);
    return found ?? methodOf({}, name);
  }
}

/** A result that somebody waits for. */
interface Wanted extends PromiseWithResolvers<unknown> {
  readonly ready: ResultReady;
}

/** Knows what was passed by reference. */
export interface SharedObjects {
  /** Whether the peer has a reference to an object. */
  isExported(object: object): boolean;
}

/** Messages that came together, in one read. */
export interface Chunks {
  /** Whether they are just dealt with: one may need the result of another. */
  readonly isInChunk: boolean;
}

/** What bounds results, and what they are made of. */
export interface ResultsOptions {
  /**
   * Ids beyond so many `calls` are not kept, and calls hold copies of as many
   * bytes as the peer's may have.
   */
  readonly limits: Pick<WireLimits, "calls" | "message" | "window">;
  /** The objects that the peer has references to. */
  readonly objects?: SharedObjects | undefined;
  /** Accounts for what copies hold beyond their bytes. */
  readonly memory?: Memory | undefined;
  /** The types of values that are declared. */
  readonly valueTypes?: ValueTypes | undefined;
}

/** The results of one wire, by the ids of their calls. */
export class Results {
  readonly #options: ResultsOptions;
  readonly #chunks: Chunks;
  /** Results by id: small values, references, and what came just now. */
  #done: unknown[] = [];
  /** Ids whose results are kept until all is dealt with that came just now. */
  #fresh: number[] = [];
  /** Results that somebody waits for, by id. */
  readonly #awaited = new LazyMap<number, Wanted>();
  /** Calls for which results were copied, by id, until they are answered. */
  #borrowers: Map<number, Borrower> | undefined;
  /** How many bytes of results were copied for them. */
  #copied = 0;

  /**
   * @param options What bounds them, and what they are made of.
   * @param chunks Tell whether more of what came together is to come.
   */
  constructor(options: ResultsOptions, chunks: Chunks) {
    this.#options = options;
    this.#chunks = chunks;
  }

  /** Messages that came together were dealt with. */
  finish(): void {
    if (this.#fresh.length === 0) return;
    for (const id of this.#fresh) this.#done[id] = lasting(this.#done[id]);
    this.#fresh = [];
  }

  /** A call has a result, or has failed. */
  settle(id: number, result: unknown): void {
    const borrower = this.#borrowers?.get(id);
    if (borrower !== undefined) {
      this.#borrowers!.delete(id);
      this.releaseBorrowed(borrower);
    }
    if (this.#awaited.size > 0) {
      const wanted = this.#awaited.get(id);
      this.#awaited.delete(id);
      wanted?.resolve(copyable(result));
      wanted?.ready.declare();
    }
    if (id >= this.#options.limits.calls) return;
    // On most wires one call is under way at a time.
    if (this.#done.length === 0 && id === 0) this.#done = [undefined];
    if (isSmall(result)) {
      this.#done[id] = result;
    } else if (this.#chunks.isInChunk) {
      this.#done[id] = result;
      this.#fresh.push(id);
    } else {
      this.#done[id] = lasting(result);
    }
  }

  /**
   * What a call's result is as an argument.
   *
   * @param id The call's id.
   * @param isOwed Whether it has no result yet.
   * @param borrower What it is an argument of.
   * @returns The result, or what stands for it.
   * @throws {WireError} `resultGone`.
   */
  argument(id: number, isOwed: boolean, borrower: Borrower): unknown {
    if (isOwed) {
      const { promise, ready } = this.#wait(id);
      return new AwaitedResult(
        promise.then((result) => this.#asArgument(result, borrower)),
        ready,
      );
    }
    const shared = this.#shared(id);
    if (shared !== undefined) return resolvable(shared);
    const result = this.#done[id] = copyable(this.#find(id));
    return this.#asArgument(result, borrower);
  }

  /** A call came: what is copied for it is held until it is answered. */
  lend(id: number, borrower: Borrower): void {
    (this.#borrowers ??= new Map()).set(id, borrower);
  }

  /** What was copied is no longer held. */
  releaseBorrowed(borrower: Borrower): void {
    this.#copied -= borrower.copied;
    this.#options.memory?.give(borrower.excess);
    borrower.copied = borrower.excess = 0;
    borrower.isOver = true;
  }

  /** A result as the peer would send it back: data as a copy. */
  #asArgument(result: unknown, borrower: Borrower): unknown {
    if (result instanceof FailedResult) throw result;
    if (!(result instanceof Copyable)) {
      return isObject(result) ? resolvable(sharedOf(result) ?? result) : result;
    }
    const { limits: { message, window }, valueTypes } = this.#options;
    const bytes = result.bytes(valueTypes);
    // A few bytes can name a large result very often.
    const isTooMuch = bytes !== undefined &&
      this.#copied + bytes.length > window + message;
    if (bytes === undefined || isTooMuch || borrower.isOver) throw gone();
    return this.#copy(bytes, borrower);
  }

  /** Copies a result, if there is room for the copy. */
  #copy(bytes: Uint8Array, borrower: Borrower): unknown {
    const { length } = bytes;
    const { memory, valueTypes } = this.#options;
    const room = memory?.room(length) ?? Infinity;
    const copy = decodeWeighed(bytes, valueTypes, room);
    if (copy === undefined) throw gone();
    const excess = excessOf(copy.weight, length);
    this.#copied += length;
    borrower.copied += length;
    memory?.hold(excess);
    borrower.excess += excess;
    return copy.value;
  }

  /**
   * What a call's result is as what another call is of.
   *
   * @param id The call's id.
   * @param isOwed Whether it has no result yet.
   * @returns An object or a function, or what stands for it.
   * @throws {WireError} `resultGone`.
   */
  target(id: number, isOwed: boolean): unknown {
    if (!isOwed) return this.#shared(id) ?? asTarget(this.#find(id));
    const { promise, ready } = this.#wait(id);
    return new AwaitedResult(promise.then(asTarget), ready);
  }

  #wait(id: number): Wanted {
    let wanted = this.#awaited.get(id);
    if (wanted === undefined) {
      wanted = {
        ...Promise.withResolvers<unknown>(),
        ready: new ResultReady(),
      };
      this.#awaited.set(id, wanted);
    }
    return wanted;
  }

  #find(id: number): unknown {
    const found = this.#done[id];
    if (found === GONE || !(id in this.#done)) throw gone();
    return found;
  }

  /** The object of this side that a result passed by reference. */
  #shared(id: number): object | undefined {
    const found = this.#done[id];
    if (!(found instanceof WeakRef)) return undefined;
    const object = found.deref();
    const { objects } = this.#options;
    if (object === undefined || !objects?.isExported(object)) throw gone();
    return object;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null ||
    typeof value === "function";
}

function isSmall(value: unknown): boolean {
  switch (typeof value) {
    case "string":
      return value.length <= SHORT;
    case "number":
    case "boolean":
    case "undefined":
      return true;
    default:
      return value === null;
  }
}

/** The object of this side that a result passes by reference. */
function sharedOf(result: object): object | undefined {
  return typeof result === "function" && referentOf(result) === undefined
    ? result
    : referentOf(result)?.local;
}

/** What is kept of a result until the call's id is used again. */
function lasting(result: unknown): unknown {
  try {
    const local = isObject(result) ? sharedOf(result) : undefined;
    return local === undefined ? GONE : new WeakRef(local);
  } catch {
    // It was looked at once, and cannot be any more.
    return GONE;
  }
}

/**
 * A result, which is copied where it is data. One that cannot be looked at is
 * no more use than that of a call that failed.
 */
function copyable(result: unknown): unknown {
  try {
    const isData = isObject(result) && !(result instanceof FailedResult) &&
      !(result instanceof Copyable) && sharedOf(result) === undefined &&
      referentOf(result) === undefined;
    return isData ? new Copyable(result) : result;
  } catch (error) {
    const refusal = new WireError(
      "unsupportedValue",
      `The result threw when it was read: ${errorMessage(error)}`,
    );
    return new FailedResult(undefined, refusal);
  }
}

/**
 * What a call of a result is of: what the peer has, or will have, a reference
 * to. Data is copied, so that nothing of it can be called but the functions
 * that a plain object holds.
 */
function asTarget(answer: unknown): unknown {
  if (answer instanceof FailedResult) throw answer;
  const result = answer instanceof Copyable ? answer.value : answer;
  if (isObject(result)) {
    const shared = sharedOf(result);
    if (shared !== undefined) return resolvable(shared);
    if (referentOf(result) !== undefined) return result;
    if (isPlain(result)) return new HeldFunctions(result);
  }
  throw new WireError(
    "noSuchFunction",
    "A function was called on a result that is not a remote object.",
  );
}

function gone(): WireError {
  return new WireError(
    "resultGone",
    "The result that the call needs was sent already, and is not kept. Send its value.",
  );
}
