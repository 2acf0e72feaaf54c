/**
 * Whatever a program passed, for messages: short, and whatever it is.
 *
 * @module
 */

/** So many units of a text are shown. */
const MOST = 60;

/**
 * Shows a value.
 *
 * @param value Anything, even what throws when it is looked at.
 * @returns A text in quotation marks, a number, or what kind of thing it is.
 */
export function shown(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value.length > MOST
        ? `${JSON.stringify(value.slice(0, MOST))}…`
        : JSON.stringify(value);
    case "bigint":
      return BigInt.asIntN(64, value) === value
        ? `${value}n`
        : "a large bigint";
    case "symbol":
      return short(String(value));
    case "function":
      return "a function";
    case "object":
      return value === null ? "null" : kindOfObject(value);
    default:
      return String(value);
  }
}

/**
 * Says what a value is, where what a text says may be nobody's business.
 *
 * @param value Anything.
 * @returns The same as {@linkcode shown}, but that no text is shown.
 */
export function kindOf(value: unknown): string {
  return typeof value === "string" ? "a string" : shown(value);
}

/** What kind of object it is. */
function kindOfObject(value: object): string {
  try {
    if (Array.isArray(value)) return "an array";
    const kind = Object.prototype.toString.call(value).slice(8, -1);
    return `an object of the kind ${short(kind)}`;
  } catch {
    // It cannot be looked at.
  }
  return "an object";
}

function short(text: string): string {
  const shortened = text.slice(0, MOST).toWellFormed();
  return shortened.length < text.length ? `${shortened}…` : shortened;
}
