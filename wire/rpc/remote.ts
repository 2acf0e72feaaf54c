/**
 * The typed proxies: a peer's functions as properties, over a narrow
 * {@linkcode Caller}.
 *
 * @module
 */

import {
  checkOptionKeys,
  checkWantsValues,
  ownArguments,
} from "../base/checks.ts";
import {
  isThenable,
  kindOf,
  laterOf,
  otherVersion,
  readable,
  setBrand,
  settled,
  WireError,
} from "../base/errors.ts";
import {
  failed,
  owned,
  reportToConsole,
  unawaited,
  unsent,
} from "../base/report.ts";
import { methodOf, REFERENCE } from "../codec/passing.ts";
import {
  type CallOptions,
  checkCallOptions,
  checkOptions,
  severalOf,
} from "./context.ts";
import type {
  AnyFunctions,
  Place,
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

  static readonly #brand = /* @__PURE__ */ setBrand(this, "reference");
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
    call(name, args, wantsValues = false, options) {
      let own: unknown[];
      try {
        own = ownArguments(name, args);
        checkWantsValues(wantsValues);
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

/** What the proxies ask of a wire. */
export interface Caller {
  /** Calls for an answer: one value, or the list of all. */
  call(
    name: string,
    args: unknown[],
    wantsValues: boolean,
    options?: CallOptions,
  ): Promise<unknown>;
  /** Calls one way. */
  send(name: string, args: unknown[], options?: CallOptions): Promise<void>;
}

/** Beyond this many names an untyped proxy no longer remembers functions. */
const REMEMBERED = 1_000;

type Call = (...args: unknown[]) => Promise<unknown>;

/** What the proxies are, for who looks at them. */
const SHOWN = "RemoteFunctions";
const shown = (): string => `[object ${SHOWN}]`;
const common = Object.prototype;

/**
 * What the language, and tools that show or compare values, look up and call
 * by themselves: a proxy answers it, and it never reaches a peer.
 */
const OWN: ReadonlyMap<string | symbol, unknown> = new Map<
  string | symbol,
  unknown
>([
  ["then", undefined],
  ["toJSON", undefined],
  ["constructor", undefined],
  ["asymmetricMatch", undefined],
  ["toString", shown],
  ["toLocaleString", shown],
  ["valueOf", common.valueOf],
  ["hasOwnProperty", common.hasOwnProperty],
  ["isPrototypeOf", common.isPrototypeOf],
  ["propertyIsEnumerable", common.propertyIsEnumerable],
  [Symbol.toStringTag, SHOWN],
  [Symbol.for("nodejs.util.inspect.custom"), shown],
]);

const { apply, bind, call } = Function.prototype;

/**
 * What else functions have: a function of a name may be a namespace as well, of
 * which these are no functions. Whoever is handed a function may call it so.
 */
const OWN_OF_FUNCTIONS: ReadonlyMap<string | symbol, unknown> = new Map<
  string | symbol,
  unknown
>([...OWN, ["apply", apply], ["bind", bind], ["call", call]]);

/**
 * Makes the three proxies. Any string is a name but those that the language
 * calls by itself: `then`, `toJSON`, `toString`, `valueOf` and what else all
 * objects have, and `asymmetricMatch`, which libraries for tests call.
 * `wire.call("toString", …)` and {@linkcode Caller.call} have them.
 *
 * What was served in a namespace has its path as its name: `users.get(1)` is a
 * call of the name "users.get".
 *
 * @param caller Carries the calls out.
 * @param options The signal, the deadline and the metadata of every call.
 * @param isObject Whether the functions are those of an object, which may be a
 * function itself, rather than what a peer serves: then the proxies can be
 * called, which is a call of the name "", and there are no namespaces.
 * @returns The proxies, each made when it is first used.
 */
export function remotes<T, P extends Place = "wire">(
  caller: Caller,
  options?: CallOptions,
  isObject = false,
): Remotes<T, P> {
  return new Proxies(caller, options, isObject);
}

class Proxies<T, P extends Place> implements Remotes<T, P> {
  readonly #caller: Caller;
  readonly #options: CallOptions | undefined;
  readonly #isObject: boolean;
  #remote: RemoteSend<T, P> | undefined;
  #remoteValue: RemoteValue<T, P> | undefined;
  #remoteValues: RemoteValues<T, P> | undefined;

  constructor(
    caller: Caller,
    options: CallOptions | undefined,
    isObject: boolean,
  ) {
    this.#caller = caller;
    this.#options = options;
    this.#isObject = isObject;
  }

  get remote(): RemoteSend<T, P> {
    return this.#remote ??= this.#makeSend();
  }

  get remoteValue(): RemoteValue<T, P> {
    return this.#remoteValue ??= this.#makeCall(false) as RemoteValue<T, P>;
  }

  get remoteValues(): RemoteValues<T, P> {
    return this.#remoteValues ??= this.#makeCall(true) as RemoteValues<T, P>;
  }

  // A function that is made within a getter takes memory each time that one is
  // asked, be it made or not.

  #makeSend(): RemoteSend<T, P> {
    return this.#functions((name) => (...args) =>
      this.#caller.send(name, args, this.#options)
    ) as RemoteSend<T, P>;
  }

  #makeCall(wantsValues: boolean): unknown {
    return this.#functions((name) => (...args) =>
      this.#caller.call(name, args, wantsValues, this.#options)
    );
  }

  #functions(make: MakeCall): unknown {
    if (this.#isObject) return objectFunctions(make);
    // What was made for a call with options is seldom used for another.
    const isBrief = this.#options !== undefined;
    const holder = new Holder();
    holder[MAKER] = new Functions(make, "", isBrief);
    return holder;
  }
}

/** Makes the function of a name. */
type MakeCall = (name: string) => Call;

/** Where the functions of a wire, of a namespace or an object come from. */
class Functions {
  protected readonly make: MakeCall;
  readonly #prefix: string;
  readonly #isBrief: boolean;
  /** How many names were looked up; fewer where the first is not remembered. */
  #count: number;

  /**
   * @param make Makes each.
   * @param prefix What their names begin with.
   * @param isBrief Whether the first one is likely to be the only one.
   */
  constructor(make: MakeCall, prefix: string, isBrief: boolean) {
    this.make = make;
    this.#prefix = prefix;
    this.#isBrief = isBrief;
    this.#count = isBrief ? -1 : 0;
  }

  /** What a name is for whoever has the object, looked up for the first time. */
  find(name: string, holder: object): unknown {
    const found = this.found(this.#prefix + name);
    const count = this.#count++;
    if (count >= 0 && count < REMEMBERED) {
      Object.defineProperty(holder, name, { value: found });
    }
    return found;
  }

  /** A function that is a namespace as well. */
  protected found(name: string): unknown {
    const inner = new Functions(this.make, `${name}.`, this.#isBrief);
    return withFunctions(this.make(name), inner, behindFunctions);
  }
}

/** The functions of an object, each of which is nothing else. */
class ObjectFunctions extends Functions {
  protected override found(name: string): unknown {
    return this.make(name);
  }
}

/** Where an object with a function for every name has what makes them. */
const MAKER = Symbol("functions");

/** Tools go down the prototypes until they find one that has this. */
const GROUND = { toString: { value: shown } };

/**
 * Stands behind all objects with a function for every name, as their prototype:
 * a name is looked up here once, and is a plain property after. A proxy for
 * each of them would take most of the memory, and of the time to make one.
 */
const behind: object = new Proxy(
  Object.create(null, GROUND),
  handlerWith(OWN),
);

/** An object with a function for every name. */
class Holder {
  /** Cheap to make, as it would not be behind another property. */
  [MAKER]: Functions | undefined = undefined;

  static {
    Reflect.deleteProperty(this.prototype, "constructor");
    Object.setPrototypeOf(this.prototype, behind);
  }
}

/** The same behind functions that are namespaces as well. */
const behindFunctions: object = new Proxy(
  Object.create(Function.prototype, GROUND),
  handlerWith(OWN_OF_FUNCTIONS),
);

function handlerWith(
  own: ReadonlyMap<string | symbol, unknown>,
): ProxyHandler<object> {
  return {
    get(_ground, name, holder) {
      if (typeof name === "symbol" || own.has(name)) return own.get(name);
      const maker: Functions | undefined = holder?.[MAKER];
      return maker?.find(name, holder);
    },
    set: () => false,
  };
}

/** The functions of an object, which may be one itself. */
function objectFunctions(make: MakeCall): object {
  return withFunctions(make(""), new ObjectFunctions(make, "", false), behind);
}

/**
 * Gives a function one for every name; it has nothing else of its own, so that
 * every name is found behind it.
 */
function withFunctions(call: Call, maker: Functions, behind: object): object {
  // To assign costs far less than to define, and each with() pays for it.
  (call as Call & { [MAKER]?: Functions })[MAKER] = maker;
  Object.setPrototypeOf(call, behind);
  Reflect.deleteProperty(call, "name");
  Reflect.deleteProperty(call, "length");
  return call;
}
