/**
 * The functions of a peer as objects: whatever name is looked up is a function
 * of the peer, and a namespace of such functions.
 *
 * @module
 */

import type { FunctionOwnName, LocalName } from "../rpc/remote_types.ts";

/** Names that the language and its tools look up and call by themselves. */
const LOCAL: Readonly<Record<LocalName, boolean>> = {
  asymmetricMatch: false,
  constructor: false,
  then: false,
  toJSON: false,
  hasOwnProperty: true,
  isPrototypeOf: true,
  propertyIsEnumerable: true,
  toLocaleString: true,
  toString: true,
  valueOf: true,
};

/** What functions have besides. */
const OWN: Readonly<Record<FunctionOwnName, true>> = {
  apply: true,
  bind: true,
  call: true,
};

/** Makes the function of a name. */
export type MakeFunction = (
  name: string,
) => (...args: unknown[]) => Promise<unknown>;

/**
 * Makes an object with a function for every name.
 *
 * @param make Makes the function of a name; in a namespace, that is a path.
 * @param path The path of the object itself; empty for all that is served.
 */
export function functionsOf(make: MakeFunction, path = ""): object {
  const target = path === "" ? {} : make(path);
  return new Proxy(target, {
    get(_target, name) {
      if (typeof name === "symbol") return undefined;
      if (Object.hasOwn(LOCAL, name)) {
        // Some are answered as by any object, and the others not there.
        return LOCAL[name as LocalName]
          ? Object.prototype[name as "toString"]
          : undefined;
      }
      return path !== "" && Object.hasOwn(OWN, name)
        ? Function.prototype[name as FunctionOwnName]
        : functionsOf(make, path === "" ? name : `${path}.${name}`);
    },
    set: () => false,
  });
}
