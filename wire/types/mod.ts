/**
 * Types of values that many programs want, for the option `valueTypes`: those
 * of `Temporal`, and classes whose data is in their properties.
 *
 * @example Dates of the calendar, where the platform has `Temporal`
 * ```ts
 * import { temporalTypes } from "@remote/wire/types";
 * import { wirePair } from "@remote/wire/wire";
 *
 * const options = { valueTypes: temporalTypes() };
 * const [near, far] = wirePair(options, options);
 * far.serve({ next: (date: { add(more: object): object }) => date.add({ days: 1 }) });
 * const { Temporal } = globalThis as unknown as {
 *   Temporal?: { PlainDate: { from(text: string): unknown } };
 * };
 * if (Temporal !== undefined) {
 *   const day = Temporal.PlainDate.from("2026-02-28");
 *   const next = await near.remoteValue.next(day);
 *   if (String(next) !== "2026-03-01") throw new Error();
 * }
 * await Promise.all([near.close(), far.close()]);
 * ```
 *
 * @module
 */

import { shown, WireError } from "../base/errors.ts";
import {
  type AnyValueType,
  type Declared,
  type ValueType,
  valueType,
} from "../codec/value_types.ts";

export { type AnyValueType, type Declared, type ValueType, valueType };

/** The classes of `Temporal`, each of which has a text that it is made of. */
const TEMPORAL = [
  "Instant",
  "ZonedDateTime",
  "PlainDateTime",
  "PlainDate",
  "PlainTime",
  "PlainYearMonth",
  "PlainMonthDay",
  "Duration",
] as const;

/** What each of them has. */
interface TemporalClass {
  new (...args: never[]): object;
  from(text: string): object;
}

/**
 * The types of `Temporal`, which travel as their texts.
 *
 * @returns One for each class that the platform has; none where there is no
 * `Temporal`, so that a value of it fails the message that it came with.
 *
 * @example
 * ```ts
 * import { temporalTypes } from "@remote/wire/types";
 * import { decodeValue, encodeValue } from "@remote/wire/wire";
 *
 * const options = { valueTypes: temporalTypes() };
 * const { Temporal } = globalThis as unknown as {
 *   Temporal?: { Duration: { from(text: string): { hours: number } } };
 * };
 * if (Temporal !== undefined) {
 *   const bytes = encodeValue(Temporal.Duration.from("PT2H"), {}, options);
 *   const { hours } = decodeValue(bytes, {}, options) as { hours: number };
 *   if (hours !== 2) throw new Error();
 * }
 * ```
 */
export function temporalTypes(): AnyValueType[] {
  const { Temporal } = globalThis as unknown as {
    Temporal?: Readonly<Record<string, TemporalClass | undefined>>;
  };
  return TEMPORAL.flatMap((name) => {
    const found = Temporal?.[name];
    if (found === undefined) return [];
    return [valueType({
      name: `Temporal.${name}`,
      test: (value): value is object => value instanceof found,
      toData: String,
      fromData: (text) => {
        if (typeof text === "string") return found.from(text);
        throw new TypeError(`The data of a ${name} is a string.`);
      },
    })];
  });
}

/**
 * Declares a class whose data is in some properties: they travel, and nothing
 * else. Subclasses are not of the type.
 *
 * An instance that came has the class, but its constructor did not run. For a
 * class with `#private` members, or one that must check what it holds, use
 * {@linkcode valueType}.
 *
 * @typeParam T The class.
 * @typeParam K The names of the properties.
 * @param name What the bytes call it: see {@linkcode ValueType}.
 * @param type The class.
 * @param keys The properties that travel, which must not be methods.
 * @returns The type, for the option `valueTypes` of both ends.
 * @throws {WireError} `invalidArgument`.
 *
 * @example
 * ```ts
 * import { classType } from "@remote/wire/types";
 * import { wirePair } from "@remote/wire/wire";
 *
 * class Point {
 *   constructor(readonly x: number, readonly y: number) {}
 *   get length(): number {
 *     return Math.hypot(this.x, this.y);
 *   }
 * }
 * const options = { valueTypes: [classType("point", Point, ["x", "y"])] };
 * const [near, far] = wirePair(options, options);
 * far.serve({ mirror: ({ x, y }: Point) => new Point(y, x) });
 * const mirrored = await near.remoteValue.mirror(new Point(3, 4)) as Point;
 * if (mirrored.x !== 4 || mirrored.length !== 5) throw new Error();
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export function classType<T extends object, K extends keyof T & string>(
  name: string,
  type: abstract new (...args: never[]) => T,
  keys: readonly K[],
): ValueType<T, unknown[]> {
  if (typeof type !== "function" || typeof type.prototype !== "object") {
    throw new WireError(
      "invalidArgument",
      `classType() takes a name, a class and the names of its properties, and ${
        shown(type)
      } is no class.`,
    );
  }
  if (!areNames(keys)) {
    throw new WireError(
      "invalidArgument",
      `The properties of the value type ${
        shown(name)
      } are an array of names, each once.`,
    );
  }
  const names: readonly K[] = [...keys];
  const { prototype } = type;
  return valueType<T, unknown[]>({
    name,
    test: (value): value is T => Object.getPrototypeOf(value) === prototype,
    toData: (value) => names.map((key) => value[key]),
    fromData: (data) => {
      if (!Array.isArray(data) || data.length !== names.length) {
        throw new TypeError(
          `It has ${names.length} properties here, and another number came.`,
        );
      }
      const value = Object.create(prototype);
      names.forEach((key, index) => {
        // Never a setter, and never the prototype.
        Object.defineProperty(value, key, {
          value: data[index],
          configurable: true,
          enumerable: true,
          writable: true,
        });
      });
      return value;
    },
  });
}

/** Whether something is a list of names, each once. */
function areNames(keys: unknown): boolean {
  return Array.isArray(keys) && new Set(keys).size === keys.length &&
    keys.every((key) => typeof key === "string");
}
