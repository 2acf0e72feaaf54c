/**
 * Types of values that a program declares: how one travels as data, and how
 * that data becomes one again. Each end declares the type; what comes runs
 * nothing but what its receiver has declared.
 *
 * @module
 */

import { errorMessage, shown, WireError } from "../base/errors.ts";
import { checkHook, checkOptionKeys } from "../base/checks.ts";
import { REFERENCE } from "./passing.ts";

/** So many UTF-16 units the name of a type may have. */
const MOST_NAME = 64;

/**
 * A type of values that is declared once and given to both ends, as an item of
 * the option `valueTypes`.
 *
 * Its functions run while a message is being written or read, so they must be
 * synchronous, and must not use the wire. What one of them throws fails that
 * message alone.
 *
 * @typeParam T The type of the values.
 * @typeParam D The data that they travel as.
 *
 * @example
 * ```ts
 * import { type ValueType, wirePair } from "@remote/wire";
 *
 * class Fraction {
 *   constructor(readonly over: number, readonly under: number) {}
 * }
 * const fraction: ValueType<Fraction, readonly [number, number]> = {
 *   name: "fraction",
 *   test: (value) => value instanceof Fraction,
 *   toData: ({ over, under }) => [over, under],
 *   fromData: ([over, under]) => new Fraction(over, under),
 * };
 * const options = { valueTypes: [fraction] };
 * const [near, far] = wirePair(options, options);
 * far.serve({ inverse: (f: Fraction) => new Fraction(f.under, f.over) });
 * const inverse = await near.remoteValue.inverse(new Fraction(2, 3));
 * if (!(inverse instanceof Fraction) || inverse.over !== 3) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export interface ValueType<T extends object, D> {
  /**
   * What the bytes call it: 1 to 64 UTF-16 units, the same at both ends, and no
   * other type's. Names of the platform's own types, such as `"URL"` and those
   * that begin with `"Temporal."`, are best left to those.
   */
  readonly name: string;
  /**
   * Whether a value is of the type. It is asked of every instance of a class
   * that is sent, but never of plain objects, arrays without a class of their
   * own, functions and references. Only `true` counts.
   */
  readonly test: (value: object) => boolean;
  /** Data for a value: anything that can be sent but a promise. */
  readonly toData: (value: T) => D;
  /**
   * Makes a value, an object, of data. The data comes from the peer, and is of
   * the type `D` only if the peer keeps to it: check what matters.
   */
  readonly fromData: (data: D) => T;
}

/** A declared type, whatever its values are. */
// deno-lint-ignore no-explicit-any -- types of all values stand in one list
export type AnyValueType = ValueType<any, any>;

/** For the type checker alone: marks a {@linkcode Declared} type. */
export declare const DECLARED: unique symbol;

/**
 * A class whose instances travel by a declared {@linkcode ValueType}, for the
 * interface of a wire. Without it the type checker takes a class for the
 * members that it shows, and refuses one that has private members.
 *
 * @typeParam T The class. An instance of it may be given, and arrives.
 *
 * @example
 * ```ts
 * import { type Declared, valueType, wirePair } from "@remote/wire";
 *
 * class Money {
 *   #cents: number;
 *   constructor(cents: number) {
 *     this.#cents = cents;
 *   }
 *   get cents(): number {
 *     return this.#cents;
 *   }
 * }
 * const money = valueType({
 *   name: "money",
 *   test: (value): value is Money => value instanceof Money,
 *   toData: ({ cents }) => cents,
 *   fromData: (cents) => new Money(cents),
 * });
 * interface Till {
 *   double(sum: Declared<Money>): Declared<Money>;
 * }
 * const options = { valueTypes: [money] };
 * const [near, far] = wirePair<Till>(options, options);
 * far.serve({ double: (sum) => new Money(sum.cents * 2) });
 * const { cents } = await near.remoteValue.double(new Money(21));
 * if (cents !== 42) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export type Declared<T extends object> = T & { readonly [DECLARED]?: T };

/** The options that say which types of values are declared. */
export interface ValueTypeOptions {
  /** The declared types, the first that fits counts. @default {[]} */
  valueTypes?: readonly AnyValueType[] | undefined;
}

const PARTS: Readonly<Record<keyof AnyValueType, true>> = {
  name: true,
  test: true,
  toData: true,
  fromData: true,
};

/**
 * Declares a type of values, for the option `valueTypes` of both ends.
 *
 * @typeParam T The type of the values.
 * @typeParam D The data that they travel as.
 * @param type Its name, and its functions.
 * @returns The type.
 * @throws {WireError} `invalidArgument` for a name that is empty, too long or
 * taken, and for functions that are missing.
 *
 * @example
 * ```ts
 * import { decodeValue, encodeValue, valueType } from "@remote/wire";
 *
 * class Point {
 *   constructor(readonly x: number, readonly y: number) {}
 * }
 * const point = valueType({
 *   name: "point",
 *   test: (value): value is Point => value instanceof Point,
 *   toData: (point) => [point.x, point.y],
 *   fromData: ([x, y]) => new Point(x, y),
 * });
 * const valueTypes = [point];
 * const bytes = encodeValue({ at: new Point(1, 2) }, {}, { valueTypes });
 * const { at } = decodeValue(bytes, {}, { valueTypes }) as { at: Point };
 * if (!(at instanceof Point) || at.y !== 2) throw new Error();
 * ```
 */
export function valueType<T extends object, const D>(
  type: {
    readonly name: string;
    readonly test: (value: object) => value is T;
    readonly toData: (value: T) => D;
    readonly fromData: (data: D) => T;
  },
): ValueType<T, D> {
  return checkedType(type);
}

/** Checks a type, and takes what it has now: it may change later. */
function checkedType(type: unknown): AnyValueType {
  if (typeof type !== "object" || type === null) {
    throw new WireError(
      "invalidArgument",
      `A value type is what valueType() makes, not ${shown(type)}.`,
    );
  }
  checkOptionKeys(type, PARTS, "a value type");
  const { name, test, toData, fromData } = type as AnyValueType;
  const isName = typeof name === "string" && name.length > 0 &&
    name.length <= MOST_NAME && name.isWellFormed();
  if (!isName) {
    throw new WireError(
      "invalidArgument",
      `The name of a value type is a string of 1 to ${MOST_NAME} characters, not ${
        shown(name)
      }${
        typeof name === "string" ? `, which has ${name.length}` : ""
      }. Choose one that both ends use.`,
    );
  }
  if (name === URL_TYPE.name) {
    throw new WireError(
      "invalidArgument",
      `The value type "${name}" is built in. Choose another name.`,
    );
  }
  for (const [part, hook] of Object.entries({ test, toData, fromData })) {
    checkHook(hook, `"${part}" of the value type "${name}"`);
  }
  return Object.freeze({ name, test, toData, fromData });
}

/** `URL`, which needs no declaration. */
export const URL_TYPE: AnyValueType = Object.freeze({
  name: "URL",
  test: (value: object) => value instanceof URL,
  toData: (value: URL) => value.href,
  fromData: (href: unknown) => {
    if (typeof href === "string") return new URL(href);
    throw new TypeError("The data of a URL is a string.");
  },
});

/** The types that are declared for one wire, or for some. */
export class ValueTypes {
  readonly #types: readonly AnyValueType[];
  readonly #named: ReadonlyMap<string, AnyValueType>;

  /**
   * Wires make them of the option `valueTypes`.
   *
   * @param types The types, checked.
   */
  constructor(types: readonly AnyValueType[]) {
    this.#types = types;
    this.#named = new Map(types.map((type) => [type.name, type]));
  }

  /**
   * The type of a value.
   *
   * @param value An instance of a class.
   * @throws {WireError} `unsupportedValue` when a test throws.
   */
  of(value: object): AnyValueType | undefined {
    for (const type of this.#types) {
      try {
        if (type.test(value) === true) return type;
      } catch (error) {
        throw thrownBy(type, "test", error);
      }
    }
    return undefined;
  }

  /** The type of a name. */
  named(name: string): AnyValueType | undefined {
    return this.#named.get(name);
  }
}

/**
 * Checks the option `valueTypes`.
 *
 * @param lists What a program passed, for a wire and for its contracts. A type
 * may be in several of them.
 * @returns The types, in their order; undefined where there are none.
 * @throws {WireError} `invalidArgument`.
 */
export function resolveValueTypes(
  ...lists: readonly unknown[]
): ValueTypes | undefined {
  // Most wires declare none.
  if (lists.every((list) => list === undefined)) return undefined;
  const types = new Set<unknown>();
  for (const list of lists) {
    if (list === undefined) continue;
    if (!Array.isArray(list)) {
      throw new WireError(
        "invalidArgument",
        `The option "valueTypes" is an array of what valueType() makes, not ${
          shown(list)
        }.`,
      );
    }
    for (const [index, type] of list.entries()) {
      if (list.indexOf(type) !== index) {
        const name = shown(checkedType(type).name);
        throw new WireError(
          "invalidArgument",
          `The option "valueTypes" has the type ${name} twice. Give it once.`,
        );
      }
      types.add(type);
    }
  }
  const checked = [...types].map(checkedType);
  const names = new Set<string>();
  for (const { name } of checked) {
    if (names.has(name)) {
      throw new WireError(
        "invalidArgument",
        `Two value types are called ${
          shown(name)
        }. Give each a name of its own; a wire and its contracts may share one and the same type.`,
      );
    }
    names.add(name);
  }
  return checked.length > 0 ? new ValueTypes(checked) : undefined;
}

/**
 * The declared type of a value.
 *
 * @param types The types.
 * @param value A value; what is plain, and a reference, is of none.
 * @returns The type; undefined for a value of none.
 * @throws {WireError} `unsupportedValue` when a test throws.
 */
export function declaredType(
  types: ValueTypes,
  value: object,
): AnyValueType | undefined {
  const prototype = Object.getPrototypeOf(value);
  const isPlain = prototype === Object.prototype || prototype === null ||
    prototype === Array.prototype;
  return isPlain || REFERENCE in value ? undefined : types.of(value);
}

/**
 * The data that a value travels as.
 *
 * @throws {WireError} `unsupportedValue` when `toData` throws.
 */
export function dataFor(type: AnyValueType, value: object): unknown {
  try {
    return type.toData(value);
  } catch (error) {
    throw thrownBy(type, "toData", error);
  }
}

/**
 * Makes a value of data that came.
 *
 * @throws {WireError} `unsupportedValue` when `fromData` throws, or makes
 * something that is no object.
 */
export function valueFrom(type: AnyValueType, data: unknown): object {
  let value: unknown;
  try {
    value = type.fromData(data);
  } catch (error) {
    throw thrownBy(type, "fromData", error);
  }
  // What equals another, or is to be awaited, would be taken for another thing.
  if (
    typeof value === "object" && value !== null && !(value instanceof Promise)
  ) return value;
  throw new WireError(
    "unsupportedValue",
    `"fromData" of the value type "${type.name}" returned ${
      shown(value)
    }. Return an object, and no promise.`,
  );
}

/** The error for what one of a type's functions threw, whatever that is. */
function thrownBy(
  type: AnyValueType,
  part: string,
  error: unknown,
): WireError {
  return new WireError(
    "unsupportedValue",
    `"${part}" of the value type "${type.name}" threw: ${errorMessage(error)}`,
    { cause: error },
  );
}

/** The error for a value of a type that is not declared where it came. */
export function undeclared(name: string): WireError {
  return new WireError(
    "unsupportedValue",
    `A value of the type ${
      shown(name)
    } came where no such type is declared. Give it to both ends, in the option "valueTypes".`,
  );
}
