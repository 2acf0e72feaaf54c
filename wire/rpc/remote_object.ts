/**
 * References to objects: those of the other process, and those of this one
 * that are to be passed by reference.
 *
 * @module
 */

import { checkOptionKeys, ownArguments } from "../base/checks.ts";
import { otherVersion, setBrand } from "../base/brand.ts";
import {
  type CallOptions,
  checkCallOptions,
  checkOptions,
  severalOf,
} from "./context.ts";
import { WireError } from "../base/errors.ts";
import {
  failed,
  owned,
  reportToConsole,
  unawaited,
  unsent,
} from "../base/report.ts";
import { methodOf, REFERENCE } from "../codec/passing.ts";
import {
  isThenable,
  kindOf,
  laterOf,
  readable,
  settled,
} from "../base/shown.ts";
import { type Caller, remotes } from "./remote.ts";
import type {
  AnyFunctions,
  Reference,
  RemoteObject,
  Remotes,
  RemoteSend,
  RemoteValue,
  RemoteValues,
} from "./remote_types.ts";

/** What is behind a reference. */
export interface Referent {
  /** Carries its calls out. */
  readonly caller: Caller;
  /** Aborts when it can no longer be reached. */
  readonly signal: AbortSignal;
  /** The object itself, where it is one of this process. */
  readonly local: object | undefined;
  /** The three proxies, once they were used. */
  proxies?: Remotes<object, "object">;
  /** Of an object of this process: called when a peer holds it no more. */
  readonly onRelease?: (() => void) | undefined;
  /** Releases the reference. */
  dispose(): void;
  /** Where it came from, for people; undefined where it is of here. */
  readonly place?: string;
  /** Why it can no longer be reached; undefined while it can. */
  readonly end?: WireError | undefined;
  /** Warns of one reference less, if nobody releases it. */
  suppressLeakWarning?(): void;
}

/**
 * What may be said of an object that is passed by reference.
 *
 * @example
 * ```ts
 * import { makeRemoteObject, wirePair } from "@remote/wire";
 *
 * const released = Promise.withResolvers<void>();
 * const file = makeRemoteObject({ read: () => "text" }, {
 *   onRelease: released.resolve,
 * });
 * const [near, far] = wirePair();
 * far.serve({ open: () => file });
 * {
 *   using remote = await near.remoteValue.open();
 *   if (await remote.remoteValue.read() !== "text") throw new Error();
 * }
 * await released.promise;
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export interface RemoteObjectOptions {
  /**
   * Called when a peer that got the object holds it no more: it has given
   * everything back, or its wire has ended. For each wire by itself.
   */
  onRelease?: (() => void) | undefined;
}

const OPTION_KEYS: Readonly<Record<keyof RemoteObjectOptions, true>> = {
  onRelease: true,
};

/** A reference, whatever is behind it. */
class ObjectReference implements RemoteObject<object> {
  readonly [REFERENCE]: Referent;

  constructor(referent: Referent) {
    this[REFERENCE] = referent;
  }

  get remote(): RemoteSend<object, "object"> {
    return proxiesOf(this).remote;
  }

  get remoteValue(): RemoteValue<object, "object"> {
    return proxiesOf(this).remoteValue;
  }

  get remoteValues(): RemoteValues<object, "object"> {
    return proxiesOf(this).remoteValues;
  }

  with(options: CallOptions): Remotes<object, "object"> {
    checkCallOptions(options);
    return remotes(this[REFERENCE].caller, options, true);
  }

  get signal(): AbortSignal {
    return this[REFERENCE].signal;
  }

  [Symbol.dispose](): void {
    this[REFERENCE].dispose();
  }

  /** What a console shows, in place of all that is behind it. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `RemoteObject(${this[REFERENCE].place ?? "of this process"})`;
  }

  static {
    setBrand(this, "reference");
  }
}

function proxiesOf(reference: ObjectReference): Remotes<object, "object"> {
  const referent = reference[REFERENCE];
  return referent.proxies ??= remotes(referent.caller, undefined, true);
}

/** What references that are functions inherit. */
const FUNCTION_REFERENCE: object = Object.create(
  Function.prototype,
  Object.getOwnPropertyDescriptors(ObjectReference.prototype),
);

/**
 * Makes a reference.
 *
 * @param referent What is behind it.
 * @param isFunction Whether it can be called itself.
 * @returns The reference.
 */
export function makeReference(
  referent: Referent,
  isFunction: boolean,
): RemoteObject<object> {
  if (!isFunction) return new ObjectReference(referent);
  const call = (...args: unknown[]) => referent.caller.call("", args, false);
  Object.setPrototypeOf(call, FUNCTION_REFERENCE);
  return Object.defineProperty(call, REFERENCE, {
    value: referent,
  }) as unknown as RemoteObject<object>;
}

/** What is behind a reference; undefined for anything else. */
export function referentOf(value: unknown): Referent | undefined {
  const isObject = typeof value === "object" && value !== null;
  if (!isObject && typeof value !== "function") return undefined;
  try {
    const referent = (value as { [REFERENCE]?: Referent })[REFERENCE];
    // A proxy may have an answer to everything.
    return referent?.caller === undefined || !Object.hasOwn(value, REFERENCE)
      ? undefined
      : referent;
  } catch {
    // Or throw when it is looked at.
    return undefined;
  }
}

/**
 * Has an object passed by reference: the peer gets a `RemoteObject` that calls
 * the functions of this very object, those of its class included. Functions
 * need not be marked; plain objects and instances of classes do. All functions
 * of the object and its class can be called then, but those whose names begin
 * with `#`: pass an object of its own where that is too much.
 *
 * CMUCL's wires have `make-remote-object`.
 *
 * @typeParam T The object's type.
 * @param value The object, or a function.
 * @param options What to do when it is released.
 * @returns A reference to be sent over any wire. When it returns to its owner,
 * it is the object itself.
 * @throws {WireError} `invalidArgument` for what is no object.
 *
 * @example
 * ```ts
 * import { makeRemoteObject, type RemoteObject, wirePair } from "@remote/wire";
 *
 * class Counter {
 *   #count = 0;
 *   add(n: number): number {
 *     return this.#count += n;
 *   }
 * }
 * interface Shop {
 *   counter(): RemoteObject<Counter>;
 * }
 * const [near, far] = wirePair<Shop>();
 * far.serve({ counter: () => makeRemoteObject(new Counter()) });
 *
 * {
 *   using counter = await near.remoteValue.counter();
 *   await counter.remoteValue.add(40);
 *   if (await counter.remoteValue.add(2) !== 42) throw new Error();
 * } // released
 * await Promise.all([near.close(), far.close()]);
 * ```
 */
export function makeRemoteObject<T extends object>(
  value: T,
  options?: RemoteObjectOptions | null,
): RemoteObject<T> {
  options ??= {};
  checkOptionKeys(options, OPTION_KEYS, "makeRemoteObject()");
  const { onRelease } = options;
  if (onRelease !== undefined && typeof onRelease !== "function") {
    throw new WireError("invalidArgument", "onRelease is a function.");
  }
  if (referentOf(value) !== undefined) {
    return value as unknown as RemoteObject<T>;
  }
  checkReference(value);
  if (typeof value !== "function" && (typeof value !== "object" || !value)) {
    throw new WireError(
      "invalidArgument",
      `An object or a function can be passed by reference, and this is ${
        kindOf(value)
      }. Other values are passed as they are.`,
    );
  }
  const isFunction = typeof value === "function";
  return localReference(value, isFunction, options) as RemoteObject<T>;
}

/**
 * Makes a reference to an object of this process.
 *
 * @param local The object.
 * @param isFunction Whether the reference can be called itself.
 * @param options What to do when it is released.
 * @returns The reference.
 */
export function localReference(
  local: object,
  isFunction: boolean,
  options: RemoteObjectOptions = {},
): RemoteObject<object> {
  return makeReference(
    {
      local,
      caller: localCaller(local),
      onRelease: options.onRelease,
      get signal() {
        return new AbortController().signal;
      },
      dispose: () => {},
    },
    isFunction,
  );
}

/**
 * An object of this process as a promise may resolve with it: a reference to
 * it where the promise would call its `then` instead.
 *
 * @param local The object.
 * @returns The object, or a reference to it.
 */
export function resolvable(local: object): object {
  try {
    if (!isThenable(local)) return local;
  } catch {
    // A getter that throws whenever anybody looks.
  }
  return localReference(local, typeof local === "function");
}

/**
 * Whether something is a reference to an object of another process.
 *
 * @param value Anything, above all what came over a wire.
 * @returns True for what has the three proxies of a `RemoteObject`.
 *
 * @example
 * ```ts
 * import { isRemoteObject, wirePair } from "@remote/wire";
 *
 * const [near, far] = wirePair();
 * far.serve({ takes: (f: unknown) => isRemoteObject(f) });
 * if (!await near.remoteValue.takes(() => {})) throw new Error();
 * if (await near.remoteValue.takes({ a: 1 })) throw new Error();
 * await near.close();
 * ```
 */
export function isRemoteObject(
  value: unknown,
): value is RemoteObject<AnyFunctions> {
  const referent = referentOf(value);
  return referent !== undefined && referent.local === undefined;
}

/**
 * Whether something is an object of this process rather than a reference to
 * one of another. CMUCL's wires have `remote-object-local-p`.
 *
 * @param value Anything, above all what came over a wire.
 * @returns False for references to objects of another process.
 *
 * @example
 * ```ts
 * import { makeRemoteObject, remoteObjectLocal } from "@remote/wire";
 *
 * if (!remoteObjectLocal(makeRemoteObject({}))) throw new Error();
 * ```
 */
export function remoteObjectLocal(value: unknown): boolean {
  const referent = referentOf(value);
  return referent === undefined || referent.local !== undefined;
}

/**
 * Whether two things are, or refer to, the same object. CMUCL's wires have
 * `remote-object-eq`.
 *
 * @param one An object or a reference.
 * @param other Another.
 * @returns True if so.
 *
 * @example
 * ```ts
 * import { makeRemoteObject, remoteObjectEq } from "@remote/wire";
 *
 * const object = {};
 * if (!remoteObjectEq(makeRemoteObject(object), object)) throw new Error();
 * ```
 */
export function remoteObjectEq(one: unknown, other: unknown): boolean {
  const [a, b] = [referentOf(one), referentOf(other)];
  if (a !== undefined && a === b) return true;
  return (a?.local ?? one) === (b?.local ?? other);
}

/**
 * The object that a reference is to. CMUCL's wires have `remote-object-value`.
 *
 * @typeParam T The object's type.
 * @param value A reference to an object of this process, or that object.
 * @returns The object.
 * @throws {WireError} `invalidArgument` when it lives in another process.
 *
 * @example
 * ```ts
 * import { makeRemoteObject, remoteObjectValue } from "@remote/wire";
 *
 * const object = { x: 1 };
 * const reference = makeRemoteObject(object);
 * if (remoteObjectValue(reference) !== object) throw new Error();
 * ```
 */
export function remoteObjectValue<T>(value: RemoteObject<T> | T): T {
  const referent = referentOf(value);
  if (referent === undefined) {
    checkReference(value);
    return value as T;
  }
  if (referent.local !== undefined) return referent.local as T;
  throw new WireError(
    "invalidArgument",
    "The object of that reference lives in another process. Call its functions there, or pass the reference on as an argument.",
  );
}

/**
 * What carries out the calls of a reference, for names that its proxies do not
 * have, or that are known only at run time. A wire has `call()` and `send()`
 * itself.
 *
 * @param reference A reference to an object, or to a function, whose name is
 * empty.
 * @returns The caller.
 * @throws {WireError} `invalidArgument` for what is no reference.
 *
 * @example
 * ```ts
 * import { makeRemoteObject, remoteCaller, wirePair } from "@remote/wire/wire";
 *
 * class Point {
 *   toString(): string {
 *     return "(1, 2)";
 *   }
 * }
 * const [near, far] = wirePair();
 * far.serve({ point: () => makeRemoteObject(new Point()) });
 * {
 *   using point = await near.remoteValue.point();
 *   // The language calls toString() by itself: the proxies never do.
 *   const text = await remoteCaller(point).call("toString", [], false);
 *   if (text !== "(1, 2)") throw new Error();
 * }
 * await near.close();
 * ```
 */
export function remoteCaller(reference: Reference): Caller {
  const referent = referentOf(reference);
  if (referent !== undefined) return checked(referent.caller);
  checkReference(reference);
  throw new WireError(
    "invalidArgument",
    "remoteCaller() takes a reference: a RemoteObject, or a function of the other process.",
  );
}

/**
 * Refuses references that another version of this module made.
 *
 * @param value Anything.
 * @throws {WireError} `invalidArgument` for such a reference.
 */
export function checkReference(value: unknown): void {
  const problem = otherVersion(value, "reference");
  if (problem !== undefined) throw new WireError("invalidArgument", problem);
}

/** A caller that takes names and arguments as programs pass them. */
function checked(caller: Caller): Caller {
  return {
    call(name, args, wantsValues, options) {
      let own: unknown[];
      try {
        own = ownArguments(name, args);
        checkCallOptions(options);
      } catch (error) {
        return failed(error, reportToConsole, unawaited(name));
      }
      return caller.call(name, own, wantsValues, options);
    },
    send(name, args, options) {
      let own: unknown[];
      try {
        own = ownArguments(name, args);
        checkCallOptions(options);
      } catch (error) {
        return failed(error, reportToConsole, unsent(name));
      }
      return caller.send(name, own, options);
    },
  };
}

/** Calls the functions of an object of this process, as a wire would. */
export function localCaller(object: object): Caller {
  const run = (name: string, args: unknown[], options?: CallOptions) => {
    checkOptions(name, options);
    return Reflect.apply(methodOf(object, name), object, args);
  };
  const begin = async (...call: Parameters<typeof run>) => {
    try {
      const result = run(...call);
      const later = laterOf(result);
      return later === undefined ? result : await settled(later);
    } catch (error) {
      throw readable(error);
    }
  };
  return {
    call(name, args, wantsValues, options) {
      const called = begin(name, args, options).then((result) => {
        const list = severalOf(result) ?? [result];
        return wantsValues ? list : list[0];
      });
      return owned(called, reportToConsole, unawaited(name));
    },
    send(name, args, options) {
      const called = begin(name, args, options).then(() => {});
      return owned(called, reportToConsole, unawaited(name));
    },
  };
}
