/**
 * The shape of what a schema takes: what of a JSON Schema two ends compare.
 * That is types, properties and literals; ranges, patterns and the like are
 * not, for schema libraries say them in different ways, and a value that is
 * out of range is refused with a reason anyway.
 *
 * A shape is plain data that fits in JSON:
 * - `"string"`, `"number"`, `"boolean"`, `"null"`, or a literal's JSON text
 * - `"any"`: nothing is known, so that everything fits
 * - `["list", of]`, `["map", of]`, `["tuple", …]`, `["or", …]`
 * - an object with a shape for each property; `"key?"` where it is optional.
 *
 * And whether what one side sends fits what the other takes.
 *
 * @module
 */

/** A shape, as said above. */
export type Shape = string | ListShape | ObjectShape;
/** A kind, and its parts. */
type ListShape = readonly [kind: string, ...parts: Shape[]];
/** A shape for each property. */
type ObjectShape = { readonly [key: string]: Shape };

/** The shape of which nothing is known. */
export const ANY = "any";

/** How deep shapes are told, and how many parts one has. */
export const DEPTH = 8;
const PARTS = 500;

/** A schema while its parts are looked up. */
interface Source {
  readonly root: object;
  /** How many more parts it may have. */
  left: number;
}

/**
 * The shape of a JSON Schema.
 *
 * @param schema The schema, of the draft 2020-12.
 * @returns Its shape; what it says otherwise is `"any"`.
 */
export function shapeOf(schema: object): Shape {
  return shape({ root: schema, left: PARTS }, schema, DEPTH);
}

function shape(source: Source, schema: unknown, depth: number): Shape {
  if (!isObject(schema) || depth === 0 || source.left-- <= 0) return ANY;
  const { $ref, enum: members, anyOf, oneOf, allOf, type } = schema;
  if (typeof $ref === "string") {
    return shape(source, refer(source.root, $ref), depth - 1);
  }
  if (Array.isArray(members)) return either(members.map(literal));
  if (Object.hasOwn(schema, "const")) return literal(schema["const"]);
  if (Array.isArray(allOf) || Object.hasOwn(schema, "not")) return ANY;
  const choices = anyOf ?? oneOf;
  if (Array.isArray(choices)) {
    if (type !== undefined) return ANY;
    return either(choices.map((each) => shape(source, each, depth - 1)));
  }
  if (Array.isArray(type)) {
    return either(type.map((each) => typed(source, schema, each, depth)));
  }
  return typed(source, schema, type, depth);
}

function typed(
  source: Source,
  schema: Record<string, unknown>,
  type: unknown,
  depth: number,
): Shape {
  switch (type) {
    case "integer":
      return "number";
    case "string":
    case "number":
    case "boolean":
    case "null":
      return type;
    case "array": {
      const { prefixItems, items } = schema;
      if (!Array.isArray(prefixItems)) {
        return ["list", shape(source, items, depth - 1)];
      }
      if (isObject(items)) return ["list", ANY];
      return [
        "tuple",
        ...prefixItems.map((each) => shape(source, each, depth - 1)),
      ];
    }
    case "object":
      return members(source, schema, depth);
    default:
      return ANY;
  }
}

function members(
  source: Source,
  schema: Record<string, unknown>,
  depth: number,
): Shape {
  const { properties, additionalProperties } = schema;
  if (!isObject(properties)) {
    return ["map", shape(source, additionalProperties, depth - 1)];
  }
  const required = new Set(
    Array.isArray(schema["required"]) ? schema["required"] : [],
  );
  const result: Record<string, Shape> = Object.create(null);
  for (const key of Object.keys(properties).sort()) {
    const name = required.has(key) ? key : `${key}?`;
    result[name] = shape(source, properties[key], depth - 1);
  }
  return result;
}

/** What a reference within a schema points to. */
function refer(root: object, reference: string): unknown {
  let target: unknown = root;
  for (const part of reference.split("/").slice(1)) {
    const key = decodeURIComponent(part).replaceAll("~1", "/")
      .replaceAll("~0", "~");
    if (!isObject(target) || !Object.hasOwn(target, key)) return undefined;
    target = target[key];
  }
  return reference.startsWith("#") ? target : undefined;
}

function literal(value: unknown): Shape {
  return value === null || /^(string|number|boolean)$/.test(typeof value)
    ? JSON.stringify(value)
    : ANY;
}

/** One of several shapes, in an order that does not depend on theirs. */
function either(shapes: readonly Shape[]): Shape {
  const parts = new Map<string, Shape>();
  for (const each of shapes) {
    if (each === ANY) return ANY;
    for (const part of isKind(each, "or") ? each.slice(1) : [each]) {
      parts.set(JSON.stringify(part), part as Shape);
    }
  }
  const sorted = [...parts].sort(([a], [b]) => a < b ? -1 : 1);
  const [first] = sorted;
  if (first === undefined) return ANY;
  return sorted.length === 1
    ? first[1]
    : ["or", ...sorted.map(([, part]) => part)];
}

/**
 * A shape without its deeper parts.
 *
 * @param of The shape.
 * @param depth How deep it may be; at 0, only what has no parts is told.
 * @returns The shape, shortened.
 */
export function shallow(of: Shape, depth: number): Shape {
  if (typeof of === "string") return of;
  if (depth === 0) return ANY;
  if (isList(of)) {
    const [kind, ...parts] = of;
    return [kind, ...parts.map((part) => shallow(part, depth - 1))];
  }
  const result: Record<string, Shape> = Object.create(null);
  for (const [key, part] of Object.entries(of)) {
    result[key] = shallow(part, depth - 1);
  }
  return result;
}

/** Whether something is an object, and no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a shape is one of those with a kind and parts. */
function isList(of: Shape): of is ListShape {
  return Array.isArray(of);
}

/** Whether a shape is of a kind. */
function isKind(of: Shape, kind: string): of is ListShape {
  return isList(of) && of[0] === kind;
}

// Whether what one side sends fits what the other takes, by their shapes. Where
// either says nothing, it fits.

/** How much of a shape is shown to people. */
const SHOWN = 80;

const TYPES: ReadonlySet<string> = new Set([
  "string",
  "number",
  "boolean",
  "null",
]);

/** Where what one side sends does not fit what the other takes. */
interface Incompatibility {
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
