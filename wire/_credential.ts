/**
 * Which texts can be a secret.
 *
 * @module
 */

import { kindOf } from "./_shown.ts";
import { WireError } from "./errors.ts";

/**
 * Checks a secret that somebody has to show, or shows. An empty one, such as a
 * variable that is not set, would let everybody in.
 *
 * @param credential The secret; undefined where there is none.
 * @param name What the option is called.
 * @throws {WireError} `invalidArgument` for what is no text, is empty, or
 * cannot be sent.
 */
export function checkCredential(credential: unknown, name: string): void {
  if (credential === undefined) return;
  const problem = typeof credential !== "string"
    ? `not ${kindOf(credential)}`
    : credential === ""
    ? 'not ""'
    : credential.isWellFormed()
    ? undefined
    : "and this one has half of a surrogate pair, which cannot be sent";
  if (problem === undefined) return;
  throw new WireError(
    "invalidArgument",
    `The option "${name}" is a text that is not empty, ${problem}. Leave it out where no credential is meant, and check that the variable it comes from is set.`,
  );
}
