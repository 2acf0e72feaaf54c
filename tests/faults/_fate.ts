/**
 * How promises settle, in a word or two.
 *
 * @module
 */

import { WireError } from "../../mod.ts";

/**
 * How a promise settles.
 *
 * @param promise The promise.
 * @returns `"value"`, with the value if that is a text; or the code of the
 * error, with what it says of whether the call was sent.
 */
export async function fate(promise: Promise<unknown>): Promise<string> {
  try {
    const value = await promise;
    return typeof value === "string" ? `value ${value}` : "value";
  } catch (error) {
    if (!(error instanceof WireError)) return String(error);
    return error.sent === undefined
      ? error.code
      : `${error.code} ${error.sent}`;
  }
}
