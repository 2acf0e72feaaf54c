/**
 * Tests with all sanitizers on: nothing may be left behind. And time limits are
 * long enough for a machine that is slow.
 *
 * @module
 */

import "./_patience.ts";

// For all tests of the module that imports this one; the exit's is always on.
Deno.test.sanitizer({ ops: true, resources: true });

/**
 * Defines a test that fails when it leaves an operation, a resource or an
 * exit behind. It is Deno's own function, not one around it: Deno takes the
 * place where it is called for the place of the test.
 *
 * @param name What is tested, as "symbol() does X".
 * @param fn The test.
 */
export const test: (name: string, fn: () => void | Promise<void>) => void =
  Deno.test;
