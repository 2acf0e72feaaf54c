/**
 * The layout of messages that whoever writes and whoever reads them share.
 *
 * @module
 */

import { WireError } from "./errors.ts";
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

/** The error for a first frame that is no hello. */
export function notAWire(): WireError {
  return new WireError(
    "notAWire",
    "The peer did not begin with a wire's hello. Check that its port belongs to a request server, and that both ends use TLS or neither does.",
  );
}
