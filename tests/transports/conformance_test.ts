/**
 * Every transport of this module has to do what a transport does.
 */

import { transportCases } from "../../wire/testing/mod.ts";
import { test } from "../_test.ts";
import { allOver, TRANSPORTS } from "./_pairs.ts";

for (const [transport, makePair] of Object.entries(TRANSPORTS)) {
  // A process for each cut takes its time.
  const cuts = transport.startsWith("pipes") ? 20 : Infinity;
  for (const { name, run } of transportCases(makePair, { cuts })) {
    test(`${transport}: ${name}`, async () => {
      await run();
      await allOver();
    });
  }
}
