/**
 * Whether what one side sends fits what the other takes, by their shapes. Where
 * either says nothing, it fits.
 *
 * @module
 */

import {
  ANY,
  DEPTH,
  isKind,
  isList,
  isObject,
  type ListShape,
  type ObjectShape,
  type Shape,
} from "./_shape.ts";

/** How much of a shape is shown to people. */
const SHOWN = 80;

const TYPES: ReadonlySet<string> = new Set([
  "string",
  "number",
  "boolean",
  "null",
]);

/** Where what one side sends does not fit what the other takes. */
export interface Incompatibility {
  /** Where in the value. */
  readonly path: string;
  /** What is sent there. */
  readonly sent: string;
  /** What is taken there. */
  readonly taken: string;
}

/**
 * Compares what one side sends with what the other takes.
 *
 * @param sent The one shape.
 * @param taken The other. Either may have come off a wire.
 * @returns The first place where they do not fit; undefined if they do.
 */
export function findIncompatibility(
  sent: Shape,
  taken: Shape,
): Incompatibility | undefined {
  return compare(sent, taken, "", 4 * DEPTH);
}

function compare(
  sent: Shape,
  taken: Shape,
  path: string,
  depth: number,
): Incompatibility | undefined {
  if (depth === 0 || isUnknown(sent) || isUnknown(taken)) return undefined;
  if (sent === "boolean" && taken !== "boolean") sent = ["or", "false", "true"];
  if (isKind(sent, "or")) {
    return firstOf(
      sent.slice(1),
      (part) => compare(part, taken, path, depth - 1),
    );
  }
  if (isKind(taken, "or")) {
    const fits = taken.slice(1).some((part) =>
      compare(sent, part as Shape, path, depth - 1) === undefined
    );
    return fits ? undefined : differ(sent, taken, path);
  }
  if (typeof sent === "string" || typeof taken === "string") {
    const fits = sent === taken || typeOf(sent) === taken;
    return fits ? undefined : differ(sent, taken, path);
  }
  if (isList(sent) && isList(taken)) {
    return compareLists(sent, taken, path, depth);
  }
  if (!isList(sent) && !isList(taken)) {
    return compareObjects(sent, taken, path, depth);
  }
  // A map and an object may well fit, a list and an object do not.
  const list = isList(sent) ? sent : taken;
  return isKind(list, "map") ? undefined : differ(sent, taken, path);
}

function compareLists(
  [sentKind, ...sent]: ListShape,
  [takenKind, ...taken]: ListShape,
  path: string,
  depth: number,
): Incompatibility | undefined {
  if ((sentKind === "map") !== (takenKind === "map")) {
    return differ([sentKind, ...sent], [takenKind, ...taken], path);
  }
  // How long a list is, nobody knows.
  if (sentKind === "list" && takenKind === "tuple") return undefined;
  const [first = ANY] = taken;
  return firstOf(sent, (part, index) =>
    compare(
      part,
      takenKind === "tuple" ? taken[index] ?? ANY : first,
      sentKind === "tuple" ? `${path}[${index}]` : `${path}[]`,
      depth - 1,
    ));
}

function compareObjects(
  sent: ObjectShape,
  taken: ObjectShape,
  path: string,
  depth: number,
): Incompatibility | undefined {
  return firstOf(Object.keys(taken), (name) => {
    const isOptional = name.endsWith("?");
    const key = isOptional ? name.slice(0, -1) : name;
    const here = `${path}.${
      key.length > SHOWN ? `${key.slice(0, SHOWN)}…` : key
    }`;
    const always = own(sent, key);
    const given = always ?? own(sent, `${key}?`);
    if (always === undefined && !isOptional) {
      const is = given === undefined ? "nothing" : "nothing at times";
      return { path: here, sent: is, taken: shapeText(taken[name]!) };
    }
    if (given === undefined) return undefined;
    return compare(given, taken[name]!, here, depth - 1);
  });
}

function firstOf<T>(
  list: readonly T[],
  find: (item: T, index: number) => Incompatibility | undefined,
): Incompatibility | undefined {
  for (const [index, item] of list.entries()) {
    const found = find(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

function differ(sent: Shape, taken: Shape, path: string): Incompatibility {
  return { path, sent: shapeText(sent), taken: shapeText(taken) };
}

/** What may have come off a wire, and says nothing that is known here. */
function isUnknown(of: unknown): boolean {
  if (typeof of === "string") return !TYPES.has(of) && typeOf(of) === undefined;
  if (!Array.isArray(of)) return !isObject(of);
  return !["list", "map", "tuple", "or"].includes(of[0]);
}

/** The type of a literal. */
function typeOf(of: Shape): string | undefined {
  if (typeof of !== "string") return undefined;
  if (of === "true" || of === "false") return "boolean";
  if (of.startsWith('"')) return "string";
  return /^-?\d/.test(of) ? "number" : undefined;
}

/** A shape as people write it. */
function shapeText(of: Shape): string {
  const text = write(of, 3);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

function write(of: Shape, depth: number): string {
  if (typeof of === "string") return of.slice(0, SHOWN);
  if (depth === 0 || isUnknown(of)) return "…";
  if (!isList(of)) {
    const parts = Object.entries(of).slice(0, 8).map(([key, part]) =>
      `${key.slice(0, SHOWN)}: ${write(part, depth - 1)}`
    );
    return `{ ${parts.join(", ")} }`;
  }
  const [kind, ...all] = of;
  const parts = all.slice(0, 8).map((part) => write(part, depth - 1));
  switch (kind) {
    case "or":
      return parts.join(" | ");
    case "tuple":
      return `[${parts.join(", ")}]`;
    default:
      return `${kind} of ${parts[0]}`;
  }
}

function own(of: ObjectShape, key: string): Shape | undefined {
  return Object.hasOwn(of, key) ? of[key] : undefined;
}
