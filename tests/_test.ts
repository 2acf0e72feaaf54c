/**
 * Tests with all sanitizers on: nothing may be left behind.
 *
 * @module
 */

/**
 * Defines a test that fails when it leaves an operation, a resource or an
 * exit behind.
 *
 * @param name What is tested, as "symbol() does X".
 * @param fn The test.
 */
export function test(name: string, fn: () => void | Promise<void>): void {
  Deno.test({
    name,
    fn,
    sanitizeOps: true,
    sanitizeResources: true,
    sanitizeExit: true,
  });
}
