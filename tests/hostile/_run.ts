/**
 * Makes a test of each attack of a catalogue.
 *
 * @module
 */

import { Arena } from "./_arena.ts";
import type { Catalogue } from "./_attack.ts";

/** Runs those alone whose name has this in it. */
const ONLY = Deno.env.get("REMOTE_WIRE_ATTACK") ?? "";

/** Defines the test of a catalogue, with a step for each attack. */
export function testAttacks(catalogue: Catalogue): void {
  Deno.test(`hostile peers: ${catalogue.kind}`, async (t) => {
    const arena = await Arena.open(catalogue);
    try {
      for (const attack of catalogue.attacks) {
        if (!attack.name.includes(ONLY)) continue;
        await t.step({
          name: attack.name,
          fn: () => arena.bear(attack),
          // Bystanders go on, and the arena looks at more than this does.
          sanitizeOps: false,
          sanitizeResources: false,
        });
      }
    } finally {
      await arena[Symbol.asyncDispose]();
    }
  });
}
