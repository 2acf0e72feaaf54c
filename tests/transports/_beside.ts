/**
 * Programs of tests, in each runtime.
 *
 * @module
 */

import process from "node:process";

/** Whether this runtime is Deno. */
export const isDeno = "Deno" in globalThis;

/**
 * Where a program is that stands beside the tests. In Node and Bun it was put
 * into one file, beside that of the tests.
 *
 * @param name Its name, as in `_child`.
 * @returns Its URL.
 */
export function beside(name: string): URL {
  return isDeno
    ? new URL(`${name}.ts`, import.meta.url)
    : new URL(`${name}.mjs`, `file://${process.argv[1]}`);
}

/** The command that runs it in the runtime that this is. */
export function commandOf(name: string): [string, ...string[]] {
  const options = isDeno ? ["run", "-A", "--no-check"] : [];
  return [process.execPath, ...options, beside(name).pathname];
}
