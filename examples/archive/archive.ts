/**
 * What the two ends of the archive agree on: its functions, and its bounds.
 *
 * The archive is content-addressed: an object is a run of bytes, and its name
 * is the SHA-256 of those bytes in hexadecimal, so that the same bytes are
 * kept once. A file is a path and the list of the objects that make it up.
 *
 * @module
 */

/** The largest object, in bytes; well below the 4 MiB of a wire's message. */
export const PART = 1024 * 1024;

/** The most parts of a file. */
export const MOST_PARTS = 10_000;

/** The longest path, in UTF-16 code units. */
export const LONGEST_PATH = 1_024;

/** The most files in an archive. */
export const MOST_FILES = 1_000_000;

/** The most files that one call of `list` returns. */
export const PAGE = 500;

/** The most matches that one call of `search` returns. */
export const MOST_MATCHES = 500;

/** The functions of an archive. What is thrown tells what is wrong. */
export interface Archive {
  /** Keeps up to `PART` bytes; returns their digest. */
  put(bytes: Uint8Array): string;
  /** Whether there is an object of that digest. */
  has(digest: string): boolean;
  /** The bytes of an object. */
  get(digest: string): Uint8Array;
  /** Gives a path to the bytes of some objects, one after the other. */
  enter(path: string, parts: string[]): Entry;
  /** The digests of the parts of a file. */
  parts(path: string): string[];
  /** Up to `PAGE` files, from a position on; an empty list is the end. */
  list(from: number): Entry[];
  /** Looks for a regular expression in every line of every text file. */
  search(source: string, flags: string): SearchResult;
}

/** What the archive tells of a file. */
export interface Entry {
  /** The path: a key, and no more. */
  readonly path: string;
  /** The SHA-256 of the whole file, in hexadecimal. */
  readonly digest: string;
  /** Its size in bytes. */
  readonly size: number;
}

/** A line that a regular expression matches. */
export interface Match {
  /** The path of the file. */
  readonly path: string;
  /** The number of the line, from 1. */
  readonly line: number;
  /** The line, cut off where it is long. */
  readonly text: string;
}

/** What a search found. */
export interface SearchResult {
  /** The matches, up to `MOST_MATCHES`. */
  readonly matches: Match[];
  /** How many files were looked through. */
  readonly searched: number;
  /** How many were left out: no text, or too large. */
  readonly skipped: number;
  /** False when the search ended early, at `MOST_MATCHES`. */
  readonly complete: boolean;
}
