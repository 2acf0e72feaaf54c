/**
 * The search that the server runs over the contents of the archive.
 *
 * @module
 */

import { type Match, MOST_MATCHES, type SearchResult } from "./archive.ts";
import { checkRegExp } from "./checks.ts";
import type { Kept, Store } from "./store.ts";

/** Files above that size are not searched: 16 MiB. */
const LARGEST = 16 * 1024 * 1024;

/** The most that is returned of a line, in UTF-16 code units. */
const LONGEST_LINE = 200;

/**
 * Looks for a regular expression in every line of every text file.
 *
 * Mind that some regular expressions take for ever, even on a short line, and
 * that nothing can interrupt one while it is tried: `(a+)+$` is the classic.
 * Here client and server belong to the same person. A server for strangers
 * runs the search in a Worker, and ends that Worker after a while.
 *
 * @param store Where to look.
 * @param source The source of the regular expression.
 * @param flags Its flags.
 * @param signal Ends the search between two files.
 * @returns The matches by path and line, as many as may be returned.
 */
export async function search(
  store: Store,
  source: string,
  flags: string,
  signal: AbortSignal,
): Promise<SearchResult> {
  const regexp = checkRegExp(source, flags);
  const matches: Match[] = [];
  let searched = 0;
  let skipped = 0;
  for (const path of [...store.files.keys()].sort()) {
    signal.throwIfAborted();
    const text = await textOf(store, store.files.get(path)!);
    if (text === undefined) {
      skipped++;
      continue;
    }
    searched++;
    for (const match of matchesIn(path, text, regexp)) {
      if (matches.length === MOST_MATCHES) {
        return { matches, searched, skipped, complete: false };
      }
      matches.push(match);
    }
  }
  return { matches, searched, skipped, complete: true };
}

/** The text of a file; undefined if it is too large, or no text. */
async function textOf(store: Store, kept: Kept): Promise<string | undefined> {
  if (kept.size > LARGEST) return undefined;
  const decoder = new TextDecoder();
  let text = "";
  for (const part of kept.parts) {
    const bytes = await store.get(part);
    if (bytes.includes(0)) return undefined;
    text += decoder.decode(bytes, { stream: true });
  }
  return text + decoder.decode();
}

function* matchesIn(
  path: string,
  text: string,
  regexp: RegExp,
): Generator<Match> {
  let line = 0;
  for (const content of text.split(/\r?\n/)) {
    line++;
    if (!regexp.test(content)) continue;
    // The cut may halve a character, and half a character cannot be sent.
    yield { path, line, text: content.slice(0, LONGEST_LINE).toWellFormed() };
  }
}
