/**
 * Short ASCII strings from bytes. One call that makes a whole string beats a
 * string put together from parts, and both beat TextDecoder up to some length;
 * hence one case for each length.
 *
 * @module
 */

const make = String.fromCharCode;

/** The longest string that is made by one call. */
const MOST = 16;

/**
 * ASCII as a string.
 *
 * @param bytes Where it is.
 * @param at Where it begins.
 * @param end Where it ends.
 * @returns The string; undefined where a byte is not ASCII.
 */
export function asciiText(
  bytes: Uint8Array,
  at: number,
  end: number,
): string | undefined {
  if (end - at <= MOST) return upTo16(bytes, at, end - at);
  let text = "";
  for (; at < end; at += MOST) {
    const part = upTo16(bytes, at, Math.min(MOST, end - at));
    if (part === undefined) return undefined;
    text += part;
  }
  return text;
}

function upTo16(
  bytes: Uint8Array,
  at: number,
  count: number,
): string | undefined {
  switch (count) {
    case 0:
      return "";
    case 1: {
      const a = bytes[at]!;
      return a > 0x7f ? undefined : make(a);
    }
    case 2: {
      const a = bytes[at]!, b = bytes[at + 1]!;
      return (a | b) > 0x7f ? undefined : make(a, b);
    }
    case 3: {
      const a = bytes[at]!, b = bytes[at + 1]!, c = bytes[at + 2]!;
      return (a | b | c) > 0x7f ? undefined : make(a, b, c);
    }
    case 4: {
      const a = bytes[at]!,
        b = bytes[at + 1]!,
        c = bytes[at + 2]!,
        d = bytes[at + 3]!;
      return (a | b | c | d) > 0x7f ? undefined : make(a, b, c, d);
    }
    case 5: {
      const a = bytes[at]!,
        b = bytes[at + 1]!,
        c = bytes[at + 2]!,
        d = bytes[at + 3]!,
        e = bytes[at + 4]!;
      return (a | b | c | d | e) > 0x7f ? undefined : make(a, b, c, d, e);
    }
    case 6: {
      const a = bytes[at]!,
        b = bytes[at + 1]!,
        c = bytes[at + 2]!,
        d = bytes[at + 3]!,
        e = bytes[at + 4]!,
        f = bytes[at + 5]!;
      return (a | b | c | d | e | f) > 0x7f
        ? undefined
        : make(a, b, c, d, e, f);
    }
    case 7: {
      const a = bytes[at]!,
        b = bytes[at + 1]!,
        c = bytes[at + 2]!,
        d = bytes[at + 3]!,
        e = bytes[at + 4]!,
        f = bytes[at + 5]!,
        g = bytes[at + 6]!;
      return (a | b | c | d | e | f | g) > 0x7f
        ? undefined
        : make(a, b, c, d, e, f, g);
    }
    case 8: {
      const a = bytes[at]!,
        b = bytes[at + 1]!,
        c = bytes[at + 2]!,
        d = bytes[at + 3]!,
        e = bytes[at + 4]!,
        f = bytes[at + 5]!,
        g = bytes[at + 6]!,
        h = bytes[at + 7]!;
      return (a | b | c | d | e | f | g | h) > 0x7f
        ? undefined
        : make(a, b, c, d, e, f, g, h);
    }
    case 9: {
      const a = bytes[at]!,
        b = bytes[at + 1]!,
        c = bytes[at + 2]!,
        d = bytes[at + 3]!,
        e = bytes[at + 4]!,
        f = bytes[at + 5]!,
        g = bytes[at + 6]!,
        h = bytes[at + 7]!,
        i = bytes[at + 8]!;
      return (a | b | c | d | e | f | g | h | i) > 0x7f
        ? undefined
        : make(a, b, c, d, e, f, g, h, i);
    }
    case 10: {
      const a = bytes[at]!,
        b = bytes[at + 1]!,
        c = bytes[at + 2]!,
        d = bytes[at + 3]!,
        e = bytes[at + 4]!,
        f = bytes[at + 5]!,
        g = bytes[at + 6]!,
        h = bytes[at + 7]!,
        i = bytes[at + 8]!,
        j = bytes[at + 9]!;
      return (a | b | c | d | e | f | g | h | i | j) > 0x7f
        ? undefined
        : make(a, b, c, d, e, f, g, h, i, j);
    }
    case 11: {
      const a = bytes[at]!,
        b = bytes[at + 1]!,
        c = bytes[at + 2]!,
        d = bytes[at + 3]!,
        e = bytes[at + 4]!,
        f = bytes[at + 5]!,
        g = bytes[at + 6]!,
        h = bytes[at + 7]!,
        i = bytes[at + 8]!,
        j = bytes[at + 9]!,
        k = bytes[at + 10]!;
      return (a | b | c | d | e | f | g | h | i | j | k) > 0x7f
        ? undefined
        : make(a, b, c, d, e, f, g, h, i, j, k);
    }
    case 12: {
      const a = bytes[at]!,
        b = bytes[at + 1]!,
        c = bytes[at + 2]!,
        d = bytes[at + 3]!,
        e = bytes[at + 4]!,
        f = bytes[at + 5]!,
        g = bytes[at + 6]!,
        h = bytes[at + 7]!,
        i = bytes[at + 8]!,
        j = bytes[at + 9]!,
        k = bytes[at + 10]!,
        l = bytes[at + 11]!;
      return (a | b | c | d | e | f | g | h | i | j | k | l) > 0x7f
        ? undefined
        : make(a, b, c, d, e, f, g, h, i, j, k, l);
    }
    case 13: {
      const a = bytes[at]!,
        b = bytes[at + 1]!,
        c = bytes[at + 2]!,
        d = bytes[at + 3]!,
        e = bytes[at + 4]!,
        f = bytes[at + 5]!,
        g = bytes[at + 6]!,
        h = bytes[at + 7]!,
        i = bytes[at + 8]!,
        j = bytes[at + 9]!,
        k = bytes[at + 10]!,
        l = bytes[at + 11]!,
        m = bytes[at + 12]!;
      return (a | b | c | d | e | f | g | h | i | j | k | l | m) > 0x7f
        ? undefined
        : make(a, b, c, d, e, f, g, h, i, j, k, l, m);
    }
    case 14: {
      const a = bytes[at]!,
        b = bytes[at + 1]!,
        c = bytes[at + 2]!,
        d = bytes[at + 3]!,
        e = bytes[at + 4]!,
        f = bytes[at + 5]!,
        g = bytes[at + 6]!,
        h = bytes[at + 7]!,
        i = bytes[at + 8]!,
        j = bytes[at + 9]!,
        k = bytes[at + 10]!,
        l = bytes[at + 11]!,
        m = bytes[at + 12]!,
        n = bytes[at + 13]!;
      return (a | b | c | d | e | f | g | h | i | j | k | l | m | n) > 0x7f
        ? undefined
        : make(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
    }
    case 15: {
      const a = bytes[at]!,
        b = bytes[at + 1]!,
        c = bytes[at + 2]!,
        d = bytes[at + 3]!,
        e = bytes[at + 4]!,
        f = bytes[at + 5]!,
        g = bytes[at + 6]!,
        h = bytes[at + 7]!,
        i = bytes[at + 8]!,
        j = bytes[at + 9]!,
        k = bytes[at + 10]!,
        l = bytes[at + 11]!,
        m = bytes[at + 12]!,
        n = bytes[at + 13]!,
        o = bytes[at + 14]!;
      return (a | b | c | d | e | f | g | h | i | j | k | l | m | n | o) > 0x7f
        ? undefined
        : make(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
    }
    case 16: {
      const a = bytes[at]!,
        b = bytes[at + 1]!,
        c = bytes[at + 2]!,
        d = bytes[at + 3]!,
        e = bytes[at + 4]!,
        f = bytes[at + 5]!,
        g = bytes[at + 6]!,
        h = bytes[at + 7]!,
        i = bytes[at + 8]!,
        j = bytes[at + 9]!,
        k = bytes[at + 10]!,
        l = bytes[at + 11]!,
        m = bytes[at + 12]!,
        n = bytes[at + 13]!,
        o = bytes[at + 14]!,
        p = bytes[at + 15]!;
      return (a | b | c | d | e | f | g | h | i | j | k | l | m | n | o | p) >
          0x7f
        ? undefined
        : make(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
    }
  }
  return undefined;
}
