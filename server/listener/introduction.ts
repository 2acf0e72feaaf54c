/**
 * The first things a client of a listener says: the name of its process, and
 * the credential.
 *
 * @module
 */

const LONGEST_NAME = 64;

/** Whether a first line comes from a browser, or another client of the web. */
export function looksLikeHttp(line: string): boolean {
  return /\bHTTP\/\d/i.test(line) ||
    /^(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI)\s/i
      .test(line);
}

/**
 * The name in a client's first line: a string, quoted as in TypeScript, or a
 * single bare word.
 *
 * @param line The line.
 * @returns The name; undefined if there is none.
 */
export function parseName(line: string): string | undefined {
  const text = line.trim();
  if (looksLikeHttp(text)) return undefined;
  const name = /^[A-Za-z][\w.-]*$/.test(text) ? text : unquoted(text);
  const isFit = name !== undefined && name.trim().length > 0 &&
    name.length <= LONGEST_NAME && name.isWellFormed() &&
    !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name);
  return isFit ? name : undefined;
}

function unquoted(text: string): string | undefined {
  const [, inner] = /^'((?:[^'\\]|\\.)*)'$/.exec(text) ?? [];
  const json = inner === undefined
    ? text
    : `"${inner.replace(/\\'/g, "'").replace(/"/g, '\\"')}"`;
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether two secrets are the same, in a time that tells nothing of the one
 * that is known: what is compared are digests.
 */
export async function sameSecret(
  known: string,
  given: string,
): Promise<boolean> {
  const [left, right] = await Promise.all([known, given].map(digest));
  let difference = 0;
  for (let index = 0; index < left!.length; index++) {
    difference |= left![index]! ^ right![index]!;
  }
  return difference === 0;
}

async function digest(text: string): Promise<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
