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

/** Takes a text apart, from its beginning to its end. */
export class Tokenizer {
  /** What was found so far. */
  readonly tokens: Token[] = [];
  /** Whether a template or a comment lacks its end. */
  isOpen = false;
  /** The first closing bracket that fits no open one. */
  stray: string | undefined;

  readonly #text: string;
  readonly #open: string[] = [];
  #at = 0;
  #startsLine = true;

  /** @param text The text. */
  constructor(text: string) {
    this.#text = text;
  }

  /** Takes all of it apart. */
  run(): Tokens {
    while (this.#at < this.#text.length && !this.isOpen) this.#step();
    const isOpen = this.isOpen || this.#open.length > 0;
    return { tokens: this.tokens, isOpen, stray: this.stray };
  }

  #step(): void {
    const text = this.#text;
    const space = this.#match(/[\s\uFEFF]+|\/\/[^\n\r\u2028\u2029]*/uy) ??
      this.#match(/\/\*[^]*?\*\//y);
    if (space !== undefined) {
      this.#startsLine ||= space.includes("\n");
      this.#at += space.length;
    } else if (text.startsWith("/*", this.#at)) this.isOpen = true;
    else if (text[this.#at] === "`") this.#template("`");
    else {
      this.#add(
        "word",
        /[#@]?(?:[\p{ID_Start}$_]|\\u)(?:[\p{ID_Continue}$]|\\u)*/uy,
      ) ||
        this.#add("number", /(?:\d|\.\d)(?:[eE][+-]|[\w.])*/y) ||
        this.#add(
          "string",
          /"(?:[^"\\\n\r]|\\[^])*"?|'(?:[^'\\\n\r]|\\[^])*'?/y,
        ) ||
        this.#mayBeRegex() && this.#add(
            "regex",
            /\/(?:[^/\\[\n\r]|\\.|\[(?:[^\]\\\n\r]|\\.)*\])+\/[\w$]*/y,
          ) ||
        this.#sign();
    }
  }

  /** What a sticky pattern finds here. */
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0];
  }

  /** Adds a token, if its pattern finds one here. */
  #add(kind: Token["kind"], pattern: RegExp): boolean {
    const found = this.#match(pattern);
    if (found !== undefined) this.#push(kind, found);
    return found !== undefined;
  }

  #push(kind: Token["kind"], text: string): void {
    const start = this.#at;
    const end = start + text.length;
    const depth = this.#open.length;
    const startsLine = this.#startsLine;
    this.tokens.push({ kind, text, start, end, depth, startsLine });
    this.#startsLine = false;
    this.#at = end;
  }

  /** A slash divides what stands before it, or begins a regex. */
  #mayBeRegex(): boolean {
    const last = this.tokens.at(-1);
    if (last === undefined) return true;
    if (last.kind === "template") return last.text.endsWith("${");
    if (last.kind === "sign") return !/^(?:\)|\]|\+\+|--)$/.test(last.text);
    return last.kind === "word" &&
      /^(?:return|typeof|case|in|of|delete|void|throw|new|instanceof|await|yield|else|do)$/
        .test(last.text);
  }

  /** A piece of a template, from its beginning or from a substitution's end. */
  #template(opening: string): void {
    this.#at += opening.length;
    const piece = this.#match(/(?:[^`\\$]|\\[^]|\$(?!\{))*(?:`|\$\{|$)/y) ?? "";
    this.#at -= opening.length;
    this.#push("template", opening + piece);
    if (piece.endsWith("${")) this.#open.push("${");
    else if (!piece.endsWith("`")) this.isOpen = true;
  }

  #sign(): void {
    const sign = this.#match(/=>|\+\+|--|\?\.(?!\d)|\.\.\.|[^]/uy) ??
      this.#text[this.#at]!;
    const isClosing = /^[)\]}]$/.test(sign);
    if (isClosing) {
      const opening = this.#open.pop();
      if (opening === "${" && sign === "}") return this.#template("}");
      const fits = opening !== undefined &&
        ["()", "[]", "{}"].includes(opening + sign);
      if (!fits) this.stray ??= sign;
    }
    this.#push("sign", sign);
    if (/^[([{]$/.test(sign)) this.#open.push(sign);
  }
}

/**
 * Takes a text apart. Linear in its length.
 *
 * @param text The text.
 * @returns Its tokens.
 */
export function tokenize(text: string): Tokens {
  return new Tokenizer(text).run();
}
