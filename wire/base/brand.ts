/**
 * How the copies of this module that one process has loaded, from two URLs or
 * in two versions, know each other's things: by symbols that the whole process
 * shares, in the place of the identity of classes.
 *
 * What comes over a wire has string keys only, and so none of these symbols.
 *
 * @module
 */

/**
 * What copies share, each with a version. Raise a version when that changes
 * which other copies read of such a thing: copies of different versions then
 * refuse it by name, in the place of misreading it.
 */
const VERSIONS = {
  CallContext: 1,
  CallPromise: 1,
  Cons: 1,
  Contract: 1,
  DeclaredError: 1,
  Form: 1,
  LispRemoteObject: 1,
  CmuclSession: 1,
  LispSymbol: 1,
  Refusal: 1,
  RemoteAbort: 1,
  RemoteError: 1,
  Unfit: 1,
  Values: 1,
  Wire: 1,
  WireError: 1,
  described: 1,
  reference: 1,
  rules: 1,
} as const;

/** The name of something that copies share. */
export type Brand = keyof typeof VERSIONS;

/** What all keys begin with. */
const MODULE = "@remote/wire";

/** Holds the key of a branded class, in every version. */
const MARK = Symbol.for(MODULE);

/**
 * The key of something that copies share, for `Symbol.for()`.
 *
 * @param brand Its name.
 * @returns The key, with the version.
 */
export function keyOf(brand: Brand): string {
  return `${MODULE}/${brand}/${VERSIONS[brand]}`;
}

/**
 * Brands a class: {@linkcode isInstance} then knows the instances that other
 * copies made.
 *
 * @param constructor The class.
 * @param brand Its name.
 */
export function setBrand(
  constructor: { readonly prototype: object },
  brand: Brand,
): void {
  const key = keyOf(brand);
  const { prototype } = constructor;
  Object.defineProperty(prototype, MARK, { value: key });
  Object.defineProperty(prototype, Symbol.for(key), { value: key });
}

/** What `instanceof` does for classes that say nothing of it. */
const isOrdinaryInstance = Function.prototype[Symbol.hasInstance];

/**
 * What `instanceof` does for a branded class, and for classes derived from it:
 * those that this module did not brand have the ordinary rule. It never
 * throws, whatever the value is.
 *
 * @param constructor The class.
 * @param value Anything.
 * @returns Whether this copy's class, or that of another copy, made it.
 */
export function isInstance(
  constructor: { readonly prototype: object },
  value: unknown,
): boolean {
  if (typeof value !== "object" || value === null) return false;
  try {
    return isOrdinaryInstance.call(constructor, value) ||
      hasKey(value, ownKey(constructor.prototype));
  } catch {
    // Proxies may throw when they are looked at.
    return false;
  }
}

/** The key of a class that is branded itself. */
function ownKey(
  prototype: { readonly [MARK]?: string },
): string | undefined {
  return Object.hasOwn(prototype, MARK) ? prototype[MARK] : undefined;
}

/** Whether something inherits the brand of a key. */
function hasKey(value: object, key: string | undefined): boolean {
  if (key === undefined) return false;
  const symbol = Symbol.for(key);
  // The key, rather than true: some proxies have that for everything.
  return (value as Record<symbol, unknown>)[symbol] === key &&
    !Object.hasOwn(value, symbol);
}

/**
 * Says of a thing that another version of this module made, and that this one
 * does not understand, what it is.
 *
 * @param value Anything.
 * @param brand What it has to be a thing of; anything, where it is left out.
 * @returns What it is and what to do; undefined for everything else.
 */
export function otherVersion(
  value: unknown,
  brand?: Brand,
): string | undefined {
  try {
    const mark = (value as { readonly [MARK]?: unknown })[MARK];
    if (typeof mark !== "string" || !mark.startsWith(`${MODULE}/`)) {
      return undefined;
    }
    const [name = "", version] = mark.slice(MODULE.length + 1).split("/");
    const own = Object.hasOwn(VERSIONS, name)
      ? VERSIONS[name as Brand]
      : undefined;
    if (String(own) === version) return undefined;
    if (brand !== undefined && name !== brand) return undefined;
    return `It is a ${name} of another version of ${MODULE} (${name} ${version}, and ${
      own === undefined ? "none is known here" : `${own} is known here`
    }). Have all parts of the program import the same version.`;
  } catch {
    return undefined;
  }
}
