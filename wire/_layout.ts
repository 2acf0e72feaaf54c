/**
 * The layout of messages that whoever writes and whoever reads them share.
 *
 * @module
 */

import { WireError } from "./errors.ts";
import { knownProtocol, shownBytes } from "./_shown_bytes.ts";
import { type Channel, METADATA_ENTRIES, METADATA_UNITS } from "./messages.ts";

/** Channels by their numbers. */
export const CHANNELS: readonly Channel[] = ["messages", "sends"];

/** What is said of a call in its flags. */
export const FLAG = {
  wantsValues: 1,
  hasDeadline: 2,
  hasTarget: 4,
  hasMetadata: 8,
} as const;

/** A call with more arguments than this is not taken for a plain one. */
export const PLAIN_ARGUMENTS = 8;

/** One-way calls in a row share a frame of about so many bytes. */
export const RUN_BYTES = 4 * 1024;

/** How a target begins. */
export const TARGET = { object: 0, result: 1 } as const;

/** The text for metadata that are too many or too long. */
export function metadataLimit(entries: number, units: number): string {
  return `The metadata of a call may have ${METADATA_ENTRIES} entries and ${METADATA_UNITS} characters, not ${entries} and ${units}. Pass what is larger as an argument.`;
}

/**
 * The error for a first frame that is no hello.
 *
 * @param first What came first, as far as it is known.
 * @param isPiped Whether the connection is a pair of streams.
 */
export function notAWire(
  first: Uint8Array = new Uint8Array(0),
  isPiped = false,
): WireError {
  const came = first.length === 0 ? "" : `, but with ${shownBytes(first)}`;
  const protocol = knownProtocol(first);
  const guess = protocol === undefined ? "" : ` It ${protocol}.`;
  const cure = isPiped && protocol === undefined
    ? "Check that nothing else writes to that stream: a process whose pipes are the wire must not print to its standard output (use console.error)."
    : "Check that its port belongs to a request server, and that both ends use TLS or neither does.";
  return new WireError(
    "notAWire",
    `The peer did not begin with a wire's hello${came}.${guess} ${cure}`,
  );
}
