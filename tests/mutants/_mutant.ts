/**
 * What a planted bug is: a small change of one file, and the tests that are to
 * fail with it.
 *
 * @module
 */

/** A change of a file that makes its code wrong. */
export interface Bug {
  /** What goes wrong, in a few words; no other bug has that name. */
  readonly name: string;
  /** A text that stands in the file exactly once. */
  readonly find: string;
  /** What stands there instead. */
  readonly replace: string;
  /** Tests that are tried before those of the file. */
  readonly tests?: readonly string[];
  /** Why no test can see it; only where the change has no effect. */
  readonly why?: string;
}

/** The bugs of one file. */
export interface BuggyFile {
  /** Its path. */
  readonly file: string;
  /** Its nearest tests, below `tests/`; they are tried in this order. */
  readonly tests: readonly string[];
  readonly bugs: readonly Bug[];
}

/** A bug with all that is needed to try it. */
export interface Mutant extends Bug {
  readonly file: string;
  readonly tests: readonly string[];
}

/** What is tried last on the ways of calls, streams and references. */
export const SIMULATION = "simulation/simulation_test.ts";

/**
 * Plants a bug.
 *
 * @param text The file.
 * @param mutant The bug.
 * @returns The file with the bug.
 * @throws {Error} Where its text does not stand there exactly once.
 */
export function planted(text: string, { file, name, find, replace }: Mutant) {
  const count = text.split(find).length - 1;
  if (count === 1) return text.replace(find, () => replace);
  throw new Error(
    `The bug "${name}" no longer applies: its text stands in ${file} ${count} times, and has to stand there once. Correct its "find", and "replace" with it:\n${find}`,
  );
}
