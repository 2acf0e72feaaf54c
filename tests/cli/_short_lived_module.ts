/**
 * A module whose process ends soon after it has begun to listen.
 *
 * @module
 */

/** Tells that it listened. */
export function one(): number {
  return 1;
}

setTimeout(() => Deno.exit(7), 50);
