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
/** So many prototypes of a thing are looked at. */
const MOST_CLASSES = 100;

/**
 * The key of something that copies share, for `Symbol.for()`.
 *
 * @param brand Its name.
 * @returns The key, with the version.
 */
export function keyOf(brand: Brand): string {
  return `${MODULE}/${brand}/${VERSIONS[brand]}`;
}

/** What `instanceof` does for classes that say nothing of it. */
const isOrdinaryInstance = Function.prototype[Symbol.hasInstance];

/**
 * Brands a class: its prototype gets the symbol of the brand, and `instanceof`
 * then knows the instances that other copies made. Derived classes that are
 * not branded themselves have the ordinary rule. `instanceof` never throws,
 * whatever the value is.
 *
 * @param constructor The class.
 * @param brand Its name.
 */
export function setBrand(
  constructor: { readonly prototype: object },
  brand: Brand,
): void {
  const key = keyOf(brand);
  const symbol = Symbol.for(key);
  Object.defineProperty(constructor.prototype, symbol, { value: key });
  Object.defineProperty(constructor, Symbol.hasInstance, {
    value(this: object, value: unknown): boolean {
      if (typeof value !== "object" || value === null) return false;
      try {
        return isOrdinaryInstance.call(this, value) ||
          this === constructor && inherits(value, symbol, key);
      } catch {
        // Proxies may throw when they are looked at.
        return false;
      }
    },
  });
}

/** Whether something inherits a brand. */
function inherits(value: object, symbol: symbol, key: string): boolean {
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
    for (const [name, version] of brandsOf(value)) {
      const own = Object.hasOwn(VERSIONS, name)
        ? VERSIONS[name as Brand]
        : undefined;
      if (String(own) === version) continue;
      if (brand !== undefined && name !== brand) continue;
      return `It is a ${name} of another version of ${MODULE} (${name} ${version}, and ${
        own === undefined ? "none is known here" : `${own} is known here`
      }). Have all parts of the program import the same version.`;
    }
  } catch {
    // It cannot be looked at.
  }
  return undefined;
}

/** The brands that something inherits, and their versions. */
function* brandsOf(value: unknown): Iterable<[string, string]> {
  let holder = Object.getPrototypeOf(value);
  // A proxy may claim to have any number of prototypes.
  for (let depth = 0; holder !== null && depth < MOST_CLASSES; depth++) {
    for (const symbol of Object.getOwnPropertySymbols(holder)) {
      const key = Symbol.keyFor(symbol);
      if (key === undefined || !key.startsWith(`${MODULE}/`)) continue;
      const [name = "", version = ""] = key.slice(MODULE.length + 1).split("/");
      yield [name, version];
    }
    holder = Object.getPrototypeOf(holder);
  }
}
