/**
 * All that is fuzzed.
 *
 * @module
 */

import { cmucl } from "./_cmucl.ts";
import { frames } from "./_frames.ts";
import { handshake } from "./_handshake.ts";
import { lines } from "./_lines.ts";
import type { Target } from "./_target.ts";
import { values } from "./_values.ts";
import { wire } from "./_wire.ts";

/** The targets, in the order in which they are fuzzed. */
export const TARGETS: readonly Target[] = [
  frames,
  values,
  wire,
  handshake,
  cmucl,
  lines,
];
