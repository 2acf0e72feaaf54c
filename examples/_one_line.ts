/**
 * A program that imports this ends with one line, instead of a stack, after
 * errors that are not its fault: a port where nobody listens, a permission that it was
 * not given, a failure of the peer.
 *
 * @module
 */

import { RemoteError, WireError } from "../mod.ts";
import { errorText } from "./_text.ts";

/** Whether the program itself is all right. */
function isFromOutside(error: unknown): boolean {
  return error instanceof WireError || error instanceof RemoteError ||
    Object.values(Deno.errors).some((kind) => error instanceof kind);
}

// What is thrown at the top of a module is the rejection of its promise.
globalThis.addEventListener("unhandledrejection", (event) => {
  if (!isFromOutside(event.reason)) return;
  event.preventDefault();
  console.error(errorText(event.reason));
  Deno.exit(1);
});
