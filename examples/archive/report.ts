/**
 * What the programs show: sizes, times, and progress.
 *
 * @module
 */

import { ProgressBar } from "@std/cli/unstable-progress-bar";

/**
 * A number of bytes as people read it.
 *
 * @param bytes For instance 1234567.
 * @returns For instance `"1.2 MB"`.
 */
export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1e3).toFixed(1)} kB`;
  if (bytes < 1_000_000_000) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** Counts what is done of a work. */
export interface Progress {
  /** How much is done. */
  value: number;
}

/**
 * Shows the progress of a work as a bar, where somebody looks: nothing is
 * written to a standard error that is no terminal.
 *
 * @param label What the work is called.
 * @param bytes How many bytes there are to do.
 * @param work Does it, and counts in `value` the bytes that are done.
 * @returns What the work returned, and how long it took.
 */
export async function withProgress<T>(
  label: string,
  bytes: number,
  work: (progress: Progress) => Promise<T>,
): Promise<{ result: T; seconds: number }> {
  const bar = !Deno.stderr.isTerminal() || bytes === 0
    ? undefined
    : new ProgressBar({
      max: bytes,
      barLength: 40,
      interval: 100,
      formatter: ({ progressBar, value, max }) =>
        `${label} [${progressBar}] ${bytesText(value)} of ${bytesText(max)}`,
    });
  const begun = performance.now();
  try {
    const result = await work(bar ?? { value: 0 });
    return { result, seconds: (performance.now() - begun) / 1_000 };
  } finally {
    await bar?.stop();
  }
}
