/**
 * What the programs show: sizes, times, and progress.
 *
 * @module
 */

import { loaded } from "../_std.ts";

const { ProgressBar } = await loaded(import("@std/cli/unstable-progress-bar"));

/** The units of more than a byte, each a thousand of the one before it. */
const UNITS = ["kB", "MB", "GB", "TB"];

/**
 * A number of bytes as people read it.
 *
 * @param bytes For instance 1234567.
 * @returns Four digits of it, such as `"1.235 MB"`.
 */
export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${Math.round(bytes)} B`;
  let digits = "";
  for (const unit of UNITS) {
    bytes /= 1_000;
    digits = bytes.toPrecision(4);
    if (Number(digits) < 1_000) return `${digits} ${unit}`;
  }
  return `${digits} ${UNITS.at(-1)}`;
}

/**
 * How much was moved, in which time, and how fast: of one and the same work.
 *
 * @param bytes How much.
 * @param seconds In which time, in whole milliseconds.
 * @returns For instance `"1.235 MB in 0.125 s, 9.877 MB/s"`.
 */
export function speedText(bytes: number, seconds: number): string {
  const rate = bytesText(seconds === 0 ? 0 : bytes / seconds);
  return `${bytesText(bytes)} in ${seconds.toFixed(3)} s, ${rate}/s`;
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
 * @returns What the work returned, and how long it took, to the millisecond.
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
    const seconds = Math.ceil(performance.now() - begun) / 1_000;
    return { result, seconds };
  } finally {
    await bar?.stop();
  }
}
