/**
 * What the server makes sure of before it uses anything: a peer may send
 * whatever it likes.
 *
 * @module
 */

import { remoteObjectLocal } from "../../mod.ts";
import { LONGEST_LINE, NAME } from "./protocol.ts";

/** The name of a room, or of a member. */
export function checkName(what: string, name: unknown): asserts name is string {
  if (typeof name === "string" && NAME.test(name)) return;
  throw new TypeError(
    `The name of a ${what} has 1 to 20 letters, digits, "-" or "_".`,
  );
}

/** What somebody says. */
export function checkLine(text: unknown): asserts text is string {
  if (typeof text === "string" && /^\P{Cc}+$/u.test(text)) {
    if (text.length <= LONGEST_LINE) return;
  }
  throw new TypeError(
    `What is said is one line of 1 to ${LONGEST_LINE} characters.`,
  );
}

/** The call-backs of a member. */
export function checkEars(ears: unknown): void {
  if (!remoteObjectLocal(ears)) return;
  throw new TypeError(
    "The third argument of join() are call-backs by reference: makeRemoteObject({ said, joined, left, missed }).",
  );
}
