/**
 * What is measured otherwise than by operations a second: a study is one file
 * in `studies/`, and brings its own tables and targets.
 *
 * @module
 */

import type { Target } from "./_mark.ts";
import type { Contestant } from "./_workload.ts";

/** How to study. */
export interface StudyOptions {
  /** How many rounds. */
  readonly rounds: number;
  /** How long a round is to take, about. */
  readonly seconds: number;
  /** Whether to go as far as the targets ask, which takes minutes. */
  readonly full: boolean;
  /** Those that take part. */
  readonly contestants: readonly Contestant[];
  /** Puts this process and peers on one core, unless cores were chosen. */
  oneCore(pids: readonly number[]): Promise<void>;
  /** Puts peers where the command line says. */
  place(pids: readonly number[]): Promise<void>;
}

/** A table to print. */
export interface StudyTable {
  /** The heads of its columns. */
  readonly head: readonly string[];
  /** Its cells. */
  readonly rows: readonly (readonly string[])[];
}

/** What a study found. */
export interface StudyResult {
  /** What to print. */
  readonly tables: readonly StudyTable[];
  /** The targets it has to do with. */
  readonly targets: readonly Target[];
  /** All of it, for JSON. */
  readonly data: unknown;
  /** Whether what it needs is not there. @default {false} */
  readonly isSkipped?: boolean;
}

/** Something to study. */
export interface Study {
  /** Its name on the command line. */
  readonly name: string;
  /** What it does. */
  readonly title: string;
  /** Carries it out. */
  run(options: StudyOptions): Promise<StudyResult>;
}
