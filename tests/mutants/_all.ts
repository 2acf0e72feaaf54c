/**
 * All planted bugs.
 *
 * @module
 */

import { BASE } from "./_base.ts";
import { CMUCL } from "./_cmucl.ts";
import { CODEC } from "./_codec.ts";
import { EDGES } from "./_edges.ts";
import { FLOW } from "./_flow.ts";
import { LIGHT } from "./_light.ts";
import type { Mutant } from "./_mutant.ts";
import { OBJECTS } from "./_objects.ts";
import { RPC } from "./_rpc.ts";
import { SESSION } from "./_session.ts";
import { STREAMS } from "./_streams.ts";
import { UPPER } from "./_upper.ts";

/** The bugs, in the order in which they are tried. */
export const MUTANTS: readonly Mutant[] = [
  ...[FLOW, RPC, STREAMS, OBJECTS, SESSION, BASE, CODEC],
  ...[UPPER, CMUCL, EDGES, LIGHT],
].flat().flatMap(({ file, tests, bugs }) =>
  bugs.map((bug) => ({
    ...bug,
    file,
    tests: [...bug.tests ?? [], ...tests],
  }))
);
