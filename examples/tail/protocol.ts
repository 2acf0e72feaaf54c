/**
 * What the two ends of the tail agree on.
 *
 * @module
 */

/** A place in a log file, which stays the same when the file is renamed. */
export interface Position {
  /** Which file: an identity, not a name. */
  readonly file: string;
  /** How many bytes of it come before. */
  readonly offset: number;
}

/** Where to begin: at the first byte, at what is to come, or at a place. */
export type From = "start" | "end" | Position;

/**
 * What a tail consists of: bytes, and before them the place they are from.
 * Another place comes when the log goes on in a new file, or from the start.
 */
export type Item = Uint8Array | Position;

/** How far a tail has got that somebody follows. */
export interface Progress {
  /** The log's name. */
  readonly name: string;
  /** How many bytes were read for it. */
  readonly read: number;
}

/** What the tail's server serves. */
export interface Tail {
  /** The names of the logs. */
  logs(): string[];
  /**
   * Follows a log for as long as the stream is read.
   *
   * A log that is renamed is read to its end; so is one that was renamed
   * meanwhile and is in the folder still. Then the file follows that has the
   * log's name now.
   *
   * @param name The log's name.
   * @param from Where to begin.
   * @returns First a place, then bytes, in the order in which they were
   * written. It has no end.
   */
  tail(name: string, from: From): AsyncIterable<Item>;
  /** How far the server has read for each tail that it serves. */
  progress(): Progress[];
}
