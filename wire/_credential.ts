/**
 * Which texts can be a secret, and who is to show one.
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

/**
 * Checks that a server which is given a secret to show demands one as well.
 * One that does not would let everybody in, and was likely meant to demand
 * this one.
 *
 * @param options What a program passed.
 * @throws {WireError} `invalidArgument` for a `credential`, undefined or not,
 * without a `requireCredential`.
 */
export function checkDemand(
  options: {
    readonly credential?: unknown;
    readonly requireCredential?: unknown;
  },
): void {
  if (!("credential" in options) || "requireCredential" in options) return;
  throw new WireError(
    "invalidArgument",
    'The option "credential" is a secret that this side shows, and this server demands none, so that everybody could connect. Did you mean "requireCredential", the secret that clients have to show? A server that shows a secret to its clients is given both.',
  );
}
