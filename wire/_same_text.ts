/**
 * Comparing secrets.
 *
 * @module
 */

/**
 * Whether two strings are the same, in a time that depends on their lengths
 * alone.
 */
export function sameText(left: string, right: string): boolean {
  const length = Math.max(left.length, right.length);
  let difference = left.length ^ right.length;
  for (let index = 0; index < length; index++) {
    difference |= left.charCodeAt(index) ^ right.charCodeAt(index);
  }
  return difference === 0;
}
