/**
 * The bytes that begin each object, and the names of the protocol's own
 * functions.
 *
 * @module
 */

import { LispSymbol } from "./symbols.ts";

/** What an object begins with; 0 to 5 are calls with that many arguments. */
export const OP = {
  call: 0,
  callMany: 6,
  number: 7,
  string: 8,
  symbol: 9,
  save: 10,
  lookUp: 11,
  remote: 12,
  cons: 13,
  bignum: 14,
} as const;

/** The largest opcode of a call that tells its number of arguments itself. */
export const CALL_MOST = 5;
/** The most arguments of any call: their number is a byte. */
export const ARGUMENTS_MOST = 255;

/** Where the protocol's own functions belong. */
export const WIRE_PACKAGE = "WIRE";

/** How many values a call is for: 1 to 5, or all in a list. */
export type Count = 1 | 2 | 3 | 4 | 5 | "N";

/** How many values a number of values has to be asked for as. */
export function toCount(values: number): Count {
  return values >= 1 && values <= 5 ? values as Count : "N";
}

/** The function that asks for that many values. */
export function callName(count: Count): LispSymbol {
  return new LispSymbol(`DO-${count}-VALUE-CALL`, WIRE_PACKAGE);
}

/** The function that brings that many values. */
export function returnName(count: Count): LispSymbol {
  const name = count === 1 || count === "N"
    ? "RETURN-1-VALUE"
    : `RETURN-${count}-VALUES`;
  return new LispSymbol(name, WIRE_PACKAGE);
}

/** The function that says that a call unwound. */
export const abortName: LispSymbol = new LispSymbol(
  "REMOTE-RETURN-ABORT",
  WIRE_PACKAGE,
);

/** What a function of the protocol does. */
export type Verb =
  | { readonly kind: "ask"; readonly count: Count }
  | { readonly kind: "answer"; readonly count: Exclude<Count, "N"> }
  | { readonly kind: "abort" };

/**
 * What a symbol means to the protocol.
 *
 * @param symbol Any symbol.
 * @returns Undefined unless it names one of the protocol's functions.
 */
export function verbOf(symbol: LispSymbol): Verb | undefined {
  if (symbol.packageName !== WIRE_PACKAGE) return undefined;
  const { name } = symbol;
  if (name === abortName.name) return { kind: "abort" };
  const asked = /^DO-([1-5N])-VALUE-CALL$/.exec(name)?.[1];
  if (asked !== undefined) {
    return { kind: "ask", count: asked === "N" ? "N" : toCount(+asked) };
  }
  const returned = /^RETURN-(?:(1)-VALUE|([2-5])-VALUES)$/.exec(name);
  if (returned === null) return undefined;
  const count = Number(returned[1] ?? returned[2]) as Exclude<Count, "N">;
  return { kind: "answer", count };
}
