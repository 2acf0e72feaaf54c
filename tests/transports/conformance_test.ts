/**
 * Every transport of this module has to do what a transport does.
 */

import { transportCases } from "../../wire/testing/mod.ts";
import { test } from "../_test.ts";
import { TRANSPORTS } from "./_pairs.ts";

for (const [transport, makePair] of Object.entries(TRANSPORTS)) {
  for (const { name, run } of transportCases(makePair)) {
    test(`${transport}: ${name}`, run);
  }
}
