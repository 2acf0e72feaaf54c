/**
 * Bytes that nobody expected, for messages: short, and harmless on a terminal.
 *
 * @module
 */

/** So many bytes of a text are shown. */
const MOST_TEXT = 60;
/** And so many of what is none. */
const MOST_BYTES = 16;

/** What begins so is named; the text is for "it …". */
const KNOWN: readonly (readonly [RegExp, string])[] = [
  [/^HTTP\/\d/, "speaks HTTP: a web server"],
  [
    /^(GET|POST|PUT|HEAD|OPTIONS|PATCH|DELETE|CONNECT|PRI) \S/,
    "asks by HTTP: a browser, or another HTTP client",
  ],
  [/^SSH-/, "speaks SSH"],
];

/**
 * Shows the first of some bytes.
 *
 * @param bytes The bytes, as many as there are.
 * @returns A text in quotation marks, or bytes in hexadecimal.
 */
export function shownBytes(bytes: Uint8Array): string {
  if (!looksLikeText(bytes)) {
    const digits = Array.from(
      bytes.subarray(0, MOST_BYTES),
      (byte) => byte.toString(16).padStart(2, "0"),
    ).join(" ");
    return `the bytes ${digits}${bytes.length > MOST_BYTES ? " …" : ""}`;
  }
  const text = Array.from(bytes.subarray(0, MOST_TEXT), escaped).join("");
  return `"${text}"${bytes.length > MOST_TEXT ? " …" : ""}`;
}

/**
 * Names the protocol that bytes are of, where they begin as one that is known.
 *
 * @param bytes The first bytes that came.
 * @returns The rest of a sentence that begins with "it"; undefined if unknown.
 */
export function knownProtocol(bytes: Uint8Array): string | undefined {
  const [type = 0, major] = bytes;
  // A record of TLS: its type, then the version, 3.x.
  if (type >= 0x14 && type <= 0x17 && major === 3) {
    return "speaks TLS: use TLS at both ends";
  }
  const start = String.fromCharCode(...bytes.subarray(0, MOST_TEXT));
  return KNOWN.find(([pattern]) => pattern.test(start))?.[1];
}

/**
 * Whether bytes begin as a text does, rather than as a frame.
 *
 * @param bytes Some bytes.
 * @returns True if so.
 */
export function looksLikeText(bytes: Uint8Array): boolean {
  // The first byte of a frame's length is 0, or nearly.
  return bytes.length > 0 && bytes.subarray(0, 3).every(isReadable);
}

function isReadable(byte: number): boolean {
  return byte >= 0x20 && byte !== 0x7f || byte >= 9 && byte <= 13 ||
    byte === 0x1b;
}

function escaped(byte: number): string {
  switch (byte) {
    case 0x0a:
      return "\\n";
    case 0x0d:
      return "\\r";
    case 0x09:
      return "\\t";
    case 0x22:
      return '\\"';
    case 0x5c:
      return "\\\\";
    default:
      return byte >= 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
}

// Whatever a program passed, for messages: short, and whatever it is.

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
