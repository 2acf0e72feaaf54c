/**
 * Refuses options that are not known: one that is misspelt would be left out
 * in silence, and with it the limit or the gate that it was to set.
 *
 * @module
 */

import { WireError } from "./errors.ts";
import { kindOf, shown } from "./_shown.ts";

/**
 * A name as far from another as this, or farther, is no slip of the keys; nor
 * is one of which more than a third of the letters differ.
 */
const FAR = 4;
/** A name that begins or ends another has so many letters. */
const EDGE = 3;

/**
 * Checks an object of options.
 *
 * @param options What a program passed.
 * @param known Every option that there is.
 * @param what What the options are of, for the message, such as `"startUpServer()"`.
 * @throws {WireError} `invalidArgument` for what is no object of options, and
 * for an option that is not known; the message names the nearest that is.
 */
export function checkOptionKeys(
  options: unknown,
  known: Readonly<Record<string, true>>,
  what: string,
): void {
  for (const key of keysOf(options, known, what)) {
    if (Object.hasOwn(known, key)) continue;
    throw unknownName("option", key, Object.keys(known), ` of ${what}`);
  }
}

/** The names of the options that there are. */
function keysOf(
  options: unknown,
  known: Readonly<Record<string, true>>,
  what: string,
): string[] {
  try {
    if (
      typeof options === "object" && options !== null && !Array.isArray(options)
    ) {
      const keys = Object.keys(options);
      if (keys.length > 0 || mayBeOptions(options, known)) return keys;
    }
  } catch {
    // They cannot be looked at.
  }
  throw new WireError(
    "invalidArgument",
    `The options of ${what} are an object, such as { ${
      Object.keys(known)[0]
    }: … }, not ${kindOf(options)}.`,
  );
}

/**
 * Tells options from an object of a class that has none of them: a promise of
 * options, a `Map`, or a signal that is passed by itself.
 *
 * @param options An object.
 * @param known Every option that there is.
 * @returns Whether it is plain, or has one of these options.
 */
export function mayBeOptions(
  options: object,
  known: Readonly<Record<string, true>>,
): boolean {
  const prototype = Object.getPrototypeOf(options);
  return prototype === null || Object.getPrototypeOf(prototype) === null ||
    Object.keys(known).some((key) => key in options);
}

/**
 * The error of a name that there is not.
 *
 * @param kind What it names, such as `"option"`.
 * @param name The name.
 * @param known Every name that there is.
 * @param of What it would be of, with a space before it; may be empty.
 * @returns `invalidArgument`, which names the nearest, or all that there are.
 */
export function unknownName(
  kind: string,
  name: string,
  known: readonly string[],
  of = "",
): WireError {
  const near = nearest(name, known);
  return new WireError(
    "invalidArgument",
    `There is no ${kind} ${shown(name)}${of}${
      near === undefined
        ? `. There ${known.length === 1 ? "is" : "are"} ${known.join(", ")}.`
        : `; did you mean "${near}"?`
    }`,
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
  const typed = name.toLowerCase();
  for (const candidate of known) {
    const other = candidate.toLowerCase();
    const distance = isEdge(typed, other) || isEdge(other, typed)
      ? 1
      : editDistance(typed, other);
    const isSlip = 3 * distance <= Math.max(typed.length, other.length);
    if (isSlip && distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** Whether a name begins or ends another, and is not the same. */
function isEdge(one: string, other: string): boolean {
  return one.length >= EDGE && one.length < other.length &&
    (other.startsWith(one) || other.endsWith(one));
}

/**
 * How many letters to insert, drop, change or exchange with their neighbour
 * (Damerau's and Levenshtein's distance); `FAR` where the lengths tell that much.
 */
function editDistance(one: string, other: string): number {
  if (Math.abs(one.length - other.length) >= FAR) return FAR;
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 0; at < one.length; at++) {
    const next = [at + 1];
    for (let to = 0; to < other.length; to++) {
      const isSame = one[at] === other[to];
      const isExchanged = at > 0 && to > 0 && one[at] === other[to - 1] &&
        one[at - 1] === other[to];
      next.push(Math.min(
        row[to + 1]! + 1,
        next[to]! + 1,
        row[to]! + (isSame ? 0 : 1),
        isExchanged ? before[to - 1]! + 1 : Infinity,
      ));
    }
    before = row;
    row = next;
  }
  return row.at(-1)!;
}
