/**
 * The names of functions, as both sides have them: strings here, symbols at
 * the peer.
 *
 * @module
 */

import { WireError } from "../base/errors.ts";
import { servedEntries } from "../rpc/served.ts";
import {
  type LispSymbol,
  readSymbol,
  symbol,
  USER_PACKAGE,
} from "./symbols.ts";

/** Beyond this many names they are read anew each time. */
const REMEMBERED = 1_000;

/** Packages whose symbols are at home in COMMON-LISP-USER too. */
const INHERITED = ["COMMON-LISP", "EXTENSIONS"];

/** The names of one wire. */
export class Names {
  readonly #packageName: string;
  readonly #read = new Map<string, LispSymbol>();
  readonly #served = new Set<string>();
  readonly #shown = new WeakMap<LispSymbol, string>();

  /** @param packageName The package of names without one. */
  constructor(packageName: string) {
    this.#packageName = packageName;
  }

  /** The symbol that a name means. */
  read(name: string): LispSymbol {
    let known = this.#read.get(name);
    if (known === undefined) {
      known = readSymbol(name, this.#packageName);
      if (this.#read.size < REMEMBERED) this.#read.set(name, known);
    }
    return known;
  }

  /** The same functions, under the names of their symbols. */
  name(functions: object): object {
    const entries = servedEntries(functions);
    const named: Record<string, unknown> = Object.create(null);
    for (const [name, served] of entries) {
      const symbol = String(this.read(name));
      if (Object.hasOwn(named, symbol)) {
        throw new WireError(
          "invalidArgument",
          `serve() got two functions that Lisp calls ${symbol}: its reader makes all letters upper case.`,
        );
      }
      named[symbol] = served;
    }
    return named;
  }

  /** These are served from now on. */
  add(named: object): void {
    for (const name of Object.keys(named)) this.#served.add(name);
  }

  /** The name under which a function is served; undefined if it is not. */
  served(called: LispSymbol): string | undefined {
    let name = this.#shown.get(called);
    if (name === undefined) this.#shown.set(called, name = String(called));
    if (this.#served.has(name)) return name;
    // Lisp's own LIST is read as `list` in COMMON-LISP-USER.
    if (
      this.#packageName !== USER_PACKAGE ||
      !INHERITED.includes(called.packageName)
    ) return undefined;
    const inherited = String(symbol(called.name, USER_PACKAGE));
    return this.#served.has(inherited) ? inherited : undefined;
  }
}
