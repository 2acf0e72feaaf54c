/**
 * What decoded values hold, counted rather than measured: so it is the same on
 * every machine, and nothing that a collector has not seen yet.
 *
 * @module
 */

/** What a place for a value takes, and a character of a text. */
const SLOT = 8;
const CHARACTER = 2;

/**
 * The bytes of all texts and buffers in a value, and of the places for what it
 * holds. The engine's own costs of each object are not in it.
 */
export function footprint(value: unknown): number {
  let bytes = 0;
  const waiting: unknown[] = [value];
  // A Lisp may send one object again by its number.
  const seen = new Set<object>();
  const add = (...parts: unknown[]) => {
    for (const part of parts) waiting.push(part);
  };
  while (waiting.length > 0) {
    const one = waiting.pop();
    bytes += SLOT;
    if (typeof one === "string") bytes += CHARACTER * one.length;
    else if (typeof one === "bigint") bytes += one.toString(16).length / 2;
    if (typeof one !== "object" || one === null || seen.has(one)) continue;
    seen.add(one);
    if (one instanceof ArrayBuffer) bytes += one.byteLength;
    else if (ArrayBuffer.isView(one)) bytes += one.byteLength;
    else if (one instanceof Map) one.forEach((item, key) => add(key, item));
    else if (one instanceof Set) one.forEach((item) => add(item));
    else if (one instanceof Error) {
      add(one.name, one.message, one.cause, (one as AggregateError).errors);
      for (const key of Object.keys(one)) add(Reflect.get(one, key));
    } else if (Array.isArray(one)) {
      // Places that were made and not filled count as well.
      for (let index = 0; index < one.length; index++) waiting.push(one[index]);
    } else {
      for (const key of Object.keys(one)) add(Reflect.get(one, key));
    }
  }
  return bytes;
}
