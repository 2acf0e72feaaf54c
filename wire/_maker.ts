/**
 * Objects of one key set, made by code that is generated once. Where a page's
 * policy forbids that, they are made key by key.
 *
 * @module
 */

/** Reads one value, nested so deeply. */
export interface ReadsValues {
  /** Reads the next value. */
  read(depth: number): unknown;
}

/** Makes an object from the values that come next. */
export type Maker = (
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
export function makerOf(
  keys: readonly string[],
  compile: (...parts: string[]) => unknown = Function,
): Maker {
  const members = keys.map((key) => {
    const name = JSON.stringify(key);
    return `${key === "__proto__" ? `[${name}]` : name}: values.read(depth)`;
  });
  try {
    return compile(
      "values",
      "depth",
      `return { ${members.join(", ")} };`,
    ) as Maker;
  } catch {
    return (values, depth) => makeByKey(keys, values, depth);
  }
}

/** What a maker does, without generated code. */
export function makeByKey(
  keys: readonly string[],
  values: ReadsValues,
  depth: number,
): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const key of keys) setOwn(object, key, values.read(depth));
  return object;
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
