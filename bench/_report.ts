/**
 * What is printed.
 *
 * @module
 */

import type { Target } from "./_mark.ts";
import type { Measurement } from "./_measure.ts";
import { number, table } from "./_table.ts";

/**
 * Says on standard error what is going on.
 *
 * @param text What.
 */
export function progress(text: string): void {
  console.error(`… ${text}`);
}

/**
 * Prints what was measured.
 *
 * @param measurements At least one.
 */
export function printMeasurements(measurements: readonly Measurement[]): void {
  const bytes = (count: number) => isNaN(count) ? "–" : number(count);
  console.log(table(
    ["workload", "who", "median", "min – max", "unit", "× raw", "bytes ⇄"],
    measurements.map((one) => [
      one.title,
      one.contestant,
      number(one.median, one.digits),
      `${number(one.min, one.digits)} – ${number(one.max, one.digits)}`,
      one.unit,
      number(one.toRaw, one.toRaw < 0.1 ? 4 : 2),
      `${bytes(one.bytes.sent)} / ${bytes(one.bytes.received)}`,
    ]),
  ));
}

/**
 * Prints the targets.
 *
 * @param targets At least one.
 */
export function printTargets(targets: readonly Target[]): void {
  console.log(table(
    ["target", "asked", "measured", "met"],
    targets.map(({ what, asked, value, unit, met }) => [
      what,
      asked,
      `${number(value, 2)}${unit}`,
      met ? "yes" : "NO",
    ]),
  ));
}
