/**
 * Every transport of this module has to do what a transport does.
 */

import { transportCases } from "../../wire/testing/mod.ts";
import { test } from "../_test.ts";
import { TRANSPORTS } from "./_pairs.ts";

/** Those of which each connection takes its time. */
const SLOW: readonly string[] = ["port", "websocket"];

for (const [transport, makePair] of Object.entries(TRANSPORTS)) {
  const cuts = SLOW.includes(transport) ? 60 : Infinity;
  for (const { name, run } of transportCases(makePair, { cuts })) {
    test(`${transport}: ${name}`, run);
  }
}
