/**
 * Arguments that a program made a list of itself.
 *
 * @module
 */

import { errorMessage, WireError } from "./errors.ts";
import { kindOf, shown } from "./_shown.ts";

/** No function takes more: a list of them is one argument. */
const MOST = 2 ** 20;

/**
 * Takes arguments over. Where the program's own list is odd (it has getters, it
 * is a proxy, it changes while it is read), the call gets what was in it at one
 * time, and each item is asked for once.
 *
 * @param name The function's name, as the program passed it.
 * @param args Its arguments, as the program passed them.
 * @returns The same arguments, in an array that nobody else has.
 * @throws {WireError} `invalidArgument` for what is no name, and no array;
 * `limit` for more arguments than any call has; `unsupportedValue` for an array
 * that cannot be looked at.
 */
export function ownArguments(name: unknown, args: unknown): unknown[] {
  if (typeof name !== "string") {
    throw new WireError(
      "invalidArgument",
      `A function is called by its name, which is a text, and not ${
        shown(name)
      }.`,
    );
  }
  let list: readonly unknown[] | undefined;
  let count: unknown;
  try {
    if (Array.isArray(args)) {
      list = args;
      count = args.length;
    }
  } catch (error) {
    throw unreadable(name, error);
  }
  if (list === undefined) {
    throw new WireError(
      "invalidArgument",
      `The arguments of ${shown(name)} are an array, such as [1, 2], and not ${
        kindOf(args)
      }.`,
    );
  }
  if (typeof count !== "number" || !(count >= 0) || count % 1 !== 0) {
    throw unreadable(name, `it has ${shown(count)} items`);
  }
  if (count > MOST) {
    throw new WireError(
      "limit",
      `${
        shown(name)
      } was called with ${count} arguments, and a call has ${MOST} at the most. Pass a list as one argument.`,
    );
  }
  return copied(name, list, count);
}

function copied(
  name: string,
  list: readonly unknown[],
  count: number,
): unknown[] {
  const own: unknown[] = [];
  try {
    for (let index = 0; index < count; index++) own.push(list[index]);
  } catch (error) {
    throw unreadable(name, error);
  }
  return own;
}

function unreadable(name: string, error: unknown): WireError {
  return new WireError(
    "unsupportedValue",
    `The array of the arguments of ${shown(name)} cannot be looked at: ${
      errorMessage(error)
    }`,
    { cause: error },
  );
}
