/**
 * Who may reach a listener: whoever does can make it compute.
 *
 * @module
 */

import { WireError } from "../../wire/base/errors.ts";
import type { ListenerOptions } from "./options.ts";

/** The shortest credential. */
const SHORTEST = 16;

/** Whether only this machine reaches an address. */
export function isLoopback(hostname: string): boolean {
  const bare = hostname.toLowerCase().replace(/^\[|\]$/g, "");
  return bare === "localhost" || bare === "::1" ||
    /^(::ffff:)?127(\.\d{1,3}){3}$/.test(bare);
}

/**
 * Refuses a listener that strangers could reach.
 *
 * @param options What the listener allows.
 * @param hostname Where it would listen, or does.
 * @param isTls Whether it speaks TLS.
 * @throws {WireError} `invalidArgument` when the address is not a loopback
 * one, and credential or TLS is missing; or when the credential is short.
 */
export function checkSafety(
  options: Pick<ListenerOptions, "requireCredential">,
  hostname: string,
  isTls: boolean,
): void {
  const { requireCredential: credential } = options;
  if (credential !== undefined && credential.length < SHORTEST) {
    throw new WireError(
      "invalidArgument",
      `The listener's credential must have at least ${SHORTEST} characters.`,
    );
  }
  if (credential !== undefined && /[\r\n]/.test(credential)) {
    throw new WireError(
      "invalidArgument",
      "The listener's credential must be a single line.",
    );
  }
  if (isLoopback(hostname) || (credential !== undefined && isTls)) return;
  const missing = [
    ...(credential === undefined ? ["a credential"] : []),
    ...(isTls ? [] : ["TLS"]),
  ].join(" and ");
  const are = credential === undefined && !isTls ? "are" : "is";
  throw new WireError(
    "invalidArgument",
    `The listener evaluates what it is sent, so it serves ${hostname}, which is beyond this machine, only with a credential and TLS; ${missing} ${are} missing. Give listener.requireCredential and tls, or leave address out.`,
  );
}
