/**
 * Whether values have streams among them.
 *
 * @module
 */

import { isStreamed } from "./_stream_source.ts";

/**
 * Looks for a stream, at any depth: it can be sent but once.
 *
 * @param value What is to be sent.
 * @param seen What was looked at.
 * @returns Whether there is one.
 */
export function carriesStream(
  value: unknown,
  seen: Set<object> = new Set(),
): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (isStreamed(value)) return true;
  if (ArrayBuffer.isView(value) || seen.has(value)) return false;
  seen.add(value);
  const parts = value instanceof Map
    ? [...value.keys(), ...value.values()]
    : value instanceof Set
    ? [...value]
    : Object.values(value);
  return parts.some((part) => carriesStream(part, seen));
}
