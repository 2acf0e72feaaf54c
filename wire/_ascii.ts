/**
 * Short ASCII strings from bytes. One call that makes a whole string beats a
 * string put together from parts, and up to some length both beat TextDecoder.
 * For each length that comes often there is a function of generated code; it
 * depends on nothing but the length.
 *
 * @module
 */

/** The longest string that is made here. */
export const LONGEST_ASCII = 80;
/** From so many strings of a length on, generated code makes them. */
const MANY = 8;

/** Makes a string of ASCII; undefined where a byte is not. */
type TextMaker = (bytes: Uint8Array, at: number) => string | undefined;

/** Who makes strings of each length. */
const makers: TextMaker[] = Array.from(
  { length: LONGEST_ASCII + 1 },
  (_, count) => beginner(count),
);

/**
 * ASCII as a string.
 *
 * @param bytes Where it is.
 * @param at Where it begins.
 * @param count How long it is, at most {@linkcode LONGEST_ASCII}.
 * @returns The string; undefined where a byte is not ASCII.
 */
export function asciiText(
  bytes: Uint8Array,
  at: number,
  count: number,
): string | undefined {
  return makers[count]!(bytes, at);
}

/** Makes strings of a length until there are many of them. */
function beginner(count: number): TextMaker {
  let uses = 0;
  return (bytes, at) => {
    if (++uses === MANY) makers[count] = textMaker(count);
    return byList(bytes, at, count);
  };
}

/**
 * Makes a maker of strings of one length.
 *
 * @param count The length.
 * @param compile What compiles the text of a function, or throws.
 * @returns The maker.
 */
export function textMaker(
  count: number,
  compile: (...parts: string[]) => unknown = Function,
): TextMaker {
  const units = Array.from({ length: count }, (_, index) => `u${index}`);
  const read = units.map((unit, index) =>
    `const ${unit} = bytes[at + ${index}];`
  );
  const code = `return (bytes, at) => {
    ${read.join("\n")}
    return (${units.join(" | ") || 0}) > 0x7f ? undefined : make(${units});
  };`;
  try {
    return (compile("make", code) as (make: unknown) => TextMaker)(
      String.fromCharCode,
    );
  } catch {
    return (bytes, at) => byList(bytes, at, count);
  }
}

/** What a maker does, without generated code. */
function byList(
  bytes: Uint8Array,
  at: number,
  count: number,
): string | undefined {
  const units: number[] = [];
  let all = 0;
  for (let index = at; index < at + count; index++) {
    const unit = bytes[index]!;
    all |= unit;
    units.push(unit);
  }
  return all > 0x7f ? undefined : String.fromCharCode(...units);
}
