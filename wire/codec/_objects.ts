/**
 * Objects of one key set, made and read by code that is generated once. Where
 * a page's policy forbids that, it is done key by key.
 *
 * @module
 */

/** From so many objects of a key set on, generated code deals with them. */
export const MANY = 8;

/** Reads one value, nested so deeply. */
export interface ReadsValues {
  /** Reads the next value. */
  read(depth: number): unknown;
  /** Reads the next value, which is that of a key `then`. */
  readThen(depth: number): unknown;
}

/** Makes an object from the values that come next. */
export type ObjectDecoder = (
  values: ReadsValues,
  depth: number,
) => Record<string, unknown>;

/**
 * Makes a maker.
 *
 * No key becomes code: each is a string literal, as JSON writes it. In the
 * brackets of a computed name even `__proto__` is an ordinary one.
 *
 * @param keys The keys.
 * @param compile What compiles the text of a function, or throws.
 * @returns The maker.
 */
export function objectDecoderOf(
  keys: readonly string[],
  compile: (...parts: string[]) => unknown = Function,
): ObjectDecoder {
  const members = keys.map((key) => {
    const name = JSON.stringify(key);
    const read = key === "then" ? "readThen" : "read";
    return `${key === "__proto__" ? `[${name}]` : name}: values.${read}(depth)`;
  });
  try {
    return compile(
      "values",
      "depth",
      `return { ${members.join(", ")} };`,
    ) as ObjectDecoder;
  } catch {
    return (values, depth) => decodeByKey(keys, values, depth);
  }
}

/** Writes one value, nested so deeply. */
export interface WritesValues {
  /** Writes a value. */
  write(value: unknown, depth: number): void;
  /** Writes a value that is a number. */
  writeNumber(value: number): void;
  /** Writes a value that is a string. */
  writeText(value: string): void;
}

/** Writes the values of an object that has the keys. */
export type ObjectEncoder = (
  values: WritesValues,
  object: Record<string, unknown>,
  depth: number,
) => void;

/**
 * Mirrors {@linkcode makerOf}: makes what takes the values out of an object,
 * in the order of the keys. No key becomes code here either.
 *
 * @param keys The keys.
 * @param compile What compiles the text of a function, or throws.
 * @returns The taker.
 */
export function objectEncoderOf(
  keys: readonly string[],
  compile: (...parts: string[]) => unknown = Function,
): ObjectEncoder {
  const lines = keys.map((key) =>
    `value = object[${JSON.stringify(key)}];
    if (typeof value === "number") values.writeNumber(value);
    else if (typeof value === "string") values.writeText(value);
    else values.write(value, depth);`
  );
  lines.unshift("let value;");
  try {
    return compile(
      "values",
      "object",
      "depth",
      lines.join("\n"),
    ) as ObjectEncoder;
  } catch {
    return (values, object, depth) => encodeByKey(keys, values, object, depth);
  }
}

/** What a taker does, without generated code. */
export function encodeByKey(
  keys: readonly string[],
  values: WritesValues,
  object: Record<string, unknown>,
  depth: number,
): void {
  for (const key of keys) values.write(object[key], depth);
}

/** What a maker does, without generated code. */
export function decodeByKey(
  keys: readonly string[],
  values: ReadsValues,
  depth: number,
): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  let isSparse = false;
  for (const key of keys) {
    isSparse ||= decodeSparse(object, key);
    const value = key === "then" ? values.readThen(depth) : values.read(depth);
    setOwn(object, key, value);
  }
  return object;
}

/** A key that no peer's object is kept waiting for: the last array index. */
const LAST_INDEX = "4294967294";

/**
 * Readies an object for a key that looks like an array index of three digits
 * or more. Left to itself the engine makes room for all indices up to that:
 * 12 KB for `{1000: 0}`. Once a far index was there, it keeps a table of those
 * that it has.
 *
 * @param object An object that has no such key yet.
 * @param key The key that it will get.
 * @returns Whether the key is one of those: no need to ask again.
 */
export function decodeSparse(
  object: Record<string, unknown>,
  key: string,
): boolean {
  const first = key.charCodeAt(0);
  if (key.length < 3 || first < 0x30 || first > 0x39) return false;
  object[LAST_INDEX] = 0;
  delete object[LAST_INDEX];
  return true;
}

/** Sets a property that no setter or prototype takes notice of. */
export function setOwn(object: object, key: string, value: unknown): void {
  if (key !== "__proto__") {
    (object as Record<string, unknown>)[key] = value;
    return;
  }
  Object.defineProperty(object, key, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}
