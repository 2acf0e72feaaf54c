/**
 * Refuses options that are not known: one that is misspelt would be left out
 * in silence, and with it the limit or the gate that it was to set.
 *
 * @module
 */

import { WireError } from "./errors.ts";
import { kindOf } from "./_shown.ts";

/** A name as far from another as this, or farther, is no slip of the keys. */
const FAR = 4;

/**
 * Checks an object of options.
 *
 * @param options What a program passed.
 * @param known Every option that there is.
 * @param what What the options are of, for the message, such as `"startUpServer()"`.
 * @throws {WireError} `invalidArgument` for what is no object, and for an
 * option that is not known; the message names the nearest that is.
 */
export function checkOptionKeys(
  options: unknown,
  known: Readonly<Record<string, true>>,
  what: string,
): void {
  for (const key of keysOf(options, what)) {
    if (Object.hasOwn(known, key)) continue;
    const names = Object.keys(known);
    const near = nearest(key, names);
    throw new WireError(
      "invalidArgument",
      `${what} has no option "${key}". ${
        near === undefined
          ? `Its options are ${names.join(", ")}.`
          : `Did you mean "${near}"?`
      }`,
    );
  }
}

/** The names of the options that there are. */
function keysOf(options: unknown, what: string): string[] {
  try {
    if (
      typeof options === "object" && options !== null && !Array.isArray(options)
    ) return Object.keys(options);
  } catch {
    // They cannot be looked at.
  }
  throw new WireError(
    "invalidArgument",
    `The options of ${what} are an object, not ${kindOf(options)}.`,
  );
}

/**
 * Checks the signal among some options.
 *
 * @param signal What a program passed; undefined is none.
 * @throws {WireError} `invalidArgument` for what is no signal.
 */
export function checkSignal(signal: unknown): void {
  if (signal === undefined || isMade(signal, AbortSignal)) return;
  throw new WireError(
    "invalidArgument",
    isMade(signal, AbortController)
      ? "signal is the signal of an AbortController, and not the controller itself: pass controller.signal."
      : "signal is an AbortSignal, such as that of an AbortController.",
  );
}

/** Whether something is of a class of the platform; never throws. */
function isMade(value: unknown, made: new () => unknown): boolean {
  try {
    return value instanceof made;
  } catch {
    return false;
  }
}

/** The known name that is most like another; undefined where none is. */
function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = FAR;
  for (const candidate of known) {
    const distance = editDistance(
      name.toLowerCase(),
      candidate.toLowerCase(),
    );
    if (distance < Math.min(least, candidate.length)) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** How many letters to insert, drop or change (Levenshtein's distance). */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 0; at < one.length; at++) {
    const next = [at + 1];
    for (let to = 0; to < other.length; to++) {
      next.push(Math.min(
        row[to + 1]! + 1,
        next[to]! + 1,
        row[to]! + (one[at] === other[to] ? 0 : 1),
      ));
    }
    row = next;
  }
  return row.at(-1)!;
}
