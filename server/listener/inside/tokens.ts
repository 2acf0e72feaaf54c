/**
 * The tokens of TypeScript and JavaScript, as far as a listener needs them: to
 * see whether an input is whole, and where its statements begin.
 *
 * The functions of this folder travel to a session's process as text, so each
 * is whole in itself, or uses only others of the folder.
 *
 * @module
 */

/** A piece of source text. */
export interface Token {
  /** What it is. */
  readonly kind: "word" | "number" | "string" | "template" | "regex" | "sign";
  /** Its text. */
  readonly text: string;
  /** Where it begins. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
  /** How many brackets are around it; its own do not count. */
  readonly depth: number;
  /** Whether it is the first of its line. */
  readonly startsLine: boolean;
}

/** What is in a text. */
export interface Tokens {
  /** The tokens, without white space and comments. */
  readonly tokens: Token[];
  /** Whether a bracket, a template or a comment is still open at the end. */
  readonly isOpen: boolean;
  /** A closing bracket that fits no open one; undefined if there is none. */
  readonly stray: string | undefined;
}

/**
 * Takes a text apart. Linear in its length.
 *
 * @param text The text.
 * @returns Its tokens.
 */
export function tokenize(text: string): Tokens {
  const patterns = {
    space: /[\s\uFEFF]+/uy,
    comment: /\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?\*\/|^#![^\n]*/y,
    word:
      /[#@]?(?:[\p{ID_Start}$_]|\\u)(?:[\p{ID_Continue}$\u200c\u200d]|\\u)*/uy,
    number: /(?:\d|\.\d)(?:[eE][+-]|[\w.])*/y,
    string: /"(?:[^"\\\n\r]|\\[^])*"?|'(?:[^'\\\n\r]|\\[^])*'?/y,
    template: /(?:[^`\\$]|\\[^]|\$(?!\{))*(?:`|\$\{|$)/y,
    regex: /\/(?:[^/\\[\n\r]|\\.|\[(?:[^\]\\\n\r]|\\.)*\])+\/[\w$]*/y,
    sign: /=>|\+\+|--|\?\.(?!\d)|\.\.\.|[^]/uy,
  };
  // A slash after one of these words, or after most signs, begins a regex.
  const before = new Set(
    ("return typeof case in of delete void throw new instanceof await yield " +
      "else do").split(" "),
  );
  const closing: Record<string, string> = { "(": ")", "[": "]", "{": "}" };
  const tokens: Token[] = [];
  const open: string[] = [];
  let stray: string | undefined;
  let at = 0;
  let startsLine = true;
  let isOpen = false;

  const match = (name: keyof typeof patterns): string | undefined => {
    const pattern = patterns[name];
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  const add = (kind: Token["kind"], found: string, depth = open.length) => {
    const end = at + found.length;
    tokens.push({ kind, text: found, start: at, end, depth, startsLine });
    startsLine = false;
    at = end;
  };
  const mayBeRegex = (): boolean => {
    const last = tokens.at(-1);
    if (last === undefined) return true;
    if (last.kind === "word") return before.has(last.text);
    if (last.kind === "sign") return !/^(?:\)|\]|\+\+|--)$/.test(last.text);
    return last.kind === "template" && last.text.endsWith("${");
  };
  const template = (opening: string): void => {
    at += opening.length;
    const rest = match("template") ?? "";
    at -= opening.length;
    add("template", opening + rest);
    if (rest.endsWith("${")) open.push("${");
    else if (!rest.endsWith("`")) isOpen = true;
  };
  const sign = (found: string): void => {
    if (found in closing) {
      add("sign", found);
      open.push(found);
    } else if (/^[)\]}]$/.test(found)) {
      const last = open.pop();
      if (last === "${" && found === "}") return template("}");
      if (last === undefined || closing[last] !== found) stray ??= found;
      add("sign", found);
    } else {
      add("sign", found);
    }
  };

  while (at < text.length) {
    let found: string | undefined;
    if ((found = match("space")) !== undefined) {
      startsLine ||= found.includes("\n");
      at += found.length;
    } else if ((found = match("comment")) !== undefined) {
      startsLine ||= found.includes("\n");
      at += found.length;
    } else if (text.startsWith("/*", at)) {
      isOpen = true;
      break;
    } else if ((found = match("word")) !== undefined) add("word", found);
    else if ((found = match("number")) !== undefined) add("number", found);
    else if ((found = match("string")) !== undefined) add("string", found);
    else if (text[at] === "`") template("`");
    else if (mayBeRegex() && (found = match("regex")) !== undefined) {
      add("regex", found);
    } else sign(match("sign") ?? text[at]!);
  }
  return { tokens, isOpen: isOpen || open.length > 0, stray };
}
