/**
 * Lisp's symbols, as values: two are the same symbol when their names and
 * their packages are the same.
 *
 * @module
 */

import { checkText } from "../base/checks.ts";
import { setBrand, WireError } from "../base/errors.ts";

/** The package where names without a package belong, unless told otherwise. */
export const USER_PACKAGE = "COMMON-LISP-USER";

/** Nicknames of packages that every CMUCL has. It sends the full names. */
const NICKNAMES: Readonly<Record<string, string>> = {
  CL: "COMMON-LISP",
  "CL-USER": USER_PACKAGE,
  EXT: "EXTENSIONS",
  SYS: "SYSTEM",
};

/** Characters that the Lisp reader takes as they are, once upper case. */
const PLAIN = /^[^\s()"';`,|\\:#a-zà-öø-þ][^\s()"';`,|\\:a-zà-öø-þ]*$/;
const NUMBER = /^[+-]?[0-9]+\.?$/;

/**
 * A Lisp symbol. {@linkcode symbol}, {@linkcode keyword} and
 * {@linkcode readSymbol} make it.
 *
 * @example
 * ```ts
 * import { LispSymbol, symbol } from "@remote/wire/cmucl";
 *
 * const car = symbol("CAR", "CL");
 * if (!(car instanceof LispSymbol)) throw new Error();
 * if (car.packageName !== "COMMON-LISP") throw new Error();
 * if (!car.equals(symbol("CAR", "COMMON-LISP"))) throw new Error();
 * ```
 */
export class LispSymbol {
  /** Its name, in the case that Lisp has it: upper case as a rule. */
  readonly name: string;
  /** The full name of its package. */
  readonly packageName: string;

  /**
   * Use {@linkcode symbol}.
   *
   * @param name Its name.
   * @param packageName The full name of its package.
   */
  constructor(name: string, packageName: string) {
    this.name = name;
    this.packageName = packageName;
    Object.freeze(this);
  }

  /**
   * Whether this is the same symbol as another.
   *
   * @param other Anything.
   * @returns True for a symbol of the same name and package.
   */
  equals(other: unknown): boolean {
    return other instanceof LispSymbol && other.name === this.name &&
      other.packageName === this.packageName;
  }

  /**
   * The symbol as Lisp would print it with its package: `readSymbol` reads it
   * back.
   *
   * @returns For instance `COMMON-LISP:CAR`, `:KEY` or `MY-PACKAGE::|Bar|`.
   */
  toString(): string {
    const name = printed(this.name);
    if (this.packageName === "KEYWORD") return `:${name}`;
    const colons = this.packageName === "COMMON-LISP" ? ":" : "::";
    return `${printed(this.packageName)}${colons}${name}`;
  }

  static readonly #brand = /* @__PURE__ */ setBrand(this, "LispSymbol");
}

/**
 * Lisp's `NIL`: a symbol, the empty list, and false.
 *
 * @example An empty list arrives as nil
 * ```ts
 * import { makeWire, memoryTransports } from "@remote/wire";
 * import { cmucl, nil } from "@remote/wire/cmucl";
 *
 * const [here, there] = memoryTransports();
 * const near = makeWire(here, { dialect: cmucl() });
 * const far = makeWire(there, { dialect: cmucl() });
 * far.serve({ "cl:list": (...items: unknown[]) => items });
 * if (await near.remoteValue["cl:list"]() !== nil) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export const nil: LispSymbol = new LispSymbol("NIL", "COMMON-LISP");

/**
 * Lisp's `T`: a symbol, and true.
 *
 * @example True arrives as t
 * ```ts
 * import { makeWire, memoryTransports } from "@remote/wire";
 * import { cmucl, t } from "@remote/wire/cmucl";
 *
 * const [here, there] = memoryTransports();
 * const near = makeWire(here, { dialect: cmucl() });
 * const far = makeWire(there, { dialect: cmucl() });
 * far.serve({ "cl:evenp": (n: number) => n % 2 === 0 });
 * if (await near.remoteValue["cl:evenp"](42) !== t) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export const t: LispSymbol = new LispSymbol("T", "COMMON-LISP");

/**
 * Makes a symbol. Nothing is changed about the name's case: see
 * {@linkcode readSymbol} for what does.
 *
 * @param name Its name: `"CAR"`.
 * @param packageName Its package: `"COMMON-LISP"`, or a nickname that every
 * CMUCL knows, such as `"CL"`.
 * @returns The symbol; for those two `nil` and `t` themselves.
 * @throws {WireError} `invalidArgument` for what is no text.
 *
 * @example
 * ```ts
 * import { nil, symbol } from "@remote/wire/cmucl";
 *
 * if (`${symbol("CAR", "CL")}` !== "COMMON-LISP:CAR") throw new Error();
 * if (symbol("NIL", "COMMON-LISP") !== nil) throw new Error();
 * ```
 */
export function symbol(
  name: string,
  packageName: string = USER_PACKAGE,
): LispSymbol {
  checkText(name, "The name of a Lisp symbol");
  checkText(packageName, "The package of a Lisp symbol");
  const full = Object.hasOwn(NICKNAMES, packageName)
    ? NICKNAMES[packageName]!
    : packageName;
  if (full === "COMMON-LISP") {
    if (name === "NIL") return nil;
    if (name === "T") return t;
  }
  return new LispSymbol(name, full);
}

/**
 * Makes a keyword.
 *
 * @param name Its name, in upper case as a rule: `"TEST"`.
 * @returns The symbol of that name in the package `KEYWORD`.
 * @throws {WireError} `invalidArgument` for what is no text.
 *
 * @example
 * ```ts
 * import { keyword, readSymbol } from "@remote/wire/cmucl";
 *
 * const test = keyword("TEST");
 * if (`${test}` !== ":TEST") throw new Error();
 * if (!test.equals(readSymbol(":test"))) throw new Error();
 * ```
 */
export function keyword(name: string): LispSymbol {
  checkText(name, "The name of a keyword");
  return new LispSymbol(name, "KEYWORD");
}

/**
 * Reads the name of a symbol as the Lisp reader would: letters become upper
 * case unless they stand between bars or behind a backslash, and a package may
 * stand in front, with one colon or two.
 *
 * @param text For instance `"cl:car"`, `":key"`, `"my-package::|Bar|"`.
 * @param packageName The package of names without one.
 * @returns The symbol. `NIL` and `T` without a package are Lisp's own.
 * @throws {WireError} `invalidArgument` for what the reader would not take
 * for a symbol.
 *
 * @example
 * ```ts
 * import { readSymbol } from "@remote/wire/cmucl";
 *
 * const { name, packageName } = readSymbol("cl:car");
 * if (name !== "CAR" || packageName !== "COMMON-LISP") throw new Error();
 * if (readSymbol("|Bar|").name !== "Bar") throw new Error();
 * if (readSymbol("f", "MY-PACKAGE").packageName !== "MY-PACKAGE") {
 *   throw new Error();
 * }
 * ```
 */
export function readSymbol(
  text: string,
  packageName: string = USER_PACKAGE,
): LispSymbol {
  checkText(text, "What readSymbol() reads");
  checkText(packageName, "The package of a Lisp symbol");
  const parts: string[] = [];
  let part = "";
  let colons = 0;
  let escaped = false;
  for (let index = 0; index < text.length; index++) {
    const char = text[index]!;
    if (char === "|") {
      const end = barsEnd(text, index + 1);
      part += text.slice(index + 1, end).replaceAll(/\\(.)/gs, "$1");
      index = end;
      escaped = true;
    } else if (char === "\\") {
      if (++index === text.length) throw notASymbol(text, "ends in an escape");
      part += text[index];
      escaped = true;
    } else if (char === ":") {
      const isSecond = text[index - 1] === ":" && colons === 1 && part === "";
      if (!isSecond) parts.push(part);
      part = "";
      escaped = false;
      if (++colons > 2 || parts.length > 1) {
        throw notASymbol(text, "has too many colons");
      }
    } else if (/[\s()"';`,]/.test(char)) {
      throw notASymbol(text, `has ${JSON.stringify(char)} outside of bars`);
    } else {
      part += upCase(char);
    }
  }
  if (part === "" && !escaped) throw notASymbol(text, "has no name");
  if (parts.length > 0) {
    return parts[0] === "" ? keyword(part) : symbol(part, parts[0]);
  }
  if (!escaped && (NUMBER.test(part) || /^\.+$/.test(part))) {
    throw notASymbol(text, "reads as a number or as dots");
  }
  return part === "NIL" ? nil : part === "T" ? t : symbol(part, packageName);
}

/** Where a run between bars ends. */
function barsEnd(text: string, from: number): number {
  for (let index = from; index < text.length; index++) {
    if (text[index] === "\\") index++;
    else if (text[index] === "|") return index;
  }
  throw notASymbol(text, "lacks its closing bar");
}

/** Upper case, where that is one character that can be sent. */
function upCase(char: string): string {
  const upper = char.toUpperCase();
  return upper.length === 1 && upper <= "\xff" ? upper : char;
}

function printed(name: string): string {
  return PLAIN.test(name) && !NUMBER.test(name) && !/^\.+$/.test(name)
    ? name
    : `|${name.replaceAll(/[|\\]/g, "\\$&")}|`;
}

function notASymbol(text: string, why: string): WireError {
  return new WireError(
    "invalidArgument",
    `${
      JSON.stringify(text.slice(0, 100))
    } is no name of a Lisp symbol: it ${why}. Write "car", "cl:car", ":key" or "|Bar|".`,
  );
}
