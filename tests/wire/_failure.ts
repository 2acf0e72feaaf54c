/**
 * What becomes of calls that are to fail.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { WireError } from "../../wire/mod.ts";

/** What a promise rejects with; a `WireError`, unless the test says more. */
export async function failure(promise: Promise<unknown>): Promise<WireError> {
  const error = await promise.then(() => undefined, (error) => error);
  assert(error !== undefined, "It should have failed.");
  return error as WireError;
}
