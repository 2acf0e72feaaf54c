/**
 * A module that is never at rest.
 *
 * @module
 */

setInterval(() => {}, 1_000);

/** Tells that it was called, and answers a while later. */
export async function work(): Promise<string> {
  console.log("working");
  await new Promise((resolve) => setTimeout(resolve, 200));
  return "done";
}
