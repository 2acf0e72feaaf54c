/**
 * The calling side of calls that run once: asks a peer what it remembers, and
 * calls with a key.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { isA, shown, WireError } from "../base/errors.ts";
import { endStreams } from "../codec/passing.ts";
import {
  type CallOptions,
  dueAt,
  keyOf,
  type OnceKey,
  timeLeft,
  type WireCallOptions,
} from "../rpc/context.ts";
import type { Caller } from "../rpc/remote.ts";
import { ONCE_KEY, ONCE_TERMS } from "../rpc/served.ts";

/** A call may be on its way for so long, in milliseconds, if not longer. */
const ON_ITS_WAY = 60_000;

/** What a peer tells of what it remembers. */
export interface OnceTerms {
  /** Which memory that is; servers that share it tell the same. */
  readonly store: string;
  /** For how many milliseconds an outcome is kept, at least. */
  readonly keeps: number;
}

/** Calls a peer, each time with a key. */
export class OnceCaller {
  readonly #caller: Caller;
  readonly #clock: Clock;
  #terms: OnceTerms | undefined;

  /**
   * @param caller What carries calls out.
   * @param clock Tells how old a key is.
   */
  constructor(caller: Caller, clock: Clock) {
    this.#caller = caller;
    this.#clock = clock;
  }

  /**
   * Makes a call that the peer runs at most once.
   *
   * @param name The function's name.
   * @param args Its arguments.
   * @param wantsValues Whether all its values are wanted, or the first.
   * @param options Its key, and what may be said about any call.
   * @returns What it gives, or what its first run gave.
   */
  async call(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    { once, ...rest }: WireCallOptions,
  ): Promise<unknown> {
    const { key, terms, left } = await this.#prepare(name, once, rest)
      .catch((error) => {
        // Nothing was sent.
        endStreams(args, error);
        throw error;
      });
    const began = this.#clock.now();
    try {
      return await this.#caller.call(name, args, wantsValues, {
        ...left,
        metadata: { ...left?.metadata, [ONCE_KEY]: key.key },
      });
    } catch (error) {
      if (isA(error, WireError) && error.sent === "maybeExecuted") {
        key.store = terms.store;
        key.since ??= began;
      }
      throw told(error, key);
    }
  }

  /** Learns what is to be known before the call is made. */
  async #prepare(
    name: string,
    once: WireCallOptions["once"],
    options: CallOptions,
  ) {
    const key = keyOf(once);
    const due = dueAt(options, this.#clock);
    const terms = this.#terms ??= await this.#ask(name, key, options);
    const left = timeLeft(options, due, this.#clock);
    this.#checkAge(name, key, terms);
    return { key, terms, left };
  }

  /** Asks the peer what it remembers. */
  async #ask(
    name: string,
    key: OnceKey,
    { signal, deadline }: CallOptions,
  ): Promise<OnceTerms> {
    const options = { signal, deadline };
    try {
      return checkTerms(
        await this.#caller.call(ONCE_TERMS, [], false, options),
      );
    } catch (error) {
      if (!isA(error, WireError)) throw error;
      const { code, message } = error;
      // Nothing of the call itself was sent by now.
      const sent = fateOf(key);
      if (code !== "noSuchFunction") {
        throw new WireError(
          code,
          `The call of ${
            shown(name)
          } was not made: the peer could not be asked what it remembers. ${message}`,
          { cause: error, sent },
        );
      }
      throw new WireError(
        code,
        `The call of ${
          shown(name)
        } was not made: the peer remembers no calls. Give it the option "once", or call without.`,
        { cause: error, sent },
      );
    }
  }

  /** Whether the peer would know of an earlier run. */
  #checkAge(name: string, key: OnceKey, { store, keeps }: OnceTerms): void {
    const { store: first, since } = key;
    if (first === undefined || since === undefined) return;
    const why = first !== store
      ? "this peer does not share the memory of the one that may have run it"
      : this.#clock.now() - since >= keeps - Math.min(keeps / 2, ON_ITS_WAY)
      ? `the peer remembers calls for ${keeps} ms, and it was first made too long ago`
      : undefined;
    if (why === undefined) return;
    throw new WireError(
      "outcomeUnknown",
      `The call of ${
        shown(name)
      } may have run, and whether it did is not known: ${why}. It was not repeated.`,
      { sent: "maybeExecuted" },
    );
  }
}

/** What earlier attempts with a key are known to have come to. */
function fateOf({ store }: OnceKey): "notSent" | "maybeExecuted" {
  return store === undefined ? "notSent" : "maybeExecuted";
}

/** An error of the peer's memory, with the call's fate. */
function told(error: unknown, key: OnceKey): unknown {
  if (!isA(error, WireError) || error.sent !== undefined) return error;
  const { code, message } = error;
  if (code !== "outcomeUnknown" && code !== "storeFailed") return error;
  const sent = code === "outcomeUnknown" ? "maybeExecuted" : fateOf(key);
  return new WireError(code, message, { cause: error, sent });
}

/** What a peer told, checked. */
function checkTerms(answer: unknown): OnceTerms {
  const { store, keeps } = Object(answer);
  if (typeof store === "string" && typeof keeps === "number") {
    return { store, keeps };
  }
  throw new WireError(
    "malformed",
    `The peer was asked what it remembers, and answered ${shown(answer)}.`,
  );
}
